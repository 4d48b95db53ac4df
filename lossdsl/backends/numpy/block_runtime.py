"""Functions that a module with passes over blocks of rows carries: their text is copied into it.

How many threads there are, and memory of earlier results, are those of the native kernel.
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from lossdsl.backends.native.runtime import _buffers, _thread_count

_BLOCK = 65536
"""Numbers in one array of a block: a few of these stay in the cache, and calls of NumPy cost little beside them."""


def _in_blocks(
    rows: Callable[[int, int], tuple[Any, ...]], n: int, width: int, ops: Sequence[str], products: bool = False
) -> tuple[Any, ...]:
    """What `rows(start, stop)` gives for n rows of `width` numbers each, joined by the ops: blocks that fit the cache.

    Blocks, and the order in which their parts are joined, depend on sizes alone, so that results do not depend on the
    number of threads.  Matrix products want more rows at once, and are left the processors.
    """
    size = max(_BLOCK // max(width, 1), min(256, _BLOCK) if products else 1, 1)
    count = -(-n // size)
    if count <= 1:
        return rows(0, n)
    _keep_freed_memory()
    size = -(-n // count)
    groups = -(-count // -(-count // 16))  # of as many blocks each
    bounds = [min(count * k // groups * size, n) for k in range(groups + 1)]

    samples: list[tuple[Any, ...]] = []

    def block(start: int, end: int) -> tuple[Any, ...]:
        part = rows(start, min(start + size, end))
        if start == 0:
            samples.append(part)
        return part

    def group(k: int) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):
            return _joined(ops, (block(start, bounds[k + 1]) for start in range(bounds[k], bounds[k + 1], size)))

    threads = 1 if products or n * width < 100000 else min(_thread_count(), groups)
    results = _joined(ops, _in_threads(group, groups, threads) if threads > 1 else map(group, range(groups)))
    return _narrow(results, samples[0])


@functools.cache
def _keep_freed_memory() -> None:
    """Let the allocator keep what blocks free for the next ones: fresh pages cost more than the arithmetic.

    The C library of GNU takes the size of a large array that is freed for the size from which memory goes back.
    """
    np.empty(1 << 22, np.uint8)


def _in_threads(work: Callable[[int], Any], count: int, threads: int) -> list[Any]:
    """The results of work(0), ..., work(count - 1); the threads end with the call."""
    results: list[Any] = [None] * count
    failures: dict[int, BaseException] = {}
    numbers = itertools.count()

    def run() -> None:
        while (k := next(numbers)) < count and not failures:
            try:
                results[k] = work(k)
            except BaseException as failure:
                failures[k] = failure

    helpers: list[threading.Thread] = []
    try:
        for _ in range(threads - 1):
            helper = threading.Thread(target=run, daemon=True)
            helper.start()
            helpers.append(helper)
    except RuntimeError:  # there are no more threads to be had: those that run do all of the work
        pass
    run()
    for helper in helpers:
        helper.join()
    if failures:
        raise failures[min(failures)]
    return results


def _joined(ops: Sequence[str], parts: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The parts of blocks as one: sums pairwise, as NumPy adds up an array.  None is what was not asked for."""
    held: list[tuple[int, list[Any]]] = []
    for part in parts:
        level, current = 0, list(part)
        while held and held[-1][0] == level:
            current = [_pair(*both) for both in zip(ops, held.pop()[1], current, strict=True)]
            level += 1
        held.append((level, current))
    current = held.pop()[1]
    while held:
        current = [_pair(*both) for both in zip(ops, held.pop()[1], current, strict=True)]
    return tuple(current)


def _pair(op: str, first: Any, second: Any) -> Any:
    """Two parts as one; sums in double precision, but for large arrays."""
    if first is None:
        return None
    if op == "sum":
        wide = first.dtype.kind == "f" and first.size <= 65536
        return np.add(first, second, dtype=np.result_type(first, np.float64) if wide else None)
    names = {"prod": "multiply", "max": "maximum", "min": "minimum", "any": "logical_or", "all": "logical_and"}
    return getattr(np, names[op])(first, second)


def _narrow(results: tuple[Any, ...], part: tuple[Any, ...]) -> tuple[Any, ...]:
    """The results in the dtypes that a part has."""
    return tuple(r if r is None else r.astype(p.dtype, copy=False) for r, p in zip(results, part, strict=True))


def _by_columns(rows: Any) -> Any:
    """The rows of a block, column after column in memory where there are few: NumPy is slow along a short axis."""
    return np.asfortranarray(rows) if rows.shape[1] <= 16 and rows.shape[0] >= 256 else rows


def _each(dt: Any, shape: tuple[int, ...], reduction: str) -> Any:
    """Room for the elements, where they are asked for."""
    if reduction == "none":
        return np.empty(shape, dt)
    if reduction in ("mean", "sum"):
        return None
    raise ValueError(f'reduction must be "mean", "sum" or "none", got {reduction!r}')


def _part(element: Any, shape: tuple[int, ...], each: Any, at: Any) -> Any:
    """The sum of the elements of a block; where each of them is asked for, they are put into their place."""
    if each is not None:
        each[at] = element
        return each.dtype.type(0)
    element = element if np.shape(element) == shape else np.broadcast_to(element, shape)
    return np.add.reduce(element, axis=None)


def _value(total: Any, each: Any, count: Any, reduction: str, dt: Any) -> Any:
    """The elements, their sum or their mean."""
    if reduction == "none":
        return each
    return dt.type(total / max(count, 1) if reduction == "mean" else total)


def _weight(dt: Any, count: Any, reduction: str) -> Any:
    """The weight of each element in the reduced value."""
    return dt.type(1.0 / max(count, 1) if reduction == "mean" else 1.0)


def _gradient(like: Any, dt: Any, shape: tuple[int, ...], asked: bool = True) -> Any:
    """Room for a gradient, in the dtype of its argument, if it is asked for."""
    if not asked:
        return None
    return _buffers.array(shape, like.dtype if like is not None and like.dtype.kind == "f" else dt)


def _in_shape(gradient: Any, like: Any) -> Any:
    """A gradient in the shape of its argument."""
    return gradient[()] if like is None else gradient.reshape(like.shape)[()]
