"""SymPy and mpmath, imported when first asked for: the table itself must load in a moment."""

from __future__ import annotations

from typing import Any


def sympy() -> Any:
    import sympy

    return sympy


def mpmath() -> Any:
    import mpmath

    return mpmath
