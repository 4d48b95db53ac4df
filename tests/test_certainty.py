"""A softmax that is certain: values, gradients and Hessian diagonals have the digits of what is left for the others.

Every loss here is compared with the interpreter at many digits, at inputs where one logit stands far above the others.
Typed directly, the value is log(1 + 1e-17) = 0 there, the gradient p - 1 = 0, the Hessian p - p^2 = 0.
"""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
import torch

from lossdsl.backends import numpy as numpy_backend
from lossdsl.backends import torch as torch_backend
from lossdsl.backends.certainty import LONGEST, _as_sum, _terms, by_complements
from lossdsl.backends.expand import stage_nodes
from lossdsl.calculus.gradient import gradient
from lossdsl.generated import import_generated
from lossdsl.ir.lower import lower
from lossdsl.meaning import core, resolve
from lossdsl.meaning.interpret import Interpreter
from lossdsl.syntax import parse

DIGITS = 300
ULPS = 16
"""Each of the few operations between the exponentials and the result rounds once; exp itself is within 1."""

BLOCK = "loss f(z[n, c] | label[n] in c):\n    "
HEAD = BLOCK + "return "
LOSSES = {
    "label": HEAD + "mean[n](logsumexp[c](z) - z[n, label[n]])",
    "log_softmax": BLOCK + "q[n, c] = log_softmax[c](z)\n    return -sum[n](q[n, label[n]])",
    "log of softmax": BLOCK + "p[n, c] = softmax[c](z)\n    return -mean[n](log(p[n, label[n]]))",
    "temperature": "loss f(z[n, c] | label[n] in c; tau > 0 = 0.5):\n    s[n, c] = z/tau\n"
    "    return mean[n](logsumexp[c](s) - s[n, label[n]])",
    "weights": "loss f(z[n, c] | label[n] in c, w[c] > 0 = 0.7):\n"
    "    return sum[n](w[label[n]]*(logsumexp[c](z) - z[n, label[n]]))/sum[n](w[label[n]])",
    "ignored": "loss f(z[n, c] | label[n] in c or {-1}):\n"
    "    return mean[n where label[n] != -1](logsumexp[c](z) - z[n, label[n]])",
    "mask": HEAD + "mean[n](logsumexp[c where c != 1](z) - z[n, label[n]])",
    "targets": "loss f(z[n, c] | label[n] in c):\n    y[n, c] = [c == label[n]]\n"
    "    return mean[n](-sum[c](y*log_softmax[c](z)))",
    "focal": "loss f(z[n, c] | label[n] in c; gamma >= 0 = 1.5):\n    p[n, c] = softmax[c](z)\n"
    "    return mean[n](-(1 - p[n, label[n]])^gamma*log(p[n, label[n]]))",
    "error": BLOCK + "p[n, c] = softmax[c](z)\n    return mean[n](1 - p[n, label[n]])",
}
"""Losses of logits; where the gradient of the others cancels in the formula itself, they are not compared."""


def compiled(text: str) -> tuple[core.Program, Any, Any]:
    program = resolve(parse(text + "\n")).losses["f"]
    return (
        program,
        import_generated(numpy_backend.emit(program), "f"),
        import_generated(torch_backend.emit(program), "f"),
    )


def rows(gap: float, dtype: Any) -> list[dict[str, Any]]:
    """One logit is `gap` above the others: the right one, a wrong one; or two share the first place."""
    z = np.array([[gap, 0.0, -1.0, 0.5], [0.25, -1.0, gap, 1.0], [-2.0, 3.0, 1.0, gap], [gap, gap, 0.0, gap]])
    labels = [0, 0, 3, 3]
    return [{"z": row[None].astype(dtype), "label": np.array([k])} for row, k in zip(z, labels, strict=True)]


def judged(program: core.Program, inputs: dict[str, Any], name: str = "z") -> list[Any]:
    """Value, gradient and Hessian diagonal in exact arithmetic, as floats."""
    judge = Interpreter(program, digits=DIGITS).bind(inputs)
    with mpmath.workdps(DIGITS):
        found = [judge.value(), judge.gradient(name), judge.hessian_diagonal(name)]
        return [np.array([float(v) for v in np.ravel(np.asarray(each, dtype=object))]) for each in found]


