"""Generated PyTorch losses under gradcheck, torch.func, torch.compile and forward mode.

The plain form (backward="autograd"), differentiated by autograd, judges the closed form.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.torch_losses import LOSSES, arguments, cases, close, compiled, from_text, function, gradients  # noqa: E402


@pytest.mark.parametrize(("name", "reduction"), cases())
def test_value_and_gradient_agree_with_autograd(name: str, reduction: str | None) -> None:
    args = arguments(name, requires_grad=True)
    closed, plain = (function(name, backward, reduction)(*args) for backward in ("closed", "autograd"))
    close(closed, plain)
    upstream = torch.randn(closed.shape, dtype=closed.dtype)
    for found, expected in zip(
        torch.autograd.grad(closed, args, upstream), torch.autograd.grad(plain, args, upstream), strict=True
    ):
        close(found, expected)


@pytest.mark.parametrize(("name", "reduction"), cases())
def test_gradcheck(name: str, reduction: str | None) -> None:
    loss, args = function(name, "closed", reduction), arguments(name, requires_grad=True)
    assert torch.autograd.gradcheck(loss, args, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(loss, args, check_fwd_over_rev=True)


@pytest.mark.parametrize("name", LOSSES)
def test_gradgradcheck_of_the_plain_form(name: str) -> None:
    assert torch.autograd.gradgradcheck(function(name, "autograd"), arguments(name, requires_grad=True))


@pytest.mark.parametrize(("name", "reduction"), cases())
@pytest.mark.parametrize("backward", ["closed", "autograd"])
def test_func_grad_and_jacobians(name: str, reduction: str | None, backward: str) -> None:
    loss, args = function(name, backward, reduction), arguments(name)
    every = tuple(range(len(args)))
    leaves = arguments(name, requires_grad=True)
    expected = gradients(loss(*leaves), leaves)
    for found, wanted in zip(torch.func.grad(lambda *a: loss(*a).sum(), argnums=every)(*args), expected, strict=True):
        close(found, wanted)
    reverse, forward = torch.func.jacrev(loss, argnums=every)(*args), torch.func.jacfwd(loss, argnums=every)(*args)
    for rows, columns, wanted in zip(reverse, forward, expected, strict=True):
        close(rows, columns)
        close(rows.reshape(-1, *wanted.shape).sum(0), wanted)


@pytest.mark.parametrize(("name", "reduction"), cases())
def test_vmap_in_and_around_grad(name: str, reduction: str | None) -> None:
    loss, args = function(name, "closed", reduction), arguments(name)
    every = tuple(range(len(args)))
    batch = [tuple(a + 0.1 * k for a in args) for k in range(3)]
    stacked = tuple(torch.stack(parts) for parts in zip(*batch, strict=True))
    close(torch.func.vmap(loss)(*stacked), torch.stack([loss(*one) for one in batch]))
    single = torch.func.grad(lambda *a: loss(*a).sum(), argnums=every)
    expected = [torch.stack(parts) for parts in zip(*(single(*one) for one in batch), strict=True)]
    inside = torch.func.vmap(single)(*stacked)
    around = torch.func.grad(lambda *a: torch.func.vmap(loss)(*a).sum(), argnums=every)(*stacked)
    leaves = tuple(s.clone().requires_grad_() for s in stacked)
    backward = gradients(torch.func.vmap(loss)(*leaves), leaves)
    for one, two, three, wanted in zip(inside, around, backward, expected, strict=True):
        close(one, wanted)
        close(two, wanted)
        close(three, wanted)


@pytest.mark.parametrize("name", LOSSES)
def test_hessians(name: str) -> None:
    args = arguments(name)
    every = tuple(range(len(args)))
    by_closed, by_plain = (
        torch.func.hessian(function(name, backward), argnums=every)(*args) for backward in ("closed", "autograd")
    )
    twice = torch.func.jacrev(torch.func.jacrev(function(name), argnums=every), argnums=every)(*args)
    for row, plain_row, twice_row in zip(by_closed, by_plain, twice, strict=True):
        for found, expected, again in zip(row, plain_row, twice_row, strict=True):
            close(found, expected)
            close(again, expected)


@pytest.mark.parametrize(
    ("name", "reduction", "backward"),
    [*((*case, "closed") for case in cases()), *((name, None, "autograd") for name in LOSSES)],
)
def test_compiles_as_one_graph(name: str, reduction: str | None, backward: str) -> None:
    torch.compiler.reset()
    loss = function(name, backward, reduction)
    graph = torch.compile(loss, fullgraph=True, backend="aot_eager")
    leaves, traced = arguments(name, requires_grad=True), arguments(name, requires_grad=True)
    value = graph(*traced)
    close(value, loss(*leaves))
    for found, expected in zip(gradients(value, traced), gradients(loss(*leaves), leaves), strict=True):
        close(found, expected)
    with torch.no_grad():
        close(graph(*arguments(name)), loss(*arguments(name)))


def test_compiles_for_any_size_and_any_hyperparameter() -> None:
    torch.compiler.reset()
    module = compiled("huber_mse").HuberMse()
    graph = torch.compile(module, fullgraph=True, backend="aot_eager")
    torch._dynamo.utils.counters.clear()
    for size in (5, 8, 13):
        for delta in (0.5, 1.0, 1.5, 2.0, 2.5):
            module.delta = delta
            pred, target = torch.randn(size, requires_grad=True), torch.randn(size)
            value = graph(pred, target)
            close(value, module(pred, target))
            close(gradients(value, [pred])[0], gradients(module(pred, target), [pred])[0])
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] < 6


def test_compiles_with_functions_of_hyperparameters() -> None:
    module = from_text(
        "loss student(x[n]; nu > 0 = 3, bins = 4):\n"
        "    e[b in bins] = b/bins\n"
        "    const = lgamma(nu) - nu^-1.5*exp(-nu) + [nu > 2]*log(nu)\n"
        "    return sum[b in bins](mean[n](log(1 + (x - e[b])^2/nu))) + const"
    )
    torch.compiler.reset()
    loss = torch.compile(lambda x, nu: module.student(x, nu=nu), fullgraph=True, backend="aot_eager")
    for nu in (1.0, 2.0, 3.0, 4.5):
        x = torch.randn(4)
        close(loss(x, nu), module.student(x, nu=nu))


@pytest.mark.parametrize("name", ["huber_mse", "info_nce"])
def test_compiles_with_inductor(name: str) -> None:
    torch.compiler.reset()
    leaves, traced = arguments(name, requires_grad=True), arguments(name, requires_grad=True)
    value = torch.compile(function(name), fullgraph=True)(*traced)
    close(value, function(name)(*leaves))
    for found, expected in zip(gradients(value, traced), gradients(function(name)(*leaves), leaves), strict=True):
        close(found, expected)


def test_compiled_per_sample_gradients() -> None:
    torch.compiler.reset()
    pred, target = torch.randn(3, 5), torch.randn(5)
    per_sample = torch.func.vmap(torch.func.grad(compiled("huber_mse").huber_mse), (0, None))
    close(torch.compile(per_sample, fullgraph=True, backend="aot_eager")(pred, target), per_sample(pred, target))


def test_gradient_comes_with_the_value_in_one_pass() -> None:
    """The backward pass of a reduced loss computes nothing but a product."""
    (logits,) = arguments("cross_entropy", requires_grad=True)
    value = function("cross_entropy")(logits)
    with counted() as backward:
        value.backward()
    assert backward.names <= {"aten.ones_like.default", "aten.mul.Tensor", "aten.detach.default"}, backward.names
    with counted() as forward:
        function("cross_entropy")(logits.detach())
    with counted() as both:
        function("cross_entropy")(logits)
    assert len(forward.calls) < len(both.calls)


def test_third_derivatives_by_autograd() -> None:
    (x,) = arguments("product")

    def third(backward: str) -> Any:
        loss = function("product", backward)
        return torch.func.grad(lambda x: torch.func.grad(lambda x: torch.func.grad(loss)(x).sum())(x).sum())(x)

    close(third("closed"), third("autograd"))


def test_data_is_not_differentiated() -> None:
    pred, target = torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True)
    for backward in ("closed", "autograd"):
        value = compiled("huber_mse", backward).huber_mse(pred, target)
        assert torch.autograd.grad(value, target, allow_unused=True, retain_graph=True) == (None,)
        assert torch.func.grad(compiled("huber_mse", backward).huber_mse, argnums=1)(pred, target).eq(0).all()


def test_an_output_is_never_an_input() -> None:
    module = from_text("loss plain(x[n] | y[n]):\n    return x[n]*1")
    x = torch.randn(3, requires_grad=True)
    value = module.plain(x, torch.zeros(3), reduction="none")
    with torch.no_grad():
        value.add_(1)
    assert not torch.equal(value, x)
    gradient = from_text("loss total(x[n], z[n] | y[n]):\n    return sum[n]((x + z)*y)")
    leaves = (torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True))
    one, two = gradients(gradient.total(*leaves, torch.ones(3)), leaves)
    one.add_(1)
    assert torch.equal(two, torch.ones(3))


class counted(torch.utils._python_dispatch.TorchDispatchMode):
    """Records the operations that run inside."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    @property
    def names(self) -> set[str]:
        return set(self.calls)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls.append(str(func))
        return func(*args, **(kwargs or {}))


def test_copies_share_nothing() -> None:
    module = compiled("learned").Learned(k=2)
    twin = copy.deepcopy(module)
    with torch.no_grad():
        twin.s.add_(1)
    assert module.s.eq(0).all()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("backward", ["closed", "autograd"])
def test_another_device(name: str, backward: str) -> None:
    """The meta device has no numbers, but every operation checks that its tensors are on one device."""
    sample = LOSSES[name]
    args = {key: value.to("meta").requires_grad_() for key, value in sample.wrt.items()}
    data = {key: value.to("meta") for key, value in sample.data.items()}
    value = getattr(compiled(name, backward), name)(**args, **data)
    first = torch.autograd.grad(value, list(args.values()), create_graph=True)
    second = torch.autograd.grad(sum(g.sum() for g in first if g.requires_grad), list(args.values()), allow_unused=True)
    assert {tensor.device.type for tensor in (value, *first, *second) if tensor is not None} == {"meta"}
