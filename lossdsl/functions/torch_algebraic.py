"""Roots and quotients of squares of the PyTorch prelude; as `torch_helpers`."""

from __future__ import annotations

import torch

from lossdsl.functions.torch_helpers import _tensors


def _hypot(x: torch.Tensor | float, y: torch.Tensor | float) -> torch.Tensor:
    """sqrt(x^2 + y^2), with gradient 0 at (0, 0)."""
    x, y = _tensors(x, y)
    zero = (x == 0) & (y == 0)
    return torch.where(zero, 0, torch.hypot(torch.where(zero, 1, x), y))


def _hypot_slope(x: torch.Tensor | float, y: torch.Tensor | float) -> torch.Tensor:
    """x/sqrt(x^2 + y^2): 0 where x is, 1 or -1 at infinities of x."""
    x, y = _tensors(x, y)
    zero = (x == 0) & (y == 0)
    x = torch.where(zero, 1, x)
    larger = torch.abs(x) >= torch.abs(y)
    ratio = torch.where(larger, y, x) / torch.where(larger, x, y)
    above = torch.where(larger, torch.where(x < 0, -1, 1), torch.where(y < 0, -ratio, ratio))
    return torch.where(zero, 0, above / torch.sqrt(1 + ratio * ratio))


def _hypot_excess(x: torch.Tensor | float, y: torch.Tensor | float) -> torch.Tensor:
    """sqrt(x^2 + y^2) - |y| without cancellation."""
    x, y = _tensors(x, y)
    flat = (x == 0) | torch.isinf(x)
    a = torch.abs(torch.where(flat, 1, x))
    return torch.where(flat, torch.abs(x), a * (a / (torch.hypot(a, y) + torch.abs(y))))


def _log1p_square(x: torch.Tensor) -> torch.Tensor:
    """log(1 + x^2), 2 log|x| where 1 does not count."""
    far = torch.abs(x) > 1e9
    return torch.where(far, 2 * torch.log(torch.abs(torch.where(far, x, 1))), torch.log1p(torch.where(far, 0, x) ** 2))


def _log1p_square_slope(x: torch.Tensor) -> torch.Tensor:
    """2x/(1 + x^2), which is the same at x and at 1/x."""
    far = torch.abs(x) > 1
    w = torch.where(far, 1 / torch.where(far, x, 1), x)
    return 2 * w / (1 + w * w)


def _share(x: torch.Tensor | float, y: torch.Tensor | float) -> torch.Tensor:
    """x/(x + y), by the ratio of the smaller to the larger: no overflow."""
    x, y = _tensors(x, y)
    larger = torch.abs(x) >= torch.abs(y)
    ratio = torch.where(larger, y, x) / torch.where(larger, x, y)
    return torch.where(larger, 1, ratio) / (1 + ratio)


def _power_deficit(order: int, x: torch.Tensor) -> torch.Tensor:
    """1 - (1 - x)^order, as x times the sum of the lower powers of 1 - x."""
    q = 1 - x
    total = torch.ones_like(q)
    for _ in range(int(order) - 1):
        total = total * q + 1
    return x * total


def _expm1_excess(x: torch.Tensor) -> torch.Tensor:
    """exp(x) - 1 - x: for |x| < 1 as x^2/2 (1 + x/3 (1 + x/4 (...)))."""
    near = torch.abs(x) < 1
    small = torch.where(near, x, 0)
    series = torch.ones_like(small)
    for n in range(20, 2, -1):
        series = 1 + small / n * series
    large = torch.where(near, 1, x)
    return torch.where(near, small * small / 2 * series, torch.expm1(large) - torch.where(large == torch.inf, 0, large))


def _log1p_integral(x: torch.Tensor) -> torch.Tensor:
    """(1 + x) log(1 + x) - x: near 0 by the series of `_kl_div`."""
    near = (x > -0.33) & (x < 0.5)
    a = torch.where(near, x, 0)
    v = a / (2 + a)
    w = v * v
    series = torch.zeros_like(w)
    for n in range(27, 1, -2):
        series = w * (series + 1 / n)
    flat = (x == -1) | (x == torch.inf)
    b = torch.where(near | flat, 1, x)
    far = torch.where(flat, torch.abs(x), (1 + b) * torch.log1p(b) - b)
    return torch.where(near, a * v + 2 * (1 + a) * v * series, far)


