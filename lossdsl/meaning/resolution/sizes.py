"""Sizes: `size(n)`, and the ranges that are given where an index is bound."""

from __future__ import annotations

from lossdsl.diagnostics import LossError, Span
from lossdsl.diagnostics.indices import BadRange
from lossdsl.diagnostics.names import UnknownAxis
from lossdsl.meaning import core
from lossdsl.meaning.core import Expr, Extent
from lossdsl.meaning.resolution import calls, extents, reads
from lossdsl.meaning.resolution.build import SizeOf
from lossdsl.meaning.resolution.scopes import GROUP, Scalar, Scope, View, did_you_mean
from lossdsl.syntax import tree


def size(scope: Scope, call: tree.Call) -> Expr:
    """`size(n)`."""
    match call:
        case tree.Call(arguments=(tree.Name() as axis,), data=None, hyper=None):
            return _size_of(scope, axis, call.span)
    raise LossError(calls.wrong_count(call, "size", "one axis: `size(n)`"))


def _size_of(scope: Scope, axis: tree.Name, span: Span) -> Expr:
    build = scope.draft.build
    if (axis.id == GROUP and GROUP in scope.axes) or (axis.id == GROUP and scope.group != (GROUP,)):
        product: Expr | None = None
        for member in scope.group:
            one = build.keep(core.Size(span, extents.length(scope.axes[member])))
            product = one if product is None else build.apply(span, "mul", product, one)
        return product if product is not None else build.num(span, 1)
    declared = extents.length(scope.axes[axis.id]) if axis.id in scope.axes else None
    var = scope.bound(axis.id)
    if var is not None:
        return build.keep(SizeOf(span, core.ZERO, var, declared))
    if declared is not None:
        return build.keep(core.Size(span, declared))
    if reads.is_free_index(scope, axis.id):
        return build.keep(SizeOf(span, core.ZERO, scope.index(axis.id, axis.span), None))
    known = [axis_name for axis_name in scope.axes if not axis_name.startswith(GROUP)]
    raise LossError(
        UnknownAxis(
            axis.span,
            f"`{axis.id}` is no axis of {scope.place}, and no index",
            did_you_mean(axis.id, known, _axes_hint(scope)),
        )
    )


# ---------------------------------------------------------------- ranges


def range_of(scope: Scope, name: tree.Name | tree.Number) -> extents.Bounds:
    """The positions that `in NAME` or `in 10` stands for."""
    if isinstance(name, tree.Number):
        return core.ZERO, extents.const(whole_literal(name))
    if name.id in scope.axes:
        return scope.axes[name.id]
    size = size_hyper(scope, name)
    if size is not None:
        return core.ZERO, size
    raise LossError(
        UnknownAxis(
            name.span,
            f"`{name.id}` is no axis of {scope.place}, and no hyperparameter",
            did_you_mean(name.id, [*scope.axes, *scope.values], _axes_hint(scope)),
        )
    )


def _axes_hint(scope: Scope) -> str | None:
    named = [name for name in scope.axes if not name.startswith("..")]
    return f"its axes are {', '.join(named)}" if named else None


def size_hyper(scope: Scope, word: tree.Name) -> Extent | None:
    """A hyperparameter as a size: from here on it is a whole number."""
    match scope.values.get(word.id):
        case View(target=core.Arg(role="hyper", axes=()) as arg):
            _must_be_whole(arg, word)
            arg.whole = True
            return extents.hyper(arg.name)
        case View(target=core.Arg(role=role)):
            what = {"learn": "is learned", "hyper": "has axes"}.get(role, f"is {role}")
            raise LossError(
                BadRange(word.span, f"`{word.id}` {what}, and cannot be a size", "use a plain hyperparameter")
            )
        case Scalar(expr=expr):
            return _size_expression(scope, expr, word)
        case None:
            return None
    raise LossError(BadRange(word.span, f"`{word.id}` is a binding, and cannot be a size", "use a hyperparameter"))


def _must_be_whole(arg: core.Arg, word: tree.Name) -> None:
    default = arg.default
    if default is not None and (isinstance(default, str) or default.denominator != 1 or default < 0):
        raise LossError(
            BadRange(
                word.span,
                f"`{word.id}` is a size here, but its default is not a whole number",
                "give it a whole default",
                ((arg.span, "declared here"),),
            )
        )


def _size_expression(scope: Scope, expr: Expr, word: tree.Name) -> Extent:
    """What a `def` is called with, where it uses the argument as a size."""
    known = scope.draft.build.value(expr)
    if known is not None and known.denominator == 1 and known >= 0:
        return extents.const(int(known))
    match expr:
        case core.Read(array=core.Arg(role="hyper", axes=()) as arg):
            _must_be_whole(arg, word)
            arg.whole = True
            return extents.hyper(arg.name)
        case core.Size() if not isinstance(expr, SizeOf):
            return expr.extent
    raise LossError(
        BadRange(
            word.span, f"`{word.id}` is a size here, but is called with something else than a size or hyperparameter"
        )
    )


def whole_literal(written: tree.Number) -> int:
    if written.value.denominator != 1:
        raise LossError(BadRange(written.span, f"{written.text} is not a size", "write a whole number"))
    return int(written.value)
