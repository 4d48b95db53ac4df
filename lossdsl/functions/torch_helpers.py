"""Functions of the PyTorch prelude: their text is copied into the modules that lossdsl emits.

Each takes tensors, or a tensor and Python numbers, and is made of differentiable operations without data-dependent
control flow: `torch.compile(fullgraph=True)`, `torch.func.vmap` and autograd go through.  In a branch of `torch.where`
that is not taken the argument is replaced first, since autograd multiplies the 0 it sends there by the derivative.
"""

from __future__ import annotations

import torch


def _tensors(*values: torch.Tensor | float) -> list[torch.Tensor]:
    """The values as tensors, numbers in the dtype and on the device of the first tensor."""
    like = next(value for value in values if isinstance(value, torch.Tensor))
    return [
        value if isinstance(value, torch.Tensor) else torch.full((), value, dtype=like.dtype, device=like.device)
        for value in values
    ]


def _sigmoid(x: torch.Tensor) -> torch.Tensor:
    """1/(1 + exp(-x)): below -40 as exp(x), since exp(-x) overflows before the sigmoid is 0."""
    return torch.maximum(torch.sigmoid(x), torch.exp(torch.clamp(x, max=-40)))


def _softplus(x: torch.Tensor) -> torch.Tensor:
    """log(1 + exp(x)); torch's own softplus is x above its threshold."""
    return -torch.nn.functional.logsigmoid(-x)


def _logaddexp(x: torch.Tensor | float, y: torch.Tensor | float) -> torch.Tensor:
    """log(exp(x) + exp(y)), with derivatives sigmoid(x - y) and sigmoid(y - x), and 1/2 at equal infinities."""
    x, y = _tensors(x, y)
    same = (x == y) & torch.isinf(x)
    gap = torch.where(same, 0, x) - torch.where(same, 0, y)
    return torch.where(same, (x + y) / 2, torch.where(gap > 0, x, y) + _softplus(torch.where(gap > 0, -gap, gap)))


def _logcosh(x: torch.Tensor) -> torch.Tensor:
    """log(cosh(x)): log1p(2 sinh(x/2)^2) near 0, where cosh(x) loses x."""
    near = torch.log1p(2 * torch.sinh(torch.clamp(x, -2, 2) / 2) ** 2)
    a = torch.abs(x)
    return torch.where(a < 2, near, a + (_softplus(-2 * a) - 0.6931471805599453))


def _logit(x: torch.Tensor) -> torch.Tensor:
    """log(x/(1 - x)): around 1/2 by log1p of (2x - 1)/(1 - x), whose numerator is exact there."""
    central = torch.abs(x - 0.5) <= 0.25
    middle = torch.where(central, x, 0.5)
    outer = torch.where(central, 0.25, x)
    return torch.where(central, torch.log1p((2 * middle - 1) / (1 - middle)), torch.log(outer / (1 - outer)))


def _xlogy(x: torch.Tensor | float, y: torch.Tensor | float) -> torch.Tensor:
    """x*log(y), and 0 where x is 0, unless y is NaN."""
    x, y = _tensors(x, y)
    absent = (x == 0) & ((y <= 0) | (y == torch.inf))
    return x * torch.log(torch.where(absent, 1, y))


def _xlog1py(x: torch.Tensor | float, y: torch.Tensor | float) -> torch.Tensor:
    """x*log(1 + y), and 0 where x is 0, unless y is NaN."""
    x, y = _tensors(x, y)
    absent = (x == 0) & ((y <= -1) | (y == torch.inf))
    return x * torch.log1p(torch.where(absent, 0, y))


def _log1mexp(x: torch.Tensor) -> torch.Tensor:
    """log(1 - exp(x)) for x <= 0: by expm1 near 0, by log1p far from it."""
    near = x > -0.6931471805599453
    by_expm1 = torch.log(-torch.expm1(torch.where(near, x, -1)))
    return torch.where(near, by_expm1, torch.log1p(-torch.exp(torch.where(near, -1, x))))


def _sqrt1pm1(x: torch.Tensor) -> torch.Tensor:
    """sqrt(1 + x) - 1 for x >= -1, without cancellation near 0."""
    infinite = x == torch.inf
    finite = torch.where(infinite, 0, x)
    return torch.where(infinite, x, finite / (1 + torch.sqrt(1 + finite)))


def _exp_moment(order: int, x: torch.Tensor) -> torch.Tensor:
    """The integral of t^order exp(x t) over 0 <= t <= 1: the derivative of (exp(x) - 1)/x of that order.

    For |x| <= 2 order + 4 a series of positive terms (in x for x > 0, exp(x) times one in -x for x < 0), else
    integration by parts.
    """
    k = int(order)
    reach = 2.0 * k + 4.0
    small = torch.abs(x) <= reach
    right_x = torch.where(small & (x > 0), x, 0)
    left_x = torch.where(small & (x <= 0), x, 0)
    right, left = torch.zeros_like(x), torch.ones_like(x)
    for n in range(6 * k + 32, 0, -1):
        right = 1 / (k + n) + right_x / n * right
        left = 1 - left_x / (k + 1 + n) * left
    series = torch.where(x > 0, right, torch.exp(left_x) * left / (k + 1))
    large = torch.where(small | torch.isinf(x), reach + 1, x)
    half = torch.exp(large / 2)
    outer = torch.where(large > 0, 1, half * half)
    moment = -torch.expm1(-torch.abs(large)) / torch.abs(large)
    for i in range(1, k + 1):
        moment = (outer - i * moment) / large
    parts = torch.where(large > 0, half * moment * half, moment)
    return torch.where(small | torch.isnan(x), series + 0 * x, torch.where(torch.isinf(x), torch.relu(x), parts))


