"""Calls: of functions of the table, of `def`s and of losses.

A `def` or loss without axes is written out where it is called, over the caller's own expressions.  One with axes
becomes a binding of the program, made once for each distinct set of arguments; what it returns is a view of that.
"""

from __future__ import annotations

from functools import partial

from lossdsl.diagnostics import LossError, Problem, Span
from lossdsl.diagnostics.calls import (
    NotAFunction,
    OutputNotNamed,
    TooDeep,
    TooLarge,
    UnknownFunction,
    WrongArgumentCount,
)
from lossdsl.diagnostics.indices import NotIndexable
from lossdsl.functions.table import SURFACE
from lossdsl.meaning import core
from lossdsl.meaning.core import Expr
from lossdsl.meaning.resolution import (
    blocks,
    entering,
    expressions,
    functions,
    items,
    matching,
    passing,
    reads,
    sizes,
    views,
)
from lossdsl.meaning.resolution.fingerprint import Key, fingerprint, view_key
from lossdsl.meaning.resolution.imports import Item
from lossdsl.meaning.resolution.scopes import Poisoned, Scalar, Scope, Value, View, did_you_mean, listing
from lossdsl.syntax import tree

COST = 4
"""Of writing out one call, in operations."""


def call(scope: Scope, written: tree.Call) -> Expr:
    """The value of a call that is not indexed."""
    word = written.function.id
    if word in scope.values or word in scope.unit.items or word in scope.unit.bad:
        result = call_item(scope, written)
        if isinstance(result, View):
            return reads.read(scope, result, _caller_indices(scope, written, result), written.span)
        return result
    if word == "size":
        return sizes.size(scope, written)
    if word in SURFACE:
        return _function(scope, written)
    raise LossError(_unknown(scope, written))


def indexed_call(scope: Scope, written: tree.Call) -> View:
    """The value of a call that is indexed: something with axes."""
    word = written.function.id
    if word not in scope.values and word not in scope.unit.items and word not in scope.unit.bad:
        if word in SURFACE or word == "size":
            raise LossError(
                NotIndexable(
                    written.span,
                    f"`{word}` works on numbers, and its value has no indices of its own",
                    "index what it is called with",
                )
            )
        raise LossError(_unknown(scope, written))
    result = call_item(scope, written)
    if not isinstance(result, View):
        raise LossError(
            NotIndexable(
                written.span, f"the value of `{word}` is a number, without indices of its own", "leave the indices out"
            )
        )
    if not result.names:
        raise LossError(NotIndexable(written.span, f"the value of `{word}` is a scalar", "leave the indices out"))
    if not result.ordered:
        raise LossError(reads.open_order(written.span, f"{word}(...)", result))
    return result


def _unknown(scope: Scope, written: tree.Call) -> UnknownFunction:
    word = written.function.id
    known = [*scope.unit.items, *sorted(SURFACE), *tree.REDUCTIONS, *tree.NORMALISERS]
    return UnknownFunction(written.function.span, f"there is no function `{word}`", did_you_mean(word, known))


def wrong_count(written: tree.Call, word: str, takes: str) -> WrongArgumentCount:
    return WrongArgumentCount(written.span, f"`{word}` takes {takes}")


def _function(scope: Scope, written: tree.Call) -> Expr:
    made = expressions.together(partial(expressions.number, scope, one) for one in functions.operands(written))
    return scope.draft.build.apply(written.span, written.function.id, *made)


# ---------------------------------------------------------------- defs and losses


def _item(scope: Scope, written: tree.Call) -> Item:
    word = written.function.id
    if word in scope.values:
        value = scope.values[word]
        if isinstance(value, Poisoned):
            raise LossError()
        is_array = isinstance(value, View) and bool(value.names)
        hint = f"index it with square brackets: `{word}[...]`" if is_array else f"write `{word}*(...)` for a product"
        raise LossError(NotAFunction(written.function.span, f"`{word}` is a value, not a function", hint))
    if word in scope.unit.bad:
        raise LossError()
    return scope.unit.items[word]


