"""The shape of losses of several numbers at once: by composition rules, or by witnesses among drawn points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property

from lossdsl.analysis.composition import shape_of
from lossdsl.analysis.constants import Constants, constants
from lossdsl.analysis.constants import answer as bounded
from lossdsl.analysis.facts import Answer, No, Unknown, Yes
from lossdsl.analysis.judge import Judge, Point
from lossdsl.analysis.lines import Lines
from lossdsl.analysis.numbers import Clock, Undecided
from lossdsl.analysis.points import NEAR
from lossdsl.analysis.smoothness import analytic
from lossdsl.analysis.structure import draws, moved
from lossdsl.analysis.view import View
from lossdsl.analysis.witness import Witness, confirmed

PAIRS = 60
"""Pairs of drawn points between which a witness is looked for."""
RULES = "composition rules"
LINES = "straight lines"


class Vectors:
    """Answers about a loss as a function of all its predictions."""

    def __init__(self, view: View, judge: Judge, clock: Clock) -> None:
        self.view, self.judge, self.clock = view, judge, clock

    def composed(self) -> Yes | None:
        """Convex by the rules, in all predictions together; None where they do not say so."""
        try:
            found, used = shape_of(self.view, self.clock)
        except Undecided:
            return None
        if not found.convex:
            return None
        what = "; ".join(used) if used else "sums of affine terms"
        together = " in all predictions together" if self.view.elementwise is None else ""
        return Yes(f"by composition{together}: {what}")

    def answers(self, names: Sequence[str], convex: Answer | None) -> Iterator[tuple[str, Answer]]:
        """What can be said of these facts of shape."""
        smooth: Yes | Unknown | None = None
        for name in names:
            match name:
                case "continuous" | "differentiable" | "twice differentiable":
                    smooth = smooth or analytic(self.view)
                    yield name, smooth if isinstance(smooth, Yes) else self._rough(name, smooth)
                case "convex":
                    convex = self._by_chords("above chord")
                    yield name, convex
                case "strictly convex" | "strongly convex":
                    yield name, self._stricter(convex)
                case "quasi-convex":
                    yield name, self._by_chords("peak")
                case "Lipschitz" | "smooth":
                    yield name, self._bounded(name)

    def _rough(self, name: str, tried: Unknown) -> Answer:
        witness = self._near_ties("steep" if name == "continuous" else "gradient steep")
        if witness is not None:
            return No(witness)
        return self.lines.failure(name) or Unknown((*tried.tried, "points around ties and zeros", LINES))

    def _bounded(self, name: str) -> Answer:
        try:
            found = self._constants
            answer = bounded(name, found, self.view, self.judge, self.clock)
            tried = "bounds operation by operation: they are infinite"
        except Undecided as failure:
            answer, tried = None, f"bounds operation by operation: no proof of {failure}"
        return answer or self.lines.failure(name) or Unknown((tried, LINES))

    @cached_property
    def _constants(self) -> Constants:
        return constants(self.view, self.clock)

    @cached_property
    def lines(self) -> Lines:
        """The loss along straight lines."""
        return Lines(self.view, self.judge, self.clock)

    def _by_chords(self, claim: str) -> Answer:
        witness = self._chords(claim)
        return No(witness) if witness is not None else Unknown((RULES, f"chords between {PAIRS} pairs of drawn points"))

    def _stricter(self, convex: Answer | None) -> Answer:
        witness = self._chords("on chord")
        if witness is not None:
            return No(witness, "it is affine along a line" if isinstance(convex, Yes) else "")
        return Unknown(("lines between drawn points, and along equal changes of all predictions",))

    # ------------------------------------------------------------ points

    @property
    def _names(self) -> frozenset[str]:
        return frozenset(a.name for a in self.view.predictions)

    def _chords(self, claim: str) -> Witness | None:
        """A claim about the ends and the middle of lines: of equal changes, then between drawn points."""
        for a, b in self._pairs():
            try:
                self.clock.check()
            except Undecided:
                return None
            middle = {n: _middle(a[n], b[n]) if n in self._names else a[n] for n in a}
            witness = confirmed(self.judge, claim, a, middle, b)
            if witness is not None:
                return witness
        return None

    def _pairs(self) -> Iterator[tuple[Point, Point]]:
        found = draws(self.view)
        if found is None:
            return
        points = list(found.points(2 * PAIRS))
        free = all(not a.domain for a in self.view.predictions)
        for point in points[:4] if free else ():
            yield point, moved(point, self._names, lambda v: v + 2)
        for k in range(0, len(points) - 1, 2):
            a, b = points[k], points[k + 1]
            far = moved(b, self._names, lambda v: 4 * v) if free and k % 4 else b
            yield a, {n: far[n] if n in self._names else a[n] for n in a}

    def _near_ties(self, claim: str) -> Witness | None:
        """Two points close to one where predictions are equal to each other, to the data, or 0."""
        found = draws(self.view)
        if found is None or any(a.domain for a in self.view.predictions):
            return None
        for point in found.points(4):
            for tie in self._ties(point):
                sides = [self._nudged(tie, step) for step in (-NEAR, NEAR)]
                witness = confirmed(self.judge, claim, *sides)
                if witness is not None:
                    return witness
        return None

    def _ties(self, point: Point) -> Iterator[Point]:
        yield moved(point, self._names, lambda v: Fraction(0))
        yield moved(point, self._names, lambda v: Fraction(1))
        for arg in self.view.data:
            for name in self._names:
                if self.view.argument(name).axes == arg.axes:
                    yield {**point, name: point[arg.name]}

    def _nudged(self, point: Point, step: Fraction) -> Point:
        """The first number of the first prediction changed a little."""
        name = self.view.predictions[0].name
        return {**point, name: _first_changed(point[name], step)}


def _first_changed(value: object, step: Fraction) -> object:
    if isinstance(value, tuple):
        return (_first_changed(value[0], step), *value[1:])
    assert isinstance(value, Fraction)
    return value + step


def _middle(a: object, b: object) -> object:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return tuple(_middle(u, v) for u, v in zip(a, b, strict=True))
    assert isinstance(a, Fraction) and isinstance(b, Fraction)
    return (a + b) / 2
