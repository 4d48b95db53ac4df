"""Means over seeds, and how well they are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

LEVEL = 0.95
ROUNDING = 1e-9
"""Of a half width, relative to the mean: below it differences of shares of rows are the same on every seed."""


@dataclass(frozen=True)
class Interval:
    """mean +- half: Student's t interval at `LEVEL` for the mean over seeds; `half` is None with one seed only."""

    mean: float
    half: float | None

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside; never where all seeds agree to the last digit, which says nothing of their spread."""
        return self.half is not None and ROUNDING * abs(self.mean) < self.half < abs(self.mean)

    def to_json(self) -> dict[str, float | None]:
        low, high = (None, None) if self.half is None else (self.mean - self.half, self.mean + self.half)
        return {"mean": self.mean, "low": low, "high": high}


def interval(values: Sequence[float]) -> Interval:
    """The interval for the mean of values, one a seed."""
    count = len(values)
    mean = float(np.mean(values))
    if count < 2:
        return Interval(mean, None)
    from scipy.stats import t

    return Interval(mean, float(t.ppf((1 + LEVEL) / 2, count - 1) * np.std(values, ddof=1) / np.sqrt(count)))


def paired(values: Sequence[float], reference: Sequence[float]) -> Interval:
    """The interval for the mean difference of values on the same seeds."""
    differences: Any = np.asarray(values) - np.asarray(reference)
    return interval(differences.tolist())
