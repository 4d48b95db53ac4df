"""Functions of Python numbers, with the results of IEEE 754 where Python raises; copied into emitted modules.

They look at nothing but their arguments and use nothing but `math`.
"""

from __future__ import annotations

import math


def _host_div(x: float, y: float) -> float:
    if y != 0:
        return x / y
    return math.copysign(math.inf, x) * math.copysign(1.0, y) if x != 0 and not math.isnan(x) else math.nan


def _host_pow(x: float, p: float) -> float:
    if p == 0 or x == 1:
        return 1.0
    if x == 0:
        return 0.0 if p > 0 else math.inf
    if not (math.isfinite(x) and math.isfinite(p)):
        return math.pow(x, p)
    if x < 0 and p % 1 != 0:
        return math.nan
    if p * math.log(abs(x)) > 709.782712893384:
        return -math.inf if x < 0 and p % 2 == 1 else math.inf
    return math.pow(x, p)


def _host_exp(x: float) -> float:
    return math.inf if x > 709.782712893384 else math.exp(x)


def _host_expm1(x: float) -> float:
    return math.inf if x > 709.782712893384 else math.expm1(x)


def _host_log(x: float) -> float:
    if x <= 0:
        return -math.inf if x == 0 else math.nan
    return math.log(x)


def _host_log1p(x: float) -> float:
    if x <= -1:
        return -math.inf if x == -1 else math.nan
    return math.log1p(x)


def _host_log2(x: float) -> float:
    return math.log2(x) if x > 0 else _host_log(x)


def _host_log10(x: float) -> float:
    return math.log10(x) if x > 0 else _host_log(x)


def _host_sqrt(x: float) -> float:
    return math.nan if x < 0 else math.sqrt(x)


def _host_sign(x: float) -> float:
    return math.nan if math.isnan(x) else float((x > 0) - (x < 0))


def _host_floor(x: float) -> float:
    return float(math.floor(x)) if math.isfinite(x) else x


def _host_round(x: float) -> float:
    return float(round(x)) if math.isfinite(x) else x


def _host_mod(x: float, y: float) -> float:
    return x % y if y != 0 and math.isfinite(x) else math.nan


def _host_clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def _host_relu(x: float) -> float:
    return max(x, 0.0)


def _host_sin(x: float) -> float:
    return math.sin(x) if math.isfinite(x) else math.nan


def _host_cos(x: float) -> float:
    return math.cos(x) if math.isfinite(x) else math.nan


def _host_tan(x: float) -> float:
    return math.tan(x) if math.isfinite(x) else math.nan


def _host_asin(x: float) -> float:
    return math.asin(x) if abs(x) <= 1 else math.nan


def _host_acos(x: float) -> float:
    return math.acos(x) if abs(x) <= 1 else math.nan


def _host_atan(x: float) -> float:
    return math.atan(x)


def _host_atan2(y: float, x: float) -> float:
    return math.atan2(y, x)


def _host_sinh(x: float) -> float:
    return math.sinh(x) if abs(x) < 710 else math.copysign(math.inf, x) if abs(x) > 711 else _scaled_exp(x)


def _host_cosh(x: float) -> float:
    return math.cosh(x) if abs(x) < 710 else _scaled_exp(abs(x))


def _scaled_exp(x: float) -> float:
    """exp(|x|)/2 with the sign of x, also where exp(|x|) overflows before it is halved."""
    half = _host_exp(abs(x) / 2)
    return math.copysign(half / 2 * half, x)


def _host_tanh(x: float) -> float:
    return math.tanh(x)


def _host_sigmoid(x: float) -> float:
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    return math.exp(x) / (1 + math.exp(x))


def _host_softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _host_log_sigmoid(x: float) -> float:
    return -_host_softplus(-x)


def _host_logaddexp(x: float, y: float) -> float:
    if x == y:
        return x + math.log(2)
    return max(x, y) + math.log1p(math.exp(-abs(x - y)))


