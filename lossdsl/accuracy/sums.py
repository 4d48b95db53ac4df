"""Long sums: the error of `reduction="sum"` over many elements, where summation matters more than the elements.

A few hundred elements of ordinary size are repeated, so that the true sum is a multiple of theirs; the order is such
that equal elements are far apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import mpmath
import numpy as np
from mpmath import mpf

from lossdsl.accuracy.codes import Code
from lossdsl.accuracy.samples import ordinary
from lossdsl.accuracy.tally import Batch, Tally
from lossdsl.accuracy.truth import Judge, objects
from lossdsl.accuracy.ulps import errors
from lossdsl.check.compare import Fault
from lossdsl.check.precision import Precision

DISTINCT, TIMES = 2**8, 2**9
DIGITS = 60
PAIRWISE = math.log2(DISTINCT * TIMES) / 2
"""Ulps of the sum of magnitudes: half of one for each halving."""


def measure_sums(judge: Judge, codes: Iterable[Code], precision: Precision, tallies: dict[str, Tally]) -> None:
    """Add the error of each implementation to its tally."""
    few = ordinary(judge.program, precision, DISTINCT)
    elements = judge.answer(few, DIGITS)["value", ""].reshape(-1)
    if not all(mpmath.isfinite(element) for element in elements):
        return
    with mpmath.workdps(DIGITS):
        true = TIMES * mpmath.fsum(elements)
        cancelled = float(TIMES * mpmath.fsum(elements, absolute=True) / abs(true)) if true else math.inf
    many = {name: np.tile(value, (TIMES,) + (1,) * (value.ndim - 1)) if np.ndim(value) else value
            for name, value in few.items()}  # fmt: skip
    for code in codes:
        found = code.total(many)
        if isinstance(found, Fault):
            tallies[code.name].fault = str(found)
        else:
            tallies[code.name].batches.append(_batch(found, true, precision, cancelled))


def _batch(found: object, true: mpf, precision: Precision, cancelled: float) -> Batch:
    each = errors(found, objects([true], ()), precision)
    one = np.ones(1)
    terms = np.array([max(cancelled, 1.0)])
    place = (f"{DISTINCT * TIMES} elements",)
    return Batch(each.ulps, each.lost, each.vast, each.nan, one, terms, PAIRWISE, place, one, np.ones(1, dtype=bool))
