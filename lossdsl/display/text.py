"""Formulas in the loss language: a text that parses again and means the same."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from lossdsl.display.formula import (
    Apply,
    Binder,
    Chain,
    Choice,
    Element,
    Formula,
    Number,
    Reduction,
    Size,
    Symbol,
    fold,
)

Piece = tuple[str, int]
"""A text and how tightly its outermost operation binds."""

CHOICE, OR, AND, NOT, COMPARE, SUM, NEGATIVE, PRODUCT, POWER, ATOM = 0, 20, 30, 35, 40, 50, 55, 60, 70, 100
INFIX = {
    "add": (" + ", SUM), "sub": (" - ", SUM), "mul": ("*", PRODUCT), "div": ("/", PRODUCT), "pow": ("^", POWER),
    "lt": (" < ", COMPARE), "le": (" <= ", COMPARE), "gt": (" > ", COMPARE), "ge": (" >= ", COMPARE),
    "eq": (" == ", COMPARE), "ne": (" != ", COMPARE), "and": (" and ", AND), "or": (" or ", OR),
}  # fmt: skip
LONGEST_DECIMAL = 10
WIDTH = 110
INDENT = "    "


def expression_text(formula: Formula, bare: bool = False) -> str:
    """With `bare`, reads are written without their indices."""

    def piece(part: Formula, pieces: Sequence[Piece]) -> Piece:
        return (part.name, ATOM) if bare and isinstance(part, Element) else _piece(part, pieces)

    return fold(formula, piece)[0]


def _piece(formula: Formula, parts: Sequence[Piece]) -> Piece:
    match formula:
        case Number(value=value):
            return _number(value)
        case Symbol(name=name):
            return name, ATOM
        case Size(axis=axis):
            return f"size({axis})", ATOM
        case Element(name=name):
            return (f"{name}[{', '.join(t for t, _ in parts)}]" if parts else name), ATOM
        case Apply(function=function):
            return _apply(function, parts)
        case Chain(first=first, second=second):
            low, middle, high = (_in(part, SUM) for part in parts)
            return f"{low}{INFIX[first][0]}{middle}{INFIX[second][0]}{high}", COMPARE
        case Choice():
            return _choice(formula, parts)
        case Reduction():
            return _reduction(formula, parts), ATOM


def number_text(value: Fraction | str) -> str:
    return _number(value)[0]


def _number(value: Fraction | str) -> Piece:
    if isinstance(value, str):
        return value, NEGATIVE if value.startswith("-") else ATOM
    if value < 0:
        return "-" + _number(-value)[0], NEGATIVE
    if value.denominator == 1:
        return _whole(value.numerator), ATOM
    decimal = _decimal(value)
    if decimal is not None:
        return decimal, ATOM
    return f"{value.numerator}/{value.denominator}", PRODUCT


def _whole(value: int) -> str:
    text = str(value)
    zeros = len(text) - len(text.rstrip("0"))
    return text if zeros < 6 else f"{text[:-zeros]}e{zeros}"


def _decimal(value: Fraction) -> str | None:
    """The exact decimal, if it is short."""
    rest, digits = value.denominator, 0
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest //= prime
            count += 1
        digits = max(digits, count)
    if rest != 1 or digits > 30:
        return None
    scaled = str(value.numerator * 10**digits // value.denominator)
    plain = f"{scaled.zfill(digits + 1)[:-digits]}.{scaled.zfill(digits + 1)[-digits:]}"
    short = plain if len(plain) <= 6 else f"{scaled}e-{digits}"
    return short if len(short) <= LONGEST_DECIMAL else plain if len(plain) <= LONGEST_DECIMAL + 8 else None


def _in(piece: Piece, level: int) -> str:
    return piece[0] if piece[1] >= level else f"({piece[0]})"


def _apply(function: str, parts: Sequence[Piece]) -> Piece:
    if function in INFIX and len(parts) == 2:
        return _infix(function, parts[0], parts[1])
    match function, parts:
        case "neg", (operand,):
            return "-" + _in(operand, PRODUCT), NEGATIVE
        case "not", (operand,):
            return "not " + _in(operand, NOT), NOT
        case "abs", ((text, _),) if "|" not in text:
            return f"|{text}|", ATOM
    return f"{function}({', '.join(text for text, _ in parts)})", ATOM


def _infix(function: str, left: Piece, right: Piece) -> Piece:
    symbol, level = INFIX[function]
    if function == "pow":
        return f"{_in(left, ATOM)}^{_in(right, POWER)}", POWER
    if function == "add" and right[1] == NEGATIVE:
        symbol, right = " - ", (right[0][1:], PRODUCT)
    if function in ("and", "or"):
        return f"{_in(left, level)}{symbol}{_in(right, level)}", level
    if level == COMPARE:
        return f"{_in(left, SUM)}{symbol}{_in(right, SUM)}", COMPARE
    if level == PRODUCT and left[1] == NEGATIVE and left[0][1:2].isdigit():  # a negative number: minus the product
        return f"{left[0]}{symbol}{_in(right, level + 1)}", NEGATIVE
    second = _in(right, level + 1)
    if right[1] == NEGATIVE:
        second = f"({right[0]})"
    return f"{_in(left, level)}{symbol}{second}", level


def _choice(formula: Choice, parts: Sequence[Piece]) -> Piece:
    then, condition, otherwise = parts
    if _is(formula.then, 1) and _is(formula.otherwise, 0):
        return f"[{condition[0]}]", ATOM
    return f"{_in(then, OR)} if {_in(condition, OR)} else {otherwise[0]}", CHOICE


def _is(formula: Formula, value: int) -> bool:
    return isinstance(formula, Number) and formula.value == value


def binder_text(binder: Binder) -> str:
    return binder.name if binder.within is None else f"{binder.name} in {binder.within}"


def _reduction(formula: Reduction, parts: Sequence[Piece]) -> str:
    bound = ", ".join(map(binder_text, formula.binders))
    if formula.where is not None:
        bound += f" where {parts[0][0]}"
    return f"{formula.op}[{bound}]" + ("" if formula.op == "count" else f"({parts[-1][0]})")


# ---------------------------------------------------------------- lines

BREAKS = ("+", "-", "if", "else", "where", "and", "or")
"""What a continued line may start with."""


def wrapped(line: str, indent: str) -> str:
    """The line of a block, broken inside brackets where it is too long; brackets are added where it has none."""
    if len(indent) + len(line) <= WIDTH:
        return indent + line
    head, _, value = line.partition(" = ")
    lines, rest = [], indent + f"{head} = ({value})"
    while len(rest) > WIDTH and (cut := _cut(rest, len(indent) + len(head) + 4)) is not None:
        lines.append(rest[:cut])
        rest = indent + INDENT + rest[cut + 1 :]
    return "\n".join([*lines, rest])


def _cut(line: str, start: int) -> int | None:
    """The best blank before the margin: before an operator, in as few brackets as may be, and far to the right."""
    best: tuple[int, int] | None = None
    depth = 0
    for place, character in enumerate(line[:WIDTH]):
        depth += (character in "([") - (character in ")]")
        if character == " " and place > start:
            word = line[place + 1 :].split(" ", 1)[0]
            score = (depth if word in BREAKS else depth + 4, -place if place > WIDTH // 2 else WIDTH - place)
            if best is None or score < best:
                best = score
    if best is None:
        late = line.find(" ", WIDTH)
        return late if late > 0 else None
    return -best[1] if best[1] < 0 else WIDTH - best[1]