def _host_logcosh(x: float) -> float:
    if abs(x) < 1:
        return math.log1p(2 * math.sinh(x / 2) ** 2)
    return abs(x) + math.log1p(math.exp(-2 * abs(x))) - math.log(2)


def _host_logit(x: float) -> float:
    if abs(x - 0.5) < 0.25:
        return math.log1p((2 * x - 1) / (1 - x))
    return _host_log(_host_div(x, 1 - x))


def _host_xlogy(x: float, y: float) -> float:
    return 0.0 if x == 0 and not math.isnan(y) else x * _host_log(y)


def _host_xlog1py(x: float, y: float) -> float:
    return 0.0 if x == 0 and not math.isnan(y) else x * _host_log1p(y)


def _host_log1mexp(x: float) -> float:
    if x > -0.6931471805599453:
        return _host_log(-_host_expm1(x))
    return math.log1p(-math.exp(x))


def _host_sqrt1pm1(x: float) -> float:
    return x if x == math.inf else x / (1 + _host_sqrt(1 + x))


def _host_hypot(x: float, y: float) -> float:
    return math.hypot(x, y)


def _host_hypot_slope(x: float, y: float) -> float:
    if math.isinf(x):
        return math.nan if math.isinf(y) else math.copysign(1.0, x)
    if x == 0 or math.isinf(y):
        return 0.0
    scale = max(abs(x), abs(y))
    return x / scale / math.hypot(x / scale, y / scale)


def _host_hypot_excess(x: float, y: float) -> float:
    a = abs(x)
    return a if a in (0, math.inf) else a * (a / (math.hypot(x, y) + abs(y)))


def _host_log1p_square(x: float) -> float:
    a = abs(x)
    return 2 * math.log(a) if a > 1e9 else math.log1p(a * a)


def _host_log1p_square_slope(x: float) -> float:
    w = 1 / x if abs(x) > 1 else x
    return 2 * w / (1 + w * w)


def _host_share(x: float, y: float) -> float:
    if abs(x) >= abs(y):
        return _host_div(1.0, 1 + _host_div(y, x))
    return _host_div(x / y, 1 + x / y)


def _host_power_deficit(order: float, x: float) -> float:
    if order % 1 != 0 or not 1 <= order <= 8:
        return 1 - _host_pow(1 - x, order)
    q, total = 1 - x, 1.0
    for _ in range(int(order) - 1):
        total = total * q + 1
    return x * total


def _host_expm1_excess(x: float) -> float:
    if abs(x) >= 1:
        return math.inf if math.isinf(x) else _host_expm1(x) - x
    series = 1.0
    for n in range(20, 2, -1):
        series = 1 + x / n * series
    return x * x / 2 * series


def _host_log_ratio(x: float, y: float) -> float:
    if 0 < x < 2 * y and y < 2 * x:
        return math.log1p((x - y) / y)
    return _host_log(x) - _host_log(y)


def _host_kl_div(x: float, y: float) -> float:
    if x < 0 or y < 0:
        return math.nan
    if x == 0 or math.inf in (x, y):
        return math.inf if x == math.inf else y
    v = (x - y) / (x + y)
    if abs(v) >= 0.2:
        return x * _host_log_ratio(x, y) - (x - y)
    series = 0.0
    for n in range(27, 1, -2):
        series = v * v * (series + 1 / n)
    return (x - y) * v + 2 * x * v * series


def _host_log1p_integral(x: float) -> float:
    if x < -1:
        return math.nan
    if x == -1 or x == math.inf:
        return abs(x)
    v = x / (2 + x)
    if abs(v) >= 0.2:
        return (1 + x) * math.log1p(x) - x
    series = 0.0
    for n in range(27, 1, -2):
        series = v * v * (series + 1 / n)
    return x * v + 2 * (1 + x) * v * series


