"""Constructs of the language through both forms of the PyTorch code, against the interpreter: value and derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lossdsl.backends.torch import emit
from lossdsl.generated import import_generated
from lossdsl.meaning import resolve
from lossdsl.meaning.interpret import Interpreter
from lossdsl.syntax import parse
from tests.test_language_numpy import PROGRAMS

torch = pytest.importorskip("torch")


LOOSE = {("special functions", "autograd")}
"""Autograd takes torch.polygamma(1, x), right to 1e-10, for the derivative of torch.digamma."""


def second_derivatives(value: Any, tensors: dict[str, Any], vectors: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """For each name: the Hessian-vector product and the diagonal of the Hessian, by differentiating twice."""
    grads = torch.autograd.grad(value, list(tensors.values()), create_graph=True, allow_unused=True)
    result = {}
    for (name, tensor), grad in zip(tensors.items(), grads, strict=True):
        if grad is None or not grad.requires_grad:
            result[name] = (np.zeros(tensor.shape), np.zeros(tensor.shape))
            continue

        def along(direction: Any, grad: Any = grad, tensor: Any = tensor) -> Any:
            (found,) = torch.autograd.grad(grad, tensor, direction, retain_graph=True, allow_unused=True)
            return torch.zeros_like(tensor) if found is None else found

        units = torch.eye(tensor.numel(), dtype=tensor.dtype).reshape(-1, *tensor.shape)
        diagonal = torch.stack([along(unit).flatten()[k] for k, unit in enumerate(units)]).reshape(tensor.shape)
        result[name] = (along(vectors[name]).numpy(), diagonal.numpy())
    return result


@pytest.mark.parametrize("backward", ["closed", "autograd"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_agrees_with_the_interpreter(name: str, backward: str) -> None:
    text, inputs = PROGRAMS[name]
    tolerance = 1e-7 if (name, backward) in LOOSE else 1e-12

    def close(found: Any, expected: Any) -> None:
        exact = np.vectorize(float, otypes=[float])(np.asarray(expected, dtype=object))
        np.testing.assert_allclose(found, exact, rtol=tolerance, atol=tolerance / 10)

    program = resolve(parse(text)).losses["f"]
    module = import_generated(emit(program, backward=backward), "f")
    judge = Interpreter(program).bind(inputs)
    wrt = [a.name for a in program.args if a.role in ("prediction", "learn")]
    given = {key: torch.as_tensor(np.asarray(value)) for key, value in inputs.items()}
    for key in wrt:
        given[key] = given[key].double().requires_grad_()
    tensors = {key: given[key] for key in wrt}
    reductions = [None] if program.reduction is None else ["mean", "sum", "none"]
    for reduction in reductions:
        value = module.f(**given, **({} if reduction is None else {"reduction": reduction}))
        close(value.detach(), judge.value(reduction))
        grads = torch.autograd.grad(value.sum(), list(tensors.values()), allow_unused=True)
        for key, grad in zip(wrt, grads, strict=True):
            close(np.zeros(given[key].shape) if grad is None else grad, judge.gradient(key, reduction))
    vectors = {key: torch.randn(tensor.shape, dtype=torch.float64) for key, tensor in tensors.items()}
    found = second_derivatives(module.f(**given), tensors, vectors)
    for key in wrt:
        product, diagonal = found[key]
        close(product, judge.hvp(key, vectors[key].numpy()))
        close(diagonal, judge.hessian_diagonal(key))
