"""Reductions over what comes first in the order of a key, as emitted PyTorch modules carry them.

An order is (positions, sizes, fresh), with the sorted axis last: which element comes next; how many of the first ones
are taken for it; whether its key is another one than that of the element before.  Operands have the axes of the key,
or broadcast to them; results have the axes of the operands in their place.
"""

from __future__ import annotations

from typing import Any

import torch


def _in_order(key: torch.Tensor, op: str, axis: int, equal: str = "same") -> Any:
    """The order in which, for each element, those j with key[j] OP key[element] come first.

    Of equal keys the one that stands "first", or the one that stands "last", comes first, as if all were different.
    NaN is taken for nothing, and nothing for NaN.
    """
    key = _last(key, axis)
    if op in (">", ">="):
        key = -key if key.is_floating_point() else ~key
    size = key.shape[-1]
    if equal == "last":
        key, positions = torch.sort(key.flip(-1), dim=-1, stable=True)
        positions = size - 1 - positions
    else:
        key, positions = torch.sort(key, dim=-1, stable=True)
    border = torch.ones_like(key[..., :1], dtype=torch.bool)
    other = key[..., 1:] != key[..., :-1] if equal == "same" else torch.ones_like(key[..., 1:], dtype=torch.bool)
    fresh, last = torch.cat([border, other], -1), torch.cat([other, border], -1)
    place = torch.arange(size, device=key.device)
    if size == 0:
        sizes = torch.zeros_like(positions)
    elif op in ("<", ">"):
        sizes = torch.where(fresh, place, 0).cummax(-1).values
    else:
        sizes = torch.where(last, place + 1, size).flip(-1).cummin(-1).values.flip(-1)
    return positions, torch.where(key == key, sizes, 0), fresh


def _last(x: torch.Tensor, axis: int) -> torch.Tensor:
    """The tensor with an axis, counted from the end, as the last one; of length 1 if it has none there."""
    while x.dim() < -axis:
        x = x[None]
    return x.transpose(axis, -1)


