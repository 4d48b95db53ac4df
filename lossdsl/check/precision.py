"""The floating-point formats that emitted code computes in."""

from __future__ import annotations

from dataclasses import dataclass

import mpmath
import numpy as np
from mpmath import mpf

WITNESSES = 4
"""How many precisions the formula is evaluated at to see what rounding does to it."""


@dataclass(frozen=True)
class Precision:
    """A binary format; `digits` are decimal precisions close to it, in which the reference interpreter can work."""

    name: str
    bits: int
    digits: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype[np.floating]:
        return np.dtype(self.name)

    @property
    def roundoff(self) -> mpf:
        """The largest relative error of one rounding: half an ulp."""
        return mpf(2) ** -self.bits

    @property
    def smallest(self) -> mpf:
        """The smallest number that has all bits; results below it lose them, and may be flushed to zero."""
        return mpf(float(np.finfo(self.dtype).smallest_normal))

    @property
    def largest(self) -> mpf:
        return mpf(float(np.finfo(self.dtype).max))

    def ulp(self, magnitude: mpf) -> mpf:
        """The distance of neighbours at a magnitude."""
        at = max(abs(magnitude), self.smallest)
        return mpf(2) ** (mpmath.mag(at) - self.bits)

    def reduction(self, digits: int) -> mpf:
        """How much smaller roundings are in this format than at `digits` decimal digits."""
        return mpf(2) ** (mpmath.libmp.dps_to_prec(digits) - self.bits)


DOUBLE = Precision("float64", 53, (15, 14, 13, 12))
SINGLE = Precision("float32", 24, (7, 6, 5, 4))

assert len(DOUBLE.digits) == len(SINGLE.digits) == WITNESSES
