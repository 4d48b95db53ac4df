"""The inputs of one call, for the reference interpreter: arrays of exact numbers, and the sizes their shapes give."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from mpmath import mpf

from lossdsl.diagnostics import Span
from lossdsl.meaning.core import Arg, Extent, Program
from lossdsl.meaning.reference.scalars import Real, is_whole

GROUP = Extent("size", name="..")


class EvaluationError(Exception):
    """A call that the language page forbids: shapes that disagree, a read out of range, argmax over nothing."""

    def __init__(self, span: Span, message: str) -> None:
        line, column = span.source.position(span.start)
        super().__init__(f"{span.source.path}:{line}:{column}: {message}")
        self.span = span
        self.message = message


@dataclass(frozen=True, slots=True)
class Tensor:
    """An argument's entries in row-major order; `shape` has the group `..` as one axis, `given` as it was passed."""

    shape: tuple[int, ...]
    given: tuple[int, ...]
    entries: list[Real]


def exact(number: Any) -> Real:
    """Any number that users pass, without rounding at 50 digits; booleans are 0 and 1."""
    match number:
        case Fraction():
            return mpf(number.numerator) / number.denominator
        case bool() | np.bool_():
            return mpf(int(number))
        case np.floating():
            return mpf(float(number))
    return mpf(number)


class Arguments:
    """What the arguments of a program are bound to, and every extent that follows.

    Sizes come from the shapes of the inputs; `sizes` gives those that no input has (of `learn` arrays that take their
    default).  On the way out all equal names are equal sizes and every check of the program holds.
    """

    def __init__(self, program: Program, inputs: Mapping[str, Any], sizes: Mapping[str, int] | None = None) -> None:
        unknown = set(inputs) - {arg.name for arg in program.args}
        if unknown:
            raise EvaluationError(program.span, f"{program.name} has no argument {', '.join(sorted(unknown))}")
        self.sizes: dict[str, int] = dict(sizes or {})
        self.group: tuple[int, ...] = ()
        self.tensors: dict[str, Tensor] = {}
        for arg in program.args:
            if arg.name in inputs:
                self._bind(arg, inputs[arg.name])
        for arg in program.args:
            if arg.name not in inputs:
                self._bind_default(arg)
        for check in program.checks:
            left, right = self.extent(check.left), self.extent(check.right)
            if left != right:
                raise EvaluationError(check.span, f"{check.message} ({left} and {right})")

    def _bind(self, arg: Arg, given: Any) -> None:
        array = np.asarray(given)
        shape = self._flattened(arg, array.shape)
        for axis, size in zip(arg.axes, shape, strict=True):
            self._check_axis(arg, axis, size)
        entries = [exact(entry) for entry in array.reshape(-1).tolist()]
        if arg.whole and not all(is_whole(entry) for entry in entries):
            raise EvaluationError(arg.span, f"{arg.name} takes whole numbers")
        self.tensors[arg.name] = Tensor(shape, array.shape, entries)

    def _flattened(self, arg: Arg, shape: tuple[int, ...]) -> tuple[int, ...]:
        """`shape` with the axes of the group `..` as one."""
        if GROUP not in arg.axes:
            if len(shape) != len(arg.axes):
                raise EvaluationError(arg.span, f"{arg.name} has {len(shape)} axes instead of {len(arg.axes)}")
            return shape
        before = arg.axes.index(GROUP)
        after = len(shape) - (len(arg.axes) - before - 1)
        if after < before:
            raise EvaluationError(arg.span, f"{arg.name} has too few axes: {len(shape)}")
        group = shape[before:after]
        if GROUP.name in self.sizes and group != self.group:
            raise EvaluationError(arg.span, f"`..` is {group} in {arg.name} and {self.group} before")
        self.group = group
        return (*shape[:before], math.prod(group), *shape[after:])

    def _check_axis(self, arg: Arg, axis: Extent, size: int) -> None:
        wanted = axis.value if axis.op == "const" else self.sizes.setdefault(axis.name, size)
        if wanted != size:
            name = axis.name or axis.value
            raise EvaluationError(arg.span, f"axis {name} of {arg.name} is {size} instead of {wanted}")

    def _bind_default(self, arg: Arg) -> None:
        if arg.default is None:
            raise EvaluationError(arg.span, f"{arg.name} is missing")
        shape = tuple(self.extent(axis) for axis in arg.axes)
        given = self.restored(arg.axes, shape)
        self.tensors[arg.name] = Tensor(shape, given, [exact(arg.default)] * math.prod(shape))

    def restored(self, extents: tuple[Extent, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
        """`shape` with the axis whose extent is the group `..` taken apart again."""
        pairs = zip(extents, shape, strict=True)
        return tuple(size for extent, n in pairs for size in (self.group if extent == GROUP else (n,)))

    def extent(self, extent: Extent) -> int:
        """The whole number that an extent stands for in this call."""
        operands = [self.extent(operand) for operand in extent.operands]
        match extent.op:
            case "const":
                return extent.value
            case "size":
                return self.sizes[extent.name]
            case "hyper":
                return int(self.tensors[extent.name].entries[0])
            case "add":
                return sum(operands)
            case "sub":
                return operands[0] - sum(operands[1:])
            case "mul":
                return math.prod(operands)
            case "max":
                return max(operands)
            case "min":
                return min(operands)
            case "floordiv":
                return operands[0] // operands[1]
