"""Roots and quotients of squares of the NumPy prelude; as `numpy_helpers`."""

from __future__ import annotations

import numpy as np


def _hypot(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """sqrt(x^2 + y^2), by the slow way only where a square overflows or loses digits below the normal numbers."""
    root = np.asarray(np.sqrt(np.square(x) + np.square(y)))
    reach = 2.0 ** (np.finfo(root.dtype).maxexp // 2 - 1)
    unsafe = ~((root < reach) & (root > 2.0**30 / reach))
    if unsafe.any():
        np.hypot(x, y, out=root, where=unsafe)
    return root


def _hypot_slope(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """x/sqrt(x^2 + y^2): 0 where x is, 1 or -1 at infinities of x."""
    x, y = np.asarray(x), np.asarray(y)
    larger = np.abs(x) >= np.abs(y)
    ratio = np.where(larger, y, x) / np.where(larger, x, y)
    size = np.where(larger, 1, np.abs(ratio)) / np.sqrt(1 + ratio * ratio)
    return np.where(x == 0, 0, np.copysign(size, x))


def _hypot_excess(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """sqrt(x^2 + y^2) - |y| without cancellation."""
    a = np.abs(x)
    return np.where((a == 0) | (a == np.inf), a, a * (a / (_hypot(x, y) + np.abs(y))))


def _log1p_square(x: np.ndarray | float) -> np.ndarray:
    """log(1 + x^2), 2 log|x| where 1 does not count."""
    a = np.abs(x)
    return np.where(a > 1e9, 2 * np.log(np.maximum(a, 1)), np.log1p(np.square(np.minimum(a, 1e9))))


def _log1p_square_slope(x: np.ndarray | float) -> np.ndarray:
    """2x/(1 + x^2), which is the same at x and at 1/x."""
    w = np.where(np.abs(x) > 1, np.divide(1, x), x)
    result: np.ndarray = 2 * w / (1 + w * w)
    return result


def _share(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """x/(x + y), by the ratio of the smaller to the larger: no overflow."""
    x, y = np.asarray(x), np.asarray(y)
    larger = np.abs(x) >= np.abs(y)
    ratio = np.where(larger, y, x) / np.where(larger, x, y)
    result: np.ndarray = np.where(larger, 1, ratio) / (1 + ratio)
    return result


def _power_deficit(order: int, x: np.ndarray | float) -> np.ndarray:
    """1 - (1 - x)^order, as x times the sum of the lower powers of 1 - x."""
    q = 1 - np.asarray(x)
    total = np.ones_like(q)
    for _ in range(int(order) - 1):
        total = total * q + 1
    result: np.ndarray = x * total
    return result


def _expm1_excess(x: np.ndarray | float) -> np.ndarray:
    """exp(x) - 1 - x: for |x| < 1 as x^2/2 (1 + x/3 (1 + x/4 (...)))."""
    small = np.clip(x, -1, 1)
    series = np.ones_like(small)
    for n in range(20, 2, -1):
        series = 1 + small / n * series
    return np.where(np.abs(x) < 1, small * small / 2 * series, np.expm1(x) - np.where(np.asarray(x) == np.inf, 0, x))


def _log1p_integral(x: np.ndarray | float) -> np.ndarray:
    """(1 + x) log(1 + x) - x: near 0 by the series of `_kl_div`."""
    x = np.asarray(x)
    v = x / (2 + x)
    w = np.minimum(v * v, 0.04)
    series = np.zeros_like(w)
    for n in range(27, 1, -2):
        series = w * (series + 1 / n)
    far = np.where((x == -1) | (x == np.inf), np.abs(x), (1 + x) * np.log1p(x) - x)
    result: np.ndarray = np.where(np.abs(v) < 0.2, x * v + 2 * (1 + x) * v * series, far)
    return result


def _log1p_deficit(x: np.ndarray | float) -> np.ndarray:
    """x - log(1 + x): near 0 by the series of log(1 + x) in v = x/(2 + x), 2 (v + v^3/3 + v^5/5 + ...)."""
    x = np.asarray(x)
    v = x / (2 + x)
    w = np.minimum(v * v, 0.12)
    series = np.zeros_like(w)
    for n in range(37, 1, -2):
        series = w * (series + 1 / n)
    far = np.where(x == np.inf, np.inf, x - np.log1p(x))
    result: np.ndarray = np.where(np.abs(v) < 1 / 3, v * (x - 2 * series), far)
    return result


def _erlang_cdf(x: np.ndarray | float) -> np.ndarray:
    """1 - (1 + x) exp(-x): near 0 as (exp(x) - 1 - x) exp(-x)."""
    x = np.asarray(x)
    e = np.exp(-x)
    above = np.where(x == np.inf, 1, -np.expm1(-x) - x * e)
    far = np.where(x < 0, 1 - (1 + x) * e, above)
    return np.where(np.abs(x) < 1, _expm1_excess(x) * e, far)


def _versine(x: np.ndarray | float) -> np.ndarray:
    """1 - cos(x), as 2 sin(x/2)^2."""
    half = np.sin(np.asarray(x) / 2)
    result: np.ndarray = 2 * half * half
    return result


def _canberra(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """|x - y|/(|x| + |y|)."""
    result: np.ndarray = np.abs(np.subtract(x, y)) / (np.abs(x) + np.abs(y))
    return result


def _log_ratio(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """log(x/y), near 0 by the difference, which is exact there."""
    ratio = np.divide(x, y)
    apart = np.log(x) - np.log(y)
    near = np.log1p(np.subtract(x, y) / y)
    return np.where((ratio > 0.5) & (ratio < 2), near, np.where((ratio > 1e-30) & (ratio < 1e30), np.log(ratio), apart))


def _kl_div(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """x log(x/y) - x + y: near x = y by a series in v = (x - y)/(x + y), (x - y) v + 2 x (v^3/3 + v^5/5 + ...)."""
    d = np.subtract(x, y)
    v = d / (np.asarray(x) + y)
    w = np.minimum(v * v, 0.04)
    series = np.zeros_like(w)
    for n in range(27, 1, -2):
        series = w * (series + 1 / n)
    flat = np.where(np.asarray(x) == np.inf, x, y)
    far = np.where((np.asarray(x) == 0) | np.isinf(flat), flat, x * _log_ratio(x, y) - d)
    return np.where(np.abs(v) < 0.2, d * v + 2 * x * v * series, far)


def _powm1(x: np.ndarray | float, c: np.ndarray | float) -> np.ndarray:
    """x^c - 1 for x >= 0: by the logarithm where the power is close to 1."""
    exponent = c * np.log(x)
    near = (np.abs(exponent) < 0.5) | ((np.abs(np.asarray(x) - 1.25) < 0.75) & (exponent == exponent))
    return np.where(near, np.expm1(exponent), np.power(x, c) - 1)


def _pow1pm1(x: np.ndarray | float, c: np.ndarray | float) -> np.ndarray:
    """(1 + x)^c - 1 for x >= -1: by the logarithm where the power is close to 1, or x much smaller."""
    exponent = c * np.log1p(x)
    near = (np.abs(exponent) < 0.5) | ((np.abs(x) < 1) & (exponent == exponent))
    return np.where(near, np.expm1(exponent), np.power(1 + np.asarray(x), c) - 1)
