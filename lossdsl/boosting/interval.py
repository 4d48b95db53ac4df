"""Intervals of numbers, and what functions make of them: an interval holds every value there can be.

Ends that are open are not taken.  Only rules that are true are used: an end may be too far out, never too far in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from lossdsl.ir.graph import Node

End = Fraction | float
"""A fraction, or an infinity."""
INF = math.inf


@dataclass(frozen=True)
class Interval:
    low: End = -INF
    high: End = INF
    low_open: bool = False
    high_open: bool = False

    @property
    def positive(self) -> bool:
        return self.low > 0 or (self.low == 0 and self.low_open)

    @property
    def nonnegative(self) -> bool:
        return self.low >= 0

    @property
    def negative(self) -> bool:
        return (-self).positive

    @property
    def is_point(self) -> bool:
        return self.low == self.high

    @property
    def middle(self) -> Fraction:
        """A number inside."""
        low, high = self.low, self.high
        if isinstance(low, Fraction) and isinstance(high, Fraction):
            return (low + high) / 2
        if isinstance(low, Fraction):
            return low + 1
        return high - 1 if isinstance(high, Fraction) else Fraction(1)

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low, self.high_open, self.low_open)

    def __or__(self, other: Interval) -> Interval:
        """The smallest interval around both."""
        low = min(self.low, other.low)
        high = max(self.high, other.high)
        low_open = all(i.low_open for i in (self, other) if i.low == low)
        return Interval(low, high, low_open, all(i.high_open for i in (self, other) if i.high == high))

    def __and__(self, other: Interval) -> Interval:
        low, high = max(self.low, other.low), min(self.high, other.high)
        if low > high:
            return self
        low_open = any(i.low_open for i in (self, other) if i.low == low)
        return Interval(low, high, low_open, any(i.high_open for i in (self, other) if i.high == high))


REAL = Interval()
POSITIVE = Interval(Fraction(0), INF, True)
NONNEGATIVE = Interval(Fraction(0))


def point(value: End) -> Interval:
    """One number."""
    return Interval(value, value)


def _plus(a: End, b: End, missing: float) -> End:
    if isinstance(a, float) or isinstance(b, float):
        total = float(a) + float(b)
        return missing if math.isnan(total) else total
    return a + b


def add(a: Interval, b: Interval) -> Interval:
    """The sum."""
    low, high = _plus(a.low, b.low, -INF), _plus(a.high, b.high, INF)
    return Interval(low, high, a.low_open or b.low_open, a.high_open or b.high_open)


def _times(a: tuple[End, bool], b: tuple[End, bool]) -> tuple[End, bool]:
    """The product of two ends, and whether it is not taken; 0 wins over an infinity that is not taken."""
    (x, x_open), (y, y_open) = a, b
    if x == 0 or y == 0:
        taken = (x == 0 and not x_open) or (y == 0 and not y_open)
        return Fraction(0), not taken
    if isinstance(x, float) or isinstance(y, float):
        return (INF if (x > 0) == (y > 0) else -INF), x_open or y_open
    return x * y, x_open or y_open


def mul(a: Interval, b: Interval) -> Interval:
    """The product; 0 times an infinity that is not taken is 0."""
    ends = [
        _times(x, y)
        for x in ((a.low, a.low_open), (a.high, a.high_open))
        for y in ((b.low, b.low_open), (b.high, b.high_open))
    ]
    low, high = min(e for e, _ in ends), max(e for e, _ in ends)
    low_open, high_open = (all(o for e, o in ends if e == end) for end in (low, high))
    if low == 0 == high:
        low_open = high_open = False
    return Interval(low, high, low_open, high_open)


def _reciprocal(a: Interval) -> Interval:
    if a.positive:
        high: End = INF if a.low == 0 else _over(a.low)
        return Interval(_over(a.high), high, a.high_open or a.high == INF, a.low_open)
    if a.negative:
        return -_reciprocal(-a)
    return NONNEGATIVE if a.nonnegative else -NONNEGATIVE if (-a).nonnegative else REAL


def _over(end: End) -> End:
    return Fraction(0) if isinstance(end, float) else 1 / end


def power(node: Node, args: Sequence[Interval]) -> Interval:
    """A power, whose exponent may be a constant."""
    base, exponent = args
    constant = node.args[1].value
    if isinstance(constant, Fraction) and constant.denominator == 1:
        return whole_power(base, constant.numerator)
    if base.positive:
        result = POSITIVE
        if base.high <= 1 and exponent.nonnegative:
            result = replace(result, high=Fraction(1))
        return result
    return NONNEGATIVE if base.nonnegative else REAL


def whole_power(base: Interval, exponent: int) -> Interval:
    """A power with a whole number."""
    if exponent < 0:
        return _reciprocal(whole_power(base, -exponent))
    if exponent == 0:
        return point(Fraction(1))
    result = base
    for _ in range(min(exponent, 64) - 1):
        result = mul(result, base)
    if exponent % 2 == 0:
        return result & (POSITIVE if base.positive or base.negative else NONNEGATIVE)
    return result


def extremum(op: str, args: Sequence[Interval]) -> Interval:
    """The maximum or minimum."""
    if op == "min":
        return -extremum("max", [-a for a in args])
    low = max(a.low for a in args)
    high = max(a.high for a in args)
    low_open = all(a.low_open for a in args if a.low == low)
    return Interval(low, high, low_open, all(a.high_open for a in args if a.high == high))


def _abs(a: Interval) -> Interval:
    if a.nonnegative:
        return a
    if a.high <= 0:
        return -a
    return Interval(Fraction(0), max(a.high, -a.low))


def compared(op: str, a: Interval, b: Interval) -> bool | None:
    """Whether a comparison is true everywhere, false everywhere, or not known."""
    if op in ("gt", "ge"):
        return compared({"gt": "lt", "ge": "le"}[op], b, a)
    below = a.high < b.low or (a.high == b.low and (a.high_open or b.low_open))
    above = a.low > b.high or (a.low == b.high and (a.low_open or b.high_open))
    match op:
        case "lt":
            return True if below else False if above or a.low >= b.high else None
        case "le":
            return True if below or a.high <= b.low else False if above else None
    apart = below or above
    same = a.is_point and b.is_point and a.low == b.low
    if op == "eq":
        return False if apart else True if same else None
    return True if apart else False if same else None


def _hypot_slope(a: Interval, b: Interval) -> Interval:
    """a/hypot(a, b)."""
    del b
    unit = Interval(Fraction(-1), Fraction(1))
    if a.positive:
        return Interval(Fraction(0), Fraction(1), True)
    return Interval(Fraction(0), Fraction(1)) if a.nonnegative else -_hypot_slope(-a, REAL) if a.high <= 0 else unit


def _hypot(a: Interval, b: Interval) -> Interval:
    low = max(_abs(a).low, _abs(b).low)
    return Interval(low, INF, any(i.positive for i in (_abs(a), _abs(b))) and low == 0)


def _sign(a: Interval) -> Interval:
    one = point(Fraction(1))
    return one if a.positive else -one if a.negative else Interval(Fraction(-1), Fraction(1))


def _same(a: Interval) -> Interval:
    return a


RULES: dict[str, Callable[..., Interval]] = {
    "neg": lambda a: -a,
    "mul": mul,
    "guarded_mul": mul,
    "div": lambda a, b: mul(a, _reciprocal(b)),
    "guarded_div": lambda a, b: mul(a, _reciprocal(b)),
    "abs": _abs,
    "sign": _sign,
    "hypot": _hypot,
    "hypot_slope": _hypot_slope,
    "stop_gradient": _same,
    "whole": _same,
    "clip": lambda a, low, high: extremum("min", [extremum("max", [a, low]), high]),
    "relu": lambda a: extremum("max", [a, point(Fraction(0))]),
    "log1p_square_slope": lambda a: mul(_sign(a), Interval(Fraction(0), Fraction(1), a.positive or a.negative)),
    "softmax_weight": lambda a, b: Interval(Fraction(0), Fraction(1), True),
}
"""By function: the interval of its value, from those of its arguments."""
