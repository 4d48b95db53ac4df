"""Logarithms of means of exponentials keep their digits where all exponents are close to one another."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch

import lossdsl

FORMS = {
    "mean": "loss f(x[n, k]):\n    return sum[n](log(mean[k](exp(x))))",
    "size": "loss f(x[n, k]):\n    return sum[n](logsumexp[k](x) - log(size(k)))",
    "negative": "loss f(x[n, k]):\n    return sum[n](-(log(size(k)) - logsumexp[k](x)))",
    "two axes": "loss f(x[n, k]):\n    return logsumexp[n, k](x) - log(size(n)*size(k))",
    "count": "loss f(x[n, k] | on[n, k] in {0, 1}):\n    return sum[n](log(mean[k where on[n, k] == 1](exp(x[n, k]))))",
}
NEAR_MISSES = {
    "another axis": "loss f(x[n, k]):\n    return sum[n](logsumexp[k](x) - log(size(n)))",
    "another condition": "loss f(x[n, k] | on[n, k] in {0, 1}):\n"
    "    return sum[n](logsumexp[k where on[n, k] == 1](x[n, k]) - log(count[k](on[n, k] == 0)))",
    "no logarithm": "loss f(x[n, k]):\n    return sum[n](logsumexp[k](x) - size(k))",
}  # fmt: skip
X = np.array([[1e-9, 3e-9, -1e-9, 4e-9]])
ON = np.ones_like(X)


def given(text: str) -> tuple[np.ndarray, ...]:
    return (X, ON) if "on[" in text else (X,)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("backend", ["numpy", "torch", "autograd", "native"])
def test_digits_of_values_near_zero(form: str, backend: str) -> None:
    loss = lossdsl.loss(FORMS[form])
    arrays = given(FORMS[form])
    with mpmath.workdps(50):
        expected = mpmath.log(sum(mpmath.exp(mpmath.mpf(float(x))) for x in X[0]) / 4)
        match backend:
            case "numpy":
                value = float(loss.numpy()(*arrays))
            case "native":
                value = float(loss.native()(*arrays))
            case _:
                module = loss.torch(backward="autograd") if backend == "autograd" else loss.torch()
                value = float(module(*map(torch.tensor, arrays)))
        assert abs(value - expected) <= 4 * 2**-53 * abs(expected)


@pytest.mark.parametrize("form", NEAR_MISSES)
def test_other_differences_stay(form: str) -> None:
    assert "lack_" not in lossdsl.loss(NEAR_MISSES[form]).source("numpy")
    assert lossdsl.loss(NEAR_MISSES[form]).check().ok


@pytest.mark.parametrize("form", FORMS)
def test_is_checked(form: str) -> None:
    loss = lossdsl.loss(FORMS[form])
    assert "lack_" in loss.source("numpy")
    report = loss.check()
    assert report.ok, str(report)


def test_limits() -> None:
    f = lossdsl.loss(FORMS["mean"]).numpy()
    inf = np.inf
    rows = np.array([[-inf, -inf], [inf, 0.0], [-inf, 0.0], [-1e4, 1e4]])
    np.testing.assert_allclose([f(row[None]) for row in rows], [-inf, inf, -np.log(2), 1e4 - np.log(2)], rtol=1e-15)


@pytest.mark.parametrize("backward", ["closed", "autograd"])
def test_the_gradient_of_rows_of_which_nothing_counts(backward: str) -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 3.0]], requires_grad=True)
    lossdsl.loss(FORMS["count"]).torch(backward=backward)(x, torch.tensor([[0.0, 0.0], [1.0, 1.0]])).backward()
    np.testing.assert_allclose(x.grad, [[0, 0], [0.5, 0.5]])
