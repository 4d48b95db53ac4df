"""The acceptance losses through the NumPy back end: values, gradients and Hessian diagonals of well-known libraries."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lossdsl.backends.numpy import emit as emit_anew
from lossdsl.generated import import_generated
from lossdsl.meaning import resolve
from lossdsl.syntax import parse
from tests.acceptance_cases import Case, Point, load, names
from tests.emission import numpy as emit


def compiled(case: Case) -> ModuleType:
    program = resolve(parse(case.text)).losses[case.entry]
    return import_generated(emit(program), case.entry)


def keywords(point: Point) -> dict[str, Any]:
    return point.arguments | ({"reduction": point.reduction} if point.reduction else {})


@pytest.mark.parametrize("name", names())
def test_value_and_gradient(name: str) -> None:
    case = load(name)
    module = compiled(case)
    function = getattr(module, case.entry)
    both = getattr(module, f"{case.entry}_value_and_grad")
    diagonal = getattr(module, f"{case.entry}_hess_diag")
    compared = 0
    for point in case.points:
        if point.value is not None:
            assert case.error(function(**keywords(point)), point.value) <= case.value_tolerance, point.label
            compared += 1
        if point.gradient:
            wrt = tuple(point.gradient)
            value, grads = both(**keywords(point), wrt=wrt)
            if point.value is not None:
                assert case.error(value, point.value) <= case.value_tolerance, point.label
            for key, grad in zip(wrt, grads, strict=True):
                assert case.error(grad, point.gradient[key]) <= case.gradient_tolerance, (point.label, key)
                compared += 1
        for key, reference in point.hessian.items():
            found = diagonal(**keywords(point), wrt=key)
            assert case.error(found, reference) <= case.gradient_tolerance, (point.label, key)
            compared += 1
    assert compared


@pytest.mark.parametrize("name", ["torch_huber", "paper_clip", "pml_circle"])
def test_the_same_source_gives_the_same_bytes(name: str) -> None:
    case = load(name)
    first, second = (emit_anew(resolve(parse(case.text)).losses[case.entry]) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", ["torch_huber", "torch_cross_entropy", "pml_contrastive"])
def test_float32_in_float32_out(name: str) -> None:
    case = load(name)
    module = compiled(case)
    point = case.points[0]
    inputs = {k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in point.inputs.items()}
    value, grad = getattr(module, f"{case.entry}_value_and_grad")(**inputs, **point.hyper)
    assert value.dtype == np.float32
    assert grad.dtype == np.float32
