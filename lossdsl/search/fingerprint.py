"""Which losses have the same gradient up to a factor: told apart by numbers, confirmed by more of them.

Two losses of one residual or margin have proportional gradients if and only if they differ by a positive factor and a
constant.  The fingerprint takes both away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from lossdsl.api import catalogue
from lossdsl.functions.lazy import mpmath
from lossdsl.meaning import core
from lossdsl.search.order import DIGITS, GRID, Kind, Order, order_in

SHOWN = 14
"""Digits of a fingerprint, of `DIGITS` that are computed."""
MORE = 60
"""Digits of a confirmation, which has to hold to `AGREED` of them."""
AGREED = 40
FAMILIES: dict[Kind, tuple[str, ...]] = {"residual": ("regression", "robust"), "margin": ("margin", "classification")}
"""Where the catalogue has losses of a residual, and of a margin."""

Fingerprint = tuple[str, ...]


def fingerprint(values: Sequence[Any]) -> Fingerprint | None:
    """Of the values on `GRID`; None for a constant."""
    with mpmath().workdps(DIGITS):
        middle = values[len(GRID) // 2]
        moved = [value - middle for value in values]
        largest = max(abs(each) for each in moved)
        if not largest > 0:
            return None
        shares = [each / largest for each in moved]
        return tuple(mpmath().nstr(share, SHOWN) if abs(share) > 1e-16 else "0" for share in shares)


@dataclass(frozen=True)
class Known:
    """A loss that proposals are compared with."""

    name: str
    program: core.Program
    order: Order


def same_gradient(one: Known, other: Known) -> bool:
    """Whether the gradients are proportional at points that no fingerprint has looked at."""
    rng = np.random.default_rng(len(GRID))
    at = [Fraction(round(float(each) * 4096), 4096) for each in rng.normal(scale=4.0, size=8)]
    found = [each.order.slopes(each.program, at, MORE) for each in (one, other)]
    if found[0] is None or found[1] is None:
        return False
    with mpmath().workdps(MORE):
        sizes = [sum(abs(slope) for slope in slopes) for slopes in (found[0], found[1])]
        if not all(size > 0 for size in sizes):
            return False
        pairs = zip(found[0], found[1], strict=True)
        return bool(max(abs(a / sizes[0] - b / sizes[1]) for a, b in pairs) < mpmath().mpf(10) ** -AGREED)


@lru_cache(maxsize=2)
def catalogued(kind: Kind) -> dict[Fingerprint, tuple[Known, ...]]:
    """The losses of the catalogue that are functions of a residual, or of a margin, at their defaults."""
    found: dict[Fingerprint, tuple[Known, ...]] = {}
    for family in FAMILIES[kind]:
        for name, loss in catalogue[family].items():
            order = _order(loss.program)
            if order is None or order.kind != kind:
                continue
            values = order.values(loss.program, GRID)
            key = None if values is None or not all(mpmath().isfinite(v) for v in values) else fingerprint(values)
            if key is not None:
                found[key] = (*found.get(key, ()), Known(name, loss.program, order))
    return found


def _order(program: core.Program) -> Order | None:
    needed = [arg for arg in program.args if arg.role in ("hyper", "learn") and arg.default is None]
    return None if needed else order_in(program)
