"""Sections through a loss: how its value and its slope change with one entry of its first prediction.

An elementwise loss is shown for a single element, once for each of the few values that its data can take ({0, 1},
{-1, 1}), or for data in the middle of its domain.  A loss that couples elements is shown from an example, of which the
first entry of the prediction varies and everything else stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lossdsl.check.reference import is_elementwise
from lossdsl.meaning.core import Arg, Program
from lossdsl.plot.inputs import (
    Array,
    example,
    few_values,
    filled,
    finite,
    keywords,
    names,
    numbers,
    reach,
    varying,
)

if TYPE_CHECKING:
    from lossdsl.api import Loss

ELEMENTWISE_COUNT = 121
COUPLED_COUNT = 61


@dataclass(frozen=True)
class Curve:
    """A loss along one entry: values and slopes, nan where there is none."""

    label: str
    value: Array
    slope: Array


@dataclass(frozen=True)
class Section:
    """Curves over the values of one entry of the prediction; `fixed` says what the rest is."""

    entry: str
    at: Array
    curves: tuple[Curve, ...]
    fixed: str = ""


def section(loss: Loss, **hyper: float) -> Section | None:
    """The section of a loss, with hyperparameters other than the defaults; None where it has no point to start from."""
    program = loss.program
    found = example(program)
    if found is None or not names(program, "prediction"):
        return None
    return _elementwise(loss, found | hyper) if of_elements(program) else _coupled(loss, found | hyper)


def of_elements(program: Program) -> bool:
    """Whether an element of the loss reads one element of the first prediction, so that many come from one call."""
    return is_elementwise(program) and 0 < len(program.free) <= len(varying(program).axes)


# ---------------------------------------------------------------- one element


def _elementwise(loss: Loss, found: Mapping[str, Any]) -> Section:
    program, entry = loss.program, varying(loss.program)
    at = np.linspace(*reach(entry, found), ELEMENTWISE_COUNT)
    function = loss.numpy()
    curves, label = [], ""
    for label, fixed in _variants(program, found):
        arrays = {name: filled(program, name, value, ELEMENTWISE_COUNT) for name, value in fixed.items()}
        arrays[entry.name] = shaped(entry, at)
        value, slope = function.value_and_grad(**keywords(program, arrays), wrt=entry.name, reduction="none")
        curves.append(Curve(label, finite(np.broadcast_to(value, arrays[entry.name].shape)), finite(slope)))
    plural = len(curves) > 1
    return Section(entry.name, at, tuple(curves), "" if plural else label)


def _variants(program: Program, found: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the other arguments are, in words and as numbers: once for each value of the first that has few."""
    fixed = numbers(program, found)
    given = [arg for arg in program.args if arg.name in fixed and arg.role in ("prediction", "data")]
    several = next((arg for arg in given if few_values(arg)), None)
    if several is None:
        shown = [name for name in names(program, "data") if name in fixed]
        yield ", ".join(f"{name} = {fixed[name]:g}" for name in shown), fixed
        return
    for value in few_values(several):
        yield f"{several.name} = {value:g}", fixed | {several.name: value}


def shaped(arg: Arg, at: Array) -> Array:
    """The entries along the first axis, further ones of length 1."""
    return at.reshape(at.shape + (1,) * (len(arg.axes) - 1))


# ---------------------------------------------------------------- one entry of many


def _coupled(loss: Loss, found: Mapping[str, Any]) -> Section:
    entry = varying(loss.program)
    at = np.linspace(*reach(entry, found), COUPLED_COUNT)
    function = loss.numpy()
    start = np.array(found[entry.name], dtype=np.float64)
    values, slopes = [], []
    for number in at:
        moved = start.copy()
        moved.reshape(-1)[:1] = number
        arguments = keywords(loss.program, {**found, entry.name: moved})
        value, gradient = function.value_and_grad(**arguments, wrt=entry.name)
        values.append(float(np.sum(value)))
        slopes.append(float(np.asarray(gradient).reshape(-1)[0]))
    curve = Curve(loss.name, finite(np.array(values)), finite(np.array(slopes)))
    return Section(entry_name(entry.name, start.shape), at, (curve,), "all else as in an example")


def entry_name(name: str, shape: tuple[int, ...], flat: int = 0) -> str:
    """An element of an array in the loss language: `logit[0, 1]`."""
    position = np.unravel_index(flat, shape) if shape else ()
    return f"{name}[{', '.join(str(int(k)) for k in position)}]" if shape else name
