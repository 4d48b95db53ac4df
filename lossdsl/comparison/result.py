"""What a comparison has found: scores by model, loss, metric and seed, and what is made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lossdsl.comparison.datasets import Dataset
from lossdsl.comparison.intervals import Interval, interval, paired
from lossdsl.comparison.metrics import CLASSIFICATION, REGRESSION, Bin
from lossdsl.comparison.models import Curve, Training
from lossdsl.comparison.splits import Disturbance

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Group

    from lossdsl.comparison.probabilities import Told


@dataclass(frozen=True)
class Run:
    """One loss with one model: a score for each seed by metric, None where the loss tells no probabilities."""

    model: str
    loss: str
    scores: dict[str, tuple[float | None, ...]]
    curves: tuple[Curve, ...] = ()
    """One a seed, of networks."""
    bins: tuple[Bin, ...] = ()
    """Reliability over the rows for testing of all seeds together; empty without probabilities."""
    warnings: tuple[str, ...] = ()
    told: Told | None = None
    """Where probabilities come from; None where there are none."""

    def interval(self, metric: str) -> Interval | None:
        """The mean over seeds; None where there is no score."""
        values = _numbers(self.scores[metric])
        return None if values is None else interval(values)

    def difference(self, first: Run, metric: str) -> Interval | None:
        """The mean difference to another loss on the same seeds."""
        values, reference = _numbers(self.scores[metric]), _numbers(first.scores[metric])
        return None if values is None or reference is None else paired(values, reference)


def _numbers(values: Sequence[float | None]) -> list[float] | None:
    found = [value for value in values if value is not None]
    return found if len(found) == len(values) else None


def _plain(value: Any) -> Any:
    """The same with None for numbers that JSON can not hold."""
    match value:
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case float() if not math.isfinite(value):
            return None
    return value


@dataclass(frozen=True)
class Comparison:
    """Losses on one data set, with the same rows, batches and starting weights for all losses of a seed.

    `str()` is a table, `to_json()` everything as plain values, `figure()` a matplotlib Figure.  Differences are to the
    first loss, seed by seed, with the same model.
    """

    data: Dataset
    seeds: tuple[int, ...]
    disturbance: Disturbance
    training: Training
    losses: tuple[str, ...]
    models: tuple[str, ...]
    runs: tuple[Run, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        return REGRESSION if self.data.task == "regression" else CLASSIFICATION

    def spread(self, metric: str) -> float:
        """The largest mean of a metric, which says how many decimals are worth showing."""
        means = [found.mean for run in self.runs if (found := run.interval(metric)) is not None]
        return max((abs(mean) for mean in means if math.isfinite(mean)), default=0.0)

    def run(self, model: str, loss: str) -> Run:
        """KeyError for what was not compared."""
        for each in self.runs:
            if (each.model, each.loss) == (model, loss):
                return each
        raise KeyError((model, loss))

    def __str__(self) -> str:
        from lossdsl.comparison.table import table_text

        return table_text(self)

    def tables(self) -> Group:
        """The same for a rich console."""
        from lossdsl.comparison.table import tables

        return tables(self)

    def to_json(self) -> dict[str, Any]:
        """Plain values: settings, and for each run scores by seed, means with intervals, differences, curves, bins."""
        return {
            "data": self.data.name,
            "target": self.data.target,
            "task": self.data.task,
            "rows": len(self.data.y),
            "features": len(self.data.features),
            "classes": list(self.data.classes),
            "seeds": list(self.seeds),
            "disturbance": asdict(self.disturbance),
            "training": asdict(self.training),
            "losses": list(self.losses),
            "models": list(self.models),
            "runs": [_plain(self._run_json(each)) for each in self.runs],
        }

    def _run_json(self, run: Run) -> dict[str, Any]:
        first = self.run(run.model, self.losses[0])
        metrics = {}
        for metric in self.metrics:
            mean = run.interval(metric)
            difference = None if run is first else run.difference(first, metric)
            metrics[metric] = {
                "seeds": list(run.scores[metric]),
                **(mean.to_json() if mean else dict.fromkeys(("mean", "low", "high"))),
                "difference": difference.to_json() if difference else None,
            }
        return {
            "model": run.model,
            "loss": run.loss,
            "metrics": metrics,
            "curves": [asdict(curve) for curve in run.curves],
            "calibration": [asdict(each) for each in run.bins],
            "probabilities": None if run.told is None else {"source": run.told.source, "text": str(run.told)},
            "warnings": list(run.warnings),
        }

    def figure(self) -> Figure:
        """Metrics with their intervals, errors of networks by epoch, and reliability; needs matplotlib."""
        from lossdsl.comparison.figure import comparison_figure

        return comparison_figure(self)
