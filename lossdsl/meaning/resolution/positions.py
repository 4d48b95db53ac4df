"""One index of a read: which position it is."""

from __future__ import annotations

from fractions import Fraction

from lossdsl.diagnostics import LossError, Span
from lossdsl.diagnostics.indices import NotWhole, OutOfRange
from lossdsl.functions.table import TABLE
from lossdsl.meaning import core
from lossdsl.meaning.core import Expr
from lossdsl.meaning.resolution import expressions, extents
from lossdsl.meaning.resolution.build import postorder
from lossdsl.meaning.resolution.extents import Bounds
from lossdsl.meaning.resolution.scopes import Scope
from lossdsl.syntax import tree


def position(scope: Scope, bounds: Bounds, index: tree.Expr | tree.Slice) -> Expr:
    """The whole number at which an axis is read."""
    assert not isinstance(index, tree.Slice), "handled where slices are legal"
    build = scope.draft.build
    if isinstance(index, tree.Unary) and index.op == "-" and isinstance(index.operand, tree.Number):
        return _from_end(scope, index, index.operand, bounds)
    if isinstance(index, tree.Name) and index.id not in scope.values and index.id not in scope.unit.items:
        return build.index(index.span, scope.index(index.id, index.span))
    made = expressions.number(scope, index)
    known = build.value(made)
    if known is not None and known.denominator == 1:
        _check_literal(int(known), bounds, index.span)
        return build.num(index.span, known)
    if build.kind(made) != "int" and not _whole_by_use(scope, made):
        raise LossError(_not_whole(made, index.span, known is not None))
    return made


def _whole_by_use(scope: Scope, made: Expr) -> bool:
    """Hyperparameters in a position are whole from here on, unless their defaults are not."""
    build = scope.draft.build
    reals = [node for node in postorder(made, lambda node: build.kind(node) != "int") if not _combines(node)]
    hypers = [node.array for node in reals if isinstance(node, core.Read) and isinstance(node.array, core.Arg)]
    fit = len(hypers) == len(reals) and all(arg.role == "hyper" and not arg.axes and _whole(arg) for arg in hypers)
    for arg in hypers if fit else ():
        arg.whole = True
    return fit


def _combines(node: Expr) -> bool:
    """What is whole where its arguments are."""
    return isinstance(node, core.Apply) and TABLE[node.function].result == "same"


def _whole(arg: core.Arg) -> bool:
    return arg.default is None or (isinstance(arg.default, Fraction) and arg.default.denominator == 1)


def _not_whole(made: Expr, span: Span, constant: bool) -> NotWhole:
    text = expressions.shortened(span)
    match made:
        case core.Read(array=core.Arg(name=argument)):
            why = f"`{text}` is an index here, but nothing says that `{argument}` is a whole number"
            return NotWhole(span, why, "declare its domain: `in c`, where c is the axis, or a set such as `in {0, 1}`")
        case _ if constant:
            return NotWhole(span, f"`{text}` is an index here, but no whole number")
    return NotWhole(span, f"`{text}` is an index here, but not always a whole number", f"write `floor({text})`")


def _from_end(scope: Scope, index: tree.Unary, literal: tree.Number, bounds: Bounds) -> Expr:
    if literal.value.denominator != 1:
        raise LossError(NotWhole(index.span, f"`-{literal.text}` is an index here, but no whole number"))
    at = extents.sub(bounds[1], extents.const(int(literal.value)))
    known = extents.constant(at)
    if literal.value == 0:
        return scope.draft.build.num(index.span, 0)
    if known is None:
        return scope.draft.build.keep(core.Size(index.span, at))
    if known < (extents.constant(bounds[0]) or 0):
        size = extents.show(extents.length(bounds))
        message = f"`-{literal.text}` counts from the end, and the axis has size {size}"
        raise LossError(OutOfRange(index.span, message, f"the first position is 0, or `-{size}`"))
    return scope.draft.build.num(index.span, known)


def _check_literal(at: int, bounds: Bounds, span: Span) -> None:
    """A position that is no position for any arguments is an error now."""
    low, high = (extents.constant(end) for end in bounds)
    below = low is not None and at < low
    above = high is not None and at >= high
    if below or above:
        there = extents.show_positions(bounds)
        hint = "positions start at 0; the last is also `-1`" if extents.constant(bounds[0]) == 0 else None
        raise LossError(OutOfRange(span, f"position {at} is outside the axis, whose positions are {there}", hint))
