"""Items of a file: each `def` and loss is checked once, by itself, before anything calls it."""

from __future__ import annotations

from lossdsl.diagnostics import LossError, Span
from lossdsl.diagnostics.calls import Recursion
from lossdsl.meaning import core
from lossdsl.meaning.resolution import blocks, programs, views
from lossdsl.meaning.resolution.build import Builder
from lossdsl.meaning.resolution.draft import Draft
from lossdsl.meaning.resolution.imports import Item, Unit
from lossdsl.meaning.resolution.scopes import Scalar, Scope, Value, View
from lossdsl.meaning.resolution.signatures import Formal, Signature, signature
from lossdsl.syntax import tree

SMALLEST_LIMIT = 15_000


def ensure(item: Item, call: tree.Call) -> None:
    """The item is good, or this raises: an error that was reported already is not reported again."""
    if item.state == "busy":
        busy, name = item.unit.busy, item.node.name.id
        circle = [*busy[busy.index(name) :], name] if name in busy else [name, name]
        raise LossError(
            Recursion(
                call.span,
                f"`{name}` calls itself: {' -> '.join(circle)}",
                "a `def` is written out where it is called; use a reduction over an index instead",
                ((item.node.name.span, "defined here"),),
            )
        )
    check(item)
    if item.state == "bad":
        raise LossError()


def check(item: Item) -> None:
    if item.state != "new":
        return
    item.state = "busy"
    item.unit.busy.append(item.node.name.id)
    try:
        item.signature = signature(item.node, lambda word: _taken(item.unit, word))
        if isinstance(item.node, tree.Loss):
            item.program = programs.program(item.node, item.unit, item.signature, new_draft(item.unit))
        else:
            _check_def(item.node, item.unit, item.signature)
    except LossError as error:
        item.unit.report.extend(error.problems)
        item.state = "bad"
    else:
        item.state = "good"
    finally:
        item.unit.busy.pop()


def new_draft(unit: Unit) -> Draft:
    return Draft(Builder(SMALLEST_LIMIT + 10 * len(unit.module.source.text)))


def _taken(unit: Unit, word: str) -> Span | None:
    return unit.where.get(word)


def _check_def(node: tree.Def, unit: Unit, sign: Signature) -> None:
    """Over arguments of which nothing is known but what the signature says."""
    draft = new_draft(unit)
    scope = Scope(draft, unit, f"`{node.name.id}`", formal=True)
    scope.axis_spans = sign.axes
    for formal in sign.formals:
        scope.values[formal.arg.name] = formal_value(scope, formal)
    outputs = None if node.indices is None else [tree.Binder(name.span, name, None) for name in node.indices]
    made = blocks.block(scope, node.body, outputs)
    views.make_let(draft, node.name.id, made.vars, made.expr, node.name.span)


def formal_value(scope: Scope, formal: Formal) -> Value:
    """An argument as its own block sees it."""
    arg = formal.arg
    if not arg.axes and scope.formal:
        return Scalar(scope.draft.build.read(arg.span, arg, ()), arg.span)
    bounds = tuple((core.ZERO, extent) for extent in arg.axes)
    for name, axis in zip(formal.axes, bounds, strict=True):
        if name is not None:
            scope.axes[name] = axis
    return View(arg, tuple(None for _ in arg.axes), formal.axes, bounds, arg.span)
