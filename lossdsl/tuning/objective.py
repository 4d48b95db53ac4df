"""How good settings of a loss are: a metric on rows for validation, averaged over folds.

After each fold, and of a network after each epoch, the mean so far is told to whoever watches, who may end the trial.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from lossdsl.comparison.contenders import Contender
from lossdsl.comparison.datasets import Dataset
from lossdsl.comparison.matching import matched
from lossdsl.comparison.metrics import CLASSIFICATION, HIGHER, REGRESSION
from lossdsl.comparison.models import Model, Trained, Training, models
from lossdsl.comparison.run import measured, trained
from lossdsl.comparison.splits import Split
from lossdsl.comparison.subject import Scale, Subject
from lossdsl.tuning.errors import TuningError

Watch = Callable[[int, float], None]
"""What is told on the way: a step, and the metric so far.  What it raises ends the evaluation."""


class Pruned(Exception):
    """Raised by a watch that has seen enough."""


@dataclass(frozen=True)
class Objective:
    """A loss with `model` on the folds of one split.  `contender` has what is fixed."""

    contender: Contender
    data: Dataset
    model: str
    metric: str
    training: Training
    folds: tuple[Split, ...]

    def subject(self, settings: Mapping[str, float]) -> Subject:
        """The loss with these settings, as the data want it."""
        settled = {**self.contender.settings, **settings}
        return matched(replace(self.contender, settings=settled), self.data)

    def score(self, settings: Mapping[str, float], watch: Watch | None = None) -> float:
        """The mean over folds; the worst number there is, if training ran away in one of them."""
        subject = self.subject(settings)
        found: list[float] = []
        for number, fold in enumerate(self.folds):
            model = self._watched(subject, number, found, watch)
            outputs, _ = trained(model, subject, fold, self.training)
            value = measured(subject, outputs, fold.y_test)[self.metric]
            found.append(worst(self.metric) if value is None else value)
            if watch is not None and number + 1 < len(self.folds):
                watch((number + 1) * self._steps - 1, float(np.mean(found)))
        return float(np.mean(found))

    @property
    def _steps(self) -> int:
        """Of a fold."""
        return self.training.epochs if self.model == "mlp" else 1

    def _watched(self, subject: Subject, number: int, before: list[float], watch: Watch | None) -> Model:
        (model,) = models([self.model])
        if self.model != "mlp" or watch is None:
            return model
        from lossdsl.comparison.network import Network

        told, fold = watch, self.folds[number]
        scale = scale_of(subject, fold)

        def after_epoch(epoch: int, by_then: Trained) -> None:
            outputs = subject.read(by_then.linear, by_then.learned, scale)
            value = measured(subject, outputs, fold.y_test)[self.metric]
            if value is not None and math.isfinite(value) and epoch + 1 < self.training.epochs:
                told(number * self._steps + epoch, float(np.mean([*before, value])))

        return Network(after_epoch)


def scale_of(subject: Subject, part: Split) -> Scale:
    """The scale that clean targets for training give."""
    return Scale() if subject.classes is not None else subject.scale(part.clean)


def worst(metric: str) -> float:
    """What is no better than any score."""
    return -math.inf if metric in HIGHER else math.inf


def better(metric: str, value: float, other: float) -> bool:
    """Whether a score is strictly better than another one."""
    return value > other if metric in HIGHER else value < other


def metric_for(asked: str | None, subject: Subject) -> str:
    """The metric asked for; left out, MAE for numbers, and for classes log loss where probabilities are told, else
    accuracy.  TuningError for a metric of the other task, or that needs probabilities which the loss does not tell."""
    known = REGRESSION if subject.classes is None else CLASSIFICATION
    told = subject.classes is None or subject.told is not None
    if asked is None:
        return "mae" if subject.classes is None else "log_loss" if told else "accuracy"
    if asked not in known:
        kind = "a number" if subject.classes is None else "a class"
        raise TuningError(f"there is no metric {asked!r} for {kind}, only {', '.join(known)}")
    if not told and asked not in HIGHER:
        raise TuningError(f"{subject.label} tells no probabilities, which {asked} needs: accuracy, balanced_accuracy")
    return asked
