"""Exact numbers: their signs, proved, and what lies between them; and what is said where no proof is found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lossdsl.analysis.enclosure import enclose, ends, precision, sign_of_box
from lossdsl.functions.lazy import sympy

LARGEST = 120
"""Operations of an expression that is still worked on: SymPy's cost grows fast."""
BITS = (120, 400, 1600)
"""Precisions at which a number is compared with 0."""
SIMPLE = 30
"""Operations of a number that SymPy is asked to simplify to 0."""


class Undecided(Exception):
    """No proof was found within the limits; says of what."""


class Clock:
    """Stops an analysis that takes too much time of the processor; asked between steps."""

    def __init__(self, seconds: float) -> None:
        import time

        self._now = time.thread_time
        self._end = self._now() + seconds

    def more(self, seconds: float) -> None:
        """At least so much time from now on."""
        self._end = max(self._end, self._now() + seconds)

    @property
    def goes_on(self) -> bool:
        """Whether there is time left."""
        return self._now() <= self._end

    def check(self) -> None:
        """Undecided if the time is over."""
        if not self.goes_on:
            raise Undecided("the time for proofs is over")


def x() -> Any:
    """The variable."""
    return sympy().Symbol("x", real=True)


def t() -> Any:
    return sympy().Symbol("t", positive=True)


def sign_of(number: Any) -> int:
    """The sign of an exact number, proved; infinities have one too."""
    sp = sympy()
    if number.is_Rational:
        return int(sp.sign(number))
    if number in (sp.oo, -sp.oo):
        return 1 if number is sp.oo else -1
    if number.has(sp.nan, sp.zoo):
        raise Undecided("a value that is no number")
    for bits in BITS:
        with precision(bits):
            found = sign_of_box(enclose(number))
        if found is not None:
            return found
    if _vanishes(number):
        return 0
    raise Undecided(f"the sign of {number}")


def _vanishes(number: Any) -> bool:
    """Whether SymPy shows that a number is 0: roots by common denominators, anything else if it is short."""
    sp = sympy()
    if number.is_algebraic and not number.has(sp.CRootOf) and sp.count_ops(number) <= LARGEST:
        if sp.expand(sp.radsimp(number)) == 0:
            return True
    return bool(sp.count_ops(number) <= SIMPLE and sp.simplify(number) == 0)


def same(a: Any, b: Any) -> bool:
    """Whether two exact numbers are equal."""
    return a == b or (a.is_finite is not False and b.is_finite is not False and sign_of(a - b) == 0)


def before(a: Any, b: Any) -> bool:
    """Whether one exact number, or infinity, is less than another."""
    sp = sympy()
    if a == b or a is sp.oo or b == -sp.oo:
        return False
    if b is sp.oo or a == -sp.oo:
        return True
    return sign_of(b - a) > 0


def to_float(number: Any) -> float:
    sp = sympy()
    if number in (sp.oo, -sp.oo):
        return float("inf") if number is sp.oo else float("-inf")
    return float(number.evalf(30))


@dataclass(frozen=True)
class Root:
    """A number between two fractions; `value` is the exact one where it has a form."""

    low: Any
    high: Any
    value: Any = None

    @staticmethod
    def at(value: Any) -> Root:
        """Around an exact number."""
        if value.is_Rational:
            return Root(value, value, value)
        with precision():
            low, high = ends(enclose(value))
        return Root(rational(low), rational(high), value)

    @cached_property
    def middle(self) -> Any:
        return (self.low + self.high) / 2 if self.value is None else self.value

    def __float__(self) -> float:
        return to_float(self.middle)


def rational(number: Any) -> Any:
    """A finite number of mpmath as a fraction, exactly."""
    sp = sympy()
    sign, mantissa, exponent, _ = number._mpf_
    return (-1) ** sign * sp.Integer(int(mantissa)) * sp.Integer(2) ** int(exponent)


def between(a: Any, b: Any) -> Any:
    """A simple fraction strictly between two exact numbers, or infinities."""
    sp = sympy()
    if a == -sp.oo and b is sp.oo:
        return sp.Integer(0)
    if a == -sp.oo:
        return sp.floor(b) - 1
    if b is sp.oo:
        return sp.floor(a) + 2
    middle = (Root.at(a).middle + Root.at(b).middle) / 2
    if middle.is_Rational:
        return middle
    step = sp.Rational(1)
    while True:
        found = sp.nsimplify(sp.floor(middle / step) * step)
        if before(a, found) and before(found, b):
            return found
        step /= 16
