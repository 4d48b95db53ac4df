"""Functions that emitted PyTorch modules carry: their text is copied into them, so they use nothing but torch and math.

All are out of place and look at shapes, never at values, except where an argument is checked: so that
`torch.compile(fullgraph=True)` and the transforms of `torch.func` go through.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch


def _number(name: str, value: Any) -> float:
    """A hyperparameter as a Python number."""
    if isinstance(value, torch.Tensor) and value.requires_grad:
        raise TypeError(f"{name} is a number; declare it `learn` in the loss to train it")
    if shape := () if isinstance(value, (int, float)) else tuple(getattr(value, "shape", ())):
        raise ValueError(f"{name} is a scalar (declared without axes), but got shape {shape}")
    if value is None or isinstance(value, (str, bytes, complex, list, tuple, dict)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    return float(value)


def _constant(name: str, value: Any) -> float:
    """A hyperparameter that `math` or a size is computed from: spelled out, so that a traced graph holds its value.

    (torch.compile makes a symbol of a number that has changed, which `math` can not take.)
    """
    return float.fromhex(_number(name, value).hex())


def _require(holds: bool, name: str, domain: str, value: float) -> None:
    if not holds:
        raise ValueError(f"{name} must be {domain}, got {value}")


def _whole(name: str, value: float) -> None:
    if value % 1 != 0:
        raise ValueError(f"{name} must be a whole number, got {value}")


def _tensor(name: str, value: Any, like: torch.Tensor | None = None) -> Any:
    """An argument as a tensor of real numbers, a float in the dtype of `like`; None stays None."""
    if value is None:
        return None
    if not isinstance(value, torch.Tensor):
        dtype = None
        if like is not None and like.is_floating_point() and isinstance(value, float):
            dtype = torch.promote_types(like.dtype, torch.float32)
        value = torch.as_tensor(value, dtype=dtype, device=None if like is None else like.device)
    if value.is_complex():
        raise TypeError(f"{name} must hold real numbers, got dtype {value.dtype}")
    return value


def _dtype(*tensors: torch.Tensor | None) -> torch.dtype:
    """The dtype to compute in: the widest of the arguments, at least float32."""
    dtypes = [tensor.dtype for tensor in tensors if tensor is not None and tensor.is_floating_point()]
    dtype = dtypes[0] if dtypes else torch.get_default_dtype()
    for other in dtypes[1:]:
        dtype = torch.promote_types(dtype, other)
    return torch.float32 if dtype.itemsize < 4 else dtype


def _whole_numbers(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """The tensor, whose values have to be whole; looked at only where they can be, not while a graph is traced.

    On a CUDA device the answer is not waited for: there it fails as an index out of range does.
    """
    if not tensor.is_floating_point() or torch.compiler.is_compiling():
        return tensor
    values = tensor.detach()
    part = values - values.floor()  # NaN for infinities
    try:
        if tensor.is_cuda:
            torch._assert_async((part == 0).all(), f"{name} must hold whole numbers")
            return tensor
        whole = not bool(part.any())
    except RuntimeError:  # inside torch.func.vmap a tensor has no values of its own
        return tensor
    if not whole:
        at = part.nonzero()[0].tolist()
        where = f" at position {at}" if at else ""
        raise ValueError(f"{name} must hold whole numbers, got {values[tuple(at)].item()}{where}")
    return tensor


def _labels(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Whole numbers as positions."""
    return _whole_numbers(name, tensor).long()


def _sizes(*arguments: tuple[Any, ...]) -> dict[str, Any]:
    """The size of each axis by its name (of `..`: a shape), from (name, tensor, *axes) of each argument.

    Raises where an argument has not the axes that it is declared with, or two give one axis different sizes.
    """
    sizes: dict[str, Any] = {}
    givers: dict[str, str] = {}
    for name, tensor, *axes in arguments:
        if tensor is None:
            continue
        shape = list(tensor.shape)
        text = f"{name} is declared {name}[{', '.join(str(a) for a in axes)}]" if axes else f"{name} is a scalar"
        if ".." in axes and len(shape) >= len(axes) - 1:
            before = axes.index("..")
            after = len(shape) - (len(axes) - 1 - before)
            shape[before:after] = [tuple(shape[before:after])]
        if len(shape) != len(axes):
            rank = len(axes) - (".." in axes)
            least, plural = "at least " if ".." in axes else "", "axis" if rank == 1 else "axes"
            why = f", so it has {least}{rank} {plural}" if axes else " (declared without axes)"
            raise ValueError(f"{text}{why}, but got shape {tuple(tensor.shape)}")
        for axis, size in zip(axes, shape, strict=True):
            if isinstance(axis, int):
                if size != axis:
                    raise ValueError(f"{text}, but got shape {tuple(tensor.shape)}")
            elif axis not in sizes:
                sizes[axis], givers[axis] = size, name
            elif sizes[axis] != size:
                what = "the axes .. have shape" if axis == ".." else f"axis {axis} has size"
                raise ValueError(f"{what} {sizes[axis]} in {givers[axis]} but {size} in {name}")
    return sizes


