"""Witnesses: points at which a property fails, confirmed by the reference interpreter before they are reported.

A witness names its claim; `CLAIMS` says how each claim is checked.  What is checked is the loss as the interpreter
evaluates it, at 60 digits, with its own reduction, never anything that was derived from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lossdsl.analysis.claims import CLAIMS
from lossdsl.analysis.judge import DIGITS, Judge, Point
from lossdsl.functions.lazy import mpmath
from lossdsl.meaning.interpret import EvaluationError


@dataclass(frozen=True)
class Witness:
    """Points, and the claim about them that contradicts a property; `text` is the claim with its numbers."""

    claim: str
    points: tuple[Point, ...]
    text: str

    def holds(self, judge: Judge) -> bool:
        """Check the claim again."""
        return confirmed(judge, self.claim, *self.points) is not None

    def __str__(self) -> str:
        return self.text

    def to_json(self) -> dict[str, Any]:
        """The same for programs; numbers of points are exact: a fraction that no float is stands as text, `"1/3"`."""
        points = [{name: _plain(value) for name, value in point.items()} for point in self.points]
        return {"claim": self.claim, "points": points, "text": self.text}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    near = float(value)
    return near if Fraction(near) == value else str(Fraction(value))


def confirmed(judge: Judge, claim: str, *points: Point) -> Witness | None:
    """The witness, if the interpreter agrees."""
    try:
        with mpmath().workdps(DIGITS):
            text = CLAIMS[claim](judge, *points)
    except EvaluationError:
        return None
    return None if text is None else Witness(claim, points, text)
