"""Reductions by the order of a key are scans over sorted elements: the same numbers, in memory that is linear."""

from __future__ import annotations

import tracemalloc
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import lossdsl
from lossdsl.backends.native.products import large_products
from lossdsl.backends.programs import derive
from lossdsl.meaning.interpret import Interpreter

HEAD = "loss f(x[i] | t[i], kept[i] in {0, 1}):\n    return "
SORTED = {
    "sum": HEAD + "sum[i](sum[j where t[j] OP t[i]](x[j])^2)",
    "mean": HEAD + "sum[i](mean[j where t[j] OP t[i]](x[j])*x[i])",
    "count": HEAD + "sum[i](count[j where x[j] OP x[i]]*x[i])",
    "masked count": HEAD + "sum[i](count[j where x[j] OP x[i] and kept[j] == 1]*x[i])",
    "logsumexp": HEAD + "mean[i](logsumexp[j where t[j] OP t[i]](x[j]) - x[i])",
    "masks on both": HEAD + "mean[i where kept[i] == 1](logsumexp[j where t[i] OP t[j] and kept[j] == 0](x[j]) - x[i])",
    "mask on the asking": HEAD + "sum[i](x[i]*sum[j where kept[i] == 1 and t[j] OP t[i]](x[j]))",
    "without itself": HEAD + "mean[i](logsumexp[j where t[j] OP t[i] and j != i](x[j]) - x[i])",
    "sum without itself": HEAD + "sum[i](sum[j where i != j and t[j] OP t[i]](x[j])*x[i])",
    "weights": HEAD + "sum[i](x[i]*logsumexp[j where t[j] OP t[i]](2*x[j] + t[j]))",
    "two keys": HEAD + "sum[i](x[i]*sum[j where t[j] OP t[i]](x[j])) + sum[i](sum[j where x[i] OP x[j]](x[j]))",
}
OPERATORS = ("<", "<=", ">", ">=")
PLACES = {
    "before": HEAD + "sum[i](x[i]*sum[j where t[j] > t[i] or (t[j] == t[i] and j < i)](x[j]))",
    "before, from the end": HEAD + "sum[i](x[i]*sum[j where t[j] < t[i] or (j > i and t[j] == t[i])](x[j]))",
    "up to": HEAD + "sum[i](x[i]*logsumexp[j where t[j] < t[i] or (j <= i and t[i] == t[j])](x[j]))",
}
QUADRATIC = {
    "another key": HEAD + "sum[i](sum[j where t[j] >= x[i]](x[j]))",
    "another relation": HEAD + "sum[i](sum[j where t[j] >= t[i] and kept[j] == kept[i]](x[j]))",
    "a body of pairs": HEAD + "sum[i](sum[j where t[j] >= t[i]](softplus(x[j] - x[i])))",
    "two places": HEAD + "sum[i](sum[j where t[j] > t[i] or (t[j] == t[i] and j > i + 1)](x[j]))",
    "one of two": HEAD + "sum[i](sum[j where t[j] >= t[i]](x[j]) + sum[j where t[j] >= t[i]](exp(x[i]*x[j])))",
}
ROUNDINGS = 200
"""Of 7 elements: a few dozen operations each way, with weights that are sums of up to 7 terms."""


@cache
def made(text: str) -> tuple[lossdsl.api.Loss, Any, Any]:
    loss = lossdsl.loss(text)
    return loss, loss.numpy(), loss.torch()


def sorts(loss: lossdsl.api.Loss) -> list[bool]:
    return ["_in_order(" in loss.source(backend) for backend in ("numpy", "torch")]


def inputs(case: str, size: int) -> dict[str, Any]:
    draw = np.random.default_rng(size)
    x, t, kept = draw.normal(size=size), draw.normal(size=size), draw.integers(0, 2, size)
    match case:
        case "ties":
            x, t = np.round(2 * x) / 2, np.round(t)
        case "all equal":
            t = np.zeros(size)
        case "far apart":
            x *= 300
    return {"x": x, "t": t, "kept": kept}


