"""Elementary functions of the NumPy prelude: their text is copied into the modules that lossdsl emits.

Each takes arrays, NumPy scalars or Python floats and returns float32 for float32, float64 for float64.  Each uses
`np` and other functions of the prelude, nothing else, so that its text stands alone.  Overflow and invalid operations
in a branch that is not taken are expected: callers work under `np.errstate(all="ignore")`.
"""

from __future__ import annotations

import numpy as np


def _where(condition: np.ndarray | bool, then: np.ndarray | float, otherwise: np.ndarray | float) -> np.ndarray:
    """np.where for numbers; long arrays by masking bits: np.where branches, and guesses wrong half of the time."""
    dt = np.result_type(then, otherwise) if np.size(condition) > 2048 else None
    if dt is None or dt.char not in "fd":
        return np.where(condition, then, otherwise)
    whole = np.dtype(np.int32 if dt.char == "f" else np.int64)
    mask = np.asarray(condition).astype(whole)
    np.negative(mask, out=mask)  # all bits, or none
    first, second = np.asarray(then, dt).view(whole), np.asarray(otherwise, dt).view(whole)
    if second.ndim == 0 and second == 0:
        return np.asarray(np.bitwise_and(first, mask, out=mask if first.ndim == 0 else None)).view(dt)
    bits = np.bitwise_xor(first, second)
    bits = np.bitwise_and(bits, mask, out=bits if bits.shape == mask.shape else None)
    return np.bitwise_xor(bits, second, out=bits).view(dt)


def _clip(x: np.ndarray | float, low: np.ndarray | float, high: np.ndarray | float) -> np.ndarray:
    """min(max(x, low), high); for long arrays by a loop of NumPy's that is vectorised for bounds that are numbers."""
    if np.size(x) > 2048:
        return np.clip(x, low, high)
    clipped: np.ndarray = np.minimum(np.maximum(x, low), high)
    return clipped


