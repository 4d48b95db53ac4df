"""Derivatives of two functions at once: where they are taken, and that they keep digits that links of a chain lose."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from lossdsl.backends.numpy import emit
from lossdsl.calculus.compounds import compound
from lossdsl.generated import import_generated
from lossdsl.ir.lower import lower
from lossdsl.meaning import core, resolve
from lossdsl.meaning.interpret import Interpreter
from lossdsl.syntax import parse

SIGNATURE = "loss f(x[n], y[n]; g >= 0 = 0.5):\n    return "

CASES: dict[str, tuple[str, str]] = {
    "the slope of a sigmoid": ("sigmoid(x)*sigmoid(-x)", "sigmoid(x)*sigmoid(-y)"),
    "a quotient by a power": ("y/x^2", "y/(1 + x)"),
    "a quotient by a product of powers": ("sin(y)/(3*x^2*y^(1/2))", "sin(y)/(3*exp(x)*y^(1/2))"),
    "the logarithm of a product": ("log(3*x^2*y)", "log(3*x^2 + y)"),
    "a difference, relative to what is taken away": ("(x - y)/y", "(x - y)/sin(y)"),
    "a difference, relative to what it is taken from": ("(x - y)/x", "(x - y)/sin(x)"),
    "the deviance of a gamma law": ("log(x/y) + y/x - 1", "log(x/y) + y/x - 2"),
    "a number times its logarithm": ("(2 + x^2)*log(2 + x^2)", "(2 + x^2)*log(2 + y^2)"),
    "a square beyond the range": ("y/x^2", "y/(1 + x^2)^2"),
}
"""What has a derivative of its own, and a near miss."""


def program(text: str) -> core.Program:
    return resolve(parse(SIGNATURE + text + "\n")).losses["f"]


@pytest.mark.parametrize("name", CASES)
def test_compounds_are_known_by_their_shape(name: str) -> None:
    text, near_miss = CASES[name]
    for each, expected in ((text, True), (near_miss, False)):
        lowered = lower(program(each))
        assert (compound(lowered.table, lowered.element) is not None) is expected


@pytest.mark.parametrize("text", [text for text, _ in CASES.values()])
def test_compounds_are_right(text: str) -> None:
    """Gradient and Hessian diagonal, as the interpreter differentiates the formula."""
    digits(text, np.array([0.3, 1.7]), np.array([0.2, 2.5]), ("x", "y"), 64)


@pytest.mark.parametrize(
    "text, x, y",
    [
        ("sigmoid(x)", 1e-9, 0.0),  # by links a difference of equal terms
        ("y*x + sigmoid(3*x)", -1e-5, 2.0),
        ("tanh(x)*y", 1e-9, 2.0),
        ("y/(2*x^2)", 1e-90, 1e-190),  # by links 1/x^4 overflows
        ("log(x*y)", 1e-160, 1e-160),
        ("(x - y)/y", 1e-9, 1.0),  # by links a difference of terms a billion times as large
        ("(y - x)^2/(y*x^2)", 1e8, 1e-3),
        ("log(x/y) + y/x - 1", 1.0, 1e-300),
        ("log((1 - exp(-x))/x) + y", 1e-7, 1.0),
    ],
)
def test_digits_that_links_lose(text: str, x: float, y: float) -> None:
    digits(text, np.array([x]), np.array([y]), ("x",) if "log" not in text else ("x", "y"), 32)


def digits(text: str, x: np.ndarray, y: np.ndarray, names: tuple[str, ...], ulps: int) -> None:
    checked = program(text)
    module = import_generated(emit(checked), "f")
    inputs = {"x": x, "y": y}
    judge = Interpreter(checked, digits=400).bind(inputs)
    rtol = ulps * np.finfo(float).eps
    for name in names:
        _, gradient = module.f_value_and_grad(**inputs, wrt=name, reduction="sum")
        diagonal = module.f_hess_diag(**inputs, wrt=name, reduction="sum")
        with mpmath.workdps(400):
            slope = [float(v) for v in np.ravel(judge.gradient(name, "sum"))]
            curvature = [float(v) for v in np.ravel(judge.hessian_diagonal(name, "sum"))]
        np.testing.assert_allclose(gradient, slope, rtol=rtol)
        np.testing.assert_allclose(diagonal, curvature, rtol=rtol)
