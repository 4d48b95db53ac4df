"""The floating-point formats that emitted code computes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import mpmath
import numpy as np
from mpmath import mpf


@dataclass(frozen=True)
class Precision:
    """A binary format; `digits` is the smallest decimal precision of mpmath that holds all of its numbers."""

    name: Literal["float32", "float64"]
    bits: int
    digits: int

    @property
    def dtype(self) -> np.dtype[np.floating]:
        return np.dtype(self.name)

    @property
    def roundoff(self) -> mpf:
        """The largest relative error of rounding to nearest: half an ulp."""
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

    @property
    def surplus(self) -> mpf:
        """How much larger the roundings are in this format than in `digits` decimal digits."""
        return mpf(2) ** (int(mpmath.libmp.dps_to_prec(self.digits)) - self.bits)


DOUBLE = Precision("float64", 53, 15)
SINGLE = Precision("float32", 24, 7)
