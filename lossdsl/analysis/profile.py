"""What is proved of one function of one number: its kinks, the signs of its derivatives, the bounds of these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lossdsl.analysis.enclosure import enclose, ends, hull, precision
from lossdsl.analysis.limits import limit
from lossdsl.analysis.normal import tidy
from lossdsl.analysis.numbers import Clock, Root, Undecided, before, between, rational, same, to_float, x
from lossdsl.analysis.piecewise import Pieces
from lossdsl.analysis.roots import Signs
from lossdsl.analysis.signs import signs
from lossdsl.functions.lazy import mpmath, sympy


@dataclass(frozen=True)
class Extreme:
    """A bound of a function, where it is taken or only approached, and whether the value is exact or a bound of it."""

    value: Any
    near: Any
    taken: bool
    exact: bool = True

    def __float__(self) -> float:
        return to_float(self.value)


@dataclass(frozen=True)
class Joint:
    """A breakpoint: the one-sided limits of the function and of its first two derivatives, and the value there."""

    at: Any
    value: Any
    left: tuple[Any, Any, Any]
    right: tuple[Any, Any, Any]

    @property
    def continuous(self) -> bool:
        return bool(self.value.is_finite) and same(self.left[0], self.value) and same(self.right[0], self.value)

    def smooth(self, order: int) -> bool:
        """Whether the derivative of this order exists there, given that the lower ones do."""
        left, right = self.left[order], self.right[order]
        return bool(left.is_finite and right.is_finite) and same(left, right)


class Profile:
    """A function in pieces, and what follows from it; each question may raise Undecided."""

    def __init__(self, function: Pieces, clock: Clock) -> None:
        self.function, self.clock = function, clock

    # ------------------------------------------------------------ derivatives

    def derivative(self, order: int) -> list[tuple[Any, Any, Any]]:
        """(low, high, expression) of the derivative in each piece."""
        return [(a, b, sympy().diff(e, x(), order) if order else e) for a, b, e in self.function.cells()]

    def signs(self, order: int) -> list[tuple[Any, Any, Signs]]:
        """The signs of the derivative in each piece."""
        if order not in self._kept:
            try:
                self._kept[order] = [(a, b, signs(e, a, b, self.clock)) for a, b, e in self.derivative(order)]
            except Undecided as failure:
                self._kept[order] = failure
        found = self._kept[order]
        if isinstance(found, Undecided):
            raise found
        return found

    @cached_property
    def _kept(self) -> dict[int, list[tuple[Any, Any, Signs]] | Undecided]:
        """What was found, or not, of each derivative."""
        return {}

    @cached_property
    def joints(self) -> list[Joint]:
        """The breakpoints, and what the function does at them."""
        f = self.function
        found = []
        for k, (at, value) in enumerate(zip(f.points, f.values, strict=True)):
            sides = [self._limits(f.pieces[k + side], at, "-+"[side]) for side in (0, 1)]
            found.append(Joint(at, value, sides[0], sides[1]))
        return found

    def _limits(self, expression: Any, at: Any, side: str) -> tuple[Any, Any, Any]:
        first = sympy().diff(expression, x())
        return limit(expression, at, side), limit(first, at, side), limit(sympy().diff(first, x()), at, side)

    # ------------------------------------------------------------ shape

    @property
    def jump(self) -> Joint | None:
        """A breakpoint where it is not continuous."""
        return next((j for j in self.joints if not j.continuous), None)

    @property
    def kink(self) -> Joint | None:
        """A breakpoint where it is continuous and has no derivative."""
        return next((j for j in self.joints if j.continuous and not j.smooth(1)), None)

    @property
    def bend(self) -> Joint | None:
        """A breakpoint where it has a derivative and no second one."""
        return next((j for j in self.joints if j.continuous and j.smooth(1) and not j.smooth(2)), None)

    @cached_property
    def convex(self) -> bool:
        """Second derivatives at least 0, and slopes that only grow at the breakpoints."""
        if self.jump is not None:
            return False
        if any(before(j.right[1], j.left[1]) for j in self.joints):
            return False
        return all(found.nonnegative for _, _, found in self.signs(2))

    @cached_property
    def affine_piece(self) -> tuple[Any, Any] | None:
        """A piece on which the second derivative is 0."""
        return next(((a, b) for a, b, bends in self.signs(2) if bends.identically_zero), None)

    @cached_property
    def steps(self) -> list[tuple[Any, int]]:
        """Where the function turns, in order: (start of a stretch, whether it falls, is level or rises there)."""
        found: list[tuple[Any, int]] = []

        def go_on(start: Any, sign: int) -> None:
            if not found or found[-1][1] != sign:
                found.append((start, sign))

        for k, (a, _, slopes) in enumerate(self.signs(1)):
            if k:
                joint = self.joints[k - 1]
                if not joint.continuous:
                    for left, right in ((joint.left[0], joint.value), (joint.value, joint.right[0])):
                        if not same(left, right):
                            go_on(joint.at, 1 if before(left, right) else -1)
            for start, sign in zip([a, *slopes.roots], slopes.between, strict=True):
                go_on(start, sign)
        return found

    @property
    def summit(self) -> Any | None:
        """Where a function that has risen begins to fall; None if it never does: it is quasi-convex."""
        risen = False
        for start, sign in self.steps:
            if sign < 0 and risen:
                return start
            risen = risen or sign > 0
        return None

    def end(self, order: int, right: bool) -> Any:
        """The limit of a derivative at an end of the domain."""
        low, high, expression = self.derivative(order)[-1 if right else 0]
        return limit(expression, high if right else low, "-" if right else "+")

    # ------------------------------------------------------------ bounds

    def extremes(self, order: int) -> tuple[Extreme, Extreme]:
        """The infimum and the supremum of a derivative (0: the function itself), over the pieces."""
        least, most = (list(self._candidates(order, below)) for below in (True, False))
        low, high = least[0], most[0]
        for candidate in least[1:]:
            low = _better(candidate, low, below=True)
        for candidate in most[1:]:
            high = _better(candidate, high, below=False)
        return low, high

    def _candidates(self, order: int, below: bool) -> Iterator[Extreme]:
        """What an extreme can be; numbers that are only enclosed are moved to the safe side."""
        f = self.function
        if order == 0:
            yield from (Extreme(value, at, True) for at, value in zip(f.points, f.values, strict=True))
        critical = self.signs(order + 1)
        for (a, b, expression), (_, _, slopes) in zip(self.derivative(order), critical, strict=True):
            if slopes.identically_zero:
                yield Extreme(self._constant(expression, a, b), between(a, b), True)
                continue
            yield Extreme(limit(expression, a, "+"), a, False)
            yield Extreme(limit(expression, b, "-"), b, False)
            for root in slopes.roots:
                yield self._at_root(expression, root, below)

    def _constant(self, expression: Any, a: Any, b: Any) -> Any:
        return tidy(expression.subs(x(), between(a, b)))

    def _at_root(self, expression: Any, root: Root, below: bool) -> Extreme:
        if root.value is not None:
            return Extreme(expression.subs(x(), root.value), root.value, True)
        return Extreme(bound_near(expression, root, below), root.middle, True, exact=False)


def bound_near(expression: Any, root: Root, below: bool) -> Any:
    """A fraction that the expression does not go below (or above) at a root that is only enclosed."""
    with precision():
        box = enclose(expression, x(), hull(enclose(root.low), enclose(root.high)))
        end = ends(box)[0 if below else 1]
    if not mpmath().isfinite(end):
        raise Undecided("a bound at a root")
    return rational(end)


def _better(candidate: Extreme, best: Extreme, below: bool) -> Extreme:
    """The further out of two; of equal ones the one that is taken."""
    if same(candidate.value, best.value):
        return candidate if candidate.taken and not best.taken else best
    ahead = before(candidate.value, best.value) if below else before(best.value, candidate.value)
    return candidate if ahead else best


def magnitude(extremes: tuple[Extreme, Extreme]) -> Extreme:
    """The supremum of the absolute value, from the infimum and the supremum."""
    low, high = extremes
    flipped = Extreme(-low.value, low.near, low.taken, low.exact)
    return _better(flipped, high, below=False)


NOTHING = 1e-25
"""Fractions that are smaller come from enclosures of 0."""


def exact_text(value: Any) -> str:
    """A constant for readers: as it is if that is short, and its decimals."""
    sp = sympy()
    if value.is_Integer or value in (sp.oo, -sp.oo):
        return str(value).replace("oo", "infinity")
    short = value if value.is_Rational else sp.simplify(value) if sp.count_ops(value) < 30 else value
    decimal = f"{to_float(value):.6g}"
    if value.is_Rational and abs(value) < NOTHING:
        return "0 to 25 digits"
    text = str(short)
    if len(text) > 24 or (short.is_Rational and sp.Rational(decimal) == short):
        return decimal
    return f"{text} = {decimal}"
