"""Values of hyperparameters at which a formula is 0/0 and has a limit: emitted code takes it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import lossdsl
from lossdsl.ir.lower import lower
from lossdsl.meaning import core, resolve
from lossdsl.meaning.interpret import Interpreter
from lossdsl.rewrite import limits as limiting
from lossdsl.syntax import parse

BARRON = "loss f(x[n], y[n]; h = 1.0):\n    r = x - y\n    return mean[n](|h - 2|/h*((r^2/|h - 2| + 1)^(h/2) - 1))"
TWEEDIE = (
    "loss f(x[n] > 0, y[n] > 0; h in [1, 2] = 1.5):\n"
    "    return mean[n](2*(y^(2 - h)/((1 - h)*(2 - h)) - y*x^(1 - h)/(1 - h) + x^(2 - h)/(2 - h)))"
)
BOX_COX = "loss f(x[n] > 0, y[n] > 0; h = 1.0):\n    return mean[n](((x^h - 1)/h - (y^h - 1)/h)^2)"
ALPHA = "loss f(x[n] > 0, y[n] > 0; h = 0.5):\n    return sum[n](y*((x/y)^h - 1)/(h*(h - 1)))"
CROSS = "loss f(x[n] in (0, 1], y[n]; h in [0, 1] = 0.7):\n    return mean[n](y*(1 - x^h)/h)"
SPREAD = "loss f(x[n], y[n]; h >= 0 = 1.0):\n    return mean[n](y*(exp(h*x) - h*x - 1)/h^2)"
NESTED = "loss f(x[n] > 0, y[n] > 0; h = 1.0):\n    return mean[i](sum[j in n]((x[j]^h - y[i]^h)/h)^2)"

LIMITS = [
    (BARRON, 0), (BARRON, 2), (TWEEDIE, 1), (TWEEDIE, 2), (BOX_COX, 0), (ALPHA, 0), (CROSS, 0), (SPREAD, 0), (NESTED, 0),
]  # fmt: skip
POINT = {"x": np.array([0.25, 0.5, 0.875]), "y": np.array([0.5, 0.3125, 0.75])}


def program(text: str) -> core.Program:
    return resolve(parse(text + "\n")).losses["f"]


def limits(text: str) -> dict[tuple[str, Fraction], int]:
    return lower(program(text)).table.limits


@pytest.mark.parametrize("text, value", LIMITS)
def test_value_gradient_and_hessian_are_limits(text: str, value: int) -> None:
    (side,) = {side for place, side in limits(text).items() if place == ("h", value)}
    judge = Interpreter(program(text), digits=200).bind({**POINT, "h": value + Fraction(side, 10**60)})
    f = lossdsl.loads(text)["f"].numpy()
    found, slope = f.value_and_grad(**POINT, h=value)
    assert found == pytest.approx(float(judge.value()), rel=1e-12)
    np.testing.assert_allclose(slope, judge.gradient("x").astype(float), rtol=1e-12)
    np.testing.assert_allclose(f.hess_diag(**POINT, h=value), judge.hessian_diagonal("x").astype(float), rtol=1e-12)


@pytest.mark.parametrize("text", [BARRON, BOX_COX, ALPHA, CROSS])
@pytest.mark.parametrize("close", [1e-12, 1e-30, 1e-300])
def test_near_0_a_power_keeps_its_digits(text: str, close: float) -> None:
    """x^h - 1 is h log(x) there, which 1 rounds away."""
    judge = Interpreter(program(text), digits=700).bind({**POINT, "h": close})
    found, slope = lossdsl.loads(text)["f"].numpy().value_and_grad(**POINT, h=close)
    assert found == pytest.approx(float(judge.value()), rel=1e-14)
    np.testing.assert_allclose(slope, judge.gradient("x").astype(float), rtol=1e-14)


@pytest.mark.parametrize("text, value", [(BARRON, 2), (TWEEDIE, 1)])
def test_pytorch_has_the_same_limits(text: str, value: int) -> None:
    torch = pytest.importorskip("torch")
    loss = lossdsl.loads(text)["f"]
    expected, slope = loss.numpy().value_and_grad(**POINT, h=value)
    for backward in ("closed", "autograd"):
        x, y = (torch.tensor(POINT[name], requires_grad=name == "x") for name in "xy")
        found = loss.torch(h=value, backward=backward)(x, y)
        found.backward()
        np.testing.assert_allclose(found.item(), expected, rtol=1e-14)
        np.testing.assert_allclose(x.grad.numpy(), slope, rtol=1e-13)


@pytest.mark.parametrize(
    "text, why",
    [
        ("loss f(x[n]; h = 0.5):\n    return mean[n](x/h)", "a pole"),
        ("loss f(x[n]; h = 0.5):\n    return mean[n](x*(1 + h)/|h|)", "a pole"),
        ("loss f(x[n]; h = 0.5):\n    return mean[n](x^2*|h|/h)", "a jump"),
        ("loss f(x[n]; h > 0 = 0.5):\n    return mean[n]((exp(h*x) - 1)/h)", "out of the domain"),
        ("loss f(x[n]; h in (0, 1] = 0.5):\n    return mean[n]((exp(h*x) - 1)/h)", "out of the domain"),
        ("loss f(x[n]; h in {1, 2} = 1):\n    return mean[n]((exp(h*x) - 1)/h)", "no neighbours"),
        ("loss f(x[n]; h = 0.5):\n    return mean[n](x if h == 0 else (exp(h*x) - 1)/h)", "said by the formula"),
        ("loss f(x[n]; learn h = 0.5):\n    return mean[n]((exp(h*x) - 1)/h)", "differentiated by"),
        ("loss f(x[n], h[n]):\n    return mean[n]((exp(h*x) - 1)/h)", "differentiated by"),
        ("loss f(x[n]; h = 0.5):\n    return mean[n]((exp(h*x) - 1)/(h^2 + h*cos(h)))", "no product of lines"),
    ],
)
def test_other_formulas_stay(text: str, why: str) -> None:
    assert not limits(text), why


def test_a_pole_has_its_infinity() -> None:
    f = lossdsl.loads("loss f(x[n]; h = 0.5):\n    return mean[n]((x + 1)/h)\n")["f"].numpy()
    assert f(np.ones(2), h=0) == np.inf


def test_check_judges_a_limit_by_the_formula_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a limit for a default the formula has no value; a wrong limit is found."""
    text = CROSS.replace("= 0.7", "= 0")
    assert lossdsl.loads(text)["f"].check(backends=["numpy"], share=(0, 4)).ok
    right = limiting.Limits._symbolic

    def wrong(self: Any, *args: Any) -> Any:
        found = right(self, *args)
        return found if found is None else found * (1 + limiting.sympy().Rational(1, 2**30))

    monkeypatch.setattr(limiting.Limits, "_symbolic", wrong)
    assert not limits(text), "the limit has to agree with the part close by"
    monkeypatch.setattr(limiting, "AGREE", 1e-6)
    assert limits(text)
    assert not lossdsl.loads(text)["f"].check(backends=["numpy"], share=(0, 4)).ok
