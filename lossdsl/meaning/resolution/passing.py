"""What a call hands over: a number for a scalar argument, a view for one with axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from lossdsl.diagnostics import LossError, Problem, Span
from lossdsl.diagnostics.calls import WholeArgument, WrongAxes
from lossdsl.diagnostics.indices import OpenOrder
from lossdsl.diagnostics.types import ConditionAsNumber
from lossdsl.meaning import core
from lossdsl.meaning.resolution import calls, domains, expressions, matching, reads, views
from lossdsl.meaning.resolution.imports import Item
from lossdsl.meaning.resolution.ordering import order
from lossdsl.meaning.resolution.scopes import GROUP, Frame, Scalar, Scope, Value, View, listing
from lossdsl.meaning.resolution.signatures import Formal
from lossdsl.syntax import tree


def passed_values(scope: Scope, written: tree.Call, item: Item, passed: matching.Passed) -> dict[str, Value]:
    assert item.signature is not None, "a checked item has its signature"
    values: dict[str, Value] = {}
    problems: list[Problem] = []
    failed = False
    for formal in item.signature.formals:
        name = formal.arg.name
        try:
            if name not in passed:
                values[name] = _default(scope, formal, written.span)
            elif formal.written.axes:
                values[name] = _tensor(scope, written, formal, passed[name])
            else:
                values[name] = _scalar(scope, written, formal, passed[name])
        except LossError as error:
            failed = True
            problems.extend(error.problems)
    if failed:
        raise LossError(*problems)
    return values


def _default(scope: Scope, formal: Formal, span: Span) -> Value:
    """A default value; of an argument with axes, the same number everywhere."""
    assert formal.arg.default is not None, "missing arguments are reported before"
    number = scope.draft.build.keep(core.Num(span, formal.arg.default))
    if not formal.written.axes:
        return Scalar(number, formal.arg.span)
    return View(number, (), (), (), formal.arg.span)


def _scalar(scope: Scope, written: tree.Call, formal: Formal, passed: tree.Expr) -> Value:
    expr = expressions.number(scope, passed)
    build = scope.draft.build
    known = build.value(expr)
    if known is not None:
        domains.check_inside(formal.arg, known, passed.span, {}, "the value")
    _check_whole(written, formal, build.kind(expr), passed.span)
    return Scalar(expr, formal.arg.span)


def _check_whole(written: tree.Call, formal: Formal, kind: core.Kind, span: Span) -> None:
    if kind != "int" and any(one.kind == "axis" for one in formal.arg.domain):
        text = expressions.shortened(span)
        raise LossError(
            WholeArgument(
                span,
                f"`{formal.arg.name}` of `{written.function.id}` is a whole number (`{formal.arg.domain_text}`), "
                f"and nothing says that `{text}` is one",
                f"declare the domain of `{text}`, as in `{text} in c`",
                ((formal.arg.span, "declared here"),),
            )
        )


# ---------------------------------------------------------------- arguments with axes


def _tensor(scope: Scope, written: tree.Call, formal: Formal, passed: tree.Expr) -> View:
    view = _handed_over(scope, written, formal, passed)
    if not view.ordered:
        word = expressions.shortened(passed.span)
        raise LossError(reads.open_order(passed.span, word, view))
    target = view.target
    kind: core.Kind = "real"
    if isinstance(target, core.Let):
        kind = target.kind
    elif isinstance(target, core.Arg):
        kind = "int" if target.whole else "real"
    if kind == "bool":
        text = expressions.shortened(passed.span)
        raise LossError(
            ConditionAsNumber(passed.span, f"`{text}` holds conditions, and numbers are needed", f"write `[{text}]`")
        )
    _check_whole(written, formal, kind, passed.span)
    return view


def _rank(formal: Formal) -> int | None:
    """How many axes an argument has; None for a group of any number."""
    return None if GROUP in formal.axes else len(formal.axes)


def _fits(formal: Formal, count: int) -> bool:
    rank = _rank(formal)
    return count == rank if rank is not None else count >= len(formal.axes) - 1


def _handed_over(scope: Scope, written: tree.Call, formal: Formal, passed: tree.Expr) -> View:
    """A name or a call as a whole, a read with `:`, or an expression over its free indices."""
    match passed:
        case tree.Name(id=word) if isinstance(view := scope.values.get(word), View) and _fits(formal, len(view.names)):
            return view
        case tree.Indexed(indices=indices) if any(isinstance(index, tree.Slice) for index in indices):
            view = views.sliced(scope, passed)
            if not _fits(formal, len(view.names)):
                raise LossError(_wrong_axes(scope, written, formal, passed, list(view.names)))
            return view
        case tree.Call(function=function) if function.id in scope.unit.items and function.id not in scope.values:
            result = calls.call_item(scope, passed)
            if isinstance(result, View) and _fits(formal, len(result.names)):
                return result
    return _expression(scope, written, formal, passed)


def _expression(scope: Scope, written: tree.Call, formal: Formal, passed: tree.Expr) -> View:
    """Over the indices that no reduction around binds, or nor the left side either, or over all that it has."""
    build = scope.draft.build
    kinds: tuple[Literal["catch", "inner", "whole"], ...] = ("catch", "inner", "whole")
    for kind in kinds:
        with scope.frame(Frame(kind)) as frame:
            expr = expressions.number(scope, passed)
        free = build.free(expr)
        own = [var for var in frame.vars.values() if var in free]
        if _fits(formal, len(own)) or kind == "whole":
            break
    if not _fits(formal, len(own)):
        raise LossError(_wrong_axes(scope, written, formal, passed, [var.name for var in own]))
    ordered, settled = order(scope.draft, expr, own)
    if not settled:
        text = expressions.shortened(passed.span)
        open_view = View(expr, (), tuple(var.name for var in own), (), passed.span)
        raise LossError(
            OpenOrder(
                passed.span,
                f"the order of the axes of `{text}` is open: its reads do not settle it",
                f"bind it with its indices first: `t{listing(open_view.names)} = {text}`",
            )
        )
    return views.as_view(scope, expr, ordered, formal.arg.name, passed.span)


def _wrong_axes(
    scope: Scope, written: tree.Call, formal: Formal, passed: tree.Expr, names: Sequence[str | None]
) -> WrongAxes:
    axes = [axis.name or str(axis.size) for axis in formal.written.axes]
    have = f"{len(names)}: {listing(names)}" if names else "none"
    hint = None
    if len(names) > len(axes) and isinstance(passed, tree.Name):
        keep = [*(name or "k" for name in names[: len(names) - len(axes)]), *([":"] * len(axes))]
        hint = f"hand over some of them, and map over the rest: `{passed.id}{listing(keep)}`"
    plural = "axis" if len(axes) == 1 else "axes"
    return WrongAxes(
        passed.span,
        f"`{formal.arg.name}` of `{written.function.id}` has {len(axes)} {plural}, {listing(axes)}; this has {have}",
        hint,
        ((formal.arg.span, "declared here"),),
    )
