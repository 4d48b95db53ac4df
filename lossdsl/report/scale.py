"""From numbers to the units of a picture, which are whole: Python and the browser then draw the same lines exactly.

A picture is WIDTH units wide and HEIGHT high.  Curves are kept one height further above and below, so that a line that
leaves the picture leaves it at the right place; what lies beyond is moved to that margin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lossdsl.plot.inputs import Array

WIDTH, HEIGHT = 4095, 1360
MARGIN = HEIGHT
FLAT = 1e-6
"""A range that is a smaller part of the numbers in it is rounding."""
PADDING = 0.05
EDGE = 0.05
"""The part of an axis at either end in which a pole may stand."""
TICKS = 7
"""At the most, or one more."""


@dataclass(frozen=True)
class Scale:
    """What the lower and the upper end of a picture stand for."""

    low: float
    high: float

    def vertical(self, numbers: Array) -> Array:
        """Units from the margin above; nan stays."""
        shifted = MARGIN + HEIGHT * (self.high - numbers) / (self.high - self.low)
        clipped: Array = np.clip(shifted, 0, HEIGHT + 2 * MARGIN)
        return np.round(clipped)

    def horizontal(self, numbers: Array) -> Array:
        """Units from the left."""
        return np.round(WIDTH * (numbers - self.low) / (self.high - self.low))

    def onto(self, other: Scale) -> tuple[float, float]:
        """(a, b) so that a height u on this scale is a*u + b on the other."""
        part = (self.high - self.low) / (other.high - other.low)
        return part, MARGIN * (1 - part) + HEIGHT * (other.high - self.high) / (other.high - other.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Round numbers within the scale, and how they are written."""
        step = _round_step((self.high - self.low) / TICKS)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [(k * step, _number(k * step)) for k in range(first, last + 1)]


def vertical_scale(rows: Sequence[Array]) -> Scale:
    """Where curves are, with a little room; a pole at an end of the axis does not flatten the rest of them."""
    low, high = _extent(rows)
    inner = [row[_edge(row) : len(row) - _edge(row)] for row in rows]
    if any(np.isfinite(row).any() for row in inner):
        below, above = _extent(inner)
        if above > below:
            low, high = max(low, 2 * below - above), min(high, 2 * above - below)
    if high - low <= FLAT * max(abs(low), abs(high)):
        room = max(abs(low), abs(high)) / 10 or 1.0
        return Scale(low - room, high + room)
    room = PADDING * (high - low)
    return Scale(low - room, high + room)


def _edge(row: Array) -> int:
    return round(EDGE * len(row))


def _extent(rows: Sequence[Array]) -> tuple[float, float]:
    """Of what is finite; 0 and 0 of nothing."""
    numbers = np.concatenate(rows)
    kept = numbers[np.isfinite(numbers)]
    return (float(kept.min()), float(kept.max())) if kept.size else (0.0, 0.0)


def _round_step(about: float) -> float:
    """1, 2 or 5 times a power of ten, not below."""
    power = 10.0 ** math.floor(math.log10(about))
    return next((factor * power for factor in (1, 2, 5) if factor * power >= about), 10 * power)


def _number(value: float) -> str:
    """Short, with a minus sign; a step of ten times a float may miss the round number by a rounding error."""
    text = f"{value:.6g}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")
    return text.replace("-", "−")
