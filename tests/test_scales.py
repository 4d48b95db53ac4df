"""Scales: a sum that is partly divided by what it is multiplied with, and links of a chain that cancel."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import lossdsl
from lossdsl.ir.lower import lower
from lossdsl.meaning import resolve
from lossdsl.meaning.interpret import Interpreter
from lossdsl.syntax import parse

SIGNATURE = "loss f(x[n], s[n] > 0; c > 0 = 0.3):\n    return sum[n]({text})\n"


def element(text: str) -> str:
    lowered = lower(resolve(parse(SIGNATURE.format(text=text))).losses["f"])
    stages = [stage.body for stage in lowered.table.stages.values() if stage.op == "sum"]
    (body,) = stages or [lowered.element]
    return str(body).replace("[n]", "")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("s*(x/s + exp(-x/s))", "x + s * exp(-x / s)"),
        ("(exp(-x/s) - x/s)*s", "s * exp(-x / s) - x"),
        ("s*(1 - |x/s| + sin(x/s))", "s * (1 + sin(x / s)) - abs(x)"),
        ("s*(x/s*tanh(x/s) - 3/4)", "x * tanh(x / s) - (3/4) * s"),
        ("s*(2*(x/s) - (exp(-x/s) - 1))", "2 * x - s * expm1(-x / s)"),
    ],
)
def test_terms_that_are_divided_by_the_scale_are_taken_out(text: str, expected: str) -> None:
    assert element(text) == expected


@pytest.mark.parametrize(
    "text", ["s*(x + exp(-x/s))", "c*(x/c + exp(-x/c))", "s*(sin(x/s) + exp(-x/s))", "x*(|s/x| + 1)", "2*(x/2 + s)"]
)
def test_other_sums_stay(text: str) -> None:
    """No term is divided by the factor, the factor is a number, or its sign is not known."""
    found = element(text)
    assert found.startswith(("s * ", "c * ", "x * ", "2 * "))


SCORES = [
    "s*(|x|/s + exp(-|x|/s) - 3/4)",
    "s*(x/s*(2*normal_cdf(x/s) - 1) + 2*exp(-(x/s)^2/2)/sqrt(2*pi) - 1/sqrt(pi))",
]


@pytest.mark.parametrize("text", SCORES)
@pytest.mark.parametrize("x, s", [(2.0, 5e-324), (-1e3, 1e-30), (0.7, 1.3), (1e8, 1e-8), (-30.0, 2.0)])
def test_scores_of_a_location_and_a_scale_far_from_the_centre(text: str, x: float, s: float) -> None:
    """As typed the value is 0*inf at a subnormal scale, and the derivative by the scale x/s - x/s - 3/4."""
    program = resolve(parse(SIGNATURE.format(text=text))).losses["f"]
    code = lossdsl.loss(SIGNATURE.format(text=text)).numpy()
    arguments = {"x": np.array([x]), "s": np.array([s])}
    exact = Interpreter(program, digits=900).bind(arguments)
    value, gradients = code.value_and_grad(**arguments, wrt=("x", "s"))
    np.testing.assert_allclose(value, float(exact.value()), rtol=1e-14)
    for name, found in zip(("x", "s"), gradients, strict=True):
        (true,) = exact.gradient(name)
        np.testing.assert_allclose(found, [float(true)], rtol=4e-14, err_msg=name)


def test_a_scale_and_its_reciprocal_leave_nothing() -> None:
    """The gradient of s*sin(x/s) by x is cos(x/s) to the last bit, and that of s^2*sin(x/s) is s*cos(x/s)."""
    rng = np.random.default_rng(0)
    x, s = rng.normal(size=100), rng.uniform(1e-3, 1e3, 100)
    for text, expected in (("s*sin(x/s)", np.cos(x / s)), ("s^2*sin(x/s)", s * np.cos(x / s))):
        code = lossdsl.loss(SIGNATURE.format(text=text)).numpy()
        np.testing.assert_array_equal(code.value_and_grad(x, s)[1], expected)


def test_the_digits_of_a_difference_that_scales_would_hide() -> None:
    """1 - exp(-|x|/s) near the centre: the one comes from |x|, the exponential from s*exp(-|x|/s) by x/s."""
    code = lossdsl.loss(SIGNATURE.format(text=SCORES[0])).numpy()
    x, s = 1e-12, 0.7
    with mpmath.workdps(60):
        expected = float(-mpmath.expm1(-mpmath.mpf(x) / mpmath.mpf(s)))
    np.testing.assert_allclose(code.value_and_grad(np.array([x]), np.array([s]), wrt="x")[1], [expected], rtol=1e-15)