def numpy_results(module: Any, inputs: dict[str, Any]) -> list[Any]:
    value, slope = module.f_value_and_grad(**inputs)
    return [np.ravel(each) for each in (value, slope, module.f_hess_diag(**inputs))]


def torch_results(module: Any, inputs: dict[str, Any], name: str = "z") -> list[Any]:
    """The diagonal of the Hessian from products with unit vectors."""
    tensors = {key: torch.tensor(value) for key, value in inputs.items()}
    x = tensors[name].requires_grad_(True)
    value = module.f(**tensors)
    (slope,) = torch.autograd.grad(value, x, create_graph=True)
    flat = slope.reshape(-1)
    rows = [torch.autograd.grad(each, x, retain_graph=True)[0].reshape(-1) for each in flat]
    diagonal = torch.stack([row[k] for k, row in enumerate(rows)])
    return [each.detach().reshape(-1).numpy() for each in (value, slope, diagonal)]


def assert_digits(got: list[Any], expected: list[Any], dtype: Any) -> None:
    info = np.finfo(dtype)
    for found, exact in zip(got, expected, strict=True):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, exact, rtol=ULPS * info.eps, atol=info.tiny)


SECOND_ORDER_CANCELS = ("focal", "error")
"""Their Hessians are sums of terms of either sign, which cancel in other ways than p - p^2."""


@pytest.mark.parametrize("name", LOSSES)
def test_every_digit_of_a_certain_answer(name: str) -> None:
    program, for_numpy, for_torch = compiled(LOSSES[name])
    count = 2 if name in SECOND_ORDER_CANCELS else 3
    for dtype, gap in ((np.float64, 40.0), (np.float64, 300.0), (np.float32, 18.0), (np.float32, 60.0)):
        for inputs in rows(gap, dtype):
            expected = judged(program, inputs)[:count]
            assert_digits(numpy_results(for_numpy, inputs)[:count], expected, dtype)
            assert_digits(torch_results(for_torch, inputs)[:count], expected, dtype)


SETS = {
    "pairs": "loss f(z[i, j]):\n    return mean[i](logsumexp[j](z) - z[i, i])",
    "both ways": "loss f(z[i, j]):\n    rows = mean[i](logsumexp[j](z) - z[i, i])\n"
    "    return rows/2 + mean[j](logsumexp[i](z[i, j]) - z[j, j])/2",
    "positives": "loss f(z[i, j] | positive[i] in j):\n"
    "    return mean[i](logsumexp[j where j != i](z) - z[i, positive[i]])",
}


@pytest.mark.parametrize("name", SETS)
def test_every_digit_where_each_is_paired_with_one(name: str) -> None:
    program, for_numpy, for_torch = compiled(SETS[name])
    z = np.full((4, 4), 0.5) + np.arange(16).reshape(4, 4) / 8
    paired = np.array([0, 1, 2, 3]) if name != "positives" else np.array([1, 2, 3, 0])
    z[np.arange(4), paired] += 40.0
    inputs = {"z": z} if name != "positives" else {"z": z, "positive": paired}
    expected = judged(program, inputs)
    assert_digits(numpy_results(for_numpy, inputs), expected, np.float64)
    assert_digits(torch_results(for_torch, inputs), expected, np.float64)


COX = (
    "loss f(z[i] | time[i] >= 0, event[i] in {0, 1}):\n"
    "    return mean[i where event[i] == 1](logsumexp[j where time[j] >= time[i]](z[j]) - z[i])"
)


