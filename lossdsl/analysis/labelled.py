"""Losses of a row of scores, one a class, and a label: the points of such a row with each label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lossdsl.analysis.judge import Point
from lossdsl.analysis.numbers import Undecided
from lossdsl.analysis.unrolled import is_label
from lossdsl.analysis.view import View
from lossdsl.meaning.core import Arg

CLASSES = 3
"""How many classes witnesses have, and proofs for which the number matters."""


@dataclass(frozen=True)
class Labelled:
    """The scores and the label of a loss that needs nothing else."""

    scores: Arg
    label: Arg

    def point(self, row: Sequence[Fraction], label: int) -> Point:
        """One row of scores, with a label."""
        return {
            self.scores.name: _wrapped(tuple(row), len(self.scores.axes) - 1),
            self.label.name: _wrapped(Fraction(label), len(self.label.axes)),
        }

    def points(self, row: Sequence[Fraction]) -> list[Point]:
        """The same with each label."""
        return [self.point(row, k) for k in range(len(row))]


def labelled(view: View) -> Labelled:
    """The scores and the label; Undecided for other losses."""
    labels = [arg for arg in view.data if is_label(arg)]
    if len(view.predictions) != 1 or view.predictions[0].domain or len(labels) != 1 or len(view.data) != 1:
        raise Undecided("one row of scores and one label")
    scores, label = view.predictions[0], labels[0]
    axis = next(part.axis for part in label.domain if part.kind == "axis")
    if not scores.axes or scores.axes[-1].name != axis or label.axes != scores.axes[:-1]:
        raise Undecided("scores of the classes of a label")
    return Labelled(scores, label)


def _wrapped(value: Any, axes: int) -> Any:
    return value if axes == 0 else (_wrapped(value, axes - 1),)
