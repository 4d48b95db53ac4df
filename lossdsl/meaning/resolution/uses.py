"""Where the index variables of a statement are read: what their ranges are worked out from."""

from __future__ import annotations

from dataclasses import dataclass, field

from lossdsl.diagnostics import Span
from lossdsl.meaning import core
from lossdsl.meaning.core import Var
from lossdsl.meaning.resolution.affine import Affine, affine
from lossdsl.meaning.resolution.build import NOTHING, binds
from lossdsl.meaning.resolution.draft import Draft
from lossdsl.meaning.resolution.extents import Bounds
from lossdsl.meaning.resolution.scopes import bounds_of


@dataclass(frozen=True, eq=False, slots=True)
class Use:
    """One axis of one read, at a position that is a sum of variables."""

    read: core.Read
    axis: int
    form: Affine
    bounds: Bounds
    inner: bool
    """The axis is an interval of positions."""
    blocked: frozenset[Var]
    """Variables bound outside of the condition that this read stands under: it does not restrict them."""

    @property
    def array(self) -> core.Arg | core.Let:
        return self.read.array

    @property
    def span(self) -> Span:
        return self.read.indices[self.axis].span


@dataclass(eq=False, slots=True)
class Uses:
    order: list[Var] = field(default_factory=list)
    """The variables, outer before inner."""
    reads: list[Use] = field(default_factory=list)
    gathers: set[int] = field(default_factory=set)
    """ids of reads with a position that is no sum of variables."""
    along: dict[Var, Var] = field(default_factory=dict)
    """The variable that `softmax[c]` binds inside -> the variable of the position that it is taken at."""


def collect(draft: Draft, root: core.Expr, outer: list[Var]) -> Uses:
    """Walks the expression once for each set of variables that conditions block; blocked only grows on the way down."""
    build = draft.build
    uses = Uses(list(outer))
    met: set[Var] = set(outer)
    seen: set[tuple[int, frozenset[Var]]] = set()
    stack: list[tuple[core.Expr, frozenset[Var]]] = [(root, NOTHING)]
    while stack:
        node, blocked = stack.pop()
        blocked &= build.free(node)
        if (id(node), blocked) in seen:
            continue
        seen.add((id(node), blocked))
        for var in binds(node):
            if var not in met:
                met.add(var)
                uses.order.append(var)
        below = _steps(draft, node, blocked)
        if isinstance(node, core.Read):
            _note(draft, uses, node, blocked)
        elif isinstance(node, core.Along) and isinstance(node.at, core.Index):
            uses.along.setdefault(node.var, node.at.var)
        stack.extend(reversed(below))
    return uses


def _steps(draft: Draft, node: core.Expr, blocked: frozenset[Var]) -> list[tuple[core.Expr, frozenset[Var]]]:
    """The children, each with what is blocked in it: under a condition, everything bound outside of it."""
    free = draft.build.free
    match node:
        case core.If():
            return [
                (node.condition, blocked),
                (node.then, free(node.then)),
                (node.otherwise, free(node.otherwise)),
            ]
        case core.Reduce() | core.Along():
            under = blocked if node.where is None else blocked | free(node)
            parts = [] if node.where is None else [(node.where, blocked)]
            at = [(node.at, blocked)] if isinstance(node, core.Along) else []
            return [*at, *parts, (node.body, under)]
        case core.Read():
            return [(index, blocked) for index in node.indices]
        case core.Apply():
            return [(arg, blocked) for arg in node.args]
        case _:
            return []


def _note(draft: Draft, uses: Uses, read: core.Read, blocked: frozenset[Var]) -> None:
    for axis, position in enumerate(read.indices):
        form = affine(draft.build, position)
        if form is None:
            uses.gathers.add(id(read))
            continue
        inner = False
        if isinstance(read.array, core.Let):
            runs = read.array.vars[axis]
            if runs in draft.pending:
                continue
            inner = runs in draft.inner
        uses.reads.append(Use(read, axis, form, bounds_of(read.array, axis), inner, blocked))
