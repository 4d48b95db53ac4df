"""Where losses with reductions inside are measured: small arrays, drawn, saturated, scaled, tied, of mixed sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossdsl.check.draw import Drawer
from lossdsl.check.points import GENERAL, Fill, Point, Points, Scenario
from lossdsl.check.precision import DOUBLE, SINGLE
from lossdsl.meaning.core import Arg

BOTH = (DOUBLE, SINGLE)
SATURATING = (17.0, 40.0, 90.0, 710.0, 1e4)
SCALES = (1e-30, 1e-8, 1e-3, 1e3, 1e8)
MIXED = tuple(sign * 10.0**power for power in (-30, -20, -12, -6, -3, -1, 0, 0.5, 1, 2, 3) for sign in (1, -1))
QUICK = ("drawn", "to 40", "to 710")


def _any(drawer: Drawer, arg: Arg) -> Any:
    return drawer.any_of(arg)


def _pooled(pool: Sequence[float]) -> Fill:
    return lambda drawer, arg: drawer.from_pool(arg, pool)


def _predictions(fill: Callable[[Drawer, Arg], Any]) -> Fill:
    """Predictions that may be any number are filled so; other arguments with numbers of ordinary size."""
    return lambda drawer, arg: fill(drawer, arg) if arg.role == "prediction" else drawer.any_of(arg)


def _saturated(size: float) -> Fill:
    pool = (-size, -0.75 * size, -1.0, 0.0, 0.5, 2.0, 0.5 * size, size)
    return _predictions(lambda drawer, arg: drawer.any_of(arg) if arg.domain else drawer.from_pool(arg, pool))


def _scaled(size: float) -> Fill:
    def fill(drawer: Drawer, arg: Arg) -> Any:
        numbers = drawer.any_of(arg)
        scaled = np.asarray(numbers * drawer.precision.dtype.type(size))
        return scaled if all(drawer.contains(arg, float(each)) for each in scaled.reshape(-1)) else numbers

    return _predictions(fill)


def scenarios() -> list[Scenario]:
    """All of them; each gives a point in float64 and one in float32."""
    return [
        Scenario("drawn", "general", _any, precisions=BOTH, styles=GENERAL),
        Scenario("drawn again", "general", _any, shape="other", precisions=BOTH, styles=GENERAL),
        Scenario("drawn positive", "general", _any, shape="other", precisions=BOTH, styles=("positive", "unit")),
        *(Scenario(f"to {size:g}", "extreme", _saturated(size), precisions=BOTH) for size in SATURATING),
        *(Scenario(f"times {size:g}", "extreme", _scaled(size), precisions=BOTH) for size in SCALES),
        Scenario("of all sizes", "extreme", _predictions(_pooled(MIXED)), precisions=BOTH),
        Scenario("of all sizes, data too", "extreme", _pooled(MIXED), precisions=BOTH),
        Scenario("ties", "kink", _pooled((-1.0, 0.0, 0.5, 1.0)), precisions=BOTH),
        Scenario("one element", "size", _any, shape="one", precisions=BOTH),
    ]


@dataclass
class Arrays(Points):
    """Candidates for each scenario and precision: the first at which the loss has a value is the one to take."""

    quick: bool = False

    def all(self) -> Iterator[Iterator[Point]]:
        for number, scenario in enumerate(scenarios()):
            for precision in scenario.precisions if not self.quick or scenario.label in QUICK else ():
                yield self._candidates(number, scenario, precision)


def entries(point: Point) -> int:
    """How many numbers the largest argument has: no sum of the loss has more terms than the product of two."""
    return max(int(np.size(value)) for value in point.arguments.values())
