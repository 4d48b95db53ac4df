"""A loss over two of its numbers: what contours and surfaces are drawn of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lossdsl.meaning.core import Arg
from lossdsl.plot.errors import PlotError
from lossdsl.plot.inputs import Array, argument, few_values, reach, varying
from lossdsl.plot.lines import Numbers, check_interval, check_names, single_numbers
from lossdsl.plot.subject import Entry, Subject, subject

if TYPE_CHECKING:
    from lossdsl.api import Loss

ELEMENTS, CALLS = 101, 41
"""Points along each side: where a row is computed by one call, and where each point takes one."""


@dataclass(frozen=True)
class Field:
    """`values[j, k]` is the loss at (x[k], y[j]), nan where it is not finite."""

    title: str
    labels: tuple[str, str]
    x: Array
    y: Array
    values: Array
    fixed: str


def field(
    loss: Loss,
    settings: Mapping[str, Numbers],
    *,
    inputs: Sequence[str] | None = None,
    interval: tuple[float, float] | None = None,
) -> Field:
    """A loss over two inputs: predictions, data or hyperparameters by name; one name twice, two elements of an array.

    Left out, these are the first two predictions; else the prediction and the first data that are real numbers, or the
    first hyperparameter; of a loss that couples elements, the first two elements of the prediction.  `interval` is that
    of the first, and of the second where that is of the same kind.  PlotError for what does not exist.
    """
    base = subject(loss)
    first, second = _inputs(base, inputs, frozenset(settings))
    check_names([base], [name for name in settings if name != varying(base.program).name])
    taken = {first.arg.name, second.arg.name} & set(settings)
    if taken:
        raise PlotError(f"{taken.pop()} is what the picture is drawn over: it can't be set")
    drawn = base.filled(single_numbers(settings))
    count = ELEMENTS if drawn.mode == "elements" else CALLS
    ends = check_interval(interval) if interval else reach(first.arg, drawn.given)
    others = ends if interval and not _is_hyper(second.arg) else reach(second.arg, drawn.given)
    x, y = (np.linspace(*each, count) for each in (ends, others))
    drawn.values(first, x[:1])  # refuses settings outside of their domain
    values = np.stack([_row(drawn.with_number(second, float(number)), first, x) for number in y])
    return Field(
        loss.signature, (drawn.name_of(first), drawn.name_of(second)), x, y, values, _fixed(drawn, (first, second))
    )


def _row(drawn: Subject, first: Entry, x: Array) -> Array:
    """The values along x; nan where the second input is outside of its domain, as at a hole in it."""
    try:
        return drawn.values(first, x)
    except PlotError:
        return np.full(len(x), np.nan)


def _is_hyper(arg: Arg) -> bool:
    return arg.role in ("hyper", "learn")


def _inputs(base: Subject, asked: Sequence[str] | None, settings: frozenset[str]) -> tuple[Entry, Entry]:
    """The two numbers that vary."""
    program = base.program
    if asked is None:
        asked = _chosen(base, settings)
    if len(asked) != 2:
        raise PlotError(f"a contour is drawn over two inputs, not {len(asked)}")
    known = {arg.name for arg in program.args}
    for name in asked:
        if name not in known:
            raise PlotError(
                f"{program.name} has no argument {name!r}; there are {', '.join(a.name for a in program.args)}"
            )
        if argument(program, name).whole:
            raise PlotError(f"{name} is a whole number: there is nothing between its values to draw")
    one, other = (argument(program, name) for name in asked)
    if one is not other:
        return Entry(one), Entry(other)
    if base.mode != "example" or np.size(base.given[one.name]) < 2:
        raise PlotError(f"one element of {program.name} reads one {one.name}: name another input")
    return Entry(one), Entry(one, 1)


def _chosen(base: Subject, settings: frozenset[str]) -> tuple[str, str]:
    program, first = base.program, varying(base.program)
    free = [a for a in program.args if a is not first and a.name not in settings and not a.whole and not few_values(a)]
    for role in ("prediction", "data", "hyper", "learn"):
        if role != "prediction" and base.mode == "example" and np.size(base.given[first.name]) > 1:
            return first.name, first.name
        for arg in free:
            if arg.role == role and (role != "data" or arg.default is None):
                return first.name, arg.name
    raise PlotError(f"{program.name} has no second number to draw it over")


def _fixed(drawn: Subject, entries: Sequence[Entry]) -> str:
    if drawn.mode == "example":
        return "all else as in an example"
    moved = {entry.arg.name for entry in entries}
    return ", ".join(f"{name} = {number:g}" for name, number in drawn.given.items() if name not in moved)
