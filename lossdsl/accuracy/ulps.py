"""Errors in ulps (units in the last place) of the true value, as Herbie and libm authors count them.

An ulp is the distance of neighbouring floating-point numbers at the true value; among subnormal numbers it is the
smallest of them.  A correctly rounded result has an error of at most 1/2.  No error counts for more than there are
floating-point numbers: 2^64 or 2^32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
from mpmath import mpf

from lossdsl.accuracy.truth import Objects
from lossdsl.check.precision import Precision

DIGITS = 40
"""For differences of exact operands, which mpmath rounds once."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Errors:
    """Entry by entry of one result, flat.

    `ulps` is nan where there is nothing to compare with: no true value, or one that the dtype can not represent.
    `lost` says where the result is nan or infinite though the true value is representable, `nan` where it is nan,
    `vast` where the true value is not representable and the result is not the infinity of its sign.
    """

    ulps: Floats
    lost: npt.NDArray[np.bool_]
    vast: npt.NDArray[np.bool_]
    nan: npt.NDArray[np.bool_]


def errors(found: Any, truth: Objects, precision: Precision) -> Errors:
    """The errors of a result of emitted code."""
    most = 2.0 ** (8 * precision.dtype.itemsize)
    results = np.asarray(found, dtype=np.float64).reshape(-1).tolist()
    ulps, lost, vast = np.full(len(results), np.nan), np.zeros(len(results), bool), np.zeros(len(results), bool)
    with mpmath.workdps(DIGITS):
        for place, (result, true) in enumerate(zip(results, truth.reshape(-1), strict=True)):
            if true != true:
                continue
            if not representable(true, precision):
                vast[place] = not _right_infinity(result, true, precision)
            elif not np.isfinite(result):
                lost[place] = True
            else:
                ulps[place] = min(float(abs(mpf(result) - true) / precision.ulp(true)), most)
    return Errors(ulps, lost, vast, lost & np.isnan(results))


def representable(true: mpf, precision: Precision) -> bool:
    """Whether rounding to nearest gives a finite number."""
    return bool(abs(true) < precision.largest + precision.ulp(precision.largest) / 2)


def _right_infinity(result: float, true: mpf, precision: Precision) -> bool:
    """A result that stopped at the largest number is as right as an infinite one."""
    return abs(result) >= float(precision.largest) and (result > 0) == (true > 0)
