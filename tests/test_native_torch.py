"""`loss.torch(kernel="native")`: the PyTorch module with the compiled kernel behind tensors on the CPU."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator

import pytest

import lossdsl
from tests.native_build import needs_compiler

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("LOSSDSL_NATIVE", raising=False)
        yield


TEXT = """loss weighted(logits[.., c], learn_from[..] | label[.., c] in [0, 1]; learn scale > 0 = 2, gamma = 2):
    return mean[..](scale*sum[c](label*softplus(-logits)^gamma) + learn_from^2)
"""


@pytest.fixture(scope="module")
def loss() -> lossdsl.Loss:
    return lossdsl.loss(TEXT)


@pytest.fixture(scope="module")
def modules(loss: lossdsl.Loss) -> tuple[torch.nn.Module, torch.nn.Module]:
    return loss.torch(gamma=1.5), loss.torch(gamma=1.5, kernel="native")


def inputs(dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(2, 3, 4, dtype=dtype), torch.randn(2, 3, dtype=dtype), torch.rand(2, 3, 4, dtype=dtype)]


def gradients(module: torch.nn.Module, given: list[torch.Tensor]) -> list[torch.Tensor]:
    logits, other, label = given
    logits, other = logits.clone().requires_grad_(), other.clone().requires_grad_()
    value = module(logits, other, label)
    return [value.detach(), *torch.autograd.grad(3 * value, [logits, other, *module.parameters()])]


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_value_and_gradient(modules: tuple[torch.nn.Module, torch.nn.Module], dtype: torch.dtype) -> None:
    plain, native = modules
    for a, b in zip(gradients(plain, inputs(dtype)), gradients(native, inputs(dtype)), strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        tolerance = 1e-12 if dtype == torch.float64 else 8 * torch.finfo(a.dtype).eps
        torch.testing.assert_close(b, a, rtol=tolerance, atol=tolerance)


@needs_compiler
def test_the_kernel_computes(modules: tuple[torch.nn.Module, torch.nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
    """With the PyTorch code taken out, value and gradient are still there."""
    native = modules[1]
    space = type(native).forward.__globals__
    function = space["_value_and_gradient"]
    cells = dict(zip(function.__code__.co_freevars, function.__closure__, strict=True))
    monkeypatch.setattr(cells["plain"], "cell_contents", None)
    assert all(torch.isfinite(part).all() for part in gradients(native, inputs()))


@needs_compiler
def test_derivatives_of_the_gradient(modules: tuple[torch.nn.Module, torch.nn.Module]) -> None:
    logits, other, label = inputs()
    assert torch.autograd.gradgradcheck(lambda x: modules[1](x, other, label), logits.requires_grad_())


@needs_compiler
def test_transformations(modules: tuple[torch.nn.Module, torch.nn.Module]) -> None:
    plain, native = modules
    logits, other, label = inputs()
    for transform in (torch.func.grad, torch.func.jacrev):
        a, b = (transform(lambda x, m=m: m(x, other, label))(logits) for m in (plain, native))
        torch.testing.assert_close(b, a)
    batch = torch.stack([logits, -logits])
    a, b = (torch.func.vmap(lambda x, m=m: m(x, other, label))(batch) for m in (plain, native))
    torch.testing.assert_close(b, a)


@needs_compiler
def test_elements(loss: lossdsl.Loss) -> None:
    given = inputs()
    a, b = (loss.torch(reduction="none", kernel=kernel)(*given) for kernel in ("torch", "native"))
    assert b.shape == (2, 3)
    torch.testing.assert_close(b, a)


@needs_compiler
def test_copies_keep_the_kernel(modules: tuple[torch.nn.Module, torch.nn.Module]) -> None:
    native = modules[1]
    for other in (copy.deepcopy(native), pickle.loads(pickle.dumps(native))):
        assert "torch_kernel" in str(type(other).forward.__globals__["_value_and_gradient"].__qualname__)
        torch.testing.assert_close(other(*inputs()), native(*inputs()))


@needs_compiler
def test_a_gradient_in_use_is_not_written_to() -> None:
    native = lossdsl.catalogue["regression"]["huber"].torch(kernel="native")
    pred = torch.zeros(400_000, requires_grad=True)
    first = torch.autograd.grad(native(pred, torch.ones(400_000)), pred)[0]
    kept = first.clone()
    torch.autograd.grad(native(pred, -torch.ones(400_000)), pred)
    torch.testing.assert_close(first, kept)


def test_wrong_options(loss: lossdsl.Loss) -> None:
    with pytest.raises(ValueError, match='kernel must be "torch" or "native"'):
        loss.torch(kernel="c")
    with pytest.raises(ValueError, match="closed form"):
        loss.torch(kernel="native", backward="autograd")
