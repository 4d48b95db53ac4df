"""Witnesses of several classes: mean losses that are least in the wrong place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from lossdsl.analysis.facts import No, Unknown
from lossdsl.analysis.judge import Judge
from lossdsl.analysis.labelled import CLASSES, Labelled, labelled
from lossdsl.analysis.numbers import Clock, Undecided
from lossdsl.analysis.tangents import SHARES, mean
from lossdsl.analysis.view import View
from lossdsl.analysis.witness import Witness, confirmed
from lossdsl.functions.lazy import mpmath

GRID = tuple(map(Fraction, (0, 1, -1, 2, -2)))
"""Scores at which hinges of margin 1 have their corners."""
NEAR = Fraction(1, 64)
AROUND = tuple(
    tuple(Fraction(v, 8) for v in way)
    for way in ((8, -3, -5), (8, -5, -3), (-3, 8, -5), (-5, 8, -3), (-3, -5, 8), (-5, -3, 8))
)
"""Ways out of a corner, into different pieces."""
EQUAL = 1e-20
"""Mean losses that are so close count as equal before the interpreter decides."""


def uncalibrated(view: View, judge: Judge, convex: bool) -> No | Unknown | None:
    """A distribution of three classes and a minimiser of the mean loss at which the first has not the largest score.

    Tangents only bound convex losses.  None for other losses than those of one row of scores and its label.
    """
    try:
        scores = labelled(view)
    except Undecided:
        return None
    if not convex:
        return Unknown(("a function of softmax probabilities", "the tangents of a convex loss"))
    with mpmath().workdps(30):
        costs = {row: [judge.value(p) for p in scores.points(row)] for row in _grid()}
    for shares in SHARES:
        for row in _ties(costs, shares):
            near = [tuple(v + NEAR * w for v, w in zip(row, way, strict=True)) for way in AROUND]
            around = [p for z in near for p in scores.points(z)]
            witness = confirmed(judge, "tied minimum", *scores.points(row), *around)
            if witness is not None:
                return No(witness, "the mean loss of three classes is least where the most probable one is not ahead")
    return Unknown(("a function of softmax probabilities", "minimisers of the mean loss on a grid of scores"))


def _grid() -> Iterator[tuple[Fraction, ...]]:
    """With one score 0, which is enough where only differences count, and with smaller ones of all kinds."""
    for first, second in product(GRID, repeat=2):
        yield first, second, Fraction(0)
    yield from product(GRID[:3], repeat=3)


def _ties(costs: dict[Any, list[Any]], shares: Sequence[Fraction]) -> Iterator[tuple[Fraction, ...]]:
    """The cheapest scores of a grid at which the first class has not the largest one."""
    means = {row: mean(shares, values) for row, values in costs.items()}
    least = min(means.values())
    for row, cost in means.items():
        if cost - least <= EQUAL and row[0] <= max(row[1:]):
            yield row


LOGITS = tuple(tuple(map(Fraction, row)) for row in ((0, 1, 2), (1, 0, -1), (0, 0, 2), (2, 2, 0), (-3, 0, 1)))
STEPS = tuple(Fraction(k, 4) for k in (1, -1, 4, -4))


def improper(row: Labelled, judge: Judge, clock: Clock) -> Witness | None:
    """Logits, and others that cost less on average where the probabilities are the softmax of the first."""
    with mpmath().workdps(30):
        for logits in LOGITS:
            for step in STEPS:
                for k in range(CLASSES) if clock.goes_on else ():
                    other = tuple(v + step * (j == k) for j, v in enumerate(logits))
                    witness = confirmed(judge, "improper row", *row.points(logits), *row.points(other))
                    if witness is not None:
                        return witness
    return None
