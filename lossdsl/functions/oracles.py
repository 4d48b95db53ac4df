"""The value of every scalar function by mpmath: what the other implementations are judged by.

Each oracle takes numbers that mpmath can convert, works with guard bits beyond the caller's precision, raises nothing,
and gives NaN outside the domain.  Conditions are Python booleans.  Written for truth, not for speed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from lossdsl.functions.lazy import mpmath

GUARD_BITS = 80
"""Cancellation near a zero of lgamma, digamma or logaddexp at a float64 costs at most 53 bits."""


def oracle(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """Converts arguments, adds guard bits, and turns NaN arguments, poles and complex values into NaN."""

    @functools.wraps(evaluate)
    def guarded(*args: Any) -> Any:
        mp = mpmath()
        numbers = [mp.mpf(arg) if isinstance(arg, bool) else mp.mpmathify(arg) for arg in args]
        if any(mp.isnan(number) for number in numbers):
            return mp.nan
        with mp.workprec(mp.mp.prec + GUARD_BITS):
            try:
                value = evaluate(*numbers)
            except (ValueError, ZeroDivisionError, OverflowError):
                return mp.nan
        if isinstance(value, mp.mpc):
            return +value.real if value.imag == 0 else mp.nan
        return +mp.mpmathify(value)

    return guarded


def inside(low: float, high: float, evaluate: Callable[[Any], Any]) -> Callable[..., Any]:
    """An oracle that is NaN outside low <= x <= high."""
    return oracle(lambda x: evaluate(x) if low <= x <= high else mpmath().nan)


def doubled(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """Evaluates with enough bits for squares of the arguments to be exact, also in the exponent of exp."""

    @functools.wraps(evaluate)
    def precise(*args: Any) -> Any:
        mp = mpmath()
        magnitude = max([0, *(mp.mag(arg) for arg in args if mp.isfinite(arg) and arg)])
        with mp.workprec(2 * mp.mp.prec + 4 * magnitude):
            return evaluate(*args)

    return precise


INF = float("inf")


# ---------------------------------------------------------------- arithmetic and conditions


@oracle
def add(x: Any, y: Any) -> Any:
    return x + y


@oracle
def sub(x: Any, y: Any) -> Any:
    return x - y


@oracle
def mul(x: Any, y: Any) -> Any:
    return x * y


@oracle
def div(x: Any, y: Any) -> Any:
    mp = mpmath()
    if y != 0:
        return x / y
    # mpmath has one zero, the positive one
    return mp.nan if x == 0 else mp.sign(x) * mp.inf


@oracle
def neg(x: Any) -> Any:
    return -x


def pow(x: Any, p: Any) -> Any:
    """IEEE 754: x^0 = 1 and 1^p = 1 even for NaN."""
    return mpmath().mpf(1) if p == 0 or x == 1 else _pow(x, p)


@oracle
def _pow(x: Any, p: Any) -> Any:
    mp = mpmath()
    if mp.isinf(p):
        if abs(x) == 1:
            return mp.mpf(1)
        return mp.inf if (abs(x) > 1) == (p > 0) else mp.mpf(0)
    odd = mp.isint(p) and p.man_exp[1] == 0  # the mantissa of an odd number is the number
    if x == 0:
        return mp.mpf(0) if p > 0 else mp.inf
    if mp.isinf(x):
        size = mp.inf if p > 0 else mp.mpf(0)
        return -size if x < 0 and odd else size
    if x < 0 and not mp.isint(p):
        return mp.nan
    size = _power(abs(x), p)
    return -size if x < 0 and odd else size


LONGEST_EXPONENT = 4096
"""Bits of a whole exponent beyond which a power is infinite or 0, so that towers of powers stay computable."""


def _power(x: Any, p: Any) -> Any:
    mp = mpmath()
    if mp.mag(p) > LONGEST_EXPONENT:
        return mp.mpf(1) if x == 1 else mp.inf if (x > 1) == (p > 0) else mp.mpf(0)
    with mp.extraprec(2 * abs(mp.mag(p)) + 20):
        return mp.exp(p * mp.log(x))


@oracle
def mod(x: Any, y: Any) -> Any:
    mp = mpmath()
    if y == 0 or mp.isinf(x):
        return mp.nan
    if mp.isinf(y):
        return x if x == 0 or (x > 0) == (y > 0) else y
    with mp.extraprec(max(0, mp.mag(x) - mp.mag(y)) + 64):
        return x - y * mp.floor(x / y)


def lt(x: Any, y: Any) -> bool:
    return bool(x < y)


def le(x: Any, y: Any) -> bool:
    return bool(x <= y)


def gt(x: Any, y: Any) -> bool:
    return bool(x > y)


def ge(x: Any, y: Any) -> bool:
    return bool(x >= y)


def eq(x: Any, y: Any) -> bool:
    return bool(x == y)


def ne(x: Any, y: Any) -> bool:
    return bool(x != y)


def both(x: Any, y: Any) -> bool:
    return bool(x) and bool(y)


def either(x: Any, y: Any) -> bool:
    return bool(x) or bool(y)


def negation(x: Any) -> bool:
    return not x


# ---------------------------------------------------------------- kinks and steps


@oracle
def absolute(x: Any) -> Any:
    return abs(x)


@oracle
def sign(x: Any) -> Any:
    return mpmath().sign(x)


@oracle
def relu(x: Any) -> Any:
    return max(x, mpmath().mpf(0))


@oracle
def clip(x: Any, low: Any, high: Any) -> Any:
    return min(max(x, low), high)


@oracle
def maximum(*values: Any) -> Any:
    return max(values)


@oracle
def minimum(*values: Any) -> Any:
    return min(values)


@oracle
def floor(x: Any) -> Any:
    return x if mpmath().isinf(x) else mpmath().floor(x)


@oracle
def fraction(x: Any) -> Any:
    mp = mpmath()
    return mp.nan if mp.isinf(x) else x - mp.sign(x) * mp.floor(abs(x))


@oracle
def nearest(x: Any) -> Any:
    return x if mpmath().isinf(x) else mpmath().nint(x)


@oracle
def identity(x: Any) -> Any:
    return x


def where(condition: Any, x: Any, y: Any) -> Any:
    """The branch taken; the other may be anything."""
    return mpmath().mpmathify(x if condition else y)
