"""Derivatives that are a factor less its product with an exponential or a sigmoid keep their digits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch

import lossdsl

FORMS = {
    "x + exp(-x)": lambda x, s: -mpmath.expm1(-x),
    "exp(x) - x": lambda x, s: mpmath.expm1(x),
    "s*(exp(x) - x)": lambda x, s: s * mpmath.expm1(x),
    "s*x + s*exp(-x)": lambda x, s: -s * mpmath.expm1(-x),
    "3*s*x - 3*s*exp(x)": lambda x, s: -3 * s * mpmath.expm1(x),
    "2*s*softplus(x) - s*x": lambda x, s: s * mpmath.tanh(x / 2),
    "s*x - s*softplus(-x)*2 - s*x*2": lambda x, s: s - 2 * s / (1 + mpmath.exp(-x)),
}
NEAR_MISSES = ["s*exp(x) - x", "exp(x) - 2*x", "2*s*exp(x) - s*x", "s*softplus(x) - x"]
TINY, FACTOR = 1e-9, 1.7


def text(body: str) -> str:
    return f"loss f(x[n], s[n]):\n    return sum[n]({body})"


def gradients(body: str) -> dict[str, float]:
    loss = lossdsl.loss(text(body))
    x, s = np.array([TINY]), np.array([FACTOR])
    point = torch.tensor(x, requires_grad=True)
    loss.torch()(point, torch.tensor(s)).backward()
    return {
        "numpy": float(loss.numpy().value_and_grad(x, s)[1][0]),
        "native": float(loss.native().value_and_grad(x, s)[1][0]),
        "torch": float(point.grad[0]),
    }


@pytest.mark.parametrize("body", FORMS)
def test_digits_near_the_zero(body: str) -> None:
    with mpmath.workdps(50):
        expected = FORMS[body](mpmath.mpf(TINY), mpmath.mpf(FACTOR))
        for backend, found in gradients(body).items():
            assert abs(found - expected) <= 4 * 2.0**-53 * abs(expected), backend


@pytest.mark.parametrize("body", NEAR_MISSES)
def test_other_differences_stay(body: str) -> None:
    source = lossdsl.loss(text(body)).source("numpy")
    gradient = source[source.index("def f_value_and_grad") : source.index("def f_hess_diag")]
    assert "np.expm1" not in gradient
    assert "np.tanh" not in gradient
    assert lossdsl.loss(text(body)).check().ok


@pytest.mark.parametrize("body", FORMS)
def test_is_checked(body: str) -> None:
    report = lossdsl.loss(text(body)).check()
    assert report.ok, str(report)


def test_a_product_that_is_doubled_again_and_again() -> None:
    """It has 2^40 factors, and 40 nodes: none of the rules may open them all."""
    lines = "".join(f"    a{k}[n] = a{k - 1}*(2*a{k - 1})\n" for k in range(1, 41))
    loss = lossdsl.loss(f"loss f(x[n], y[n]):\n    a0[n] = x*y\n{lines}    return mean[n](a40 - exp(x)*y)")
    assert len(loss.source("numpy")) < 100_000


@pytest.mark.parametrize("body", ["-1 + exp(x)", "exp(x) + (-1)", "-s + s*exp(x)"])
def test_what_is_added_with_a_minus_is_subtracted(body: str) -> None:
    assert "np.expm1(" in lossdsl.loss(text(body)).source("numpy")
