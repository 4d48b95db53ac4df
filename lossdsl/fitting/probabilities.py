"""Whether a loss for classes tells probabilities, and which of its outputs they are.

The `predict` binding that has the axes of the scores tells them, if it does so wherever it is asked: on scores from
all over, it lies in [0, 1], and over classes it sums to 1 (one score: it grows with the score).  So does a prediction
that is itself a number in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossdsl.fitting.links import link_of
from lossdsl.fitting.model import LinearModel
from lossdsl.fitting.targets import Classes, classes_of, exported
from lossdsl.fitting.variant import Variant, compiled
from lossdsl.meaning import core

PROBES, CLASSES = 41, 3
ROUNDING = 1e-12
"""Of a sum of three probabilities, with room for softmax; no other output is so close to 1 everywhere."""


@dataclass(frozen=True)
class Probabilities:
    """Probabilities are the `predict` binding of this name, or the prediction of this name."""

    name: str
    bound: bool

    def of(self, model: LinearModel, X: Any) -> Any:
        """Shape (rows,) or (rows, classes)."""
        return (model.report(X) if self.bound else model.predictions(X))[self.name]


def probabilities_of(
    program: core.Program, hyperparameters: Mapping[str, Any] | None, links: Mapping[str, str] | None
) -> Probabilities | None:
    """The output that is a probability.  Raises LossError for a loss that is not for classes."""
    wanted = classes_of(program)
    link = link_of(wanted.scores, (links or {}).get(wanted.scores.name))
    if wanted.kind == "binary" and link.kind == "sigmoid" and link.low == 0 and link.high == 1:
        return Probabilities(wanted.scores.name, False)
    bindings = [let.name for let in exported(program) if len(let.vars) == len(wanted.scores.axes)]
    if not bindings or link.kind != "identity" or sum(a.role == "prediction" for a in program.args) > 1:
        return None
    told = _probed(program, wanted, hyperparameters or {})
    return next((Probabilities(name, True) for name in bindings if _plausible(told[name])), None)


def _probed(program: core.Program, wanted: Classes, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every `predict` binding on scores between -20 and 20."""
    code = compiled(program, Variant())
    scores = np.linspace(-20.0, 20.0, PROBES)
    if wanted.kind != "binary":
        scores = np.random.default_rng(0).uniform(-20.0, 20.0, (PROBES, CLASSES))
    known = {a.name: given[a.name] for a in program.args if a.role in ("hyper", "learn") and a.name in given}
    told = code.functions.predict(**code.keywords({wanted.scores.name: scores, **known}))
    names = [let.name for let in exported(program)]
    return dict(told) if len(names) > 1 else {names[0]: told}


def _plausible(p: Any) -> bool:
    inside = bool(np.all((p >= 0) & (p <= 1)))
    if p.ndim == 1:
        return inside and bool(np.all(np.diff(p) >= 0)) and bool(p[-1] > p[0])
    return inside and bool(np.all(np.abs(p.sum(axis=1) - 1) <= ROUNDING))
