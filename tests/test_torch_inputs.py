"""What generated PyTorch losses take: dtypes, layouts, sizes, labels; and what they say of arguments that are wrong."""

from __future__ import annotations

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.torch_losses import LOSSES, arguments, cases, close, compiled, from_text, function, gradients  # noqa: E402

FORMS = ["closed", "autograd"]
HALF = [torch.float16, torch.bfloat16]


# ---------------------------------------------------------------- dtypes


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("backward", FORMS)
@pytest.mark.parametrize(("name", "reduction"), cases())
def test_half_precision_is_computed_in_float32(name: str, reduction: str | None, backward: str, dtype: Any) -> None:
    halves = tuple(a.to(dtype).requires_grad_() for a in arguments(name))
    singles = tuple(h.detach().float().requires_grad_() for h in halves)
    sample = LOSSES[name]
    single_data = {key: v.float() if v.is_floating_point() else v for key, v in sample.data.items()}
    loss = getattr(compiled(name, backward), name)
    options = {} if reduction is None else {"reduction": reduction}
    names = list(sample.wrt)
    value = loss(**dict(zip(names, halves, strict=True)), **single_data, **options)
    expected = loss(**dict(zip(names, singles, strict=True)), **single_data, **options)
    assert value.dtype == torch.float32
    close(value, expected, rtol=0, atol=0)
    for half, single in zip(gradients(value, halves), gradients(expected, singles), strict=True):
        assert half.dtype == dtype
        close(half, single.to(dtype), rtol=0, atol=0)


