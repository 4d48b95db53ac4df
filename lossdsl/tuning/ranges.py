"""Where a hyperparameter is looked for: a range, linear or logarithmic, or a list of values.

A range is one of a coordinate x; the value is `origin + x`, `origin - x`, or a share of the way between two bounds.
Bounds may be earlier hyperparameters, so that whatever is drawn lies in the domain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from lossdsl.numerals import finite
from lossdsl.tuning.errors import TuningError

Bound = Fraction | str
"""A number, or the name of an earlier hyperparameter."""
Scale = Literal["linear", "log"]

DIGITS = 4
"""Significant digits of a value that is tried: what is written down is what was tried."""


@dataclass(frozen=True)
class Choices:
    """One of several values."""

    name: str
    values: tuple[float, ...]

    def value(self, x: float, settings: Mapping[str, float]) -> float:
        return x

    def coordinate(self, value: float, settings: Mapping[str, float]) -> float | None:
        return value if value in self.values else None

    def __str__(self) -> str:
        return f"{self.name} in {{{', '.join(f'{value:g}' for value in self.values)}}}"

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "values": list(self.values)}


@dataclass(frozen=True)
class Range:
    """low <= x <= high; on a logarithmic scale low > 0.

    The value is x where `origin` is None, else at the distance x above it (`sign` 1) or below it (-1); with `other`
    it is `origin + x*(other - origin)`.
    """

    name: str
    low: float
    high: float
    scale: Scale = "linear"
    origin: Bound | None = None
    sign: int = 1
    other: Bound | None = None

    def value(self, x: float, settings: Mapping[str, float]) -> float:
        """The value at a coordinate, in `DIGITS` digits unless rounding leads out of the range."""
        exact = self._exact(x, settings)
        rounded = float(f"{exact:.{DIGITS}g}")
        there = self.coordinate(rounded, settings)
        return exact if there is None else rounded

    def _exact(self, x: float, settings: Mapping[str, float]) -> float:
        if self.origin is None:
            return x
        start = _number(self.origin, settings)
        if self.other is not None:
            return start + x * (_number(self.other, settings) - start)
        return start + self.sign * x

    def coordinate(self, value: float, settings: Mapping[str, float]) -> float | None:
        """The coordinate of a value; None for one outside of the range."""
        x = self._inverse(value, settings)
        return x if self.low <= x <= self.high else None

    def _inverse(self, value: float, settings: Mapping[str, float]) -> float:
        if self.origin is None:
            return value
        start = _number(self.origin, settings)
        if self.other is not None:
            width = _number(self.other, settings) - start
            return (value - start) / width if width else math.nan
        return self.sign * (value - start)

    def __str__(self) -> str:
        along = ", log" if self.scale == "log" else ""
        return f"{self._subject()} in [{self.low:.4g}, {self.high:.4g}]{along}"

    def _subject(self) -> str:
        if self.origin is None:
            return self.name
        start = _bound_text(self.origin)
        if self.other is not None:
            return f"({self.name} - {start})/({_bound_text(self.other)} - {start})"
        return f"{self.name} - {start}" if self.sign > 0 else f"{start} - {self.name}"

    def to_json(self) -> dict[str, Any]:
        origin, other = (None if b is None else _bound_text(b) for b in (self.origin, self.other))
        found = {"name": self.name, "low": self.low, "high": self.high, "scale": self.scale}
        return found | {"origin": origin, "sign": self.sign, "other": other}


Dimension = Range | Choices


def parsed(text: str) -> Dimension:
    """`delta=0.1:10`, `delta=0.1:10:log`, `order=1,2,4`; TuningError for anything else."""
    name, equals, given = (part.strip() for part in text.partition("="))
    if name and equals and ":" in given:
        low, high, *scale = given.split(":")
        ends = finite(low), finite(high)
        if ends[0] is not None and ends[1] is not None and scale in ([], ["log"], ["linear"]):
            return explicit(name, ends[0], ends[1], "log" if scale == ["log"] else "linear")
    values = [finite(part) for part in given.split(",")]
    if not (name and equals) or None in values:
        raise TuningError(f"a range is NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=VALUE,VALUE,..., not {text!r}")
    return choices(name, [value for value in values if value is not None])


def explicit(name: str, low: float, high: float, scale: Scale = "linear") -> Range:
    """A range between two numbers.  TuningError where nothing lies in it."""
    if not low < high:
        raise TuningError(f"the range of {name} needs its smaller end first, got {low:g}:{high:g}")
    if scale == "log" and low <= 0:
        raise TuningError(f"a logarithmic range starts above 0: that of {name} starts at {low:g}")
    return Range(name, low, high, scale)


def choices(name: str, values: list[float]) -> Choices:
    """Different values, at least one.  TuningError for fewer."""
    if not values or len(set(values)) < len(values):
        raise TuningError(f"the values of {name} have to be different ones, got {', '.join(map(str, values))}")
    return Choices(name, tuple(values))


def _number(bound: Bound, settings: Mapping[str, float]) -> float:
    return settings[bound] if isinstance(bound, str) else float(bound)


def _bound_text(bound: Bound) -> str:
    return bound if isinstance(bound, str) else f"{float(bound):g}"
