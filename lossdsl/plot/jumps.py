"""Where curves jump: found by bisection, so that a jump is a gap in the line, and a kink a corner, at the right place.

On the way out: every grid point is kept, the two ends of each jump are added, and what is said to be a jump has
not become smaller between two neighbouring floating-point numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lossdsl.plot.inputs import Array

STEEP = 0.05
"""A step between neighbours that is this part of the range is looked at, whatever stands beside it."""
UNUSUAL = 3.0
"""So is one that is so many times the larger of the steps beside it, and two that are so many times those beside both:
a grid point in the middle of a jump makes two steps of it."""
VISIBLE = 1e-6
"""Less than this part of the range can't be seen."""
NOISE = 1e-9
"""Less than this part of the largest value is rounding: a constant curve has no range but that."""
ROUNDS = 4
"""A jump to a point that stands alone hides the one behind it until the point is part of the grid."""
REMAINS = 0.4
"""A jump keeps its height, or half of it where the point in the middle stands alone; what is smooth loses it."""
GROWN = 2.0
HALVINGS = 64
"""From the width of a grid cell to neighbouring floats: 53 bits of mantissa and some for cells that hold 0."""

Rows = Callable[[Array], Array]
"""Numbers to rows of curves, shape (rows, len)."""


@dataclass(frozen=True)
class Sampled:
    """Rows of curves, shape (rows, len(at)); `breaks[k]` are the positions in row k before which it jumps."""

    at: Array
    rows: Array
    breaks: tuple[tuple[int, ...], ...]

    def line(self, row: int) -> tuple[Array, Array]:
        """Horizontal and vertical coordinates with nan at the jumps."""
        places = list(self.breaks[row])
        return np.insert(self.at, places, np.nan), np.insert(self.rows[row], places, np.nan)

    def dots(self, row: int) -> tuple[Array, Array]:
        """The points that stand alone between two jumps: what the convention at a kink is."""
        places = [k for k in self.breaks[row] if k + 1 in self.breaks[row]]
        return self.at[places], self.rows[row][places]


def sampled(function: Rows, at: Array) -> Sampled:
    """The curves over a grid that is refined where they jump."""
    rows = function(at)
    for _ in range(ROUNDS):
        ends = [_jumps(function, at, rows, row) for row in range(len(rows))]
        refined = np.unique(np.concatenate([at, [end for pairs in ends for pair in pairs for end in pair]]))
        if len(refined) == len(at):
            break
        at, rows = refined, function(refined)
    breaks = tuple(tuple(sorted({_steepest(at, rows[k], pair) for pair in pairs})) for k, pairs in enumerate(ends))
    return Sampled(at, rows, breaks)


def _jumps(function: Rows, at: Array, rows: Array, row: int) -> list[tuple[float, float]]:
    """The ends of each jump of one row, as close as floating point has them; of a pole, those of its cell."""
    cells = _suspects(rows[row])
    low, high = at[cells], at[cells + 1]
    below, above = rows[row][cells], rows[row][cells + 1]
    first = np.abs(above - below)
    for _ in range(HALVINGS):
        if not low.size:
            return []
        middle = low + (high - low) / 2
        found = function(middle)[row]
        left = np.abs(found - below) > np.abs(above - found)
        high, above = np.where(left, middle, high), np.where(left, found, above)
        low, below = np.where(left, low, middle), np.where(left, below, found)
        jumping = np.abs(above - below) > REMAINS * first  # false for nan
        low, high, below, above, first = (each[jumping] for each in (low, high, below, above, first))
        cells = cells[jumping]
    # what has grown is no jump of the curve but a pole, or rounding errors: its height is not to be drawn
    grown = np.abs(above - below) > GROWN * first
    low, high = np.where(grown, at[cells], low), np.where(grown, at[cells + 1], high)
    return [(float(a), float(b)) for a, b in zip(low, high, strict=True)]


def _suspects(values: Array) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The cells of the grid that may hold a jump."""
    steps = np.nan_to_num(np.abs(np.diff(values)))
    kept = values[np.isfinite(values)]
    span = float(np.ptp(kept)) if kept.size else 0.0
    before, behind = np.append(0, steps[:-1]), np.append(steps[1:], 0)
    unusual = (steps > UNUSUAL * np.maximum(before, behind)) & (steps > VISIBLE * span)
    outside = np.maximum(np.append(0, before[:-1]), behind)  # of a step and the one before it
    halves = np.minimum(before, steps)
    split = (halves > UNUSUAL * outside) & (halves > VISIBLE * span)
    unusual |= (steps > STEEP * span) | split | np.append(split[1:], False)
    return np.flatnonzero(unusual & (steps > NOISE * np.abs(kept).max(initial=0.0)))


def _steepest(at: Array, values: Array, pair: tuple[float, float]) -> int:
    """The position behind the jump: jumps of other rows may have put points between its ends."""
    first, last = (int(k) for k in np.searchsorted(at, pair))
    return first + 1 + int(np.argmax(np.nan_to_num(np.abs(np.diff(values[first : last + 1])))))
