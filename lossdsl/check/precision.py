"""The floating-point formats that emitted code computes in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import mpmath
import numpy as np
from mpmath import mpf

Mode = Literal["n", "c", "f"]
"""To the nearest number, up, down."""


@dataclass(frozen=True)
class Probe:
    """A way to round: to `digits` decimal digits, as mpmath counts them."""

    digits: int
    mode: Mode

    @property
    def bits(self) -> int:
        return int(mpmath.libmp.dps_to_prec(self.digits))


@dataclass(frozen=True)
class Precision:
    """A binary format; `probes` are ways to round that lose about as much as it does, or somewhat more."""

    name: Literal["float32", "float64"]
    bits: int
    probes: tuple[Probe, ...]

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

    def reduction(self, probe: Probe) -> mpf:
        """How much smaller roundings are in this format than those of a probe."""
        return mpf(2) ** (probe.bits - self.bits)


def _probes(digits: int) -> tuple[Probe, ...]:
    """Rounding up and down shows what rounding to nearest may hide: 1 + 1e-20 is not 1 when rounded up."""
    return (Probe(digits, "n"), Probe(digits, "c"), Probe(digits, "f"), Probe(digits - 1, "n"))


DOUBLE = Precision("float64", 53, _probes(15))
SINGLE = Precision("float32", 24, _probes(6))


@contextmanager
def rounding(mode: Mode) -> Iterator[None]:
    """All arithmetic of mpmath rounds this way.

    mpmath has no public name for the way that its operators round; so this makes sure that it has been changed.
    """
    setting = mpmath.mp._prec_rounding
    before = setting[1]
    setting[1] = mode
    try:
        gained = mpf(1) + mpf(2) ** -(4 * mpmath.mp.prec) > 1
        assert gained == (mode == "c"), f"mpmath {mpmath.__version__} does not round as it is told"
        yield
    finally:
        setting[1] = before
