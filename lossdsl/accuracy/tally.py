"""Errors gathered for one implementation, one dtype and one quantity, and what a table says of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from lossdsl.accuracy.truth import Quantity
from lossdsl.accuracy.ulps import Floats

GOALS: dict[Quantity, float] = {"value": 4.0, "gradient": 8.0, "Hessian diagonal": 8.0, "sum": 4.0}
"""Ulps that are allowed where the formula is well-conditioned."""


@dataclass(frozen=True)
class Batch:
    """Entries measured together.  All arrays are flat and equally long; `places` says where each entry is from."""

    ulps: Floats
    lost: Any
    vast: Any
    nan: Any
    condition: Floats
    terms: Floats
    """The magnitude of what is summed by that of the result, where the loss has reductions; else 1."""
    extra: float
    """Ulps that pairwise summation may take beside those of the goal."""
    places: tuple[str, ...]
    sizes: Floats
    """How far from 1 the arguments are, so that the simplest of several failing inputs is shown."""
    usual: Any
    """Where all arguments are 0 or between 1e-8 and 1e8 in magnitude."""


@dataclass(frozen=True)
class Summary:
    """Of all entries.

    `worst` and `mean` are in ulps; `scaled` is the largest error after division by the condition number, and `summed`
    after division also by the magnitude of what is summed, and with what pairwise summation may take subtracted.
    """

    count: int
    worst: float
    mean: float
    scaled: float
    summed: float
    above: int
    """Entries above the goal before any division."""
    missed: int
    """Entries above the goal after it."""
    lost: int
    usual: int
    """Entries that are lost or above the goal, though all arguments are of usual size."""
    vast: int
    nan: int
    """Entries that are lost to NaN, though all arguments are of usual size."""
    place: str
    """The input with the largest error; after division, if the goal is missed."""
    failing: str
    """The simplest input at which the result is lost or misses the goal."""
    fault: str = ""

    @property
    def good(self) -> bool:
        return not (self.missed or self.lost or self.fault)

    @property
    def usually_good(self) -> bool:
        return not (self.usual or self.fault)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Tally:
    """Batches as they come."""

    quantity: Quantity
    batches: list[Batch] = field(default_factory=list)
    fault: str = ""

    @property
    def goal(self) -> float:
        return GOALS[self.quantity]

    def summary(self) -> Summary:
        if not self.batches:
            return Summary(0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0, 0, 0, 0, "", "", self.fault)
        ulps, lost, vast, nan, condition, terms, sizes, usual = (
            np.concatenate([getattr(batch, name) for batch in self.batches])
            for name in ("ulps", "lost", "vast", "nan", "condition", "terms", "sizes", "usual")
        )
        extra = np.concatenate([np.full(batch.ulps.shape, batch.extra) for batch in self.batches])
        places = [place for batch in self.batches for place in batch.places]
        known = ~np.isnan(ulps)
        raw = np.where(known, ulps, 0.0)
        high = raw > self.goal
        scaled = np.where(high, raw / condition, raw)
        summed = np.where(high, raw / np.maximum(condition, terms) - extra, raw)
        missed = summed > self.goal
        return Summary(
            count=int(known.sum() + lost.sum()),
            worst=float(raw.max(initial=0.0)),
            mean=float(raw[known].mean()) if known.any() else 0.0,
            scaled=float(scaled.max(initial=0.0)),
            summed=float(summed.max(initial=0.0)),
            above=int(high.sum()),
            missed=int(missed.sum()),
            lost=int(lost.sum()),
            usual=int(((missed | lost) & usual).sum()),
            vast=int(vast.sum()),
            nan=int((nan & usual).sum()),
            place=places[int(np.argmax(summed if missed.any() else raw))] if places else "",
            failing=_simplest(places, lost | missed, sizes),
            fault=self.fault,
        )


def _simplest(places: list[str], failing: Any, sizes: Floats) -> str:
    """Of the places at which something fails."""
    return places[int(np.argmin(np.where(failing, sizes, np.inf)))] if failing.any() else ""
