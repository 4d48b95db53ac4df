"""Where the index variables of a statement are read: what their ranges are worked out from."""

from __future__ import annotations

from dataclasses import dataclass, field

from lossdsl.diagnostics import Span
from lossdsl.meaning import core
from lossdsl.meaning.core import Var
from lossdsl.meaning.resolution.affine import Affine, affine
from lossdsl.meaning.resolution.build import NOTHING, binds, children
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
    related: bool
    """A condition around it relates variables of the position, and so decides where it is read."""
    guarded: bool
    """It stands under a condition, be it that of the reduction which binds its variables."""

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


Tests = frozenset[frozenset[Var]]
"""The variables of each condition around a place, of conditions that relate two or more."""


@dataclass(frozen=True, slots=True)
class Around:
    """The conditions around a place, as far as they matter to it: places of one kind are walked once."""

    blocked: frozenset[Var] = NOTHING
    """Variables bound outside of one of the conditions."""
    tests: Tests = frozenset()
    guarded: bool = False

    def seen_from(self, free: frozenset[Var]) -> Around:
        """What concerns a node with these variables: of each condition, a relation between some of them."""
        tests = frozenset(test & free for test in self.tests if len(test & free) > 1) if self.tests else self.tests
        return Around(self.blocked & free, tests, self.guarded)

    def under(self, outside: frozenset[Var], condition: frozenset[Var]) -> Around:
        """Behind one more condition, that stands where the variables `outside` are bound."""
        return Around(self.blocked | outside, self.tests | {condition}, True)


Step = tuple[core.Expr, Around]


def collect(draft: Draft, root: core.Expr, outer: list[Var]) -> Uses:
    """Walks the expression once for each way in which the conditions around a place matter to it."""
    build = draft.build
    uses = Uses(list(outer))
    met: set[Var] = set(outer)
    seen: set[tuple[int, Around]] = set()
    stack: list[Step] = [(root, Around())]
    while stack:
        node, around = stack.pop()
        around = around.seen_from(build.free(node))
        if (id(node), around) in seen:
            continue
        seen.add((id(node), around))
        for var in binds(node):
            if var not in met:
                met.add(var)
                uses.order.append(var)
        if isinstance(node, core.Read):
            _note(draft, uses, node, around)
        elif isinstance(node, core.Along) and isinstance(node.at, core.Index):
            uses.along.setdefault(node.var, node.at.var)
        stack.extend(reversed(_steps(draft, node, around)))
    return uses


def _steps(draft: Draft, node: core.Expr, around: Around) -> list[Step]:
    """The children, each with the conditions around it."""
    free = draft.build.free
    match node:
        case core.If(condition=condition, then=then, otherwise=otherwise):
            test = free(condition)
            return [
                (condition, around),
                (then, around.under(free(then), test)),
                (otherwise, around.under(free(otherwise), test)),
            ]
        case core.Reduce(where=where) | core.Along(where=where) if where is not None:
            *before, body = children(node)
            return [*((part, around) for part in before), (body, around.under(free(node), free(where)))]
        case _:
            return [(part, around) for part in children(node)]


def _note(draft: Draft, uses: Uses, read: core.Read, around: Around) -> None:
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
        related = any(len(test & form.terms.keys()) > 1 for test in around.tests)
        bounds = bounds_of(read.array, axis)
        uses.reads.append(Use(read, axis, form, bounds, inner, around.blocked, related, around.guarded))