def results(loss: lossdsl.api.Loss, given: dict[str, Any]) -> list[list[Any]]:
    _, for_numpy, for_torch = made(loss.text)
    value, slope = for_numpy.value_and_grad(**given)
    tensors = {name: torch.tensor(v) for name, v in given.items()}
    x = tensors["x"].requires_grad_()
    found = for_torch(**tensors)
    (grad,) = torch.autograd.grad(found, x)
    return [[value, slope], [found.detach().numpy(), grad.numpy()]]


def assert_agrees(loss: lossdsl.api.Loss, given: dict[str, Any]) -> None:
    judge = Interpreter(loss.program, digits=60).bind(given)
    value, slope = float(judge.value()), np.array([float(g) for g in judge.gradient("x")])
    size = max(float(np.max(np.abs(given["x"]), initial=1.0)) ** 2, np.max(np.abs(slope), initial=0.0), abs(value))
    for got, grad in results(loss, given):
        np.testing.assert_allclose(got, value, rtol=0, atol=ROUNDINGS * np.finfo(float).eps * size)
        np.testing.assert_allclose(grad, slope, rtol=0, atol=ROUNDINGS * np.finfo(float).eps * size)


@pytest.mark.parametrize("name", SORTED)
@pytest.mark.parametrize("op", OPERATORS)
def test_agrees_with_the_interpreter(name: str, op: str) -> None:
    loss, _, _ = made(SORTED[name].replace("OP", op))
    assert sorts(loss) == [True, True]
    for case, size in (("ties", 7), ("all equal", 4), ("far apart", 6), ("ties", 1), ("ties", 0)):
        assert_agrees(loss, inputs(case, size))


@pytest.mark.parametrize("name", PLACES)
def test_ties_by_place_are_a_stable_sort(name: str) -> None:
    loss, _, _ = made(PLACES[name])
    assert sorts(loss) == [True, True]
    for case in ("ties", "all equal", "far apart"):
        assert_agrees(loss, inputs(case, 6))


@pytest.mark.parametrize("name", QUADRATIC)
def test_what_is_no_scan_stays_as_it_is(name: str) -> None:
    """All of a function or nothing: where pairs are there anyway, their errors cancel between the sums."""
    loss, _, _ = made(QUADRATIC[name])
    assert sorts(loss) == [False, False]
    assert_agrees(loss, inputs("ties", 5))


