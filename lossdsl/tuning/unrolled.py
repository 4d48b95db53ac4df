"""Training written out, step by step, as a differentiable function of the hyperparameters of a loss.

What must hold: everything is computed in double precision from the code that is emitted for the loss with these
hyperparameters as learned ones; the same hyperparameters give the same number; gradients flow through all steps.

The model is the linear one, or the layers of the network, trained on all rows at once by Adam with a rate that falls to
0 (Maclaurin, Duvenaud and Adams 2015; Franceschi et al. 2017).  Layers have tanh instead of ReLU: through many steps,
kinks make gradients that hold only in a neighbourhood too small to be of use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from lossdsl.backends.torch.names import interface_of
from lossdsl.comparison.metrics import LEVEL
from lossdsl.comparison.models import Training
from lossdsl.comparison.network import linked
from lossdsl.comparison.splits import Split
from lossdsl.comparison.subject import Subject
from lossdsl.fitting.links import Link, link_of
from lossdsl.fitting.targets import exported
from lossdsl.tuning.errors import TuningError
from lossdsl.tuning.objective import scale_of

STEPS = 40
RATES = {"linear": 0.15, "mlp": 0.03}
"""Of the first step, by model."""
MOMENTUM, MEMORY, SMALL = 0.9, 0.99, 1e-8
"""Of Adam; the last is added under the root, where a gradient of 0 would have an infinite derivative."""
DIFFERENTIABLE = ("mae", "rmse", "pinball_0.9", "log_loss", "brier")

Tensors = Mapping[str, torch.Tensor]


class Unrolled:
    """The training of one model on one fold; `subject` has the hyperparameters `names` as learned ones."""

    def __init__(self, subject: Subject, names: Sequence[str], fold: Split, training: Training, model: str) -> None:
        self.subject, self.fold, self.model = subject, fold, model
        self.scale = scale_of(subject, fold)
        self.code = subject.contender.loss.compile("torch")
        self.interface = interface_of(subject.program)
        y = subject.seen(fold.y, self.scale)
        inputs = subject.inputs(y)
        self.X, self.X_held = (torch.as_tensor(each, dtype=torch.float64) for each in (fold.X, fold.X_test))
        self.shapes = {arg.name: inputs.shape(arg)[1:] for arg in subject.predictions}
        self.fixed: dict[str, Any] = {n: float(v) for n, v in inputs.hyper.items() if np.ndim(v) == 0}
        given = {**inputs.data, **{n: v for n, v in inputs.hyper.items() if np.ndim(v) > 0}, subject.target.name: y}
        self.data = {name: _tensor(np.asarray(value)) for name, value in given.items()}
        self.learned: dict[str, tuple[Link, tuple[int, ...], Any]] = {
            arg.name: (link_of(arg), inputs.shape(arg), inputs.starts.get(arg.name, arg.default))
            for arg in subject.program.args
            if arg.role == "learn" and arg.name not in names
        }
        self.start = self._weights(training)

    def _weights(self, training: Training) -> list[torch.Tensor]:
        """Of all layers, then of what the loss learns itself: where training begins."""
        outputs = sum(int(np.prod(shape)) for shape in self.shapes.values())
        hidden = training.hidden if self.model == "mlp" else ()
        generator = torch.Generator().manual_seed(self.fold.seed)
        found = []
        for before, after in pairwise([self.X.shape[1], *hidden, outputs]):
            reach = before**-0.5 if hidden else 0.0
            drawn = torch.rand((before + 1, after), generator=generator, dtype=torch.float64)
            found.append((2 * drawn - 1) * reach)
        for link, shape, start in self.learned.values():
            z = 0.0 if start is None else link.inverse(np.asarray(start, dtype=float), self.fixed)
            found.append(torch.as_tensor(np.broadcast_to(z, shape).copy(), dtype=torch.float64))
        return found

    # ------------------------------------------------------------ training

    def metric(self, hyper: Tensors, metric: str) -> torch.Tensor:
        """The metric on the rows for validation, after training with these hyperparameters.

        TuningError for a metric without a useful gradient.
        """
        weights = self.trained(hyper)
        told = self._told(weights, hyper)
        if self.subject.classes is None:
            return _of_numbers(metric, self.scale.centre + self.scale.spread * told, torch.as_tensor(self.fold.y_test))
        return _of_classes(metric, told, torch.as_tensor(self.fold.y_test))

    def trained(self, hyper: Tensors) -> list[torch.Tensor]:
        """The weights after all steps, as a function of the hyperparameters."""
        weights = [each.clone().requires_grad_(True) for each in self.start]
        first = [torch.zeros_like(each) for each in weights]
        second = [torch.zeros_like(each) for each in weights]
        for step in range(1, STEPS + 1):
            slopes = torch.autograd.grad(self.value(weights, hyper), weights, create_graph=True)
            rate = RATES[self.model] * (1 - (step - 1) / STEPS)
            first = [MOMENTUM * m + (1 - MOMENTUM) * g for m, g in zip(first, slopes, strict=True)]
            second = [MEMORY * v + (1 - MEMORY) * g**2 for v, g in zip(second, slopes, strict=True)]
            scales = [torch.sqrt(v / (1 - MEMORY**step) + SMALL) for v in second]
            weights = [w - rate * m / (1 - MOMENTUM**step) / s for w, m, s in zip(weights, first, scales, strict=True)]
        return weights

    def value(self, weights: Sequence[torch.Tensor], hyper: Tensors) -> torch.Tensor:
        """The loss on the rows for training."""
        given = {**self._predictions(weights, self.X, hyper), **self.data, **self._hyper(weights, hyper)}
        program = self.subject.program
        reduction = {"reduction": "mean"} if program.reduction is not None or program.free else {}
        found: torch.Tensor = self._function("")(**self._named(given), **reduction)
        return found

    # ------------------------------------------------------------ the model

    def _raw(self, weights: Sequence[torch.Tensor], X: torch.Tensor) -> dict[str, torch.Tensor]:
        layers = weights[: len(weights) - len(self.learned)]
        flat = X
        for number, layer in enumerate(layers):
            flat = flat @ layer[:-1] + layer[-1]
            flat = torch.tanh(flat) if number + 1 < len(layers) else flat
        found, at = {}, 0
        for name, shape in self.shapes.items():
            count = int(np.prod(shape))
            found[name] = flat[:, at : at + count].reshape(len(X), *shape)
            at += count
        return found

    def _predictions(self, weights: Sequence[torch.Tensor], X: torch.Tensor, hyper: Tensors) -> dict[str, Any]:
        known = {**self.fixed, **hyper}
        return {name: linked(self.subject.links[name], z, known) for name, z in self._raw(weights, X).items()}

    def _hyper(self, weights: Sequence[torch.Tensor], hyper: Tensors) -> dict[str, Any]:
        """All hyperparameters: fixed ones, those that are looked for, and what training has learned."""
        own = weights[len(weights) - len(self.learned) :]
        known = {**self.fixed, **hyper}
        learned = {
            name: linked(link, z, known) for (name, (link, _, _)), z in zip(self.learned.items(), own, strict=True)
        }
        return {**known, **learned}

    def _told(self, weights: Sequence[torch.Tensor], hyper: Tensors) -> torch.Tensor:
        """The number that is compared with a target, or probabilities of shape (rows, classes)."""
        told: dict[str, Any] = self._predictions(weights, self.X_held, hyper)
        names = [let.name for let in exported(self.subject.program)]
        if names:
            found = self._function("_predict")(**self._named({**told, **self._hyper(weights, hyper)}))
            told |= found if len(names) > 1 else {names[0]: found}
        if self.subject.classes is None:
            number: torch.Tensor = told[self.subject.output]
            return number
        source = self.subject.told
        assert source is not None, "metrics of classes with a gradient need probabilities"
        if source.output:
            p: torch.Tensor = told[source.output]
        else:
            assert source.link is not None, "it is one or the other"
            scores: torch.Tensor = told[self.subject.classes.scores.name]
            softmax = source.link.kind == "softmax"
            p = torch.softmax(scores, dim=1) if softmax else torch.sigmoid(source.link.factor * scores)
        return torch.stack([1 - p, p], dim=1) if p.ndim == 1 else p / p.sum(dim=1, keepdim=True)

    def _function(self, suffix: str) -> Any:
        return getattr(self.code, self.interface.name + suffix)

    def _named(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {self.interface.arg_names[name]: value for name, value in values.items()}


def _of_numbers(metric: str, told: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """As `lossdsl.comparison.metrics.of_numbers` has it."""
    residual = y - told
    match metric:
        case "mae":
            return residual.abs().mean()
        case "rmse":
            return torch.sqrt(torch.mean(residual**2))
        case "pinball_0.9":
            return torch.maximum(LEVEL * residual, (LEVEL - 1) * residual).mean()
    raise TuningError(_useless(metric))


def _of_classes(metric: str, p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """As `lossdsl.comparison.metrics.of_classes` has it; p of shape (rows, classes)."""
    match metric:
        case "log_loss":
            own = p[torch.arange(len(y)), y]
            return -torch.log(own.clamp(torch.finfo(torch.float64).eps, 1.0)).mean()
        case "brier":
            indicators = torch.nn.functional.one_hot(y, p.shape[1])
            total = ((p - indicators) ** 2).sum(dim=1).mean()
            return total / 2 if p.shape[1] == 2 else total
    raise TuningError(_useless(metric))


def _tensor(values: Any) -> torch.Tensor:
    return torch.as_tensor(values, dtype=torch.long if values.dtype.kind in "iu" else torch.float64)


def check_metric(metric: str) -> None:
    """TuningError for a metric that descent is no use for."""
    if metric not in DIFFERENTIABLE:
        raise TuningError(_useless(metric))


def _useless(metric: str) -> str:
    return f"{metric} has no gradient that leads anywhere; bilevel takes {', '.join(DIFFERENTIABLE)}"
