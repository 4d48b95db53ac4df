"""Frames in the units of a picture: what is drawn first, and what the browser draws when a slider moves.

Of a curve the page keeps whole numbers from 0 to 4095, each written as two characters of base64; a height of 4095 is
that of a point that is not drawn.  A height is thereby known to less than a tenth of a pixel, and a frame of a smooth
loss takes a kilobyte.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossdsl.plot.inputs import Array
from lossdsl.plot.jumps import Sampled
from lossdsl.plot.subject import QUANTITIES
from lossdsl.report.frames import Frame, Frames, Place
from lossdsl.report.scale import WIDTH, Scale, vertical_scale

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
NOT_DRAWN = 4095
ROUNDED = 6
"""Significant digits of what moves the curve of the start."""

Units = tuple[int, ...]


@dataclass(frozen=True)
class Line:
    """One curve of one quantity; `breaks` are positions before which it jumps."""

    x: Units
    y: Units
    breaks: tuple[int, ...]

    @property
    def path(self) -> str:
        """For the `d` of an SVG path: straight lines, broken at jumps and where nothing is drawn."""
        parts = []
        pen_down = False
        for k, (x, y) in enumerate(zip(self.x, self.y, strict=True)):
            if y == NOT_DRAWN:
                pen_down = False
                continue
            parts.append(f"{'L' if pen_down and k not in self.breaks else 'M'}{x} {y}")
            pen_down = True
        return "".join(parts)

    @property
    def dots(self) -> str:
        """The points between two jumps: what the convention at a kink is."""
        alone = [k for k in self.breaks if k + 1 in self.breaks and self.y[k] != NOT_DRAWN]
        return "".join(f"M{self.x[k]} {self.y[k]}h0" for k in alone)


@dataclass(frozen=True)
class Panel:
    """One quantity: its lines and its ticks; `onto` moves the lines of the start to the scale of this frame."""

    lines: tuple[Line, ...]
    ticks: tuple[tuple[int, str], ...]
    onto: tuple[float, float] | None


@dataclass(frozen=True)
class Picture:
    """One frame: a panel for each quantity, over one axis."""

    ticks: tuple[tuple[int, str], ...]
    panels: tuple[Panel, ...]


def picture(frames: Frames, place: Place) -> Picture:
    """The picture at a place, on a scale that holds the curves of the start, too."""
    start, frame = frames.frames[frames.start], frames.frames[place]
    axis = Scale(*frame.ends)
    panels = tuple(_panel(frame, start, row, axis) for row in range(len(QUANTITIES)))
    return Picture(tuple((int(axis.horizontal(np.array(at))), text) for at, text in axis.ticks()), panels)


def _panel(frame: Frame, start: Frame, row: int, axis: Scale) -> Panel:
    own = [curve.rows[row] for curve in frame.curves]
    begun = vertical_scale([curve.rows[row] for curve in start.curves])
    scale = begun
    if frame is not start:
        there = vertical_scale(own)
        scale = Scale(min(there.low, begun.low), max(there.high, begun.high))
    lines = tuple(_line(curve, row, axis, scale) for curve in frame.curves)
    a, b = begun.onto(scale)
    onto = (float(f"{a:.{ROUNDED}g}"), float(f"{b:.{ROUNDED}g}")) if frame.ends == start.ends else None
    return Panel(lines, tuple((int(scale.vertical(np.array(at))), text) for at, text in scale.ticks()), onto)


def _line(curve: Sampled, row: int, axis: Scale, scale: Scale) -> Line:
    return Line(_units(axis.horizontal(curve.at)), _units(scale.vertical(curve.rows[row])), curve.breaks[row])


def _units(numbers: Array) -> Units:
    return tuple(int(number) for number in np.where(np.isfinite(numbers), numbers, NOT_DRAWN))


# ---------------------------------------------------------------- for the browser


def coded(frames: Frames) -> dict[str, Any]:
    """What the script of a page reads: the sliders, and each frame under the positions of its place."""
    grid = grid_units(frames.cells)
    return {
        "start": list(frames.start),
        "apart": frames.apart,
        "cells": frames.cells,
        "sliders": [[f"{number:g}" for number in each.positions] for each in frames.sliders],
        "frames": {",".join(map(str, place)): _coded(picture(frames, place), grid) for place in frames.frames},
    }


def _coded(drawn: Picture, grid: Units) -> dict[str, Any]:
    """x: ticks below; at: horizontal units of each curve, "" for those of the grid; of each panel its ticks, where
    the curves of the start go, and of each curve its heights and its jumps."""
    curves = drawn.panels[0].lines
    return {
        "x": drawn.ticks,
        "at": ["" if line.x == grid else base64(line.x) for line in curves],
        "panels": [
            [panel.ticks, panel.onto, [[base64(line.y), list(line.breaks)] for line in panel.lines]]
            for panel in drawn.panels
        ],
    }


def grid_units(cells: int) -> Units:
    """The horizontal units of a curve without jumps: WIDTH is a multiple of every number of cells that is used."""
    return tuple(range(0, WIDTH + 1, WIDTH // cells))


def base64(units: Iterable[int]) -> str:
    """Two characters for each number from 0 to 4095."""
    return "".join(DIGITS[number >> 6] + DIGITS[number & 63] for number in units)


def decoded(text: str) -> Units:
    """The numbers again."""
    places = [DIGITS.index(character) for character in text]
    return tuple(high << 6 | low for high, low in zip(places[::2], places[1::2], strict=True))
