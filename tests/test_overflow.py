"""Far out, where powers overflow: what is finite in exact arithmetic is finite in emitted code, and right."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import mpmath
import numpy as np
import pytest

import lossdsl
from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.lower import lower
from lossdsl.meaning import resolve
from lossdsl.meaning.interpret import Interpreter
from lossdsl.rewrite.overflow import DEGREE, decays
from lossdsl.syntax import parse

FORMULAS = [
    "1/(2 + x^400)", "1/(1 + x^4)", "1/(1 + x^2)^2", "x^2/(1 + x^2)^2", "x/(|x|^3 + 1)", "1/(1 + x^2 + x^4)",
    "exp(-x^4)", "x*exp(-x^2)", "tanh(x^3)", "atan(x^2)", "cos(1/(1 + x^4))", "erf(x^3)", "sigmoid(x^5)",
    "max(1 - x^4, 0)", "clip(x^3, -1, 1)", "(x^3 if x < 2 else 8)", "sqrt(2 + exp(x))", "log(2 + exp(x))",
    "x^3*exp(-x)", "x^2*normal_cdf(-x)", "x^4/exp(x^2)", "(x^3 + x)/(1 + x^4)", "(x^2 + 1)/(x^2 + 2)",
    "1/(1 + cosh(x))", "(1 + x^2)^0.25", "log(3 + exp(x) + exp(x/2))", "1/(2 + exp(x^2))", "1/(1 + sum[k in 3](x^(2*k)))",
]  # fmt: skip
POINTS = {"float64": [1e-200, 1.5, 40.0, 690.0, 1e4, 1e100, -1e200, 1e300], "float32": [1.5, 40.0, 1e4, -1e19, 1e30]}

CONDITION = 1000
"""Of an exponential: its argument."""


def exact(text: str, x: float) -> list[float]:
    """Value, first and second derivative; infinite where they are larger than any number of float64."""
    checked = resolve(parse(f"loss f(x):\n    return {text}\n")).losses["f"]
    with mpmath.workdps(1500):
        value = Interpreter(checked, digits=1500).bind({"x": x}).value
        bound = Interpreter(checked, digits=1500)
        step = mpmath.mpf(10) ** -300 * max(1, abs(mpmath.mpf(x)))

        def at(k: int) -> Any:
            return bound.bind({"x": mpmath.mpf(x) + k * step}).value()

        low, middle, high = at(-1), value(), at(1)
        return [float(v) for v in (middle, (high - low) / (2 * step), (high - 2 * middle + low) / step**2)]


def agree(found: list[Any], expected: list[float], dtype: str, where: str) -> None:
    limits = np.finfo(dtype)
    tiny = 1 / float(limits.max) ** 0.5  # what is smaller may be rounded to 0 on the way
    for name, got, want in zip(("value", "gradient", "curvature"), found, expected, strict=True):
        with np.errstate(over="ignore"):
            rounded = float(np.array(want).astype(dtype))
        np.testing.assert_allclose(
            float(got), rounded, rtol=CONDITION * float(limits.eps), atol=tiny, err_msg=f"{name} at {where}"
        )


@pytest.mark.parametrize("dtype", POINTS)
@pytest.mark.parametrize("text", FORMULAS)
def test_numpy_is_finite_where_the_formula_is(text: str, dtype: str) -> None:
    f = lossdsl.loss(f"loss f(x):\n    return {text}\n").numpy()
    for point in POINTS[dtype]:
        x = np.array(point, dtype)
        with np.errstate(all="ignore"):
            value, gradient = f.value_and_grad(x)
            curvature = f.hess_diag(x)
        agree([value, gradient, curvature], exact(text, float(x)), dtype, f"{point}")


@pytest.mark.parametrize("text", FORMULAS)
def test_torch_is_finite_where_the_formula_is(text: str) -> None:
    torch = pytest.importorskip("torch")
    f = lossdsl.loss(f"loss f(x):\n    return {text}\n").torch()
    for dtype in POINTS:
        for point in POINTS[dtype]:
            x = torch.tensor(point, dtype=getattr(torch, dtype), requires_grad=True)
            value = f(x)
            (gradient,) = torch.autograd.grad(value, x)
            expected = exact(text, x.item())
            agree([value.item(), gradient.item(), expected[2]], expected, dtype, f"{point} in {dtype}")


def test_products_without_bounds_are_steep_and_their_inverses_decay() -> None:
    lowered = lower(resolve(parse("loss f(x, y, p in [0, 1]):\n    return 0\n")).losses["f"])
    table, graph = lowered.table, lowered.graph
    x, y, p = (graph.read(name, ()) for name in ("x", "y", "p"))
    degrees = {3 + x: 1, x * y: 2, p * x: 1, x**5 / (1 + x**5): 0, 1 / (1 + x * y): -2, graph.apply("tanh", x**9): 0}
    for node, degree in degrees.items():
        assert DEGREE.of(table, node) == degree, node
    assert decays(table, 1 / (1 + x**4))
    assert decays(table, graph.where(graph.apply("lt", x, y), graph.const(0), x))
    assert not decays(table, 1 / (1 + p * x))


def test_derivatives_do_not_divide_twice_by_what_is_large() -> None:
    """In float32 1/cosh(x)^2 is 0 from 52 on, where the second derivative is still 1e-22."""
    text = "1/(1 + cosh(x))"
    f = lossdsl.loss(f"loss f(x):\n    return {text}\n").numpy()
    for x in (20.0, 45.0, 60.0, 80.0):
        value, gradient = f.value_and_grad(np.float32(x))
        for got, want in zip((value, gradient, f.hess_diag(np.float32(x))), exact(text, x), strict=True):
            assert float(got) == pytest.approx(want, rel=1e-5, abs=0)


@pytest.mark.parametrize("text", ["log(1 + |x|)", "x/(1 + |x|)", "1/(1 + exp(x))"])
def test_products_that_do_not_clash_are_not_balanced(text: str) -> None:
    source = lossdsl.loss(f"loss f(x):\n    return {text}\n").source("numpy")
    assert "_guarded_mul(" not in source


@pytest.mark.parametrize("text", ["(x - 1)^2", "|x|", "log(1 + exp(x))", "x/sqrt(1 + x^2)", "sqrt(1 + x^2)"])
def test_gradients_of_usual_formulas_need_no_guard(text: str) -> None:
    source = lossdsl.loss(f"loss f(x):\n    return {text}\n").source("numpy")
    start = source.index("def f_value_and_grad")
    assert "_guarded_mul(" not in source[start : source.index("def f_hess_diag")]


@pytest.mark.parametrize("text", ["1/(1 + x^2)", "1 - exp(-x^2)", "atan(x^2)"])
@pytest.mark.parametrize("point", [np.inf, -np.inf])
def test_infinite_residuals_are_forgotten(text: str, point: float) -> None:
    """0*inf in a derivative that tends to 0."""
    f = lossdsl.loss(f"loss f(x):\n    return {text}\n").numpy()
    assert f.value_and_grad(point)[1] == 0
    assert f.hess_diag(point) == 0


@pytest.mark.parametrize("text", ["sigmoid(x)*log(sigmoid(x))", "sigmoid(x)*(log(sigmoid(x)) - 2) + sigmoid(-x)"])
def test_entropies_of_certain_logits(text: str) -> None:
    """0*log(0) in the value, and a slope of 0 times log(0) in the gradient."""
    f = lossdsl.loss(f"loss f(x):\n    return {text}\n").numpy()
    assert f.value_and_grad(-np.inf) == (0 if text.endswith("))") else 1, 0)
    assert f.value_and_grad(np.inf)[1] == 0
    assert f.hess_diag(-np.inf) == 0


def test_entropy_of_a_mean_probability_that_is_subnormal() -> None:
    """q/p is a number where 1/p is infinite: the second derivative of the entropy of mean predictions."""
    f = lossdsl.loss(
        "loss f(logits[n, c]):\n    p[c] = mean[n](exp(log_softmax[c](logits)))\n    return sum[c](p*log(p))\n"
    ).numpy()
    logits = np.array([[0, -95.0], [0, -96.0]], np.float32)
    np.testing.assert_allclose(f.hess_diag(logits), f.hess_diag(logits.astype(float)), rtol=1e-2)


def element(text: str) -> Node:
    source = f"loss f(x[n], y[n] | t[n]; c > 0 = 2):\n    return sum[n]({text})\n"
    lowered = lower(resolve(parse(source)).losses["f"])
    (stage,) = [s for s in lowered.table.stages.values() if s.op == "sum"] or [None]
    return lowered.element if stage is None else stage.body


@pytest.mark.parametrize(
    "text",
    [
        "x^3*exp(-x)",
        "exp(-x)*(x^2 + 1)",
        "(x - y)^2*exp(-(x - y)^2/c)",
        "x^2*sigmoid(-x)^2",
        "x^c*x*erfc(x)",
        "x*exp(-x)*x^2",
    ],
)
def test_a_power_gives_way_to_an_exponential(text: str) -> None:
    assert any(node.op == "guarded_mul" for node in reachable([element(text)]))


@pytest.mark.parametrize(
    "text",
    [
        "x*exp(-x)",
        "y^2*exp(-x)",
        "exp(x)*exp(-x^2)",
        "x^2*(1 + exp(-x))",
        "x^2*tanh(x)",
        "x^2*[x > 0]",
        "(x - t)^2*exp(-t)",
    ],
)
def test_products_that_may_be_anything_are_left_alone(text: str) -> None:
    """The factor does not overflow, has other inputs than the exponential, or does not meet one."""
    assert not any(node.op == "guarded_mul" for node in reachable([element(text)]))


@pytest.mark.parametrize("text", ["(x^3 + x)/(1 + x^4)", "(x - t)^2/(c + (x - t))", "(1 - x^2)^3/(x^2/c - 1)^2"])
def test_quotients_of_polynomials_are_taken_by_the_inverse(text: str) -> None:
    assert any(node.op == "where" for node in reachable([element(text)]))


@pytest.mark.parametrize("text", ["x/(1 + x^2)", "x^2/(1 + y^2)", "(x - t)^2/t", "x^2/(x^2 + c)", "x^2/sqrt(1 + x^2)"])
def test_other_quotients_stay(text: str) -> None:
    assert not any(node.op == "where" for node in reachable([element(text)]))


def test_the_inverse_keeps_its_digits() -> None:
    """Beyond the root of the range, where both sides of the quotient overflow, and on both sides of 1."""
    f = lossdsl.loss("loss f(x):\n    return (x^3 + 3*x)/(1 + x^4)\n").numpy()
    for x in (1e-200, 0.5, 1.0, np.nextafter(1.0, 2), -7.0, 1e150, -1e250):
        expected = exact("(x^3 + 3*x)/(1 + x^4)", x)
        found = [*f.value_and_grad(x), f.hess_diag(x)]
        for got, want in zip(found, expected, strict=True):
            assert float(got) == pytest.approx(want, rel=1e-14, abs=1e-200)


EXPONENTIALS = [
    "exp(x)/(2 + cosh(x))", "exp(x)/(2 + cosh(x))^2", "exp(-x)*cosh(x)", "sinh(x)*exp(-2*x)", "cosh(x)/(1.5 + sinh(x)^2)",
    "x*exp(x)/(1 + exp(2*x))", "sigmoid(x)*cosh(x)", "1/(2 + |cosh(x) - exp(2*x) + sinh(2*x) - 3|)", "(exp(x/2) - 1)/(3 + |exp(x) + exp(-x)|)",
    "exp(x)/sqrt(1 + exp(2*x))", "sinh(3*x)/(cosh(x)*(2 + cosh(2*x)))", "exp(-x)/(exp(-x) + exp(-3*x) + x^2*exp(-2*x))",
    "1/(1/cosh(x) + exp(-x))*exp(-x)",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPONENTIALS)
@pytest.mark.parametrize("x", [-1e4, -800.0, -90.0, -3.0, -0.5, 0.0, 0.5, 3.0, 90.0, 800.0, 1e4])
def test_quotients_of_exponentials_are_right_where_both_sides_overflow(text: str, x: float) -> None:
    expected = exact(text, x)
    if not abs(expected[0]) < 1e300:
        pytest.skip("the value overflows")
    f = lossdsl.loss(f"loss f(x):\n    return {text}\n").numpy()
    for got, want in zip([*f.value_and_grad(x), f.hess_diag(x)], expected, strict=True):
        assert float(got) == pytest.approx(want, rel=2e-15 * max(10, abs(x)), abs=1e-300)


@pytest.mark.parametrize("text", EXPONENTIALS)
def test_quotients_of_exponentials_are_taken_apart(text: str) -> None:
    assert "exp(-" in str(element(text)) and "if " in str(element(text))


@pytest.mark.parametrize(
    "text",
    [
        "exp(x)/(2 + exp(y))", "exp(x)*exp(-y)", "x/(1 + exp(x))", "exp(x)/(1 + x^2)", "exp(-x)/(2 + exp(-x^2))",
        "x*exp(c)/(1 + cosh(c))", "cosh(x)*(1 + exp(-x)*y)", "exp(-x^2)/(2 + exp(-x^2))",
        "exp(x)/(1 + exp(x))", "exp(x)/(tanh(exp(x)) + 2)", "exp(x)/max(1, exp(x))", "exp(x) + cosh(x)", "cosh(x) + 3*exp(-x)",
    ],
)  # fmt: skip
def test_what_is_no_quotient_of_powers_of_one_exponential_stays(text: str) -> None:
    """Several exponentials, sides of which one is slow, sides that can not meet, and functions that are not opened."""
    assert "abs(x[n])" not in str(element(text))


def test_powers_that_cancel_are_not_what_wins() -> None:
    """cosh(x) - sinh(x) is exp(-x): its terms exp(x) are gone before the greatest power is taken out."""
    f = lossdsl.loss("loss f(x):\n    return exp(-x)/(cosh(x) - sinh(x) + 2*exp(-2*x))\n").numpy()
    np.testing.assert_allclose([f(x) for x in (50.0, 800.0)], 1, rtol=1e-15)


SEVERAL = [
    "cosh(x)/(1 + exp(x^2))", "1/(1.5 + exp(-3*x)/(1.5 + sigmoid(x)))", "1/(2 + exp(x) + exp(x^2/3))",
    "exp(x)/(2 + exp(x) + x^2*exp(2*x))", "x^2*exp(x)/(1 + x^2*exp(x^2) + exp(-x))", "exp(x)*(1/(1 + exp(x) + exp(x^3)))",
    "cosh(x/3)/(exp(x^2) + 3*cosh(x))^2", "x*(1 + exp(-x))*(1/(2 + exp(-x) + exp(x^2)))", "(exp(x) + 1)/(exp(x) + 2)",
    "(exp(x) + 1)/(exp(x) + exp(x/2) + 2)", "exp(x)/sqrt(3 + exp(x) + exp(x^2))", "sinh(x)/(1 + exp(x^2))",
    "expm1(2*x)/(expm1(x)^2 + cosh(x^2))", "sinh(x)*exp(-x^2)", "1/(2 + exp(x)/(2 + exp(x^2)))", "exp(x^2/2)/((2 + exp(x))*(3 + exp(x^2)))",
]  # fmt: skip


@pytest.mark.parametrize("text", SEVERAL)
@pytest.mark.parametrize(
    "x", [-1e4, -800.0, -100.0, -90.0, -3.0, -0.5, -1e-8, 0.0, 0.5, 3.0, 30.0, 90.0, 100.0, 800.0, 1e4]
)
def test_quotients_of_several_exponentials_are_scaled_by_the_greatest(text: str, x: float) -> None:
    f = lossdsl.loss(f"loss f(x):\n    return {text}\n").numpy()
    for got, want in zip([*f.value_and_grad(x), f.hess_diag(x)], exact(text, x), strict=True):
        assert float(got) == pytest.approx(want, rel=1e-13 * max(10, x * x), abs=1e-15 if abs(x) < 1 else 1e-300)


def test_a_sum_that_was_taken_apart_is_still_a_sum_of_exponentials() -> None:
    """sinh(x) - exp(2*x) is written in two branches; beside another exponential it is what people typed."""
    text = "(2 + exp(-x^2) - (sinh(x) - exp(2*x)))/(1.5 + exp(-x) + exp(2*x))"
    f = lossdsl.loss(f"loss f(x):\n    return {text}\n").numpy()
    for x in (-900.0, -5.0, 5.0, 900.0):
        for got, want in zip([*f.value_and_grad(x), f.hess_diag(x)], exact(text, x), strict=True):
            assert float(got) == pytest.approx(want, abs=1e-15 * max(1, x**4))


def test_what_is_not_the_greatest_counts() -> None:
    """Numerator and denominator have the same greatest exponent: what is left is right beside the quotient itself."""
    text = "(exp(x^2) + exp(x))/(2 + exp(x^2) + exp(-x))"
    f = lossdsl.loss(f"loss f(x):\n    return {text}\n").numpy()
    for x in (-40.0, -5.0, 0.3, 5.0, 40.0):
        for got, want in zip([*f.value_and_grad(x), f.hess_diag(x)], exact(text, x), strict=True):
            assert float(got) == pytest.approx(
                want, abs=1e-15 * max(1, x**4)
            )  # x^2 is rounded, and (2x)^2 multiplies it


@pytest.mark.parametrize(
    "text", ["exp(x)/(2 + exp(y) + exp(x))", "1/(1 + exp(x) + exp(-y))", "exp(x - y)/(cosh(x) + cosh(y))"]
)
def test_exponentials_of_several_inputs_are_scaled(text: str) -> None:
    torch = pytest.importorskip("torch")
    loss = lossdsl.loss(f"loss f(x, y):\n    return {text}\n")
    f, module = loss.numpy(), loss.torch()
    for x, y in ((800.0, 900.0), (-800.0, 900.0), (400.0, -400.0), (1e4, 1e4), (-5.0, 3.0)):
        _, gradient = f.value_and_grad(x, y, wrt=("x", "y"))
        at = [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in (x, y)]
        assert np.isfinite(gradient).all()
        np.testing.assert_allclose(torch.autograd.grad(module(*at), at), gradient, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize(
    "text", ["1/(2 + exp(x))", "x/(1 + exp(-x))", "(x^2 + 1)/(x^2 + 2)", "exp(c)/(exp(c) + x^2)", "x*exp(-x)"]
)
def test_usual_quotients_have_no_greatest_exponent(text: str) -> None:
    assert "stop_gradient" not in str(element(text))


PARTS = ["x", "x^2", "exp(x)", "exp(-x)", "cosh(x)", "sinh(x)", "sigmoid(x)", "tanh(x)", "exp(2*x)", "1 + exp(x)"]
WHOLES = [
    "({a})/(1 + ({b})^2)",
    "({a})/(2 + |{b}|)",
    "({a})*({b})",
    "({a})/(2 + |{a} + {b}|)",
    "softplus(({a}) - ({b}))",
]


@pytest.mark.parametrize("whole", WHOLES)
def test_two_functions_joined_have_finite_derivatives(whole: str) -> None:
    """Every pair: where the exact value and derivatives are numbers, the emitted derivatives are."""
    wrong = set()
    for a, b in permutations(PARTS, 2):
        text = whole.format(a=a, b=b)
        f = lossdsl.loss(f"loss f(x):\n    return {text}\n").numpy()
        for x in (-1e4, -800.0, -400.0, 0.0, 400.0, 800.0, 1e4):
            found = [float(f.value_and_grad(x)[1]), float(f.hess_diag(x))]
            if not np.isfinite(found).all() and np.isfinite(exact(text, x)).all():
                wrong.add(text)
    assert not wrong
