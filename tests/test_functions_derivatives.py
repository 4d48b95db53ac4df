"""Derivatives: what the rows state is what SymPy derives, in exact arithmetic; in floats it is finite and accurate.

The judges are SymPy's derivative of the row's definition and central differences of the oracle, at 50 digits; in
floating point, the same text evaluated by the oracles.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from functions_cases import (
    DTYPES,
    ORDERED,
    Point,
    active,
    arity,
    evaluate,
    numeric_derivative,
    ordinary,
    points,
    sensitivity,
)
from functions_numbers import Dual, Floats, NumpyVocabulary, second_derivative, unwrapped

from lossdsl.functions.derived import NotInTable, convert, derive, partials
from lossdsl.functions.row import Function
from lossdsl.functions.table import TABLE
from lossdsl.functions.vocabulary import Exact, OracleVocabulary, SympyVocabulary, plain

DIGITS = 50
real_rows = [row for row in TABLE.values() if row.result != "bool" and row.name != "where"]
every_real_row = pytest.mark.parametrize("row", real_rows, ids=lambda row: row.name)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)

GENERIC = (
    1e-12, 1e-5, 1e-3, 0.21875, 0.328125, 0.59375, 0.8125, 0.96875, 1.28125, 2.75, 3.375, 11.25, 17.625, 40.390625,
)  # fmt: skip
"""Exact in binary or nearly so, off every kink and tie; taken with both signs."""
STEPS = ("floor", "round", "sign", "mod", "fraction")
"""SymPy leaves the derivative of floor as it stands; `derived` knows it to be 0."""
CONVENTIONS = ("stop_gradient",)
"""Rows whose derivative is not that of their value."""


def generic(row: Function) -> list[Point]:
    values = GENERIC if arity(row) < 3 else GENERIC[::3]
    return list(ordinary(row, values))[:: 1 if arity(row) < 3 else 5]


def stated(row: Function, point: Point) -> tuple[Any, ...]:
    return tuple(plain(p) for p in partials(row.name, len(point))(OracleVocabulary(), *exact_numbers(row, point)))


def exact_numbers(row: Function, point: Point) -> tuple[Any, ...]:
    return tuple(x if row.name in ORDERED and i == 0 else Exact(mpmath.mpf(x)) for i, x in enumerate(point))


def oracle_second(row: Function, point: Point, first: int, second: int) -> Any:
    return plain(second_derivative(row, OracleVocabulary(), exact_numbers(row, point), first, second))


def agree(got: Any, expected: Any, digits: float) -> bool:
    """Equal to that many digits of the larger one, or both too small for any float."""
    got, expected = mpmath.mpmathify(got), mpmath.mpmathify(expected)
    scale = max(abs(got), abs(expected))
    return bool(abs(got - expected) <= mpmath.mpf(10) ** -digits * scale or scale < mpmath.mpf(10) ** -5000)


# ---------------------------------------------------------------- in exact arithmetic


def sympy_derivative(row: Function, point: Point, position: int) -> Any:
    """SymPy's derivative of the definition, by its own evaluation at exact fractions."""
    exact = [sympy.Rational(Fraction(x).numerator, Fraction(x).denominator) for x in point]
    symbols = list(sympy.symbols(f"x:{len(point)}", real=True))
    if row.name in ORDERED:
        symbols[0] = exact[0]
    derivative = sympy.diff(row.sympy(*symbols), symbols[position])
    values = {symbol: value for symbol, value in zip(symbols, exact, strict=True) if symbol != value}
    return mpmath.mpmathify(derivative.xreplace(values).evalf(DIGITS + 10, maxn=2000))


@every_real_row
def test_stated_derivative_is_sympys(row: Function) -> None:
    if row.name in (*STEPS, *CONVENTIONS):
        return
    compared = 0
    with mpmath.workdps(DIGITS + 10):
        for point, position in itertools.product(generic(row)[:: 1 if arity(row) == 1 else 13], active(row)):
            judge = sympy_derivative(row, point, position)
            assert agree(stated(row, point)[position], judge, DIGITS), (point, position)
            compared += 1
    assert compared >= 5