def _scanned(combine: Any, parts: Any) -> Any:
    """What the first 1, 2, 3 ... of the last axis combine to, in pairs: rounding grows with the logarithm.

    `narrow`, since a slice that is all of an axis can not be batched by `torch.autograd.gradcheck`.
    """
    size = parts[0].shape[-1]
    if size < 2:
        return parts
    pairs = combine(*(p[..., : size - 1 : 2] for p in parts), *(p[..., 1::2] for p in parts))
    whole = _scanned(combine, pairs)
    rest = combine(*(w.narrow(-1, 0, (size - 1) // 2) for w in whole), *(p[..., 2::2] for p in parts))
    results = []
    for part, odd, even in zip(parts, whole, rest, strict=True):
        even = torch.cat([part[..., :1], even], -1)
        mixed = torch.stack([even.narrow(-1, 0, size // 2), odd], -1).reshape((*part.shape[:-1], size // 2 * 2))
        results.append(torch.cat([mixed, even[..., -1:]], -1) if size % 2 else mixed)
    return tuple(results)


def _over_order(order: Any, combine: Any, nothing: tuple[float, ...], parts: Any, axis: int, apart: bool) -> Any:
    """For each element, what those that are taken for it combine to; `apart`: without itself."""
    moved = [_last(p, axis) for p in parts]
    whole = order[2]
    for part in moved:
        whole = whole | torch.zeros_like(part, dtype=torch.bool)
    shape = whole.shape
    positions, sizes, fresh = (o.expand(shape) for o in order)
    given = tuple(p.expand(shape).gather(-1, positions) for p in moved)
    none = [torch.full_like(g[..., :1], n) if shape[-1] else g for g, n in zip(given, nothing, strict=True)]
    scanned = _scanned(combine, given)
    sums = [torch.cat([n, s], -1) for n, s in zip(none, scanned, strict=True)]
    if not apart:
        taken = [s.gather(-1, sizes) for s in sums]
    else:
        later = _later_of_the_same(combine, nothing, given, fresh)
        both = combine(*(s[..., : shape[-1]] for s in sums), *later)
        taken = [torch.where(sizes > 0, b, n) for b, n in zip(both, none, strict=True)]
    results = (torch.zeros_like(t).scatter(-1, positions, t) for t in taken)
    return tuple(r.transpose(axis, -1) for r in results)


def _later_of_the_same(combine: Any, nothing: tuple[float, ...], parts: Any, fresh: torch.Tensor) -> list[torch.Tensor]:
    """What the elements behind each one that have the same key combine to."""

    def within(f1: torch.Tensor, *rest: torch.Tensor) -> Any:
        count = len(parts)
        first, f2, second = rest[:count], rest[count], rest[count + 1 :]
        joined = combine(*first, *second)
        return f1 | f2, *(torch.where(f2, s, j) for s, j in zip(second, joined, strict=True))

    last = torch.cat([fresh[..., 1:], torch.ones_like(fresh[..., :1])], -1)
    _, *sums = _scanned(within, (last.flip(-1), *(p.flip(-1) for p in parts)))
    found = []
    for total, none in zip(sums, nothing, strict=True):
        behind = torch.cat([total.flip(-1)[..., 1:], torch.full_like(total[..., :1], none)], -1)
        found.append(torch.where(last, none, behind))
    return found


def _sum_in_order(order: Any, x: torch.Tensor, axis: int, apart: bool = False) -> torch.Tensor:
    """Sums of x."""
    result: torch.Tensor = _over_order(order, lambda a, b: (a + b,), (0,), (x,), axis, apart)[0]
    return result


def _max_in_order(order: Any, x: torch.Tensor, axis: int, apart: bool = False) -> torch.Tensor:
    """The greatest x; -inf of nothing."""
    nothing = (float("-inf"),)
    result: torch.Tensor = _over_order(order, lambda a, b: (torch.maximum(a, b),), nothing, (x,), axis, apart)[0]
    return result


def _min_in_order(order: Any, x: torch.Tensor, axis: int, apart: bool = False) -> torch.Tensor:
    """The least x; inf of nothing."""
    nothing = (float("inf"),)
    result: torch.Tensor = _over_order(order, lambda a, b: (torch.minimum(a, b),), nothing, (x,), axis, apart)[0]
    return result


def _exponentials_in_order(
    order: Any, x: torch.Tensor, axis: int, apart: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums of exp(x - peak), with the greatest x as the peak, and the same without the peak itself, in all its digits.

    0 of nothing; of infinite elements as if the peak were 0.
    """

    def combine(p1: torch.Tensor, rest1: torch.Tensor, p2: torch.Tensor, rest2: torch.Tensor) -> Any:
        below = torch.exp(-torch.abs(torch.where(p1 == p2, 0.0, p1 - p2)))
        first = ~(p1 < p2)
        more, less = torch.where(first, rest1, rest2), torch.where(first, rest2, rest1)
        return torch.maximum(p1, p2), more + (1 + less) * below

    rest = torch.where(torch.isinf(x), x, 0.0).clamp(min=-1)
    _, others = _over_order(order, combine, (float("-inf"), -1), (x, rest), axis, apart)
    return 1 + others, others.clamp(min=0)


def _exp_sum_in_order(
    order: Any, factor: torch.Tensor, x: torch.Tensor, shift: torch.Tensor, axis: int, apart: bool = False
) -> torch.Tensor:
    """Sums of factor*exp(x + shift), where the shift is that of the element for which they are taken."""

    def combine(p1: torch.Tensor, sum1: torch.Tensor, p2: torch.Tensor, sum2: torch.Tensor) -> Any:
        below = torch.exp(-torch.abs(torch.where(p1 == p2, 0.0, p1 - p2)))
        first = ~(p1 < p2)
        return torch.maximum(p1, p2), torch.where(first, sum1 + sum2 * below, sum1 * below + sum2)

    x = torch.where(factor == 0, float("-inf"), x)
    factor = factor.expand(x.shape)
    peak, total = _over_order(order, combine, (float("-inf"), 0), (x, factor), axis, apart)
    return torch.where(total == 0, 0.0, total * torch.exp(peak + shift))