def _larger(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """np.maximum; of a long array and a number by np.clip, whose loop is vectorised for a number."""
    if np.ndim(x) == 0:
        x, y = y, x
    if np.size(x) > 2048 and np.ndim(y) == 0 and np.result_type(x, y).kind == "f":
        return np.clip(x, y, np.inf)
    return np.maximum(x, y)


def _smaller(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """np.minimum; of a long array and a number by np.clip, whose loop is vectorised for a number."""
    if np.ndim(x) == 0:
        x, y = y, x
    if np.size(x) > 2048 and np.ndim(y) == 0 and np.result_type(x, y).kind == "f":
        return np.clip(x, -np.inf, y)
    return np.minimum(x, y)


def _sigmoid(x: np.ndarray | float) -> np.ndarray:
    """1/(1 + exp(-x)), also where it is subnormal: only exp(-|x|) is taken."""
    e = np.exp(-np.abs(x))
    result: np.ndarray = _where(np.asarray(x) >= 0, 1, e) / (1 + e)
    return result


def _log_sigmoid(x: np.ndarray | float) -> np.ndarray:
    """log(1/(1 + exp(-x))), without overflow and without cancellation."""
    result: np.ndarray = _smaller(x, 0) - np.log1p(np.exp(-np.abs(x)))
    return result


def _softplus(x: np.ndarray | float) -> np.ndarray:
    """log(1 + exp(x)), without overflow and without cancellation."""
    result: np.ndarray = _larger(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return result


def _logcosh(x: np.ndarray | float) -> np.ndarray:
    """log(1 + (cosh(x) - 1)) near 0, where cosh(x) loses x, and else |x| + log(1 + exp(-2|x|)) - log(2)."""
    a = np.abs(x)
    near = a < 2
    square = np.square(np.minimum(a, 2))
    series = square * (1 / 552) + 1  # cosh(x) - 1 = x^2/2 (1 + x^2/12 (1 + x^2/30 (1 + ...)))
    for divisor in (462, 380, 306, 240, 182, 132, 90, 56, 30, 12):
        series *= square
        series *= 1 / divisor
        series += 1
    logarithm = np.log1p(_where(near, series * square / 2, np.exp(-2 * a)))
    result: np.ndarray = _where(near, logarithm, a + (logarithm - 0.6931471805599453))
    return result


def _logit(x: np.ndarray | float) -> np.ndarray:
    """log(x/(1 - x)): around 1/2 by log1p of (2x - 1)/(1 - x), whose numerator is exact there."""
    middle = np.log1p((2 * x - 1) / (1 - x))
    return np.where(np.abs(np.asarray(x) - 0.5) <= 0.25, middle, np.log(x / (1 - x)))


def _xlogy(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """x*log(y), and 0 where x is 0, unless y is NaN."""
    y = np.asarray(y)
    return np.where((np.asarray(x) == 0) & (y == y), 0, x * np.log(y))


def _xlog1py(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """x*log(1 + y), and 0 where x is 0, unless y is NaN."""
    y = np.asarray(y)
    return np.where((np.asarray(x) == 0) & (y == y), 0, x * np.log1p(y))


def _log1mexp(x: np.ndarray | float) -> np.ndarray:
    """log(1 - exp(x)) for x <= 0: by expm1 near 0, by log1p far from it."""
    return np.where(np.asarray(x) > -0.6931471805599453, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


def _sqrt1pm1(x: np.ndarray | float) -> np.ndarray:
    """sqrt(1 + x) - 1 for x >= -1, without cancellation near 0."""
    return np.where(np.asarray(x) < np.inf, x / (1 + np.sqrt(1 + x)), x)


def _exprel(x: np.ndarray | float) -> np.ndarray:
    """(exp(x) - 1)/x, and 1 at 0; the exponential is split in two where it would overflow first."""
    x = np.asarray(x)
    half = np.exp(x / 2)
    return np.where(x == 0, 1, np.where(x > 50, half / np.minimum(x, np.finfo(half.dtype).max) * half, np.expm1(x) / x))


def _exp_moment(order: int, x: np.ndarray | float) -> np.ndarray:
    """The integral of t^order exp(x t) over 0 <= t <= 1: the derivative of (exp(x) - 1)/x of that order.

    For |x| <= 2 order + 4 a series of positive terms (in x for x > 0, exp(x) times one in -x for x < 0), else
    integration by parts.  Computed in float64.
    """
    x = np.asarray(x)
    z = x.astype(np.float64)
    k = int(order)
    reach = 2.0 * k + 4.0
    s = np.minimum(np.abs(z), reach)
    right, left = np.zeros_like(s), np.ones_like(s)
    for n in range(6 * k + 32, 0, -1):
        right = 1 / (k + n) + s / n * right
        left = 1 + s / (k + 1 + n) * left
    series = np.where(z > 0, right, np.exp(-s) * left / (k + 1))
    half = np.exp(z / 2)
    w = np.minimum(z, np.finfo(np.float64).max)
    # each step is (exp(x) - i*moment)/x; the factors half are put back at the end where x > 0
    outer = np.where(z > 0, 1.0, half * half)
    moment = -np.expm1(-np.abs(z)) / np.abs(w)
    for i in range(1, k + 1):
        moment = (outer - i * moment) / w
    parts = np.where(z > 0, half * moment * half, moment)
    result: np.ndarray = np.where(np.abs(z) <= reach, series, parts)
    return result.astype(np.result_type(x.dtype, np.float32))


def _gumbel_logcdf(x: np.ndarray | float) -> np.ndarray:
    """log(1 - exp(-exp(x))): below 0 as x plus the log of what exp(x) lacks to it, in ratio."""
    u = np.exp(x)
    return np.where(np.asarray(x) < 0, x + np.log(_exprel(-u)), np.log1p(-np.exp(-u)))


def _gumbel_hazard(x: np.ndarray | float) -> np.ndarray:
    """exp(x)/(exp(exp(x)) - 1): 1 far below 0."""
    result: np.ndarray = 1 / _exprel(np.exp(x))
    return result


def _softmax_weight(e: np.ndarray | float, s: np.ndarray | float) -> np.ndarray:
    """exp(e - s), and 0 where s is -inf: the log of an empty sum."""
    return np.where(np.asarray(s) == -np.inf, 0, np.exp(np.subtract(e, s)))


def _softmax_complement(e: np.ndarray | float, s: np.ndarray | float) -> np.ndarray:
    """1 - exp(e - s), and 1 where s is -inf: the log of an empty sum."""
    return np.where(np.asarray(s) == -np.inf, 1, -np.expm1(np.subtract(e, s)))


def _fraction(x: np.ndarray | float) -> np.ndarray:
    """What x has behind the point, with its sign."""
    fraction: np.ndarray = np.asarray(np.trunc(x))
    np.subtract(x, fraction, out=fraction)
    return fraction


def _guarded_mul(g: np.ndarray | float, d: np.ndarray | float) -> np.ndarray:
    """g*d, and 0 where one of them is 0, though the other be infinite or NaN."""
    product = np.multiply(g, d)
    if not np.isnan(np.minimum.reduce(product, axis=None, initial=0)):  # the least is NaN if anything is
        return product
    return np.where((np.asarray(g) == 0) | (np.asarray(d) == 0), 0, product)


def _guarded_div(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """x/y, and 0 where x is 0, though y be 0 or NaN."""
    quotient = np.divide(x, y)
    if not np.isnan(np.minimum.reduce(quotient, axis=None, initial=0)):  # the least is NaN if anything is
        return quotient
    return np.where(np.asarray(x) == 0, 0, quotient)


def _guarded_sub(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """x - y, and 0 where both are the same infinity."""
    difference = np.subtract(x, y)
    if not np.isnan(np.minimum.reduce(difference, axis=None, initial=0)):  # the least is NaN if anything is
        return difference
    return np.where(np.asarray(x) == y, 0, difference)
