"""The acceptance losses through the PyTorch back end: values and gradients of well-known libraries.

Both forms are compared: the closed form, and plain operations with the gradient of autograd.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import pytest

from lossdsl.generated import import_generated
from lossdsl.meaning import resolve
from lossdsl.syntax import parse
from tests.acceptance_cases import Case, Point, load, names
from tests.emission import torch as emit

torch = pytest.importorskip("torch")


@cache
def compiled(name: str, backward: str) -> tuple[Case, ModuleType]:
    case = load(name)
    program = resolve(parse(case.text)).losses[case.entry]
    return case, import_generated(emit(program, backward=backward), case.entry)


def arguments(point: Point) -> dict[str, Any]:
    tensors = {name: torch.from_numpy(array.copy()) for name, array in point.inputs.items()}
    for name in point.gradient:
        tensors[name] = tensors[name].double().requires_grad_()
    return tensors | point.hyper | ({"reduction": point.reduction} if point.reduction else {})


@pytest.mark.parametrize("backward", ["closed", "autograd"])
@pytest.mark.parametrize("name", names())
def test_value_and_gradient(name: str, backward: str) -> None:
    case, module = compiled(name, backward)
    compared = 0
    for point in case.points:
        given = arguments(point)
        value = getattr(module, case.entry)(**given)
        if point.value is not None:
            assert case.error(value.detach().numpy(), point.value) <= case.value_tolerance, point.label
            compared += 1
        if point.gradient:
            keys = list(point.gradient)
            grads = torch.autograd.grad(value.sum(), [given[key] for key in keys], allow_unused=True)
            for key, grad in zip(keys, grads, strict=True):
                found = torch.zeros_like(given[key]) if grad is None else grad
                error = case.error(found.numpy(), point.gradient[key])
                assert error <= case.gradient_tolerance, (point.label, key)
                compared += 1
    assert compared
