"""A handful of losses that between them use everything the PyTorch back end has to get right, with inputs for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import torch

from lossdsl.backends.torch import emit
from lossdsl.generated import import_generated
from lossdsl.meaning import resolve
from lossdsl.syntax import parse


@dataclass(frozen=True)
class Sample:
    """A loss and its arguments; `wrt` are the differentiable ones, away from kinks, `per_element` those with "none"."""

    text: str
    wrt: dict[str, Any]
    data: dict[str, Any]
    per_element: bool = True

    @property
    def reductions(self) -> list[str | None]:
        return ["mean", "none"] if self.per_element else [None]


def normal(*shape: int) -> Any:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape) + len(shape)), dtype=torch.float64)


def unit(*shape: int) -> Any:
    return torch.sigmoid(normal(*shape))


LOSSES: dict[str, Sample] = {
    "huber_mse": Sample(
        "loss huber_mse(pred[n] | target[n]; delta > 0 = 1.0, alpha in [0, 1] = 0.7):\n"
        '    "Huber/MSE weighted mix."\n'
        "    r = pred - target\n"
        "    h = r^2/2 if |r| <= delta else delta*(|r| - delta/2)\n"
        "    return mean[n](alpha*h + (1 - alpha)*r^2)",
        {"pred": 2 * normal(5)},
        {"target": normal(4).sum() * torch.ones(5, dtype=torch.float64)},
    ),
    "cross_entropy": Sample(
        "loss cross_entropy(logits[n, c] | label[n] in c):\n"
        "    return mean[n](logsumexp[c](logits[n, c]) - logits[n, label[n]])",
        {"logits": normal(4, 3)},
        {"label": torch.tensor([0, 2, 1, 2])},
    ),
    "masked_error": Sample(
        "loss masked_error(x[n, c] | y[n, c], valid[n, c] in {0, 1}):\n"
        "    return mean[n, c where valid[n, c] == 1](sqrt(1 + (x - y)^2))",
        {"x": normal(3, 4)},
        {"y": normal(4, 3).T, "valid": torch.tensor([[1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 0, 1]], dtype=torch.bool)},
    ),
    "cox": Sample(
        "loss cox(risk[i] | time[i] >= 0, event[i] in {0, 1}):\n"
        "    return mean[i where event[i] == 1](logsumexp[j where time[j] >= time[i]](risk[j]) - risk[i])",
        {"risk": normal(6)},
        {"time": torch.tensor([1.0, 2, 2, 3, 4, 5]), "event": torch.tensor([1, 0, 1, 1, 0, 1])},
    ),
    "info_nce": Sample(
        "loss info_nce(a[i, d], b[j, d]; tau > 0 = 0.5):\n"
        "    s[i, j] = sum[d](a[i, d]*b[j, d]) / tau\n"
        "    return mean[i](logsumexp[j](s[i, j]) - s[i, i])",
        {"a": normal(3, 2), "b": normal(3, 2).flip(0)},
        {},
    ),
    "dice": Sample(
        "loss dice(p[..] in [0, 1] | y[..] in {0, 1}; smooth > 0 = 1):\n"
        "    overlap = 2*sum[..](p*y)\n"
        "    both = sum[..](p) + sum[..](y)\n"
        "    return 1 - (overlap + smooth)/(both + smooth)",
        {"p": unit(2, 3)},
        {"y": torch.tensor([[0, 1, 1], [1, 0, 0]])},
        per_element=False,
    ),
    "per_pixel": Sample(
        "loss per_pixel(x[.., c] | label[..] in c, weight[c] >= 0 = 1):\n"
        "    return weight[label[..]]*(logsumexp[c](x) - x[.., label[..]])",
        {"x": normal(2, 2, 3)},
        {"label": torch.tensor([[0, 1], [2, 2]])},
    ),
    "smoothness": Sample(
        "loss smoothness(x[t], w[a]):\n"
        "    y[i] = sum[a](w[a]*x[i+a])\n"
        "    return mean[i](y[i+1]^2 - y[i]*y[i+1]) + sum[i](x[2*i]*x[2*i+1]^2)",
        {"x": normal(7), "w": normal(2)},
        {},
        per_element=False,
    ),
    "product": Sample(
        "loss product(x[n, k]):\n    return mean[n]((1 - prod[k](x[n, k]))^2)",
        {"x": normal(3, 4)},
        {},
    ),
    "learned": Sample(
        "loss learned(x[n, k] | y[n, k]; learn s[k] = 0, learn scale = 1.5, power >= 1 = 2):\n"
        "    fit = mean[n](sum[k](exp(-s[k])*(scale*(x - y))^2/power))\n"
        "    prior = sum[k](s[k])\n"
        "    return fit + prior",
        {"x": normal(3, 2), "s": normal(2), "scale": torch.tensor(0.7, dtype=torch.float64)},
        {"y": normal(2, 3).T},
        per_element=False,
    ),
    "poisson": Sample(
        "loss poisson(score[..] | hits[..] >= 0; scale > 0 = 1):\n"
        "    predict mu = scale*exp(score)\n"
        "    return mean[..](mu - hits*score)",
        {"score": normal(2, 3)},
        {"hits": torch.tensor([[0, 1, 2], [3, 0, 1]])},
    ),
    "two_heads": Sample(
        "loss two_heads(score[n, c], logvar[n] | label[n] in c, y[n]; q[n] in (0, 1) = 0.5):\n"
        "    predict p[n, c] = softmax[c](score[n, c])\n"
        "    predict variance = exp(logvar)\n"
        "    error = mean[n](-log(p[n, label[n]]))\n"
        "    spread = mean[n](q*(y^2/variance + logvar))\n"
        "    return error + spread",
        {"score": normal(3, 4), "logvar": normal(3)},
        {"label": torch.tensor([3, 0, 1]), "y": normal(3) + 1},
        per_element=False,
    ),
}


@cache
def compiled(name: str, backward: str = "closed") -> ModuleType:
    return from_text(LOSSES[name].text, backward)


@cache
def from_text(text: str, backward: str = "closed") -> ModuleType:
    """The generated module of the last loss of a text."""
    program = list(resolve(parse(text)).losses.values())[-1]
    return import_generated(emit(program, backward=backward), program.name)  # type: ignore[arg-type]


def function(name: str, backward: str = "closed", reduction: str | None = None) -> Callable[..., Any]:
    """The loss as a function of its differentiable arguments alone."""
    sample = LOSSES[name]
    options = {} if reduction is None else {"reduction": reduction}
    loss = getattr(compiled(name, backward), name)
    return lambda *args: loss(**dict(zip(sample.wrt, args, strict=True)), **sample.data, **options)


def arguments(name: str, requires_grad: bool = False) -> tuple[Any, ...]:
    return tuple(a.clone().requires_grad_(requires_grad) for a in LOSSES[name].wrt.values())


def gradients(value: Any, args: Iterable[Any]) -> tuple[Any, ...]:
    """The gradient of the sum of the value; zeros where it does not depend on an argument."""
    args = tuple(args)
    found = torch.autograd.grad(value.sum(), args, allow_unused=True)
    return tuple(torch.zeros_like(a) if g is None else g for g, a in zip(found, args, strict=True))


def cases() -> list[tuple[str, str | None]]:
    """Every loss with every kind of reduction."""
    return [(name, reduction) for name, sample in LOSSES.items() for reduction in sample.reductions]


def close(found: Any, expected: Any, **options: Any) -> None:
    torch.testing.assert_close(found, expected, check_dtype=False, **options)
