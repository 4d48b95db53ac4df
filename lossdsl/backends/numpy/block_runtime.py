"""Functions that a module with passes over blocks of rows carries: their text is copied into it."""

from __future__ import annotations

import contextvars
import functools
import itertools
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_BLOCK = 32768
"""Numbers in one array of a block: a few of these stay in the second-level cache."""

_threads: contextvars.ContextVar[int | None] = contextvars.ContextVar("threads", default=None)
"""How many threads a call may use; None: those of LOSSDSL_THREADS, or as many as there are processors, at most 8."""


def _thread_count() -> int:
    chosen = _threads.get()
    return _default_threads() if chosen is None else chosen


@functools.cache
def _default_threads() -> int:
    given = os.environ.get("LOSSDSL_THREADS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, 8)


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
        return _joined(ops, [rows(0, n)])
    size = -(-n // count)
    groups = -(-count // -(-count // 16))  # of as many blocks each
    bounds = [min(count * k // groups * size, n) for k in range(groups + 1)]

    def group(k: int) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):
            starts = range(bounds[k], bounds[k + 1], size)
            return _joined(ops, (rows(start, min(start + size, bounds[k + 1])) for start in starts))

    threads = 1 if products or n * width < 100000 else min(_thread_count(), groups)
    return _joined(ops, _in_threads(group, groups, threads) if threads > 1 else map(group, range(groups)))


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

    helpers = [threading.Thread(target=run, daemon=True) for _ in range(threads - 1)]
    for helper in helpers:
        helper.start()
    run()
    for helper in helpers:
        helper.join()
    if failures:
        raise failures[min(failures)]
    return results


def _joined(ops: Sequence[str], parts: Any) -> tuple[Any, ...]:
    """The parts of blocks as one: sums pairwise, as NumPy adds up an array, in double precision.

    Large arrays are added to in their place and precision.  None stands for what was not asked for.
    """
    sums: list[tuple[int, list[Any]]] = []
    for part in parts:
        held = list(part)
        level = 0
        while sums and sums[-1][0] == level:
            earlier = sums.pop()[1]
            held = [_pair(op, a, b) for op, a, b in zip(ops, earlier, held, strict=True)]
            level += 1
        sums.append((level, held))
    _, held = sums.pop()
    while sums:
        earlier = sums.pop()[1]
        held = [_pair(op, a, b) for op, a, b in zip(ops, earlier, held, strict=True)]
    return tuple(held)


def _pair(op: str, a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    combine = {
        "sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum,
        "any": np.logical_or, "all": np.logical_and,
    }[op]  # fmt: skip
    return combine(a, b)


def _wide(part: Any) -> Any:
    """A sum as it is added to others: in double precision at least, but for whole numbers and large arrays."""
    if part.dtype.kind != "f" or part.size > 65536:
        return part
    return part.astype(np.result_type(part.dtype, np.float64))[()]


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
        return np.float64(0)
    element = element if np.shape(element) == shape else np.broadcast_to(element, shape)
    return _wide(np.sum(element))


def _value(total: Any, each: Any, count: Any, reduction: str, dt: Any) -> Any:
    """The elements, their sum or their mean."""
    if reduction == "none":
        return each
    return dt.type(total / max(count, 1) if reduction == "mean" else total)


def _weight(dt: Any, count: Any, reduction: str) -> Any:
    """The weight of each element in the reduced value."""
    return dt.type(1.0 / max(count, 1) if reduction == "mean" else 1.0)


def _gradient(like: Any, dt: Any, shape: tuple[int, ...]) -> Any:
    """Room for a gradient, in the dtype of its argument."""
    return np.empty(shape, like.dtype if like is not None and like.dtype.kind == "f" else dt)


def _shaped(gradient: Any, like: Any) -> Any:
    """A gradient in the shape of its argument."""
    return gradient[()] if like is None else gradient.reshape(like.shape)[()]
