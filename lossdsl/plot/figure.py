"""A section as a figure, by matplotlib: values and slopes, in colours that colour-blind readers can tell apart."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from lossdsl.plot.section import Curve, Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, the lightest last."""

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


def section_svg(section: Section) -> str:
    """The figure as SVG, small, and the same for the same section: text is text, coordinates are
    rounded to a tenth of a point."""
    import matplotlib

    drawn = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure = section_figure(section)
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
