"""The gamma function of the NumPy prelude: log gamma, digamma, polygamma; as `numpy_special`."""

from __future__ import annotations

import numpy as np

from lossdsl.functions.numpy_special import _polynomial


def _lgamma_near_two(h: np.ndarray) -> np.ndarray:
    """log(gamma(2 + h)) for |h| <= 1/2, float64; exact zero at 0."""
    coefficients = (
        0.42278433509846713, 0.1612335167120566, -0.016838075263299536, 0.0025726010534730713,
        -0.0004615969392917596, 9.032844783558553e-05, -1.863677987501598e-05, 3.981793163166481e-06,
        -8.716982450984518e-07, 1.942529474587772e-07, -4.387338974983724e-08, 1.0013314167996967e-08,
        -2.3043112100202176e-09, 5.339813130999916e-10, -1.2481202067269968e-10, 2.923176066319201e-11,
        -6.566709534240663e-12, 1.5491338158886129e-12, -5.116584685713687e-13, 1.2167067542304562e-13,
    )  # fmt: skip
    result: np.ndarray = h * _polynomial(2 * h, coefficients)
    return result


def _lgamma_positive(x: np.ndarray) -> np.ndarray:
    """log(gamma(x)) for x > 0, float64: around 2 by a polynomial, the recurrence, from 10 on Stirling's series."""
    shifted, factor = np.minimum(x, 10), np.ones_like(x)
    for _ in range(8):
        # the product of the integers below x stays exact enough: at most eight factors
        big = shifted > 2.5
        shifted = np.where(big, shifted - 1, shifted)
        factor = np.where(big, factor * shifted, factor)
    middle = _lgamma_near_two(np.clip(shifted - 2, -0.5, 0.5)) + np.log(factor)
    # below 3/2: gamma(x) = gamma(x + 1)/x, and again below 1/2; x - 1 and x are exact
    low = np.minimum(x, 1.5)
    once = _lgamma_near_two(np.clip(low - 1, -0.5, 0.5)) - np.log(low)
    twice = _lgamma_near_two(np.clip(low, 0, 0.5)) - np.log1p(low) - np.log(low)
    y = np.maximum(x, 10)
    r = 1 / y
    series = _polynomial(
        r * r,
        (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400),
    )
    stirling = (y - 0.5) * (np.log(y) - 1) + (0.4189385332046727 + r * series)
    result: np.ndarray = np.where(x < 0.5, twice, np.where(x < 1.5, once, np.where(x < 10, middle, stirling)))
    return result


def _lgamma(x: np.ndarray | float) -> np.ndarray:
    """log|gamma(x)|: inf at 0, -1, -2, ...; by reflection below 0."""
    x = np.asarray(x)
    z = x.astype(np.float64)
    a = np.abs(z)
    positive = _lgamma_positive(np.where(a == 0, 1, a))
    sine = np.abs(np.sin(np.pi * (a - np.round(a))))
    # gamma(x) gamma(-x) = -pi/(x sin(pi x))
    negative = np.where(a < 1e-20, -np.log(a), np.log(np.pi / a / sine) - positive)
    y = np.where(z > 0, positive, np.where((sine == 0) | (a == np.inf), np.inf, negative))
    return np.where(np.isnan(z), np.nan, np.where(z == np.inf, np.inf, y)).astype(np.result_type(x.dtype, np.float32))


