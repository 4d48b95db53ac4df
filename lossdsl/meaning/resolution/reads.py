"""Names and indices: what a name stands for, and which element a read is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lossdsl.diagnostics import LossError, Span
from lossdsl.diagnostics.calls import GroupArgument
from lossdsl.diagnostics.indices import (
    BadRange,
    NotIndexable,
    NotWhole,
    OpenOrder,
    OutOfRange,
    StraySlice,
    WrongIndexCount,
)
from lossdsl.diagnostics.names import FunctionAsValue, UnknownName
from lossdsl.functions.table import SURFACE
from lossdsl.meaning import core
from lossdsl.meaning.resolution import expressions, extents, inline
from lossdsl.meaning.resolution.build import SizeOf
from lossdsl.meaning.core import Expr, Extent
from lossdsl.meaning.resolution.extents import Bounds
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
    if scope.bound(written.id) is not None or _is_free_index(scope, written.id):
        return scope.draft.build.index(written.span, scope.index(written.id, written.span))
    raise LossError(_unknown(scope, written))


def _is_free_index(scope: Scope, word: str) -> bool:
    """A name that nothing binds is an index where the statement uses it as one, or where the signature has it."""
    if word in scope.unit.items:
        return False
    return word in scope.axes or (scope.statement is not None and word in index_names(scope.statement))


def _unknown(scope: Scope, written: tree.Name) -> UnknownName | FunctionAsValue | GroupArgument:
    word = written.id
    if word == GROUP:
        return GroupArgument(written.span, "`..` stands for axes, and is not a value")
    if word in scope.unit.items or word in SURFACE:
        return FunctionAsValue(written.span, f"`{word}` is a function, not a value", f"call it: `{word}(...)`")
    return UnknownName(
        written.span, f"nothing is called `{word}` here", did_you_mean(word, [*scope.known_names(), *scope.axes])
    )


def at_own_indices(scope: Scope, view: View, span: Span) -> Expr:
    indices = []
    for own in view.names:
        if own is None:
            what = span.text
            raise LossError(
                WrongIndexCount(
                    span,
                    f"`{what}` has axes {listing(axis_names(view))}, and an axis that is only a size has no index of its own",
                    f"write an index for each axis: `{what}{listing(_example_indices(view))}`",
                )
            )
        indices.append(scope.draft.build.index(span, scope.index(own, span)))
    return read(scope, view, tuple(indices), span)


def axis_names(view: View) -> list[str]:
    """The open axes, as their declaration shows them."""
    return [own or extents.show(high) for own, (_, high) in zip(view.names, view.bounds, strict=True)]


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
    positions = expressions.together(
        [
            lambda index=index, bounds=bounds: position(scope, index, bounds, written)
            for index, bounds in zip(indices, view.bounds, strict=True)
        ]
    )
    return read(scope, view, positions, written.span)


def base_view(scope: Scope, written: tree.Indexed) -> View:
    """What is indexed: something whose axes are known, and their order."""
    base = written.base
    if isinstance(base, tree.Call):
        return inline.indexed_call(scope, base)
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


# ---------------------------------------------------------------- one index


def position(scope: Scope, index: tree.Expr | tree.Slice, bounds: Bounds, written: tree.Indexed) -> Expr:
    """The whole number at which an axis is read."""
    assert not isinstance(index, tree.Slice), "handled where slices are legal"
    build = scope.draft.build
    if isinstance(index, tree.Unary) and index.op == "-" and isinstance(index.operand, tree.Number):
        return _from_end(scope, index, index.operand, bounds)
    if isinstance(index, tree.Name) and index.id not in scope.values and index.id not in scope.unit.items:
        return build.index(index.span, scope.index(index.id, index.span))
    made = expressions.number(scope, index)
    if build.kind(made) != "int":
        raise LossError(_not_whole(made, index.span))
    known = build.value(made)
    if known is not None:
        _check_literal(int(known), bounds, index.span)
    return made


def _not_whole(made: Expr, span: Span) -> NotWhole:
    text = expressions.shortened(span)
    match made:
        case core.Read(array=core.Arg(name=argument)):
            return NotWhole(
                span,
                f"`{text}` is an index here, but nothing says that `{argument}` is a whole number",
                f"declare its domain: `{argument} in c`, where c is the axis, or `in {{0, 1}}`",
            )
        case core.Num():
            return NotWhole(span, f"`{text}` is an index here, but no whole number")
    return NotWhole(span, f"`{text}` is an index here, but not always a whole number", f"write `floor({text})`")


def whole_literal(written: tree.Number) -> int:
    if written.value.denominator != 1:
        raise LossError(BadRange(written.span, f"{written.text} is not a size", "write a whole number"))
    return int(written.value)


def _from_end(scope: Scope, index: tree.Unary, literal: tree.Number, bounds: Bounds) -> Expr:
    if literal.value.denominator != 1:
        raise LossError(NotWhole(index.span, f"`-{literal.text}` is an index here, but no whole number"))
    at = extents.sub(bounds[1], extents.const(int(literal.value)))
    known = extents.constant(at)
    if literal.value == 0:
        return scope.draft.build.num(index.span, 0)
    if known is None:
        return scope.draft.build.keep(core.Size(index.span, at))
    _check_literal(known, bounds, index.span)
    return scope.draft.build.num(index.span, known)


def _check_literal(at: int, bounds: Bounds, span: Span) -> None:
    """A position that is no position for any arguments is an error now."""
    low, high = (extents.constant(end) for end in bounds)
    below = low is not None and at < low
    above = high is not None and at >= high
    if below or above:
        last = extents.show(extents.sub(bounds[1], extents.const(1)))
        raise LossError(
            OutOfRange(
                span, f"position {at} is outside the axis, whose positions are {extents.show(bounds[0])} to {last}"
            )
        )


# ---------------------------------------------------------------- sizes


def size(scope: Scope, call: tree.Call) -> Expr:
    """`size(n)`."""
    match call:
        case tree.Call(arguments=(tree.Name() as axis,), data=None, hyper=None):
            return _size_of(scope, axis, call.span)
    raise LossError(inline.wrong_count(call, "size", "one axis: `size(n)`"))


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
    if _is_free_index(scope, axis.id):
        return build.keep(SizeOf(span, core.ZERO, scope.index(axis.id, axis.span), None))
    known = [axis_name for axis_name in scope.axes if not axis_name.startswith(GROUP)]
    raise LossError(
        expressions.UnknownAxis(
            axis.span, f"`{axis.id}` is no axis of {scope.place}, and no index", did_you_mean(axis.id, known)
        )
    )


def size_hyper(scope: Scope, word: tree.Name) -> Extent | None:
    """A hyperparameter as a size: from here on it is a whole number."""
    match scope.values.get(word.id):
        case View(target=core.Arg(role="hyper", axes=()) as arg):
            _must_be_whole(arg, word)
            arg.whole = True
            return extents.hyper(arg.name)
        case View(target=core.Arg(role=role)):
            what = "is learned" if role == "learn" else "is an array or data"
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


# ---------------------------------------------------------------- names used as indices


def index_names(written: tree.Expr) -> set[str]:
    """Names that stand in index positions anywhere in a statement, alone or in a sum."""
    found: set[str] = set()
    stack: list[tuple[object, bool]] = [(written, False)]
    while stack:
        node, indexing = stack.pop()
        match node:
            case tree.Name(id=word) if indexing:
                found.add(word)
            case tree.Indexed(base=base, indices=indices):
                stack.extend((index, True) for index in indices)
                if isinstance(base, tree.Call):
                    stack.append((base, False))
            case tree.Unary() | tree.Binary():
                stack.extend((part, indexing) for part in parts(node))
            case _:
                stack.extend((part, False) for part in parts(node))
    return found


def parts(node: object) -> Iterator[object]:
    """The expressions directly inside a written expression."""
    match node:
        case tree.Unary(operand=operand):
            yield operand
        case tree.Binary(left=left, right=right):
            yield left
            yield right
        case tree.Comparison(operands=operands):
            yield from operands
        case tree.Membership(operand=operand):
            yield operand
        case tree.Conditional():
            yield node.condition
            yield node.then
            yield node.otherwise
        case tree.Iverson(condition=condition):
            yield condition
        case tree.NamedArgument(value=value):
            yield value
        case tree.Call():
            yield from node.arguments
            yield from node.data or ()
            yield from node.hyper or ()
        case tree.Reduction(where=where, body=body):
            if where is not None:
                yield where
            if body is not None:
                yield body
