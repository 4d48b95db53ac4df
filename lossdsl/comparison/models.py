"""The small models that losses train: what each has in common, and the linear one.

A model gives raw predictions, before their links, for the rows for testing.  Its `check` says before anything is
trained whether it can take a loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from lossdsl.comparison.errors import ComparisonError
from lossdsl.comparison.splits import Split
from lossdsl.comparison.subject import Scale, Subject
from lossdsl.fitting.links import link_of

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Training:
    """Settings of all models; none is tuned for any loss."""

    l2: float = 1e-4
    """Of the linear model."""
    epochs: int = 100
    patience: int = 15
    """Epochs that a network goes on without a better loss on the rows for stopping."""
    hidden: tuple[int, ...] = (32, 32)
    batch: int = 64
    rate: float = 3e-3
    """Of Adam."""
    rounds: int = 60
    depth: int = 3
    shrinkage: float = 0.1
    """Of trees."""

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "batch", "rounds", "depth"):
            if getattr(self, name) < 1:
                raise ComparisonError(f"{name} must be at least 1, got {getattr(self, name)}")


@dataclass(frozen=True)
class Curve:
    """By epoch: the loss on the rows for training and for stopping, and the error on the latter, which can be compared
    between losses: the mean absolute error (the target standardised), or the share of wrong classes."""

    train: tuple[float, ...]
    stop: tuple[float, ...]
    error: tuple[float, ...]
    best: int
    """The epoch whose network is used."""


@dataclass(frozen=True)
class Trained:
    """Raw predictions of the rows for testing by name, learned hyperparameters, and how training went."""

    linear: Mapping[str, Array]
    learned: Mapping[str, Any] = field(default_factory=dict)
    curve: Curve | None = None
    warning: str = ""


class Model(Protocol):
    name: str

    def check(self, subject: Subject) -> None:
        """LossError or ComparisonError for a loss that it can not be trained with."""

    def train(self, subject: Subject, split: Split, scale: Scale, training: Training) -> Trained:
        """Trained on the rows of a split."""


class Linear:
    """A linear predictor for each prediction, at the minimum of the loss and a weak penalty (`lossdsl.fitting`)."""

    name = "linear"

    def check(self, subject: Subject) -> None:
        for arg in subject.program.args:
            if arg.role == "learn":
                link_of(arg)

    def train(self, subject: Subject, split: Split, scale: Scale, training: Training) -> Trained:
        from lossdsl.fitting import Options, linear_problem

        options = Options(l2=training.l2, sizes=subject.sizes)
        named = {subject.target.name: subject.seen(split.y, scale), **subject.contender.settings}
        model = linear_problem(subject.program, split.X, (), named, None, options).minimize()
        warning = "" if model.success else f"did not converge: {model.message}"
        return Trained(model.linear(split.X_test), model.learn, None, warning)


def models(names: Sequence[str]) -> tuple[Model, ...]:
    """Models by name: linear, mlp, xgboost, lightgbm, or boosting, the one of the two that is installed.

    ComparisonError for another name, and for a package that is not installed.
    """
    found: dict[str, Model] = {}
    for name in names:
        model = _model(name)
        found[model.name] = model
    if not found:
        raise ComparisonError("a comparison needs at least one model")
    return tuple(found.values())


def _model(name: str) -> Model:
    if name == "linear":
        _need("scipy", "the linear model", "fit")
        return Linear()
    if name == "mlp":
        _need("torch", "the network", "torch")
        from lossdsl.comparison.network import Network

        return Network()
    if name in ("boosting", "xgboost", "lightgbm"):
        from lossdsl.comparison.trees import Trees

        libraries = [lib for lib in ("xgboost", "lightgbm") if name in ("boosting", lib)]
        installed = [lib for lib in libraries if find_spec(lib) is not None]
        if not installed:
            raise ComparisonError(f'{name} needs {" or ".join(libraries)}: pip install "lossdsl[boosting]"')
        return Trees(installed[0])
    raise ComparisonError(f"there is no model {name!r}, only linear, mlp, boosting, xgboost and lightgbm")


def _need(package: str, what: str, extra: str) -> None:
    if find_spec(package) is None:
        raise ComparisonError(f'{what} needs {package}: pip install "lossdsl[{extra}]"')
