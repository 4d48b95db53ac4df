"""Calls: of functions of the table, of `def`s and of losses.

A `def` or loss without axes is written out where it is called, over the caller's own expressions.  One with axes
becomes a binding of the program, made once for each distinct set of arguments; what it returns is a view of that.
"""

from __future__ import annotations

from collections.abc import Sequence

from lossdsl.diagnostics import LossError, Problem, Span
from lossdsl.diagnostics.calls import (
    GroupsMisplaced,
    NotAFunction,
    OutputNotNamed,
    UnknownFunction,
    WholeArgument,
    WrongArgumentCount,
    WrongAxes,
)
from lossdsl.diagnostics.indices import NotIndexable, SizesClash
from lossdsl.functions.table import SURFACE, TABLE
from lossdsl.meaning import core
from lossdsl.meaning.resolution import matching, blocks, domains, expressions, extents, items, reads, views
from lossdsl.meaning.core import Expr
from lossdsl.meaning.resolution.extents import Bounds
from lossdsl.meaning.resolution.fingerprint import Key, fingerprint, view_key
from lossdsl.meaning.resolution.imports import Item
from lossdsl.meaning.resolution.ordering import order
from lossdsl.meaning.resolution.scopes import (
    GROUP,
    Frame,
    Poisoned,
    Scalar,
    Scope,
    Value,
    View,
    did_you_mean,
    listing,
)
from lossdsl.meaning.resolution.signatures import Formal, Signature
from lossdsl.syntax import tree


def call(scope: Scope, written: tree.Call) -> Expr:
    """The value of a call that is not indexed."""
    word = written.function.id
    if word in scope.values or word in scope.unit.items or word in scope.unit.bad:
        result = _call_item(scope, written)
        if isinstance(result, View):
            return reads.read(scope, result, _caller_indices(scope, written, result), written.span)
        return result
    if word == "size":
        return reads.size(scope, written)
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
    result = _call_item(scope, written)
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
    word = written.function.id
    if written.data is not None or written.hyper is not None:
        raise LossError(
            GroupsMisplaced(written.span, f"`{word}` is a built-in function, without groups of arguments", "use commas")
        )
    for argument in written.arguments:
        if isinstance(argument, tree.NamedArgument):
            raise LossError(
                GroupsMisplaced(argument.span, f"the arguments of `{word}` have no names", "pass them by position")
            )
    count, arity = len(written.arguments), TABLE[word].arity
    if (arity is None and count < 2) or (arity is not None and count != arity):
        takes = (
            "two or more arguments" if arity is None else f"{arity} argument{'' if arity == 1 else 's'}, not {count}"
        )
        raise LossError(wrong_count(written, word, takes))
    made = expressions.together(
        [lambda one=one: expressions.number(scope, one) for one in written.arguments]  # type: ignore[misc]
    )
    return scope.draft.build.apply(written.span, word, *made)


# ---------------------------------------------------------------- calls of defs and losses


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


def _call_item(scope: Scope, written: tree.Call) -> Expr | View:
    item = _item(scope, written)
    items.ensure(item, written)
    assert item.signature is not None, "a checked item has its signature"
    is_loss = isinstance(item.node, tree.Loss)
    passed = matching.match(written, item.signature, is_loss)
    values = _passed_values(scope, written, item, passed)
    inner = _inner_scope(scope, written, item, values)
    try:
        if not _has_axes(item):
            return blocks.block(inner, item.node.body, None).expr
        return _tensor_call(scope, written, item, values, inner)
    except LossError as error:
        raise LossError(*(_noted(problem, item, written) for problem in error.problems)) from None


def _noted(problem: Problem, item: Item, written: tree.Call) -> Problem:
    """A problem inside of what is called shows where it is called from."""
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


def _passed_values(scope: Scope, written: tree.Call, item: Item, passed: matching.Passed) -> dict[str, Value]:
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
            expressions.ConditionAsNumber(
                passed.span, f"`{text}` holds conditions, and numbers are needed", f"write `[{text}]`"
            )
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
            result = _call_item(scope, passed)
            if isinstance(result, View) and _fits(formal, len(result.names)):
                return result
    return _expression(scope, written, formal, passed)


