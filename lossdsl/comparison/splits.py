"""What one seed does to the data: parts for training, stopping and testing, disturbances, and scales.

What must hold: everything comes from the seed; every loss and every model of a seed sees the same rows; what is
measured on the rows for training (means, deviations) is not touched by those for testing; only rows for training and
stopping are disturbed, those for testing stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lossdsl.comparison.datasets import Dataset
from lossdsl.comparison.errors import ComparisonError

Array = np.ndarray[Any, Any]

TEST, VALIDATION = 0.25, 0.2
"""The share of all rows that test, and the share of the others that only tell a network when to stop."""
FAR = 10.0
"""How many standard deviations of the target an outlier is moved."""


@dataclass(frozen=True)
class Disturbance:
    """noise: for numbers, the standard deviation of normal noise in those of the target; for classes, the share of
    labels that become another class.  outliers: the share of numbers that are moved by `FAR` deviations, up or down.
    imbalance: how many times as large the largest class is as the smallest, with a geometric row of sizes between
    (Cui et al. 2019); rows are left out for it."""

    noise: float = 0.0
    outliers: float = 0.0
    imbalance: float = 1.0

    def check(self, task: str) -> None:
        """ComparisonError for what makes no sense, or not for this task."""
        if not 0 <= self.noise < np.inf or (task == "classification" and self.noise > 1):
            limit = "a share of labels, between 0 and 1" if task == "classification" else ">= 0"
            raise ComparisonError(f"noise must be {limit}, got {self.noise:g}")
        if not 0 <= self.outliers <= 1:
            raise ComparisonError(f"outliers are a share of the rows, between 0 and 1, got {self.outliers:g}")
        if not 1 <= self.imbalance < np.inf:
            raise ComparisonError(
                f"imbalance is how many times as large a class is, at least 1, got {self.imbalance:g}"
            )
        if self.outliers and task == "classification":
            raise ComparisonError("outliers are for targets that are numbers; for classes there is noise")
        if self.imbalance > 1 and task == "regression":
            raise ComparisonError("imbalance is for classes, and the target is a number")


@dataclass(frozen=True)
class Split:
    """The rows of one seed.  Features are standardised by the rows for training (both parts); y is in its own units.

    `train` and `stop` are positions in `X` and `y`: linear models and trees train on both.
    """

    seed: int
    X: Array
    y: Array
    train: Array
    stop: Array
    clean: Array
    """The targets of the rows before noise and outliers, shape (rows,)."""
    X_test: Array
    y_test: Array


def split(data: Dataset, seed: int, disturbance: Disturbance, testing: bool = True) -> Split:
    """The split of a seed; without `testing` all rows are for training."""
    parts, thinning, noise = (np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(3))
    every, classes = np.arange(len(data.y)), len(data.classes)
    rows, test = parted(data.y, classes, every, TEST, parts) if testing else (every, every[:0])
    if data.task == "classification":
        rows = _thinned(data.y, rows, disturbance.imbalance, thinning)
    order = {row: k for k, row in enumerate(rows.tolist())}
    halves = parted(data.y, classes, rows, VALIDATION, parts)
    train, stop = ([order[row] for row in part.tolist()] for part in halves)
    centre, spread = data.X[rows].mean(axis=0), data.X[rows].std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    clean = data.y[rows]
    return Split(
        seed,
        (data.X[rows] - centre) / spread,
        _disturbed(clean, len(data.classes), disturbance, noise),
        np.array(train),
        np.array(stop),
        clean,
        (data.X[test] - centre) / spread,
        data.y[test],
    )


def parted(y: Array, classes: int, rows: Array, share: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Rows that stay, and a share of them that goes; of each of the classes, at least one row goes and one stays."""
    if not classes:
        return _cut(rows, share, rng)
    cuts = [_cut(rows[y[rows] == k], share, rng) for k in range(classes)]
    return np.concatenate([stays for stays, _ in cuts]), np.concatenate([goes for _, goes in cuts])


def _cut(rows: Array, share: float, rng: np.random.Generator) -> tuple[Array, Array]:
    mixed = rng.permutation(rows)
    count = min(max(round(share * len(rows)), 1), len(rows) - 1)
    return mixed[count:], mixed[:count]


def _thinned(y: Array, rows: Array, imbalance: float, rng: np.random.Generator) -> Array:
    """Rows with classes from large to small in a geometric row of sizes; at least two of each are left."""
    if imbalance <= 1:
        return rows
    counts = np.bincount(y[rows])
    ranks = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
    allowed = counts.max() * imbalance ** (-ranks / (len(counts) - 1))
    kept = [
        rng.permutation(rows[y[rows] == k])[: max(2, min(round(allowed[k]), counts[k]))] for k in range(len(counts))
    ]
    return np.concatenate(kept)


def _disturbed(y: Array, classes: int, disturbance: Disturbance, rng: np.random.Generator) -> Array:
    count = len(y)
    if classes:
        wrong = rng.permutation(count)[: round(disturbance.noise * count)]
        y = y.copy()
        y[wrong] = (y[wrong] + rng.integers(1, classes, len(wrong))) % classes
        return y
    deviation = y.std()
    y = y + disturbance.noise * deviation * rng.normal(size=count)
    far = rng.permutation(count)[: round(disturbance.outliers * count)]
    y[far] += FAR * deviation * rng.choice([-1.0, 1.0], len(far))
    return y
