"""Pictures for a terminal, by uniplot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lossdsl.plot.inputs import Array
from lossdsl.plot.lines import Lines
from lossdsl.plot.section import Section
from lossdsl.plot.subject import QUANTITIES

WIDTH, HEIGHT = 60, 10
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


Series = tuple[str, Array, Array]
"""A curve: its label, and its coordinates."""


def section_text(section: Section, *, color: bool = False) -> str:
    """The values of a loss over one entry of its prediction, as lines of characters."""
    title = f"{section.entry}{f'  ({section.fixed})' if section.fixed else ''}"
    return _drawn([(curve.label, section.at, curve.value) for curve in section.curves], title, color)


def lines_text(picture: Lines, *, color: bool = False) -> str:
    """A picture as characters, its quantities one below the other."""
    parts = []
    for quantity in picture.quantities:
        row = QUANTITIES.index(quantity)
        title = f"{quantity} over {picture.label}{f'  ({picture.fixed})' if picture.fixed else ''}"
        drawn = _drawn([(line.label, *line.curves.line(row)) for line in picture.lines], title, color)
        parts.append(drawn or f"{title}: nothing finite to draw")
    return "\n\n".join(parts)


def _drawn(series: Sequence[Series], title: str, color: bool) -> str:
    from uniplot import plot_to_string

    kept = [each for each in series if np.isfinite(each[2]).any()]
    if not kept:
        return ""
    several = len(kept) > 1
    # without colours, curves are told apart by the characters that they are drawn with
    marks: dict[str, Any] = {"character_set": "braille"}
    if several and not color:
        marks = {"character_set": "ascii", "force_ascii_characters": _characters([label for label, _, _ in kept])}
    drawn: str = plot_to_string(
        xs=[at for _, at, _ in kept], ys=[values for _, _, values in kept], lines=True, width=WIDTH, height=HEIGHT,
        title=title, color=color, legend_labels=[label for label, _, _ in kept] if several else None, **marks,
    )  # fmt: skip
    return "\n".join(line.rstrip() for line in drawn.splitlines())


def _characters(labels: Sequence[str]) -> list[str]:
    """The last character of each label where these differ, else letters."""
    last = [label[-1] for label in labels]
    return last if len(set(last)) == len(last) else list(LETTERS[: len(labels)])
