"""Reductions over what comes first in the order of a key, as emitted NumPy modules carry them.

An order is (positions, sizes, fresh), with the sorted axis last: which element comes next; how many of the first ones
are taken for it; whether its key is another one than that of the element before.  Operands have the axes of the key,
or broadcast to them; results have the axes of the operands in their place.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def _in_order(key: Any, op: str, axis: int, equal: str = "same") -> Any:
    """The order in which, for each element, those j with key[j] OP key[element] come first.

    Of equal keys the one that stands "first", or the one that stands "last", comes first, as if all were different.
    NaN is taken for nothing, and nothing for NaN.
    """
    key = _last(key, axis)
    if op in (">", ">="):
        key = -key if key.dtype.kind == "f" else ~key
    if equal == "last":
        positions = key.shape[-1] - 1 - np.argsort(np.flip(key, -1), axis=-1, kind="stable")
    else:
        positions = np.argsort(key, axis=-1, kind="stable" if equal == "first" else None)
    key = np.take_along_axis(key, positions, -1)
    fresh = np.ones(key.shape, bool)
    if equal == "same":
        fresh[..., 1:] = key[..., 1:] != key[..., :-1]
    place = np.arange(key.shape[-1])
    if op in ("<", ">"):
        sizes = np.maximum.accumulate(np.where(fresh, place, 0), axis=-1)
    else:
        last = np.concatenate([fresh[..., 1:], np.ones_like(fresh[..., :1])], axis=-1)
        ends = np.where(last, place + 1, key.shape[-1])
        sizes = np.flip(np.minimum.accumulate(np.flip(ends, -1), axis=-1), -1)
    return positions, np.where(key == key, sizes, 0), fresh


def _last(x: Any, axis: int) -> Any:
    """The array with an axis, counted from the end, as the last one; of length 1 if it has none there."""
    x = np.asarray(x)
    return np.moveaxis(x.reshape((1,) * (-axis - x.ndim) + x.shape), axis, -1)


def _scanned(combine: Any, parts: tuple[Any, ...]) -> tuple[Any, ...]:
    """What the first 1, 2, 3 ... of the last axis combine to, in pairs: rounding grows with the logarithm."""
    size = parts[0].shape[-1]
    if size < 2:
        return parts
    pairs = combine(*(p[..., : size - 1 : 2] for p in parts), *(p[..., 1::2] for p in parts))
    whole = _scanned(combine, pairs)
    rest = combine(*(w[..., : (size - 1) // 2] for w in whole), *(p[..., 2::2] for p in parts))
    results = tuple(np.empty_like(w, shape=p.shape) for w, p in zip(whole, parts, strict=True))
    for result, part, odd, even in zip(results, parts, whole, rest, strict=True):
        result[..., :1], result[..., 1::2], result[..., 2::2] = part[..., :1], odd, even
    return results


def _over_order(
    order: Any,
    combine: Any,
    nothing: tuple[float, ...],
    parts: tuple[Any, ...],
    axis: int,
    apart: bool,
    scan: Any = None,
) -> tuple[Any, ...]:
    """For each element, what those that are taken for it combine to; `apart`: without itself."""
    moved = [_last(p, axis) for p in parts]
    shape = np.broadcast_shapes(order[0].shape, *(p.shape for p in moved))
    positions, sizes, fresh = (np.broadcast_to(o, shape) for o in order)
    given = tuple(np.take_along_axis(np.broadcast_to(p, shape), positions, -1) for p in moved)
    none = [np.full_like(g[..., :1], n) for g, n in zip(given, nothing, strict=True)]
    sums = [
        np.concatenate([n, s], axis=-1)
        for n, s in zip(none, scan(given) if scan else _scanned(combine, given), strict=True)
    ]
    if not apart:
        taken = [np.take_along_axis(s, sizes, -1) for s in sums]
    else:
        both = tuple(s[..., :-1] for s in sums)
        if not fresh.all():
            both = combine(*both, *_later_of_the_same(combine, nothing, given, fresh))
        taken = [np.where(sizes > 0, b, n) for b, n in zip(both, none, strict=True)]
    results = tuple(np.empty_like(t) for t in taken)
    for result, part in zip(results, taken, strict=True):
        np.put_along_axis(result, positions, part, -1)
    return tuple(np.moveaxis(r, -1, axis) for r in results)


def _later_of_the_same(combine: Any, nothing: tuple[float, ...], parts: tuple[Any, ...], fresh: Any) -> tuple[Any, ...]:
    """What the elements behind each one that have the same key combine to."""

    def within(f1: Any, *rest: Any) -> tuple[Any, ...]:
        count = len(parts)
        first, f2, second = rest[:count], rest[count], rest[count + 1 :]
        joined = combine(*first, *second)
        return f1 | f2, *(np.where(f2, s, j) for s, j in zip(second, joined, strict=True))

    last = np.concatenate([fresh[..., 1:], np.ones_like(fresh[..., :1])], axis=-1)
    _, *sums = _scanned(within, (np.flip(last, -1), *(np.flip(p, -1) for p in parts)))
    found = []
    for total, none in zip(sums, nothing, strict=True):
        behind = np.concatenate([np.flip(total, -1)[..., 1:], np.full_like(total[..., :1], none)], axis=-1)
        found.append(np.where(last, np.full_like(behind, none), behind))
    return tuple(found)


def _sum_in_order(order: Any, x: Any, axis: int, apart: bool = False) -> Any:
    """Sums of x."""
    return _over_order(order, lambda a, b: (a + b,), (0,), (np.asarray(x),), axis, apart)[0]


def _max_in_order(order: Any, x: Any, axis: int, apart: bool = False) -> Any:
    """The greatest x; -inf of nothing."""
    return _extremes_in_order(np.maximum, -np.inf, order, x, axis, apart)


def _min_in_order(order: Any, x: Any, axis: int, apart: bool = False) -> Any:
    """The least x; inf of nothing."""
    return _extremes_in_order(np.minimum, np.inf, order, x, axis, apart)


def _extremes_in_order(extreme: Any, nothing: float, order: Any, x: Any, axis: int, apart: bool) -> Any:
    def scan(parts: tuple[Any, ...]) -> tuple[Any, ...]:
        return (extreme.accumulate(parts[0], axis=-1),)  # nothing is rounded

    return _over_order(order, lambda a, b: (extreme(a, b),), (nothing,), (np.asarray(x),), axis, apart, scan)[0]


def _exponentials_in_order(order: Any, x: Any, axis: int, apart: bool = False) -> Any:
    """Sums of exp(x - peak), with the greatest x as the peak, and the same without the peak itself, in all its digits.

    0 of nothing; of infinite elements as if the peak were 0.
    """
    x = np.asarray(x)
    top = _common_peak(x)
    if top is not None:

        def add(p1: Any, rest1: Any, p2: Any, rest2: Any) -> tuple[Any, ...]:
            return np.maximum(p1, p2), rest1 + rest2 + np.minimum(p1, p2)

        e = _exp_of_sum(x, -top)
        peak, others = _over_order(order, add, (0, 0), (e, np.zeros_like(e)), axis, apart)
        others = np.where(peak > 0, others / peak, -1).astype(e.dtype)
        return 1 + others, np.maximum(others, 0)

    def combine(p1: Any, rest1: Any, p2: Any, rest2: Any) -> tuple[Any, ...]:
        below = np.exp(-np.abs(np.where(p1 == p2, 0, p1 - p2)))
        first = ~(p1 < p2)
        more, less = np.where(first, rest1, rest2), np.where(first, rest2, rest1)
        return np.maximum(p1, p2), more + (1 + less) * below

    rest = np.where(np.isinf(x), x, 0).clip(-1)
    _, others = _over_order(order, combine, (-np.inf, -1), (x, rest), axis, apart)
    return 1 + others, np.maximum(others, 0)


def _exp_sum_in_order(order: Any, factor: Any, x: Any, shift: Any, axis: int, apart: bool = False) -> Any:
    """Sums of factor*exp(x + shift), where the shift is that of the element for which they are taken."""
    x = np.where(factor == 0, -np.inf, x)
    top = _common_peak(x)
    if top is not None and np.all(np.abs(shift + top) <= 40):
        return _sum_in_order(order, factor * _exp_of_sum(x, -top), axis, apart) * _exp_of_sum(shift, top)

    def combine(p1: Any, sum1: Any, p2: Any, sum2: Any) -> tuple[Any, ...]:
        below = np.exp(-np.abs(np.where(p1 == p2, 0, p1 - p2)))
        first = ~(p1 < p2)
        return np.maximum(p1, p2), np.where(first, sum1 + sum2 * below, sum1 * below + sum2)

    peak, total = _over_order(order, combine, (-np.inf, 0), (x, np.broadcast_to(factor, np.shape(x))), axis, apart)
    return np.where(total == 0, 0, total * np.exp(peak + shift))


def _common_peak(x: Any) -> Any:
    """The greatest element, if no exponential is lost beside its own; elements of -inf are none."""
    top = np.max(x, initial=-np.inf)
    least = np.min(x, initial=np.inf, where=x != -np.inf)
    return top if 0 <= top - least <= 40 else None  # not for NaN, nor for infinities


def _exp_of_sum(x: Any, y: Any) -> Any:
    """exp(x + y), with what the sum is rounded by."""
    whole = x + y
    part = whole - x
    lost = (x - (whole - part)) + (y - part)
    return np.exp(whole) * (1 + np.where(np.isfinite(lost), lost, 0))
