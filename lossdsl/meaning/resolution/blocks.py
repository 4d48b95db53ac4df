"""Blocks: bindings, unpackings, and the value that is returned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lossdsl.diagnostics import LossError, Problem, Span
from lossdsl.diagnostics.indices import IndexNotOnRight, IndexReused, OpenOrder, WrongUnpacking
from lossdsl.diagnostics.names import NameTaken
from lossdsl.diagnostics.types import PredictUsesData
from lossdsl.meaning import core
from lossdsl.meaning.core import Expr, Var
from lossdsl.meaning.resolution import expressions, extents, reads, reductions, views
from lossdsl.meaning.resolution.ordering import order
from lossdsl.meaning.resolution.scopes import Frame, Poisoned, Scalar, Scope, Value, View, listing
from lossdsl.syntax import tree

Role = Literal["local", "term", "predict"]
Outputs = Sequence[tree.Binder] | None


@dataclass(frozen=True, slots=True)
class Made:
    """The value of a statement, and the index variables that it leaves free."""

    expr: Expr
    vars: list[Var]
    ordered: bool


def block(scope: Scope, written: tree.Block, outputs: Outputs) -> Made:
    """All statements, then the value; problems of all of them together."""
    problems: list[Problem] = []
    scope.later = {name.id: name.span for statement in written.statements for name in _names(statement)}
    for statement in written.statements:
        try:
            _statement(scope, statement)
        except LossError as error:
            problems.extend(error.problems)
            for name in _names(statement):
                scope.values.setdefault(name.id, Poisoned(name.span))
    try:
        result = evaluate(scope, written.result, outputs)
        if scope.draft.build.kind(result.expr) == "bool":
            expressions.as_number(scope, result.expr, written.result.span)
    except LossError as error:
        raise LossError(*problems, *error.problems) from None
    if problems or any(isinstance(value, Poisoned) for value in scope.values.values()):
        raise LossError(*problems)
    return result


def _names(statement: tree.Binding | tree.Unpacking) -> tuple[tree.Name, ...]:
    return statement.names if isinstance(statement, tree.Unpacking) else (statement.name,)


def evaluate(scope: Scope, written: tree.Expr, left: Outputs) -> Made:
    """A right side: with a left side, over exactly its indices, otherwise over those that are free in it."""
    frame = Frame("root") if left is None else _left(scope, left)
    scope.statement, scope.caught = written, set()
    with scope.frame(frame):
        expr = expressions.value(scope, written)
    scope.draft.build.check_constant(expr)
    scope.statement = None
    variables = list(frame.vars.values())
    if left is None:
        free = scope.draft.build.free(expr)
        return Made(expr, *order(scope.draft, expr, [var for var in variables if var in free]))
    _check_left(scope, expr, variables)
    return Made(expr, variables, True)


def _left(scope: Scope, left: Sequence[tree.Binder]) -> Frame:
    frame = Frame("root", closed=True)
    for binder in left:
        reductions.check_index_name(scope, binder.name)
        for word in scope.group if binder.name.id == ".." else (binder.name.id,):
            if word in frame.vars:
                raise LossError(
                    IndexReused(binder.name.span, f"`{word}` stands twice on the left", "name each index once")
                )
            frame.vars[word] = reductions.new_bound(scope, binder, word)
    return frame


def _check_left(scope: Scope, expr: Expr, variables: list[Var]) -> None:
    """An index of the left side that only a reduction of the right side has is no doubt an accident."""
    free = scope.draft.build.free(expr)
    for var in variables:
        if var not in free and var.name in scope.caught and var not in scope.draft.declared:
            raise LossError(
                IndexNotOnRight(
                    var.span,
                    f"the right side has no index `{var.name}` left: a reduction takes it",
                    "a reduction without brackets takes all free indices; say which, as in `mean[c](...)`",
                )
            )


def _statement(scope: Scope, statement: tree.Binding | tree.Unpacking) -> None:
    if isinstance(statement, tree.Unpacking):
        _unpacking(scope, statement)
        return
    check_new(scope, statement.name)
    made = evaluate(scope, statement.value, statement.indices)
    _add(scope, statement.name, bind(scope, statement.name, made, statement.predict))


def _add(scope: Scope, name: tree.Name, value: Value) -> None:
    """From here on the name is taken, and so are those of its axes."""
    scope.values[name.id] = value
    if isinstance(value, View):
        for axis in value.names:
            if axis is not None:
                scope.axis_spans.setdefault(axis, name.span)


def check_new(scope: Scope, name: tree.Name) -> None:
    """A name is bound once, and not as an index or an item of the file, too."""
    if name.id in scope.values:
        where, what = scope.values[name.id].span, "a value of this block"
    elif name.id in scope.unit.items:
        where, what = scope.unit.where[name.id], "an item of the file"
    elif name.id in scope.axis_spans:
        where, what = scope.axis_spans[name.id], "the name of an axis"
    else:
        return
    raise LossError(
        NameTaken(
            name.span,
            f"`{name.id}` is {what} already, and a name is bound once",
            f"take another name, such as `{name.id}_`",
            ((where, "bound here"),),
        )
    )


def bind(scope: Scope, name: tree.Name, made: Made, predict: bool = False) -> Value:
    """A binding of its own, but for a number that depends on indices of the caller: that is its expression."""
    build = scope.draft.build
    if scope.inlined and not made.vars and build.free(made.expr):
        return Scalar(made.expr, name.span, formal=False)
    if predict and not made.ordered:
        axes = listing(var.name for var in made.vars)
        why = f"the order of the axes of `{name.id}` is open: the reads on its right side do not settle it"
        raise LossError(OpenOrder(name.span, why, f"say the indices, for instance `predict {name.id}{axes} = ...`"))
    if not predict and (same := _renamed(scope, name, made)) is not None:
        return same
    term = scope.main and not made.vars and build.kind(made.expr) != "bool"
    role: Role = "predict" if predict and scope.main else "term" if term else "local"
    view = views.make_let(scope.draft, name.id, made.vars, made.expr, name.span, role, made.ordered)
    if predict and scope.main:
        _check_predict(scope, name, view)
    return view


def _renamed(scope: Scope, name: tree.Name, made: Made) -> View | None:
    """`u = unit(a)` is what the call became, under the name that the caller gives it."""
    if not isinstance(made.expr, core.Read) or not made.vars:
        return None
    let, at = made.expr.array, [index.var if isinstance(index, core.Index) else None for index in made.expr.indices]
    if let not in scope.draft.unnamed or at != made.vars or any(var in scope.draft.declared for var in made.vars):
        return None
    assert isinstance(let, core.Let), "calls become bindings"
    scope.draft.unnamed.discard(let)
    let.name = name.id
    bounds = tuple((var.low, var.high) for var in let.vars)
    return View(let, tuple(None for _ in at), tuple(var.name for var in made.vars), bounds, name.span)


def _check_predict(scope: Scope, name: tree.Name, view: View) -> None:
    assert isinstance(view.target, core.Let), "bindings of a loss are lets"
    used = views.data_behind(view.target)
    if used is not None:
        raise LossError(
            PredictUsesData(
                name.span,
                f"`predict {name.id}` uses the data `{used.name}`",
                "use predictions and hyperparameters only, or leave `predict` out",
                ((used.span, "declared as data here"),),
            )
        )


# ---------------------------------------------------------------- unpacking


def _unpacking(scope: Scope, statement: tree.Unpacking) -> None:
    for name in statement.names:
        check_new(scope, name)
    _check_distinct(statement)
    written = statement.value
    if not isinstance(written, tree.Indexed):
        raise LossError(
            WrongUnpacking(
                written.span, "an axis is unpacked, marked by `:`", "write for instance `x, y = point[n, :]`"
            )
        )
    for k, name in enumerate(statement.names):
        made = _component(scope, statement, written, k)
        _add(scope, name, bind(scope, name, made))


def _check_distinct(statement: tree.Unpacking) -> None:
    seen: dict[str, Span] = {}
    for name in statement.names:
        if name.id in seen:
            notes = ((seen[name.id], "first here"),)
            raise LossError(NameTaken(name.span, f"`{name.id}` stands twice on the left", "name each once", notes))
        seen[name.id] = name.span


def _component(scope: Scope, statement: tree.Unpacking, written: tree.Indexed, k: int) -> Made:
    frame = Frame("root")
    scope.statement = written
    with scope.frame(frame):
        view = views.sliced(scope, written)
        low = _check_unpacked(statement, written, view)
        expr = reads.read(scope, view, (scope.draft.build.num(written.span, low + k),), written.span)
    scope.statement = None
    return Made(expr, *order(scope.draft, expr, list(frame.vars.values())))


def _check_unpacked(statement: tree.Unpacking, written: tree.Indexed, view: View) -> int:
    """The first position of the one axis."""
    count = len(statement.names)
    if len(view.names) != 1:
        raise LossError(
            WrongUnpacking(written.span, f"{len(view.names)} axes are marked by `:`", "mark the one axis to unpack")
        )
    low, size = extents.constant(view.bounds[0][0]), extents.constant(extents.length(view.bounds[0]))
    if low is None or size is None:
        text = extents.show(extents.length(view.bounds[0]))
        raise LossError(
            WrongUnpacking(
                written.span,
                f"the size of this axis is `{text}`, which is not known before the call",
                "declare the axis with its size, as in `box[n, 4]`",
                ((view.span, "declared here"),),
            )
        )
    if size != count:
        raise LossError(WrongUnpacking(written.span, f"{count} names for an axis of size {size}", f"give {size} names"))
    return low
