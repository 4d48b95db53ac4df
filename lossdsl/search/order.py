"""What a better prediction is: the residual nearer to 0, or the margin larger; and losses as numbers over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from lossdsl.analysis.actions import behaves, moves
from lossdsl.analysis.view import view
from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.searching import NoOrder
from lossdsl.meaning import core
from lossdsl.meaning.interpret import EvaluationError, Interpreter
from lossdsl.search.template import Template

Kind = Literal["residual", "margin"]
DIGITS = 30
STEPS = tuple(
    map(Fraction, ("1/1000", "1/50", "1/10", "1/4", "1/2", "3/4", "1", "3/2", "2", "3", "5", "8", "15", "30"))
)
GRID = (*(-step for step in reversed(STEPS)), Fraction(0), *STEPS)
"""Residuals, or margins, at which every proposal is evaluated."""


@dataclass(frozen=True)
class Order:
    """The kind, and the names of the prediction and of the data that it is made of."""

    kind: Kind
    prediction: str
    data: str

    def values(self, program: core.Program, at: Sequence[Fraction], digits: int = DIGITS) -> list[Any] | None:
        """The loss of one row at residuals or margins, by the interpreter; None where it can not be computed."""
        found: list[Any] = []
        try:
            if program.free or program.reduction is not None:
                rows = Interpreter(program, digits).bind(self._rows(program, at))
                return list(rows.value("none").reshape(-1))
            for each in at:
                found.append(Interpreter(program, digits).bind(self._rows(program, [each])).value())
        except (EvaluationError, OverflowError, MemoryError):  # roots of negative numbers; towers of exponentials
            return None
        return found

    def slopes(self, program: core.Program, at: Sequence[Fraction], digits: int = DIGITS) -> list[Any] | None:
        """Its derivatives by the prediction."""
        found = []
        try:
            for each in at:
                bound = Interpreter(program, digits).bind(self._rows(program, [each]))
                found.append(bound.gradient(self.prediction).reshape(-1)[0])
        except (EvaluationError, OverflowError, MemoryError):
            return None
        return found

    def _rows(self, program: core.Program, at: Sequence[Fraction]) -> dict[str, Any]:
        """Rows in which the prediction is the residual for a target of 0, or the margin for a label of 1."""
        target = Fraction(0) if self.kind == "residual" else Fraction(1)
        given = {self.prediction: list(at), self.data: [target] * len(at)}
        axes = {arg.name: len(arg.axes) for arg in program.args}
        return {
            name: np.array(values, dtype=object).reshape((len(at),) + (1,) * (axes[name] - 1))
            for name, values in given.items()
        }


def order_of(template: Template) -> Order:
    """The order of a template, whatever stands in its holes.  LossError (E1113) where there is none.

    Looked for with formulas in the holes that are symmetric in nothing: `exp(a) + exp(2*b)`.
    """
    bodies = {
        hole.name: " + ".join(f"exp({k}*{name})" for k, name in enumerate(hole.variables, start=1))
        for hole in template.holes
    }
    found = order_in(template.loss(bodies).program)
    if found is None:
        own = template.loss({})
        message = f"the loss of a row of {template.name} is no function of a residual or of a margin"
        hint = "hole(pred - target), or hole(label*score) with label in {-1, 1}"
        raise LossError(NoOrder(own.program.span, message, hint))
    return found


def order_in(program: core.Program) -> Order | None:
    """The order of a loss: None where it is no function of one residual or margin, operation by operation."""
    looked = view(program, {})
    if looked.elementwise is None or len(looked.elementwise[1]) != 1:
        return None
    prediction, (data,) = looked.elementwise
    if prediction.domain:
        return None
    if data.name in moves(looked, "shift") and behaves(looked, "shift") == 0:
        return Order("residual", prediction.name, data.name)
    labels = {value for part in data.domain for value in part.values if part.kind == "set"}
    if labels == {-1, 1} and behaves(looked, "flip") == 1:
        return Order("margin", prediction.name, data.name)
    return None
