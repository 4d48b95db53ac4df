"""From an expression back to text: as few parentheses as the grammar allows, in the one style.

`parse` of what is printed gives the same tree again.  Sums and products of any length are printed in a loop; everything
else recurses, over a tree that is at most `MAX_DEPTH` levels deep.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from fractions import Fraction
from typing import assert_never

from lossdsl.syntax.tree import (
    AxisSet,
    Binary,
    Binder,
    Bound,
    Call,
    Comparison,
    Conditional,
    Constant,
    Domain,
    DomainSet,
    Expr,
    FiniteSet,
    Indexed,
    Interval,
    Iverson,
    Membership,
    Name,
    NamedArgument,
    Number,
    Reduction,
    Slice,
    Unary,
)
from lossdsl.syntax.walk import left_spine


class Level(IntEnum):
    """How tightly a construct binds; an operand that binds looser than its place wants parentheses."""

    CONDITIONAL = 0
    OR = 1
    AND = 2
    NOT = 3
    COMPARISON = 4
    SUM = 5
    PRODUCT = 6
    SIGN = 7
    POWER = 8
    ROOT = 9
    ATOM = 10


_BINARY: dict[str, tuple[Level, Level, Level]] = {
    "or": (Level.OR, Level.OR, Level.AND),
    "and": (Level.AND, Level.AND, Level.NOT),
    "+": (Level.SUM, Level.SUM, Level.PRODUCT),
    "-": (Level.SUM, Level.SUM, Level.PRODUCT),
    "*": (Level.PRODUCT, Level.PRODUCT, Level.SIGN),
    "/": (Level.PRODUCT, Level.PRODUCT, Level.SIGN),
    "^": (Level.POWER, Level.ROOT, Level.SIGN),
}
"""The level of the whole, of its left and of its right operand."""

TIGHT = frozenset(("*", "/", "^"))
"""Operators without spaces around them; `+` and `-` have none between the brackets of an index."""


def format_expr(expr: Expr) -> str:
    """The expression in the loss language."""
    return _text(expr, Level.CONDITIONAL, False)


def _text(expr: Expr, wanted: Level, in_index: bool) -> str:
    """`in_index`: whether the innermost bracket around the expression is that of an index."""
    if _level(expr) < wanted:
        return f"({_bare(expr, False)})"
    return _bare(expr, in_index)


def _level(expr: Expr) -> Level:
    match expr:
        case Conditional():
            return Level.CONDITIONAL
        case Binary():
            return _BINARY[expr.op][0]
        case Unary(op="not"):
            return Level.NOT
        case Unary(op="-" | "+"):
            return Level.SIGN
        case Unary(op="sqrt"):
            return Level.ROOT
        case Comparison() | Membership():
            return Level.COMPARISON
        case Number() if expr.value < 0:
            return Level.SIGN
        case Number() if not expr.text and _decimal(expr.value) is None:
            return Level.PRODUCT
        case _:
            return Level.ATOM


def _bare(expr: Expr, in_index: bool) -> str:
    match expr:
        case Number():
            return expr.text or _decimal(expr.value) or f"{expr.value.numerator}/{expr.value.denominator}"
        case Constant():
            return expr.name
        case Name():
            return expr.id
        case Binary():
            return _binary(expr, in_index)
        case Unary():
            return _unary(expr, in_index)
        case Comparison():
            first, *rest = (_text(operand, Level.SUM, in_index) for operand in expr.operands)
            return first + "".join(f" {op} {operand}" for op, operand in zip(expr.ops, rest, strict=True))
        case Membership():
            return f"{_text(expr.operand, Level.SUM, in_index)} in {format_set(expr.set)}"
        case Conditional():
            then, condition = (_text(part, Level.OR, in_index) for part in (expr.then, expr.condition))
            return f"{then} if {condition} else {_text(expr.otherwise, Level.CONDITIONAL, in_index)}"
        case Iverson():
            return f"[{format_expr(expr.condition)}]"
        case Indexed():
            return f"{_bare(expr.base, in_index)}[{', '.join(map(_index, expr.indices))}]"
        case Call():
            return _call(expr)
        case Reduction():
            return _reduction(expr)
        case _:
            assert_never(expr)


def _binary(expr: Binary, in_index: bool) -> str:
    spine = left_spine(expr)
    pieces = [_text(spine[-1].left, _BINARY[spine[-1].op][1], in_index)]
    level = Level.ATOM
    for index, node in enumerate(reversed(spine)):
        whole, left, right = _BINARY[node.op]
        if index and level < left:
            inside = format_expr(spine[len(spine) - index]) if in_index else "".join(pieces)
            pieces = [f"({inside})"]
        pieces += [_operator(node.op, in_index), _text(node.right, right, in_index)]
        level = whole
    return "".join(pieces)


def _operator(op: str, in_index: bool) -> str:
    return op if op in TIGHT or (in_index and op in "+-") else f" {op} "


def _unary(expr: Unary, in_index: bool) -> str:
    match expr.op:
        case "abs":
            return f"|{format_expr(expr.operand)}|"
        case "not":
            return f"not {_text(expr.operand, Level.NOT, in_index)}"
        case "sqrt":
            return f"√{_text(expr.operand, Level.ROOT, in_index)}"
        case _:
            return f"{expr.op}{_text(expr.operand, Level.SIGN, in_index)}"


def _index(index: Expr | Slice) -> str:
    return ":" if isinstance(index, Slice) else _text(index, Level.CONDITIONAL, True)


def _call(call: Call) -> str:
    data = "" if call.data is None else f" | {_arguments(call.data)}"
    hyper = "" if call.hyper is None else f"; {_arguments(call.hyper)}"
    return f"{call.function.id}({_arguments(call.arguments)}{data}{hyper})"


def _arguments(arguments: Iterable[Expr | NamedArgument]) -> str:
    return ", ".join(
        f"{argument.name.id} = {format_expr(argument.value)}"
        if isinstance(argument, NamedArgument)
        else format_expr(argument)
        for argument in arguments
    )


def _reduction(expr: Reduction) -> str:
    where = "" if expr.where is None else f" where {format_expr(expr.where)}"
    binders = "" if expr.binders is None else f"[{', '.join(map(format_binder, expr.binders))}{where}]"
    body = "" if expr.body is None else f"({format_expr(expr.body)})"
    return f"{expr.op}{binders}{body}"


def format_binder(binder: Binder) -> str:
    return binder.name.id if binder.range is None else f"{binder.name.id} in {format_expr(binder.range)}"


def format_domain(domain: Domain) -> str:
    """A domain on one line, as it stands in a signature: `> 0`, `in c or {-100}`."""
    parts: list[str] = []
    for position, one in enumerate(domain.alternatives):
        bare = isinstance(one, Bound) or (position > 0 and not isinstance(domain.alternatives[position - 1], Bound))
        parts.append(format_set(one) if bare else f"in {format_set(one)}")
    return " or ".join(parts)


def format_set(values: DomainSet) -> str:
    """A domain without its `in`; a bound with its sign."""
    match values:
        case Bound():
            return f"{values.op} {_text(values.value, Level.SUM, False)}"
        case Interval():
            opening, closing = "(" if values.low_open else "[", ")" if values.high_open else "]"
            return f"{opening}{format_expr(values.low)}, {format_expr(values.high)}{closing}"
        case FiniteSet():
            return "{" + ", ".join(map(format_expr, values.values)) + "}"
        case AxisSet():
            return format_expr(values.name)
        case _:
            assert_never(values)


def _decimal(value: Fraction) -> str | None:
    """A fraction as a decimal number, where it is one and not a long one."""
    if value.denominator == 1:
        return str(value.numerator) if abs(value.numerator) < 10**16 else None
    for places in range(1, 17):
        scaled = value * 10**places
        if scaled.denominator == 1 and abs(scaled.numerator) < 10**16:
            digits = f"{abs(scaled.numerator):0{places + 1}d}"
            return ("-" if value < 0 else "") + f"{digits[:-places]}.{digits[-places:]}"
    return None