@every_real_row
def test_stated_derivative_is_the_slope_of_the_oracle(row: Function) -> None:
    if row.name in CONVENTIONS:
        return
    compared = 0
    with mpmath.workdps(DIGITS):
        for point, position in itertools.product(generic(row)[:: 1 if arity(row) == 1 else 5], active(row)):
            slope = numeric_derivative(row.oracle, point, position)
            assert agree(stated(row, point)[position], slope, 30), (point, position)
            compared += 1
    assert compared >= 5


@every_real_row
def test_derivatives_of_derivatives(row: Function) -> None:
    """Differentiating the text once more gives the second derivative: the table is closed."""
    if row.name in CONVENTIONS:
        return
    with mpmath.workdps(DIGITS):
        for point in generic(row)[:: 2 if arity(row) == 1 else 29]:
            for first, second in itertools.product(active(row), repeat=2):
                expected = numeric_derivative(lambda *p, i=first: stated(row, p)[i], point, second)
                assert agree(oracle_second(row, point, first, second), expected, 28), (point, first, second)


@every_real_row
def test_derived_text_is_the_stated_one(row: Function) -> None:
    """What SymPy derives, converted to the vocabulary of the table, has the same values."""
    if row.name in ORDERED or row.name in CONVENTIONS:
        return
    derived = derive(row.name, arity(row))
    # SymPy's form may cancel (1 - tanh(17)^2 begins with 14 nines, 2 - erfc(17) is 2 to 130 digits)
    with mpmath.workdps(4 * DIGITS):
        for point in [p for p in generic(row) if max(map(abs, p)) < 20][:: 1 if arity(row) == 1 else 17]:
            theirs = derived(OracleVocabulary(), *exact_numbers(row, point))
            for ours, other in zip(stated(row, point), theirs, strict=True):
                assert agree(ours, plain(other), DIGITS), point


def test_derivation_refuses_what_the_table_lacks() -> None:
    x = sympy.Symbol("x", real=True)
    with pytest.raises(NotInTable, match="besselj"):
        convert(sympy.besselj(0, x), OracleVocabulary(), {x: mpmath.mpf(1)})
    with pytest.raises(NotInTable, match="not defined everywhere"):
        convert(sympy.Piecewise((x, x > 0)), OracleVocabulary(), {x: mpmath.mpf(1)})
    with pytest.raises(ValueError, match="takes 1 arguments, not 2"):
        partials("exp", 2)
    with pytest.raises(AttributeError, match="no function of the table"):
        SympyVocabulary().besselj(x)


# ---------------------------------------------------------------- in floating point

OPERATIONS = 24
"""Roundings that a derivative's text may take, functions counted with their bounds: no row's text has more."""


ABSOLUTE = {"normal_residual": 1}
"""Scale of a derivative that is right absolutely only.  That of the residual enters third derivatives of normal_logcdf
and nothing else."""


def float_partials(row: Function, where: list[Point], dtype: Any) -> list[np.ndarray]:
    """The stated partial derivatives at many points, by the text that is emitted for NumPy."""
    columns: list[Any] = [Floats(np.array([p[i] for p in where], dtype)) for i in range(arity(row))]
    if row.name in ORDERED:
        columns[0] = where[0][0]
    results = partials(row.name, arity(row))(NumpyVocabulary(dtype), *columns)
    return [np.broadcast_to(np.asarray(unwrapped(r), dtype), (len(where),)) for r in results]


def groups(row: Function, where: list[Point]) -> list[list[Point]]:
    if row.name not in ORDERED:
        return [where]
    return [[p for p in where if p[0] == k] for k in sorted({p[0] for p in where})]


@every_real_row
@every_dtype
def test_derivative_in_floats_is_finite_and_accurate(row: Function, dtype: Any) -> None:
    """At every finite argument of the grid, extremes and kinks included: within ulps times the condition number."""
    info = np.finfo(dtype)
    for where in groups(row, [p for p in points(row, dtype) if is_normal(p, dtype)]):
        where = [p for p in (where if arity(row) == 1 else where[::3]) if not mpmath.isnan(row.oracle(*p))]
        results = float_partials(row, where, dtype)
        for i, position in itertools.product(range(len(where)), active(row)):
            exact = mpmath.mpmathify(stated(row, where[i])[position])
            if not mpmath.isfinite(exact) or abs(exact) > float(info.max) / 4:
                continue
            got = float(results[position][i])
            assert math.isfinite(got), (where[i], position, exact)
            if abs(got - exact) <= info.tiny or abs(got - exact) <= OPERATIONS * info.eps * abs(exact):
                continue
            spread = sensitivity(lambda *p, k=position: stated(row, p)[k], where[i], active(row))
            bound = OPERATIONS * info.eps * (abs(exact) + spread + ABSOLUTE.get(row.name, 0))
            assert abs(got - exact) <= bound, (where[i], position, got, exact)


