"""Where to look for witnesses: points near kinks, peaks and ends, tried until the interpreter agrees with one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lossdsl.analysis.judge import Judge
from lossdsl.analysis.numbers import Root, before
from lossdsl.analysis.univariate import Case
from lossdsl.analysis.witness import Witness, confirmed
from lossdsl.functions.lazy import sympy

NEAR = Fraction(1, 2**60)
"""How close to a breakpoint both sides are looked at."""
HALVES = tuple(Fraction(2) ** k for k in (-1, 0, 1, -3, 3, -6, 6, -10, 10, 14, 20))
"""Half widths of intervals around a point."""


def near(at: Any) -> Fraction:
    """A readable fraction close to an exact number."""
    if at.is_Rational:
        return Fraction(int(at.p), int(at.q))
    return Fraction(str(at.evalf(8)))


@dataclass(frozen=True)
class Search:
    """Looks for witnesses among the points of one case."""

    judge: Judge
    case: Case

    def holds(self, claim: str, *at: Fraction) -> Witness | None:
        """The witness at these predictions, if they are in the domain and the interpreter confirms it."""
        if not all(self.inside(a) for a in at):
            return None
        return confirmed(self.judge, claim, *(self.case.point(a) for a in at))

    def inside(self, at: Fraction) -> bool:
        """Whether a prediction lies inside the domain."""
        sp = sympy()
        exact = sp.Rational(at.numerator, at.denominator)
        return before(self.case.function.low, exact) and before(exact, self.case.function.high)

    def around(self, claim: str, centres: Iterable[Any]) -> Witness | None:
        """A claim about a point and two at the same distance to its left and right."""
        for centre in map(near, centres):
            for half in HALVES:
                found = self.holds(claim, centre - half, centre, centre + half)
                if found is not None:
                    return found
        return None

    def across(self, claim: str, at: Any) -> Witness | None:
        """A claim about two points close to a breakpoint, one on each side, or one of them on it."""
        root = Root.at(at)
        left, right = (Fraction(int(e.p), int(e.q)) for e in (root.low, root.high))
        pairs = [(left - NEAR, right + NEAR), (left, right + NEAR), (left - NEAR, right)]
        return next(filter(None, (self.holds(claim, *pair) for pair in pairs)), None)

    def towards(self, claim: str, end: Any, wanted: int = 1) -> Witness | None:
        """A claim about one point, or about two beside each other, further and further towards an end."""
        for a, b in self._approach(end):
            found = self.holds(claim, *(a, b)[:wanted])
            if found is not None:
                return found
        return None

    def _approach(self, end: Any) -> Iterator[tuple[Fraction, Fraction]]:
        """Pairs of points that go to an end, finite or not."""
        sp = sympy()
        f = self.case.function
        if end in (sp.oo, -sp.oo):
            side = 1 if end is sp.oo else -1
            start = max((abs(near(p)) for p in f.points), default=Fraction(0))
            for k in range(64):
                at = side * (start + Fraction(2) ** k)
                yield at, at + side
            return
        sides = [s for s, edge in ((1, f.high), (-1, f.low)) if end != edge]
        for k in range(1, 64):
            for side in sides:
                at = near(end)
                yield at + side * Fraction(1, 2**k), at + side * Fraction(1, 2 ** (k + 1))
