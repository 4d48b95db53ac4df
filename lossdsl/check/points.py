"""Where a loss is checked: points drawn from its domains, and awkward ones.

Awkward are ties and kinks (on a coarse grid of dyadic numbers, so that sums and products of a few are exact and every
implementation stands exactly on the kink), residuals equal to hyperparameters, masks that leave nothing or everything,
axes with one position and with none, ends of domains, and numbers so large or small that exponentials overflow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from lossdsl.check.draw import Drawer, Impossible, Style
from lossdsl.check.precision import DOUBLE, SINGLE, Precision
from lossdsl.check.sizes import GROUP, Sizes, agreeing, axis_names, choose
from lossdsl.meaning.core import Arg, Num, Program
from lossdsl.meaning.reference.walk import bottom_up, roots

Kind = Literal["general", "kink", "mask", "size", "ends", "extreme"]
HyperValues = Literal["default", "random", "low", "high", "whole"]
Shape = Literal["usual", "other", "one", "ones", "none", "nothing"]
Fill = Callable[[Drawer, Arg], Any]

GRIDS: dict[Style, tuple[float, ...]] = {
    "signed": (-2, -1, -0.5, 0, 0.5, 1, 2),
    "positive": (0.25, 0.5, 1, 2),
    "unit": (0, 0.25, 0.5, 0.75, 1),
}
SATURATING = (17.0, 40.0, 90.0, 710.0, 1e4)
"""Where exp(-x) vanishes beside 1 in float32 and in float64, and where exp(x) overflows in one and in the other."""
TENTH = {DOUBLE: 1e30, SINGLE: 1e4}
"""About a tenth of the range of exponents: a product of several such numbers can still be represented."""
MODERATE = 100
"""Digits for numbers around 1: even exp(-100) leaves fifty digits beside 1."""
ALL_OF_DOUBLE = 400
"""Digits in which no float64 is lost beside 1."""
MASKS = 4
FREE_RANGE = 8.0


@dataclass(frozen=True)
class Point:
    """Arguments by name, exact in `precision`; those left out take their defaults.

    `digits` are enough for the reference interpreter to tell the numbers that come up from 0, beside 1.
    """

    label: str
    kind: Kind
    precision: Precision
    arguments: dict[str, Any]
    digits: int


@dataclass(frozen=True)
class Scenario:
    """How points of one label come about; each style gives another candidate."""

    label: str
    kind: Kind
    fill: Fill
    hyper: HyperValues = "default"
    shape: Shape = "usual"
    precisions: tuple[Precision, ...] = (DOUBLE,)
    styles: tuple[Style, ...] = ("signed", "positive", "unit")
    optional: bool = True
    """Whether arguments with defaults are given."""

    @property
    def digits(self) -> int:
        return ALL_OF_DOUBLE if self.kind in ("ends", "extreme") else MODERATE


@dataclass
class Points:
    """The points of a program; the same seed gives the same ones."""

    program: Program
    seed: int = 0
    share: tuple[int, int] = (0, 1)
    """(k, n): beside the points of the first scenario, one in each precision, only every n-th, from the k-th on."""
    _sizes: dict[tuple[Shape, tuple[float, ...]], Sizes | None] = field(default_factory=dict)

    def all(self) -> Iterator[Iterator[Point]]:
        """For each scenario and precision, candidates: the first at which the loss is defined is the one to take."""
        first, step = self.share
        every = [
            (number, scenario, precision)
            for number, scenario in enumerate(scenarios(self.program))
            for precision in scenario.precisions
        ]
        always = len(every[0][1].precisions)
        for number, scenario, precision in [*every[:always], *every[always + first % step :: step]]:
            yield self._candidates(number, scenario, precision)

    def _candidates(self, number: int, scenario: Scenario, precision: Precision) -> Iterator[Point]:
        seen: list[dict[str, Any]] = []
        for attempt, style in enumerate(scenario.styles):
            rng = np.random.default_rng((self.seed, number, attempt))
            try:
                arguments = self._arguments(scenario, Drawer(rng, precision, {}, style=style))
            except Impossible:
                continue
            if arguments is not None and not any(_same(arguments, other) for other in seen):
                seen.append(arguments)
                yield Point(scenario.label, scenario.kind, precision, arguments, scenario.digits)

    def _arguments(self, scenario: Scenario, drawer: Drawer) -> dict[str, Any] | None:
        hyper = _hyperparameters(self.program, scenario.hyper, drawer)
        sizes = self._shape(scenario.shape, hyper)
        if sizes is None:
            return None
        group = _group(scenario.shape, sizes.get(GROUP, 0))
        drawer = Drawer(drawer.rng, drawer.precision, sizes, group, hyper, drawer.style)
        required = _size_sources(self.program)
        arguments: dict[str, Any] = {}
        for arg in self.program.args:
            if arg.default is not None and not scenario.optional and arg.name not in required:
                continue
            arguments[arg.name] = hyper[arg.name] if arg.name in hyper else scenario.fill(drawer, arg)
        return arguments

    def _shape(self, shape: Shape, hyper: dict[str, float]) -> Sizes | None:
        key = shape, tuple(hyper.values())
        if key not in self._sizes:
            self._sizes[key] = _sizes(self.program, shape, hyper)
        return self._sizes[key]


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


# ---------------------------------------------------------------- hyperparameters


def _hyperparameters(program: Program, values: HyperValues, drawer: Drawer) -> dict[str, float]:
    """Scalar hyperparameters in order, since the domain of one may name an earlier one; exact in the precision."""
    hyper: dict[str, float] = {}
    for arg in program.args:
        if arg.role == "hyper" and not arg.axes:
            known = Drawer(drawer.rng, drawer.precision, {}, hyper=hyper, style="positive")
            hyper[arg.name] = _hyperparameter(arg, values, known)
    return hyper


def _hyperparameter(arg: Arg, values: HyperValues, drawer: Drawer) -> float:
    default = None if arg.default is None else float(drawer.precision.dtype.type(float(arg.default)))
    if values == "default" and default is not None:
        return default
    if arg.whole:
        return float(default if default is not None else drawer.from_pool(arg, (3, 2, 4, 1, 0)))
    ends = drawer.ends(arg)
    match values:
        case "low":
            return min(ends) if ends else float(drawer.from_pool(arg, (-2,)))
        case "high":
            return FREE_RANGE if drawer.contains(arg, FREE_RANGE) or not ends else max(ends)
        case "whole":
            return float(drawer.from_pool(arg, (0, 1, 2, 3)))
    if default is not None and math.isfinite(default):
        near = default * math.exp(0.5 * drawer.rng.standard_normal())
        return float(drawer.from_pool(arg, (near,)))
    return float(drawer.any_of(arg))


# ---------------------------------------------------------------- sizes


def _sizes(program: Program, shape: Shape, hyper: dict[str, float]) -> Sizes | None:
    names = axis_names(program)
    usual = _wanted(names, (4, 3, 2, 5, 6))
    match shape:
        case "usual":
            return choose(program, hyper, usual)
        case "other":
            return choose(program, hyper, _wanted(names, (3, 5, 4, 2, 6)))
        case "one":
            return choose(program, hyper, usual, {names[0]: 1}) if names else None
        case "none":
            return choose(program, hyper, usual, {names[0]: 0}) if names else None
    sizes = dict.fromkeys(names, 1 if shape == "ones" else 0)
    return sizes if names and agreeing(program, sizes, hyper) else None


def _wanted(names: Sequence[str], sizes: Sequence[int]) -> Sizes:
    return {name: sizes[place % len(sizes)] for place, name in enumerate(names)}


def _group(shape: Shape, size: int) -> tuple[int, ...]:
    """Two axes for `..` at one place, none at another, else one."""
    match shape:
        case "usual":
            return (2, size)
        case "ones":
            return ()
    return (size,)


def _size_sources(program: Program) -> set[str]:
    """Arguments with a default that have to be given, because nothing else has the size of an axis."""
    known = {axis for arg in program.args if arg.default is None for axis in arg.axes}
    return {arg.name for arg in program.args if not known.issuperset(arg.axes)}


# ---------------------------------------------------------------- scenarios

ANY: Fill = Drawer.any_of
BOTH = (DOUBLE, SINGLE)
GENERAL: tuple[Style, ...] = ("signed", "signed", "positive", "unit", "positive", "unit")


def scenarios(program: Program) -> list[Scenario]:
    """All of them, in the order of the report."""
    return [
        Scenario("drawn", "general", ANY, precisions=BOTH, styles=GENERAL),
        Scenario("drawn, other sizes", "general", ANY, "random", "other", styles=GENERAL),
        Scenario("drawn, defaults", "general", ANY, styles=GENERAL[2:], optional=False),
        *_kinks(program),
        *_hyper_ends(program),
        *_masks(program),
        Scenario("one element", "size", ANY, shape="one", precisions=BOTH),
        Scenario("every axis 1", "size", ANY, shape="ones"),
        Scenario("no element", "size", ANY, shape="none", precisions=BOTH),
        Scenario("every axis 0", "size", ANY, shape="nothing"),
        *_extremes(),
    ]


def _kinks(program: Program) -> Iterator[Scenario]:
    constants = _constants(program)
    yield Scenario("ties", "kink", _pooled(lambda d: GRIDS[d.style]), precisions=BOTH)
    yield Scenario("ties at constants", "kink", _pooled(lambda d: _admitted(d, constants)), "random")
    for constant in (0.0, 0.5, 1.0):
        yield Scenario(f"all {constant:g}", "kink", _everywhere(constant), styles=("signed",))
    if any(arg.role == "hyper" and not arg.axes for arg in program.args):
        yield Scenario("residuals at hyperparameters", "kink", _pooled(_around), precisions=BOTH)


def _constants(program: Program) -> tuple[float, ...]:
    """The dyadic constants of the formula, where its kinks may lie."""
    found = {
        float(node.value)
        for node in bottom_up(roots(program))
        if isinstance(node, Num) and isinstance(node.value, Fraction) and node.value.denominator <= 64
    }
    dyadic = {x for x in found if abs(x) <= 64 and (64 * x).is_integer()}
    return tuple(sorted({0.0, 1.0} | dyadic | {-x for x in dyadic}))


def _admitted(drawer: Drawer, numbers: Sequence[float]) -> list[float]:
    low, high = {"signed": (-math.inf, math.inf), "positive": (2.0**-60, math.inf), "unit": (0.0, 1.0)}[drawer.style]
    return [number for number in numbers if low <= number <= high]


def _around(drawer: Drawer) -> list[float]:
    """Numbers whose differences are hyperparameters."""
    hyper = [h for h in drawer.hyper.values() if math.isfinite(h)]
    near = [base + sign * h for base in (0.0, 1.0) for h in hyper for sign in (1, -1)]
    return _admitted(drawer, [0.0, 1.0, *near])


def _pooled(pool: Callable[[Drawer], Sequence[float]]) -> Fill:
    return lambda drawer, arg: drawer.from_pool(arg, pool(drawer))


def _everywhere(number: float) -> Fill:
    return lambda drawer, arg: drawer.from_pool(arg, (number,))


def _hyper_ends(program: Program) -> Iterator[Scenario]:
    if any(arg.role == "hyper" and not arg.axes and not arg.whole for arg in program.args):
        yield Scenario("hyperparameters low", "ends", ANY, "low", styles=GENERAL)
        yield Scenario("hyperparameters high", "ends", ANY, "high", styles=GENERAL)
        yield Scenario("hyperparameters whole", "kink", ANY, "whole", styles=GENERAL)


def _masks(program: Program) -> Iterator[Scenario]:
    """All entries of one argument at one of its few values: every element left out, or none, or all of one class."""
    count = 0
    for arg in program.args:
        values = [float(value) for each in arg.domain if each.kind == "set" for value in each.values]
        values += [0.0] if any(each.kind == "axis" for each in arg.domain) else []
        for value in values if arg.axes else ():
            if count < MASKS:
                count += 1
                yield Scenario(f"all {arg.name} {value:g}", "mask", _constant(arg, value), precisions=BOTH)


def _constant(chosen: Arg, value: float) -> Fill:
    return lambda drawer, arg: drawer.from_pool(arg, (value,)) if arg is chosen else drawer.any_of(arg)


def _extremes() -> Iterator[Scenario]:
    for size in SATURATING:
        precisions = BOTH if size != 710 else (DOUBLE,)
        yield Scenario(f"predictions to {size:g}", "extreme", _saturated(size), precisions=precisions)
    yield Scenario(
        "at the ends", "extreme", lambda drawer, arg: drawer.from_pool(arg, drawer.ends(arg)), precisions=BOTH
    )
    yield Scenario("tiny", "extreme", _scaled(lambda tenth: 1 / tenth), precisions=BOTH)
    yield Scenario("huge", "extreme", _scaled(lambda tenth: tenth), precisions=BOTH)


def _saturated(size: float) -> Fill:
    def fill(drawer: Drawer, arg: Arg) -> Any:
        if arg.role != "prediction" or arg.domain:
            return drawer.any_of(arg)
        return drawer.from_pool(arg, _admitted(drawer, (-size, -0.75 * size, 0.0, 0.5, 0.5 * size, size)))

    return fill


def _scaled(factor: Callable[[float], float]) -> Fill:
    """Arguments that may have any size, all scaled by one factor."""

    def fill(drawer: Drawer, arg: Arg) -> Any:
        numbers = drawer.any_of(arg)
        scaled = np.asarray(numbers * drawer.precision.dtype.type(factor(TENTH[drawer.precision])))
        inside = all(drawer.contains(arg, float(number)) for number in scaled.reshape(-1))
        return scaled if inside and not arg.whole else numbers

    return fill
