"""Arithmetic that rounds every inexact result up or down at random.

What is exact stays exact, so that ties of exact numbers stay ties; and what happens to be exact at one point, as
1 + 1e-20 in rounding to nearest, or cancels because two equal operations err alike, shows what it may lose.  This is
the CESTAC method (La Porte and Vignes 1974, "Algorithmes numeriques, analyse et mise en oeuvre").
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from contextlib import contextmanager

import mpmath

UP, DOWN = "c", "f"
"""mpmath's names: towards plus infinity (ceiling) and towards minus infinity (floor)."""
COINS = 4093
"""Flipped once and used over and over: a prime number, so that no loop of a formula keeps in step with them."""


@functools.cache
def _flips(seed: int) -> tuple[str, ...]:
    return tuple(random.Random(seed).choices((UP, DOWN), k=COINS))


class _Coins(list[object]):
    """The pair [precision, rounding] that operators of mpmath unpack, with another rounding each time."""

    def __init__(self, precision: int, seed: int) -> None:
        super().__init__((precision, DOWN))
        self.coins = _flips(seed)
        self.thrown = 0

    def __iter__(self) -> Iterator[object]:
        self.thrown = (self.thrown + 1) % COINS
        return iter((self[0], self.coins[self.thrown]))


@contextmanager
def at_random(seed: int) -> Iterator[None]:
    """mpmath rounds at random inside; the same seed gives the same roundings.

    mpmath has no public name for the way in which its operators round.  So this makes sure that it does as told.
    """
    mp = mpmath.mp
    kinds = (mp.mpf, mp.mpc, mp.constant)
    before = mp._prec_rounding
    coins = _Coins(mp.prec, seed)
    try:
        mp._prec_rounding = coins
        for kind in kinds:
            kind._ctxdata[2] = coins
        _confirm(mpmath.__version__)
        yield
    finally:
        mp._prec_rounding = before
        for kind in kinds:
            kind._ctxdata[2] = before
        before[0] = mp.prec


@functools.cache
def _confirm(version: str) -> None:
    """Operators and functions give both neighbours of what is not exact, and nothing else."""
    third = {mpmath.mpf(1) / 3 for _ in range(100)}
    root = {mpmath.sqrt(2) for _ in range(100)}
    exact = {mpmath.mpf(3) / 4 for _ in range(100)}
    assert len(third) == len(root) == 2 and len(exact) == 1, f"mpmath {version} does not round as told"
