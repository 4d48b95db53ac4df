"""Reductions, and `softmax`, `log_softmax` and `cumsum`: where index variables are bound."""

from __future__ import annotations

from typing import Literal, cast

from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.calls import WrongArgumentCount
from lossdsl.diagnostics.indices import IndexReused, NothingToReduce, OneIndexOnly, UnusedIndex
from lossdsl.diagnostics.names import NameTaken
from lossdsl.meaning import core
from lossdsl.meaning.core import Expr, Var
from lossdsl.meaning.resolution import expressions, sizes
from lossdsl.meaning.resolution.scopes import GROUP, Frame, Scope
from lossdsl.syntax import tree

CONDITIONS = ("any", "all", "count")
"""Reductions of conditions."""
SINGLE = ("argmax", "argmin", *tree.NORMALISERS)
"""What works along exactly one index."""


def reduction(scope: Scope, written: tree.Reduction) -> Expr:
    if written.op in SINGLE:
        _check_single(written)
    if written.op in tree.NORMALISERS:
        return _along(scope, written)
    if written.binders is None:
        with scope.frame(Frame("catch")) as frame:
            where, body = _parts(scope, written)
        scope.caught.update(frame.vars)
        return _without_brackets(scope, written, frame, where, body)
    frame = _opened(scope, written.binders, reuse=False)
    with scope.frame(frame):
        where, body = _parts(scope, written)
    scope.caught.update(frame.vars)
    variables = tuple(frame.vars.values())
    if not variables:
        return _over_nothing(scope, written, where, body)
    _check_used(scope, written, variables, where, body)
    return scope.draft.build.keep(core.Reduce(written.span, written.op, variables, where, body))


def _parts(scope: Scope, written: tree.Reduction) -> tuple[Expr | None, Expr]:
    """The condition and the body; `count[j where c](b)` counts where both hold."""
    build = scope.draft.build
    steps = [] if written.where is None else [lambda w=written.where: expressions.condition(scope, w)]
    wanted = expressions.condition if written.op in CONDITIONS else expressions.number
    if written.body is not None:
        steps.append(lambda b=written.body: wanted(scope, b))
    made = expressions.together(steps)
    where = made[0] if written.where is not None else None
    if written.op != "count":
        if written.body is None:
            raise LossError(WrongArgumentCount(written.span, f"`{written.op}` has nothing to work on", "add `(...)`"))
        return where, made[-1]
    if written.body is not None:
        where = made[-1] if where is None else build.apply(written.span, "and", where, made[-1])
    return where, build.num(written.span, 1)


def _opened(scope: Scope, binders: tuple[tree.Binder, ...], reuse: bool) -> Frame:
    """The frame of the variables in brackets; with `reuse`, a name may be bound outside, too."""
    frame = Frame("reduction")
    for binder in binders:
        word = binder.name.id
        for member in scope.group if word == GROUP else (word,):
            check_index_name(scope, binder.name)
            if member in frame.vars or (not reuse and scope.reduced(member)):
                raise LossError(
                    IndexReused(
                        binder.name.span,
                        f"the index `{word}` is bound already where this reduction stands",
                        "take another name for one of the two",
                    )
                )
            frame.vars[member] = new_bound(scope, binder, member)
            scope.reduced_here.add(member)
    return frame


def new_bound(scope: Scope, binder: tree.Binder, word: str) -> Var:
    """A variable that a reduction or a left side binds, with the range that it may give."""
    var = scope.new_var(word, binder.name.span)
    if binder.range is not None:
        given = binder.range
        assert isinstance(given, tree.Name | tree.Number), "the grammar allows nothing else"
        bounds = sizes.range_of(scope, given)
        scope.draft.declared[var] = bounds
        var.low, var.high = bounds
    return var


def check_index_name(scope: Scope, name: tree.Name) -> None:
    """An index may not have the name of a value or of an item of the file."""
    if name.id in scope.values:
        where, what = scope.values[name.id].span, "a value"
    elif name.id in scope.unit.items:
        where, what = scope.unit.where[name.id], "an item of the file"
    else:
        return
    raise LossError(
        NameTaken(
            name.span,
            f"`{name.id}` is {what}, and cannot be an index, too",
            "take another name for the index",
            ((where, "bound here"),),
        )
    )


def _without_brackets(scope: Scope, written: tree.Reduction, frame: Frame, where: Expr | None, body: Expr) -> Expr:
    free = scope.draft.build.free(body) | (scope.draft.build.free(where) if where is not None else frozenset())
    variables = tuple(var for var in frame.vars.values() if var in free)
    if not variables:
        op = written.op
        why = "the reductions around it bind all of these" if free else "there are none"
        hint = f"leave `{op}` out" + (f", or take another index, as in `{op}[m](x[m])`" if free else "")
        raise LossError(NothingToReduce(written.span, f"`{op}` takes the free indices of its body: {why}", hint))
    return scope.draft.build.keep(core.Reduce(written.span, written.op, variables, where, body))


def _over_nothing(scope: Scope, written: tree.Reduction, where: Expr | None, body: Expr) -> Expr:
    """`mean[..](x)` of a scalar: a reduction of one element."""
    build, span = scope.draft.build, written.span
    if written.op in ("any", "all"):
        if where is None:
            return body
        if written.op == "any":
            return build.apply(span, "and", where, body)
        return build.apply(span, "or", build.apply(span, "not", where), body)
    element = build.apply(span, "abs", body) if written.op == "norm" else body
    if where is None:
        return element
    nothing: Expr
    match written.op:
        case "prod":
            nothing = build.num(span, 1)
        case "max" | "logsumexp":
            nothing = build.keep(core.Num(span, "-inf"))
        case "min":
            nothing = build.keep(core.Num(span, "inf"))
        case _:
            nothing = build.num(span, 0)
    return build.keep(core.If(span, where, element, nothing))


def _check_used(
    scope: Scope, written: tree.Reduction, variables: tuple[Var, ...], where: Expr | None, body: Expr
) -> None:
    build = scope.draft.build
    used = build.free(body) | (build.free(where) if where is not None else frozenset())
    for var in variables:
        if var not in used:
            counting = f"the number of positions is `size({var.name})`" if written.op == "count" else None
            raise LossError(
                UnusedIndex(
                    var.span,
                    f"the index `{var.name}` occurs neither in the body nor in the condition of this `{written.op}`",
                    counting or f"leave `{var.name}` out, or use it",
                )
            )


def _check_single(written: tree.Reduction) -> None:
    count = 0 if written.binders is None else len(written.binders)
    if count != 1 or (written.binders is not None and written.binders[0].name.id == GROUP):
        doing = "gives the position along" if written.op.startswith("arg") else "works along"
        raise LossError(
            OneIndexOnly(
                written.op_span, f"`{written.op}` {doing} exactly one index", f"name it: `{written.op}[c](...)`"
            )
        )


def _along(scope: Scope, written: tree.Reduction) -> Expr:
    """Binds its index inside, and is taken at the index of that name outside."""
    assert written.binders is not None, "checked to be one"
    (binder,) = written.binders
    build = scope.draft.build
    check_index_name(scope, binder.name)
    at = build.index(binder.name.span, scope.index(binder.name.id, binder.name.span))
    frame = _opened(scope, written.binders, reuse=True)
    with scope.frame(frame):
        where, body = _parts(scope, written)
    (var,) = frame.vars.values()
    _check_used(scope, written, (var,), where, body)
    op = cast(Literal["softmax", "log_softmax", "cumsum"], written.op)
    return build.keep(core.Along(written.span, op, var, where, body, at))
