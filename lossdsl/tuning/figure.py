"""What was tried as one matplotlib Figure: a panel of scores for each hyperparameter, and one of the best so far.

Trials on all rows stand in front, those of the seeds pale behind them; trials that were cut short are crosses at the
score that they had by then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lossdsl.comparison.figure import grid
from lossdsl.comparison.metrics import HIGHER, TITLES
from lossdsl.comparison.table import heading
from lossdsl.plot.figure import PALETTE, STYLE
from lossdsl.tuning.ranges import Dimension

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lossdsl.tuning.result import Search, Tuned
    from lossdsl.tuning.study import Trial

PALE = 0.35


def tuned_figure(tuned: Tuned) -> Figure:
    """The figure."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure, panels = grid(len(tuned.space.dimensions) + 1)
        for panel, dimension in zip(panels, tuned.space.dimensions, strict=False):
            _scores(panel, tuned, dimension)
        _best_so_far(panels[-1], tuned)
        figure.suptitle(f"{tuned.loss.name} on {heading(tuned.comparison)}", fontsize=9)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4), frameon=False)
    return figure


def _scores(panel: Axes, tuned: Tuned, dimension: Dimension) -> None:
    name = dimension.name
    for number, search in enumerate((*tuned.searches, tuned.final)):
        last = search is tuned.final
        color, alpha = (PALETTE[0], 1.0) if last else (PALETTE[-1], PALE)
        whole = [each for each in search.trials if each.value is not None and math.isfinite(each.value)]
        cut = [each for each in search.trials if each.value is None and each.steps]
        label = "trials on all rows" if last else "trials of the seeds" if number == 0 else ""
        panel.scatter(
            [each.settings[name] for each in whole], [each.value or 0.0 for each in whole],
            s=14 if last else 7, color=color, alpha=alpha, label=label, zorder=3 if last else 2,
        )  # fmt: skip
        panel.scatter(
            [each.settings[name] for each in cut], [_last(each) for each in cut],
            s=12, color=color, alpha=alpha, marker="x", linewidths=0.8, label="cut short" if last and cut else "",
        )  # fmt: skip
    panel.axvline(tuned.space.start[name], color=PALETTE[2], linewidth=1.0, linestyle=":", label="as it is")
    panel.axvline(tuned.settings[name], color=PALETTE[1], linewidth=1.0, label="chosen")
    if getattr(dimension, "scale", "") == "log" and getattr(dimension, "origin", 0) is None:
        panel.set_xscale("log")
    panel.set_xlabel(name)
    panel.set_ylabel(f"{TITLES[tuned.metric]}, validated")
    panel.set_title(f"{name} ({'higher' if tuned.metric in HIGHER else 'lower'} is better)")


def _last(trial: Trial) -> float:
    return trial.steps[max(trial.steps)]


def _best_so_far(panel: Axes, tuned: Tuned) -> None:
    for search in (*tuned.searches, tuned.final):
        last = search is tuned.final
        color, alpha = (PALETTE[0], 1.0) if last else (PALETTE[-1], PALE)
        reached = best_so_far(search)
        panel.step(
            np.arange(1, len(reached) + 1),
            reached,
            where="post",
            color=color,
            alpha=alpha,
            linewidth=1.5 if last else 1.0,
        )
    panel.set_xlabel("trial")
    panel.set_title("best so far")


def best_so_far(search: Search) -> Sequence[float]:
    """The best score by then, shape (trials,); NaN before there is one."""
    sign = -1.0 if search.metric in HIGHER else 1.0
    values = [
        math.inf if each.value is None or not math.isfinite(each.value) else sign * each.value for each in search.trials
    ]
    reached = np.minimum.accumulate(values)
    found: list[float] = np.where(np.isfinite(reached), sign * reached, np.nan).tolist()
    return found
