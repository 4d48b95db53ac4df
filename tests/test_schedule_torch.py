"""PyTorch in blocks of rows: the same numbers, and no tensor as large as what is not to exist at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lossdsl.backends.torch import emit, prelude
from lossdsl.backends.torch.block_runtime import _bounded, _product, _quotient, _select
from lossdsl.functions.torch_helpers import _clip, _guarded_div, _guarded_mul
from lossdsl.generated import import_generated
from lossdsl.meaning import resolve
from lossdsl.syntax import parse
from tests.test_schedule import DICE, HUBER, LINEAR, MASKED, ORDERED
from tests.test_torch_language import test_agrees_with_the_interpreter as judge_program

INFO_NCE = "loss f(a[i, d], b[j, d]; tau > 0 = 0.1):\n    s[i, j] = sum[d](a[i, d]*b[j, d])/tau\n" + (
    "    return mean[i](logsumexp[j](s[i, j]) - s[i, i])"
)
DISTILLED = "loss f(h[n, d], w[c, d] | t[n, c]):\n    z[n, c] = sum[d](h[n, d]*w[c, d])\n" + (
    "    p = softmax[c](t)\n    return mean[n](sum[c](p[n, c]*(t[n, c] - log_softmax[c](z[n, c]))))"
)
PREFERENCE = "loss f(h[n, d], w[v, d] | good[n] in v, bad[n] in v; beta > 0 = 0.5):\n" + (
    "    z[n, v] = sum[d](h[n, d]*w[v, d])\n    l[n, v] = z[n, v] - logsumexp[v](z[n, v])\n"
    "    return mean[n](softplus(beta*(l[n, bad[n]] - l[n, good[n]])))"
)


class Sizes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The numbers in each tensor that an operation makes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.made: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        views = {"aten::slice", "aten::view", "aten::detach", "aten::t", "aten::alias", "aten::expand", "aten::permute"}
        if func._schema.name not in views and not func._schema.is_mutable:
            parts = result if isinstance(result, tuple | list) else [result]
            self.made += [p.numel() for p in parts if isinstance(p, torch.Tensor) and p.dtype != torch.uint8]
        return result


def inputs(text: str, rows: int, classes: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    labels = torch.randint(0, classes, (rows,))
    if text in (LINEAR, DISTILLED, PREFERENCE):
        given: dict[str, torch.Tensor] = {"h": torch.randn(rows, 8), "w": torch.randn(classes, 8)}
        if text == DISTILLED:
            return {**given, "t": torch.randn(rows, classes)}
        return {**given, **({"y": labels} if text == LINEAR else {"good": labels, "bad": labels.flip(0)})}
    if text == INFO_NCE:
        return {"a": torch.randn(rows, 8), "b": torch.randn(rows, 8)}
    if text == HUBER:
        return {"x": torch.randn(rows), "y": torch.randn(rows)}
    x = torch.randn(rows, classes)
    if text == DICE:
        return {"x": x, "y": (x > 0.5).float()}
    labels[::5] = -100
    return {"x": x, "y": labels}


NAMED = {"linear": LINEAR, "distilled": DISTILLED, "preference": PREFERENCE, "info_nce": INFO_NCE, "masked": MASKED,
         "dice": DICE, "huber": HUBER}  # fmt: skip


@pytest.fixture(scope="module", params=list(NAMED))
def case(request: pytest.FixtureRequest) -> tuple[str, Any]:
    text = NAMED[request.param]
    return text, import_generated(emit(resolve(parse(text)).losses["f"]), "f")


def differentiable(given: dict[str, torch.Tensor]) -> list[str]:
    return [name for name in given if name in ("h", "w", "x", "a", "b")]


def results(module: Any, given: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The value and the gradients, three times: what arrives from above is not 1."""
    leaves = {name: given[name].clone().requires_grad_() for name in differentiable(given)}
    value = module.f(**{**given, **leaves})
    (3 * value).backward()
    gradients = [leaf.grad for leaf in leaves.values()]
    assert all(g is not None for g in gradients)
    return [value.detach(), *(g for g in gradients if g is not None)]


