"""Curves to draw: losses over their residual, margin or prediction, for several values of hyperparameters."""

from __future__ import annotations

import difflib
import itertools
import math
import numbers
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lossdsl.meaning.core import Arg
from lossdsl.plot.axis import Axis, common_axes, interval_of, label_of
from lossdsl.plot.errors import PlotError
from lossdsl.plot.inputs import Array, shown_values, varying
from lossdsl.plot.jumps import Sampled, sampled
from lossdsl.plot.subject import QUANTITIES, Entry, Subject, subject

if TYPE_CHECKING:
    from lossdsl.api import Loss

Numbers = float | Iterable[float]
ELEMENTS, CALLS = 241, 81
"""Points of a curve: where one call computes all of them, and where each takes a call."""
MOST = 28
"""Curves in one picture: as many as there are pairs of a colour and a line style."""


@dataclass(frozen=True)
class Line:
    """One curve for each quantity, in the order of QUANTITIES."""

    label: str
    curves: Sampled


@dataclass(frozen=True)
class Lines:
    """A picture before it is drawn: `label` names the axis, `fixed` says what all lines have in common."""

    title: str
    label: str
    prediction: str
    quantities: tuple[str, ...]
    lines: tuple[Line, ...]
    fixed: str


@dataclass(frozen=True)
class _Variant:
    """One line to come: a loss, its axis, and the numbers that are set, by name."""

    subject: Subject
    axis: Axis
    settings: tuple[tuple[str, float], ...]


def lines(
    losses: Sequence[Loss],
    settings: Mapping[str, Numbers],
    *,
    against: str | None = None,
    quantities: Sequence[str] = QUANTITIES,
    interval: tuple[float, float] | None = None,
) -> Lines:
    """The curves of losses, one for each combination of the settings: numbers, or several, by the name of an argument.

    A setting applies to every loss that has the argument.  Data with few values that are not set, as labels, give a
    curve each, unless the axis is the margin.  PlotError for what does not exist.
    """
    asked = _quantities(quantities)
    choices = {name: _numbers(name, value) for name, value in settings.items()}
    subjects = [subject(loss) for loss in losses]
    check_names(subjects, choices)
    axes = common_axes(subjects, against, frozenset(choices))
    variants = [v for s, a in zip(subjects, axes, strict=True) for v in _variants(s, a, choices)]
    if len(variants) > MOST:
        raise PlotError(f"{len(variants)} curves are too many for one picture, which holds {MOST}")
    set_up = [_set_up(v) for v in variants]
    ends = check_interval(interval) if interval else interval_of(set_up, [v.axis for v in variants])
    labels, fixed = _labels(variants)
    drawn = [Line(n, _sampled(s, v.axis, ends)) for s, v, n in zip(set_up, variants, labels, strict=True)]
    predictions = {varying(s.program).name for s in subjects}
    return Lines(
        title=losses[0].signature if len(losses) == 1 else ", ".join(loss.name for loss in losses),
        label=label_of(axes),
        prediction=predictions.pop() if len(predictions) == 1 else "prediction",
        quantities=asked,
        lines=tuple(drawn),
        fixed=fixed,
    )


def _quantities(asked: Sequence[str]) -> tuple[str, ...]:
    wrong = [quantity for quantity in asked if quantity not in QUANTITIES]
    if wrong or not asked:
        raise PlotError(f"a picture shows {', '.join(QUANTITIES)}, not {wrong[0] if wrong else 'nothing'!r}")
    return tuple(quantity for quantity in QUANTITIES if quantity in asked)


def _numbers(name: str, given: Numbers) -> tuple[float, ...]:
    values = (given,) if isinstance(given, numbers.Real) else tuple(given) if isinstance(given, Iterable) else ()
    if not values or not all(isinstance(value, numbers.Real) and math.isfinite(value) for value in values):
        raise PlotError(f"{name} is a number, or a list of numbers, not {given!r}")
    return tuple(dict.fromkeys(map(float, values)))


