"""Expressions taken apart: the factors of a product, the terms of a sum.

Nodes are shared, so that an expression has far fewer nodes than paths: a product that is doubled forty times,
`b = a*(2*a)` and so on, has forty nodes and 2^40 factors.  Whoever opens one says how many parts are worth looking at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

MOST_PARTS = 256
"""Of a longer product or sum some parts stay closed, and are a factor or a term as they are."""


def opened(root: T, parts: Callable[[T], Sequence[T] | None], most: int = MOST_PARTS) -> list[T]:
    """What `root` is made of, in order: `parts` says what stands in place of an item, None of what stays closed.

    At most `most` parts: an item whose parts would be more is not opened.
    """
    result: list[T] = []
    pending = [root]
    while pending:
        item = pending.pop()
        inner = parts(item)
        if inner is None or len(result) + len(pending) + len(inner) > most:
            result.append(item)
        else:
            pending.extend(reversed(inner))
    return result
