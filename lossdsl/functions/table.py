"""The table of scalar functions: one row per function, gathered from one module per family."""

from __future__ import annotations

from lossdsl.functions import algebraic, arithmetic, exponential, internal, piecewise, powers, special, trigonometric
from lossdsl.functions.row import Function

FAMILIES = (arithmetic, exponential, trigonometric, special, piecewise, internal, algebraic, powers)

TABLE: dict[str, Function] = {row.name: row for family in FAMILIES for row in family.ROWS}

SURFACE: frozenset[str] = frozenset(name for name, row in TABLE.items() if row.surface)
"""Names that a `.loss` file may call; reserved there."""
