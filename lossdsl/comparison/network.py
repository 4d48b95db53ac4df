"""A multilayer perceptron in PyTorch with the emitted module of the loss, Adam, and early stopping.

What must hold: all losses of a seed start from the same weights (as far as they have the same outputs) and see the same
batches; the network that is used is the one with the least loss on the rows for stopping.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, assert_never

import numpy as np
import torch

from lossdsl.backends.torch.names import interface_of
from lossdsl.comparison.models import Curve, Trained, Training
from lossdsl.comparison.splits import Split
from lossdsl.comparison.subject import Scale, Subject
from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.fitting import NoLink
from lossdsl.fitting.links import Kind, Link
from lossdsl.meaning import core

Array = np.ndarray[Any, Any]

INSIDE = 1e-4
"""How far from a bound learned hyperparameters are kept."""


Watch = Callable[[int, Trained], None]
"""What is told after each epoch: its number, and what the network says by then.  What it raises ends the training."""


class Network:
    """Hidden layers with ReLU, one linear layer for all predictions, links behind it; learned hyperparameters too."""

    name = "mlp"

    def __init__(self, watch: Watch | None = None) -> None:
        self.watch = watch

    def check(self, subject: Subject) -> None:
        for arg in _learned(subject.program):
            if arg.domain and (len(arg.domain) > 1 or arg.domain[0].kind != "interval"):
                raise LossError(NoLink(arg.span, f"{arg.name} {arg.domain_text} is no interval", "an interval"))

    def train(self, subject: Subject, split: Split, scale: Scale, training: Training) -> Trained:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(split.seed)
            return _Run(subject, split, scale, training).trained(self.watch)


class _Run:
    """One network, its loss, and its rows."""

    def __init__(self, subject: Subject, split: Split, scale: Scale, training: Training) -> None:
        self.subject, self.split, self.scale, self.training = subject, split, scale, training
        y = subject.seen(split.y, scale)
        self.y = torch.as_tensor(y, dtype=torch.long if y.dtype.kind in "iu" else torch.float32)
        self.X = torch.as_tensor(split.X, dtype=torch.float32)
        inputs = subject.inputs(y)
        self.shapes = {arg.name: inputs.shape(arg)[1:] for arg in subject.predictions}
        self.names = interface_of(subject.program).arg_names
        self.hyper = {n: float(v) for n, v in inputs.hyper.items() if np.ndim(v) == 0}
        self.network = self._layers()
        self.loss = self._module(inputs.sizes)
        self.extra = {
            self.names[n]: torch.as_tensor(v, dtype=torch.float32)
            for n, v in inputs.data.items()
            if n != subject.target.name
        }

    def _layers(self) -> torch.nn.Sequential:
        sizes = [self.X.shape[1], *self.training.hidden]
        layers: list[torch.nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
        outputs = sum(int(np.prod(shape)) for shape in self.shapes.values())
        return torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-1], outputs))

    def _module(self, sizes: Mapping[str, int]) -> torch.nn.Module:
        """The module of the loss: the mean over a batch; sizes of learned arrays that have no starting value."""
        given: dict[str, Any] = {}
        program, settings = self.subject.program, self.subject.contender.settings
        for arg in program.args:
            if arg.role in ("hyper", "learn") and arg.name in settings:
                value = settings[arg.name]
                given[self.names[arg.name]] = value if np.ndim(value) == 0 else torch.as_tensor(value).float()
            elif arg.role == "learn":
                given |= {e.name: sizes[e.name] for e in arg.axes if e.op == "size"}
        if program.reduction is not None or program.free:
            given["reduction"] = "mean"
        return self.subject.contender.loss.torch(**given)

    # ------------------------------------------------------------ training

    def trained(self, watch: Watch | None = None) -> Trained:
        parameters = [*self.network.parameters(), *self.loss.parameters()]
        adam = torch.optim.Adam(parameters, lr=self.training.rate)
        history: list[tuple[float, float, float]] = []
        best, best_epoch, warning = None, 0, ""
        for epoch in range(self.training.epochs):
            mean = self._epoch(adam)
            stop, error = self._judged()
            history.append((mean, stop, error))
            if not np.isfinite(stop):
                warning = f"the loss became {stop} in epoch {epoch + 1}"
                break
            if watch is not None:
                watch(epoch, self._told())
            if stop <= min(h[1] for h in history):
                best, best_epoch = self._state(), epoch
            if epoch - best_epoch >= self.training.patience:
                break
        if best is None:
            rows = len(self.split.X_test)
            return Trained({name: np.full((rows, *s), np.nan) for name, s in self.shapes.items()}, warning=warning)
        self.network.load_state_dict(best[0])
        self.loss.load_state_dict(best[1])
        mean_losses, stops, errors = zip(*history, strict=True)
        return self._told(Curve(mean_losses, stops, errors, best_epoch), warning)

    def _told(self, curve: Curve | None = None, warning: str = "") -> Trained:
        """What the network says, as it is, of the rows for testing."""
        X = torch.as_tensor(self.split.X_test, dtype=torch.float32)
        with torch.no_grad():
            linear = {name: z.double().numpy() for name, z in self._raw(X).items()}
        return Trained(linear, self._learned_values(), curve, warning)

    def _epoch(self, adam: torch.optim.Optimizer) -> float:
        """One pass over the rows for training, in a new order; the mean loss of its batches by rows."""
        mixed = self.split.train[torch.randperm(len(self.split.train)).numpy()]
        total = 0.0
        for at in range(0, len(mixed), self.training.batch):
            rows = torch.as_tensor(mixed[at : at + self.training.batch])
            adam.zero_grad()
            value = self._value(rows)
            torch.autograd.backward(value)
            adam.step()
            self._keep_inside()
            total += float(value.detach()) * len(rows)
        return total / len(mixed)

    def _judged(self) -> tuple[float, float]:
        """The loss, and the error that can be compared, on the rows for stopping."""
        rows = torch.as_tensor(self.split.stop)
        with torch.no_grad():
            value = float(self._value(rows))
            linear = {name: z.double().numpy() for name, z in self._raw(self.X[rows]).items()}
        told = self.subject.read(linear, self._learned_values(), self.scale).predicted
        y = self.split.y[self.split.stop]
        if self.subject.classes is not None:
            return value, float(np.mean(told != y))
        return value, float(np.mean(np.abs(told - y)) / (self.split.clean.std() or 1.0))

    def _value(self, rows: torch.Tensor) -> torch.Tensor:
        raw = self._raw(self.X[rows])
        given = {self.names[name]: linked(self.subject.links[name], z, self.hyper) for name, z in raw.items()}
        target = {self.names[self.subject.target.name]: self.y[rows]}
        value: torch.Tensor = self.loss(**given, **target, **self.extra)
        return value

    def _raw(self, X: torch.Tensor) -> dict[str, torch.Tensor]:
        """Predictions before their links, by name."""
        flat = self.network(X)
        found, at = {}, 0
        for name, shape in self.shapes.items():
            count = int(np.prod(shape))
            found[name] = flat[:, at : at + count].reshape(len(X), *shape)
            at += count
        return found

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return copy.deepcopy(self.network.state_dict()), copy.deepcopy(self.loss.state_dict())

    # ------------------------------------------------------------ learned hyperparameters

    def _keep_inside(self) -> None:
        """Learned hyperparameters go back into their domains, where a step has led out of them."""
        owned = dict(self.loss.named_parameters())
        for arg in _learned(self.subject.program):
            if arg.domain:
                low, high = (_number(bound, self.hyper) for bound in (arg.domain[0].low, arg.domain[0].high))
                with torch.no_grad():
                    owned[self.names[arg.name]].clamp_(low + INSIDE, high - INSIDE)

    def _learned_values(self) -> dict[str, Any]:
        owned = dict(self.loss.named_parameters())
        args = _learned(self.subject.program)
        return {arg.name: owned[self.names[arg.name]].detach().double().numpy() for arg in args}


def _learned(program: core.Program) -> tuple[core.Arg, ...]:
    return tuple(arg for arg in program.args if arg.role == "learn")


def linked(link: Link, z: torch.Tensor, hyper: Mapping[str, Any]) -> torch.Tensor:
    """`Link.forward` on tensors."""
    if link.kind == "identity":
        return z
    shape = _shape(link.kind, z)
    low = None if link.low is None else _number(link.low, hyper)
    high = None if link.high is None else _number(link.high, hyper)
    if low is not None and high is not None:
        return low + (high - low) * shape
    if low is not None:
        return low + shape
    assert high is not None, "a link that is not the identity has a bound"
    return high - shape


def _shape(kind: Kind, z: torch.Tensor) -> torch.Tensor:
    match kind:
        case "exp":
            return torch.exp(z)
        case "softplus":
            return torch.nn.functional.softplus(z)
        case "sigmoid":
            return torch.sigmoid(z)
        case "identity":
            return z
        case _:
            assert_never(kind)


def _number(bound: Any, hyper: Mapping[str, Any]) -> float:
    if isinstance(bound, str) and bound not in ("inf", "-inf"):
        return float(hyper[bound])
    return float(bound)
