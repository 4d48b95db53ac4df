"""Figures by matplotlib, in colours that colour-blind readers can tell apart; nothing here knows of pyplot."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lossdsl.plot.lines import Lines
from lossdsl.plot.section import Curve, Section
from lossdsl.plot.subject import QUANTITIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, the lightest last."""
DASHES: Any = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)))
"""Line styles, four to seven colours: the pairs repeat after 28 lines."""
FLAT = 1e-6
DOTS_PER_INCH = 150
TITLE = 96
"""Characters of a title."""

STYLE: Any = {
    "font.size": 8,
    "font.sans-serif": ["DejaVu Sans"],
    "svg.fonttype": "none",
    "svg.hashsalt": "lossdsl",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
}
"""`svg.hashsalt` and no date in the metadata: the same section gives the same bytes."""


def section_figure(section: Section, *, width: float = 5.2, height: float = 2.0) -> Figure:
    """Two panels side by side over the same entry: the value of the loss, and its slope."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        value, slope = figure.subplots(1, 2)
        for color, curve in zip(PALETTE, section.curves, strict=False):
            value.plot(section.at, curve.value, color=color, linewidth=1.5, label=curve.label)
            slope.plot(*_broken(section, curve), color=color, linewidth=1.5)
        value.set_title("value")
        slope.set_title("slope")
        for axes in (value, slope):
            axes.set_xlabel(section.entry)
        if len(section.curves) > 1:
            value.legend(frameon=False)
    return figure


def lines_figure(picture: Lines, *, width: float | None = None, height: float = 2.6) -> Figure:
    """One panel for each quantity side by side, all over the same axis; lines differ in colour and in style.

    Jumps are gaps, and a dot is the value that the convention gives a kink.  Where panels are wanted alone, their lines
    are `figure.axes[k].lines`, in the order of the picture, each with its label.
    """
    import matplotlib
    from matplotlib.figure import Figure

    count = len(picture.quantities)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width or max(2.9 * count, 4.0), height), layout="constrained")
        for panel, quantity in zip(figure.subplots(1, count, squeeze=False)[0], picture.quantities, strict=True):
            _panel(panel, picture, QUANTITIES.index(quantity))
        figure.suptitle(heading(picture.title, picture.fixed), fontsize=9)
        several = len(picture.lines) > 1
        if several:
            handles, labels = figure.axes[0].get_legend_handles_labels()
            columns = min(len(labels), max(1, 100 // (8 + max(map(len, labels)))))
            figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
    return figure


def _panel(panel: Axes, picture: Lines, row: int) -> None:
    by = picture.prediction
    panel.set_title((r"$\ell$", rf"$\partial\ell\,/\,\partial$ {by}", rf"$\partial^2\ell\,/\,\partial$ {by}$^2$")[row])
    panel.set_xlabel(picture.label)
    panel.set_ylabel(QUANTITIES[row])
    for number, line in enumerate(picture.lines):
        look: Any = {"color": PALETTE[number % len(PALETTE)], "linestyle": DASHES[number % len(DASHES)]}
        panel.plot(*line.curves.line(row), linewidth=1.5, label=line.label, **look)
    for number, line in enumerate(picture.lines):
        at, alone = line.curves.dots(row)
        if at.size:
            panel.plot(at, alone, ".", color=PALETTE[number % len(PALETTE)], label="_at the kink")
    _room(panel)


def _room(panel: Axes) -> None:
    """Not less than a range that can be seen: rounding alone would fill the panel of a constant."""
    low, high = panel.get_ylim()
    largest = max(abs(low), abs(high))
    if high - low < FLAT * largest:
        panel.set_ylim(low - largest / 10, high + largest / 10)


def heading(title: str, fixed: str) -> str:
    """The signature, and below it what stays as it is."""
    shown = title if len(title) <= TITLE else title[: TITLE - 1] + "…"
    return f"{shown}\n{fixed}" if fixed else shown


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG, SVG or PDF, by the end of the name; the same figure gives the same bytes."""
    import matplotlib

    undated = {".svg": "Date", ".pdf": "CreationDate"}.get(Path(path).suffix.lower())
    with matplotlib.rc_context(STYLE):
        figure.savefig(path, dpi=DOTS_PER_INCH, metadata={undated: None} if undated else None)


def section_svg(section: Section) -> str:
    """The figure as SVG, small, and the same for the same section."""
    return svg(section_figure(section))


def svg(figure: Figure) -> str:
    """A figure as SVG for a page: text is text, coordinates are rounded to a tenth of a point, no date."""
    import matplotlib

    drawn = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(drawn, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    short = re.sub(r"\d+\.\d{2,}", lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), drawn.getvalue())
    for needless in (r"<!--.*?-->", r"<\?xml.*?\?>", r"<!DOCTYPE.*?>", r" id=\"[a-z0-9.]+_\d+\""):
        short = re.sub(needless, "", short, flags=re.DOTALL)
    short = re.sub(r"<g>\s*</g>", "", short)
    return re.sub(r"\s*\n\s*", "\n", short).lstrip()


def _broken(section: Section, curve: Curve) -> tuple[Any, Any]:
    """The slope, cut where it jumps, so that a jump is not drawn as a steep line."""
    steps = np.abs(np.diff(curve.slope))
    span = np.nanmax(curve.slope) - np.nanmin(curve.slope) if np.isfinite(curve.slope).any() else 0.0
    jumps = np.flatnonzero(steps > 0.2 * span) + 1 if span > 0 else np.array([], dtype=int)
    return np.insert(section.at, jumps, np.nan), np.insert(curve.slope, jumps, np.nan)
