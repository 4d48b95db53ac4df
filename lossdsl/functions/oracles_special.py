"""Oracles of circular and hyperbolic functions, the error function, the normal law and the gamma function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lossdsl.functions.lazy import mpmath
from lossdsl.functions.oracles import doubled, inside, oracle


def _circular(name: str) -> Callable[..., Any]:
    return oracle(lambda x: mpmath().nan if mpmath().isinf(x) else getattr(mpmath(), name)(x))


sin = _circular("sin")
cos = _circular("cos")
tan = _circular("tan")
asin = inside(-1, 1, lambda x: mpmath().asin(x))
acos = inside(-1, 1, lambda x: mpmath().acos(x))


@oracle
def atan(x: Any) -> Any:
    return mpmath().atan(x)


@oracle
def atan2(y: Any, x: Any) -> Any:
    mp = mpmath()
    if x == 0 and y == 0:
        return mp.mpf(0)
    if mp.isinf(x) and mp.isinf(y):
        return mp.sign(y) * (mp.pi / 4 if x > 0 else 3 * mp.pi / 4)
    return mp.atan2(y, x)


@oracle
def sinh(x: Any) -> Any:
    return mpmath().sinh(x)


@oracle
def cosh(x: Any) -> Any:
    return mpmath().cosh(x)


@oracle
def tanh(x: Any) -> Any:
    return mpmath().tanh(x)


# ---------------------------------------------------------------- error function, normal law, gamma function


@oracle
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


@oracle
@doubled
def erfc(x: Any) -> Any:
    return _tail(x)


@oracle
@doubled
def normal_cdf(x: Any) -> Any:
    return _tail(-x / mpmath().sqrt(2)) / 2


@oracle
@doubled
def normal_logcdf(x: Any) -> Any:
    mp = mpmath()
    if x == -mp.inf:
        return -mp.inf
    tail = _tail(abs(x) / mp.sqrt(2)) / 2
    return mp.log1p(-tail) if x > 0 else mp.log(tail)


@oracle
@doubled
def normal_hazard(x: Any) -> Any:
    mp = mpmath()
    if mp.isinf(x):
        return mp.inf if x < 0 else mp.mpf(0)
    if abs(x) > FAR:
        return -x - 1 / x + 2 / x**3 if x < 0 else mp.mpf(0)
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi) / (_tail(-x / mp.sqrt(2)) / 2)


@oracle
@doubled
def normal_residual(x: Any) -> Any:
    mp = mpmath()
    if mp.isinf(x):
        return mp.inf if x > 0 else mp.mpf(0)
    if abs(x) > FAR:
        return -1 / x + 2 / x**3 if x < 0 else x
    return x + mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi) / (_tail(-x / mp.sqrt(2)) / 2)


@oracle
def lgamma(x: Any) -> Any:
    mp = mpmath()
    if mp.isinf(x) or (x <= 0 and mp.isint(x)):
        return mp.inf
    if x > 0:
        return mp.loggamma(x)
    with mp.extraprec(2 * abs(mp.mag(x)) + 60):
        return mp.log(mp.pi / abs(mp.sinpi(x))) - mp.loggamma(1 - x)


@oracle
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


@oracle
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
