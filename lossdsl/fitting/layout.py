"""The vector of parameters that a minimiser works on, and the arrays that it stands for.

In order: for each prediction its coefficients, one row of features for each element of the prediction of an example,
and then its intercepts, if there are any; then the learned hyperparameters, before their links.  With an l1 penalty the
coefficients are differences of two nonnegative parts, in which the penalty is linear, and the negative parts come last.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossdsl.fitting.links import Link

Arrays = Mapping[str, Any]


@dataclass(frozen=True)
class Slot:
    """A prediction or learned hyperparameter: `shape` is that of the prediction of one example, or of the array."""

    name: str
    shape: tuple[int, ...]
    link: Link
    learned: bool

    @property
    def count(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Layout:
    slots: tuple[Slot, ...]
    features: int
    intercept: bool
    split: bool
    """Whether coefficients are differences of nonnegative parts."""

    @property
    def predictions(self) -> tuple[Slot, ...]:
        return tuple(slot for slot in self.slots if not slot.learned)

    @property
    def learned(self) -> tuple[Slot, ...]:
        return tuple(slot for slot in self.slots if slot.learned)

    @property
    def size(self) -> int:
        """The number of parameters without the negative parts."""
        each = self.features + self.intercept
        return sum(slot.count * (1 if slot.learned else each) for slot in self.slots)

    @property
    def penalised(self) -> Any:
        """Which parameters are coefficients, of shape (size,)."""
        ones = {slot.name: np.ones((slot.count, self.features)) for slot in self.predictions}
        return self._joined(ones, {}, {}).astype(bool)

    def join(self, coef: Arrays, intercept: Arrays, learned: Arrays) -> Any:
        """One vector of shape (size,) of arrays by name; what is not given is 0."""
        return self._joined(coef, intercept, learned)

    def _joined(self, coef: Arrays, intercept: Arrays, learned: Arrays) -> Any:
        parts: list[Any] = []
        for slot in self.slots:
            if slot.learned:
                parts.append(learned.get(slot.name, np.zeros(slot.count)))
                continue
            parts.append(coef.get(slot.name, np.zeros(slot.count * self.features)))
            if self.intercept:
                parts.append(intercept.get(slot.name, np.zeros(slot.count)))
        return np.concatenate([np.ravel(part) for part in parts]).astype(float)

    def coefficients(self, x: Any) -> Iterator[tuple[Slot, Any, Any]]:
        """For each prediction its coefficients, shape (count, features), and intercepts, shape (count,)."""
        at = 0
        for slot in self.slots:
            if slot.learned:
                at += slot.count
                continue
            end = at + slot.count * self.features
            intercepts = x[end : end + slot.count] if self.intercept else np.zeros(slot.count)
            yield slot, x[at:end].reshape(slot.count, self.features), intercepts
            at = end + slot.count * self.intercept

    def learned_values(self, x: Any) -> Iterator[tuple[Slot, Any]]:
        """For each learned hyperparameter its values before the link, in its shape."""
        at = 0
        for slot in self.slots:
            if slot.learned:
                yield slot, x[at : at + slot.count].reshape(slot.shape)[()]
                at += slot.count
            else:
                at += slot.count * (self.features + self.intercept)
