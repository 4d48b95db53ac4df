"""What a loss says of the target of an estimator: which argument `y` is, and how classes are written in it.

Decided from the signature alone:

* the target is the one argument of data that has the axis of the examples and no default;
* classes are labels where it is `in c`, and one prediction has the axis c after that of the examples;
* they are indicators, one column a class, where it has the axes of a prediction with a second, named axis;
* there are two classes where it has the axes of the one prediction and is in {0, 1}, [0, 1] or {-1, 1}; more than two
  are fitted one against the rest where these axes are `..`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.fitting import MoreData, NotAClassifier, NoTarget
from lossdsl.fitting.rows import GROUP, example_axis, has_examples, predictions
from lossdsl.meaning import core


def target_of(program: core.Program) -> core.Arg:
    """The argument that `y` is for.  Raises LossError (E0801, E0805, E0806)."""
    axis = example_axis(program)
    needed = [a for a in program.args if a.role == "data" and a.default is None and has_examples(a, axis)]
    if not needed:
        hint = f"loss.scipy_objective(X).minimize() fits {program.name} without a target"
        raise LossError(NoTarget(program.span, f"{program.name} has no data with the axis {axis}", hint))
    if len(needed) > 1:
        given = ", ".join(arg.name for arg in needed)
        message = f"beside {needed[0].name}, {program.name} needs {', '.join(arg.name for arg in needed[1:])}"
        raise LossError(MoreData(needed[1].span, message, f"loss.scipy_objective(X, {given}).minimize()"))
    return needed[0]


@dataclass(frozen=True)
class Classes:
    """How a loss for classes wants them: `scores` is the prediction that tells them apart.

    kind: "label" (positions), "indicator" (one column a class), "binary" (one number).  `low` is what stands for no: 0
    or -1.  `several` is whether there may be more than two classes.
    """

    kind: Literal["label", "indicator", "binary"]
    target: core.Arg
    scores: core.Arg
    low: float
    several: bool

    def sizes(self, count: int) -> dict[str, int]:
        """The size of the axis of classes, by its name."""
        if self.kind == "binary":
            return {}
        return {self.scores.axes[-1].name: count}

    def encoded(self, position: Any, count: int) -> Any:
        """The target for positions of classes, shape (rows,): as the loss takes it."""
        if self.kind == "label":
            return position
        columns = (position[:, None] == np.arange(count)).astype(float)
        chosen = columns[:, 1] if self.kind == "binary" and count == 2 else columns
        return np.where(chosen == 1, 1.0, self.low)


def classes_of(program: core.Program) -> Classes:
    """How a loss wants classes.  Raises LossError (E0801, E0805, E0806, E0807)."""
    target = target_of(program)
    axis = example_axis(program)
    for scores in predictions(program):
        named = len(scores.axes) == 2 and scores.axes[1].op == "size"
        if named and any(each.kind == "axis" and each.axis == scores.axes[1].name for each in target.domain):
            return Classes("label", target, scores, 0.0, True)
        low = _low(target)
        if low is None or target.axes != scores.axes:
            continue
        if named:
            return Classes("indicator", target, scores, low, True)
        if len(scores.axes) == 1:
            return Classes("binary", target, scores, low, axis == GROUP)
    hint = f"LossRegressor predicts numbers; loss.scipy_objective fits {program.name} and leaves the rest to you"
    domain = f" {target.domain_text}" if target.domain_text else ""
    message = f"{target.name}{domain} with {predictions(program)[0].name} does not say which class is predicted"
    raise LossError(NotAClassifier(target.span, message, hint))


def _low(target: core.Arg) -> float | None:
    """What stands for no, where the target is yes or no, or a degree of it."""
    match target.domain:
        case (core.Alternative(kind="set", values=values),) if set(values) in ({0, 1}, {-1, 1}):
            return float(min(values))
        case (core.Alternative(kind="interval", low=Fraction(numerator=0), high=Fraction(numerator=1, denominator=1)),):
            return 0.0
    return None


def positive(arg: core.Arg) -> bool:
    """Whether a domain has no negative numbers."""
    return bool(arg.domain) and all(each.kind == "interval" and _not_negative(each.low) for each in arg.domain)


def _not_negative(low: Fraction | str) -> bool:
    return isinstance(low, Fraction) and low >= 0


def exported(program: core.Program) -> Iterable[core.Let]:
    """The `predict` bindings."""
    return (let for let in program.lets if let.role == "predict")