@pytest.mark.parametrize("backward", FORMS)
@pytest.mark.parametrize("name", LOSSES)
def test_autocast_changes_nothing(name: str, backward: str) -> None:
    """The backward pass of the plain form is PyTorch's own, so that it follows autocast where it runs inside."""
    args = tuple(a.float().requires_grad_() for a in arguments(name))
    data = {key: v.float() if v.is_floating_point() else v for key, v in LOSSES[name].data.items()}
    loss = getattr(compiled(name, backward), name)

    def run(forward: Any, backward: Any) -> tuple[Any, Any, Any]:
        with forward:
            value = loss(**dict(zip(LOSSES[name].wrt, args, strict=True)), **data)
        with backward:
            return value, *derivatives(value)

    def derivatives(value: Any) -> tuple[Any, Any]:
        first = torch.autograd.grad(value, args, create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in first), args, allow_unused=True)
        return first, [torch.zeros_like(a) if s is None else s for a, s in zip(args, second, strict=True)]

    off, on = torch.autocast("cpu", enabled=False), torch.autocast("cpu", dtype=torch.bfloat16)
    expected = run(off, off)
    for one, other in zip(run(on, on if backward == "closed" else off), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_the_widest_dtype_decides() -> None:
    module = compiled("huber_mse")
    single, double = torch.randn(3, requires_grad=True), torch.randn(3, dtype=torch.float64)
    value = module.huber_mse(single, double)
    assert value.dtype == torch.float64
    assert gradients(value, [single])[0].dtype == torch.float32
    assert module.huber_mse(single.half(), single.bfloat16()).dtype == torch.float32
    assert module.huber_mse(single, torch.tensor([1, 2, 3])).dtype == torch.float32
    assert module.huber_mse(torch.tensor([1, 2, 3]), torch.tensor([True, False, True])).dtype == torch.float32


def test_whole_numbers_and_booleans_are_numbers() -> None:
    loss = compiled("masked_error").masked_error
    x, y = torch.tensor([[1, 2], [3, 4]]), torch.tensor([[True, False], [True, True]])
    close(loss(x, y, y), loss(x.float(), y.float(), y.float()))


def test_complex_numbers_are_refused() -> None:
    with pytest.raises(TypeError, match=r"pred must hold real numbers, got dtype torch.complex64"):
        compiled("huber_mse").huber_mse(torch.zeros(2, dtype=torch.complex64), torch.zeros(2))


def test_numbers_and_lists_are_taken_for_tensors() -> None:
    module = from_text("loss line(a, x[n] | y[n]):\n    return mean[n]((a*x - y)^2)")
    assert module.line(2.0, [1.0, 2.0], [2.0, 3.0]).item() == pytest.approx(0.5)


# ---------------------------------------------------------------- layouts and sizes


@pytest.mark.parametrize("backward", FORMS)
@pytest.mark.parametrize(("name", "reduction"), cases())
def test_layout_does_not_matter(name: str, reduction: str | None, backward: str) -> None:
    loss = function(name, backward, reduction)
    args = arguments(name, requires_grad=True)
    scattered = tuple(torch.stack([a, torch.full_like(a, math.nan)], -1).detach().requires_grad_() for a in args)
    value = loss(*(s[..., 0] for s in scattered))
    close(value, loss(*args))
    for found, expected in zip(gradients(value, scattered), gradients(loss(*args), args), strict=True):
        close(found[..., 0], expected)
        assert found[..., 1].eq(0).all()
    turned = tuple(a.detach().T.contiguous().T.requires_grad_() if a.ndim == 2 else a for a in args)
    for found, expected in zip(gradients(loss(*turned), turned), gradients(loss(*args), args), strict=True):
        close(found, expected)


@pytest.mark.parametrize("backward", FORMS)
@pytest.mark.parametrize(("name", "reduction"), cases())
def test_expanded_inputs(name: str, reduction: str | None, backward: str) -> None:
    loss = function(name, backward, reduction)
    args = arguments(name)
    bases = tuple(torch.full((), 0.3, dtype=torch.float64).requires_grad_() for _ in args)
    dense = tuple(torch.full(a.shape, 0.3, dtype=torch.float64).requires_grad_() for a in args)
    value = loss(*(base.expand(a.shape) for base, a in zip(bases, args, strict=True)))
    close(value, loss(*dense))
    for found, expected in zip(gradients(value, bases), gradients(loss(*dense), dense), strict=True):
        close(found, expected.sum())


EMPTY = {
    "huber_mse": ({"pred": (0,), "target": (0,)}, 0.0),
    "cross_entropy": ({"logits": (0, 3), "label": (0,)}, 0.0),
    "masked_error": ({"x": (0, 4), "y": (0, 4), "valid": (0, 4)}, 0.0),
    "cox": ({"risk": (0,), "time": (0,), "event": (0,)}, 0.0),
    "info_nce": ({"a": (0, 2), "b": (0, 2)}, 0.0),
    "dice": ({"p": (0, 3), "y": (0, 3)}, 0.0),
    "per_pixel": ({"x": (2, 0, 3), "label": (2, 0)}, 0.0),
    "product": ({"x": (2, 0)}, 0.0),
    "poisson": ({"score": (0,), "hits": (0,)}, 0.0),
}


@pytest.mark.parametrize("backward", FORMS)
@pytest.mark.parametrize("name", EMPTY)
def test_nothing_costs_nothing(name: str, backward: str) -> None:
    shapes, expected = EMPTY[name]
    given = {key: torch.zeros(shape) for key, shape in shapes.items()}
    wrt = [given[key].requires_grad_() for key in LOSSES[name].wrt]
    loss = getattr(compiled(name, backward), name)
    value = loss(**given)
    assert value.item() == expected
    for gradient, tensor in zip(gradients(value, wrt), wrt, strict=True):
        assert gradient.shape == tensor.shape
        assert gradient.eq(0).all()
    if LOSSES[name].per_element:
        assert loss(**given, reduction="none").isfinite().all()


@pytest.mark.parametrize("backward", FORMS)
def test_extrema_of_nothing(backward: str) -> None:
    module = from_text(
        "loss f(x[n, c]):\n    return sum[n](exp(max[c](x)) + exp(-min[c](x)) + exp(logsumexp[c](x)) + norm[c](x))",
        backward,
    )
    x = torch.zeros(2, 0, requires_grad=True)
    value = module.f(x)
    assert value.item() == 0
    assert gradients(value, [x])[0].shape == (2, 0)


@pytest.mark.parametrize("name", ["dice", "per_pixel", "poisson"])
def test_any_number_of_axes(name: str) -> None:
    loss = getattr(compiled(name), name)
    last = (3,) if name == "per_pixel" else ()
    for shape in [(), (4,), (2, 3), (2, 1, 2)]:
        x = torch.rand((*shape, *last), requires_grad=True)
        data = torch.randint(0, 2, shape)
        value = loss(x, data)
        assert gradients(value, [x])[0].shape == x.shape
        if name != "dice":
            assert loss(x, data, reduction="none").shape == shape
            close(loss(x, data, reduction="none").mean(), value)


# ---------------------------------------------------------------- errors


def test_a_column_against_a_vector_is_an_error_that_says_so() -> None:
    loss = compiled("huber_mse").huber_mse
    with pytest.raises(ValueError, match=r"pred is declared pred\[n\], so it has 1 axis, but got shape \(5, 1\)"):
        loss(torch.zeros(5, 1), torch.zeros(5))
    with pytest.raises(ValueError, match=r"target is declared target\[n\], so it has 1 axis, but got shape \(5, 1\)"):
        loss(torch.zeros(5), torch.zeros(5, 1))


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("huber_mse", ((5,), (4,)), "axis n has size 5 in pred but 4 in target"),
        ("cross_entropy", ((5, 3), (3,)), "axis n has size 5 in logits but 3 in label"),
        ("info_nce", ((5, 3), (5, 2)), "axis d has size 3 in a but 2 in b"),
        ("info_nce", ((5, 3), (4, 3)), "runs over both axis i of `s` and axis j of `s`, of sizes 5 and 4"),
        ("dice", ((2, 3), (3, 2)), r"the axes .. have shape \(2, 3\) in p but \(3, 2\) in y"),
        ("per_pixel", ((), ()), r"x is declared x\[.., c\], so it has at least 1 axis, but got shape \(\)"),
    ],
)
def test_sizes_that_clash_are_named(name: str, given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(compiled(name), name)(*(torch.zeros(shape) for shape in given))


def test_an_axis_of_fixed_size() -> None:
    module = from_text("loss box(b[n, 4]):\n    return mean[n](b[n, 0]*b[n, -1])")
    with pytest.raises(ValueError, match=r"b is declared b\[n, 4\], but got shape \(2, 5\)"):
        module.box(torch.zeros(2, 5))


def test_a_size_that_nobody_gives() -> None:
    module = from_text("loss f(x[n] | w[k] = 1):\n    return mean[n](x) + sum[k](w)")
    with pytest.raises(ValueError, match="w gives the size of axis k, so it is needed"):
        module.f(torch.zeros(2))
    assert module.f(torch.zeros(2), torch.ones(3)).item() == 3


def test_hyperparameters_are_always_checked() -> None:
    loss = compiled("huber_mse").huber_mse
    for value in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match=f"delta must be > 0, got {value}"):
            loss(torch.zeros(2), torch.zeros(2), delta=value)
    with pytest.raises(ValueError, match=r"alpha must be in \[0, 1\], got 1.5"):
        loss(torch.zeros(2), torch.zeros(2), alpha=1.5)
    with pytest.raises(TypeError, match="delta is a number; declare it `learn` in the loss to train it"):
        loss(torch.zeros(2), torch.zeros(2), delta=torch.ones((), requires_grad=True))


