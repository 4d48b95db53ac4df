"""A program while it is being made: its bindings so far, and what is known of its index variables."""

from __future__ import annotations

from dataclasses import dataclass, field

from lossdsl.diagnostics import Span
from lossdsl.meaning import core
from lossdsl.meaning.core import Extent, Var
from lossdsl.meaning.resolution.build import Builder
from lossdsl.meaning.resolution.extents import Bounds
from lossdsl.meaning.resolution.scopes import View


@dataclass(eq=False, slots=True)
class Draft:
    build: Builder
    lets: list[core.Let] = field(default_factory=list)
    checks: dict[tuple[Extent, Extent], core.SizeCheck] = field(default_factory=dict)
    calls: dict[object, View] = field(default_factory=dict)
    """What each distinct call with tensor arguments became."""
    declared: dict[Var, Bounds] = field(default_factory=dict)
    """Ranges that are given where the variable is bound."""
    fallback: dict[Var, Bounds] = field(default_factory=dict)
    """The signature axis of the variable's name."""
    solved: set[Var] = field(default_factory=set)
    inner: set[Var] = field(default_factory=set)
    """Variables over positions inside an axis; reading a binding over these restricts as an offset does."""
    in_range: set[tuple[int, int]] = field(default_factory=set)
    """(id of a read, axis) for positions that the range of a variable was chosen to keep on the axis."""
    pending: dict[Var, Var] = field(default_factory=dict)
    """A variable whose range will be that of a variable of the caller."""
    unordered: set[core.Let] = field(default_factory=set)
    """Bindings whose order of axes is open."""
    unnamed: set[core.Arg | core.Let] = field(default_factory=set)
    """What calls became, as long as no binding of the caller has given it a name."""
    labels: dict[Var, str] = field(default_factory=dict)
    """What the axes are called that `..` stands for."""
    depth: int = 0

    def require_equal(self, left: Extent, right: Extent, span: Span, message: str) -> None:
        if left != right and (left, right) not in self.checks and (right, left) not in self.checks:
            self.checks[left, right] = core.SizeCheck(left, right, span, message)
