"""A loss for data: what the target is to it, and what its predictions say of a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from lossdsl.comparison.contenders import Contender
from lossdsl.comparison.datasets import Dataset
from lossdsl.comparison.probabilities import Told, told_by
from lossdsl.fitting.inputs import Inputs, bind
from lossdsl.fitting.links import Link, link_of
from lossdsl.fitting.probabilities import Probabilities, probabilities_of
from lossdsl.fitting.rows import predictions
from lossdsl.fitting.targets import Classes, exported
from lossdsl.fitting.variant import Variant, compiled
from lossdsl.meaning import core

Array = np.ndarray[Any, Any]
Scaling = Literal["standard", "ratio", "none"]


@dataclass(frozen=True)
class Scale:
    """What the loss sees of a target that is a number: (y - centre)/spread."""

    centre: float = 0.0
    spread: float = 1.0
    low: float = -np.inf
    high: float = np.inf
    """Disturbed targets are put back between these: the range of clean ones, where the target has a domain."""

    def seen(self, y: Array) -> Array:
        return (np.clip(y, self.low, self.high) - self.centre) / self.spread

    def told(self, prediction: Array) -> Array:
        return self.centre + self.spread * prediction


@dataclass(frozen=True)
class Outputs:
    """What a model says of rows: numbers or positions of classes, shape (rows,), and probabilities, if the loss tells
    any, shape (rows, classes)."""

    predicted: Array
    probabilities: Array | None = None


@dataclass(frozen=True)
class Subject:
    """A loss for these data: `classes` says how it wants classes, None for numbers."""

    contender: Contender
    data: Dataset
    target: core.Arg
    classes: Classes | None

    @property
    def label(self) -> str:
        return self.contender.label

    @property
    def program(self) -> core.Program:
        return self.contender.loss.program

    @property
    def predictions(self) -> tuple[core.Arg, ...]:
        return predictions(self.program)

    @cached_property
    def links(self) -> dict[str, Link]:
        return {arg.name: link_of(arg) for arg in self.predictions}

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The size of the axis of classes."""
        return {} if self.classes is None else self.classes.sizes(len(self.data.classes))

    @property
    def against_the_rest(self) -> bool:
        """Whether there is one score for each class, of a loss for two."""
        return self.classes is not None and self.classes.kind == "binary" and len(self.data.classes) > 2

    def scale(self, clean: Array) -> Scale:
        """The scale that the clean targets for training give; for classes none."""
        if self.classes is not None or not self.target.domain:
            return Scale() if self.classes is not None else Scale(float(clean.mean()), float(clean.std()) or 1.0)
        low, high = float(clean.min()), float(clean.max())
        if scaling(self.target) == "ratio":
            return Scale(0.0, float(clean.mean()) or 1.0, low)
        return Scale(0.0, 1.0, low, high)

    def seen(self, y: Array, scale: Scale) -> Array:
        """The target as the loss takes it."""
        return scale.seen(y) if self.classes is None else np.asarray(self.classes.encoded(y, len(self.data.classes)))

    def inputs(self, y: Array) -> Inputs:
        """Everything that the loss takes beside predictions, for targets that `seen` gave."""
        named = {self.target.name: y, **self.contender.settings}
        return bind(self.program, len(y), (), named, self.sizes)

    def read(self, linear: Mapping[str, Array], learned: Mapping[str, Any], scale: Scale) -> Outputs:
        """What raw predictions, before their links, say of their rows."""
        hyper = {**self.hyper, **learned}
        predicted = {name: link.forward(linear[name], hyper) for name, link in self.links.items()}
        told = {**predicted, **self._report({**predicted, **hyper})}
        if self.classes is None:
            return Outputs(scale.told(np.asarray(told[self.output], dtype=float)))
        scores = linear[self.classes.scores.name]
        if self.told is None:
            return Outputs((scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1))
        p = np.asarray(told[self.told.output] if self.told.output else self.told.of(scores), dtype=float)
        p = np.stack([1 - p, p], axis=1) if p.ndim == 1 else p / p.sum(axis=1, keepdims=True)
        return Outputs(p.argmax(axis=1), p)

    @cached_property
    def output(self) -> str:
        """What is compared with a target that is a number."""
        return next((let.name for let in exported(self.program)), self.predictions[0].name)

    @cached_property
    def probabilities(self) -> Probabilities | None:
        return probabilities_of(self.program, self.contender.settings, None)

    @cached_property
    def told(self) -> Told | None:
        """Where probabilities of classes come from; None where there are none."""
        return None if self.classes is None else told_by(self.program, self.classes, self.contender.settings)

    @cached_property
    def hyper(self) -> dict[str, Any]:
        scalars = [arg for arg in self.program.args if arg.role in ("hyper", "learn") and not arg.axes]
        defaults = {arg.name: float(arg.default) for arg in scalars if arg.default is not None}
        return defaults | {k: v for k, v in self.contender.settings.items() if self._role(k) in ("hyper", "learn")}

    def _role(self, name: str) -> str:
        return next(arg.role for arg in self.program.args if arg.name == name)

    def _report(self, given: Mapping[str, Any]) -> dict[str, Any]:
        names = [let.name for let in exported(self.program)]
        if not names:
            return {}
        code = compiled(self.program, Variant())
        told = code.functions.predict(**code.keywords(given))
        return dict(told) if len(names) > 1 else {names[0]: told}


def scaling(target: core.Arg) -> Scaling:
    """How a target is scaled: freely, by a positive factor, or not at all, as its domain allows."""
    if not target.domain:
        return "standard"
    only = target.domain[0]
    unbounded = only.kind == "interval" and only.high == "inf" and not isinstance(only.low, str)
    return "ratio" if unbounded and len(target.domain) == 1 else "none"
