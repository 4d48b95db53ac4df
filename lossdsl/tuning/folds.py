"""Rows for training cut again: what hyperparameters are judged on, while the rows for testing stay unseen.

Rows for validation are as noisy as those for training: nobody who tunes has cleaner ones.
"""

from __future__ import annotations

import numpy as np

from lossdsl.comparison.splits import VALIDATION, Split, parted

SHARE = 0.25
"""Of the rows for training that validate, in each fold."""
BRANCH = 1
"""Keeps the random numbers of folds apart from those that made the split."""


def folds(part: Split, classes: int, count: int) -> tuple[Split, ...]:
    """The rows for training of a split, cut `count` times: what these call the test are the rows for validation."""
    return tuple(_fold(part, classes, number) for number in range(count))


def _fold(part: Split, classes: int, number: int) -> Split:
    rng = np.random.default_rng(np.random.SeedSequence(part.seed, spawn_key=(BRANCH, number)))
    fit, held = parted(part.y, classes, np.arange(len(part.y)), SHARE, rng)
    train, stop = parted(part.y[fit], classes, np.arange(len(fit)), VALIDATION, rng)
    return Split(
        part.seed, part.X[fit], part.y[fit], train, stop, part.clean[fit], part.X[held], part.y[held]
    )  # fmt: skip