def test_every_digit_of_a_partial_likelihood() -> None:
    """Whoever has the first event has by far the highest risk, and so on: nothing is left to explain."""
    program, for_numpy, for_torch = compiled(COX)
    inputs = {
        "z": np.array([165.0, 120.0, 85.0, 40.0]), "time": np.arange(4.0), "event": np.array([1.0, 1.0, 0.0, 1.0]),
    }  # fmt: skip
    expected = judged(program, inputs)
    assert_digits(numpy_results(for_numpy, inputs), expected, np.float64)
    assert_digits(torch_results(for_torch, inputs)[:2], expected[:2], np.float64)


@pytest.mark.parametrize("name", ["label", "mask", "targets", "focal"])
def test_what_autograd_goes_through_has_the_same_value(name: str) -> None:
    program = resolve(parse(LOSSES[name] + "\n")).losses["f"]
    module = import_generated(torch_backend.emit(program, backward="autograd"), "f")
    for inputs in rows(40.0, np.float64):
        value, slope, _ = judged(program, inputs)
        x = torch.tensor(inputs["z"], requires_grad=True)
        got = module.f(x, torch.tensor(inputs["label"]))
        got.backward()
        np.testing.assert_allclose(got.detach().numpy(), value[0], rtol=ULPS * np.finfo(float).eps)
        # autograd takes p - 1 itself: right to the precision of the numbers that it subtracts
        np.testing.assert_allclose(x.grad.numpy().ravel(), slope, rtol=1e-14, atol=4 * np.finfo(float).eps)


@pytest.mark.parametrize("backward", ["closed", "autograd"])
def test_nothing_and_infinities(backward: Any) -> None:
    """-inf of nothing and of -inf alone, with gradient 0; +inf is the value where it stands."""
    program = resolve(parse("loss f(z[n, c]):\n    return sum[n](logsumexp[c where z < 1e30](z))\n")).losses["f"]
    open_ = resolve(parse("loss f(z[n, c]):\n    return logsumexp[c](z)\n")).losses["f"]
    inf = np.inf
    for checked, z, value in (
        (program, [[1e31, 1e31]], -inf),
        (program, [[-inf, 1e31]], -inf),
        (open_, [[-inf, -inf]], -inf),
        (open_, [[0.0, inf]], inf),
        (open_, [[-inf, 2.0]], 2.0),
        (open_, np.zeros((1, 0)), -inf),
    ):
        array = np.asarray(z, dtype=float)
        for_numpy = import_generated(numpy_backend.emit(checked), "f")
        assert for_numpy.f_value_and_grad(array)[0] == value
        x = torch.tensor(array, requires_grad=True)
        got = import_generated(torch_backend.emit(checked, backward=backward), "f").f(x)
        assert got.item() == value
        got.backward()
        if value == -inf:
            assert for_numpy.f_value_and_grad(array)[1].tolist() == np.zeros(array.shape).tolist()
            assert x.grad.tolist() == np.zeros(array.shape).tolist()


def complemented(text: str) -> bool:
    """Whether a sum of the gradient is joined to a complement."""
    lowered = lower(resolve(parse(text + "\n")).losses["f"])
    (_, node), *_ = gradient(lowered, ["z"]).by_name.values()
    nodes = stage_nodes(lowered.table, [node])
    return any(n.op in ("add", "sub") and by_complements(lowered.table, n) is not None for n in nodes)


@pytest.mark.parametrize("text", [*LOSSES.values(), *SETS.values(), COX])
def test_a_sum_is_joined(text: str) -> None:
    if text is not LOSSES["error"]:  # whose gradient is a product
        assert complemented(text)


NEAR_MISSES = {
    "half of the logit": HEAD + "mean[n](logsumexp[c](z) - z[n, label[n]]/2)",
    "another array": "loss f(z[n, c], x[n, c] | label[n] in c):\n    return mean[n](logsumexp[c](x) - z[n, label[n]])",
    "left out of the risk set": COX.replace(">= time[i]", "> time[i]"),
    "another target": "loss f(z[n, c] | y[n, c]):\n    return mean[n](-sum[c](y*z) + sum[c](y^2)*logsumexp[c](z))",
}


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_a_near_miss_stays(name: str) -> None:
    assert not complemented(NEAR_MISSES[name])


