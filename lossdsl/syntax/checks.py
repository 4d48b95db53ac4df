"""What the grammar accepts and the language does not: seen in the tree, before any name is looked up."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch

from lossdsl.diagnostics import Problem, Span
from lossdsl.diagnostics.limits import (
    MAX_DEPTH,
    MAX_FUNCTIONS_OF_CONSTANTS,
    NestedTooDeep,
    TooManyFunctionsOfConstants,
)
from lossdsl.diagnostics.syntax import IllegalName, ReductionForm, ReservedWord, SignatureForm
from lossdsl.syntax.tree import (
    NORMALISERS,
    REDUCTIONS,
    Argument,
    Axis,
    Binary,
    Binder,
    Binding,
    Call,
    Def,
    Loss,
    Module,
    Name,
    NamedArgument,
    Reduction,
    Unary,
    Unpacking,
    Use,
)
from lossdsl.syntax.walk import Node, deeper_than, walk
from lossdsl.syntax.words import FREE_FUNCTIONS, FUNCTIONS, OPTIONS, RESERVED


def check(module: Module) -> list[Problem]:
    """Everything that is wrong with a tree by itself."""
    problems: list[Problem] = []
    for item in module.items:
        if (node := deeper_than(item, MAX_DEPTH)) is not None:
            hint = "give a part of the formula a name"
            problems.append(NestedTooDeep(node.span, f"this is nested more than {MAX_DEPTH} levels deep", hint))
        else:
            problems += (problem for node in walk(item) for problem in _look(node))
    return problems or list(_functions_of_constants(module))


def _functions_of_constants(module: Module) -> Iterator[Problem]:
    """They take time to be worked out, before anything else is."""
    count = 0
    for argument in (node for item in module.items for node in _arguments(item)):
        for node in walk(argument):
            count += isinstance(node, Call) or (isinstance(node, Unary | Binary) and node.op in ("sqrt", "^"))
            if count > MAX_FUNCTIONS_OF_CONSTANTS:
                message = f"signatures of this file have more than {MAX_FUNCTIONS_OF_CONSTANTS} functions and powers"
                yield TooManyFunctionsOfConstants(argument.span, message, "write numbers, or compute them in the block")
                return


def _arguments(item: Use | Def | Loss) -> tuple[Argument, ...]:
    match item:
        case Loss():
            return (*item.predictions, *item.data, *item.hyper)
        case Def():
            return (*item.arguments, *item.hyper)
        case Use():
            return ()


@singledispatch
def _look(node: Node) -> Iterator[Problem]:
    """What is wrong with one node, apart from those that it holds."""
    yield from ()


# ---------------------------------------------------------------- names that are bound


def _bound(name: Name) -> Iterator[Problem]:
    if name.id in RESERVED:
        yield reserved_name(name.span, name.id)
    elif name.id.startswith("__"):
        yield _underscores(name.span)


def _called(name: Name) -> Iterator[Problem]:
    """The name of a `def` or a loss: not even that of a function whose name is free for values."""
    yield from [reserved_name(name.span, name.id)] if name.id in FREE_FUNCTIONS else _bound(name)


def reserved_name(span: Span, word: str) -> Problem:
    what = "the name of a built-in function" if word in FUNCTIONS else "a word of the language"
    spelled = "" if span.text == word else f", spelled `{span.text}`"
    return ReservedWord(
        span, f"`{word}` is {what}{spelled}, and can not be a name", f"write `{word}_`, or another name"
    )


def _underscores(span: Span) -> Problem:
    return IllegalName(span, "a name may not start with two underscores", f"write `{span.text.lstrip('_＿') or 'x'}`")


@_look.register
def _use(item: Use) -> Iterator[Problem]:
    for there, here in item.names:
        yield from _called(there)
        if here is not there:
            yield from _called(here)


@_look.register
def _loss(item: Loss) -> Iterator[Problem]:
    yield from _called(item.name)
    for group in (item.predictions, item.data):
        yield from _order(group)


@_look.register
def _def(item: Def) -> Iterator[Problem]:
    yield from _called(item.name)
    yield from _order(item.arguments)
    for index in item.indices or ():
        yield from _bound(index)


@_look.register
def _unpacking(unpacking: Unpacking) -> Iterator[Problem]:
    for name in unpacking.names:
        yield from _bound(name)


def _order(group: tuple[Argument, ...]) -> Iterator[Problem]:
    """What may be left out stands behind what may not; hyperparameters, which have names, in any order."""
    optional: Argument | None = None
    for argument in group:
        if argument.default is not None:
            optional = optional or argument
        elif optional is not None:
            hint = f"write `{argument.name.id}` before `{optional.name.id}`, or give it a default"
            why = f"`{argument.name.id}` has no default, and stands behind `{optional.name.id}`, which has one"
            yield SignatureForm(argument.name.span, why, hint, ((optional.name.span, "this may be left out"),))


@_look.register
def _argument(argument: Argument) -> Iterator[Problem]:
    word = argument.name.id
    yield from _bound(argument.name)
    if word in OPTIONS:
        why = f"`{word}` can not name an argument: generated functions have a keyword of this name"
        yield ReservedWord(argument.name.span, why, f"write `{word}_`, or another name")
    for extra in [axis for axis in argument.axes if axis.name == ".."][1:]:
        yield SignatureForm(
            extra.span, f"`..` stands twice in the axes of `{word}`", "it is any number of axes: write it once"
        )


@_look.register(Binding)
@_look.register(Binder)
@_look.register(NamedArgument)
def _has_a_name(node: Binding | Binder | NamedArgument) -> Iterator[Problem]:
    yield from _bound(node.name)


@_look.register
def _axis(axis: Axis) -> Iterator[Problem]:
    if axis.name is not None:
        yield from _bound(Name(axis.span, axis.name))
    elif axis.size is not None and axis.size < 1:
        yield SignatureForm(axis.span, "the size of an axis is a name, or a whole number of at least 1")


# ---------------------------------------------------------------- reductions


@_look.register
def _call(call: Call) -> Iterator[Problem]:
    word = call.function.id
    if word in (*REDUCTIONS, *NORMALISERS) and word not in FUNCTIONS:
        first = call.arguments[0]
        hint = f"write `{word}[{first.id}](...)` if `{first.id}` is the index" if isinstance(first, Name) else None
        yield ReductionForm(call.span, f"`{word}` takes one expression, not {len(call.arguments)}", hint)


@_look.register
def _reduction(reduction: Reduction) -> Iterator[Problem]:
    if reduction.op == "count" and reduction.body is None and reduction.where is None and reduction.binders:
        hint = f"write `count[{reduction.binders[0].name.id} where condition]`"
        yield ReductionForm(reduction.span, "`count` has no condition to count by", hint)