def test_an_unknown_reduction_is_named() -> None:
    for backward in FORMS:
        with pytest.raises(ValueError, match='reduction must be "mean", "sum" or "none", got \'avg\''):
            compiled("huber_mse", backward).huber_mse(torch.zeros(2), torch.zeros(2), reduction="avg")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "dice",
            {"p": torch.eye(2, 3) + 0.5},
            r"p must be in \[0, 1\], got 1.5 at position \[0, 0\]",
        ),
        ("dice", {"y": torch.tensor([[0, 1, 1], [2, 0, 0]])}, r"y must be in {0, 1}, got 2 at position \[1, 0\]"),
        ("cross_entropy", {"label": torch.tensor([0, 2, 1, 3])}, r"label must be in c, got 3 at position \[3\]"),
        ("cox", {"time": torch.tensor([1.0, 2, math.nan, 3, 4, 5])}, r"time must be >= 0, got nan at position \[2\]"),
        ("per_pixel", {"weight": torch.tensor([1.0, -0.5, 1])}, r"weight must be >= 0, got -0.5 at position \[1\]"),
    ],
)
@pytest.mark.parametrize("backward", FORMS)
def test_validate_says_which_argument_where_and_what(name: str, change: Any, message: str, backward: str) -> None:
    loss = getattr(compiled(name, backward), name)
    given = {**LOSSES[name].wrt, **LOSSES[name].data}
    loss(**given, validate=True)
    with pytest.raises(ValueError, match=message):
        loss(**{**given, **change}, validate=True)


