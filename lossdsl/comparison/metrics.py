"""What is measured on the rows for testing, by task; everything but accuracies is the better the smaller it is.

Numbers are in the units of the target.  Classes: `brier` is half the sum over two classes, the whole sum over more
(Brier 1950, as scikit-learn has it); `ece` is the expected calibration error of the class that is predicted, over
`BINS` bins of equal width (Guo et al. 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

LEVEL = 0.9
"""Of the pinball loss: errors below the target cost nine times as much as errors above it."""
BINS = 10
TITLES = {
    "mae": "MAE",
    "rmse": "RMSE",
    "median_ae": "median AE",
    "pinball_0.9": "pinball 0.9",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced acc.",
    "log_loss": "log loss",
    "brier": "Brier",
    "ece": "ECE",
}
HIGHER = frozenset({"accuracy", "balanced_accuracy"})
REGRESSION = ("mae", "rmse", "median_ae", "pinball_0.9")
CLASSIFICATION = ("accuracy", "balanced_accuracy", "log_loss", "brier", "ece")


@dataclass(frozen=True)
class Bin:
    """Rows whose predicted class has a probability in one range: how many, its mean, and the share that is right."""

    count: int
    confidence: float
    accuracy: float


def of_numbers(predicted: Array, y: Array) -> dict[str, float]:
    """Metrics of predictions and targets, shape (rows,)."""
    residual = y - predicted
    size = np.abs(residual)
    return {
        "mae": float(np.mean(size)),
        "rmse": float(np.sqrt(np.mean(residual**2))),
        "median_ae": float(np.median(size)),
        "pinball_0.9": float(np.mean(np.maximum(LEVEL * residual, (LEVEL - 1) * residual))),
    }


def of_classes(predicted: Array, probabilities: Array | None, y: Array) -> dict[str, float | None]:
    """Metrics of predicted positions, shape (rows,), and of probabilities, shape (rows, classes), if there are any."""
    right = predicted == y
    recalls = [np.mean(right[y == k]) for k in np.unique(y)]
    found: dict[str, float | None] = dict.fromkeys(CLASSIFICATION)
    found |= {"accuracy": float(np.mean(right)), "balanced_accuracy": float(np.mean(recalls))}
    if probabilities is not None:
        own = probabilities[np.arange(len(y)), y]
        indicators = y[:, None] == np.arange(probabilities.shape[1])
        total = float(np.mean(np.sum((probabilities - indicators) ** 2, axis=1)))
        found["log_loss"] = float(-np.mean(np.log(np.clip(own, np.finfo(float).eps, 1.0))))
        found["brier"] = total / 2 if probabilities.shape[1] == 2 else total
        found["ece"] = calibration_error(reliability([(probabilities, y)]))
    return found


def reliability(parts: Sequence[tuple[Array, Array]]) -> tuple[Bin, ...]:
    """The bins that have rows, of (probabilities, y) of several seeds together."""
    confidence = np.concatenate([p.max(axis=1) for p, _ in parts])
    right = np.concatenate([p.argmax(axis=1) == y for p, y in parts])
    places = np.minimum((confidence * BINS).astype(int), BINS - 1)
    found = [(confidence[places == k], right[places == k]) for k in range(BINS)]
    return tuple(Bin(len(c), float(c.mean()), float(r.mean())) for c, r in found if len(c))


def calibration_error(bins: Sequence[Bin]) -> float:
    """The mean distance of confidence and accuracy, weighted by rows."""
    rows = sum(each.count for each in bins)
    return sum(each.count * abs(each.confidence - each.accuracy) for each in bins) / rows
