"""Oracles of roots and quotients of squares; as `oracles`."""

from __future__ import annotations

from typing import Any

from lossdsl.functions.lazy import mpmath
from lossdsl.functions.oracles import INF, doubled, oracle, pow


@oracle
@doubled
def hypot(x: Any, y: Any) -> Any:
    return mpmath().sqrt(x**2 + y**2)


@oracle
@doubled
def hypot_slope(x: Any, y: Any) -> Any:
    mp = mpmath()
    if mp.isinf(x):
        return mp.nan if mp.isinf(y) else mp.sign(x)
    return x / mp.sqrt(x**2 + y**2) if x else mp.mpf(0)


@oracle
@doubled
def hypot_excess(x: Any, y: Any) -> Any:
    mp = mpmath()
    if mp.isinf(x) or x == 0:
        return abs(x)
    return x**2 / (mp.sqrt(x**2 + y**2) + abs(y))


@oracle
@doubled
def log1p_square(x: Any) -> Any:
    return mpmath().log1p(x**2) if abs(x) < INF else abs(x)


@oracle
@doubled
def log1p_square_slope(x: Any) -> Any:
    return 2 * x / (1 + x**2) if abs(x) < INF else 1 / x


@oracle
@doubled
def share(x: Any, y: Any) -> Any:
    mp = mpmath()
    if mp.isinf(x):
        return mp.nan if mp.isinf(y) else mp.mpf(1)
    return x / (x + y) if x + y else mp.inf * abs(x)


@oracle
def power_deficit(order: Any, x: Any) -> Any:
    mp = mpmath()
    if mp.isinf(x):
        return x if order % 2 else -mp.inf
    with mp.workprec(mp.mp.prec * 2 + int(order) * 2 * abs(mp.mag(x) if x else 0)):
        return 1 - (1 - x) ** order


@oracle
@doubled
def expm1_excess(x: Any) -> Any:
    mp = mpmath()
    if mp.isinf(x):
        return mp.inf
    return mp.expm1(x) - x if abs(x) > 0.5 else x**2 / 2 * mp.hyp1f1(1, 3, x)


@oracle
@doubled
def kl_div(x: Any, y: Any) -> Any:
    mp = mpmath()
    if x < 0 or y < 0:
        return mp.nan
    if mp.isinf(x) or mp.isinf(y) or (y == 0 and x > 0):
        return mp.inf
    return x * mp.log(x / y) - x + y if x else y


@oracle
def log1p_integral(x: Any) -> Any:
    mp = mpmath()
    if not -1 < x < INF:
        return {-1: mp.mpf(1), INF: mp.inf}.get(x, mp.nan)
    with mp.extraprec(2 * abs(mp.mag(x)) if x else 0):
        return (1 + x) * mp.log1p(x) - x


@oracle
def log1p_deficit(x: Any) -> Any:
    mp = mpmath()
    if not -1 < x < INF:
        return mp.inf if x in (-1, INF) else mp.nan
    with mp.extraprec(2 * abs(mp.mag(x)) if x else 0):
        return x - mp.log1p(x)


@oracle
def erlang_cdf(x: Any) -> Any:
    mp = mpmath()
    if mp.isinf(x):
        return mp.mpf(1) if x > 0 else mp.inf
    with mp.extraprec(2 * abs(mp.mag(x)) if x else 0):
        return 1 - (1 + x) * mp.exp(-x)


@oracle
def versine(x: Any) -> Any:
    mp = mpmath()
    return mp.nan if mp.isinf(x) else 2 * mp.sin(x / 2) ** 2


@oracle
@doubled
def canberra(x: Any, y: Any) -> Any:
    mp = mpmath()
    size = abs(x) + abs(y)
    return abs(x - y) / size if 0 < size < INF else mp.nan


@oracle
@doubled
def log_ratio(x: Any, y: Any) -> Any:
    mp = mpmath()
    if x < 0 or y < 0 or (x == 0 and y == 0) or (mp.isinf(x) and mp.isinf(y)):
        return mp.nan
    if x == 0 or mp.isinf(y):
        return -mp.inf
    return mp.log(x / y) if y and x < INF else mp.inf


@oracle
def powm1(x: Any, c: Any) -> Any:
    mp = mpmath()
    if not 0 < x < INF or abs(c) == INF:
        return pow(x, c) - 1 if x >= 0 else mp.nan
    return mp.expm1(c * mp.log(x))


@oracle
def pow1pm1(x: Any, c: Any) -> Any:
    mp = mpmath()
    if abs(c) == INF:
        return mp.nan if x < -1 else mp.mpf(0) if x == 0 else mp.inf if (x > 0) == (c > 0) else mp.mpf(-1)
    if not -1 < x < INF:
        return pow(1 + x, c) - 1 if x >= -1 else mp.nan
    return mp.expm1(c * mp.log1p(x))
