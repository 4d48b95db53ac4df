"""Oracles of exponentials, logarithms and guarded products; as `oracles`."""

from __future__ import annotations

from typing import Any

from lossdsl.functions.lazy import mpmath
from lossdsl.functions.oracles import INF, div, doubled, inside, mul, oracle, sub


@oracle
def exp(x: Any) -> Any:
    return mpmath().exp(x)


@oracle
def expm1(x: Any) -> Any:
    return mpmath().expm1(x) if x > -INF else -mpmath().mpf(1)


sqrt = inside(0, INF, lambda x: mpmath().sqrt(x))
log = inside(0, INF, lambda x: mpmath().log(x))
log2 = inside(0, INF, lambda x: mpmath().log(x) / mpmath().log(2))
log10 = inside(0, INF, lambda x: mpmath().log(x) / mpmath().log(10))


@oracle
def log1p(x: Any) -> Any:
    mp = mpmath()
    if x < -1:
        return mp.nan
    return mp.log1p(x) if -1 < x < INF else x * mp.inf


@oracle
def logit(x: Any) -> Any:
    mp = mpmath()
    if not 0 < x < 1:
        return {0: -mp.inf, 1: mp.inf}.get(int(x) if x in (0, 1) else 2, mp.nan)
    with mp.extraprec(2 * abs(mp.mag(x))):
        return mp.log(x) - mp.log1p(-x)


@oracle
def sigmoid(x: Any) -> Any:
    return 1 / (1 + mpmath().exp(-x))


@oracle
def softplus(x: Any) -> Any:
    return max(x, mpmath().mpf(0)) + mpmath().log1p(mpmath().exp(-abs(x)))


@oracle
def log_sigmoid(x: Any) -> Any:
    return min(x, mpmath().mpf(0)) - mpmath().log1p(mpmath().exp(-abs(x)))


@oracle
def logaddexp(x: Any, y: Any) -> Any:
    mp = mpmath()
    if mp.isinf(x) or mp.isinf(y):
        return max(x, y)
    with mp.extraprec(abs(mp.mag(x - y)) if x != y else 0):
        return max(x, y) + mp.log1p(mp.exp(-abs(x - y)))


@oracle
@doubled
def logcosh(x: Any) -> Any:
    mp = mpmath()
    if abs(x) < 1:
        return mp.log1p(2 * mp.sinh(x / 2) ** 2)
    return abs(x) + mp.log1p(mp.exp(-2 * abs(x))) - mp.log(2)


@oracle
def xlogy(x: Any, y: Any) -> Any:
    mp = mpmath()
    if x == 0:
        return mp.mpf(0)
    return x * mp.log(y) if y >= 0 else mp.nan


@oracle
def xlog1py(x: Any, y: Any) -> Any:
    mp = mpmath()
    if x == 0:
        return mp.mpf(0)
    if y < -1:
        return mp.nan
    return x * (mp.log1p(y) if -1 < y < INF else y * mp.inf)


@oracle
def log1mexp(x: Any) -> Any:
    mp = mpmath()
    if x > 0:
        return mp.nan
    if x == 0:
        return -mp.inf
    return mp.log(-mp.expm1(x)) if x > -1 else mp.log1p(-mp.exp(x))


@oracle
def exprel(x: Any) -> Any:
    mp = mpmath()
    if mp.isinf(x):
        return mp.inf if x > 0 else mp.mpf(0)
    return mp.expm1(x) / x if x else mp.mpf(1)


@oracle
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


@oracle
def sqrt1pm1(x: Any) -> Any:
    mp = mpmath()
    if x < -1:
        return mp.nan
    return x / (1 + mp.sqrt(1 + x)) if x < INF else mp.inf


@oracle
def softmax_weight(e: Any, s: Any) -> Any:
    mp = mpmath()
    if s == -mp.inf:
        return mp.mpf(0)
    with mp.extraprec(max(0, mp.mag(e), mp.mag(s)) if mp.isfinite(e) and mp.isfinite(s) else 0):
        return mp.exp(e - s)


@oracle
def gumbel_logcdf(x: Any) -> Any:
    mp = mpmath()
    if x > 50:  # exp(-exp(50)) is less than any float
        return mp.mpf(0)
    return mp.log(-expm1(-mp.exp(x))) if x < 0 else mp.log1p(-mp.exp(-mp.exp(x)))


@oracle
def gumbel_hazard(x: Any) -> Any:
    mp = mpmath()
    if x > 50:
        return mp.mpf(0)
    return mp.exp(x) / mp.expm1(mp.exp(x)) if x > -INF else mp.mpf(1)


@oracle
def softmax_complement(e: Any, s: Any) -> Any:
    mp = mpmath()
    if s == -mp.inf:
        return mp.mpf(1)
    with mp.extraprec(max(0, mp.mag(e), mp.mag(s)) if mp.isfinite(e) and mp.isfinite(s) else 0):
        return -expm1(e - s)


def guarded_mul(g: Any, d: Any) -> Any:
    """0 where one of them is 0, whatever the other is: NaN too."""
    return mpmath().mpf(0) if g == 0 or d == 0 else mul(g, d)


def guarded_div(x: Any, y: Any) -> Any:
    """0 where x is 0, whatever y is."""
    return mpmath().mpf(0) if x == 0 else div(x, y)


def guarded_sub(x: Any, y: Any) -> Any:
    """0 where both are the same infinity."""
    return mpmath().mpf(0) if x == y else sub(x, y)
