"""Functions of one variable in pieces: between breakpoints analytic, at breakpoints a value of their own.

Made bottom up from the nodes of a formula.  A piece is split wherever an operation stops being analytic: at the kink of
an absolute value, where a condition changes, at a pole, at the start of a root or a logarithm.  What no exact
breakpoint is found for is an `Undecided`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from lossdsl.analysis.limits import regular
from lossdsl.analysis.normal import is_zero
from lossdsl.analysis.numbers import Clock, Undecided, before, same, sign_of, x
from lossdsl.analysis.operations import FORBIDDEN, at_point, in_cell, marker
from lossdsl.analysis.signs import signs
from lossdsl.functions.lazy import sympy
from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import Node, reachable

MOST_PIECES = 24
"""A function with more is not worked on."""


@dataclass(frozen=True)
class Pieces:
    """A function on low < x < high: `pieces[k]` between `points[k - 1]` and `points[k]`, `values[k]` at `points[k]`."""

    low: Any
    high: Any
    points: tuple[Any, ...]
    values: tuple[Any, ...]
    pieces: tuple[Any, ...]

    def cells(self) -> list[tuple[Any, Any, Any]]:
        """(low, high, expression) of each piece."""
        marks = [self.low, *self.points, self.high]
        return list(zip(marks, marks[1:], self.pieces, strict=False))

    def __call__(self, at: Any) -> Any:
        """The value at an exact number inside the domain."""
        for k, point in enumerate(self.points):
            if same(at, point):
                return self.values[k]
        place = sum(before(point, at) for point in self.points)
        return self.pieces[place].subs(x(), at)


class Builder:
    """Pieces of the nodes of one graph, on one domain."""

    def __init__(self, low: Any, high: Any, leaves: Mapping[int, Any], clock: Clock) -> None:
        """`leaves` gives the expressions of nodes that are known: the variable, numbers."""
        self.low, self.high, self.clock = low, high, clock
        self.known: dict[int, Pieces] = {key: Pieces(low, high, (), (), (value,)) for key, value in leaves.items()}

    def of(self, root: Node) -> Pieces:
        """The function that a node is."""
        for node in reachable([root], stop=lambda n: n.id in self.known):
            if node.id not in self.known:
                self.clock.check()
                self.known[node.id] = self._node(node)
        found = merged(self.known[root.id])
        if any(e is sympy().nan for e in (*found.pieces, *found.values)):
            raise Undecided("a formula that is not defined everywhere")
        return found

    def _node(self, node: Node) -> Pieces:
        if node.is_const:
            return Pieces(self.low, self.high, (), (), (_constant(node.value),))
        if node.op in FORBIDDEN or node.op not in TABLE:
            raise Undecided(f"pieces of {node.op}")
        return self.apply(node.op, [self.known[a.id] for a in node.args])

    def apply(self, op: str, args: Sequence[Pieces]) -> Pieces:
        """A function of functions, cell by cell."""
        points = _sorted_points(args)
        marks = [self.low, *points, self.high]
        new_points, values, pieces = [], [], []
        for k, (low, high) in enumerate(pairwise(marks)):
            inside = [_piece_in(arg, low, high) for arg in args]
            for start, expression in self._cell(op, inside, low, high):
                if start is not low:
                    new_points.append(start)
                    values.append(at_point(op, [i.subs(x(), start) for i in inside]))
                pieces.append(expression)
            if k < len(points):
                new_points.append(points[k])
                values.append(at_point(op, [arg(points[k]) for arg in args]))
        if len(pieces) > MOST_PIECES:
            raise Undecided(f"more than {MOST_PIECES} pieces")
        return Pieces(self.low, self.high, tuple(new_points), tuple(values), tuple(pieces))

    def _cell(self, op: str, args: Sequence[Any], low: Any, high: Any) -> list[tuple[Any, Any]]:
        """(start, expression) of the pieces within one cell."""
        if op != "where" and sympy().nan in args:
            return [(low, sympy().nan)]
        found_marker = marker(op, args)
        if found_marker is None:
            return [(low, self._analytic(op, args, 0, low, high))]
        found = []
        for start, end, sign in self._split(found_marker, low, high):
            found.append((start, self._analytic(op, args, sign, start, end)))
        return found

    def _analytic(self, op: str, args: Sequence[Any], sign: int, low: Any, high: Any) -> Any:
        return in_cell(op, args, sign, lambda e: self._split(e, low, high))

    def _split(self, expression: Any, low: Any, high: Any) -> list[tuple[Any, Any, int]]:
        """(start, end, sign) of an expression; roots must be exact."""
        if not expression.has(x()):
            return [(low, high, sign_of(expression))]
        found = signs(expression, low, high, self.clock)
        if any(root.value is None for root in found.roots):
            raise Undecided(f"the exact root of {expression}")
        marks = [low, *(root.value for root in found.roots), high]
        return list(zip(marks, marks[1:], found.between, strict=False))


# ---------------------------------------------------------------- points


def _sorted_points(args: Sequence[Pieces]) -> list[Any]:
    """The breakpoints of all arguments, each once, in order."""
    found: list[Any] = []
    for point in (p for arg in args for p in arg.points):
        place = len(found)
        for k, other in enumerate(found):
            if same(point, other):
                place = -1
                break
            if before(point, other):
                place = k
                break
        if place >= 0:
            found.insert(place, point)
    return found


def _piece_in(arg: Pieces, low: Any, high: Any) -> Any:
    """The expression of a function in a cell that none of its breakpoints divides."""
    for a, b, expression in arg.cells():
        if not before(low, a) and not before(b, high):
            return expression
    raise AssertionError("a cell lies in one piece")


def _constant(value: Any) -> Any:
    sp = sympy()
    if isinstance(value, bool):
        return sp.true if value else sp.false
    if isinstance(value, Fraction):
        return sp.Rational(value.numerator, value.denominator)
    return {"inf": sp.oo, "-inf": -sp.oo, "pi": sp.pi}[str(value)]


def merged(function: Pieces) -> Pieces:
    """Without the breakpoints at which the same analytic expression goes on."""
    points, values, pieces = [], [], [function.pieces[0]]
    for point, value, expression in zip(function.points, function.values, function.pieces[1:], strict=True):
        last = pieces[-1]
        if (last == expression or is_zero(last - expression)) and _goes_on(last, point, value):
            continue
        points.append(point)
        values.append(value)
        pieces.append(expression)
    return Pieces(function.low, function.high, tuple(points), tuple(values), tuple(pieces))


def _goes_on(expression: Any, point: Any, value: Any) -> bool:
    if not value.is_finite or not regular(expression, point):
        return False
    return same(expression.subs(x(), point), value)


def mirrored(a: Pieces, b: Pieces) -> bool:
    """Whether b(x) is a(-x), by normal forms; False where these do not show it."""
    if len(a.points) != len(b.points) or not (same(-a.low, b.high) and same(-a.high, b.low)):
        return False
    points = all(same(-p, q) for p, q in zip(a.points, b.points[::-1], strict=True))
    values = all(u == v or same(u, v) for u, v in zip(a.values, b.values[::-1], strict=True))
    pairs = zip(a.pieces, b.pieces[::-1], strict=True)
    return points and values and all(is_zero(e.subs(x(), -x()) - f) for e, f in pairs)
