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


def _oracle(evaluate: Callable[..., Any]) -> Callable[..., Any]:
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


def _inside(low: float, high: float, evaluate: Callable[[Any], Any]) -> Callable[..., Any]:
    """An oracle that is NaN outside low <= x <= high."""
    return _oracle(lambda x: evaluate(x) if low <= x <= high else mpmath().nan)


def _doubled(evaluate: Callable[..., Any]) -> Callable[..., Any]:
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


@_oracle
def add(x: Any, y: Any) -> Any:
    return x + y


@_oracle
def sub(x: Any, y: Any) -> Any:
    return x - y


@_oracle
def mul(x: Any, y: Any) -> Any:
    return x * y


@_oracle
def div(x: Any, y: Any) -> Any:
    mp = mpmath()
    if y != 0:
        return x / y
    # mpmath has one zero, the positive one
    return mp.nan if x == 0 else mp.sign(x) * mp.inf


@_oracle
def neg(x: Any) -> Any:
    return -x


def pow(x: Any, p: Any) -> Any:
    """IEEE 754: x^0 = 1 and 1^p = 1 even for NaN."""
    return mpmath().mpf(1) if p == 0 or x == 1 else _pow(x, p)


@_oracle
def _pow(x: Any, p: Any) -> Any:
    mp = mpmath()
    if mp.isinf(p):
        if abs(x) == 1:
            return mp.mpf(1)
        return mp.inf if (abs(x) > 1) == (p > 0) else mp.mpf(0)
    odd = mp.isint(p) and int(p) % 2 == 1
    if x == 0:
        return mp.mpf(0) if p > 0 else mp.inf
    if mp.isinf(x):
        size = mp.inf if p > 0 else mp.mpf(0)
        return -size if x < 0 and odd else size
    if x < 0 and not mp.isint(p):
        return mp.nan
    size = _power(abs(x), p)
    return -size if x < 0 and odd else size


def _power(x: Any, p: Any) -> Any:
    mp = mpmath()
    with mp.extraprec(2 * abs(mp.mag(p)) + 20):
        return mp.exp(p * mp.log(x))


@_oracle
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


@_oracle
def absolute(x: Any) -> Any:
    return abs(x)


@_oracle
def sign(x: Any) -> Any:
    return mpmath().sign(x)


@_oracle
def relu(x: Any) -> Any:
    return max(x, mpmath().mpf(0))


@_oracle
def clip(x: Any, low: Any, high: Any) -> Any:
    return min(max(x, low), high)


@_oracle
def maximum(*values: Any) -> Any:
    return max(values)


@_oracle
def minimum(*values: Any) -> Any:
    return min(values)


@_oracle
def floor(x: Any) -> Any:
    return x if mpmath().isinf(x) else mpmath().floor(x)


@_oracle
def nearest(x: Any) -> Any:
    return x if mpmath().isinf(x) else mpmath().nint(x)


@_oracle
def identity(x: Any) -> Any:
    return x


def where(condition: Any, x: Any, y: Any) -> Any:
    """The branch taken; the other may be anything."""
    return mpmath().mpmathify(x if condition else y)


# ---------------------------------------------------------------- exponentials and logarithms


@_oracle
def exp(x: Any) -> Any:
    return mpmath().exp(x)


@_oracle
def expm1(x: Any) -> Any:
    return mpmath().expm1(x) if x > -INF else -mpmath().mpf(1)


sqrt = _inside(0, INF, lambda x: mpmath().sqrt(x))
log = _inside(0, INF, lambda x: mpmath().log(x))
log2 = _inside(0, INF, lambda x: mpmath().log(x) / mpmath().log(2))
log10 = _inside(0, INF, lambda x: mpmath().log(x) / mpmath().log(10))


@_oracle
def log1p(x: Any) -> Any:
    mp = mpmath()
    if x < -1:
        return mp.nan
    return mp.log1p(x) if -1 < x < INF else x * mp.inf


@_oracle
def logit(x: Any) -> Any:
    mp = mpmath()
    if not 0 < x < 1:
        return {0: -mp.inf, 1: mp.inf}.get(int(x) if x in (0, 1) else 2, mp.nan)
    with mp.extraprec(2 * abs(mp.mag(x))):
        return mp.log(x) - mp.log1p(-x)


