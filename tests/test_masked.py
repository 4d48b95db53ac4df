"""What a condition leaves out of a reduction counts for nothing: values on the far side of 0 from any stand-in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossdsl

M = np.array([0, 1, 1, 0])
CASES: dict[str, tuple[str, list[float], float, list[float]]] = {
    "sum": ("sum[n where m[n] > 0](x)", [5.0, -2.0, -3.0, 7.0], -5.0, [0.0, 1.0, 1.0, 0.0]),
    "prod": ("prod[n where m[n] > 0](x)", [5.0, -2.0, -3.0, 7.0], 6.0, [0.0, -3.0, -2.0, 0.0]),
    "max": ("max[n where m[n] > 0](x)", [5.0, -2.0, -3.0, 7.0], -2.0, [0.0, 1.0, 0.0, 0.0]),
    "min": ("min[n where m[n] > 0](x)", [-5.0, 3.0, 2.0, -7.0], 2.0, [0.0, 0.0, 1.0, 0.0]),
    "argmax": ("x[argmax[n where m[n] > 0](x)]", [5.0, -2.0, -3.0, 7.0], -2.0, [0.0, 1.0, 0.0, 0.0]),
    "argmin": ("x[argmin[n where m[n] > 0](x)]", [-5.0, 3.0, 2.0, -7.0], 2.0, [0.0, 0.0, 1.0, 0.0]),
    "norm": ("norm[n where m[n] > 0](x)", [5.0, -3.0, 4.0, 7.0], 5.0, [0.0, -0.6, 0.8, 0.0]),
    "mean": ("mean[n where m[n] > 0](x)", [5.0, -3.0, 4.0, 7.0], 0.5, [0.0, 0.5, 0.5, 0.0]),
    "logsumexp": ("logsumexp[n where m[n] > 0](x)", [800.0, -800.0, -1000.0, 900.0], -800.0, [0.0, 1.0, 0.0, 0.0]),
}
"""reduction -> formula, x, value, gradient."""
NOTHING = {"sum": 0.0, "prod": 1.0, "max": -np.inf, "min": np.inf, "norm": 0.0, "mean": 0.0, "logsumexp": -np.inf}


def found(text: str, x: list[float], backend: str, hyper: str = "") -> tuple[Any, Any]:
    loss = lossdsl.loss(f"loss f(x[n] | m[n] in {{0, 1}}{hyper}):\n    return {text}\n")
    if backend == "torch":
        torch = pytest.importorskip("torch")
        point = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        value = loss.torch()(point, torch.tensor(M))
        value.backward()
        return value.item(), point.grad.numpy()
    module: Any = loss.numpy() if backend == "numpy" else loss.native()
    return module.value_and_grad(np.array(x), M)


@pytest.mark.parametrize("backend", ["numpy", "native", "torch"])
@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient(name: str, backend: str) -> None:
    text, x, value, gradient = CASES[name]
    got, slope = found(text, x, backend)
    assert got == pytest.approx(value, rel=1e-15)
    np.testing.assert_allclose(slope, gradient, rtol=1e-15, atol=1e-50)


@pytest.mark.parametrize("backend", ["numpy", "native", "torch"])
@pytest.mark.parametrize("name", NOTHING)
def test_a_hyperparameter_leaves_everything_out(name: str, backend: str) -> None:
    text, x, _, _ = CASES[name]
    text = text.replace("m[n] > 0", "k > 0")
    got, slope = found(text, x, backend, "; k >= 0 = 0")
    assert got == NOTHING[name]
    np.testing.assert_array_equal(slope, 0)
    assert np.isfinite(found(text, x, backend, "; k >= 0 = 1")[0])


@pytest.mark.parametrize("backend", ["numpy", "native", "torch"])
@pytest.mark.parametrize("name", NOTHING)
def test_nothing_is_left(name: str, backend: str) -> None:
    text, x, _, _ = CASES[name]
    got, slope = found(text.replace("m[n] > 0", "m[n] > 1"), x, backend)
    assert got == NOTHING[name]
    np.testing.assert_array_equal(slope, 0)
