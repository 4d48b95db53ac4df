"""Boosted trees with the objective that is made of the loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from lossdsl.comparison.errors import ComparisonError
from lossdsl.comparison.models import Trained, Training
from lossdsl.comparison.splits import Split
from lossdsl.comparison.subject import Scale, Subject

Array = np.ndarray[Any, Any]


class Trees:
    """XGBoost or LightGBM, one thread; of a loss for two classes one ensemble for each of several classes."""

    def __init__(self, library: str) -> None:
        self.name = library

    def check(self, subject: Subject) -> None:
        if subject.classes is not None and subject.classes.kind == "indicator":
            raise ComparisonError(
                f"{subject.label} takes a table of indicators, which is no label of {self.name}; "
                "a loss whose target is a label `in c` can be compared, or other models"
            )
        self._objective(subject)

    def train(self, subject: Subject, split: Split, scale: Scale, training: Training) -> Trained:
        """FloatingPointError of an objective whose scores have run away is said as a warning; scores are then NaN."""
        y = np.asarray(subject.seen(split.y, scale), dtype=float)
        try:
            if subject.against_the_rest:
                scores = np.stack([self._scores(subject, split, y[:, k], training) for k in range(y.shape[1])], axis=1)
            else:
                scores = self._scores(subject, split, y, training)
        except FloatingPointError as error:
            rows = (len(split.X_test), *subject.sizes.values())
            return Trained({arg.name: np.full(rows, np.nan) for arg in subject.predictions}, warning=str(error))
        if len(subject.predictions) == 1:
            return Trained({subject.predictions[0].name: scores})
        return Trained({arg.name: scores[:, k] for k, arg in enumerate(subject.predictions)})

    def _objective(self, subject: Subject) -> Any:
        library: Any = self.name
        return subject.contender.loss.objective(library, **subject.contender.settings)

    def _scores(self, subject: Subject, split: Split, y: Array, training: Training) -> Array:
        objective = self._objective(subject)
        trained = _xgboost if self.name == "xgboost" else _lightgbm
        return np.asarray(trained(objective, split, y, training), dtype=float)


def _xgboost(objective: Any, split: Split, y: Array, training: Training) -> Any:
    import xgboost

    settings = {
        "max_depth": training.depth, "eta": training.shrinkage, "nthread": 1, "verbosity": 0, "seed": split.seed,
        **objective.parameters(y),
    }  # fmt: skip
    booster = xgboost.train(settings, xgboost.DMatrix(split.X, label=y), training.rounds, obj=objective)
    return booster.predict(xgboost.DMatrix(split.X_test), output_margin=True)


def _lightgbm(objective: Any, split: Split, y: Array, training: Training) -> Any:
    import lightgbm

    start = objective.init_score(y)
    settings = {
        "num_leaves": 2**training.depth, "max_depth": training.depth, "learning_rate": training.shrinkage,
        "num_threads": 1, "verbose": -1, "seed": split.seed, "deterministic": True, **objective.parameters(y),
    }  # fmt: skip
    data = lightgbm.Dataset(split.X, label=y, init_score=objective.first_scores(start, len(y)))
    try:
        booster = lightgbm.train(settings, data, training.rounds)
    except lightgbm.basic.LightGBMError as error:  # second derivatives that have become 0 end in a failed check
        raise FloatingPointError(str(error)) from error
    return start + booster.predict(split.X_test, raw_score=True)