def _expression(scope: Scope, written: tree.Call, formal: Formal, passed: tree.Expr) -> View:
    """Over the indices that no reduction around binds; where that does not fit, over all that it has."""
    build = scope.draft.build
    for kind in ("catch", "whole"):
        with scope.frame(Frame(kind)) as frame:  # type: ignore[arg-type]
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
            reads.OpenOrder(
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


# ---------------------------------------------------------------- the scope of what is called


def _inner_scope(scope: Scope, written: tree.Call, item: Item, values: dict[str, Value]) -> Scope:
    assert item.signature is not None, "a checked item has its signature"
    what = "loss" if isinstance(item.node, tree.Loss) else "def"
    inner = Scope(scope.draft, item.unit, f"{what} {item.node.name.id}", inlined=True)
    inner.axis_spans = item.signature.axes
    _bind_group(inner, item.signature, values)
    for formal in item.signature.formals:
        value = values[formal.arg.name]
        if isinstance(value, View):
            names = _axis_names(inner, formal)
            if not isinstance(value.target, core.Arg | core.Let):
                bounds = _broadcast_bounds(inner, formal, names)
                inner.values[formal.arg.name] = View(value.target, (), names, bounds, value.span)
                continue
            _bind_axes(inner, written, formal, names, value)
            value = View(value.target, value.template, names, value.bounds, formal.arg.span)
        inner.values[formal.arg.name] = value
    return inner


def _broadcast_bounds(inner: Scope, formal: Formal, names: tuple[str | None, ...]) -> tuple[Bounds, ...]:
    """The positions of a default value; the size of an axis that nothing else has is never looked at."""
    sizes = zip(names, _sizes(inner, formal), strict=True)
    return tuple(
        (core.ZERO, extents.const(size or 0)) if name is None else inner.axes.get(name, (core.ZERO, extents.size(name)))
        for name, size in sizes
    )


def _bind_group(inner: Scope, signature: Signature, values: dict[str, Value]) -> None:
    """`..` stands for as many axes as the first argument that carries it has to spare."""
    for formal in signature.formals:
        value = values[formal.arg.name]
        if GROUP in formal.axes and isinstance(value, View) and isinstance(value.target, core.Arg | core.Let):
            count = len(value.names) - (len(formal.axes) - 1)
            inner.group = tuple(f"{GROUP}{k}" for k in range(count))
            return
    if any(GROUP in formal.axes for formal in signature.formals):
        inner.group = ()


def _axis_names(inner: Scope, formal: Formal) -> tuple[str | None, ...]:
    names: list[str | None] = []
    for name in formal.axes:
        names.extend(inner.group if name == GROUP else (name,))
    return tuple(names)


def _bind_axes(inner: Scope, written: tree.Call, formal: Formal, names: tuple[str | None, ...], value: View) -> None:
    """Equal names in a signature are equal axes: those of what is passed have to be equal, too."""
    if len(names) != len(value.names):
        raise LossError(_group_clash(written, formal, len(value.names), len(names)))
    sizes = iter(_sizes(inner, formal))
    for name, bounds in zip(names, value.bounds, strict=True):
        fixed = next(sizes)
        if name is not None:
            wanted = inner.axes.setdefault(name, bounds)
        else:
            assert fixed is not None, "an axis has a name or a size"
            wanted = (core.ZERO, extents.const(fixed))
        _same_axis(inner, written, formal, name or str(fixed), wanted, bounds)


def _sizes(inner: Scope, formal: Formal) -> list[int | None]:
    sizes: list[int | None] = []
    for axis in formal.written.axes:
        sizes.extend([None] * len(inner.group) if axis.name == GROUP else [axis.size])
    return sizes


def _same_axis(inner: Scope, written: tree.Call, formal: Formal, name: str, wanted: Bounds, bounds: Bounds) -> None:
    if wanted == bounds:
        return
    what = f"axis {name.rstrip('0123456789') if name.startswith(GROUP) else name} of `{written.function.id}`"
    difference = extents.constant(extents.sub(extents.length(wanted), extents.length(bounds)))
    if difference not in (None, 0) or wanted[0] != bounds[0]:
        raise LossError(
            SizesClash(
                written.span,
                f"{what} would be both {_positions(wanted)} and, in `{formal.arg.name}`, {_positions(bounds)}",
                "pass arguments whose axes are equal",
                ((formal.arg.span, "declared here"),),
            )
        )
    message = f"both are {what}, which is called with them"
    inner.draft.require_equal(wanted[1], bounds[1], written.span, message)


def _positions(bounds: Bounds) -> str:
    size = extents.constant(extents.length(bounds))
    if bounds[0] == core.ZERO and size is not None:
        return f"of size {size}"
    return f"positions {extents.show(bounds[0])} to {extents.show(extents.sub(bounds[1], extents.const(1)))}"


def _group_clash(written: tree.Call, formal: Formal, have: int, need: int) -> WrongAxes:
    return WrongAxes(
        written.span,
        f"`{formal.arg.name}` of `{written.function.id}` is passed with {have} axes, where the arguments before it "
        f"say that it has {need}",
        "pass arguments with the same axes",
        ((formal.arg.span, "declared here"),),
    )


# ---------------------------------------------------------------- calls with axes


def _tensor_call(scope: Scope, written: tree.Call, item: Item, values: dict[str, Value], inner: Scope) -> View:
    """The binding that the call becomes; its open axes have the names that the caller knows them by, if any."""
    key = _call_key(scope, item, values)
    known = scope.draft.calls.get(key)
    if known is None:
        made = blocks.block(inner, item.node.body, _output_binders(item))
        name = item.node.name.id
        known = views.make_let(scope.draft, name, made.vars, made.expr, written.span, ordered=made.ordered)
        scope.draft.calls[key] = known
    outside = _outside_names(item, values, inner)
    names = tuple(outside.get(name) if name is not None else None for name in known.names)
    return View(known.target, known.template, names, known.bounds, known.span, known.ordered)


def _outside_names(item: Item, values: dict[str, Value], inner: Scope) -> dict[str, str | None]:
    """What the caller calls each axis of the signature; None where the arguments do not agree."""
    assert item.signature is not None, "a checked item has its signature"
    outside: dict[str, str | None] = {}
    for formal in item.signature.formals:
        value = values[formal.arg.name]
        if isinstance(value, View) and isinstance(value.target, core.Arg | core.Let):
            for name, caller in zip(_axis_names(inner, formal), value.names, strict=True):
                if name is not None and caller is not None:
                    outside[name] = caller if outside.setdefault(name, caller) == caller else None
    return outside


def _output_binders(item: Item) -> list[tree.Binder] | None:
    if isinstance(item.node, tree.Loss) or item.node.indices is None:
        return None
    return [tree.Binder(name.span, name, None) for name in item.node.indices]


def _call_key(scope: Scope, item: Item, values: dict[str, Value]) -> Key:
    parts: list[Key] = [id(item)]
    for value in values.values():
        if isinstance(value, View):
            parts.append(view_key(scope.draft.build, value))
        elif isinstance(value, Scalar):
            parts.append(fingerprint(scope.draft.build, value.expr))
    return tuple(parts)


def _caller_indices(scope: Scope, written: tree.Call, result: View) -> tuple[Expr, ...]:
    """Without indices, the result of a call has the names that its arguments have where they are passed."""
    names = [name for name in result.names if name is not None]
    if len(names) < len(result.names) or len(set(names)) < len(names):
        word = written.function.id
        why = (
            "two of them would have the same name" if len(names) == len(result.names) else "not all of them have a name"
        )
        spare = iter([name for name in ("i", "j", "k", "l", "a", "b") if name not in names])
        example = [name if name is not None and names.count(name) == 1 else next(spare) for name in result.names]
        raise LossError(
            OutputNotNamed(
                written.span,
                f"the value of `{word}` has {len(result.names)} axes, and {why} here",
                f"say the indices: `{expressions.shortened(written.span)}{listing(example)}`",
            )
        )
    return tuple(scope.draft.build.index(written.span, scope.index(name, written.span)) for name in names)
