"""The PyTorch text of every function: autograd, double backward, vmap, compile, numbers among the tensors."""

from __future__ import annotations

import math
import os
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from functions_cases import ORDERED, Point, active, arity, compiled, ordinary, points, sensitivity

from lossdsl.functions.derived import partials
from lossdsl.functions.row import Function
from lossdsl.functions.table import TABLE
from lossdsl.functions.vocabulary import Exact, OracleVocabulary, plain

real_rows = [row for row in TABLE.values() if row.result != "bool" and row.name != "where"]
every_real_row = pytest.mark.parametrize("row", real_rows, ids=lambda row: row.name)
CHECK_ALL = bool(os.environ.get("LOSSDSL_CHECK_ALL"))
every_row = pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.name)

ROUNDINGS = 32
"""Roundings on the way through autograd's formulas: each function of them, forward and backward, within a few ulps."""
UNSAFE = {"digamma": 1e-10}
"""Rows whose derivative by autograd is right to that only: PyTorch's own formula."""
TIES = {
    "abs": [(0.0,)], "relu": [(0.0,)], "sign": [(0.0,)], "floor": [(2.0,)], "round": [(2.5,)],
    "clip": [(-1.0, -1.0, 1.0), (1.0, -1.0, 1.0), (0.0, 1.0, -1.0), (-2.0, 1.0, 1.0)],
    "max": [(1.0, 1.0, 1.0), (2.0, 2.0, 1.0)], "min": [(1.0, 1.0, 1.0), (1.0, 2.0, 1.0)],
    "pow": [(0.0, 0.0), (0.0, 1.0), (0.0, 2.0), (3.0, 0.0)], "atan2": [(0.0, 0.0)], "xlogy": [(0.0, 0.5)],
    "softmax_weight": [(-math.inf, -math.inf), (0.0, -math.inf)], "guarded_div": [(0.0, 2.0)],
    "logaddexp": [(-math.inf, -math.inf), (math.inf, math.inf), (0.0, 0.0)], "exprel": [(0.0,)],
}  # fmt: skip


def stated(row: Function, point: Point) -> tuple[Any, ...]:
    args = [x if row.name in ORDERED and i == 0 else Exact(mpmath.mpf(x)) for i, x in enumerate(point)]
    return tuple(plain(p) for p in partials(row.name, len(point))(OracleVocabulary(), *args))


def gradients(row: Function, point: Point, dtype: torch.dtype) -> list[float]:
    tensors = [
        x if row.name in ORDERED and i == 0 else torch.tensor(x, dtype=dtype, requires_grad=True)
        for i, x in enumerate(point)
    ]
    value = compiled(row.name, "torch", len(point))(*tensors)
    inputs = [t for t in tensors if isinstance(t, torch.Tensor)]
    if not value.requires_grad:
        return [0.0] * len(point)
    found = torch.autograd.grad(value, inputs, allow_unused=True)
    return [0.0] * (len(point) - len(inputs)) + [0.0 if g is None else float(g) for g in found]


def moderate(row: Function, dtype: torch.dtype) -> list[Point]:
    """Finite arguments, saturated ones too, from which no square overflows."""
    largest = 1e15 if dtype == torch.float32 else 1e150
    chosen = [
        p for p in points(row, np.float32 if dtype == torch.float32 else np.float64)
        if all(x == 0 or 1 / largest < abs(x) < largest for x in p) and mpmath.isfinite(row.oracle(*p))
    ]  # fmt: skip
    return chosen[:: 3 if arity(row) == 1 else 17]


@every_real_row
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_autograd_of_the_text_is_the_stated_derivative(row: Function, dtype: torch.dtype) -> None:
    """To some roundings of 1, of its size or of its sensitivity to the arguments; finite wherever the true one is."""
    assert row.torch_autograd_safe == (row.name not in UNSAFE)
    eps = max(torch.finfo(dtype).eps, UNSAFE.get(row.name, 0.0))
    for point in (*moderate(row, dtype), *TIES.get(row.name, [])):
        for position, (got, exact) in enumerate(zip(gradients(row, point, dtype), stated(row, point), strict=True)):
            if not mpmath.isfinite(exact) or abs(exact) > torch.finfo(dtype).max / 1e6:
                continue
            assert math.isfinite(got), (point, exact)
            error = abs(got - exact) / (ROUNDINGS * eps)
            if error > max(1, abs(exact)):
                spread = sensitivity(lambda *p, k=position: stated(row, p)[k], point, active(row))
                assert error <= max(1, abs(exact)) + spread, (point, position, got, exact)