def _exprel(x: torch.Tensor) -> torch.Tensor:
    """(exp(x) - 1)/x, and 1 at 0: near 0 by its series, whose derivative does not cancel either."""
    small = torch.abs(x) <= 1
    near = torch.where(small, x, 0)
    series = torch.ones_like(x)
    for n in range(20, 1, -1):
        series = 1 + series * near / n
    far = torch.where(small, 1, x)
    half = torch.exp(far / 2)
    by_parts = torch.where(far > 50, half / torch.where(torch.isinf(far), 1, far) * half, torch.expm1(far) / far)
    return torch.where(small, series, by_parts)


def _gumbel_logcdf(x: torch.Tensor) -> torch.Tensor:
    """log(1 - exp(-exp(x))): below 0 as x plus the log of what exp(x) lacks to it, in ratio."""
    below = x < 0
    near, far = torch.where(below, x, -1), torch.clamp(torch.where(below, 0, x), max=7)
    return torch.where(below, x + torch.log(_exprel(-torch.exp(near))), torch.log1p(-torch.exp(-torch.exp(far))))


def _gumbel_hazard(x: torch.Tensor) -> torch.Tensor:
    """exp(x)/(exp(exp(x)) - 1): 1 far below 0."""
    u = torch.exp(torch.clamp(x, max=7))
    return torch.exp(-u) / _exprel(-u)


def _softmax_weight(e: torch.Tensor | float, s: torch.Tensor | float) -> torch.Tensor:
    """exp(e - s), and 0 where s is -inf: the log of an empty sum."""
    e, s = _tensors(e, s)
    empty = s == -torch.inf
    return torch.where(empty, 0, torch.exp(torch.where(empty, 0, e) - torch.where(empty, 0, s)))


def _softmax_complement(e: torch.Tensor | float, s: torch.Tensor | float) -> torch.Tensor:
    """1 - exp(e - s), and 1 where s is -inf: the log of an empty sum."""
    e, s = _tensors(e, s)
    empty = s == -torch.inf
    return torch.where(empty, 1, -torch.expm1(torch.where(empty, 0, e) - torch.where(empty, 0, s)))


def _guarded_mul(g: torch.Tensor | float, d: torch.Tensor | float) -> torch.Tensor:
    """g*d, and 0 where one of them is 0, though the other be infinite or NaN."""
    g, d = _tensors(g, d)
    return torch.where((d == 0) & ~torch.isfinite(g), 0, g) * torch.where((g == 0) & ~torch.isfinite(d), 0, d)


def _guarded_div(x: torch.Tensor | float, y: torch.Tensor | float) -> torch.Tensor:
    """x/y, and 0 where x is 0, though y be 0 or NaN."""
    x, y = _tensors(x, y)
    return x / torch.where((x == 0) & ((y == 0) | torch.isnan(y)), 1, y)


def _guarded_sub(x: torch.Tensor | float, y: torch.Tensor | float) -> torch.Tensor:
    """x - y, and 0 where both are the same infinity."""
    x, y = _tensors(x, y)
    same = (x == y) & torch.isinf(x)
    return torch.where(same, 0, x) - torch.where(same, 0, y)


def _clip(x: torch.Tensor | float, low: torch.Tensor | float, high: torch.Tensor | float) -> torch.Tensor:
    """min(max(x, low), high), with derivative 1 at the bounds; torch.clamp has none at all where low = high."""
    x, low, high = _tensors(x, low, high)
    below = (x < low) & (low <= high)
    return torch.where((x > high) | (low > high), high, torch.where(below, low, x))


def _maximum(*values: torch.Tensor | float) -> torch.Tensor:
    """The greatest value; ties share the gradient equally."""
    tensors = _tensors(*values)
    greatest = tensors[0]
    for tensor in tensors[1:]:
        greatest = torch.maximum(greatest, tensor)
    if len(tensors) == 2:
        return greatest
    # nested, torch.maximum would give the last of three equal values half of the gradient
    return torch.amax(torch.stack([tensor.expand_as(greatest) for tensor in tensors]), dim=0)


def _minimum(*values: torch.Tensor | float) -> torch.Tensor:
    """The least value; ties share the gradient equally."""
    tensors = _tensors(*values)
    least = tensors[0]
    for tensor in tensors[1:]:
        least = torch.minimum(least, tensor)
    if len(tensors) == 2:
        return least
    # nested, torch.minimum would give the last of three equal values half of the gradient
    return torch.amin(torch.stack([tensor.expand_as(least) for tensor in tensors]), dim=0)


def _atan2(y: torch.Tensor | float, x: torch.Tensor | float) -> torch.Tensor:
    """The angle of (x, y), with derivative 0 at the origin."""
    y, x = _tensors(y, x)
    origin = (x == 0) & (y == 0)
    return torch.where(origin, 0, torch.atan2(torch.where(origin, 0, y), torch.where(origin, 1, x)))
