"""Calls of built-in functions: what they are called with."""

from __future__ import annotations

from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.calls import GroupsMisplaced, WrongArgumentCount
from lossdsl.functions.table import TABLE
from lossdsl.syntax import tree

_ARGUMENTS = {"clip": ("x", "lo", "hi"), "atan2": ("y", "x"), "logaddexp": ("a", "b"), "mod": ("a", "b")}
"""Where their order needs saying."""


def operands(written: tree.Call) -> tuple[tree.Expr, ...]:
    """The arguments of a call of a function of the table: without names and groups, as many as it takes."""
    word = written.function.id
    if written.data is not None or written.hyper is not None:
        raise LossError(
            GroupsMisplaced(written.span, f"`{word}` is a built-in function, without groups of arguments", "use commas")
        )
    result = []
    for argument in written.arguments:
        if isinstance(argument, tree.NamedArgument):
            raise LossError(
                GroupsMisplaced(argument.span, f"the arguments of `{word}` have no names", "pass them by position")
            )
        result.append(argument)
    arity = TABLE[word].arity
    if (arity is None and len(result) < 2) or (arity is not None and len(result) != arity):
        hint = f"write `{word}({', '.join(_ARGUMENTS.get(word, 'xyz'[: arity or 2]))})`"
        raise LossError(WrongArgumentCount(written.span, f"`{word}` takes {_taken(arity, len(result))}", hint))
    return tuple(result)


def _taken(arity: int | None, given: int) -> str:
    if arity is None:
        return "two or more arguments"
    return f"{arity} argument{'' if arity == 1 else 's'}, not {given}"
