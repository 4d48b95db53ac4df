"""Contours and surfaces of a loss over two of its numbers, by matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossdsl.plot.errors import PlotError
from lossdsl.plot.field import Field
from lossdsl.plot.figure import STYLE, heading

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLORS = "cividis"
"""From dark to light evenly, and the same to readers with and without colour vision."""
LEVELS = 14
SHOWN, POLE = 0.95, 3.0
"""Levels go to the largest value, unless that is so many times as far as where this part of the values ends: a pole in
a corner would leave the rest without any."""


def contour_figure(field: Field, *, width: float = 4.6, height: float = 3.8) -> Figure:
    """Filled contours with labelled lines and a colour bar; values above the last level have its colour."""
    import matplotlib
    from matplotlib.figure import Figure

    levels = _levels(field)
    values = np.ma.masked_invalid(field.values)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        panel = figure.subplots()
        panel.grid(False)
        filled = panel.contourf(field.x, field.y, values, levels=levels, cmap=COLORS, extend="max")
        lines = panel.contour(field.x, field.y, values, levels=levels, colors="black", linewidths=0.4)
        panel.clabel(lines, levels[::2], fontsize=6)
        panel.set_xlabel(field.labels[0])
        panel.set_ylabel(field.labels[1])
        figure.colorbar(filled, ax=panel, label="value")
        figure.suptitle(heading(field.title, field.fixed), fontsize=9)
    return figure


def surface_figure(field: Field, *, width: float = 4.6, height: float = 4.2) -> Figure:
    """The same as a surface in three dimensions, cut off above the last level of the contours."""
    import matplotlib
    from matplotlib.figure import Figure

    top = _levels(field)[-1]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        panel: Any = figure.add_subplot(projection="3d")
        x, y = np.meshgrid(field.x, field.y)
        shown = np.where(field.values <= top, field.values, np.nan)
        panel.plot_surface(x, y, shown, cmap=COLORS, linewidth=0, rcount=60, ccount=60)
        panel.set_xlabel(field.labels[0])
        panel.set_ylabel(field.labels[1])
        panel.set_zlabel("value")
        figure.suptitle(heading(field.title, field.fixed), fontsize=9)
    return figure


def _levels(field: Field) -> Any:
    from matplotlib.ticker import MaxNLocator

    kept = field.values[np.isfinite(field.values)]
    if not kept.size:
        raise PlotError("the loss has no finite value there")
    low, most, high = float(kept.min()), float(np.quantile(kept, SHOWN)), float(kept.max())
    if low < most < low + (high - low) / POLE:
        high = most
    if high <= low:
        raise PlotError("the loss is the same everywhere there")
    return MaxNLocator(LEVELS).tick_values(low, high)
