"""Functions that an emitted PyTorch module carries for blocks of rows: their text is copied into it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from lossdsl.functions.torch_helpers import _clip, _guarded_div, _guarded_mul


def _rows_at_once(
    rows: Any,
    width: Any,
    products: bool,
    upstream: torch.Tensor | None,
    reduction: str,
    tensors: Sequence[torch.Tensor],
) -> int:
    """How many rows of `width` numbers to compute at once; 0 where all are: no more than a few blocks, or a graph.

    A CPU computes what its cache holds, more of it where there are products of matrices; other devices compute all,
    but products whose results would fill their memory.
    """
    if torch.compiler.is_compiling() or reduction not in ("mean", "sum") or (upstream is not None and upstream.ndim):
        return 0
    if type(rows) is not int or type(width) is not int or not all(map(_is_ordinary, tensors)):
        return 0
    if tensors[0].device.type == "cpu":
        block = 1 << 21 if products else 1 << 17
    else:
        block = 1 << 25 if products else rows * width
    size = max(block // max(width, 1), 1)
    if 2 * size >= rows:
        return 0
    if tensors[0].device.type == "cpu":
        # freed at once: the C library of GNU then keeps what blocks free, since fresh pages cost more than arithmetic
        torch.empty(1 << 22, dtype=torch.uint8, device="cpu")
    return size


def _is_ordinary(tensor: torch.Tensor) -> bool:
    """Whether a tensor holds numbers: it is not a stand-in for others, as in graphs that are traced or mapped."""
    known = type(tensor) is torch.Tensor or type(tensor) is torch.nn.Parameter
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    return known and not wrapped and tensor.layout == torch.strided and tensor.device.type != "meta"


def _select(condition: torch.Tensor, then: Any, otherwise: Any) -> torch.Tensor:
    """torch.where; on a CPU by masking bits, since its where branches, and guesses wrong half of the time."""
    dtypes = {side.dtype for side in (then, otherwise) if isinstance(side, torch.Tensor)}
    wholes = [{torch.float32: torch.int32, torch.float64: torch.int64}.get(dtype) for dtype in dtypes]
    if not condition.is_cpu or condition.numel() < 4096 or len(wholes) != 1 or wholes[0] is None:
        return torch.where(condition, then, otherwise)
    whole, dtype = wholes[0], dtypes.pop()
    first, second = (
        (side if isinstance(side, torch.Tensor) else torch.full((), side, dtype=dtype, device=condition.device)).view(
            whole
        )
        for side in (then, otherwise)
    )
    mask = condition.to(whole).neg_()  # all bits, or none
    bits = first ^ second
    bits = bits.bitwise_and_(mask) if bits.shape == mask.shape else bits & mask
    return bits.bitwise_xor_(second).view(dtype)


def _product(g: Any, d: Any) -> torch.Tensor:
    """g*d, and 0 where one of them is 0, though the other be infinite or NaN: on a CPU, only if any number is odd."""
    product: torch.Tensor = g * d
    if product.is_cpu and bool(torch.isfinite(product.sum())):
        return product
    return _guarded_mul(g, d)


def _quotient(x: Any, y: Any) -> torch.Tensor:
    """x/y, and 0 where x is 0, though y be 0 or NaN: on a CPU, only if any number is odd."""
    quotient: torch.Tensor = x / y
    if quotient.is_cpu and bool(torch.isfinite(quotient.sum())):
        return quotient
    return _guarded_div(x, y)


def _bounded(x: Any, low: Any, high: Any) -> torch.Tensor:
    """min(max(x, low), high)."""
    if isinstance(x, torch.Tensor) and not isinstance(low, torch.Tensor) and not isinstance(high, torch.Tensor):
        return torch.clamp(x, low, high)
    return _clip(x, low, high)


def _room(shape: Sequence[int], like: torch.Tensor, asked: bool) -> torch.Tensor:
    """Zeros to be filled, or added to, if they are asked for."""
    return torch.zeros(shape if asked else (0,), dtype=like.dtype, device=like.device)


def _joined(op: str, parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """The parts of all blocks as one."""
    stacked = torch.stack(list(parts))
    if op == "sum":
        return stacked.sum(0)
    if op == "prod":
        return stacked.prod(0)
    if op in ("max", "min"):
        return stacked.amax(0) if op == "max" else stacked.amin(0)
    return stacked.any(0) if op == "any" else stacked.all(0)


def _weight(upstream: torch.Tensor | None, count: Any, reduction: str, like: torch.Tensor) -> torch.Tensor:
    """The weight of each element: what arrives from above (1 for None), shared out by the reduction."""
    weight = torch.ones((), dtype=like.dtype, device=like.device) if upstream is None else upstream
    return _mean(weight, count, reduction)


def _mean(total: torch.Tensor, count: Any, reduction: str) -> torch.Tensor:
    """The sum, or as the mean its share for each of `count`, of which there is at least one."""
    if reduction != "mean":
        return total
    return total / (torch.clamp(count, min=1) if isinstance(count, torch.Tensor) else max(count, 1))
