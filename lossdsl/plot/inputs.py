"""What a picture varies, and what everything else is: numbers well within the domains of the arguments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lossdsl.backends.interface import Interface
from lossdsl.check.points import Points
from lossdsl.meaning.core import Alternative, Arg, Program

Array = np.ndarray[Any, np.dtype[np.float64]]

REACH = 4.0
"""How far a picture goes where the domain sets no end: beyond it most losses are what they tend to."""


def example(program: Program) -> dict[str, Any] | None:
    """The first point that `check` would look at, hyperparameters at their defaults; None where a domain is empty."""
    for candidates in Points(program).all():
        for point in candidates:
            return dict(point.arguments)
    return None


def varying(program: Program) -> Arg:
    """The first prediction."""
    return next(arg for arg in program.args if arg.role == "prediction")


def argument(program: Program, name: str) -> Arg:
    """The argument of this name, which has to exist."""
    return next(arg for arg in program.args if arg.name == name)


def names(program: Program, role: str) -> list[str]:
    return [arg.name for arg in program.args if arg.role == role]


def reach(arg: Arg, hyper: Mapping[str, Any]) -> tuple[float, float]:
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


def few_values(arg: Arg) -> tuple[float, ...]:
    """The numbers that a domain like {0, 1} consists of; none for another."""
    return tuple(float(v) for each in arg.domain if each.kind == "set" for v in each.values)


def shown_values(arg: Arg) -> tuple[float, ...]:
    """The values that data are shown at where nothing is said: those of a finite domain, the ends of a segment."""
    ends = [end for part in arg.domain if part.kind == "interval" for end in (part.low, part.high)]
    closed = not any(part.low_open or part.high_open for part in arg.domain)
    if len(ends) == 2 and closed and not any(isinstance(end, str) for end in ends):
        return float(ends[0]), float(ends[1])
    return few_values(arg)


def middle(arg: Arg, otherwise: float) -> float:
    """A number well within a domain; `otherwise` where the domain is the whole line."""
    interval = next((each for each in arg.domain if each.kind == "interval"), None)
    if interval is None:
        return otherwise
    low, high = (None if isinstance(end, str) else float(end) for end in (interval.low, interval.high))
    if low is not None and high is not None:
        return (low + high) / 2
    return low + 1 if low is not None else high - 1 if high is not None else otherwise


def numbers(program: Program, found: Mapping[str, Any]) -> dict[str, float]:
    """A number for every argument but the first prediction; those of hyperparameters are of a point that was found.

    The first data is 0 where it may be anything, further ones are 1: a target, and weights.
    """
    fixed: dict[str, float] = {}
    for arg in program.args:
        if arg is varying(program):
            continue
        if arg.role in ("prediction", "data"):
            values = few_values(arg)
            first = not any(other in fixed for other in names(program, "data")) and arg.role == "data"
            fixed[arg.name] = values[0] if values else middle(arg, 0.0 if first else 1.0)
        elif not arg.axes:
            fixed[arg.name] = found[arg.name]
        else:
            fixed[arg.name] = float(np.asarray(found[arg.name]).reshape(-1)[0])
    return fixed


def filled(program: Program, name: str, value: float, count: int) -> Any:
    """An array of the argument's shape, all of it one number; `count` long on the prediction's first axis."""
    arg = argument(program, name)
    if not arg.axes:
        return value
    shared = {axis.name: count for axis in varying(program).axes[:1]}
    shape = tuple(axis.value if axis.op == "const" else shared.get(axis.name, 1) for axis in arg.axes)
    return np.full(shape, int(value) if arg.whole else value)


def keywords(program: Program, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the emitted function calls them: `lambda` is `lambda_`."""
    called = Interface(program).arg_names
    return {called[name]: value for name, value in arguments.items()}


def finite(values: Any) -> Array:
    """The numbers in one row; nan for those that are not finite, which is not drawn."""
    array = np.asarray(values, dtype=np.float64).reshape(-1)
    return np.where(np.isfinite(array), array, np.nan)
