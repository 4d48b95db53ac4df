"""A loss as a checked program."""

from __future__ import annotations

from collections.abc import Iterator

from lossdsl.meaning import core
from lossdsl.meaning.resolution import blocks, items, kinds, predicting
from lossdsl.meaning.resolution.build import children, postorder
from lossdsl.meaning.resolution.draft import Draft
from lossdsl.meaning.resolution.imports import Unit
from lossdsl.meaning.resolution.ranges import solve
from lossdsl.meaning.resolution.scopes import Scope
from lossdsl.meaning.resolution.settle import settle
from lossdsl.meaning.resolution.signatures import Signature
from lossdsl.syntax import tree
from lossdsl.syntax.walk import walk


def program(node: tree.Loss, unit: Unit, sign: Signature, draft: Draft) -> core.Program:
    scope = Scope(draft, unit, f"`{node.name.id}`", main=True)
    scope.axis_spans = sign.axes
    for formal in sign.formals:
        scope.values[formal.arg.name] = items.formal_value(scope, formal)
    made = blocks.block(scope, node.body, None)
    expr = settle(draft, made.expr, solve(draft, made.expr, made.vars))
    result = core.Program(
        name=node.name.id,
        doc=node.body.doc.text if node.body.doc is not None else "",
        args=tuple(formal.arg for formal in sign.formals),
        lets=(),
        free=tuple(made.vars),
        element=expr,
        mask=None,
        reduction="mean" if made.vars else None,
        checks=tuple(draft.checks.values()),
        text=node.span.text,
        span=node.span,
        used=tuple(text.span.text for text in _used(node, unit)),
    )
    if not made.vars:
        _take_apart(result, node.body.result)
    result.lets = _needed(result, draft)
    for var, label in draft.labels.items():
        var.name = label
    result.kinds = _kinds(result)
    predicting.check_sizes(result)
    return result


def _used(node: tree.Def | tree.Loss, unit: Unit) -> list[tree.Def | tree.Loss]:
    """The items that one calls, and those they call, callees first; calls are no circle by now."""
    found: dict[int, tree.Def | tree.Loss] = {}

    def visit(caller: tree.Def | tree.Loss, where: Unit) -> None:
        for call in walk(caller):
            if isinstance(call, tree.Call) and (item := where.items.get(call.function.id)) is not None:
                if id(item.node) not in found and item.node is not node:
                    visit(item.node, item.unit)
                    found[id(item.node)] = item.node

    visit(node, unit)
    return list(found.values())


def _take_apart(result: core.Program, written: tree.Expr) -> None:
    """A value whose outermost operation, as written, is a mean or a sum: its elements, and how they are reduced."""
    expr = result.element
    if isinstance(written, tree.Reduction) and isinstance(expr, core.Reduce):
        match expr.op:
            case "mean" | "sum" as op:
                result.free, result.element, result.mask, result.reduction = expr.vars, expr.body, expr.where, op


def _roots(result: core.Program) -> Iterator[core.Expr]:
    yield result.element
    if result.mask is not None:
        yield result.mask


def _needed(result: core.Program, draft: Draft) -> tuple[core.Let, ...]:
    """The bindings that the value depends on, and those that are exported."""
    needed: set[core.Let] = {let for let in draft.lets if let.role != "local"}
    stack = [*_roots(result), *(let.expr for let in needed)]
    seen: set[int] = set()
    while stack:
        for node in postorder(stack.pop(), lambda one: id(one) not in seen):
            seen.add(id(node))
            if isinstance(node, core.Read):
                stack.extend(condition for condition, _ in node.guards)
                if isinstance(node.array, core.Let) and node.array not in needed:
                    needed.add(node.array)
                    stack.append(node.array.expr)
    return tuple(let for let in draft.lets if let in needed)


def _kinds(result: core.Program) -> dict[int, core.Kind]:
    """Anew for every expression: a hyperparameter may have turned out to be a whole number."""
    known: dict[int, core.Kind] = {}
    for let in result.lets:
        _add_kinds(let.expr, known)
        let.kind = known[id(let.expr)]
    for root in _roots(result):
        _add_kinds(root, known)
    return known


def _add_kinds(root: core.Expr, known: dict[int, core.Kind]) -> None:
    conditions: list[core.Expr] = []
    for node in postorder(root, lambda one: id(one) not in known):
        known[id(node)] = kinds.of(node, [known[id(child)] for child in children(node)])
        if isinstance(node, core.Read):
            conditions.extend(condition for condition, _ in node.guards)
    for condition in conditions:
        if id(condition) not in known:
            _add_kinds(condition, known)