def _log1p_deficit(x: torch.Tensor) -> torch.Tensor:
    """x - log(1 + x): near 0 by the series of log(1 + x) in v = x/(2 + x), 2 (v + v^3/3 + v^5/5 + ...)."""
    near = (x > -0.5) & (x < 1)
    a = torch.where(near, x, 0)
    v = a / (2 + a)
    w = v * v
    series = torch.zeros_like(w)
    for n in range(37, 1, -2):
        series = w * (series + 1 / n)
    b = torch.where(near | (x == torch.inf), 1, x)
    far = torch.where(x == torch.inf, x, b - torch.log1p(b))
    return torch.where(near, v * (a - 2 * series), far)


def _erlang_cdf(x: torch.Tensor) -> torch.Tensor:
    """1 - (1 + x) exp(-x): near 0 as (exp(x) - 1 - x) exp(-x)."""
    near = torch.abs(x) < 1
    small = torch.where(near, x, 0)
    above, below = torch.where((x >= 1) & (x < torch.inf), x, 1), torch.where(x <= -1, x, -1)
    far = torch.where(x == torch.inf, 1, -torch.expm1(-above) - above * torch.exp(-above))
    far = torch.where(x < 0, 1 - (1 + below) * torch.exp(-below), far)
    return torch.where(torch.isnan(x), x, torch.where(near, _expm1_excess(small) * torch.exp(-small), far))


def _versine(x: torch.Tensor) -> torch.Tensor:
    """1 - cos(x), as 2 sin(x/2)^2."""
    half = torch.sin(x / 2)
    return 2 * half * half


def _canberra(x: torch.Tensor | float, y: torch.Tensor | float) -> torch.Tensor:
    """|x - y|/(|x| + |y|)."""
    x, y = _tensors(x, y)
    return torch.abs(x - y) / (torch.abs(x) + torch.abs(y))


def _log_ratio(x: torch.Tensor | float, y: torch.Tensor | float) -> torch.Tensor:
    """log(x/y), near 0 by the difference, which is exact there."""
    x, y = _tensors(x, y)
    near = (x < 2 * y) & (y < 2 * x)
    inner_x, inner_y = torch.where(near, x, 1), torch.where(near, y, 1)
    outer_x, outer_y = torch.where(near, 1, x), torch.where(near, 2, y)
    even = (outer_x < 1e30 * outer_y) & (outer_y < 1e30 * outer_x)
    by_ratio = torch.log(torch.where(even, outer_x, 1) / torch.where(even, outer_y, 1))
    apart = torch.log(outer_x) - torch.log(outer_y)
    return torch.where(near, torch.log1p((inner_x - inner_y) / inner_y), torch.where(even, by_ratio, apart))


def _kl_div(x: torch.Tensor | float, y: torch.Tensor | float) -> torch.Tensor:
    """x log(x/y) - x + y: near x = y by a series in v = (x - y)/(x + y), (x - y) v + 2 x (v^3/3 + v^5/5 + ...)."""
    x, y = _tensors(x, y)
    near = (x < 1.5 * y) & (y < 1.5 * x)
    a, b = torch.where(near, x, 1), torch.where(near, y, 1)
    v = (a - b) / (a + b)
    w = v * v
    series = torch.zeros_like(w)
    for n in range(27, 1, -2):
        series = w * (series + 1 / n)
    inside = (a - b) * v + 2 * a * v * series
    flat = (x == 0) | (x == torch.inf) | (y == torch.inf)
    c, d = torch.where(near | flat, 2, x), torch.where(near | flat, 1, y)
    far = torch.where(flat, torch.where(x == torch.inf, x, y), c * _log_ratio(c, d) - (c - d))
    return torch.where(near, inside, far)


def _powm1(x: torch.Tensor, c: torch.Tensor | float) -> torch.Tensor:
    """x^c - 1 for x >= 0: by the logarithm where the power is close to 1."""
    inside = (x > 0) & (x < torch.inf)
    exponent = c * torch.log(torch.where(inside, x, 1))
    near = inside & (exponent == exponent) & ((torch.abs(exponent) < 0.5) | (torch.abs(x - 1.25) < 0.75))
    return torch.where(near, torch.expm1(torch.where(near, exponent, 0)), torch.pow(torch.where(near, 1, x), c) - 1)


def _pow1pm1(x: torch.Tensor, c: torch.Tensor | float) -> torch.Tensor:
    """(1 + x)^c - 1 for x >= -1: by the logarithm where the power is close to 1, or x much smaller."""
    inside = (x > -1) & (x < torch.inf)
    exponent = c * torch.log1p(torch.where(inside, x, 0))
    near = inside & (exponent == exponent) & ((torch.abs(exponent) < 0.5) | (torch.abs(x) < 1))
    return torch.where(near, torch.expm1(torch.where(near, exponent, 0)), torch.pow(1 + torch.where(near, 0, x), c) - 1)