@pytest.mark.parametrize("op", OPERATORS)
def test_nan_compares_with_nothing(op: str) -> None:
    loss, _, _ = made(SORTED["sum"].replace("OP", op))
    given = inputs("ties", 6)
    given["t"][[1, 4]] = np.nan
    t, x = given["t"], given["x"]
    compare = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}[op]
    expected = np.sum(np.where(compare(t[None], t[:, None]), x, 0).sum(1) ** 2)
    for got, _ in results(loss, given):
        np.testing.assert_allclose(got, expected, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_whole_number_keys_are_compared_whole(dtype: Any) -> None:
    """2^24 and 2^24 + 1 are one number in float32."""
    loss = lossdsl.loss(
        "loss f(x[i] | w[c], k[i] in c):\n    return w[0] + sum[i](x[i]*sum[j where k[j] > k[i]](x[j]))"
    )
    assert "_in_order(" in loss.source("numpy")
    weights, k = np.broadcast_to(dtype(0), 2**24 + 2), np.array([2**24, 2**24 + 1, 2**24])
    assert loss.numpy()(np.array([1.0, 2.0, 3.0], dtype), weights, k) == 8.0


def test_infinite_elements() -> None:
    _, for_numpy, _ = made(SORTED["logsumexp"].replace("OP", ">="))
    x, t = np.array([0.0, -np.inf, 1.0]), np.array([1.0, 2.0, 2.0])
    given = {"x": x, "t": t, "kept": np.array([0, 0, 0])}
    values = for_numpy(**given, reduction="none")
    np.testing.assert_allclose(values, [np.log(1 + np.e), np.inf, 0.0], rtol=1e-15)


def test_a_certain_risk_keeps_its_digits() -> None:
    """log(1 + exp(-40)) and its gradient, next to which 1 is lost."""
    cox = lossdsl.catalogue["survival"]["cox_breslow"].numpy()
    value, slope = cox.value_and_grad(np.array([40.0, 0.0]), np.array([1.0, 2.0]), np.array([1, 0]))
    np.testing.assert_allclose(value, np.log1p(np.exp(-40.0)), rtol=1e-15)
    small = np.exp(-40.0) / (1 + np.exp(-40.0))
    np.testing.assert_allclose(slope, [-small, small], rtol=1e-15)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("scale", [0.1, 5.0, 30.0])
@pytest.mark.parametrize("level", [0.0, 1000.25])
def test_exponentials_beside_a_common_peak_keep_their_digits(scale: float, ties: bool, level: float) -> None:
    """Risks within 40 are summed beside one peak, others beside that of each sum: in float32 as right as in float64."""
    cox = lossdsl.catalogue["survival"]["cox_breslow"].numpy()
    draw = np.random.default_rng(7)
    risk = (level + scale * draw.normal(size=400)).astype(np.float32)
    time = (draw.integers(0, 100, 400) if ties else draw.permutation(400)).astype(np.float32)
    event = draw.integers(0, 2, 400)
    exact = cox(risk.astype(float), time, event, reduction="none")
    found = cox(risk, time, event, reduction="none")
    kept = event == 1
    np.testing.assert_allclose(found[kept], exact[kept], rtol=16 * np.finfo(np.float32).eps)
    slope = cox.value_and_grad(risk.astype(float), time, event)[1]
    error = np.abs(cox.value_and_grad(risk, time, event)[1] - slope)
    assert error.max() < 8 * np.finfo(np.float32).eps * np.abs(slope).max()


LARGE = {
    "cox": ("survival", "cox_breslow", lambda n, draw: (draw.normal(size=n), draw.exponential(size=n), draw.integers(0, 2, n))),
    "lovasz": ("segmentation", "lovasz_hinge", lambda n, draw: (draw.normal(size=(1, n)), draw.integers(0, 2, (1, n)))),
    "listmle": ("ranking", "listmle", lambda n, draw: (draw.normal(size=(1, n)), draw.normal(size=(1, n)))),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_memory_is_linear(name: str) -> None:
    """60 arrays of the size of the input at most, where one of pairs would be as large as 4,000."""
    family, loss, arguments = LARGE[name]
    made_loss, size = lossdsl.catalogue[family][loss], 4000
    given = arguments(size, np.random.default_rng(0))
    for_numpy = made_loss.numpy()
    tracemalloc.start()
    for_numpy.value_and_grad(*given)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60 * 8 * size
    assert "_in_order(" in made_loss.source("torch")


def test_a_scan_adds_in_pairs() -> None:
    """Running sums of a million times 0.1 in single precision: one after the other they are off by a tenth."""
    loss = lossdsl.loss("loss f(x[i] | t[i]):\n    return max[i](sum[j where t[j] >= t[i]](x[j]))")
    count = 1_000_000
    value = loss.numpy()(np.full(count, 0.1, np.float32), np.arange(count, dtype=np.float32))
    assert abs(value / (count * np.float64(np.float32(0.1))) - 1) < 20 * np.finfo(np.float32).eps


def test_the_native_kernel_leaves_many_pairs_to_the_sort() -> None:
    loss = lossdsl.catalogue["survival"]["cox_breslow"]
    derived = derive(loss.program)
    loops = large_products(derived.table, [derived.element.node, derived.gradient["risk"].node])
    assert len(loops) == 4  # peak, total, others, gradient
    assert all(len(indices) == 2 for indices in loops)
    given = LARGE["cox"][2](1000, np.random.default_rng(0))
    value, slope = loss.native().value_and_grad(*given)
    expected, expected_slope = loss.numpy().value_and_grad(*given)
    assert value == expected
    np.testing.assert_array_equal(slope, expected_slope)
