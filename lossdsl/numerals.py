"""Numbers as users type them in options: `2`, `1e-3`, `delta=0.5`."""

from __future__ import annotations

import math


def finite(text: str) -> float | None:
    """The number; None for what is none, and for infinity and NaN."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def named(text: str) -> tuple[str, float] | None:
    """NAME=NUMBER as a pair; None for anything else."""
    name, _, number = (part.strip() for part in text.partition("="))
    value = finite(number)
    return None if not name or value is None else (name, value)
