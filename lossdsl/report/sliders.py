"""The positions of a slider: numbers of a hyperparameter's domain around the value that it has.

On the way out: positions increase, the value itself is one of them, all lie in the domain, and all are short decimals,
so that the number beside a slider is the number that the curve was computed with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossdsl.meaning.core import Alternative, Arg
from lossdsl.plot.inputs import REACH

FACTOR = 10.0
"""How far a positive number goes, up and down."""
DIGITS = (2, 3, 6)
"""Of a position: as few as leave most of them apart."""
MOST = 0.6


@dataclass(frozen=True)
class Slider:
    """A hyperparameter with its positions; it starts at `positions[start]`."""

    name: str
    positions: tuple[float, ...]
    start: int


def slider(arg: Arg, value: float, count: int, known: Mapping[str, Any]) -> Slider:
    """Of a scalar hyperparameter, with at most `count` positions; `known` are the values that bounds may name."""
    part = _around(arg, value, known)
    numbers = [float(v) for v in part.values] if part.kind == "set" else _spread(part, value, count, known)
    if arg.whole:
        numbers = [float(round(number)) for number in numbers]
    kept = [number for number in _short(sorted(numbers)) if _inside(part, number, known)]
    if value not in kept:
        others = sorted(kept, key=lambda number: abs(number - value))
        kept = sorted([*(others[1:] if len(kept) >= count else others), value])
    return Slider(str(arg.name), tuple(kept), kept.index(value))


def _around(arg: Arg, value: float, known: Mapping[str, Any]) -> Alternative:
    """The part of the domain that has the value, or the whole line."""
    holding = [part for part in arg.domain if _inside(part, value, known)]
    return holding[0] if holding else Alternative("interval")


def _inside(part: Alternative, number: float, known: Mapping[str, Any]) -> bool:
    match part.kind:
        case "set":
            return number in [float(value) for value in part.values]
        case "nonzero":
            return number != 0
        case "axis":
            return True
    low, high = ends(part, known)
    above = number > low if part.low_open else number >= low
    return above and (number < high if part.high_open else number <= high)


def ends(part: Alternative, known: Mapping[str, Any]) -> tuple[float, float]:
    """The ends of an interval, which may be earlier hyperparameters."""
    low, high = (known.get(str(end), end) for end in (part.low, part.high))
    return float(low), float(high)


def _spread(part: Alternative, value: float, count: int, known: Mapping[str, Any]) -> list[float]:
    """Evenly between two ends, by factors away from one, evenly around the value where there is none."""
    if part.kind == "nonzero":
        return [math.copysign(number, value) for number in _factors(abs(value), count, closed=False)]
    low, high = ends(part, known)
    if math.isfinite(low) and math.isfinite(high):
        return list(np.linspace(low, high, count + part.low_open + part.high_open))
    if math.isfinite(low):
        return [low + number for number in _factors(value - low, count, not part.low_open)]
    if math.isfinite(high):
        return [high - number for number in _factors(high - value, count, not part.high_open)]
    reach = max(REACH, 2 * abs(value))
    return list(value + np.linspace(-reach, reach, _odd(count)))


def _factors(distance: float, count: int, closed: bool) -> list[float]:
    """Distances from an end of the domain: from a tenth of the one that there is to ten times it; the end as well."""
    if distance == 0:
        return list(np.linspace(0.0, REACH, count))
    powers = FACTOR ** np.linspace(-1.0, 1.0, _odd(count - closed))
    return [0.0] * closed + [distance * power for power in powers]


def _odd(count: int) -> int:
    """So that the value itself is in the middle."""
    return count - (count + 1) % 2


def _short(numbers: Sequence[float]) -> list[float]:
    """Rounded to few digits, each once."""
    rounded = [list(dict.fromkeys(float(f"{number:.{digits}g}") for number in numbers)) for digits in DIGITS]
    return next((short for short in rounded if len(short) >= MOST * len(set(numbers))), rounded[-1])
