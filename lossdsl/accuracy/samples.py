"""Where elementwise losses are measured: over the whole domain, on a logarithmic scale.

Each argument takes 0, subnormal numbers, powers of ten up to such whose square overflows, numbers at which
exponentials saturate, the ends of its domain and their neighbours, and infinities; the others take calm numbers
meanwhile.  Then all take such numbers together, and pairs of arguments come close to each other and to the kinks:
equal, a neighbour apart, a hyperparameter or a constant of the formula apart, and a neighbour more or less.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np

from lossdsl.accuracy.losses import functions
from lossdsl.accuracy.truth import SLOW
from lossdsl.check.draw import Drawer
from lossdsl.check.precision import Precision
from lossdsl.meaning.core import Arg, Num, Program
from lossdsl.meaning.reference.walk import bottom_up, roots

Element = dict[str, float]

POWERS = (-300, -100, -45, -40, -30, -20, -16, -12, -8, -5, -3, -1, 5, 8, 12, 16, 30, 200)
"""Of ten; those beyond the range of a dtype fall to 0 or are left out.  The square of the largest overflows; its double
does not, since nearly every formula doubles something."""
ORDINARY = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0)
SATURATING = (17.0, 30.0, 40.0, 90.0, 104.0, 710.0, 745.0, 1e4)
"""Where exp(-x) vanishes beside 1, or altogether, and exp(x) overflows, in float32 and in float64."""
STEPS = (10, 20, 30, 45)
"""Powers of one half for numbers close to the ends of an interval."""
BASES = (0.0, 1.0, -2.5, 1000.0)
"""For pairs of arguments: the one that the other is close to."""
SEED = 20240229


@dataclass(frozen=True)
class Amount:
    """How many numbers are drawn at random: of ordinary size, and from all over the domain."""

    calm: int = 40
    wild: int = 60
    every: int = 1
    """Of the systematic ones, only one in so many is taken."""


FULL, QUICK, SLOWLY = Amount(), Amount(16, 16, 3), Amount(12, 12, 4)


def elements(program: Program, precision: Precision, quick: bool = False) -> dict[str, Any]:
    """Arguments for one call: an array with many elements for each argument that has axes, numbers for the others."""
    amount = QUICK if quick else SLOWLY if SLOW & functions(program) else FULL
    scalars = hyperparameters(program, precision)
    drawer = Drawer(np.random.default_rng(SEED), precision, {}, hyper=scalars)
    arrays = [arg for arg in program.args if arg.axes]
    found = _distinct(_Sampler(drawer, program, arrays, amount).all(), drawer, arrays)
    return _columns(program, found, scalars, precision)


def ordinary(program: Program, precision: Precision, count: int) -> dict[str, Any]:
    """A few elements of ordinary size, drawn."""
    scalars = hyperparameters(program, precision)
    drawer = Drawer(np.random.default_rng(SEED), precision, {}, hyper=scalars)
    arrays = [arg for arg in program.args if arg.axes]
    drawn = [{arg.name: float(drawer.any_of(_bare(arg))) for arg in arrays} for _ in range(count)]
    return _columns(program, drawn, scalars, precision)


def _columns(program: Program, found: Sequence[Element], scalars: Element, precision: Precision) -> dict[str, Any]:
    """Elements along the first axis; other axes have one position."""

    def column(arg: Arg) -> Any:
        shape = (-1,) + (1,) * (len(arg.axes) - 1)
        return np.array([each[arg.name] for each in found], precision.dtype).reshape(shape)

    return {arg.name: column(arg) if arg.axes else scalars[arg.name] for arg in program.args}


def hyperparameters(program: Program, precision: Precision) -> Element:
    """Scalars at their defaults, as the dtype holds them; those without are 1, or what of the domain is near."""
    values: Element = {}
    for arg in program.args:
        if not arg.axes:
            drawer = Drawer(np.random.default_rng(SEED), precision, {}, hyper=values, style="positive")
            wanted = (1.0,) if arg.default is None else (float(arg.default),)
            values[arg.name] = float(drawer.from_pool(_bare(arg), wanted))
    return values


def _bare(arg: Arg) -> Arg:
    """The same scalar as a hyperparameter: a Python number."""
    return Arg(arg.name, "hyper", (), arg.domain, arg.default, arg.whole, arg.span, arg.domain_text)


def _distinct(candidates: Iterator[Element], drawer: Drawer, arrays: Sequence[Arg]) -> list[Element]:
    """Those inside of the domains after rounding to the dtype, once each."""
    found: dict[tuple[float, ...], Element] = {}
    kind = drawer.precision.dtype.type
    for candidate in candidates:
        with np.errstate(over="ignore", under="ignore"):
            element = {arg.name: float(kind(candidate[arg.name])) for arg in arrays}
        if all(_admits(drawer, arg, element[arg.name]) for arg in arrays):
            found.setdefault(tuple(element.values()), element)
    return list(found.values())


def _admits(drawer: Drawer, arg: Arg, number: float) -> bool:
    """Whether a number lies in the domain; infinities where an interval goes on for ever."""
    sets = any(each.kind == "set" for each in arg.domain)
    return not (math.isinf(number) and sets) and drawer.contains(arg, number)


@dataclass
class _Sampler:
    drawer: Drawer
    program: Program
    arrays: Sequence[Arg]
    amount: Amount

    def all(self) -> Iterator[Element]:
        yield from self._ordinary()
        pools = {arg.name: self._pool(arg) for arg in self.arrays}
        for arg in self.arrays:
            for number in pools[arg.name][:: self.amount.every]:
                yield {**self._calm(), arg.name: number}
        for _ in range(self.amount.wild):
            yield {name: self._one(pool) for name, pool in pools.items()}
        for one, other in permutations([arg for arg in self.arrays if not arg.whole], 2):
            yield from self._close(one, other)

    def _ordinary(self) -> Iterator[Element]:
        for _ in range(self.amount.calm):
            yield self._calm()

    def _calm(self) -> Element:
        return {arg.name: self._number(arg) for arg in self.arrays}

    def _number(self, arg: Arg) -> float:
        """A number of ordinary size: drawn, or simple."""
        if self.drawer.rng.uniform() < 0.5:
            return float(self.drawer.from_pool(_bare(arg), (0.0, 1.0, -1.0, 0.5, 2.0, -3.0)))
        return float(self.drawer.any_of(_bare(arg)))

    def _one(self, pool: Sequence[float]) -> float:
        return pool[int(self.drawer.rng.integers(len(pool)))]

    # ------------------------------------------------------------ pools

    def _pool(self, arg: Arg) -> list[float]:
        """Numbers of every size that lie in the domain."""
        sizes = self._sizes()
        numbers = [sign * size for size in sizes for sign in (1, -1)]
        for end in self.drawer.ends(arg):
            numbers += self._around(end) + [end + sign * 2.0**-step for step in STEPS for sign in (1, -1)]
        for kink in self._kinks():
            numbers += self._around(kink) + self._around(-kink)
        inside = [number for number in map(self._rounded, numbers) if _admits(self.drawer, arg, number)]
        return list(dict.fromkeys(inside))

    def _sizes(self) -> list[float]:
        limits = np.finfo(self.drawer.precision.dtype)
        edges = [limits.smallest_subnormal, 37 * limits.smallest_subnormal, limits.smallest_normal]
        powers = [10.0**power for power in POWERS if power < 38 or self.drawer.precision.bits > 24]
        near_one = [1 - float(limits.epsneg), 1 + float(limits.eps)]
        return [0.0, *map(float, edges), *powers, *ORDINARY, *SATURATING, *near_one, math.inf]

    def _kinks(self) -> list[float]:
        """Numbers at which formulas change: their constants, and their hyperparameters."""
        constants = {
            abs(float(node.value))
            for node in bottom_up(roots(self.program))
            if isinstance(node, Num) and isinstance(node.value, Fraction)
        }
        known = constants | {abs(value) for value in self.drawer.hyper.values() if math.isfinite(value)}
        return sorted({1.0} | {number for number in known if number})

    def _around(self, number: float) -> list[float]:
        kind = self.drawer.precision.dtype.type
        at = kind(number)
        below, above = np.nextafter(at, kind(-np.inf)), np.nextafter(at, kind(np.inf))
        return [float(at), float(below), float(above)]

    def _rounded(self, number: float) -> float:
        with np.errstate(over="ignore", under="ignore"):
            return float(self.drawer.precision.dtype.type(number))

    # ------------------------------------------------------------ pairs

    def _close(self, one: Arg, other: Arg) -> Iterator[Element]:
        """`one` near `other`: equal, a neighbour apart, and around a kink of their difference."""
        for base in BASES:
            start = {**self._calm(), other.name: base}
            for number in self._around(base):
                yield {**start, one.name: number}
            for kink in self._kinks()[:: self.amount.every]:
                for number in (*self._around(base + kink), *self._around(base - kink)):
                    yield {**start, one.name: number}
