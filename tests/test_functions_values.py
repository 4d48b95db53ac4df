"""Values of every function, by both back ends in both dtypes, against mpmath over the whole domain.

The error is measured in ulps of the exact value at the given floats and must stay under the row's `ulps` (times the
condition number where the row says so).  PyTorch's vector kernels give up, documented here, what IEEE arithmetic has at
the very ends: subnormal numbers count as 0, and within a factor 4 of the largest float a value may be infinite.
"""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from functions_cases import DTYPES, Point, compiled, condition_number, error_in_ulps, evaluate, points

from lossdsl.functions.row import Function
from lossdsl.functions.table import TABLE

every_row = pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.name)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)


def failures(row: Function, backend: Any, where: list[Point], dtype: Any) -> list[str]:
    found = []
    for point, got in zip(where, evaluate(row, backend, where, dtype), strict=True):
        exact = mpmath.mpf(row.oracle(*point))
        if backend == "torch" and at_the_ends(exact, float(got), dtype):
            continue
        error = error_in_ulps(float(got), exact, dtype)
        if error > row.ulps and row.conditioned:
            error /= condition_number(row, point)
        if error > row.ulps:
            found.append(f"{row.name}{point}: {got} for {mpmath.nstr(exact, 17)}, {error:.3g} ulps")
    return found


def at_the_ends(exact: Any, got: float, dtype: Any) -> bool:
    info = np.finfo(dtype)
    flushed = abs(exact) < info.tiny and abs(got) <= info.tiny
    overflowed = abs(exact) > info.max / 4 and math.isinf(got) and got * exact > 0
    return bool(flushed or overflowed)


def has_subnormal(point: Point, dtype: Any) -> bool:
    return any(0 < abs(x) < np.finfo(dtype).tiny for x in point)


@every_row
@every_dtype
def test_numpy_value(row: Function, dtype: Any) -> None:
    assert not failures(row, "numpy", points(row, dtype), dtype)


@every_row
@every_dtype
def test_torch_value(row: Function, dtype: Any) -> None:
    where = [point for point in points(row, dtype) if not has_subnormal(point, dtype)]
    if row.name == "mod":
        where = [(x, y) for x, y in where if y == 0 or math.isinf(x) or abs(x / y) < float(np.finfo(dtype).max)]
    assert not failures(row, "torch", where, dtype)


@every_row
@every_dtype
def test_numpy_takes_scalars(row: Function, dtype: Any) -> None:
    """NumPy scalars give what arrays give, in their dtype."""
    where = points(row, dtype)[:: 37 if row.arity == 1 else 61]
    function = compiled(row.name, "numpy")
    with np.errstate(all="ignore"):
        for point, expected in zip(where, evaluate(row, "numpy", where, dtype), strict=True):
            scalars = [x if isinstance(x, int) else dtype(x) for x in point]
            result = function(*scalars)
            assert np.asarray(result).dtype == expected.dtype
            assert np.array_equal(result, expected, equal_nan=True)


@pytest.mark.parametrize("name", ["sigmoid", "erf", "lgamma", "digamma", "normal_logcdf", "exprel", "xlogy"])
def test_nan_goes_through(name: str) -> None:
    row = TABLE[name]
    point = (math.nan,) * (row.arity or 1)
    for backend in ("numpy", "torch"):
        assert np.isnan(evaluate(row, backend, [point], np.float64)).all()


def test_a_wrong_value_is_noticed() -> None:
    """The measure can fail: one ulp more than the bound is reported."""
    row = TABLE["erf"]
    exact = row.oracle(0.3)
    spacing = float(np.spacing(float(exact)))
    assert error_in_ulps(float(exact) + 6 * spacing, exact, np.float64) > row.ulps
    assert error_in_ulps(math.nan, exact, np.float64) == math.inf
    assert error_in_ulps(0.5, mpmath.nan, np.float64) == math.inf


ADDED = 6
"""Ulps: the recurrence adds terms up to three times as large as their sum."""


@every_dtype
@pytest.mark.parametrize(("name", "zeros"), [("lgamma", (1.0, 2.0)), ("digamma", (1.4616321449683622,))])
def test_numpy_keeps_the_digits_next_to_the_positive_zeros(name: str, zeros: tuple[float, ...], dtype: Any) -> None:
    """Below 0 the condition number excuses what the reflection loses; above it, nothing is lost anywhere."""
    row = TABLE[name]
    near = [zero * (1 + sign * 2.0**-k) for zero in zeros for k in range(2, 53, 3) for sign in (1, -1)]
    where = [(float(dtype(x)),) for x in (*near, *zeros, *np.geomspace(1e-30, 1e30, 400))]
    exact = [row.oracle(*point) for point in where]
    values = evaluate(row, "numpy", where, dtype)
    errors = [error_in_ulps(float(got), e, dtype) for got, e in zip(values, exact, strict=True)]
    assert max(errors) <= ADDED, where[int(np.argmax(errors))]
