"""The values of the scalar functions of the reference interpreter, in mpmath.

This table shares nothing with the one that the compiler reads.

No function raises: outside its domain the value is nan, at a pole +-inf, as in IEEE arithmetic but without a negative
zero (1/0 is +inf) and without overflow (exponents are not bounded).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
from mpmath import mpf

Real = Any
"""An `mpmath.mpf`."""

INF, NAN, ZERO, ONE = mpf("inf"), mpf("nan"), mpf(0), mpf(1)
VAST = mpf("1e400")
"""Beyond the square of every float64; the exponential of more is infinite, so that towers of them stay computable."""
MANY = mpf("1e6")
"""Powers with more factors are looked at before they are computed."""


def guarded(function: Callable[..., Real]) -> Callable[..., Real]:
    """`function` with nan for nan, for a complex value and for what mpmath refuses."""

    def value(*args: Real) -> Real:
        if any(arg != arg for arg in args):
            return NAN
        try:
            result = function(*args)
        except (ValueError, ZeroDivisionError, OverflowError):
            return NAN
        return NAN if isinstance(result, mpmath.mpc) else result

    return value


def is_infinite(x: Real) -> bool:
    return bool(abs(x) == INF)


def is_whole(x: Real) -> bool:
    return not is_infinite(x) and bool(mpmath.floor(x) == x)


# ---------------------------------------------------------------- values


def multiply(x: Real, y: Real) -> Real:
    return x * y


def divide(x: Real, y: Real) -> Real:
    if y:
        return x / y
    return NAN if x != x or not x else INF * mpmath.sign(x)


def power(x: Real, y: Real) -> Real:
    """x^y with x^0 = 1 for every x, 0^y = inf for y < 0, and nan for a root of a negative number."""
    if not y or x == 1:
        return ONE
    if x != x or y != y:
        return NAN
    if not x:
        return ZERO if y > 0 else INF
    if is_infinite(y):
        return ONE if x == -1 else INF if (abs(x) > 1) == (y > 0) else ZERO
    if abs(y) > MANY and abs(y * mpmath.log(abs(x))) > VAST:
        if x < 0 and not is_whole(y):
            return NAN
        odd = x < 0 and y.man_exp[1] == 0  # the mantissa is odd; y - 1 might round to y
        return ZERO if (abs(x) < 1) == (y > 0) else -INF if odd else INF
    result = mpmath.power(x, y)
    return NAN if isinstance(result, mpmath.mpc) else result


def modulo(x: Real, y: Real) -> Real:
    """Exact, with the sign of the divisor."""
    if not y or is_infinite(x):
        return NAN
    if is_infinite(y):
        return x if not x or (x > 0) == (y > 0) else y
    return x % y


def largest(*args: Real) -> Real:
    return NAN if any(arg != arg for arg in args) else max(args)


def smallest(*args: Real) -> Real:
    return NAN if any(arg != arg for arg in args) else min(args)


def exp(x: Real) -> Real:
    return mpmath.exp(x) if abs(x) <= VAST else INF if x > 0 else ZERO


def expm1(x: Real) -> Real:
    return mpmath.expm1(x) if abs(x) <= 1 else exp(x) - 1


def sinh(x: Real) -> Real:
    return mpmath.sinh(x) if abs(x) <= 1 else (exp(x) - exp(-x)) / 2


def cosh(x: Real) -> Real:
    return (exp(x) + exp(-x)) / 2


def erfc(x: Real) -> Real:
    """mpmath's, and the asymptotic series where it gives up; three terms leave a relative error below 1e-118."""
    if x < 1e20:
        return mpmath.erfc(x)
    square = x * x
    return exp(-square) / (x * mpmath.sqrt(mpmath.pi)) * (1 - 1 / (2 * square) + 3 / (4 * square**2))


def normal_logcdf(x: Real) -> Real:
    tail = erfc(abs(x) / mpmath.sqrt(2)) / 2
    return mpmath.log1p(-tail) if x > 0 else mpmath.log(tail)


def lgamma(x: Real) -> Real:
    """log |Gamma(x)|."""
    if is_infinite(x) or (x <= 0 and is_whole(x)):
        return INF
    return mpmath.re(mpmath.loggamma(x))


def logaddexp(x: Real, y: Real) -> Real:
    top = max(x, y)
    return top if is_infinite(top) else top + mpmath.log1p(exp(-abs(x - y)))


def logcosh(x: Real) -> Real:
    size = abs(x)
    if size < 1:
        return mpmath.log1p(2 * mpmath.sinh(size / 2) ** 2)
    return size + mpmath.log1p(exp(-2 * size)) - mpmath.log(2)


def clip(x: Real, low: Real, high: Real) -> Real:
    return min(max(x, low), high)


UNGUARDED: dict[str, Callable[..., Real]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": multiply,
    "neg": lambda x: -x,
    "abs": abs,
    "div": divide,
    "pow": power,
    "max": largest,
    "min": smallest,
    "stop_gradient": lambda x: x,
}

VALUES: dict[str, Callable[..., Real]] = UNGUARDED | {
    name: guarded(function)
    for name, function in {
        "mod": modulo,
        "sign": mpmath.sign,
        "sqrt": mpmath.sqrt,
        "exp": exp,
        "log": mpmath.log,
        "log1p": mpmath.log1p,
        "expm1": expm1,
        "log2": lambda x: mpmath.log(x) / mpmath.log(2),
        "log10": mpmath.log10,
        "logit": lambda x: mpmath.log(x) - mpmath.log1p(-x),
        "sin": mpmath.sin,
        "cos": mpmath.cos,
        "tan": mpmath.tan,
        "asin": mpmath.asin,
        "acos": mpmath.acos,
        "atan": mpmath.atan,
        "atan2": mpmath.atan2,
        "sinh": sinh,
        "cosh": cosh,
        "tanh": mpmath.tanh,
        "sigmoid": lambda x: 1 / (1 + exp(-x)),
        "log_sigmoid": lambda x: -mpmath.log1p(exp(-x)),
        "softplus": lambda x: mpmath.log1p(exp(x)),
        "relu": lambda x: max(x, ZERO),
        "erf": mpmath.erf,
        "erfc": erfc,
        "lgamma": lgamma,
        "digamma": lambda x: mpmath.digamma(x) if x else -INF,
        "normal_cdf": lambda x: erfc(-x / mpmath.sqrt(2)) / 2,
        "normal_logcdf": normal_logcdf,
        "logaddexp": logaddexp,
        "xlogy": lambda x, y: x * mpmath.log(y) if x else ZERO,
        "logcosh": logcosh,
        "clip": clip,
        "floor": mpmath.floor,
        "round": mpmath.nint,
    }.items()
}
