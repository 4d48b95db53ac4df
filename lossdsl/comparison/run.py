"""The comparison itself: everything is checked, then every loss is trained with every model on every seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lossdsl.comparison import metrics
from lossdsl.comparison.contenders import Contender, Named, contenders
from lossdsl.comparison.datasets import Dataset, Task, dataset
from lossdsl.comparison.errors import ComparisonError
from lossdsl.comparison.matching import matched
from lossdsl.comparison.models import Curve, Model, Trained, Training
from lossdsl.comparison.models import models as models_of
from lossdsl.comparison.result import Comparison, Run
from lossdsl.comparison.splits import Disturbance, Split, split
from lossdsl.comparison.subject import Outputs, Scale, Subject
from lossdsl.diagnostics import LossError, Problem

Step = Callable[[str, int, int], None]
"""What is told before each training: what it is, how many are done, how many there are."""


def compare(
    losses: Iterable[Named],
    data: str | Dataset = "diabetes",
    models: Sequence[str] = ("linear",),
    seeds: int | Sequence[int] = 5,
    *,
    target: str | None = None,
    task: Task | None = None,
    noise: float = 0.0,
    outliers: float = 0.0,
    imbalance: float = 1.0,
    training: Training | None = None,
    step: Step | None = None,
) -> Comparison:
    """Train each loss with each model on each seed, and measure on rows that were not trained on.

    losses: a `Loss`, "huber", "huber:delta=2", "my.loss:name", or one of these with a mapping of hyperparameters.
    data, target, task: see `dataset`.  models: "linear", "mlp", "boosting", "xgboost", "lightgbm".  seeds: how many, or
    which.  noise, outliers, imbalance: see `Disturbance`.  step: called before each training.

    LossError (E1001 to E1006 and E08xx, E07xx for trees) for losses that do not fit the data or the models, all of them
    together and before anything is trained; ComparisonError, a ValueError, for what is wrong with the request.
    """
    numbers = seeds_of(seeds)
    found, disturbance = conditions(data, target, task, noise, outliers, imbalance)
    chosen = models_of(models)
    subjects = checked(contenders(losses), found, chosen)
    settings = training or Training()
    splits = [split(found, seed, disturbance) for seed in numbers]
    done, total = 0, len(chosen) * len(subjects) * len(numbers)
    runs = []
    for model in chosen:
        for subject in subjects:
            results = []
            for part in splits:
                if step is not None:
                    step(f"{model.name}, {subject.label}, seed {part.seed}", done, total)
                results.append(trained(model, subject, part, settings))
                done += 1
            runs.append(run_of(model, subject.label, subject, splits, results))
    labels = tuple(subject.label for subject in subjects)
    names = tuple(model.name for model in chosen)
    return Comparison(found, numbers, disturbance, settings, labels, names, tuple(runs))


def conditions(
    data: str | Dataset, target: str | None, task: Task | None, noise: float, outliers: float, imbalance: float
) -> tuple[Dataset, Disturbance]:
    """What is trained on, and how it is disturbed.  ComparisonError for what is not there, or does not fit the task."""
    found = data if isinstance(data, Dataset) else dataset(data, target, task)
    disturbance = Disturbance(noise, outliers, imbalance)
    disturbance.check(found.task)
    return found, disturbance


def seeds_of(seeds: int | Sequence[int]) -> tuple[int, ...]:
    numbers = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    if not numbers or len(set(numbers)) < len(numbers) or min(numbers) < 0:
        raise ComparisonError(f"seeds are a number of at least 1, or different whole numbers from 0, got {seeds!r}")
    return numbers


def checked(given: Sequence[Contender], data: Dataset, chosen: Sequence[Model]) -> list[Subject]:
    """Subjects that all models can be trained with; LossError with the problems of all of them."""
    subjects: list[Subject] = []
    problems: list[Problem] = []
    for contender in given:
        try:
            subject = matched(contender, data)
            for model in chosen:
                model.check(subject)
        except LossError as error:
            problems += error.problems
            continue
        subjects.append(subject)
    if problems:
        raise LossError(*problems)
    return subjects


def trained(model: Model, subject: Subject, part: Split, training: Training) -> tuple[Outputs | None, Trained]:
    """What the model says of the rows for testing; None where training has run away to infinity or NaN."""
    scale = Scale() if subject.classes is not None else subject.scale(part.clean)
    with np.errstate(all="ignore"):
        trained = model.train(subject, part, scale, training)
        if not all(np.isfinite(z).all() for z in trained.linear.values()):
            why = trained.warning or "predictions became infinite or NaN"
            return None, replace(trained, warning=f"no scores: {why}")
        return subject.read(trained.linear, trained.learned, scale), trained


def run_of(
    model: Model,
    label: str,
    subject: Subject,
    splits: Sequence[Split],
    results: Sequence[tuple[Outputs | None, Trained]],
) -> Run:
    """What came of each split, measured."""
    names = metrics.REGRESSION if subject.classes is None else metrics.CLASSIFICATION
    rows = [measured(subject, outputs, part.y_test) for part, (outputs, _) in zip(splits, results, strict=True)]
    told = [
        (outputs.probabilities, part.y_test)
        for part, (outputs, _) in zip(splits, results, strict=True)
        if outputs is not None and outputs.probabilities is not None
    ]
    curves: tuple[Curve, ...] = tuple(t.curve for _, t in results if t.curve is not None)
    warnings = tuple(
        f"seed {part.seed}: {trained.warning}"
        for part, (_, trained) in zip(splits, results, strict=True)
        if trained.warning
    )
    scores = {metric: tuple(row[metric] for row in rows) for metric in names}
    bins = metrics.reliability(told) if told else ()
    return Run(model.name, label, scores, curves, bins, warnings, subject.told)


def measured(subject: Subject, outputs: Outputs | None, y: Any) -> dict[str, float | None]:
    """The metrics of the task for targets of shape (rows,); all None where there are no outputs."""
    if outputs is None:
        return dict.fromkeys(metrics.REGRESSION if subject.classes is None else metrics.CLASSIFICATION)
    if subject.classes is None:
        return dict(metrics.of_numbers(outputs.predicted, y))
    return metrics.of_classes(outputs.predicted, outputs.probabilities, y)