def _host_log1p_deficit(x: float) -> float:
    if x <= -1 or x == math.inf:
        return math.inf if x in (-1, math.inf) else math.nan
    v = x / (2 + x)
    if abs(v) >= 1 / 3:
        return x - math.log1p(x)
    series = 0.0
    for n in range(37, 1, -2):
        series = v * v * (series + 1 / n)
    return v * (x - 2 * series)


def _host_erlang_cdf(x: float) -> float:
    if x == math.inf:
        return 1.0
    if x <= -1:
        return 1 - (1 + x) * _host_exp(-x) if x < -1 else 1.0
    if x >= 1:
        return -math.expm1(-x) - x * math.exp(-x)
    return _host_expm1_excess(x) * math.exp(-x)


def _host_versine(x: float) -> float:
    half = _host_sin(x / 2)
    return 2 * half * half


def _host_canberra(x: float, y: float) -> float:
    return _host_div(abs(x - y), abs(x) + abs(y))


def _host_exprel(x: float) -> float:
    if x > 700:
        return x if x == math.inf else _host_exp(x / 2) / x * _host_exp(x / 2)
    return math.expm1(x) / x if x != 0 else 1.0


def _host_softmax_weight(e: float, s: float) -> float:
    return 0.0 if s == -math.inf else _host_exp(e - s)


def _host_gumbel_logcdf(x: float) -> float:
    if x > 7:
        return 0.0
    return x + math.log(_host_exprel(-math.exp(x))) if x < 0 else math.log1p(-math.exp(-math.exp(x)))


def _host_gumbel_hazard(x: float) -> float:
    return 1 / _host_exprel(math.exp(min(x, 7.0)))


def _host_softmax_complement(e: float, s: float) -> float:
    return 1.0 if s == -math.inf else -_host_expm1(e - s)


def _host_fraction(x: float) -> float:
    return math.fmod(x, 1.0) if math.isfinite(x) else math.nan


def _host_guarded_mul(g: float, d: float) -> float:
    return 0.0 if g == 0 or d == 0 else g * d


def _host_guarded_div(x: float, y: float) -> float:
    return 0.0 if x == 0 else _host_div(x, y)


def _host_guarded_sub(x: float, y: float) -> float:
    return 0.0 if x == y else x - y


def _host_erf(x: float) -> float:
    return math.erf(x)


def _host_erfc(x: float) -> float:
    return math.erfc(x)


def _host_normal_cdf(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


def _host_normal_logcdf(x: float) -> float:
    if x > -10:
        return math.log1p(-_host_normal_cdf(-x)) if x > 0 else math.log(_host_normal_cdf(x))
    # the Mills ratio of the tail as a continued fraction
    ratio = -x
    for k in range(40, 0, -1):
        ratio = -x + k / ratio
    return -x * x / 2 - math.log(2 * math.pi) / 2 - math.log(ratio)


def _host_lgamma(x: float) -> float:
    if math.isinf(x) or (x <= 0 and x % 1 == 0):
        return math.inf
    return math.lgamma(x)


def _host_digamma(x: float) -> float:
    if x == -math.inf or (x <= 0 and x % 1 == 0):
        return -math.inf if x == 0 else math.nan
    if x < 0:
        return _host_digamma(1 - x) - math.pi / math.tan(math.pi * x)
    total = 0.0
    while x < 12:
        total -= 1 / x
        x += 1
    r = 1 / (x * x)
    series = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - r * 691 / 32760)))))
    return total + math.log(x) - 1 / (2 * x) - series


def _host_powm1(x: float, c: float) -> float:
    if x < 0:
        return math.nan
    exponent = c * _host_log(x)
    if abs(exponent) < 0.5 or (0.5 < x < 2 and exponent == exponent):
        return _host_expm1(exponent)
    return _host_pow(x, c) - 1


def _host_pow1pm1(x: float, c: float) -> float:
    if x < -1:
        return math.nan
    exponent = c * _host_log1p(x)
    if abs(exponent) < 0.5 or (abs(x) < 1 and exponent == exponent):
        return _host_expm1(exponent)
    return _host_pow(1 + x, c) - 1
