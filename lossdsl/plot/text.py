"""A section for a terminal, by uniplot."""

from __future__ import annotations

from typing import Any

import numpy as np

from lossdsl.plot.section import Section

WIDTH, HEIGHT = 60, 10


def section_text(section: Section, *, color: bool = False) -> str:
    """The values of a loss over one entry of its prediction, as lines of characters."""
    from uniplot import plot_to_string

    curves = [curve for curve in section.curves if np.isfinite(curve.value).any()]
    if not curves:
        return ""
    several = len(curves) > 1
    # without colours, curves are told apart by the characters that they are drawn with
    marks: dict[str, Any] = {"character_set": "braille"}
    if several and not color:
        marks = {"character_set": "ascii", "force_ascii_characters": [curve.label[-1] for curve in curves]}
    drawn: str = plot_to_string(
        xs=[section.at for _ in curves], ys=[curve.value for curve in curves], lines=True, width=WIDTH, height=HEIGHT,
        title=f"{section.entry}{f'  ({section.fixed})' if section.fixed else ''}", color=color,
        legend_labels=[curve.label for curve in curves] if several else None, **marks,
    )  # fmt: skip
    return "\n".join(line.rstrip() for line in drawn.splitlines())