def test_a_sum_of_many_terms_is_left_alone() -> None:
    """So that the time for a sum stays short; a hundred terms are no obstacle."""
    lowered = lower(resolve(parse(LOSSES["label"] + "\n")).losses["f"])
    (_, node), *_ = gradient(lowered, ["z"]).by_name.values()
    g = lowered.graph
    assert by_complements(lowered.table, node) is not None
    few, many = (
        g.total([*(g.apply("exp", g.const(k)) for k in range(1, count)), node.args[0]]) for count in (100, 2 * LONGEST)
    )
    assert by_complements(lowered.table, g.raw("add", few, node.args[1])) is not None
    assert by_complements(lowered.table, g.raw("add", many, node.args[1])) is None


def test_the_exponentials_are_computed_once() -> None:
    """Those of the gradient and of the value are the same, though the formulas name their index differently."""
    program = resolve(parse(LOSSES["focal"] + "\n")).losses["f"]
    text = numpy_backend.emit(program)
    start = text.index("def f_value_and_grad")
    assert text[start : text.index("def f_hess_diag")].count("np.exp(z_rows - ") == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_sigmoid_below_the_normal_numbers(dtype: torch.dtype) -> None:
    """exp(-x) overflows before 1/(1 + exp(-x)) is 0."""
    program = resolve(parse("loss f(x[n]):\n    return sigmoid(x)\n")).losses["f"]
    x = torch.linspace(-103, -86, 200, dtype=dtype) if dtype == torch.float32 else torch.linspace(-744, -705, 200)
    x = x.to(dtype).requires_grad_(True)
    exact = [float(1 / (1 + mpmath.exp(-mpmath.mpf(v)))) for v in x.tolist()]
    tiny = float(np.finfo(np.float32 if dtype == torch.float32 else np.float64).smallest_subnormal)
    for backward in ("closed", "autograd"):
        value = import_generated(torch_backend.emit(program, backward=backward), "f").f(x, reduction="none")
        (slope,) = torch.autograd.grad(value.sum(), x)
        for got in (value.detach(), slope):
            np.testing.assert_allclose(got.numpy(), exact, rtol=4 * torch.finfo(dtype).eps, atol=2 * tiny)


def test_what_a_softmax_leaves_out_may_overflow() -> None:
    """The logit of the element itself is 2000 above the others, which the mask leaves it out of."""
    text = (
        "loss f(z[i, d] | label[i]; tau > 0 = 0.001):\n    s[i, j] = sum[d](z[i, d]*z[j, d])/tau\n"
        "    others[i] = logsumexp[k where label[k] != label[i]](s[i, k])\n"
        "    return mean[i, j where i != j and label[i] == label[j]](softplus(others[i] - s[i, j]))"
    )
    program, f, g = compiled(text)
    inputs = {"z": np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]]), "label": np.array([0.0, 1.0, 2.0])}
    products = f.f_hvp(**inputs, vector=np.ones((3, 2)))
    np.testing.assert_array_equal(products, np.zeros((3, 2)))
    np.testing.assert_array_equal(f.f_hess_diag(**inputs), np.zeros((3, 2)))
    tensor = torch.tensor(inputs["z"], requires_grad=True)
    (slope,) = torch.autograd.grad(g.f(tensor, torch.tensor(inputs["label"])), tensor, create_graph=True)
    (twice,) = torch.autograd.grad(slope.sum(), tensor)
    np.testing.assert_array_equal(twice.numpy(), np.zeros((3, 2)))
    assert np.all(np.array(Interpreter(program).bind(inputs).hessian_diagonal("z"), dtype=float) == 0)


def test_what_is_remembered_of_a_sum_is_not_sorted() -> None:
    """Its terms stand in the order of the formula, for whoever asks next."""
    lowered = lower(resolve(parse("loss f(x):\n    return sin(x) - x\n")).losses["f"])
    terms = list(_terms(lowered.table, lowered.element) or ())
    assert _as_sum(lowered.table, lowered.element)[1] != tuple(terms)
    assert _terms(lowered.table, lowered.element) == terms
