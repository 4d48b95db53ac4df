"""Sections through a loss: how its value and its slope change with one entry of its first prediction.

An elementwise loss is shown for a single element, once for each of the few values that its data can take ({0, 1},
{-1, 1}), or for data in the middle of its domain.  A loss that couples elements is shown from an example, of which the
first entry of the prediction varies and everything else stays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lossdsl.backends.interface import Interface
from lossdsl.check.points import Points
from lossdsl.check.reference import is_elementwise
from lossdsl.meaning.core import Alternative, Arg, Program

if TYPE_CHECKING:
    from lossdsl.api import Loss

Array = np.ndarray[Any, np.dtype[np.float64]]

REACH = 4.0
"""How far a section goes where the domain sets no end: beyond it most losses are what they tend to."""
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
    example = _example(program)
    if example is None or not any(arg.role == "prediction" for arg in program.args):
        return None
    one_element = is_elementwise(program) and 0 < len(program.free) <= len(_varying(program).axes)
    return _elementwise(loss, example | hyper) if one_element else _coupled(loss, example | hyper)


def _example(program: Program) -> dict[str, Any] | None:
    """The first point that `check` would look at, hyperparameters at their defaults."""
    for candidates in Points(program).all():
        for point in candidates:
            return dict(point.arguments)
    return None


def _varying(program: Program) -> Arg:
    return next(arg for arg in program.args if arg.role == "prediction")


def _reach(arg: Arg, hyper: Mapping[str, Any]) -> tuple[float, float]:
    """Where the entry goes: the domain, or a few units of it."""
    whole = Alternative("interval")
    interval = next((each for each in arg.domain if each.kind == "interval"), whole)
    low, high = (float(hyper.get(str(end), 0) if str(end) in hyper else end) for end in (interval.low, interval.high))
    if math.isinf(low) and math.isinf(high):
        return -REACH, REACH
    low = high - REACH if math.isinf(low) else low
    high = low + REACH if math.isinf(high) else high
    margin = (high - low) / 1000
    return low + margin * interval.low_open, high - margin * interval.high_open


# ---------------------------------------------------------------- one element


def _elementwise(loss: Loss, example: Mapping[str, Any]) -> Section:
    program, varying = loss.program, _varying(loss.program)
    at = np.linspace(*_reach(varying, example), ELEMENTWISE_COUNT)
    function = loss.numpy()
    curves, label = [], ""
    for label, fixed in _variants(program, varying, example):
        arrays = {name: _along(program, name, value) for name, value in fixed.items()}
        arrays[varying.name] = _shaped(varying, at)
        value, slope = function.value_and_grad(**_keywords(program, arrays), wrt=varying.name, reduction="none")
        curves.append(Curve(label, _finite(np.broadcast_to(value, _shaped(varying, at).shape)), _finite(slope)))
    plural = len(curves) > 1
    return Section(varying.name, at, tuple(curves), "" if plural else label)


def _variants(program: Program, varying: Arg, example: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the other arguments are, in words and as numbers: once for each value of the first data that has few."""
    fixed: dict[str, Any] = {}
    few: tuple[str, tuple[float, ...]] | None = None
    for arg in program.args:
        if arg is varying:
            continue
        if arg.role in ("prediction", "data"):
            values = tuple(float(v) for each in arg.domain if each.kind == "set" for v in each.values)
            if values and few is None:
                few = arg.name, values
            first = not any(other in fixed for other in _names(program, "data")) and arg.role == "data"
            fixed[arg.name] = values[0] if values else _middle(arg, 0.0 if first else 1.0)
        elif not arg.axes:
            fixed[arg.name] = example[arg.name]
        else:
            fixed[arg.name] = float(np.asarray(example[arg.name]).reshape(-1)[0])
    shown = [name for name in _names(program, "data") if name in fixed]
    if few is None:
        yield ", ".join(f"{name} = {fixed[name]:g}" for name in shown), fixed
        return
    for value in few[1]:
        yield f"{few[0]} = {value:g}", fixed | {few[0]: value}


def _names(program: Program, role: str) -> list[str]:
    return [arg.name for arg in program.args if arg.role == role]


def _middle(arg: Arg, otherwise: float) -> float:
    """A number well within a domain; `otherwise` where the domain is the whole line."""
    interval = next((each for each in arg.domain if each.kind == "interval"), None)
    if interval is None or isinstance(interval.low, str) or isinstance(interval.high, str):
        low = -math.inf if interval is None or isinstance(interval.low, str) else float(interval.low)
        return low + 1 if math.isfinite(low) else otherwise
    return float(interval.low + interval.high) / 2


def _shaped(arg: Arg, at: Array) -> Array:
    """The entries along the first axis, further ones of length 1."""
    return at.reshape(at.shape + (1,) * (len(arg.axes) - 1))


def _along(program: Program, name: str, value: float) -> Any:
    arg = next(arg for arg in program.args if arg.name == name)
    if not arg.axes:
        return value
    shared = {axis.name: ELEMENTWISE_COUNT for axis in _varying(program).axes[:1]}
    shape = tuple(axis.value if axis.op == "const" else shared.get(axis.name, 1) for axis in arg.axes)
    return np.full(shape, int(value) if arg.whole else value)


# ---------------------------------------------------------------- one entry of many


def _coupled(loss: Loss, example: Mapping[str, Any]) -> Section:
    varying = _varying(loss.program)
    at = np.linspace(*_reach(varying, example), COUPLED_COUNT)
    function = loss.numpy()
    start = np.array(example[varying.name], dtype=np.float64)
    values, slopes = [], []
    for number in at:
        moved = start.copy()
        moved.reshape(-1)[:1] = number
        arguments = _keywords(loss.program, {**example, varying.name: moved})
        value, gradient = function.value_and_grad(**arguments, wrt=varying.name)
        values.append(float(np.sum(value)))
        slopes.append(float(np.asarray(gradient).reshape(-1)[0]))
    entry = f"{varying.name}[{', '.join('0' for _ in start.shape)}]" if start.shape else varying.name
    curve = Curve(loss.name, _finite(np.array(values)), _finite(np.array(slopes)))
    return Section(entry, at, (curve,), "all else as in an example")


def _keywords(program: Program, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the emitted function calls them: `lambda` is `lambda_`."""
    names = Interface(program).arg_names
    return {names[name]: value for name, value in arguments.items()}


def _finite(values: Any) -> Array:
    array = np.asarray(values, dtype=np.float64).reshape(-1)
    return np.where(np.isfinite(array), array, np.nan)
