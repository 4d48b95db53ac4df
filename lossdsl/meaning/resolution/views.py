"""Values with axes: bindings, and reads that leave axes open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from lossdsl.diagnostics import Span
from lossdsl.meaning import core
from lossdsl.meaning.core import Expr, Var
from lossdsl.meaning.resolution import positions, reads
from lossdsl.meaning.resolution.build import SizeOf, binds, children, postorder, with_children
from lossdsl.meaning.resolution.draft import Draft
from lossdsl.meaning.resolution.fingerprint import fingerprint
from lossdsl.meaning.resolution.ranges import solve
from lossdsl.meaning.resolution.scopes import Scope, View, bounds_of
from lossdsl.meaning.resolution.settle import settle
from lossdsl.syntax import tree


def make_let(
    draft: Draft,
    name: str,
    own: Sequence[Var],
    expr: Expr,
    span: Span,
    role: Literal["local", "term", "predict"] = "local",
    ordered: bool = True,
) -> View:
    """A binding over `own`; index variables of the caller that it depends on become axes in front of these."""
    foreign = foreign_vars(draft, own, expr)
    lifted = {var: _copy(draft, var) for var in foreign}
    if foreign:
        expr = rename(draft, expr, lifted)
    variables = [*lifted.values(), *own]
    unsafe = solve(draft, expr, variables, {new: old for old, new in lifted.items()})
    expr = settle(draft, expr, unsafe)
    let = core.Let(name, tuple(variables), expr, draft.build.kind(expr), role, span)
    draft.lets.append(let)
    if not ordered:
        draft.unordered.add(let)
    given = tuple(draft.build.index(span, var) for var in foreign)
    bounds = tuple((var.low, var.high) for var in own)
    return View(let, (*given, *(None for _ in own)), tuple(var.name for var in own), bounds, span, ordered)


def foreign_vars(draft: Draft, own: Sequence[Var], expr: Expr) -> list[Var]:
    """Free variables that are not `own`, in the order in which they occur."""
    foreign = draft.build.free(expr) - set(own)
    if not foreign:
        return []
    met: dict[Var, None] = {}
    for node in postorder(expr):
        if isinstance(node, core.Index | SizeOf) and node.var in foreign:
            met.setdefault(node.var)
    return list(met)


def rename(draft: Draft, root: Expr, mapping: dict[Var, Var]) -> Expr:
    """A copy with other variables; those bound in what is copied are new, too."""
    build = draft.build
    mapping = dict(mapping)
    nodes = list(postorder(root))
    for node in reversed(nodes):
        if binds(node) and any(var in mapping for var in build.free(node)):
            mapping.update((var, _copy(draft, var)) for var in binds(node) if var not in mapping)
    done: dict[int, Expr] = {}
    for node in nodes:
        touched = any(var in mapping for var in build.free(node)) or any(var in mapping for var in binds(node))
        done[id(node)] = build.keep(_renamed(node, mapping, done)) if touched else node
    return done[id(root)]


def _renamed(node: Expr, mapping: dict[Var, Var], done: dict[int, Expr]) -> Expr:
    match node:
        case core.Index(span=span, var=var):
            return core.Index(span, mapping[var])
        case SizeOf():
            return SizeOf(node.span, core.ZERO, mapping[node.var], node.axis)
    copy = with_children(node, tuple(done[id(child)] for child in children(node)))
    match copy:
        case core.Reduce():
            variables = tuple(mapping.get(var, var) for var in copy.vars)
            return core.Reduce(copy.span, copy.op, variables, copy.where, copy.body)
        case core.Along():
            return core.Along(copy.span, copy.op, mapping.get(copy.var, copy.var), copy.where, copy.body, copy.at)
    return copy


def _copy(draft: Draft, var: Var) -> Var:
    new = Var(var.name, var.span, var.low, var.high)
    if var in draft.labels:
        draft.labels[new] = draft.labels[var]
    for known in (draft.declared, draft.fallback):
        if var in known:
            known[new] = known[var]
    return new


def sliced(scope: Scope, written: tree.Indexed) -> View:
    """`w[c, k, :]`: the axes marked by `:` stay open, the others are read."""
    view = reads.base_view(scope, written)
    indices = reads.expanded(scope, written.indices)
    reads.check_count(scope, written, view, indices)
    given: list[Expr | None] = []
    for index, bounds in zip(indices, view.bounds, strict=True):
        given.append(None if isinstance(index, tree.Slice) else positions.position(scope, bounds, index))
    still_open = [k for k, index in enumerate(given) if index is None]
    slots = iter(given)
    template = tuple(next(slots) if index is None else index for index in view.template)
    return View(
        view.target,
        template,
        tuple(view.names[k] for k in still_open),
        tuple(view.bounds[k] for k in still_open),
        view.span,
        view.ordered,
    )


def as_view(scope: Scope, expr: Expr, own: Sequence[Var], name: str, span: Span) -> View:
    """An expression as a tensor over `own`: the array itself where it is nothing but a read of one."""
    if isinstance(expr, core.Read):
        at = [index.var if isinstance(index, core.Index) else None for index in expr.indices]
        whole = sorted(own, key=lambda var: at.index(var) if var in at else -1)
        others = scope.draft.build.free(expr) - set(own)
        inner_reads = [index for index in expr.indices if not isinstance(index, core.Index)]
        if list(own) == whole and all(at.count(var) == 1 for var in own) and not inner_reads:
            assert others <= {var for var in at if var is not None}, "plain indices only"
            template = tuple(None if var in own else index for var, index in zip(at, expr.indices, strict=True))
            bounds = tuple(bounds_of(expr.array, at.index(var)) for var in own)
            return View(expr.array, template, tuple(var.name for var in own), bounds, span)
    ranges = tuple(scope.draft.fallback.get(var) for var in own)
    key = ("expression", fingerprint(expr, own), ranges)
    if key not in scope.draft.calls:
        scope.draft.calls[key] = make_let(scope.draft, name, own, expr, span)
    known = scope.draft.calls[key]
    return View(known.target, known.template, tuple(var.name for var in own), known.bounds, span)


def data_behind(let: core.Let) -> core.Arg | None:
    """Some data that a binding depends on."""
    seen: set[int] = set()
    stack: list[core.Let] = [let]
    while stack:
        for node in postorder(stack.pop().expr):
            if isinstance(node, core.Read) and id(node.array) not in seen:
                seen.add(id(node.array))
                if isinstance(node.array, core.Let):
                    stack.append(node.array)
                elif node.array.role == "data":
                    return node.array
    return None
