"""The native kernel behind a PyTorch module: `loss.torch(kernel="native")`.

What must hold: the module is the generated one, text and all, with one function exchanged; copies and pickles of it
keep the kernel.  The kernel computes value and gradient of ordinary tensors on the CPU; everything else (other devices,
tensors inside of `torch.compile` and `torch.func`, derivatives of the gradient) is left to the function that it
replaces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lossdsl.meaning.core import Program

Function = Callable[..., Any]


def torch_source(program: Program) -> str:
    """The PyTorch module of a loss, with the native kernel in it; it imports lossdsl."""
    from lossdsl.backends.native.support import native_interface
    from lossdsl.backends.registry import emit

    interface = native_interface(program)
    wrt = [a.name for a in interface.differentiable]
    others = [a.name for a in interface.arrays if a.name not in wrt]
    tensors = [interface.arg_names[name] for name in (*wrt, *others)]
    numbers = [interface.arg_names[a.name] for a in interface.hosts]
    numbers += ["reduction"] if program.reduction is not None else []
    source = emit("native", [program])
    return (
        emit("torch", [program], backward="closed")
        + f"\n\n_NATIVE_SOURCE = {source!r}\n\n"
        + "from lossdsl.native import torch_kernel  # noqa: E402\n\n"
        + f"_value_and_gradient = torch_kernel(\n    _NATIVE_SOURCE, {interface.name!r}, {tensors!r}, {numbers!r},"
        + f" {wrt!r}, _value_and_gradient\n)\n"
    )


def torch_kernel(
    source: str, name: str, tensors: Sequence[str], numbers: Sequence[str], wrt: Sequence[str], plain: Function
) -> Function:
    """The function that takes the tensors, the numbers, what arrives from above and whether the gradient is wanted."""
    import torch

    from lossdsl.generated import import_generated

    module = import_generated(source, name)
    value_of, both_of = getattr(module, name), getattr(module, f"{name}_value_and_grad")
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor

    def is_ordinary(tensor: torch.Tensor) -> bool:
        known = type(tensor) is torch.Tensor or type(tensor) is torch.nn.Parameter
        return known and tensor.device.type == "cpu" and tensor.layout is torch.strided and not wrapped(tensor)

    def value_and_gradient(*given: Any) -> Any:
        *values, upstream, with_gradient = given
        if torch.compiler.is_compiling() or upstream is not None:
            return plain(*given)
        arrays = values[: len(tensors)]
        if not all(is_ordinary(array) for array in arrays) or arrays[0].dtype not in (torch.float32, torch.float64):
            return plain(*given)
        named: dict[str, Any] = {key: array.detach().numpy() for key, array in zip(tensors, arrays, strict=True)}
        named |= dict(zip(numbers, values[len(tensors) :], strict=True))
        if not with_gradient:
            return (_tensor(value_of(**named)),)
        value, gradients = both_of(**named, wrt=tuple(wrt))
        return tuple(_tensor(result) for result in (value, *gradients))

    def _tensor(result: Any) -> torch.Tensor:
        import numpy as np

        return torch.from_numpy(np.asarray(result))

    return value_and_gradient
