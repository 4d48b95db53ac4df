"""What a loss is given beside predictions: data by position or name, hyperparameters, starting values, sizes of axes.

On the way out: every argument that has to be given is there, arrays are arrays, every axis of a prediction and of a
learned array has a size, and the axis of the examples has as many positions as `X` has rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.fitting import SizeUnknown
from lossdsl.fitting.rows import GROUP, example_axis
from lossdsl.meaning import core

T = TypeVar("T")


@dataclass(frozen=True)
class Inputs:
    """Values by the name of the argument; `sizes` by the name of the axis, `group` the lengths of the axes `..`."""

    axis: str
    data: Mapping[str, Any]
    hyper: Mapping[str, Any]
    starts: Mapping[str, Any]
    sizes: Mapping[str, int]
    group: tuple[int, ...] = ()

    def shape(self, arg: core.Arg) -> tuple[int, ...]:
        """The shape of a prediction or of a learned array.  Raises LossError (E0804) for an axis without a size."""
        shape: list[int] = []
        for extent in arg.axes:
            if extent.op == "const":
                shape.append(extent.value)
            elif extent.name == GROUP:
                shape += self.group
            elif extent.name in self.sizes:
                shape.append(self.sizes[extent.name])
            else:
                message = f"no data say how long the axis {extent.name} of {arg.name} is"
                raise LossError(SizeUnknown(arg.span, message, f'sizes={{"{extent.name}": ...}}'))
        return tuple(shape)


def bind(
    program: core.Program,
    examples: int,
    data: Sequence[Any],
    named: Mapping[str, Any],
    sizes: Mapping[str, int] | None = None,
) -> Inputs:
    """The inputs of a loss for a model with `examples` rows.

    `data` are the data of the loss in their order; `named` are data, hyperparameters and starting values of learned
    ones.  Raises TypeError for what is unknown, missing or given twice, ValueError for sizes that contradict each
    other, LossError (E0801) for a loss without an axis of examples.
    """
    axis = example_axis(program)
    given = _named(program, data, named)
    by_role = {role: {a.name: given[a.name] for a in program.args if a.role == role and a.name in given} for role in
               ("data", "hyper", "learn")}  # fmt: skip
    arrays = {name: np.asarray(value) for name, value in by_role["data"].items()}
    hyper = {**_defaults(program), **by_role["hyper"]}
    needed = [a for a in program.args if a.role in ("data", "hyper") and a.default is None]
    missing = [a.name for a in needed if a.name not in given]
    if missing:
        raise TypeError(f"{program.name} needs {' and '.join(missing)}")
    shapes = {name: np.shape(value) for name, value in {**arrays, **hyper, **by_role["learn"]}.items()}
    found, group = _sizes(program, shapes, {axis: examples, **(sizes or {})})
    return Inputs(axis, arrays, hyper, by_role["learn"], {**dict(_labels(program, arrays)), **found}, group)


def _named(program: core.Program, data: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    names = [a.name for a in program.args if a.role == "data"]
    if len(data) > len(names):
        raise TypeError(f"{program.name} takes {len(names)} data ({', '.join(names)}), but {len(data)} were given")
    given = dict(zip(names, data, strict=False))
    known = {a.name for a in program.args if a.role != "prediction"}
    for name, value in named.items():
        if name not in known:
            only = ", ".join(sorted(known)) or "predictions"
            raise TypeError(f"{program.name} has no data and no hyperparameter {name!r}, only {only}")
        if name in given:
            raise TypeError(f"{name} was given twice")
        given[name] = value
    return given


def _defaults(program: core.Program) -> dict[str, float]:
    """Of hyperparameters without axes; arrays that are left out are broadcast by the generated code."""
    scalars = [a for a in program.args if a.role == "hyper" and not a.axes]
    return {a.name: float(a.default) for a in scalars if a.default is not None}


def _sizes(
    program: core.Program, shapes: Mapping[str, tuple[int, ...]], wanted: Mapping[str, int]
) -> tuple[dict[str, int], tuple[int, ...]]:
    """Sizes by axis; those of `..` come together."""
    sizes = {name: size for name, size in wanted.items() if name != GROUP}
    group: tuple[int, ...] | None = None
    for arg in program.args:
        if arg.name not in shapes:
            continue
        for name, length in _axes(arg, shapes[arg.name]):
            if name == GROUP:
                assert isinstance(length, tuple)
                group = _agreed(name, arg.name, length, group)
            elif isinstance(length, int):
                sizes[name] = _agreed(name, arg.name, length, sizes.get(name))
    rows = wanted.get(GROUP)
    group = group if group is not None else () if rows is None else (rows,)
    if rows is not None and group[:1] != (rows,):
        raise ValueError(f"X has {rows} rows, but the data have the shape {group} along {GROUP}")
    return sizes, group


def _agreed(axis: str, arg: str, length: T, known: T | None) -> T:
    if known is not None and known != length:
        raise ValueError(f"axis {axis} has size {length} in {arg} but {known} elsewhere (rows of X, sizes, other data)")
    return length


def _axes(arg: core.Arg, shape: tuple[int, ...]) -> Iterable[tuple[str, int | tuple[int, ...]]]:
    """(name, size) of the axes of an array; nothing for one with a number of axes that the call will refuse."""
    extra = len(shape) - (len(arg.axes) - 1)
    grouped = any(extent.name == GROUP for extent in arg.axes)
    if (grouped and extra < 0) or (not grouped and extra != 1):
        return
    at = 0
    for extent in arg.axes:
        if extent.name == GROUP:
            yield GROUP, shape[at : at + extra]
            at += extra
        else:
            if extent.op == "size":
                yield extent.name, shape[at]
            at += 1


def _labels(program: core.Program, arrays: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    """How many classes the labels show, for each axis that they index."""
    counts: dict[str, int] = {}
    for arg in program.args:
        if arg.name in arrays and np.size(arrays[arg.name]):
            for each in arg.domain:
                if each.kind == "axis":
                    counts[each.axis] = max(counts.get(each.axis, 1), int(np.max(arrays[arg.name])) + 1)
    return counts.items()