def _given(sizes: dict[str, Any], axis: str, name: str) -> None:
    if axis not in sizes:
        raise ValueError(f"{name} gives the size of axis {axis}, so it is needed")


def _equal_sizes(left: int, right: int, message: str) -> None:
    if left != right:
        raise ValueError(f"{message}, of sizes {left} and {right}")


def _flat(tensor: torch.Tensor, before: int, after: int) -> torch.Tensor:
    """The tensor with the axes `..` as one; `before` and `after` count the axes around them."""
    shape = tuple(tensor.shape)
    last = len(shape) - after
    return tensor.reshape((*shape[:before], math.prod(shape[before:last]), *shape[last:]))


def _grouped(tensor: torch.Tensor, axis: int, group: Sequence[int]) -> torch.Tensor:
    """The tensor with the axes `..` in place of the one that they were made into."""
    shape = tuple(tensor.shape)
    return tensor.reshape((*shape[:axis], *group, *shape[axis + 1 :]))


def _within(name: str, domain: str, tensor: torch.Tensor, valid: torch.Tensor) -> None:
    """Every element lies in its domain; otherwise says which does not."""
    if not bool(valid.all()):
        at = (~valid).nonzero()[0].tolist()
        where = f" at position {at}" if at else ""
        raise ValueError(f"{name} must be {domain}, got {tensor[tuple(at)].item()}{where}")


def _readable(name: str, axis: int, outside: Any, position: Any, size: int) -> None:
    """No read that is used leaves its axis."""
    outside = torch.as_tensor(outside)
    if bool(outside.any()):
        wrong = torch.as_tensor(position).expand(outside.shape)[outside][0].item()
        raise IndexError(f"{name} is read at {wrong}, outside of axis {axis} with size {size}")


def _not_of_nothing(name: str, outside: Any) -> None:
    """There is something to take the best of, wherever its position is used."""
    if bool(torch.as_tensor(outside).any()):
        op = name.partition("_")[0]
        raise ValueError(f"{op} has nothing to take the position of the best of: its condition holds nowhere")


def _count(kept: torch.Tensor | None, shape: Sequence[int]) -> Any:
    """How many elements the mask keeps; at least 1, as the mean of nothing is 0."""
    if kept is None:
        return max(math.prod(shape), 1)
    return torch.clamp(kept.expand(shape).sum(), min=1)


def _reduced(element: torch.Tensor, kept: torch.Tensor | None, shape: Sequence[int], reduction: str) -> torch.Tensor:
    """The elements that the mask keeps, as they are ("none": 0 where left out), their sum or their mean."""
    if kept is not None:
        element = torch.where(kept, element, 0)
    element = element.expand(shape)
    if reduction == "none":
        return element.contiguous()
    if reduction == "sum":
        return element.sum()
    if reduction == "mean":
        mean: torch.Tensor = element.sum() / _count(kept, shape)
        return mean
    raise ValueError(f'reduction must be "mean", "sum" or "none", got {reduction!r}')


def _seed(
    upstream: torch.Tensor | None, kept: torch.Tensor | None, shape: Sequence[int], reduction: str, like: torch.Tensor
) -> torch.Tensor:
    """The weight of each element: what arrives from above (1 for None), shared out by the reduction."""
    weight = torch.ones((), dtype=like.dtype, device=like.device) if upstream is None else upstream
    if reduction == "mean":
        weight = weight / _count(kept, shape)
    return weight.expand(shape)


def _along(tangent: torch.Tensor | None, like: torch.Tensor) -> torch.Tensor:
    """A direction of forward mode; None stands for 0."""
    return torch.zeros_like(like) if tangent is None else tangent