def call_item(scope: Scope, written: tree.Call) -> Expr | View:
    item = _item(scope, written)
    scope.draft.build.spend(written.span, COST)
    items.ensure(item, written)
    assert item.signature is not None, "a checked item has its signature"
    is_loss = isinstance(item.node, tree.Loss)
    passed = matching.match(written, item.signature, is_loss)
    values = passing.passed_values(scope, written, item, passed)
    inner = entering.inner_scope(scope, written, item, values)
    try:
        if not _has_axes(item):
            return blocks.block(inner, item.node.body, None).expr
        return _tensor_call(scope, written, item, values, inner)
    except LossError as error:
        raise LossError(*(_noted(problem, item, written) for problem in error.problems)) from None


def _noted(problem: Problem, item: Item, written: tree.Call) -> Problem:
    """A problem inside of what is called shows where it is called from; one of size is a problem of the call."""
    if isinstance(problem, TooLarge | TooDeep):
        return type(problem)(written.span, problem.message, problem.hint)
    if problem.span.source is not item.unit.module.source or not _within(problem.span, item.node.span):
        return problem
    if len(problem.notes) < 4:
        problem.notes = (*problem.notes, (written.span, f"`{written.function.id}` is called here"))
    return problem


def _within(span: Span, outer: Span) -> bool:
    return outer.start <= span.start and span.end <= outer.end


def _has_axes(item: Item) -> bool:
    assert item.signature is not None, "a checked item has its signature"
    outputs = isinstance(item.node, tree.Def) and bool(item.node.indices)
    return outputs or any(formal.written.axes for formal in item.signature.formals)


# ---------------------------------------------------------------- defs and losses with axes


def _tensor_call(scope: Scope, written: tree.Call, item: Item, values: dict[str, Value], inner: Scope) -> View:
    """The binding that the call becomes; its open axes have the names that the caller knows them by, if any."""
    key = _call_key(item, values)
    known = scope.draft.calls.get(key)
    if known is None:
        made = blocks.block(inner, item.node.body, _output_binders(item))
        name = item.node.name.id
        known = views.make_let(scope.draft, name, made.vars, made.expr, written.span, ordered=made.ordered)
        scope.draft.calls[key] = known
        assert isinstance(known.target, core.Let), "made just now"
        scope.draft.unnamed.add(known.target)
    outside = _outside_names(item, values, inner)
    names = tuple(outside.get(name) if name is not None else None for name in known.names)
    return View(known.target, known.template, names, known.bounds, item.node.name.span, known.ordered)


def _outside_names(item: Item, values: dict[str, Value], inner: Scope) -> dict[str, str | None]:
    """What the caller calls each axis of the signature; None where the arguments do not agree."""
    assert item.signature is not None, "a checked item has its signature"
    outside: dict[str, str | None] = {}
    for formal in item.signature.formals:
        value = values[formal.arg.name]
        if isinstance(value, View) and isinstance(value.target, core.Arg | core.Let):
            for name, caller in zip(entering.axis_names(inner, formal), value.names, strict=True):
                if name is not None and caller is not None:
                    outside[name] = caller if outside.setdefault(name, caller) == caller else None
    return outside


def _output_binders(item: Item) -> list[tree.Binder] | None:
    if isinstance(item.node, tree.Loss) or item.node.indices is None:
        return None
    return [tree.Binder(name.span, name, None) for name in item.node.indices]


def _call_key(item: Item, values: dict[str, Value]) -> Key:
    parts: list[Key] = [id(item)]
    for value in values.values():
        if isinstance(value, View):
            parts.append(view_key(value))
        elif isinstance(value, Scalar):
            parts.append(fingerprint(value.expr))
    return tuple(parts)


def _caller_indices(scope: Scope, written: tree.Call, result: View) -> tuple[Expr, ...]:
    """Without indices, the result of a call has the names that its arguments have where they are passed."""
    names = [name for name in result.names if name is not None]
    if len(names) < len(result.names) or len(set(names)) < len(names):
        word = written.function.id
        spare = iter([name for name in ("i", "j", "k", "l", "a", "b") if name not in names])
        example = [name if name is not None and names.count(name) == 1 else next(spare) for name in result.names]
        have = "1 axis" if len(result.names) == 1 else f"{len(result.names)} axes"
        raise LossError(
            OutputNotNamed(
                written.span,
                f"the value of `{word}` has {have}, {listing(reads.axis_names(result))}, "
                "and what is passed does not give each a name of its own",
                f"say the indices: `{expressions.shortened(written.span)}{listing(example)}`",
            )
        )
    return tuple(scope.draft.build.index(written.span, scope.index(name, written.span)) for name in names)
