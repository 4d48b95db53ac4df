"""Arguments for timing: drawn from the domains, of shapes that the losses of a batch have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lossdsl.check.sizes import extent_value
from lossdsl.ir.lower import lower
from lossdsl.meaning.core import Alternative, Arg, Program

Values = dict[str, Any]


def draw_arguments(
    program: Program, size: int, rng: np.random.Generator, given: Mapping[str, int] | None = None
) -> tuple[Values, Values]:
    """(arrays of predictions and data, hyperparameters without a default): the first prediction has about `size`.

    `given` are sizes of axes that are wanted exactly.
    """
    sizes = axis_sizes(program, size) | dict(given or {})
    arrays: Values = {}
    hyper: Values = {
        arg.name: float(arg.default) for arg in program.args if arg.role == "hyper" and arg.default is not None
    }
    for arg in program.args:
        if arg.default is not None:
            continue
        shape = tuple(extent_value(axis, sizes, hyper) for axis in arg.axes)
        drawn = _drawn(arg, shape, sizes, hyper, rng)
        if arg.role in ("prediction", "data"):
            arrays[arg.name] = np.asarray(drawn, dtype=np.int64 if arg.whole else np.float32)
        else:
            hyper[arg.name] = drawn if arg.axes else float(drawn)
    required = {arg.name for arg in program.args if arg.default is None}
    return arrays, {name: value for name, value in hyper.items() if name in required}


def axis_sizes(program: Program, size: int) -> dict[str, int]:
    """A size for each axis: 32, and what is left for the first; less where a reduction would take too long.

    A loss over pairs does the square of the work of a loss over elements: its axes are halved until no stage evaluates
    its body more than 100 times as often as the prediction has elements.
    """
    names = list(dict.fromkeys(axis.name for arg in program.args for axis in arg.axes if axis.op == "size"))
    first = [axis for arg in program.args[:1] for axis in arg.axes]
    inner = math.prod(axis.value if axis.op == "const" else 32 for axis in first[1:])
    sizes = dict.fromkeys(names, 32)
    if first and first[0].op == "size":
        leading = max(1, size // inner)
        predictions = [arg for arg in program.args if arg.role == "prediction"]
        sizes |= {axis.name: leading for arg in predictions for axis in arg.axes[:1] if axis.op == "size"}
    stages = lower(program).table.stages.values()
    hyper = {arg.name: float(arg.default) for arg in program.args if arg.role == "hyper" and arg.default is not None}

    def work() -> int:
        ranges = [[(i.low, i.high) for i in stage.looped] for stage in stages]
        lengths = [
            [extent_value(high, sizes, hyper) - extent_value(low, sizes, hyper) for low, high in stage]
            for stage in ranges
        ]
        return max((math.prod(stage) for stage in lengths), default=0)

    while work() > 100 * size and max(sizes.values()) > 8:
        largest = max(sizes.values())
        sizes = {name: n // 2 if n == largest else n for name, n in sizes.items()}
    for check in program.checks:  # axes that meet in one index
        if check.left.op == check.right.op == "size":
            sizes[check.left.name] = sizes[check.right.name] = min(sizes[check.left.name], sizes[check.right.name])
    return sizes


def _drawn(
    arg: Arg, shape: tuple[int, ...], sizes: Mapping[str, int], hyper: Mapping[str, float], rng: np.random.Generator
) -> Any:
    alternative = arg.domain[0] if arg.domain else Alternative("interval")
    match alternative.kind:
        case "axis":
            return rng.integers(0, sizes.get(alternative.axis, 32), size=shape)
        case "set":
            return rng.choice([float(value) for value in alternative.values], size=shape)
        case "nonzero":
            return rng.normal(size=shape)
    low, high = (
        float(hyper.get(str(end), 0) if str(end) in hyper else end) for end in (alternative.low, alternative.high)
    )
    if math.isinf(low) and math.isinf(high):
        return rng.normal(size=shape)
    if math.isinf(high):
        return low + rng.exponential(size=shape)
    if math.isinf(low):
        return high - rng.exponential(size=shape)
    return low + (high - low) * rng.uniform(0.01, 0.99, size=shape)
