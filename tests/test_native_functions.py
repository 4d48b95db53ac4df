"""The scalar functions in C: every function of the table, against its oracle; the vectorised ones over all floats."""

from __future__ import annotations

import ctypes
import itertools
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

from lossdsl.backends.native import runtime
from lossdsl.backends.native.functions import closure, definitions, prelude
from lossdsl.backends.native.source import HEADER
from lossdsl.functions.table import TABLE
from tests.native_build import COMPILER, needs_compiler

WRITTEN_AS_OPERATORS = {
    "add", "sub", "mul", "div", "neg", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "where", "stop_gradient",
}  # fmt: skip
CALLED = [name for name in TABLE if name not in WRITTEN_AS_OPERATORS]

VECTORISED = {
    "exp": 1.0, "log": 1.0, "log1p": 1.0, "expm1": 1.5, "tanh": 1.5, "sigmoid": 2.5, "log_sigmoid": 2.0, "softplus": 2.0,
    "logcosh": 2.0, "erf": 1.0, "normal_cdf": 1.0,
}  # fmt: skip
"""Bounds in ulps over the whole range in single precision, as docs/native.md states them."""


def test_every_function_has_a_text() -> None:
    missing = [f"{name}{suffix}" for name in CALLED for suffix in ("_f", "_d") if name + suffix not in definitions()]
    assert not missing


def test_a_prelude_has_what_is_called_and_what_that_calls() -> None:
    text = prelude(["softplus_r", "on_axis"])
    assert "log1p_unit_f" in text
    assert "define softplus_r softplus_f" in text
    assert "erf_d" not in text


def library(folder: Path, names: list[str], flags: tuple[str, ...]) -> ctypes.CDLL:
    """Loops over each function, in both precisions."""
    parts = [HEADER, *(definitions()[n] for n in closure(f"{n}{s}" for n in names for s in ("_f", "_d")))]
    for name, (suffix, type_) in itertools.product(names, (("f", "float"), ("d", "double"))):
        arity = TABLE[name].arity or 2
        given = ", ".join(f"const {type_} *a{k}" for k in range(arity))
        passed = ", ".join(f"a{k}[i]" for k in range(arity))
        parts.append(
            f"void each_{name}_{suffix}({given}, {type_} *restrict out, int64_t size)\n{{\n#pragma omp simd\n"
            f"    for (int64_t i = 0; i < size; i++)\n        out[i] = {name}_{suffix}({passed});\n}}"
        )
    path = folder / f"functions{len(names)}.so"
    assert COMPILER is not None
    command = [COMPILER, *flags, "-x", "c", "-", "-o", str(path), "-lm"]
    subprocess.run(command, input="\n\n".join(parts), text=True, check=True, capture_output=True)
    return ctypes.CDLL(str(path))


def evaluate(found: ctypes.CDLL, name: str, *args: np.ndarray) -> np.ndarray:
    args = tuple(np.ascontiguousarray(a) for a in np.broadcast_arrays(*args))
    out = np.empty_like(args[0])
    function = getattr(found, f"each_{name}_{'f' if out.dtype == np.float32 else 'd'}")
    function(*(ctypes.c_void_p(a.ctypes.data) for a in (*args, out)), ctypes.c_int64(out.size))
    return out


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return library(tmp_path_factory.mktemp("fast"), list(VECTORISED), runtime._FLAGS)


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    flags = tuple("-O1" if flag == "-O3" else flag for flag in runtime._FLAGS)
    return library(tmp_path_factory.mktemp("every"), CALLED, flags)


def reference(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """The function in double precision, by means that share nothing with the C text."""
    special = pytest.importorskip("scipy.special")
    known: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "exp": np.exp, "log": np.log, "log1p": np.log1p, "expm1": np.expm1, "tanh": np.tanh, "sigmoid": special.expit,
        "log_sigmoid": lambda x: -np.logaddexp(0, -x), "softplus": lambda x: np.logaddexp(0, x), "erf": special.erf,
        "logcosh": lambda x: np.where(np.abs(x) < 1, np.log1p(2*np.sinh(np.clip(x, -1, 1)/2)**2),
                                      np.abs(x) + np.log1p(np.exp(-2*np.abs(x))) - np.log(2)),
        "normal_cdf": special.ndtr,
    }  # fmt: skip
    return known[name]


