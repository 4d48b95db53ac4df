"""One result against what was expected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from lossdsl.check.precision import Precision
from lossdsl.check.reference import DIGITS, Expected, Refused

FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, RuntimeError, TypeError, ValueError)
"""What emitted code raises, for arguments that it refuses, or because it is wrong."""


LONGEST_EXPONENT = 100_000
"""Beyond which mpmath would need long to find the decimal digits of a number."""


@dataclass(frozen=True)
class Fault:
    """Emitted code raised instead of giving a result."""

    error: Exception

    def __str__(self) -> str:
        return f"{type(self.error).__name__}: {self.error}"


@dataclass(frozen=True)
class Comparison:
    """The entry with the largest error for what is allowed there, in ulps; what is wrong, if something is.

    Without an error there is only right and wrong.  `compared` counts the entries with a reference: where a formula has
    no value, nothing is compared.  `vast` says that the reference is too large for the dtype.
    """

    compared: int
    error: float | None = 0.0
    allowed: float | None = 0.0
    place: tuple[int, ...] = ()
    wrong: str = ""
    vast: bool = False

    @property
    def strain(self) -> float:
        """How much of what is allowed the error uses."""
        if self.wrong:
            return float("inf")
        return self.error / self.allowed if self.error and self.allowed else 0.0


def attempt(compute: Callable[[], Any]) -> Any:
    """The result of emitted code, or the fault that it raised."""
    try:
        return compute()
    except FAULTS as error:
        return Fault(error)


def compare(found: Any, expected: Expected | Refused, precision: Precision) -> Comparison:
    """`found` is an array of the emitted code, or a `Fault`."""
    match expected, found:
        case Refused(), Fault():
            return Comparison(1)
        case Refused(reason), _:
            return Comparison(1, wrong=f"gives {_short(found)}, should be refused: {reason}")
        case Expected(), Fault():
            return Comparison(1, wrong=f"raises {found}")
        case Expected(), _:
            return _arrays(np.asarray(found), expected, precision)
    raise AssertionError(f"no comparison for {expected}")


def _arrays(found: Any, expected: Expected, precision: Precision) -> Comparison:
    reference = expected.reference
    if found.shape != reference.shape:
        return Comparison(1, wrong=f"has shape {found.shape} instead of {reference.shape}")
    if found.dtype != precision.dtype:
        return Comparison(1, wrong=f"has dtype {found.dtype} instead of {precision.dtype}")
    with mpmath.workdps(DIGITS):
        defined = [place for place in np.ndindex(reference.shape) if reference[place] == reference[place]]
        entries = [_entry(float(found[place]), expected, place, precision) for place in defined]
    worst = max(entries, key=lambda entry: (entry.strain, entry.error), default=Comparison(0))
    return replace(worst, compared=len(entries))


def _entry(found: float, expected: Expected, place: tuple[int, ...], precision: Precision) -> Comparison:
    """Infinite where the reference is, not finite where it can not be represented; else finite, and close enough."""
    value, reference, allowed = mpf(found), expected.reference[place], expected.allowed[place]
    wrong = f"is {found!r} instead of {_decimal(reference)}"
    if mpmath.isinf(reference) and value == reference:
        return Comparison(1, place=place)
    too_large = mpmath.isfinite(reference) and abs(reference) + allowed >= precision.largest
    if too_large and not mpmath.isfinite(value):
        return Comparison(1, place=place)
    if not mpmath.isfinite(value) or mpmath.isinf(reference):
        return Comparison(1, float("inf"), 0.0, place, wrong, too_large)
    ulp = precision.ulp(expected.scale[place])
    error, limit = float(abs(value - reference) / ulp), float(allowed / ulp)
    return Comparison(1, error, limit, place, wrong if error > limit else "", too_large)


def _decimal(number: mpf) -> str:
    """Twenty digits; of an exponential of an exponential the power of two."""
    if number and mpmath.isfinite(number) and abs(mpmath.mag(number)) > LONGEST_EXPONENT:
        return f"{'-' if number < 0 else ''}2^{mpmath.mag(number)}"
    return str(mpmath.nstr(+number, 20))


def _short(found: Any) -> str:
    return np.array2string(np.asarray(found), threshold=6, precision=6)
