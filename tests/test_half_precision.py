"""Half precision: float16 and bfloat16 inputs are computed in float32, and only gradients are rounded back.

The value is that of the same numbers in float32, bit for bit, and the gradient is that gradient rounded.  For the
examples and a tenth of the catalogue; LOSSDSL_CHECK_ALL=1: for all of it.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossdsl
from lossdsl import Loss
from lossdsl.backends.interface import Interface
from lossdsl.check.points import Points

pytestmark = pytest.mark.usefixtures("emitted_once")

EXAMPLES = {path.stem: path for path in sorted((Path(__file__).parent.parent / "examples").glob("*.loss"))}
LOSSES: dict[str, Loss] = {
    **{
        f"{family}-{name}": loss
        for family, module in lossdsl.catalogue.items()
        for name, loss in module.items()
        if zlib.crc32(name.encode()) % 10 == 0 or os.environ.get("LOSSDSL_CHECK_ALL")
    },
    **{f"example-{name}": lossdsl.load(path)[name] for name, path in EXAMPLES.items()},
}
every_loss = pytest.mark.parametrize("name", LOSSES)


def arguments(loss: Loss) -> dict[str, Any]:
    """A point whose real numbers are exact in float16."""
    for candidates in Points(loss.program).all():
        for point in candidates:
            names = Interface(loss.program).arg_names
            return {names[name]: _halved(value) for name, value in point.arguments.items()}
    raise AssertionError("no point")


def _halved(value: Any) -> Any:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        return value
    rounded = value.astype(np.float16)
    return rounded if np.array_equal(rounded > 0, value > 0) else value.astype(np.float32).astype(np.float16)


def in_dtype(values: dict[str, Any], dtype: Any) -> dict[str, Any]:
    return {
        name: value.astype(dtype) if isinstance(value, np.ndarray) and value.dtype == np.float16 else value
        for name, value in values.items()
    }


@every_loss
def test_float16_in_numpy(name: str) -> None:
    loss = LOSSES[name]
    f, half, wrt = loss.numpy(), arguments(loss), loss.differentiable[:1]
    single = in_dtype(half, np.float32)
    value, grads = f.value_and_grad(**half, wrt=wrt)
    expected, expected_grads = f.value_and_grad(**single, wrt=wrt)
    assert value.dtype == np.float32
    np.testing.assert_array_equal(value, expected)
    for argument, grad, wide in zip(wrt, grads, expected_grads, strict=True):
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(grad, wide.astype(grad.dtype))
        if np.asarray(half[argument]).dtype == np.float16:
            assert grad.dtype == np.float16


@every_loss
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_in_torch(name: str, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    kind = getattr(torch, dtype)
    loss = LOSSES[name]
    module, half, wrt = loss.compile("torch"), arguments(loss), loss.differentiable[:1]
    function = getattr(module, loss.name)

    def result(target: Any) -> tuple[Any, list[Any]]:
        tensors = {
            key: torch.tensor(value).to(kind).to(target)
            if isinstance(value, np.ndarray) and value.dtype.kind == "f"
            else value
            for key, value in half.items()
        }
        tensors = {
            key: torch.as_tensor(value) if isinstance(value, np.ndarray) else value for key, value in tensors.items()
        }
        leaves = []
        for argument in wrt:
            tensors[argument] = torch.as_tensor(tensors[argument]).detach().requires_grad_()
            leaves.append(tensors[argument])
        value = function(**tensors)
        return value.detach(), list(torch.autograd.grad(value.sum(), leaves))

    value, grads = result(kind)
    expected, wide = result(torch.float32)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, expected, rtol=0, atol=0, equal_nan=True)
    for grad, exact in zip(grads, wide, strict=True):
        assert grad.dtype in (kind, torch.float32)
        torch.testing.assert_close(grad, exact.to(grad.dtype), rtol=0, atol=0, equal_nan=True)


def test_sums_of_half_precision_do_not_overflow() -> None:
    torch = pytest.importorskip("torch")
    loss = lossdsl.catalogue["regression"]["mse"]
    pred, target = np.full(100_000, 100.0, dtype=np.float16), np.zeros(100_000, dtype=np.float16)
    assert loss.numpy()(pred, target, reduction="sum") == np.float32(1e9)
    value = loss.torch(reduction="sum")(torch.tensor(pred), torch.tensor(target))
    assert value.item() == 1e9
