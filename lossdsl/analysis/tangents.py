"""Least values of convex functions, certified by points and gradients only.

A convex function g lies above its tangents: g(z) >= g(z_i) + <g_i, z - z_i>.  Where weights w_i >= 0 that add up to 1
give sum w_i*g_i = 0, the mean of these bounds is a number, sum w_i*(g(z_i) - <g_i, z_i>), that g never goes below.  A
point with this value is a minimiser.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

from lossdsl.functions.lazy import mpmath

SHARES = (
    (Fraction(2, 5), Fraction(7, 20), Fraction(1, 4)),
    (Fraction(9, 20), Fraction(3, 10), Fraction(1, 4)),
    (Fraction(3, 5), Fraction(1, 4), Fraction(3, 20)),
)
"""Probabilities of three classes, the first the most probable one."""
ZERO = 1e-40
"""What rounding at 60 digits may leave of 0."""


def mean(shares: Sequence[Fraction], values: Sequence[Any]) -> Any:
    """The mean of values, one a class."""
    return sum(v * p.numerator / p.denominator for p, v in zip(shares, values, strict=True))


def weights_to_zero(vectors: Sequence[Sequence[Any]]) -> list[tuple[int, Any]] | None:
    """Positive numbers that add up to 1 and with which some of the vectors add up to 0, by their places; None if none.

    Of at most four vectors, which is enough in three dimensions (Caratheodory 1907).
    """
    for count in range(1, 5):
        for chosen in combinations(range(len(vectors)), count):
            found = _solved([vectors[k] for k in chosen])
            if found is not None:
                return list(zip(chosen, found, strict=True))
    return None


def _solved(vectors: Sequence[Sequence[Any]]) -> list[Any] | None:
    """The weights of vectors that are as independent as they can be; None where there are none, or several."""
    rows = [[v[j] for v in vectors] + [mpmath().mpf(0)] for j in range(len(vectors[0]))]
    rows.append([mpmath().mpf(1)] * (len(vectors) + 1))
    for column in range(len(vectors)):
        pivot = max(range(column, len(rows)), key=lambda r: abs(rows[r][column]))
        if abs(rows[pivot][column]) <= ZERO:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        lead = [v / rows[column][column] for v in rows[column]]
        rows = [
            lead if r == column else [a - row[column] * b for a, b in zip(row, lead, strict=True)]
            for r, row in enumerate(rows)
        ]
    if any(abs(row[-1]) > ZERO for row in rows[len(vectors) :]):
        return None
    found = [row[-1] for row in rows[: len(vectors)]]
    return found if all(w > 0 for w in found) else None
