"""Constants of signatures: what may stand in a default, a bound or a set, and what it is worth."""

from __future__ import annotations

import inspect
import math
from fractions import Fraction

import mpmath
import pytest
from effort import SECOND, calls
from hypothesis import given, settings
from hypothesis import strategies as st
from resolved import checked

import lossdsl
from lossdsl.diagnostics import LossError
from lossdsl.functions.table import SURFACE, TABLE
from lossdsl.meaning import core


def default(text: str) -> Fraction | str | None:
    program = checked(f"loss f(x[n]; a = {text}):\n    return mean[n](a*x)")
    return program.args[-1].default


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("log(2)", math.log(2)),
        ("sqrt(2*pi)", math.sqrt(2 * math.pi)),
        ("√2", math.sqrt(2)),
        ("2^0.5", math.sqrt(2)),
        ("-exp(1)/3", -math.e / 3),
        ("max(1, log(2), -3)", 1.0),
        ("clip(7, 0, |-2|)", 2.0),
        ("exp(800)/exp(790)", math.exp(10)),
        ("atan2(1, 1)", math.pi / 4),
        ("0.5^0.5^0.5", 0.5 ** (0.5**0.5)),
        ("+erf(0.5)", math.erf(0.5)),
    ],
)
def test_functions_of_constants(text: str, value: float) -> None:
    found = default(text)
    assert isinstance(found, Fraction)
    assert float(found) == pytest.approx(value, rel=4e-16)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1/3", Fraction(1, 3)), ("sqrt(1/4)", Fraction(1, 2)), ("√16", Fraction(4)), ("floor(pi)", Fraction(3)),
     ("log(1)", Fraction(0)), ("mod(-1, 3)", Fraction(2)), ("2^-1", Fraction(1, 2))],
)  # fmt: skip
def test_what_is_rational_stays_exact(text: str, value: Fraction) -> None:
    assert default(text) == value


def test_functions_have_more_digits_than_any_floating_point_number() -> None:
    found = default("log(2)")
    assert isinstance(found, Fraction)
    with mpmath.workdps(70):
        assert abs(mpmath.mpf(found.numerator) / found.denominator - mpmath.log(2)) < mpmath.mpf(10) ** -58


def test_bounds_and_sets() -> None:
    program = checked("loss f(x[n] in [0, sqrt(4)] | y[n] in {-1, exp(0)}; a > log(2) = 1):\n    return mean[n](a*x*y)")
    x, y, a = program.args
    assert x.domain[0].high == 2
    assert y.whole and y.domain[0].values == (-1, 1)
    assert isinstance(a.domain[0].low, Fraction) and float(a.domain[0].low) == math.log(2)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_code_has_a_number_in_the_signature_and_the_formula_in_the_docstring(backend: str) -> None:
    text = "loss f(x[n] ≥ -√2 | w[n] = 1/3; a in (0, sqrt(2*pi)] = log( 2 ), b=0.5):\n    return mean[n](a*b*w*x)\n"
    function = lossdsl.loss(text).compile(backend).f
    assert inspect.signature(function).parameters["a"].default == math.log(2)
    lines = inspect.getdoc(function).splitlines()  # type: ignore[union-attr]
    assert "a: hyperparameter, a number, in (0, sqrt(2*pi)], default log(2)" in lines
    assert "b: hyperparameter, a number, default 0.5" in lines
    assert "w: data, shape (n,), default 1/3" in lines
    assert "x: prediction, shape (n,), >= -√2" in lines


def test_a_domain_over_several_lines_is_one_line_in_messages() -> None:
    text = "loss f(x[n] | y[n] in {0, # no\n   1} or {\n  7}):\n    return mean[n](x*y)\n"
    assert checked(text).args[1].domain_text == "in {0, 1} or {7}"


def test_the_default_of_a_called_loss() -> None:
    text = "loss g(x[n]; a = log(2)):\n    return mean[n](a*x)\nloss f(x[n]):\n    return g(x) + mean[n](x)\n"
    value = lossdsl.loss(text).numpy()([1.0, 3.0])
    assert float(value) == pytest.approx(2 * math.log(2) + 2, rel=1e-15)


OPERANDS = st.sampled_from(
    [
        "0",
        "1",
        "-1",
        "0.5",
        "-0.5",
        "2",
        "1e-300",
        "-1e300",
        "1e300",
        "10^1000",
        "pi",
        "3/7",
        "-8",
        "700",
        "-1e5",
        "1e16",
    ]
)


@given(st.sampled_from(sorted(SURFACE - {"stop_gradient"})), st.lists(OPERANDS, min_size=3, max_size=3))
@settings(max_examples=300, deadline=None)
def test_every_function_gives_a_float_or_a_located_error(function: str, operands: list[str]) -> None:
    arity = TABLE[function].arity or 3

    def found() -> None:
        try:
            value = default(f"{function}({', '.join(operands[:arity])})")
        except LossError as error:
            assert {problem.code for problem in error.problems} <= {"E0406", "E0409"}
        else:
            assert isinstance(value, Fraction) and math.isfinite(float(value))

    assert calls(found) < SECOND / 10


def test_arguments_know_their_text() -> None:
    args: tuple[core.Arg, ...] = checked("loss f(x[n]; a = 2*( 3+1 ), b=1):\n    return mean[n](a*b*x)").args
    assert [arg.default_text for arg in args] == ["", "2*(3 + 1)", "1"]