def test_validate_looks_at_learned_values_too() -> None:
    module = from_text("loss f(x[n]; learn s > 0 = 1):\n    return mean[n](x^2/s + s)")
    module.f(torch.ones(2), s=torch.tensor(-1.0))
    with pytest.raises(ValueError, match=r"s must be > 0, got -1.0$"):
        module.f(torch.ones(2), s=torch.tensor(-1.0), validate=True)


def test_validate_finds_reads_outside_of_an_axis() -> None:
    module = from_text("loss f(x[n, c] | k[n] in c):\n    return sum[n where k[n] != 0](x[n, k[n] + 1])")
    x = torch.arange(6.0).reshape(2, 3)
    assert module.f(x, torch.tensor([0, 1]), validate=True).item() == 5
    with pytest.raises(IndexError, match="x is read at 3, outside of axis 1 with size 3"):
        module.f(x, torch.tensor([0, 2]), validate=True)


@pytest.mark.parametrize("backward", FORMS)
def test_a_guard_that_lets_a_read_out_of_range_is_an_error(backward: str) -> None:
    """As torch.nn.functional.cross_entropy has it: -100 is ignored, 3 is not, though it is outside."""
    module = from_text(
        "loss f(x[n, c] | y[n] in c or {-100}):\n    return mean[n where y[n] != -100](x[n, y[n]])", backward
    )
    assert module.f(torch.ones(2, 3), torch.tensor([-100, 2])).item() == 1
    for wrong in (3, -1):
        with pytest.raises(IndexError, match="out of"):
            module.f(torch.ones(2, 3), torch.tensor([-100, wrong]))


# ---------------------------------------------------------------- labels


@pytest.mark.parametrize("backward", FORMS)
@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.int64, torch.float32, torch.float64, torch.bfloat16])
def test_labels_of_any_dtype(dtype: Any, backward: str) -> None:
    (logits,) = arguments("cross_entropy")
    label = LOSSES["cross_entropy"].data["label"]
    loss = compiled("cross_entropy", backward).cross_entropy
    close(loss(logits, label.to(dtype)), loss(logits, label))
    close(loss(logits, label), torch.nn.functional.cross_entropy(logits, label))


def test_labels_that_are_not_whole_are_an_error() -> None:
    (logits,) = arguments("cross_entropy")
    with pytest.raises(ValueError, match=r"label must hold whole numbers, got 0\.5"):
        compiled("cross_entropy").cross_entropy(logits, torch.tensor([0, 1, 0.5, 1]))


