"""What the tests of the table share: arguments to try, emitted text made callable, errors in ulps, dual numbers."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import mpmath
import numpy as np
import torch

from lossdsl.functions.row import CONDITION, Function
from lossdsl.functions.sources import helper_source
from lossdsl.functions.table import TABLE

INF = float("inf")
DTYPES = (np.float64, np.float32)
ORDERED = ("polygamma", "exp_moment", "power_deficit")
"""Functions whose first argument is a constant whole number."""
ORDERS = (1, 2, 3, 4)
MAGNITUDES = (
    5e-324, 1e-310, 1e-300, 1e-200, 1e-150, 1e-45, 1e-40, 1e-30, 1e-20, 1e-16, 1e-12, 1e-8, 1e-5, 1e-3, 0.01, 0.1, 0.2,
    0.25, 0.3, 0.46875, 0.49, 0.5, 0.51, 0.69, 0.7, 0.75, 0.84, 0.9, 0.99, 0.9999999, 1.0, 1.0000001, 1.01, 1.25,
    1.4616321, 1.5, 1.75, 2.0, 2.5, 3.0, 4.7, 5.5, 7.3, 9.99, 10.0, 11.7, 13.3, 17.0, 18.5, 20.0, 20.7, 26.0, 28.1,
    33.3, 37.4, 40.0, 50.3, 87.0, 88.5, 90.0, 103.5, 120.0, 300.25, 700.0, 709.5, 710.0, 745.0, 1e3, 1e4, 1e5, 1e8,
    1e16, 1e20, 1e30, 1e37, 1e38, 1e100, 1e154, 1e200, 1e300, 1e308,
)  # fmt: skip
FEW = (1e-310, 1e-200, 1e-30, 1e-8, 0.1, 0.5, 1.0, 1.5, 2.0, 3.7, 17.0, 40.0, 90.0, 710.0, 1e4, 1e16, 1e30, 1e200)

Point = tuple[Any, ...]


def arity(row: Function) -> int:
    return row.arity or 3


def active(row: Function) -> range:
    """Positions of arguments that are differentiated: not the constant order of polygamma."""
    return range(1 if row.name in ORDERED else 0, arity(row))


# ---------------------------------------------------------------- arguments


def axis(row: Function, position: int, magnitudes: Iterable[float], dtype: Any = np.float64) -> list[Any]:
    """Values of one argument within its domain, exact in the dtype: both signs, 0 and the infinities."""
    low, high = row.domain_of(position)
    if (low, high) == CONDITION and (row.result == "bool" or row.name == "where"):
        return [True, False]
    if row.name in ORDERED and position == 0:
        return list(ORDERS)
    with np.errstate(all="ignore"):
        values = {float(dtype(sign * m)) for m in (*magnitudes, 0.0, INF) for sign in (1, -1)}
    return sorted(v for v in values if low <= v <= high)


def scattered(count: int) -> tuple[float, ...]:
    """Values without a pattern, where approximations change over and functions have zeros."""
    rng = np.random.default_rng(20240601)
    intervals = ((0, 1), (0.9, 1.1), (1.4, 1.55), (1.8, 2.2), (1, 12), (12, 100))
    return tuple(float(v) for low, high in intervals for v in rng.uniform(low, high, count))


def points(row: Function, dtype: Any = np.float64) -> list[Point]:
    """Arguments over the whole domain: a fine grid for one argument, a coarser one in each of several."""
    if arity(row) == 1:
        near_one = tuple(1 - m for m in MAGNITUDES if m < 1)
        return [(x,) for x in axis(row, 0, (*MAGNITUDES, *near_one, *scattered(40)), dtype)]
    grid = list(itertools.product(*(axis(row, i, FEW, dtype) for i in range(arity(row)))))
    return grid if arity(row) == 2 else grid[::7]


def ordinary(row: Function, magnitudes: Iterable[float]) -> Iterator[Point]:
    """Arguments inside the domain, away from its ends, from kinks, ties and poles."""
    for point in itertools.product(*(axis(row, i, magnitudes) for i in range(arity(row)))):
        inside = all(
            isinstance(x, bool) or (not math.isinf(x) and x not in row.domain_of(i) and x != 0)
            for i, x in enumerate(point)
        )
        if inside and len({abs(x) for x in point}) == len(point) and not math.isnan(row.oracle(*point)):
            yield point


# ---------------------------------------------------------------- emitted text


@functools.cache
def compiled(name: str, backend: Literal["numpy", "torch"], count: int = 0) -> Callable[..., Any]:
    """The template of a row with the text of its helpers, as a function: what emitted code computes."""
    row = TABLE[name]
    names = [f"x{i}" for i in range(count or arity(row))]
    helpers = helper_source(row.numpy_helpers if backend == "numpy" else row.torch_helpers, backend)
    header = ["from __future__ import annotations", "import numpy as np" if backend == "numpy" else "import torch"]
    text = "\n\n".join([*header, *helpers, f"def f({', '.join(names)}):\n    return {row.text(backend, names)}\n"])
    namespace: dict[str, Any] = {}
    exec(compile(text, f"<{name} for {backend}>", "exec"), namespace)
    function: Callable[..., Any] = namespace["f"]
    return function


def evaluate(row: Function, backend: Literal["numpy", "torch"], where: list[Point], dtype: Any) -> np.ndarray:
    """The values that emitted code computes at the points, in the dtype; a whole-number order is passed as such."""
    with np.errstate(all="ignore"):
        return _evaluate(row, backend, where, dtype)


def _evaluate(row: Function, backend: Literal["numpy", "torch"], where: list[Point], dtype: Any) -> np.ndarray:
    function = compiled(row.name, backend)
    if row.name in ORDERED:
        parts = [(k, [i for i, p in enumerate(where) if p[0] == k]) for k in sorted({p[0] for p in where})]
        result = np.empty(len(where), dtype)
        for k, positions in parts:
            column = _array([where[i][1] for i in positions], backend, dtype)
            result[positions] = _checked(function(k, column), row, dtype)
        return result
    columns = [_array(list(column), backend, dtype) for column in zip(*where, strict=True)]
    return _checked(function(*columns), row, dtype)


def _array(column: list[Any], backend: str, dtype: Any) -> Any:
    array = np.array(column) if isinstance(column[0], bool) else np.array(column, dtype)
    return torch.from_numpy(array) if backend == "torch" else array


def _checked(result: Any, row: Function, dtype: Any) -> np.ndarray:
    array = np.asarray(result)
    assert array.dtype == (np.bool_ if row.result == "bool" else dtype), f"{row.name} changes the dtype"
    return array


# ---------------------------------------------------------------- errors


def error_in_ulps(got: float, exact: Any, dtype: Any) -> float:
    """|got - exact| in units of the spacing of floats at the exact value; infinity counts as the first power of two
    beyond the range, and NaN must meet NaN."""
    if mpmath.isnan(exact) or math.isnan(got):
        return 0.0 if mpmath.isnan(exact) and math.isnan(got) else INF
    info = np.finfo(dtype)
    beyond = mpmath.ldexp(1, int(info.maxexp))
    if mpmath.isinf(exact) and not math.isinf(got):
        return INF
    low, high = -beyond, beyond
    error = abs(min(max(mpmath.mpf(got), low), high) - min(max(exact, low), high))
    exponent = max(int(mpmath.mag(exact)) if exact and not mpmath.isinf(exact) else info.minexp, info.minexp + 1)
    return float(error / mpmath.ldexp(1, min(exponent, int(info.maxexp)) - 1 - info.nmant))


def condition_number(row: Function, point: Point) -> float:
    """1 + the sum over arguments of |x f_x / f|: how many ulps one ulp of the arguments is worth."""
    value = row.oracle(*point)
    if value == 0 or not mpmath.isfinite(value) or not all(math.isfinite(x) for x in point):
        return 1.0
    total = mpmath.mpf(1)
    for i, x in enumerate(point):
        if row.name in ORDERED and i == 0:
            continue
        slope = numeric_derivative(row.oracle, point, i)
        total += abs(x * slope / value)
    return float(total)


def numeric_derivative(function: Callable[..., Any], point: Point, position: int, bits: int = 120) -> Any:
    """By mpmath's central differences, right to far more digits than a float has."""
    x = mpmath.mpf(point[position])
    step = (abs(x) or mpmath.mpf(1)) * mpmath.ldexp(1, -bits)
    # in a saturated tail the two values agree to hundreds of bits
    for precision in (600, 3000):
        with mpmath.workprec(precision):
            above, below = (function(*point[:position], t, *point[position + 1 :]) for t in (x + step, x - step))
            if abs(above - below) > mpmath.ldexp(abs(above), -precision // 2):
                break
    return (above - below) / (2 * step)


def sensitivity(function: Callable[..., Any], point: Point, positions: Iterable[int]) -> Any:
    """The sum over arguments of |x times the derivative by x|: what a relative error of 1 in each would change.

    A jump counts as 0: the side on which a float lies is exact, and must be got right.
    """
    total = mpmath.mpf(0)
    for i in positions:
        slope, wider = (numeric_derivative(function, point, i, bits) if point[i] else 0 for bits in (120, 100))
        if abs(slope - wider) <= abs(slope) / 2:
            total += abs(point[i] * slope)
    return total
