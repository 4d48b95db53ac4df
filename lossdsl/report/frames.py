"""The curves of a loss at every position of its sliders, all computed by the emitted NumPy code.

The browser evaluates nothing: it shows one of these frames.  So every number of a page is one that the checked code
gave, whatever the loss is made of.  Up to `TOGETHER` sliders have a frame for each combination of positions; more of
them move one at a time, the others at their start.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lossdsl.meaning.core import Arg, Program
from lossdsl.plot.axis import Axis, common_axes, interval_of, label_of
from lossdsl.plot.errors import PlotError
from lossdsl.plot.inputs import Array, middle, shown_values, varying
from lossdsl.plot.jumps import Sampled, sampled
from lossdsl.plot.subject import Entry, Subject
from lossdsl.report.sliders import Slider, slider

TOGETHER = 3
"""With more sliders than this the combinations are too many."""
COUNTS = {"elements": (41, 13, 7), "row": (21, 9, 5), "example": (21, 9, 5)}
"""Positions of a slider, by the number of sliders that move together: one element costs less than a whole example."""
APART = 15
"""Positions of a slider that moves alone."""
LEAST = 3
CALLS = {"elements": 50_000, "row": 30_000, "example": 30_000}
"""What a page may take, in calls of emitted code: where a curve has many jumps, and many calls find them, sliders have
fewer positions, but not less than LEAST."""
CELLS = {"elements": 117, "row": 63, "example": 63}
"""Of the grid of a curve, to which jumps add points.  Odd: a jump at 0 is one step, not two that look smooth."""

Place = tuple[int, ...]
"""A position of each slider."""


@dataclass(frozen=True)
class Frame:
    """The curves at one place, in the order of `Frames.labels`, over an interval."""

    ends: tuple[float, float]
    curves: tuple[Sampled, ...]
    calls: int = 0
    """How often emitted code was called for it."""


@dataclass(frozen=True)
class Frames:
    """All frames by place; a place that is missing lies outside of what the loss is defined for."""

    label: str
    prediction: str
    fixed: str
    labels: tuple[str, ...]
    sliders: tuple[Slider, ...]
    frames: Mapping[Place, Frame]
    cells: int
    """Of the grid of a curve without jumps."""
    apart: bool
    """Whether sliders move one at a time, the others at their start."""

    @property
    def start(self) -> Place:
        return tuple(slider.start for slider in self.sliders)


def frames(base: Subject, settings: Mapping[str, float]) -> Frames | None:
    """The frames of a loss, its sliders starting at the settings; None where nothing is finite there.

    PlotError for settings that the emitted code refuses.
    """
    begun = base.filled({**_defaults(base.program), **settings})
    axis = _axis(begun, _sliders(begun, LEAST))
    variants = _variants(begun, axis)
    first = _frame([begun.filled(variant) for variant in variants], axis)
    if first is None:
        return None
    sliders = _sliders(begun, _count(begun, first.calls))
    start = tuple(each.start for each in sliders)
    found: dict[Place, Frame | None] = {start: first}
    for place in _places(sliders, start):
        moved = {each.name: each.positions[k] for each, k in zip(sliders, place, strict=True)}
        if place != start:
            found[place] = _defined([begun.filled({**variant, **moved}) for variant in variants], axis)
    return Frames(
        label=label_of([axis]),
        prediction=begun.name_of(_entry(begun.program)),
        fixed=_fixed(begun, axis, variants[0] if len(variants) > 1 else {}, sliders),
        labels=tuple(_label(variant, axis) or str(begun.program.name) for variant in variants),
        sliders=sliders,
        frames={place: frame for place, frame in found.items() if frame is not None},
        cells=CELLS[begun.mode],
        apart=len(sliders) > TOGETHER,
    )


def _entry(program: Program) -> Entry:
    return Entry(varying(program))


def _defaults(program: Program) -> dict[str, float]:
    """Of what is trained, too, which an example draws."""
    return {a.name: float(a.default) for a in program.args if a.role in ("hyper", "learn") and a.default is not None}


# ---------------------------------------------------------------- what is drawn


def _axis(begun: Subject, sliders: Sequence[Slider]) -> Axis:
    """The most telling one that the loss has at the start and with each slider at its ends.

    That two labels have mirror images, and so one margin, may hold at the start only.
    """
    _at_one_point(begun)
    ends = [
        begun.filled({each.name: number}) for each in sliders for number in each.positions[:: len(each.positions) - 1]
    ]
    return common_axes([begun, *filter(_is_accepted, ends)], None, frozenset())[0]


def _is_accepted(drawn: Subject) -> bool:
    """Whether the emitted code takes the numbers."""
    try:
        _at_one_point(drawn)
    except PlotError:
        return False
    return True


def _variants(base: Subject, axis: Axis) -> list[dict[str, float]]:
    """The data of each curve: what the axis needs, and each of the few values of the first data that has such."""
    given = dict(axis.data)
    data = [a for a in base.program.args if a.role == "data" and a.default is None and a.name not in given]
    several = next((a for a in data if shown_values(a)), None) if base.mode != "example" else None
    if several is None:
        return [given]
    return [{**given, several.name: value} for value in shown_values(several)]


def _label(variant: Mapping[str, float], axis: Axis) -> str:
    moved = dict(axis.data)
    return ", ".join(f"{name} = {value:g}" for name, value in variant.items() if name not in moved)


def _fixed(base: Subject, axis: Axis, variant: Mapping[str, float], sliders: Sequence[Slider]) -> str:
    """What neither the axis, nor a slider, nor the labels of the curves say."""
    if base.mode == "example":
        return "all else as in an example"
    said = {varying(base.program).name, *dict(axis.data), *variant, *(each.name for each in sliders)}
    return ", ".join(f"{name} = {number:g}" for name, number in base.given.items() if name not in said)


def _at_one_point(drawn: Subject) -> None:
    """PlotError for numbers that the emitted code refuses."""
    drawn.values(_entry(drawn.program), np.array([middle(varying(drawn.program), 0.0)]))


# ---------------------------------------------------------------- sliders and their places


def _moving(base: Subject) -> list[Arg]:
    """The scalar hyperparameters whose value is finite."""
    args = [arg for arg in base.program.args if arg.role in ("hyper", "learn") and not arg.axes]
    return [arg for arg in args if math.isfinite(base.given[arg.name])]


def _count(base: Subject, calls: int) -> int:
    """Of positions, where a frame takes so many calls."""
    sliders = len(_moving(base)) or 1
    frames = CALLS[base.mode] / max(calls, 1)
    if sliders > TOGETHER:
        return max(LEAST, min(APART, int(frames / sliders)))
    return max(LEAST, min(COUNTS[base.mode][sliders - 1], int(frames ** (1 / sliders))))


def _sliders(base: Subject, count: int) -> tuple[Slider, ...]:
    """Those that have more than one position."""
    made = (slider(arg, float(base.given[arg.name]), count, base.given) for arg in _moving(base))
    return tuple(each for each in made if len(each.positions) > 1)


def _places(sliders: Sequence[Slider], start: Place) -> Iterator[Place]:
    if len(sliders) <= TOGETHER:
        return itertools.product(*(range(len(each.positions)) for each in sliders))
    return _one_moved(sliders, start)


def _one_moved(sliders: Sequence[Slider], start: Place) -> Iterator[Place]:
    for number, each in enumerate(sliders):
        for position in range(len(each.positions)):
            yield (*start[:number], position, *start[number + 1 :])


# ---------------------------------------------------------------- curves


def _defined(drawn: Sequence[Subject], axis: Axis) -> Frame | None:
    """None where the emitted code refuses the numbers: bounds may be hyperparameters that have moved."""
    try:
        return _frame(drawn, axis)
    except PlotError:
        return None


def _frame(drawn: Sequence[Subject], axis: Axis) -> Frame | None:
    """None where nothing is finite."""
    ends = interval_of(drawn[:1], [axis])
    counted = [_Counted(each, axis) for each in drawn]
    grid = np.linspace(*ends, CELLS[drawn[0].mode] + 1)
    curves = tuple(sampled(each, grid) for each in counted)
    if not any(np.isfinite(curve.rows[0]).any() for curve in curves):
        return None
    return Frame(ends, curves, sum(each.calls for each in counted))


@dataclass
class _Counted:
    """Rows of curves, and how many calls of emitted code they have taken."""

    drawn: Subject
    axis: Axis
    calls: int = 0

    def __call__(self, at: Array) -> Array:
        self.calls += 1 if self.drawn.mode == "elements" else len(at)
        return self.drawn.derivatives(_entry(self.drawn.program), at + self.axis.offset)
