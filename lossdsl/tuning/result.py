"""What tuning has found: trials by seed, the values that were chosen, and what they are worth on unseen rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lossdsl.api import Loss
from lossdsl.comparison.intervals import Interval
from lossdsl.comparison.metrics import HIGHER, TITLES
from lossdsl.comparison.result import Comparison
from lossdsl.tuning.space import Space
from lossdsl.tuning.study import Trial, best
from lossdsl.tuning.texts import LossText

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Group

Method = Literal["tpe", "bilevel"]
ALL = "all rows"
"""The study that the values written down come from."""


@dataclass(frozen=True)
class Search:
    """The trials on the rows for training of one seed; `seed` is None for those on all rows."""

    seed: int | None
    trials: tuple[Trial, ...]
    metric: str

    @property
    def name(self) -> str:
        return study_name(self.seed)

    @property
    def best(self) -> Trial:
        return best(self.metric, self.trials)

    def to_json(self) -> dict[str, Any]:
        return {"seed": self.seed, "best": self.best.number, "trials": [each.to_json() for each in self.trials]}


def study_name(seed: int | None) -> str:
    return ALL if seed is None else f"seed {seed}"


@dataclass(frozen=True)
class Tuned:
    """A tuned loss.

    `settings` are the values chosen on all rows, `text` is the loss with them as its defaults.  `comparison` has the
    loss at its start and, for each seed, at the values chosen on the rows for training of that seed, both measured on
    its rows for testing: what the way of tuning is worth on rows that it has not seen.

    `str()` is a table, `to_json()` everything as plain values, `figure()` a matplotlib Figure.
    """

    loss: Loss
    method: Method
    metric: str
    folds: int
    space: Space
    searches: tuple[Search, ...]
    final: Search
    comparison: Comparison
    text: LossText
    notes: tuple[str, ...] = ()

    @property
    def settings(self) -> Mapping[str, float]:
        return self.final.best.settings

    @property
    def difference(self) -> Interval | None:
        """The mean change of the metric on rows for testing by tuning; None where a training ran away."""
        (model,) = self.comparison.models
        start, tuned = (self.comparison.run(model, loss) for loss in self.comparison.losses)
        return tuned.difference(start, self.metric)

    @property
    def helped(self) -> bool | None:
        """Whether tuning made the metric better on unseen rows, beyond what the seeds leave open; None without an
        interval: on one seed, or where a training ran away."""
        found = self.difference
        if found is None or found.half is None:
            return None
        return found.excludes_zero and (found.mean > 0) == (self.metric in HIGHER)

    @property
    def verdict(self) -> str:
        """The same in one sentence."""
        found, title = self.difference, TITLES[self.metric]
        if found is None or not math.isfinite(found.mean):
            return "Nothing can be said of tuning: some training has no scores."
        if found.half is None:
            return (
                f"{title} on the rows for testing changed by {found.mean:+.4g}; one seed can not tell whether by luck."
            )
        told = f"{title} on rows that tuning has not seen changed by {found.mean:+.4g} ± {found.half:.4g}"
        if self.helped:
            return f"Tuning helped: {told}."
        if found.excludes_zero:
            return f"Tuning made it worse: {told}."
        return f"Tuning did not help, as far as can be told: {told}."

    def __str__(self) -> str:
        from lossdsl.tuning.table import tuned_text

        return tuned_text(self)

    def tables(self) -> Group:
        """The same for a rich console."""
        from lossdsl.tuning.table import tables

        return tables(self)

    def to_json(self) -> dict[str, Any]:
        """Plain values: space, trials by seed, chosen values, the comparison on unseen rows, and the text."""
        found = self.difference
        return {
            "loss": self.loss.name,
            "method": self.method,
            "metric": self.metric,
            "folds": self.folds,
            "space": [each.to_json() for each in self.space.dimensions],
            "start": dict(self.space.start),
            "settings": dict(self.settings),
            "searches": [each.to_json() for each in (*self.searches, self.final)],
            "difference": None if found is None else found.to_json(),
            "helped": self.helped,
            "notes": list(self.notes),
            "comparison": self.comparison.to_json(),
            "text": self.text.text,
        }

    def figure(self) -> Figure:
        """The score of every trial by each hyperparameter, and the best so far; needs matplotlib."""
        from lossdsl.tuning.figure import tuned_figure

        return tuned_figure(self)
