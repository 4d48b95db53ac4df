"""The loss as the reference interpreter means it, at the points of witnesses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from lossdsl.functions.lazy import mpmath
from lossdsl.meaning.core import Arg, Program
from lossdsl.meaning.interpret import EvaluationError, Interpreter

Point = Mapping[str, Any]
"""Arguments by name: nested tuples of fractions."""
DIGITS = 60
SIZE = 2
"""Of an axis that only hyperparameters have."""


@dataclass(frozen=True)
class Judge:
    """The loss at given hyperparameters, as the interpreter means it."""

    program: Program
    settings: Mapping[str, Any] = field(default_factory=dict)

    def value(self, point: Point) -> Any:
        """The loss; nan where the call is not allowed."""
        try:
            found = self._at(point).value()
        except EvaluationError:
            return mpmath().mpf("nan")
        return found if not isinstance(found, np.ndarray) else found.sum()

    def gradient(self, point: Point) -> list[Any]:
        """The derivatives by all predictions."""
        bound = self._at(point)
        return [entry for name in self.predictions for entry in bound.gradient(name).reshape(-1)]

    def curvature(self, point: Point) -> list[Any]:
        """The second derivatives by all predictions."""
        bound = self._at(point)
        return [entry for name in self.predictions for entry in bound.hessian_diagonal(name).reshape(-1)]

    @property
    def predictions(self) -> list[str]:
        return [arg.name for arg in self.program.args if arg.role == "prediction"]

    def distance(self, a: Point, b: Point) -> Any:
        """Between the predictions of two points."""
        with mpmath().workdps(DIGITS):
            pairs = [p for name in self.predictions for p in zip(flat(a[name]), flat(b[name]), strict=True)]
            return mpmath().sqrt(sum(mpf(u - v) ** 2 for u, v in pairs))

    def probability(self, point: Point) -> Any:
        """The probability that is predicted: the one `predict` binding, else the prediction itself."""
        bound = self._at(point)
        found = list(bound.predict().values())
        value = found[0] if found else bound.arguments.tensors[self.predictions[0]].entries[0]
        return value.reshape(-1)[0] if isinstance(value, np.ndarray) else value

    def probabilities(self, point: Point) -> list[Any]:
        """Of the classes of one row: the one `predict` binding, else the softmax of the only prediction."""
        bound = self._at(point)
        found = list(bound.predict().values())
        if found:
            return list(np.asarray(found[0], dtype=object).reshape(-1))
        logits = [mpf(v) for v in flat(point[self.predictions[0]])]
        weights = [mpmath().exp(v - max(logits)) for v in logits]
        return [w / sum(weights) for w in weights]

    def _at(self, point: Point) -> Interpreter:
        given = {name: np.array(_listed(value), dtype=object) for name, value in point.items()}
        inputs = {**self.settings, **given}
        return Interpreter(self.program, DIGITS).bind(inputs, self._sizes(inputs))

    def _sizes(self, inputs: Mapping[str, Any]) -> dict[str, int]:
        """Of axes that only arrays have which take their defaults."""
        axes = {name: {axis.name for axis in arg.axes if axis.op == "size"} for name, arg in self._args.items()}
        known = set().union(*(names for name, names in axes.items() if name in inputs))
        return {axis: SIZE for names in axes.values() for axis in names - known}

    @property
    def _args(self) -> dict[str, Arg]:
        return {arg.name: arg for arg in self.program.args}


def mpf(number: Any) -> Any:
    fraction = Fraction(number)
    return mpmath().mpf(fraction.numerator) / fraction.denominator


def flat(value: Any) -> list[Any]:
    return [v for part in value for v in flat(part)] if isinstance(value, tuple) else [value]


def _listed(value: Any) -> Any:
    return [_listed(part) for part in value] if isinstance(value, tuple) else value