def is_normal(point: Point, dtype: Any) -> bool:
    """Finite, and no argument subnormal: its reciprocal would overflow on the way to a product that does not."""
    return all(math.isfinite(x) and (x == 0 or abs(x) >= np.finfo(dtype).tiny) for x in point)


@every_real_row
@every_dtype
def test_finite_derivative_field(row: Function, dtype: Any) -> None:
    if not row.finite_derivative:
        return
    where = [p for p in points(row, dtype) if all(math.isfinite(x) for x in p)]
    for result in float_partials(row, where, dtype):
        assert np.isfinite(result).all()


@every_real_row
@every_dtype
def test_second_derivative_in_floats_is_finite(row: Function, dtype: Any) -> None:
    info = np.finfo(dtype)
    magnitudes = (1e-30, 1e-8, 0.25, 0.5, 1.0, 1.5, 3.7, 17.0, 40.0, 90.0, 710.0, 1e4, 1e16)
    chosen = magnitudes if arity(row) == 1 else magnitudes[1::2]
    candidates = list(ordinary(row, [float(dtype(m)) for m in chosen]))
    for point in candidates[:: 1 if arity(row) < 3 else 11]:
        for first, second in itertools.product(active(row), repeat=2):
            exact = oracle_second(row, point, first, second)
            if not mpmath.isfinite(exact) or abs(exact) > mpmath.mpf(float(info.max)) ** 0.25:
                continue
            floats = tuple(x if row.name in ORDERED and i == 0 else Floats(dtype(x)) for i, x in enumerate(point))
            got = unwrapped(second_derivative(row, NumpyVocabulary(dtype), floats, first, second))
            assert np.isfinite(got), (point, first, second, exact)


# ---------------------------------------------------------------- conventions


def partial(name: str, *point: float) -> tuple[Any, ...]:
    row = TABLE[name]
    by_oracle = tuple(float(p) for p in stated(row, point))
    by_numpy = tuple(float(r[0]) for r in float_partials_of(row, point))
    assert np.array_equal(by_oracle, by_numpy, equal_nan=True)
    return by_oracle


def float_partials_of(row: Function, point: Point) -> list[np.ndarray]:
    columns = [Floats(np.array([x])) for x in point]
    results = partials(row.name, len(point))(NumpyVocabulary(np.float64), *columns)
    return [np.broadcast_to(np.asarray(unwrapped(r), float), (1,)) for r in results]


