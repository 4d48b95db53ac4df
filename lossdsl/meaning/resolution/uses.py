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

Step = tuple[core.Expr, frozenset[Var], Tests]


def collect(draft: Draft, root: core.Expr, outer: list[Var]) -> Uses:
    """Walks the expression once for each way in which the conditions around a place matter to it."""
    build = draft.build
    uses = Uses(list(outer))
    met: set[Var] = set(outer)
    seen: set[tuple[int, frozenset[Var], Tests]] = set()
    stack: list[Step] = [(root, NOTHING, frozenset())]
    while stack:
        node, blocked, tests = stack.pop()
        free = build.free(node)
        blocked, tests = blocked & free, _relating(tests, free)
        if (id(node), blocked, tests) in seen:
            continue
        seen.add((id(node), blocked, tests))
        for var in binds(node):
            if var not in met:
                met.add(var)
                uses.order.append(var)
        if isinstance(node, core.Read):
            _note(draft, uses, node, blocked, tests)
        elif isinstance(node, core.Along) and isinstance(node.at, core.Index):
            uses.along.setdefault(node.var, node.at.var)
        stack.extend(reversed(_steps(draft, node, blocked, tests)))
    return uses


def _relating(tests: Tests, free: frozenset[Var]) -> Tests:
    """Of each condition, what concerns the variables of a node, where that is a relation between some of them."""
    return frozenset(test & free for test in tests if len(test & free) > 1) if tests else tests


def _steps(draft: Draft, node: core.Expr, blocked: frozenset[Var], tests: Tests) -> list[Step]:
    """The children, each with what is blocked in it: under a condition, everything bound outside of it."""
    free = draft.build.free
    match node:
        case core.If():
            under = tests | {free(node.condition)}
            return [
                (node.condition, blocked, tests),
                (node.then, free(node.then), under),
                (node.otherwise, free(node.otherwise), under),
            ]
        case core.Reduce() | core.Along() if node.where is not None:
            *before, body = children(node)
            return [
                *((part, blocked, tests) for part in before),
                (body, blocked | free(node), tests | {free(node.where)}),
            ]
        case _:
            return [(part, blocked, tests) for part in children(node)]


def _note(draft: Draft, uses: Uses, read: core.Read, blocked: frozenset[Var], tests: Tests) -> None:
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
        related = any(len(test & form.terms.keys()) > 1 for test in tests)
        uses.reads.append(Use(read, axis, form, bounds_of(read.array, axis), inner, blocked, related))