def test_float_labels_under_vmap_and_compile() -> None:
    loss = compiled("cross_entropy").cross_entropy
    logits, label = torch.randn(3, 4, 5), torch.randint(0, 5, (3, 4))
    expected = torch.stack([loss(x, y) for x, y in zip(logits, label, strict=True)])
    close(torch.func.vmap(loss)(logits, label.float()), expected)
    torch.compiler.reset()
    graph = torch.compile(loss, fullgraph=True, backend="aot_eager")
    close(graph(logits[0], label[0].float()), expected[0])


@pytest.mark.parametrize("backward", FORMS)
@pytest.mark.parametrize("wrong", [3, -1, -100])
def test_gathers_are_checked_as_torch_does(wrong: int, backward: str) -> None:
    (logits,) = arguments("cross_entropy")
    with pytest.raises(IndexError, match="out of"):
        compiled("cross_entropy", backward).cross_entropy(logits, torch.tensor([0, 1, wrong, 1]))


@pytest.mark.parametrize("backward", FORMS)
def test_ignored_labels(backward: str) -> None:
    module = from_text(
        "loss f(x[n, c] | y[n] in c or {-100}):\n"
        "    return mean[n where y[n] != -100](logsumexp[c](x[n, c]) - x[n, y[n]])", backward
    )  # fmt: skip
    x, y = torch.randn(4, 3, requires_grad=True), torch.tensor([0, -100, 2, -100])
    expected = torch.nn.functional.cross_entropy(x, y)
    value = module.f(x, y, validate=True)
    close(value, expected)
    close(gradients(value, [x])[0], gradients(expected, [x])[0])
    assert module.f(x, torch.full((4,), -100)).item() == 0
    assert gradients(module.f(x, torch.full((4,), -100)), [x])[0].eq(0).all()


@pytest.mark.parametrize("backward", FORMS)
def test_the_best_of_nothing_has_no_position(backward: str) -> None:
    module = from_text(
        "loss f(x[n, c] | m[n, c] in {0, 1}):\n"
        "    k[n] = argmax[c where m[n, c] == 1](x[n, c])\n    return sum[n](x[n, k[n]])", backward
    )  # fmt: skip
    x, some, none = torch.tensor([[1.0, 3.0, 2.0]]), torch.tensor([[1, 0, 1]]), torch.tensor([[0, 0, 0]])
    assert module.f(x, some, validate=True).item() == 2
    with pytest.raises(IndexError, match="out of"):
        module.f(x, none)
    with pytest.raises((IndexError, ValueError), match=r"argmax has nothing to take|outside"):
        module.f(x, none, validate=True)


def test_a_hyperparameter_that_is_a_size_is_whole() -> None:
    module = from_text("loss f(x[n]; bins > 0 = 4):\n    return sum[b in bins](mean[n]((x[n] - b)^2))")
    assert module.f(torch.zeros(2), bins=3).item() == 5
    with pytest.raises(ValueError, match=r"bins must be a whole number, got 2.5"):
        module.f(torch.zeros(2), bins=2.5)


def test_numbers_keep_their_digits() -> None:
    """A default goes to the dtype of the computation, not by way of float32."""
    module = from_text("loss f(x[n]; learn s = 2.3):\n    return mean[n](s*x[n])\n")
    assert module.f(torch.ones(3, dtype=torch.float64)).item() == 2.3
    assert module.f(torch.ones(3), s=0.7).dtype == torch.float32
    assert module.f(torch.ones(3, dtype=torch.float16)).item() == torch.tensor(2.3).item()


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (2, 3), (3, 2), (0, 2)])
def test_axes_shorter_than_the_offsets(shape: tuple[int, int]) -> None:
    module = from_text(
        "loss f(u[y, x], v[y, x]):\n    return mean[y, x](((u[y, x+1] - u[y, x-1]) + (v[y+1, x] - v[y-1, x]))^2)\n"
    )
    u, v = torch.ones(shape, requires_grad=True), torch.ones(shape, requires_grad=True)
    module.f(u, v).backward()
    close(u.grad, torch.zeros(shape))
    close(v.grad, torch.zeros(shape))