@_oracle
def sigmoid(x: Any) -> Any:
    return 1 / (1 + mpmath().exp(-x))


@_oracle
def softplus(x: Any) -> Any:
    return max(x, mpmath().mpf(0)) + mpmath().log1p(mpmath().exp(-abs(x)))


@_oracle
def log_sigmoid(x: Any) -> Any:
    return min(x, mpmath().mpf(0)) - mpmath().log1p(mpmath().exp(-abs(x)))


@_oracle
def logaddexp(x: Any, y: Any) -> Any:
    mp = mpmath()
    if mp.isinf(x) or mp.isinf(y):
        return max(x, y)
    with mp.extraprec(abs(mp.mag(x - y)) if x != y else 0):
        return max(x, y) + mp.log1p(mp.exp(-abs(x - y)))


@_oracle
@_doubled
def logcosh(x: Any) -> Any:
    mp = mpmath()
    if abs(x) < 1:
        return mp.log1p(2 * mp.sinh(x / 2) ** 2)
    return abs(x) + mp.log1p(mp.exp(-2 * abs(x))) - mp.log(2)


@_oracle
def xlogy(x: Any, y: Any) -> Any:
    mp = mpmath()
    if x == 0:
        return mp.mpf(0)
    return x * mp.log(y) if y >= 0 else mp.nan


@_oracle
def xlog1py(x: Any, y: Any) -> Any:
    mp = mpmath()
    if x == 0:
        return mp.mpf(0)
    if y < -1:
        return mp.nan
    return x * (mp.log1p(y) if -1 < y < INF else y * mp.inf)


@_oracle
def log1mexp(x: Any) -> Any:
    mp = mpmath()
    if x > 0:
        return mp.nan
    if x == 0:
        return -mp.inf
    return mp.log(-mp.expm1(x)) if x > -1 else mp.log1p(-mp.exp(x))


@_oracle
def exprel(x: Any) -> Any:
    mp = mpmath()
    if mp.isinf(x):
        return mp.inf if x > 0 else mp.mpf(0)
    return mp.expm1(x) / x if x else mp.mpf(1)


@_oracle
def exp_moment(order: Any, x: Any) -> Any:
    """The integral of t^order e^(x t) over 0 <= t <= 1, by Kummer's function."""
    mp = mpmath()
    if mp.isinf(x):
        return mp.inf if x > 0 else mp.mpf(0)
    k = order
    if abs(x) < 100:
        return mp.hyp1f1(k + 1, k + 2, x) / (k + 1)
    with mp.extraprec(int(k + 2) * mp.mag(x)):
        moment = mp.expm1(x) / x
        for i in range(1, int(k) + 1):
            moment = (mp.exp(x) - i * moment) / x
        return moment


@_oracle
def sqrt1pm1(x: Any) -> Any:
    mp = mpmath()
    if x < -1:
        return mp.nan
    return x / (1 + mp.sqrt(1 + x)) if x < INF else mp.inf


@_oracle
def softmax_weight(e: Any, s: Any) -> Any:
    mp = mpmath()
    if s == -mp.inf:
        return mp.mpf(0)
    with mp.extraprec(max(0, mp.mag(e), mp.mag(s)) if mp.isfinite(e) and mp.isfinite(s) else 0):
        return mp.exp(e - s)


def guarded_mul(g: Any, d: Any) -> Any:
    """0 where g is 0, whatever d is: NaN too."""
    return mpmath().mpf(0) if g == 0 else mul(g, d)


def guarded_div(x: Any, y: Any) -> Any:
    """0 where x is 0, whatever y is."""
    return mpmath().mpf(0) if x == 0 else div(x, y)


def guarded_sub(x: Any, y: Any) -> Any:
    """0 where both are the same infinity."""
    return mpmath().mpf(0) if x == y else sub(x, y)


# ---------------------------------------------------------------- circles and hyperbolas


def _circular(name: str) -> Callable[..., Any]:
    return _oracle(lambda x: mpmath().nan if mpmath().isinf(x) else getattr(mpmath(), name)(x))


sin = _circular("sin")
cos = _circular("cos")
tan = _circular("tan")
asin = _inside(-1, 1, lambda x: mpmath().asin(x))
acos = _inside(-1, 1, lambda x: mpmath().acos(x))


@_oracle
def atan(x: Any) -> Any:
    return mpmath().atan(x)


