"""Every row of the table is complete, and says true things about its function."""

from __future__ import annotations

import ast
import itertools
import math
import subprocess
import sys

import mpmath
import numpy as np
import pytest
from functions_cases import DTYPES, MAGNITUDES, ORDERED, arity, compiled, evaluate, numeric_derivative, scattered

from lossdsl.functions.row import CONDITION, Function
from lossdsl.functions.sources import helper_names, helper_source
from lossdsl.functions.table import FAMILIES, SURFACE, TABLE
from lossdsl.functions.vocabulary import Exact, OracleVocabulary, plain

LANGUAGE = [
    "abs", "sqrt", "exp", "log", "log1p", "expm1", "log2", "log10", "logit", "mod", "sin", "cos", "tan", "asin", "acos",
    "atan", "atan2", "sinh", "cosh", "tanh", "sigmoid", "log_sigmoid", "softplus", "relu", "erf", "erfc", "lgamma",
    "digamma", "normal_cdf", "normal_logcdf", "logaddexp", "xlogy", "logcosh", "max", "min", "clip", "floor", "round",
    "sign", "stop_gradient",
]  # fmt: skip
"""Section 5 of the language page."""
OPERATORS = ["add", "sub", "mul", "div", "neg", "pow", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"]

every_row = pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.name)
unary = [row for row in TABLE.values() if row.arity == 1 and row.result != "bool"]
every_unary_row = pytest.mark.parametrize("row", unary, ids=lambda row: row.name)
SAMPLE = sorted({s * m for m in (0.0, *MAGNITUDES[4:61:2], *scattered(8)) for s in (1, -1)})


def test_the_table_has_the_functions_of_the_language_and_no_name_twice() -> None:
    assert frozenset(LANGUAGE) == SURFACE
    assert set(OPERATORS) < set(TABLE)
    assert sum(len(family.ROWS) for family in FAMILIES) == len(TABLE)
    assert all(name == row.name for name, row in TABLE.items())


def test_importing_the_table_imports_no_library() -> None:
    code = "import sys, lossdsl.functions.table, lossdsl.functions.sources; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"sympy", "mpmath", "torch", "numpy"} & set(shown.split())


@every_row
def test_row_is_complete(row: Function) -> None:
    assert row.source, "says where the value is defined"
    assert len(row.domain) == (row.arity or 1)
    assert all(low <= high for low, high in (*row.domain, row.range))
    assert set(row.numpy_helpers) <= helper_names("numpy")
    assert set(row.torch_helpers) <= helper_names("torch")
    for template, helpers in ((row.numpy, row.numpy_helpers), (row.torch, row.torch_helpers)):
        called = {word.strip("-") for word in template.split("(")[:-1] if word.strip("-").startswith("_")}
        assert called == set(helpers), f"{template} carries the helpers that it calls"
    for notation in ("numpy", "torch"):
        assert callable(compiled(row.name, notation))
    assert row.surface or row.name in OPERATORS or row.name == "where" or row.display or row.name in ORDERED
    latex = row.text("latex", ["x", "y", "z"][: arity(row)])
    assert latex.count("{") == latex.count("}"), latex
    assert all(letter in latex for letter in ["x", "y", "z"][: arity(row)])


@every_row
def test_a_row_without_a_stated_derivative_has_one_from_sympy(row: Function) -> None:
    from lossdsl.functions.derived import partials

    assert callable(partials(row.name, arity(row)))


def test_variadic_templates_fold_or_list() -> None:
    assert TABLE["max"].text("numpy", ["a", "b", "c"]) == "_larger(_larger(a, b), c)"
    assert TABLE["max"].text("torch", ["a", "b", "c"]) == "_maximum(a, b, c)"


@every_row
def test_outside_the_domain_the_value_is_nan(row: Function) -> None:
    for position in range(row.arity or 0):
        low, high = row.domain_of(position)
        if row.name in ORDERED or (row.result == "bool" and row.domain_of(0) == CONDITION) or row.name == "where":
            continue
        inside = [0.25 if row.domain_of(i)[1] > 0 else -0.25 for i in range(arity(row))]
        for x in (low - 1, low - 1e-3, high + 1e-3, high + 1):
            if math.isinf(x):
                continue
            point = tuple(x if i == position else v for i, v in enumerate(inside))
            assert mpmath.isnan(row.oracle(*point))
            for dtype, backend in itertools.product(DTYPES, ("numpy", "torch")):
                assert np.isnan(evaluate(row, backend, [point], dtype)).all(), (backend, point)