def _digamma_positive(x: np.ndarray) -> np.ndarray:
    """digamma(x) for x > 0, float64: (x - root)*P(2x - 3) on [1, 2], the recurrence, from 10 on a series."""
    coefficients = (
        0.9510558760318328, -0.21181371064073024, 0.06013562106019673, -0.018550615381739837,
        0.0059367952783072235, -0.0019350666647357589, 0.0006368880302846364, -0.00021074841288832956,
        6.995018923408578e-05, -2.3258232475310846e-05, 7.741228917125823e-06, -2.5781348596283653e-06,
        8.589262341522206e-07, -2.8620913305524894e-07, 9.538512882131195e-08, -3.1812511684429887e-08,
        1.0603457246127488e-08, -3.503398923223047e-09, 1.167771177499064e-09, -4.1965284357280646e-10,
        1.3988314142821704e-10, -2.7517988497113302e-11, 9.172618879913334e-12, -1.0006438997505267e-11,
        3.335477322544212e-12,
    )  # fmt: skip
    shifted, steps = np.minimum(x, 10), np.zeros_like(x)
    for _ in range(8):
        big = shifted > 2
        shifted = np.where(big, shifted - 1, shifted)
        steps = np.where(big, steps + 1 / shifted, steps)
    one = np.where(x < 1, x + 1, np.clip(shifted, 1, 2))
    # the root is no float64: its tail is taken off after the exact subtraction of its head
    from_root = np.where(x < 1, x - 0.46163214496836225, one - 1.4616321449683622) - 9.549995429965697e-17
    middle = from_root * _polynomial(2 * one - 3, coefficients) + steps - np.where(x < 1, 1 / x, 0)
    y = np.maximum(x, 10)
    r = 1 / (y * y)
    series = _polynomial(r, (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160))
    result: np.ndarray = np.where(x < 10, middle, np.log(y) - 0.5 / y - r * series)
    return result


def _digamma(x: np.ndarray | float) -> np.ndarray:
    """The derivative of log|gamma(x)|: -inf at 0, NaN at -1, -2, ...; by reflection below 0."""
    x = np.asarray(x)
    z = x.astype(np.float64)
    a = np.abs(z)
    positive = _digamma_positive(np.where(a == 0, 1, a))
    angle = np.pi * (a - np.round(a))
    # digamma(-a) = digamma(a) + 1/a + pi cot(pi a)
    negative = np.where(angle == 0, np.nan, np.where(a < 1e-20, 1 / a, positive + 1 / a + np.pi / np.tan(angle)))
    y = np.where(z > 0, positive, np.where(z == 0, -np.inf, negative))
    return np.where(z == -np.inf, np.nan, y).astype(np.result_type(x.dtype, np.float32))


def _polygamma(order: int, x: np.ndarray | float) -> np.ndarray:
    """The derivative of digamma of that order >= 1: the recurrence up to order + 12, then the asymptotic series.

    Below 0 by reflection, with the derivatives of the cotangent as polynomials in it.  inf (odd order) or NaN
    (even order) at 0, -1, -2, ...
    """
    x = np.asarray(x)
    z = x.astype(np.float64)
    k = int(order)
    sign = -1.0 if k % 2 == 0 else 1.0
    factorial = 1.0
    for i in range(2, k + 1):
        factorial *= i
    shifted = np.where(z > 0, z, 1 - z)
    total = np.zeros_like(z)
    for _ in range(k + 12):
        small = shifted < k + 12
        total = np.where(small, total + factorial * shifted ** -(k + 1.0), total)
        shifted = np.where(small, shifted + 1, shifted)
    # sum over j of B_2j (2j + k - 1)!/((2j)! y^(2j + k)), with the first two terms (k - 1)!/y^k and k!/(2 y^(k + 1))
    power = factorial / k * shifted**-k
    tail = power + 0.5 * k * power / shifted
    bernoulli = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
    for j, number in enumerate(bernoulli, start=1):
        power = power * (2 * j + k - 1) / (2 * j) * ((2 * j + k - 2) / (2 * j - 1)) / (shifted * shifted)
        tail = tail + number * power
    total = sign * (total + tail)
    angle = np.pi * (z - np.round(z))
    cotangent = 1 / np.tan(angle)
    derivative = [0.0, 1.0]
    for _ in range(k):
        slope = [i * c for i, c in enumerate(derivative)][1:]
        derivative = [-a - b for a, b in zip([*slope, 0.0, 0.0], [0.0, 0.0, *slope], strict=True)]
    reflected = -sign * total - np.pi ** (k + 1.0) * _polynomial(cotangent, tuple(derivative))
    pole = np.inf if k % 2 else np.nan
    y = np.where(z > 0, total, np.where(angle == 0, np.where(z == -np.inf, np.nan, pole), reflected))
    return np.where(np.isnan(z), np.nan, y).astype(np.result_type(x.dtype, np.float32))