@_oracle
def atan2(y: Any, x: Any) -> Any:
    mp = mpmath()
    if x == 0 and y == 0:
        return mp.mpf(0)
    if mp.isinf(x) and mp.isinf(y):
        return mp.sign(y) * (mp.pi / 4 if x > 0 else 3 * mp.pi / 4)
    return mp.atan2(y, x)


@_oracle
def sinh(x: Any) -> Any:
    return mpmath().sinh(x)


@_oracle
def cosh(x: Any) -> Any:
    return mpmath().cosh(x)


@_oracle
def tanh(x: Any) -> Any:
    return mpmath().tanh(x)


# ---------------------------------------------------------------- error function, normal law, gamma function


@_oracle
def erf(x: Any) -> Any:
    return mpmath().erf(x)


FAR = 10**60
"""Beyond it the asymptotic series of the normal law, cut off as below, is right to 200 digits."""


def _tail(x: Any) -> Any:
    """erfc; by its asymptotic series where mpmath gives up (the next term is 10^-240 of the sum there)."""
    mp = mpmath()
    if mp.isinf(x) or x < FAR:
        return mp.erfc(x)
    return mp.exp(-x * x) / (x * mp.sqrt(mp.pi)) * (1 - 1 / (2 * x * x))


@_oracle
@_doubled
def erfc(x: Any) -> Any:
    return _tail(x)


@_oracle
@_doubled
def normal_cdf(x: Any) -> Any:
    return _tail(-x / mpmath().sqrt(2)) / 2


@_oracle
@_doubled
def normal_logcdf(x: Any) -> Any:
    mp = mpmath()
    if x == -mp.inf:
        return -mp.inf
    tail = _tail(abs(x) / mp.sqrt(2)) / 2
    return mp.log1p(-tail) if x > 0 else mp.log(tail)


@_oracle
@_doubled
def normal_hazard(x: Any) -> Any:
    mp = mpmath()
    if mp.isinf(x):
        return mp.inf if x < 0 else mp.mpf(0)
    if abs(x) > FAR:
        return -x - 1 / x + 2 / x**3 if x < 0 else mp.mpf(0)
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi) / (_tail(-x / mp.sqrt(2)) / 2)


@_oracle
@_doubled
def normal_residual(x: Any) -> Any:
    mp = mpmath()
    if mp.isinf(x):
        return mp.inf if x > 0 else mp.mpf(0)
    if abs(x) > FAR:
        return -1 / x + 2 / x**3 if x < 0 else x
    return x + mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi) / (_tail(-x / mp.sqrt(2)) / 2)


@_oracle
def lgamma(x: Any) -> Any:
    mp = mpmath()
    if mp.isinf(x) or (x <= 0 and mp.isint(x)):
        return mp.inf
    if x > 0:
        return mp.loggamma(x)
    with mp.extraprec(2 * abs(mp.mag(x)) + 60):
        return mp.log(mp.pi / abs(mp.sinpi(x))) - mp.loggamma(1 - x)


@_oracle
def digamma(x: Any) -> Any:
    mp = mpmath()
    if x == 0:
        return -mp.inf
    if x < 0 and (mp.isinf(x) or mp.isint(x)):
        return mp.nan
    if mp.isinf(x):
        return mp.inf
    with mp.extraprec(2 * abs(mp.mag(x)) + 60):
        return mp.digamma(x) if x > 0 else mp.digamma(1 - x) - mp.pi * mp.cospi(x) / mp.sinpi(x)


@_oracle
def polygamma(order: Any, x: Any) -> Any:
    """Of order 1 and more; inf (odd order) or NaN (even order) at 0, -1, -2, ..."""
    mp = mpmath()
    k = int(order)
    if x == mp.inf:
        return mp.mpf(0)
    if mp.isinf(x):
        return mp.nan
    if x <= 0 and mp.isint(x):
        return mp.inf if k % 2 else mp.nan
    if x > 0:
        return (-1) ** (k + 1) * mp.factorial(k) * mp.zeta(k + 1, x)
    with mp.extraprec(2 * abs(mp.mag(x)) + 60):
        reflected = mp.factorial(k) * mp.zeta(k + 1, 1 - x)
        cotangent = mp.diff(lambda t: mp.pi * mp.cot(mp.pi * t), x - mp.nint(x), k)
        return -cotangent - reflected
