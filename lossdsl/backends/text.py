"""Pieces of emitted text."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

CALL = 100
"""Precedence of a name or a call."""

View = Literal["real", "int", "bool"]


@dataclass(frozen=True)
class Text:
    """An expression, how tightly it binds, and whether it is a Python number."""

    code: str
    precedence: int = CALL
    host: bool = False


def float_of(value: Fraction) -> float:
    """The nearest float; infinite where the fraction is out of range."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def strip(code: str) -> str:
    """The text without brackets around the whole of it."""
    if not code.startswith("("):
        return code
    depth = 0
    for position, char in enumerate(code):
        depth += (char in "([{") - (char in ")]}")
        if depth == 0:
            return strip(code[1:-1]) if position == len(code) - 1 else code
    return code