@pytest.mark.parametrize(
    ("name", "point", "expected"),
    [
        ("abs", (0.0,), (0.0,)),
        ("relu", (0.0,), (0.0,)),
        ("clip", (-1.0, -1.0, 1.0), (1.0, 0.0, 0.0)),
        ("clip", (1.0, -1.0, 1.0), (1.0, 0.0, 0.0)),
        ("clip", (-2.0, -1.0, 1.0), (0.0, 1.0, 0.0)),
        ("clip", (2.0, -1.0, 1.0), (0.0, 0.0, 1.0)),
        ("clip", (0.0, 1.0, -1.0), (0.0, 0.0, 1.0)),
        ("clip", (-2.0, 1.0, 1.0), (0.0, 1.0, 0.0)),
        ("max", (1.0, 1.0), (0.5, 0.5)),
        ("max", (2.0, 1.0), (1.0, 0.0)),
        ("max", (2.0, 2.0, 1.0), (0.5, 0.5, 0.0)),
        ("max", (1.0, 1.0, 1.0, 0.0), (1 / 3, 1 / 3, 1 / 3, 0.0)),
        ("min", (1.0, 1.0), (0.5, 0.5)),
        ("min", (2.0, 1.0), (0.0, 1.0)),
        ("min", (1.0, 2.0, 1.0), (0.5, 0.0, 0.5)),
        ("sign", (0.0,), (0.0,)),
        ("floor", (2.0,), (0.0,)),
        ("round", (2.5,), (0.0,)),
        ("stop_gradient", (3.0,), (0.0,)),
        ("pow", (0.0, 0.0), (0.0, 0.0)),
        ("pow", (0.0, 1.0), (1.0, 0.0)),
        ("pow", (0.0, 2.0), (0.0, 0.0)),
        ("pow", (3.0, 0.0), (0.0, math.log(3.0))),
        ("xlogy", (0.0, 0.5), (math.log(0.5), 0.0)),
        ("xlogy", (0.0, 0.0), (-math.inf, 0.0)),
        ("xlog1py", (0.0, -1.0), (-math.inf, 0.0)),
        ("atan2", (0.0, 0.0), (0.0, 0.0)),
        ("atan2", (0.0, -1.0), (-1.0, 0.0)),
        ("mod", (-0.25, 1.0), (1.0, 1.0)),
        ("mod", (7.5, -2.0), (1.0, 4.0)),
        ("logaddexp", (-math.inf, -math.inf), (0.5, 0.5)),
        ("logaddexp", (math.inf, math.inf), (0.5, 0.5)),
        ("softmax_weight", (-math.inf, -math.inf), (0.0, 0.0)),
        ("softmax_weight", (0.0, -math.inf), (0.0, 0.0)),
        ("guarded_div", (0.0, 2.0), (0.5, 0.0)),
        ("asin", (1.0,), (math.inf,)),
        ("acos", (-1.0,), (-math.inf,)),
        ("sqrt", (0.0,), (math.inf,)),
    ],
)
def test_convention(name: str, point: Point, expected: tuple[float, ...]) -> None:
    assert partial(name, *point) == pytest.approx(expected, abs=0, rel=1e-15)


def test_guarded_products_stop_infinities() -> None:
    vanishing = [(0.0, math.inf), (0.0, math.nan), (-math.inf, 0.0), (math.nan, 0.0)]
    where = {"guarded_mul": vanishing, "guarded_div": [(0.0, 0.0), (0.0, math.nan)]}
    for name, points_of in where.items():
        for point, backend in itertools.product(points_of, ("numpy", "torch")):
            assert TABLE[name].oracle(*point) == 0
            assert evaluate(TABLE[name], backend, [point], np.float64) == 0


def test_conditions_have_derivative_zero() -> None:
    for row in TABLE.values():
        if row.result == "bool":
            assert row.derivative is not None
            assert set(row.derivative(OracleVocabulary(), *[Exact(1), Exact(2)][: row.arity])) == {0}


# ---------------------------------------------------------------- the tests can fail


def mutants(row: Function) -> list[Callable[..., tuple[Any, ...]]]:
    """The stated derivative with one partial derivative negated, doubled, or with its arguments exchanged."""
    text = row.derivative
    assert text is not None
    found: list[Callable[..., tuple[Any, ...]]] = []
    for position in active(row):
        for factor in (-1, 2):
            found.append(
                lambda o, *args, i=position, f=factor: tuple(
                    f * p if k == i else p for k, p in enumerate(text(o, *args))
                )
            )
    return found


@every_real_row
def test_a_planted_error_is_caught(row: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row with a derivative that is not 0 everywhere: a wrong sign or factor fails the comparison above."""
    if row.name in (*STEPS, *CONVENTIONS):
        return
    for mutant in mutants(row):
        planted = dataclasses.replace(row, derivative=mutant)
        monkeypatch.setitem(TABLE, row.name, planted)
        partials.cache_clear()
        try:
            with pytest.raises(AssertionError):
                test_stated_derivative_is_the_slope_of_the_oracle(planted)
        finally:
            monkeypatch.undo()
            partials.cache_clear()


def test_dual_numbers_know_the_chain_rule() -> None:
    """The tool of the second derivatives, on a function with a known one."""
    x = Dual(Exact(mpmath.mpf(2)), 1, OracleVocabulary())
    assert plain((x * x * x).slope) == 12
    assert mpmath.almosteq(oracle_second(TABLE["exp"], (1.0,), 0, 0), mpmath.e)