@needs_compiler
@pytest.mark.parametrize("name", VECTORISED)
def test_single_precision_over_all_floats(fast: ctypes.CDLL, name: str) -> None:
    """Every 4099th of all floats: zeros, subnormal numbers, infinities and NaNs among them."""
    bits = np.arange(0, 2**32, 4099, dtype=np.uint64).astype(np.uint32)
    edges = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 88.72284, -103.9], np.float32)
    x = np.concatenate([bits.view(np.float32), edges, np.linspace(-20, 20, 200_001, dtype=np.float32)])
    found = evaluate(fast, name, x)
    with np.errstate(all="ignore"):
        exact = reference(name)(x.astype(np.float64))
        rounded = exact.astype(np.float32)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(rounded))
    np.testing.assert_array_equal(np.isinf(found), np.isinf(rounded))
    fine = np.isfinite(rounded)
    error = np.abs(found[fine] - exact[fine]) / np.spacing(np.abs(rounded[fine])).astype(np.float64)
    assert error.max() <= VECTORISED[name], x[fine][error.argmax()]


def points(name: str) -> list[tuple[float, ...]]:
    row = TABLE[name]
    if name in ("polygamma", "exp_moment", "power_deficit"):
        return [(k, x) for k in (1.0, 2.0, 3.0) for x in (-7.3, -0.6, 0.25, 0.75, 3.0, 40.0)]
    values = [-1e30, -30.5, -3.0, -0.75, -1e-3, 0.0, 1e-10, 0.3, 0.5, 1.0, 2.5, 17.0, 3e5, 1e30]
    axes = []
    for position in range(row.arity or 2):
        low, high = row.domain_of(position)
        axes.append([v for v in (values if row.arity == 1 else values[1::2]) if low <= v <= high])
    return list(itertools.product(*axes))


@needs_compiler
@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_every_function_against_its_oracle(every: ctypes.CDLL, precision: Any) -> None:
    """Within the bound that the row of the table states for the other back ends; NaN and infinities where it has them."""
    wrong = []
    for name in CALLED:
        row, given = TABLE[name], points(name)
        args = [np.array(column, precision) for column in zip(*given, strict=True)]
        found = evaluate(every, name, *args)
        for k, value in enumerate(found):
            at = [mpmath.mpf(float(a[k])) for a in args]
            with mpmath.workdps(60):
                exact = row.oracle(*at)
                with np.errstate(over="ignore"):
                    rounded = precision(float(exact))
                if not np.isfinite(rounded):
                    same = np.isnan(value) if np.isnan(rounded) else value == rounded or mpmath.isfinite(exact)
                    if not same:
                        wrong.append((name, at, value, rounded))
                    continue
                ulp = float(np.spacing(np.abs(rounded)))
                condition = _condition(row.oracle, at, exact) if row.conditioned else 1.0
                if not float(abs(mpmath.mpf(float(value)) - exact)) <= row.ulps * condition * ulp:
                    wrong.append((name, [float(a) for a in at], value, rounded))
    assert not wrong


def _condition(oracle: Callable[..., Any], at: list[Any], exact: Any) -> float:
    """The largest relative change of the value by a relative change of an argument, and at least 1."""
    largest = mpmath.mpf(1)
    for k, x in enumerate(at):
        step = abs(x) * mpmath.mpf("1e-20")
        if exact and step:
            moved = oracle(*at[:k], x + step, *at[k + 1 :])
            if mpmath.isfinite(moved):
                largest = max(largest, abs((moved - exact) / step * x / exact))
    return float(largest)


@needs_compiler
def test_powers_at_the_edges(every: ctypes.CDLL) -> None:
    values = [0.0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, 1e30, -1e30, 1e-30, np.inf, -np.inf, np.nan, 2.5, -1.5]
    x, p = (np.array(v) for v in zip(*itertools.product(values, values), strict=True))
    with np.errstate(all="ignore"):
        exact = np.power(x, p).astype(np.float32)
    found = evaluate(every, "pow", x.astype(np.float32), p.astype(np.float32))
    np.testing.assert_array_equal(found, exact)
    np.testing.assert_array_equal(np.signbit(found)[exact == exact], np.signbit(exact)[exact == exact])
