"""Losses of several numbers along straight lines: functions of one number, whose failures are those of the loss.

A loss that is not convex, not smooth, or not Lipschitz along one line is not so at all.  Nothing is proved by lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from itertools import islice, pairwise
from typing import Any

from lossdsl.analysis.facts import No
from lossdsl.analysis.judge import Judge, Point, flat
from lossdsl.analysis.numbers import Clock, Undecided, x
from lossdsl.analysis.piecewise import Builder, Pieces, merged
from lossdsl.analysis.points import Search
from lossdsl.analysis.profile import Profile
from lossdsl.analysis.shape import QUESTIONS, Study
from lossdsl.analysis.structure import Draws, draws
from lossdsl.analysis.univariate import Case
from lossdsl.analysis.unrolled import Unrolled, entries
from lossdsl.analysis.view import View
from lossdsl.functions.lazy import sympy
from lossdsl.ir.graph import Node, reachable

MOST_LINES = 6
MOST_NODES = 400
"""Nodes of a formula that is still looked at along lines."""
ALGEBRAIC = frozenset({
    "const", "read", "add", "sub", "mul", "neg", "div", "max", "min", "abs", "relu", "sign", "where", "pow", "norm",
    "clip", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "stop_gradient",
})  # fmt: skip
"""Operations that leave polynomials in pieces along a line: exponentials of lines take too long, and have no kinks."""


@dataclass(frozen=True)
class Line(Case):
    """The loss at start + s*way as a function of s."""

    start: Point = field(default_factory=dict)
    way: Mapping[str, Any] = field(default_factory=dict)
    """By the name of each prediction: numbers of its shape."""

    def point(self, at: Any) -> Point:
        """The arguments at a place on the line."""
        s = at if isinstance(at, Fraction) else Fraction(int(at.p), int(at.q))
        return {n: _along(v, self.way[n], s) if n in self.way else v for n, v in self.start.items()}


def _along(value: Any, way: Any, s: Fraction) -> Any:
    if isinstance(value, tuple):
        return tuple(_along(v, w, s) for v, w in zip(value, way, strict=True))
    return value + s * way


class Lines:
    """A few lines through drawn points, each worked out once."""

    def __init__(self, view: View, judge: Judge, clock: Clock) -> None:
        self.view, self.judge, self.clock = view, judge, clock
        self._made: list[Study] = []
        self._more = self._studies()

    def failure(self, name: str) -> No | None:
        """A witness along a line, if there is one."""
        for study in self._all():
            try:
                found = QUESTIONS[name](study)
            except Undecided:
                continue
            if not found.holds and found.witness is not None:
                return No(found.witness, f"along a line: {found.reason}" if found.reason else "along a line")
        return None

    def _all(self) -> Iterator[Study]:
        yield from self._made
        for study in self._more:
            self._made.append(study)
            yield study

    def _studies(self) -> Iterator[Study]:
        if any(arg.domain for arg in self.view.predictions):
            return
        inputs = draws(self.view)
        for start, way in islice(_lines(self.view, inputs), MOST_LINES) if inputs is not None else ():
            assert inputs is not None
            try:
                line = self._line(inputs, start, way)
            except Undecided:
                continue
            yield Study(line, Profile(line.function, self.clock), Search(self.judge, line))

    def _line(self, inputs: Draws, start: Point, way: Mapping[str, Any]) -> Line:
        names = frozenset(way)
        given = {n: v for n, v in start.items() if n not in names}
        root = Unrolled(self.view, inputs.sizes, given).loss()
        nodes = reachable([root])
        if len(nodes) > MOST_NODES or any(n.op not in ALGEBRAIC for n in nodes):
            raise Undecided("a formula of this kind along lines")
        sp = sympy()
        leaves = {}
        for entry in entries(self.view, root):
            at, slope = (_at(source[str(entry.value)], entry.args) for source in (start, way))
            leaves[entry.id] = _rational(at) + _rational(slope) * x()
        builder = Gathering(-sp.oo, sp.oo, leaves, self.clock)
        return Line(builder.of(root), "", (), {}, start=start, way=way)


class Gathering(Builder):
    """Pieces of formulas that are written out: `norm` of several terms too."""

    def _node(self, node: Node) -> Pieces:
        args = [self.known[a.id] for a in node.args]
        match node.op:
            case "norm" if len(args) == 1:
                return self.apply("abs", args)
            case "norm":
                return self.apply("sqrt", [self._sum([self.apply("mul", [a, a]) for a in args])])
        return super()._node(node)

    def _sum(self, terms: Sequence[Pieces]) -> Pieces:
        return merged(reduce(lambda a, b: self.apply("add", [a, b]), terms))


def _at(value: Any, positions: Sequence[Node]) -> Fraction:
    for position in positions:
        assert isinstance(position.value, Fraction)
        value = value[int(position.value)]
    assert isinstance(value, Fraction)
    return value


def _rational(value: Fraction) -> Any:
    return sympy().Rational(value.numerator, value.denominator)


def _lines(view: View, inputs: Draws | None) -> Iterator[tuple[Point, dict[str, Any]]]:
    """Through 0 and through drawn points: along entries, along all of them, and from one point to the next."""
    if inputs is None:
        return
    points = list(inputs.points(4))
    names = [arg.name for arg in view.predictions]
    for point in points[:2]:
        start = {n: _filled(v, 0) if n in names else v for n, v in point.items()}
        count = len([v for n in names for v in flat(point[n])])
        for k in range(min(count, 2)):
            yield start, _unit(point, names, k)
    for a, b in pairwise(points):
        yield a, {n: _difference(b[n], a[n]) for n in names}


def _filled(value: Any, number: int) -> Any:
    return tuple(_filled(v, number) for v in value) if isinstance(value, tuple) else Fraction(number)


def _unit(point: Point, names: Sequence[str], k: int) -> dict[str, Any]:
    """1 at the k-th entry of all predictions, else 0."""
    left = [k]

    def each(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(each, value))
        left[0] -= 1
        return Fraction(int(left[0] == -1))

    return {n: each(point[n]) for n in names}


def _difference(a: Any, b: Any) -> Any:
    if isinstance(a, tuple):
        return tuple(_difference(u, v) for u, v in zip(a, b, strict=True))
    return a - b
