"""Names and indices: what a name stands for, and which element a read is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lossdsl.diagnostics import LossError, Span
from lossdsl.diagnostics.indices import NotIndexable, OpenOrder, StraySlice, WrongIndexCount
from lossdsl.diagnostics.names import FunctionAsValue, UnknownName
from lossdsl.functions.table import SURFACE
from lossdsl.meaning import core
from lossdsl.meaning.core import Expr
from lossdsl.meaning.resolution import calls, expressions, extents, positions
from lossdsl.meaning.resolution.scopes import GROUP, Poisoned, Scalar, Scope, View, did_you_mean, listing
from lossdsl.syntax import tree


def name(scope: Scope, written: tree.Name) -> Expr:
    """A bare name: a value at its own indices, or an index as a number."""
    match scope.values.get(written.id):
        case View() as view:
            return at_own_indices(scope, view, written.span)
        case Scalar(expr=expr):
            return expr
        case Poisoned():
            raise LossError()
    if scope.bound(written.id) is not None or is_free_index(scope, written.id):
        return scope.draft.build.index(written.span, scope.index(written.id, written.span))
    raise LossError(_unknown(scope, written))


def is_free_index(scope: Scope, word: str) -> bool:
    """A name that nothing binds is an index where the statement uses it as one, or where the signature has it."""
    if word in scope.unit.items:
        return False
    return word in scope.axes or word in scope.index_words()


def _unknown(scope: Scope, written: tree.Name) -> UnknownName | FunctionAsValue:
    word = written.id
    if word in scope.unit.items or word in SURFACE:
        return FunctionAsValue(written.span, f"`{word}` is a function, not a value", f"call it: `{word}(...)`")
    hint = did_you_mean(word, [*scope.known_names(), *scope.axes])
    if word in scope.later:
        notes = ((scope.later[word], "bound here, below"),)
        return UnknownName(written.span, f"`{word}` is not bound yet", "move its binding up", notes)
    if word in scope.reduced_here:
        hint = f"the index `{word}` is known inside its reduction only"
    return UnknownName(written.span, f"nothing is called `{word}` here", hint)


def at_own_indices(scope: Scope, view: View, span: Span) -> Expr:
    indices = []
    for own in view.names:
        if own is None:
            what = span.text
            raise LossError(
                WrongIndexCount(
                    span,
                    f"`{what}` has axes {listing(axis_names(view))}: one that is only a size has no index of its own",
                    f"write an index for each axis: `{what}{listing(_example_indices(view))}`",
                )
            )
        indices.append(scope.draft.build.index(span, scope.index(own, span)))
    return read(scope, view, tuple(indices), span)


def axis_names(view: View) -> list[str]:
    """The open axes, as their declaration shows them."""
    inside = view.target.vars if isinstance(view.target, core.Let) else ()
    labels = [var.name for var, index in zip(inside, view.template, strict=False) if index is None]
    sizes = labels or [extents.show(high) for _, high in view.bounds]
    return [own or size for own, size in zip(view.names, sizes, strict=True)]


def _example_indices(view: View) -> list[str]:
    taken = {own for own in view.names if own is not None}
    spare = iter([word for word in "kabijlm" if word not in taken])
    return [own or next(spare) for own in view.names]


def read(scope: Scope, view: View, indices: Sequence[Expr], span: Span) -> Expr:
    """The element at the given indices of the open axes."""
    if not isinstance(view.target, core.Arg | core.Let):
        return view.target
    given = iter(indices)
    filled = tuple(next(given) if index is None else index for index in view.template)
    return scope.draft.build.read(span, view.target, filled)


# ---------------------------------------------------------------- indexed names and calls


def element(scope: Scope, written: tree.Indexed) -> Expr:
    view = base_view(scope, written)
    indices = expanded(scope, written.indices)
    for index in indices:
        if isinstance(index, tree.Slice):
            raise LossError(
                StraySlice(
                    index.span,
                    "a `:` hands over a whole axis, but one number is needed here",
                    "write an index, or pass the read to an argument with axes",
                )
            )
    check_count(scope, written, view, indices)
    at = expressions.together(
        partial(positions.position, scope, bounds, index) for index, bounds in zip(indices, view.bounds, strict=True)
    )
    return read(scope, view, at, written.span)


def base_view(scope: Scope, written: tree.Indexed) -> View:
    """What is indexed: something whose axes are known, and their order."""
    base = written.base
    if isinstance(base, tree.Call):
        return calls.indexed_call(scope, base)
    match scope.values.get(base.id):
        case View() as view:
            if not view.ordered:
                raise LossError(open_order(base.span, base.id, view))
            if not view.names:
                raise LossError(NotIndexable(base.span, f"`{base.id}` is a scalar", f"write `{base.id}`"))
            return view
        case Scalar() as scalar:
            why = "a scalar argument, without indices of its own" if scalar.formal else "a scalar"
            hint = f"write `{base.id}`" + (", or give the argument axes" if scalar.formal else "")
            raise LossError(NotIndexable(base.span, f"`{base.id}` is {why}", hint))
        case Poisoned():
            raise LossError()
    if scope.bound(base.id) is not None:
        raise LossError(NotIndexable(base.span, f"`{base.id}` is an index, and has no axes"))
    raise LossError(_unknown(scope, base))


def open_order(span: Span, word: str, view: View) -> OpenOrder:
    axes = listing(view.names)
    return OpenOrder(
        span,
        f"the order of the axes of `{word}` is open: the reads on its right side do not settle it",
        f"say the indices where it is bound, for instance `{word}{axes} = ...`",
        ((view.span, "bound here, without indices"),),
    )


def expanded(scope: Scope, indices: Sequence[tree.Expr | tree.Slice]) -> list[tree.Expr | tree.Slice]:
    """`..` written out as the axes that it stands for."""
    result: list[tree.Expr | tree.Slice] = []
    for index in indices:
        if isinstance(index, tree.Name) and index.id == GROUP:
            result.extend(tree.Name(index.span, member) for member in scope.group)
        else:
            result.append(index)
    return result


def check_count(scope: Scope, written: tree.Indexed, view: View, indices: Sequence[object]) -> None:
    if len(indices) == len(view.names):
        return
    base = written.base
    what = base.id if isinstance(base, tree.Name) else base.function.id + "(...)"
    axes = listing(axis_names(view))
    have, need = _counted(len(indices), "index", "indices"), _counted(len(view.names), "axis", "axes")
    raise LossError(
        WrongIndexCount(
            written.span,
            f"{have} given, but `{what}` has {need}: {axes}",
            f"write `{what}{listing(_example_indices(view))}`",
            ((view.span, "declared here"),),
        )
    )


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