def _without_autocast(device: torch.device) -> Any:
    """A context in which products keep the precision of their factors."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return torch.set_grad_enabled(torch.is_grad_enabled())


def _transform_is_traced() -> bool:
    """Whether torch.compile traces a transform of torch.func: it takes no autograd.Function under vmap."""
    return torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active()


def _axes(dim: int | Sequence[int]) -> tuple[int, ...]:
    return (dim,) if isinstance(dim, int) else tuple(dim)


def _amax(x: torch.Tensor, dim: int | Sequence[int]) -> torch.Tensor:
    """The greatest value along axes, -inf of nothing; ties share the gradient."""
    if 0 in [x.shape[k] for k in _axes(dim)]:
        return x.sum(_axes(dim)) - math.inf
    return torch.amax(x, _axes(dim))


def _amin(x: torch.Tensor, dim: int | Sequence[int]) -> torch.Tensor:
    """The least value along axes, inf of nothing; ties share the gradient."""
    return -_amax(-x, dim)


def _argmax(x: torch.Tensor, dim: int) -> torch.Tensor:
    """The first position of the greatest value, -1 along an axis of length 0."""
    if x.shape[dim] == 0:
        return x.sum(dim).long() - 1
    return torch.argmax(x, dim)


def _argmin(x: torch.Tensor, dim: int) -> torch.Tensor:
    """The first position of the least value, -1 along an axis of length 0."""
    return _argmax(-x, dim)


def _prod(x: torch.Tensor, dim: int | Sequence[int]) -> torch.Tensor:
    """The product along axes."""
    for k in sorted(_axes(dim), reverse=True):
        x = torch.prod(x, k)
    return x


def _shifted(sums: torch.Tensor, dim: int) -> torch.Tensor:
    """Running sums without the element itself."""
    size = sums.shape[dim]
    if size == 0:
        return sums
    return torch.cat((torch.zeros_like(sums.narrow(dim, 0, 1)), sums.narrow(dim, 0, size - 1)), dim)


def _position(index: torch.Tensor, size: int) -> torch.Tensor:
    """A position to read at: a negative one is outside, as in torch.gather, and not counted from the end."""
    return torch.where(index < 0, size, index)


def _scattered(value: torch.Tensor, keys: Sequence[Any], shape: Sequence[int], accumulate: bool) -> torch.Tensor:
    """Zeros of a shape with the values added at index arrays."""
    index = tuple(torch.as_tensor(key, device=value.device) for key in keys)
    zeros = torch.zeros(shape, dtype=value.dtype, device=value.device)
    return zeros.index_put(index, value, accumulate=accumulate)


def _placed(value: torch.Tensor, blocks: Sequence[Any], shape: Sequence[int]) -> torch.Tensor:
    """Zeros with the values in one block; per axis (start, stop, step), a position, or None for all of it.

    A block that is empty may begin behind the end of a short axis.
    """
    if 0 in shape or 0 in value.shape:
        return torch.zeros(shape, dtype=value.dtype, device=value.device)
    padding: list[int] = []
    for dim, block in enumerate(blocks):
        if block is None:
            padding = [0, 0, *padding]
            continue
        if isinstance(block, int):
            value, block = value.unsqueeze(dim), (block, block + 1, 1)
        start, stop, step = block
        if step == 1:
            padding = [start, shape[dim] - stop, *padding]
        else:
            zeros = torch.zeros(
                (*value.shape[:dim], shape[dim], *value.shape[dim + 1 :]), dtype=value.dtype, device=value.device
            )
            value = zeros.index_add(dim, torch.arange(start, stop, step, device=value.device), value)
            padding = [0, 0, *padding]
    return torch.nn.functional.pad(value, padding)


def _start(name: str, value: Any, default: float | None, axes: str, *shape: int | None) -> torch.Tensor:
    """The first value of a parameter: as given, or its default in a shape."""
    if value is not None:
        tensor = torch.as_tensor(value).detach().clone()
        return tensor if tensor.is_floating_point() else tensor.to(torch.get_default_dtype())
    if default is None or None in shape:
        raise ValueError(f"{name} needs a start value{axes and f', or the size of {axes}'}")
    return torch.full([size for size in shape if size is not None], default)


def _nonempty(value: torch.Tensor, *axes: int) -> torch.Tensor:
    """The tensor, or zeros with a position on each of the axes: clipped positions are read where nothing uses them."""
    if all(value.shape[k] for k in axes):
        return value
    return value.new_zeros([max(size, 1) if k in axes else size for k, size in enumerate(value.shape)])