def single_numbers(settings: Mapping[str, Numbers]) -> dict[str, float]:
    """Settings that are one number each, or PlotError."""
    found = {name: _numbers(name, value) for name, value in settings.items()}
    for name, values in found.items():
        if len(values) > 1:
            raise PlotError(f"{name} is one number in a picture over two inputs, not {len(values)}")
    return {name: values[0] for name, values in found.items()}


def check_interval(interval: tuple[float, float]) -> tuple[float, float]:
    """Two finite ends in order, or PlotError."""
    low, high = map(float, interval)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise PlotError(f"an axis goes from a number to a larger one, not from {low:g} to {high:g}")
    return low, high


def check_names(subjects: Sequence[Subject], choices: Iterable[str]) -> None:
    """PlotError for a setting that no loss has, or that is what the picture varies."""
    settable = {arg.name: None for s in subjects for arg in s.program.args if arg is not varying(s.program)}
    for name in choices:
        if name in settable:
            continue
        if any(varying(s.program).name == name for s in subjects):
            raise PlotError(f"{name} is what the picture is drawn over: it can't be set")
        close = difflib.get_close_matches(name, settable, n=1)
        there = f"did you mean {close[0]}?" if close else f"there are {', '.join(settable) or 'none'}"
        raise PlotError(f"{_several([s.program.name for s in subjects])} no argument {name!r}; {there}")


def _several(names: Sequence[str]) -> str:
    return f"{names[0]} has" if len(names) == 1 else f"{', '.join(names)} have"


def _variants(drawn: Subject, axis: Axis, choices: Mapping[str, tuple[float, ...]]) -> Iterator[_Variant]:
    """The combinations of what is set, of what the axis needs, and of data that have few values."""
    own = {arg.name: choices[arg.name] for arg in drawn.program.args if arg.name in choices}
    given = dict(axis.data)
    if drawn.mode != "example":
        free = [a for a in drawn.program.args if _values(a) and a.name not in own and a.name not in given]
        own |= {arg.name: _values(arg) for arg in free[:1]}
    for combination in itertools.product(*own.values()):
        yield _Variant(drawn, axis, tuple(zip(own, combination, strict=True)))


def _values(arg: Arg) -> tuple[float, ...]:
    return shown_values(arg) if arg.role == "data" and arg.default is None else ()


def _set_up(variant: _Variant) -> Subject:
    """The subject with all that its variant sets."""
    return variant.subject.filled({**dict(variant.axis.data), **dict(variant.settings)})


def _sampled(drawn: Subject, axis: Axis, ends: tuple[float, float]) -> Sampled:
    grid = np.linspace(*ends, ELEMENTS if drawn.mode == "elements" else CALLS)
    entry = Entry(varying(drawn.program))

    def rows(at: Array) -> Array:
        return drawn.derivatives(entry, at + axis.offset)

    return sampled(rows, grid)


def _labels(variants: Sequence[_Variant]) -> tuple[list[str], str]:
    """What tells each line from the others, and what all have in common."""
    described = [_described(variant) for variant in variants]
    common = [part for part in described[0] if all(part in other for other in described)]
    own = [[part for part in parts if part not in common] for parts in described]
    names = [variant.subject.program.name for variant in variants]
    several = len(set(names)) > 1
    labels = [", ".join([name] * several + parts) or name for name, parts in zip(names, own, strict=True)]
    return labels, ", ".join(common)


def _described(variant: _Variant) -> list[str]:
    """The numbers that stay: those that are set, the defaults of hyperparameters, data that the axis does not move."""
    drawn, axis = variant.subject, variant.axis
    if drawn.mode == "example":
        return [f"{name} = {number:g}" for name, number in variant.settings] + ["all else as in an example"]
    fixed = {**drawn.given, **dict(variant.settings)}
    hidden = {varying(drawn.program).name, *dict(axis.data)}
    return [f"{name} = {number:g}" for name, number in fixed.items() if name not in hidden]