def test_blocks_agree_with_all_rows_at_once(case: tuple[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    text, module = case
    given = {k: v.double() if v.is_floating_point() else v for k, v in inputs(text, 13, 6).items()}
    assert module._rows_at_once(13, 6, True, None, "mean", list(given.values())) == 0
    whole = results(module, given)
    for rows in (1, 4, 12):
        monkeypatch.setattr(module, "_rows_at_once", lambda *_, rows=rows: rows)
        for found, expected in zip(results(module, given), whole, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)


def test_derivatives_of_the_gradient_do_not_notice(case: tuple[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    text, module = case
    monkeypatch.setattr(module, "_rows_at_once", lambda *_: 2)
    given = {k: v.double() if v.is_floating_point() else v for k, v in inputs(text, 5, 3).items()}
    names = differentiable(given)
    leaves = [given[name].clone().requires_grad_() for name in names]

    def value(*tensors: torch.Tensor) -> Any:
        return module.f(**{**given, **dict(zip(names, tensors, strict=True))})

    assert torch.autograd.gradgradcheck(value, leaves)


@pytest.mark.parametrize("text", [LINEAR, DISTILLED, PREFERENCE, INFO_NCE], ids=["linear", "kl", "preference", "nce"])
def test_logits_of_all_rows_never_exist_at_once(text: str) -> None:
    module = import_generated(emit(resolve(parse(text)).losses["f"]), "f")
    rows, classes = (3000, 3000) if text == INFO_NCE else (6000, 1500)
    given = inputs(text, rows, classes)
    with Sizes() as sizes:
        results(module, given)
    assert max(sizes.made) <= 1 << 21 < rows * classes / 2


def test_blocks_are_for_ordinary_tensors_only(case: tuple[str, Any]) -> None:
    module, (x, y) = case[1], (torch.zeros(4_000_000), torch.zeros(4_000_000))

    def rows(*tensors: torch.Tensor, upstream: Any = None, reduction: str = "mean", n: Any = 4_000_000) -> Any:
        return module._rows_at_once(n, 1, False, upstream, reduction, tensors)

    assert 0 < rows(x, y) < 4_000_000
    assert rows(x, y, upstream=torch.ones(())) > 0
    assert rows(x, y, upstream=torch.ones(4_000_000)) == 0
    assert rows(x, y, reduction="none") == 0
    assert rows(x.to("meta"), y) == 0
    assert rows(x, y, n=torch.tensor(4_000_000)) == 0
    mapped: list[int] = []

    def one(x: torch.Tensor) -> torch.Tensor:
        mapped.append(rows(x, y))
        return x

    torch.func.vmap(one)(torch.zeros(2, 3))
    assert mapped == [0]


def test_no_gradient_is_computed_that_nobody_wants() -> None:
    """The value of ten million elements makes tensors of a block only."""
    module = import_generated(emit(resolve(parse(HUBER)).losses["f"]), "f")
    x, y = torch.randn(1_000_000), torch.randn(1_000_000)
    with Sizes() as sizes:
        module.f(x, y)
    assert max(sizes.made) < 300_000
    with Sizes() as sizes:
        module.f(x.requires_grad_(), y)
    assert sum(size >= 1_000_000 for size in sizes.made) == 1  # the gradient


def test_what_is_kept_for_backward_is_the_gradient_and_the_arguments() -> None:
    module = import_generated(emit(resolve(parse(HUBER)).losses["f"]), "f")
    x, y = torch.randn(500_000, requires_grad=True), torch.randn(500_000)
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        module.f(x, y)
    own = {t.untyped_storage().data_ptr() for t in (x, y)}
    assert sum(size for pointer, size in kept.items() if pointer not in own) == 4 * 500_000


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_selections_and_products_of_blocks_are_those_of_torch(dtype: torch.dtype) -> None:
    special = torch.tensor([0.0, -0.0, float("inf"), -float("inf"), float("nan"), 1e-45, 1.5], dtype=dtype)
    x, y = special.repeat(1000), special.repeat_interleave(1000)
    c = torch.rand(7000) < 0.5
    sides: list[tuple[Any, Any]] = [(x, y), (x, 0), (0, x), (1, y), (x[:1], y), (x, torch.zeros((), dtype=dtype))]
    for a, b in sides:
        found, expected = _select(c, a, b), torch.where(c, a, b)
        assert found.dtype == expected.dtype
        torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)
        assert torch.equal(found.signbit(), expected.signbit())
    torch.testing.assert_close(_product(x, y), _guarded_mul(x, y), rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(_quotient(x, y), _guarded_div(x, y), rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(_bounded(x, -1.0, 1.0), _clip(x, -1.0, 1.0), rtol=0, atol=0, equal_nan=True)
    assert _product(x[:1], 2.0).item() == 0


def test_what_looks_at_other_rows_is_computed_at_once() -> None:
    assert "_in_blocks" not in emit(resolve(parse(ORDERED)).losses["f"])


def test_losses_for_autograd_have_no_blocks() -> None:
    assert "_in_blocks" not in emit(resolve(parse(HUBER)).losses["f"], backward="autograd")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two rows at a time, wherever that is possible."""
    text = prelude.definitions("block_runtime")["_rows_at_once"]
    fewer = text.replace("if 2 * size >= rows:\n        return 0", "return min(2, rows)")
    assert fewer != text
    monkeypatch.setitem(prelude.definitions("block_runtime"), "_rows_at_once", fewer)
    yield


NAMES = ["ignored labels", "two axes in one index", "nothing to take the maximum of", "weights by default",
         "learned scalars and arrays", "argmax as a position", "softmax with a mask"]  # fmt: skip


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("name", NAMES)
def test_two_rows_at_a_time_agree_with_the_interpreter(name: str) -> None:
    judge_program(name, "closed")