@every_row
def test_the_value_lies_in_the_range(row: Function) -> None:
    low, high = row.range
    for i in range(0, len(SAMPLE), 3):
        point = tuple(SAMPLE[(i + 7 * k) % len(SAMPLE)] for k in range(arity(row)))
        if row.name in ORDERED:
            point = (1 + i % 4, point[1])
        value = row.oracle(*point)
        # the float nearest to the end of a range (pi/2) may lie inside it
        assert mpmath.isnan(value) or low <= float(value) <= high, point


def _samples(row: Function) -> list[float]:
    low, high = row.domain_of(0)
    return [x for x in SAMPLE if low < x < high and not mpmath.isnan(row.oracle(x))]


@every_unary_row
def test_monotone(row: Function) -> None:
    with mpmath.workdps(60):
        values = [row.oracle(x) for x in _samples(row)]
    steps = {mpmath.sign(b - a) for a, b in itertools.pairwise(values) if mpmath.isfinite(a) and mpmath.isfinite(b)}
    assert {s for s in steps if s} == ({row.monotone} if row.monotone else {-1, 1})


@every_unary_row
def test_curvature(row: Function) -> None:
    """Chords between samples lie on the side that the row says; where it says none, on both."""
    signs = set()
    samples = [mpmath.mpf(x) for x in _samples(row)]
    with mpmath.workdps(60):
        for x, y in [pair for stride in (1, 2, 5, 20) for pair in zip(samples, samples[stride:], strict=False)]:
            chord = (row.oracle(x) + row.oracle(y)) / 2 - row.oracle((x + y) / 2)
            if mpmath.isfinite(chord) and abs(chord) > mpmath.mpf(10) ** -50 * abs(row.oracle(y)):
                signs.add(int(mpmath.sign(chord)))
    expected = {"convex": {1}, "concave": {-1}, "affine": set(), "none": {1, -1}}[row.curvature]
    assert signs == expected


@every_unary_row
def test_kinks_are_kinks(row: Function) -> None:
    for kink in row.kinks:
        left, right = (numeric_derivative(row.oracle, (kink + s * 1e-3,), 0) for s in (-1, 1))
        jump = abs(row.oracle(kink + 1e-30) - row.oracle(kink - 1e-30))
        assert left != right or jump > 0.5


@every_row
def test_display_is_the_same_function(row: Function) -> None:
    if row.display is None:
        return
    for point in [(-1.5, -0.75), (-0.5, -0.25), (-3.0, -0.5)]:
        args = tuple(mpmath.mpf(x) for x in point[: row.arity])
        shown, value = plain(row.display(OracleVocabulary(), *map(Exact, args))), row.oracle(*args)
        assert (mpmath.isnan(shown) and mpmath.isnan(value)) or mpmath.almosteq(shown, value, 1e-13)


# ---------------------------------------------------------------- sources of the prelude


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_helpers_come_after_what_they_call(backend: str) -> None:
    for name in sorted(helper_names(backend)):
        texts = helper_source([name], backend)
        namespace: dict[str, object] = {}
        defined = [text.split("(")[0].removeprefix("def ") for text in texts]
        assert defined[-1] == name
        assert len(set(defined)) == len(defined)
        for position, text in enumerate(texts):
            loaded = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
            used = (loaded & helper_names(backend)) - {defined[position]}
            assert used <= set(defined[:position])
            exec(compile(f"from __future__ import annotations\n{text}", name, "exec"), namespace)


def test_helper_source_is_deterministic_and_without_repetition() -> None:
    texts = helper_source(["_normal_hazard", "_erfc", "_normal_cdf", "_erfc"], "numpy")
    assert texts == helper_source(["_normal_cdf", "_erfc", "_normal_hazard"], "numpy")
    assert len(set(texts)) == len(texts)


def test_every_helper_is_needed() -> None:
    """A helper that no row calls, directly or through others, would be dead text."""
    for backend in ("numpy", "torch"):
        roots = {h for row in TABLE.values() for h in (row.numpy_helpers if backend == "numpy" else row.torch_helpers)}
        reached = {text.split("(")[0].removeprefix("def ") for text in helper_source(roots, backend)}
        assert reached == helper_names(backend)