@every_real_row
def test_double_backward_is_finite(row: Function) -> None:
    """At saturated arguments, for each pair: no inf - inf from a branch that is not taken."""
    count = 0
    stride = 1 if arity(row) == 1 else 5
    for point in list(ordinary(row, (0.25, 0.9, 3.5, 40.0, 300.0, 1e4)))[::stride]:
        tensors = [
            x if row.name in ORDERED and i == 0 else torch.tensor(x, dtype=torch.float64, requires_grad=True)
            for i, x in enumerate(point)
        ]
        inputs = [t for t in tensors if isinstance(t, torch.Tensor)]
        value = compiled(row.name, "torch", len(point))(*tensors)
        if not value.requires_grad or abs(float(value.detach())) > 1e70 or (row.name == "pow" and point[0] < 0):
            # a power of a negative number is no differentiable function of its exponent
            continue
        first = torch.autograd.grad(value, inputs, create_graph=True, allow_unused=True)
        for g in first:
            if g is not None and g.requires_grad:
                second = torch.autograd.grad(g, inputs, retain_graph=True, allow_unused=True)
                assert all(s is None or math.isfinite(float(s)) for s in second), point
                count += 1
    assert count or row.derivative is not None


def sample(row: Function) -> list[Any]:
    """A few arguments as vectors, a constant order as a number."""
    bounded = [p for p in points(row) if all(isinstance(x, bool) or 1e-9 < abs(x) < 50 for x in p)]
    where = bounded[:: 5 if arity(row) == 1 else 40]
    columns: list[Any] = [torch.tensor(c) for c in zip(*where, strict=True)]
    if row.name in ORDERED:
        columns[0] = 2
    return columns


@every_row
def test_vmap(row: Function) -> None:
    function, args = compiled(row.name, "torch"), sample(row)
    dims = tuple(0 if isinstance(a, torch.Tensor) else None for a in args)
    mapped = torch.func.vmap(function, in_dims=dims)(*args)
    torch.testing.assert_close(mapped, function(*args), rtol=1e-14, atol=0, equal_nan=True)


@every_real_row
def test_vmap_of_grad(row: Function) -> None:
    """Gradients per element by torch.func are those of autograd."""
    function, args = compiled(row.name, "torch"), sample(row)
    last = len(args) - 1
    dims = tuple(0 if isinstance(a, torch.Tensor) else None for a in args)
    mapped = torch.func.vmap(torch.func.grad(function, argnums=last), in_dims=dims)(*args)
    leaf = args[last].clone().requires_grad_()
    total = function(*args[:last], leaf).sum()
    expected = torch.autograd.grad(total, leaf)[0] if total.requires_grad else torch.zeros_like(leaf)
    torch.testing.assert_close(mapped, expected, rtol=1e-12, atol=0, equal_nan=True)


@pytest.mark.parametrize("row", list(TABLE.values())[:: 1 if CHECK_ALL else 3], ids=lambda row: row.name)
def test_compiles_in_one_graph(row: Function) -> None:
    """Forward and backward are captured without a graph break (`aot_eager` runs what was captured)."""
    torch._dynamo.reset()
    function, args = compiled(row.name, "torch"), sample(row)
    if row.result != "bool":
        args = [a.requires_grad_() if isinstance(a, torch.Tensor) and a.is_floating_point() else a for a in args]
    captured = torch.compile(function, fullgraph=True, backend="aot_eager")
    got, expected = captured(*args), function(*args)
    torch.testing.assert_close(got, expected, rtol=1e-14, atol=0, equal_nan=True)
    if expected.requires_grad:
        inputs = [a for a in args if isinstance(a, torch.Tensor) and a.requires_grad]
        ours = torch.autograd.grad(got.sum(), inputs, allow_unused=True)
        theirs = torch.autograd.grad(expected.sum(), inputs, allow_unused=True)
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(
                torch.zeros(()) if a is None else a, torch.zeros_like(a) if b is None and a is not None else b,
                rtol=1e-12, atol=0, equal_nan=True,
            )  # fmt: skip


MIXED = (
    "clip", "max", "min", "logaddexp", "xlogy", "guarded_mul", "guarded_div", "atan2", "mod", "hypot", "hypot_slope",
    "hypot_excess", "share", "kl_div", "log_ratio",
)  # fmt: skip


@pytest.mark.parametrize("name", MIXED)
def test_numbers_among_the_tensors(name: str) -> None:
    """A hyperparameter may stay a Python number; the dtype is the tensor's."""
    row, x = TABLE[name], torch.tensor([-1.5, 0.25, 3.0], dtype=torch.float32)
    numbers = (0.5, 2.0)[: arity(row) - 1] if row.arity else (0.5,)
    got = compiled(name, "torch", 1 + len(numbers))(x, *numbers)
    exact = torch.tensor([float(row.oracle(float(v), *numbers)) for v in x], dtype=torch.float32)
    torch.testing.assert_close(got, exact, equal_nan=True)


def test_ties_share_equally_among_any_number() -> None:
    values = torch.tensor([2.0, 1.0, 2.0, 2.0], requires_grad=True)
    compiled("max", "torch", 4)(*values).backward()
    torch.testing.assert_close(values.grad, torch.tensor([1 / 3, 0.0, 1 / 3, 1 / 3]))


def test_inputs_are_not_written_to() -> None:
    for row in TABLE.values():
        args = sample(row)
        kept = [a.clone() if isinstance(a, torch.Tensor) else a for a in args]
        compiled(row.name, "torch")(*args)
        assert all(torch.equal(a, b) for a, b in zip(args, kept, strict=True) if isinstance(a, torch.Tensor))
