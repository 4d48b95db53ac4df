"""A comparison as one matplotlib Figure: a panel for each metric, then networks by epoch, then reliability.

Losses differ in colour and in marker, models stand side by side; colours can be told apart by colour-blind readers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossdsl.comparison.metrics import HIGHER, TITLES
from lossdsl.comparison.table import heading
from lossdsl.plot.figure import DASHES, PALETTE, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lossdsl.comparison.result import Comparison, Run

MARKERS = "os^Dv<>"
COLUMNS = 3
PANEL = (3.0, 2.4)
"""Width and height of a panel, in inches."""


def comparison_figure(comparison: Comparison) -> Figure:
    """The figure; metrics that no loss has a score for are left out."""
    import matplotlib

    metrics = [m for m in comparison.metrics if any(run.interval(m) is not None for run in comparison.runs)]
    curves = [model for model in comparison.models if any(r.curves for r in comparison.runs if r.model == model)]
    calibrated = [model for model in comparison.models if any(r.bins for r in comparison.runs if r.model == model)]
    with matplotlib.rc_context(STYLE):
        figure, panels = grid(len(metrics) + len(curves) + len(calibrated))
        free = iter(panels)
        for metric in metrics:
            _metric(next(free), comparison, metric)
        for model in curves:
            _curves(next(free), comparison, model)
        for model in calibrated:
            _reliability(next(free), comparison, model)
        figure.suptitle(heading(comparison), fontsize=9)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4), frameon=False)
    return figure


def grid(count: int) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels; what is left over in the last row is not drawn."""
    from matplotlib.figure import Figure

    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows + 0.6), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for panel in panels[count:]:
        panel.set_axis_off()
    return figure, panels[:count]


def _look(number: int) -> dict[str, Any]:
    return {"color": PALETTE[number % len(PALETTE)], "linestyle": DASHES[number % len(DASHES)]}


def _metric(panel: Axes, comparison: Comparison, metric: str) -> None:
    """Means with their intervals, a place on the axis for each model."""
    width = 0.6 / len(comparison.losses)
    for number, loss in enumerate(comparison.losses):
        for place, model in enumerate(comparison.models):
            found = comparison.run(model, loss).interval(metric)
            at = place + width * (number - (len(comparison.losses) - 1) / 2)
            mean, half = (np.nan, None) if found is None else (found.mean, found.half)
            panel.errorbar(
                [at], [mean], yerr=None if half is None else [half], color=PALETTE[number % len(PALETTE)], capsize=2,
                marker=MARKERS[number % len(MARKERS)], markersize=4, linestyle="none", label="" if place else loss,
            )  # fmt: skip
    panel.set_xticks(range(len(comparison.models)), comparison.models)
    panel.set_xlim(-0.5, len(comparison.models) - 0.5)
    panel.set_title(f"{TITLES[metric]} ({'higher' if metric in HIGHER else 'lower'} is better)")


def _curves(panel: Axes, comparison: Comparison, model: str) -> None:
    """The error on the rows for stopping, a line a seed, and a dot at the epoch that is used."""
    for number, run in _runs(comparison, model):
        for curve in run.curves:
            epochs = np.arange(1, len(curve.error) + 1)
            panel.plot(epochs, curve.error, linewidth=0.9, alpha=0.8, **_look(number))
            panel.plot(curve.best + 1, curve.error[curve.best], ".", color=PALETTE[number % len(PALETTE)])
    panel.set_xlabel("epoch")
    panel.set_ylabel("share wrong" if comparison.data.classes else "MAE / deviation")
    panel.set_title(f"{model}: validation error, each seed")


def _reliability(panel: Axes, comparison: Comparison, model: str) -> None:
    panel.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
    for number, run in _runs(comparison, model):
        if run.bins:
            x, y = [b.confidence for b in run.bins], [b.accuracy for b in run.bins]
            panel.plot(x, y, marker=MARKERS[number % len(MARKERS)], markersize=3, linewidth=1.0, **_look(number))
    panel.set_xlabel("probability of the class predicted")
    panel.set_ylabel("share right")
    panel.set_title(f"{model}: reliability")


def _runs(comparison: Comparison, model: str) -> list[tuple[int, Run]]:
    return [(number, comparison.run(model, loss)) for number, loss in enumerate(comparison.losses)]
