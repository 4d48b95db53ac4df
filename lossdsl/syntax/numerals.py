"""Numbers as they are written: exact, and of bounded size."""

from __future__ import annotations

import math
from fractions import Fraction

from lossdsl.diagnostics import Problem, Span
from lossdsl.diagnostics.limits import MAX_DIGITS, NumberOutOfRange, NumberTooLong


def number_problem(span: Span) -> Problem | None:
    """What is wrong with a well-formed number: too many digits, or a magnitude that no double has."""
    length = span.end - span.start
    if length > MAX_DIGITS:
        return NumberTooLong(span, f"this number is {length:,} characters long; at most {MAX_DIGITS} are read")
    if length <= 300 and span.text.isdigit():
        return None
    value = float(span.text)
    if math.isinf(value):
        return NumberOutOfRange(span, "no double is as large as this: it would be infinite", "write `inf`")
    if value == 0 and not _is_zero(span.text):
        return NumberOutOfRange(span, "no double is as close to zero as this: it would be zero", "write `0`")
    return None


def exact(text: str) -> Fraction:
    """The fraction that a number stands for; `text` has passed `number_problem`."""
    return Fraction(0) if _is_zero(text) else Fraction(text)


def _is_zero(text: str) -> bool:
    mantissa = text.lower().partition("e")[0]
    return not mantissa.strip("0._")
