"""E1 to E6: losses that are a mean over elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Array, Arrays, Case, Written, normal, shipped, typed

HUBER_MSE = """
def huber_rho(r; delta > 0) = r^2/2 if |r| <= delta else delta*(|r| - delta/2)

loss huber_mse(pred[n] | target[n]; delta > 0 = 1.0, alpha in [0, 1] = 0.7):
    r = pred - target
    return mean[n](alpha*huber_rho(r; delta) + (1 - alpha)*r^2)
"""
MANY = (10_000_000,)
FEW = (20_000,)


def numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return {"pred": normal(rng, shape), "target": normal(rng, shape)}


def bits(prediction: str, data: str) -> Callable[[np.random.Generator, tuple[int, ...]], Arrays]:
    return lambda rng, shape: {
        prediction: normal(rng, shape),
        data: (normal(rng, shape) > 0).astype(np.float32),
    }


def amounts(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return {"log_mean": normal(rng, shape), "target": np.abs(normal(rng, shape))}


def looped(make: Callable[[Any], Callable[..., tuple[Any, Any]]]) -> Callable[[], Callable[..., tuple[Any, ...]]]:
    """A loop in Numba around (value, derivative) of one element; `make` gets the module."""

    def compiled() -> Callable[..., tuple[Any, ...]]:
        import numba

        element = numba.njit(make(np.float32))

        @numba.njit
        def loop(x: Array, y: Array) -> tuple[float, Array]:
            gradient = np.empty_like(x)
            share = np.float32(1.0 / x.size)
            total = 0.0
            for i in range(x.size):
                value, derivative = element(x[i], y[i])
                total += value
                gradient[i] = derivative * share
            return total / x.size, gradient

        return loop  # type: ignore[no-any-return]

    return compiled


def mean_of(value: Array, derivative: Array) -> tuple[Any, Array]:
    return value.mean(), derivative / value.size


# ---------------------------------------------------------------- E1


def huber_mse(xp: Any, pred: Any, target: Any) -> Any:
    r = pred - target
    a = xp.abs(r)
    return xp.mean(0.7 * xp.where(a <= 1.0, r * r / 2, a - 0.5) + 0.3 * r * r)


def huber_mse_built_in(pred: Any, target: Any) -> Any:
    import torch.nn.functional as F

    return 0.7 * F.huber_loss(pred, target) + 0.3 * F.mse_loss(pred, target)


def huber_mse_numpy(pred: Array, target: Array) -> tuple[Any, Array]:
    r = pred - target
    a = np.abs(r)
    value = 0.7 * np.where(a <= 1, r * r / 2, a - 0.5) + 0.3 * r * r
    return mean_of(value, 0.7 * np.clip(r, -1, 1) + 0.6 * r)


def huber_mse_element(f: Any) -> Callable[..., tuple[Any, Any]]:
    def element(x: Any, y: Any) -> tuple[Any, Any]:
        r = x - y
        if abs(r) <= f(1):
            return f(0.65) * r * r, f(1.3) * r
        step = f(1) if r > f(0) else f(-1)
        return f(0.7) * (abs(r) - f(0.5)) + f(0.3) * r * r, f(0.7) * step + f(0.6) * r

    return element


E1 = Written(
    huber_mse,
    huber_mse_numpy,
    huber_mse_built_in,
    looped(huber_mse_element),
    (
        "where(abs(x - y) <= one, c65*(x - y)**2, c7*(abs(x - y) - c5) + c3*(x - y)**2)",
        "where(abs(x - y) <= one, c13*(x - y), c7*where(x > y, one, -one) + c6*(x - y))",
    ),
    lambda sp, x, y: (
        sp.Piecewise(
            (sp.Rational(7, 20) * (x - y) ** 2, sp.Abs(x - y) <= 1),
            (sp.Rational(7, 10) * (sp.Abs(x - y) - sp.Rational(1, 2)), True),
        )
        + sp.Rational(3, 10) * (x - y) ** 2
    ),
)

# ---------------------------------------------------------------- E2


def bce(xp: Any, logits: Any, y: Any) -> Any:
    return xp.mean(xp.maximum(logits, xp.zeros_like(logits)) - logits * y + xp.log1p(xp.exp(-xp.abs(logits))))


def bce_built_in(logits: Any, y: Any) -> Any:
    import torch.nn.functional as F

    return F.binary_cross_entropy_with_logits(logits, y)


def bce_numpy(logits: Array, y: Array) -> tuple[Any, Array]:
    value = np.maximum(logits, 0) - logits * y + np.log1p(np.exp(-np.abs(logits)))
    return mean_of(value, 1 / (1 + np.exp(-logits)) - y)


def bce_element(f: Any) -> Callable[..., tuple[Any, Any]]:
    def element(x: Any, y: Any) -> tuple[Any, Any]:
        e = np.exp(-abs(x))
        p = f(1) / (f(1) + e)
        return max(x, f(0)) - x * y + np.log1p(e), (p if x >= f(0) else f(1) - p) - y

    return element


E2 = Written(
    bce,
    bce_numpy,
    bce_built_in,
    looped(bce_element),
    ("where(x > zero, x, zero) - x*y + log1p(exp(-abs(x)))", "one/(one + exp(-x)) - y"),
    lambda sp, x, y: sp.log(1 + sp.exp(x)) - x * y,
)

# ---------------------------------------------------------------- E3


def focal(xp: Any, logits: Any, y: Any) -> Any:
    p = 1 / (1 + xp.exp(-logits))
    ce = xp.maximum(logits, xp.zeros_like(logits)) - logits * y + xp.log1p(xp.exp(-xp.abs(logits)))
    wrong = p * (1 - y) + (1 - p) * y
    return xp.mean((0.25 * y + 0.75 * (1 - y)) * wrong**2 * ce)


def focal_built_in(logits: Any, y: Any) -> Any:
    """As torchvision.ops.sigmoid_focal_loss has it."""
    import torch
    import torch.nn.functional as F

    p = torch.sigmoid(logits)
    ce = F.binary_cross_entropy_with_logits(logits, y, reduction="none")
    p_t = p * y + (1 - p) * (1 - y)
    return ((0.25 * y + 0.75 * (1 - y)) * ce * (1 - p_t) ** 2).mean()


def focal_numpy(logits: Array, y: Array) -> tuple[Any, Array]:
    p = 1 / (1 + np.exp(-logits))
    ce = np.maximum(logits, 0) - logits * y + np.log1p(np.exp(-np.abs(logits)))
    wrong = p * (1 - y) + (1 - p) * y
    share = 0.25 * y + 0.75 * (1 - y)
    slope = (1 - 2 * y) * p * (1 - p)
    return mean_of(share * wrong**2 * ce, share * (2 * wrong * slope * ce + wrong**2 * (p - y)))


def focal_element(f: Any) -> Callable[..., tuple[Any, Any]]:
    def element(x: Any, y: Any) -> tuple[Any, Any]:
        e = np.exp(-abs(x))
        p = f(1) / (f(1) + e)
        if x < f(0):
            p = f(1) - p
        ce = max(x, f(0)) - x * y + np.log1p(e)
        wrong = p * (f(1) - y) + (f(1) - p) * y
        share = f(0.25) * y + f(0.75) * (f(1) - y)
        slope = (f(1) - f(2) * y) * p * (f(1) - p)
        return share * wrong * wrong * ce, share * wrong * (f(2) * slope * ce + wrong * (p - y))

    return element


E3 = Written(focal, focal_numpy, focal_built_in, looped(focal_element))

# ---------------------------------------------------------------- E4


def pinball(xp: Any, pred: Any, target: Any) -> Any:
    r = target - pred
    return xp.mean(xp.maximum(0.9 * r, -0.1 * r))


def pinball_numpy(pred: Array, target: Array) -> tuple[Any, Array]:
    r = target - pred
    return mean_of(np.maximum(0.9 * r, -0.1 * r), np.where(r > 0, r.dtype.type(-0.9), r.dtype.type(0.1)))


def pinball_element(f: Any) -> Callable[..., tuple[Any, Any]]:
    def element(x: Any, y: Any) -> tuple[Any, Any]:
        r = y - x
        return (f(0.9) * r, f(-0.9)) if r > f(0) else (f(-0.1) * r, f(0.1))

    return element


E4 = Written(
    pinball,
    pinball_numpy,
    None,
    looped(pinball_element),
    ("where(y > x, c9*(y - x), c1*(x - y))", "where(y > x, -c9, c1)"),
    lambda sp, x, y: sp.Piecewise((sp.Rational(9, 10) * (y - x), y > x), (sp.Rational(1, 10) * (x - y), True)),
)

# ---------------------------------------------------------------- E5


def tweedie(xp: Any, log_mean: Any, target: Any) -> Any:
    return xp.mean(2 * xp.exp(0.5 * log_mean) + 2 * target * xp.exp(-0.5 * log_mean))


def tweedie_numpy(log_mean: Array, target: Array) -> tuple[Any, Array]:
    up, down = np.exp(0.5 * log_mean), np.exp(-0.5 * log_mean)
    return mean_of(2 * up + 2 * target * down, up - target * down)


def tweedie_element(f: Any) -> Callable[..., tuple[Any, Any]]:
    def element(x: Any, y: Any) -> tuple[Any, Any]:
        up = np.exp(f(0.5) * x)
        down = y * np.exp(f(-0.5) * x)
        return f(2) * (up + down), up - down

    return element


E5 = Written(
    tweedie,
    tweedie_numpy,
    None,
    looped(tweedie_element),
    ("two*exp(c5*x) + two*y*exp(-c5*x)", "exp(c5*x) - y*exp(-c5*x)"),
    lambda sp, x, y: 2 * sp.exp(x / 2) + 2 * y * sp.exp(-x / 2),
)

# ---------------------------------------------------------------- E6


def log_cosh(xp: Any, pred: Any, target: Any) -> Any:
    a = xp.abs(pred - target)
    return xp.mean(a + xp.log1p(xp.exp(-2 * a)) - float(np.log(2)))


def log_cosh_built_in(pred: Any, target: Any) -> Any:
    import torch.nn.functional as F

    r = pred - target
    return (r + F.softplus(-2 * r) - float(np.log(2))).mean()


def log_cosh_numpy(pred: Array, target: Array) -> tuple[Any, Array]:
    r = pred - target
    a = np.abs(r)
    return mean_of(a + np.log1p(np.exp(-2 * a)) - np.log(2).astype(a.dtype), np.tanh(r))


def log_cosh_element(f: Any) -> Callable[..., tuple[Any, Any]]:
    log2 = f(np.log(2))

    def element(x: Any, y: Any) -> tuple[Any, Any]:
        r = x - y
        return abs(r) + np.log1p(np.exp(f(-2) * abs(r))) - log2, np.tanh(r)

    return element


E6 = Written(
    log_cosh,
    log_cosh_numpy,
    log_cosh_built_in,
    looped(log_cosh_element),
    ("abs(x - y) + log1p(exp(-two*abs(x - y))) - ln2", "tanh(x - y)"),
    lambda sp, x, y: sp.log(sp.cosh(x - y)),
)

CASES = [
    Case("E1a", "0.7 Huber + 0.3 MSE", typed(HUBER_MSE), E1, numbers, (1_000,), (1_000,)),
    Case("E1b", "0.7 Huber + 0.3 MSE", typed(HUBER_MSE), E1, numbers, (100_000,), FEW),
    Case("E1c", "0.7 Huber + 0.3 MSE", typed(HUBER_MSE), E1, numbers, MANY, FEW),
    Case(
        "E2", "binary cross-entropy", shipped("classification", "binary_cross_entropy"), E2, bits("logits", "y"),
        MANY, FEW,
    ),
    Case("E3", "binary focal", shipped("classification", "binary_focal"), E3, bits("logits", "y"), MANY, FEW),
    Case("E4", "pinball", shipped("regression", "quantile"), E4, numbers, MANY, FEW, {"level": 0.9}),
    Case("E5", "Tweedie", shipped("regression", "tweedie"), E5, amounts, MANY, FEW),
    Case("E6", "log-cosh", shipped("regression", "log_cosh"), E6, numbers, MANY, FEW),
]  # fmt: skip
