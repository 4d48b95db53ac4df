"""Numbers for the arguments of a loss, drawn from their domains."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from lossdsl.check.precision import Precision
from lossdsl.check.sizes import GROUP, Sizes
from lossdsl.meaning.core import Alternative, Arg

Style = Literal["signed", "positive", "unit"]
"""Where numbers are drawn that a domain leaves free on both sides: formulas may need more than they declare."""

ATTEMPTS = 50
"""How often a number is drawn again because it rounds to one outside of its domain."""


class Impossible(Exception):
    """A domain without a number, as that of a label over no classes."""


@dataclass(frozen=True)
class Drawer:
    """Draws numbers that are exact in `precision`, for axes of these sizes and hyperparameters of these values."""

    rng: np.random.Generator
    precision: Precision
    sizes: Sizes
    group: tuple[int, ...] = ()
    hyper: Mapping[str, float] = field(default_factory=dict)
    style: Style = "signed"

    def shape(self, arg: Arg) -> tuple[int, ...]:
        """The shape of an argument, with the axes of the group `..` apart."""
        shape: list[int] = []
        for axis in arg.axes:
            shape += self.group if axis.name == GROUP else [axis.value if axis.op == "const" else self.sizes[axis.name]]
        return tuple(shape)

    def contains(self, arg: Arg, number: float) -> bool:
        """Whether a number lies in the domain of an argument."""
        return not arg.domain or any(self._within(each, number) for each in arg.domain)

    def any_of(self, arg: Arg) -> Any:
        """An array of numbers from all over the domain."""
        return self._filled(arg, lambda: self._number(arg))

    def from_pool(self, arg: Arg, pool: Iterable[float]) -> Any:
        """An array of numbers of the pool that lie in the domain; from all over the domain where none does."""
        admitted = [number for number in map(self._rounded, pool) if self.contains(arg, number)]
        if not admitted:
            return self.any_of(arg)
        return self._filled(arg, lambda: admitted[int(self.rng.integers(len(admitted)))])

    def ends(self, arg: Arg) -> list[float]:
        """The finite ends of the domain, or numbers close to them where they do not belong to it."""
        found: list[float] = []
        for each in arg.domain:
            match each.kind:
                case "interval":
                    low, high = self._bounds(each)
                    found += self._end(low, each.low_open, high) + self._end(high, each.high_open, low)
                case "set":
                    found += [float(value) for value in each.values]
                case "axis":
                    found += [0.0, float(self._positions(each) - 1)]
        return [number for number in map(self._rounded, found) if self.contains(arg, number)]

    # ------------------------------------------------------------ domains

    def _positions(self, alternative: Alternative) -> int:
        name = alternative.axis
        return self.sizes[name] if name in self.sizes else int(self.hyper[name])

    def _bounds(self, alternative: Alternative) -> tuple[float, float]:
        return self._bound(alternative.low), self._bound(alternative.high)

    def _bound(self, end: Fraction | str) -> float:
        if isinstance(end, str) and end in self.hyper:
            return self.hyper[end]
        return float(end)

    def _within(self, alternative: Alternative, number: float) -> bool:
        match alternative.kind:
            case "nonzero":
                return number != 0
            case "set":
                return Fraction(number) in alternative.values
            case "axis":
                return number == math.floor(number) and 0 <= number < self._positions(alternative)
        low, high = self._bounds(alternative)
        above = number > low if alternative.low_open else number >= low
        below = number < high if alternative.high_open else number <= high
        return above and below

    def _end(self, end: float, is_open: bool, other: float) -> list[float]:
        """An end of an interval, or for an open one a number that is a small part of the way to the other."""
        if math.isinf(end):
            return []
        if not is_open:
            return [end]
        reach = 1.0 if math.isinf(other) else abs(other - end)
        return [end + math.copysign(reach * 2.0**-10, other - end)]

    # ------------------------------------------------------------ numbers

    def _rounded(self, number: float) -> float:
        return float(self.precision.dtype.type(number))

    def _number(self, arg: Arg) -> float:
        domain: Sequence[Alternative] = arg.domain or (Alternative("interval"),)
        for _ in range(ATTEMPTS):
            number = self._rounded(self._from(domain[int(self.rng.integers(len(domain)))]))
            if self.contains(arg, number):
                return number
        raise Impossible(f"no number for {arg.name} {arg.domain_text}")

    def _from(self, alternative: Alternative) -> float:
        match alternative.kind:
            case "set":
                return float(alternative.values[int(self.rng.integers(len(alternative.values)))])
            case "axis":
                count = self._positions(alternative)
                if count < 1:
                    raise Impossible(f"no position along {alternative.axis}")
                return float(self.rng.integers(count))
            case "nonzero":
                return self._free()
        low, high = self._bounds(alternative)
        if math.isinf(low) and math.isinf(high):
            return self._free()
        if math.isinf(high):
            return low + math.exp(0.7 * self.rng.standard_normal())
        if math.isinf(low):
            return high - math.exp(0.7 * self.rng.standard_normal())
        return low + (high - low) * self.rng.uniform(0.02, 0.98)

    def _free(self) -> float:
        match self.style:
            case "signed":
                return float(self.rng.standard_normal())
            case "positive":
                return math.exp(0.7 * self.rng.standard_normal())
            case "unit":
                return float(self.rng.uniform(0.02, 0.98))

    def _filled(self, arg: Arg, number: Any) -> Any:
        """An array of the argument's shape: whole numbers for labels, a Python float for a hyperparameter."""
        shape = self.shape(arg)
        numbers = [number() for _ in range(math.prod(shape))]
        if arg.role == "hyper" and not shape:
            return numbers[0]
        labels = arg.whole and any(each.kind == "axis" for each in arg.domain)
        return np.array(numbers, dtype=np.int64 if labels else self.precision.dtype).reshape(shape)
