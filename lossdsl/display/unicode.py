"""Formulas as pictures made of characters, for terminals."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from lossdsl.display import boxes
from lossdsl.display.boxes import Box
from lossdsl.display.formula import (
    Apply,
    Binder,
    Chain,
    Choice,
    Definition,
    Element,
    Formula,
    Number,
    Reduction,
    Sheet,
    Size,
    Symbol,
    fold,
    is_number,
    one_fraction,
)
from lossdsl.display.latex import AND, ATOM, CALL, CASES, COMPARE, NEGATIVE, NOT, OR, PRODUCT, REDUCTION, SUM
from lossdsl.display.notation import unicode_name
from lossdsl.display.text import number_text

Piece = tuple[Box, int]
"""A picture and how tightly its outermost operation binds."""

INFIX = {
    "add": (" + ", SUM), "sub": (" − ", SUM), "lt": (" < ", COMPARE), "le": (" ≤ ", COMPARE), "gt": (" > ", COMPARE),
    "ge": (" ≥ ", COMPARE), "eq": (" = ", COMPARE), "ne": (" ≠ ", COMPARE), "and": (" and ", AND), "or": (" or ", OR),
}  # fmt: skip
FUNCTIONS = {
    "sigmoid": "σ", "log_sigmoid": "log σ", "normal_cdf": "Φ", "normal_logcdf": "log Φ", "lgamma": "log Γ",
    "digamma": "ψ", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "logcosh": "log cosh", "sign": "sgn",
}  # fmt: skip
WIDEST_EXPONENT = 14
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def expression_box(formula: Formula) -> Box:
    alternatives: dict[int, list[tuple[Box, Box]]] = {}

    def piece(part: Formula, pieces: Sequence[Piece]) -> Piece:
        if isinstance(part, Choice) and not _is_bracket(part):
            then, condition, otherwise = (box for box, _ in pieces)
            later = alternatives.get(id(part.otherwise)) or [(otherwise, boxes.text("otherwise"))]
            alternatives[id(part)] = [(then, boxes.beside(boxes.text("if "), condition)), *later]
            return boxes.cases(alternatives[id(part)]), CASES
        return _piece(part, pieces)

    return fold(one_fraction(formula), piece)[0]


def _is_bracket(formula: Choice) -> bool:
    return is_number(formula.then, 1) and is_number(formula.otherwise, 0)


def _piece(formula: Formula, parts: Sequence[Piece]) -> Piece:
    match formula:
        case Number(value=value):
            return _number(value)
        case Symbol(name=name):
            return boxes.text(unicode_name(name) if name != ".." else ".."), ATOM
        case Size(axis=axis):
            return boxes.text(f"|{axis}|"), ATOM
        case Element(name=name):
            return _element(name, [box for box, _ in parts]), ATOM
        case Apply(function=function):
            return _apply(function, parts)
        case Chain(first=first, second=second):
            low, middle, high = (_in(part, SUM) for part in parts)
            symbols = (boxes.text(INFIX[first][0]), boxes.text(INFIX[second][0]))
            return boxes.beside(low, symbols[0], middle, symbols[1], high), COMPARE
        case Choice():
            return boxes.bracketed("[", parts[1][0], "]"), ATOM
        case Reduction():
            return _reduction(formula, parts)


def _number(value: Fraction | str) -> Piece:
    if isinstance(value, str):
        return boxes.text(value.replace("inf", "∞").replace("pi", "π").replace("-", "−")), ATOM
    if value < 0:
        return boxes.beside(boxes.text("−"), _number(-value)[0]), NEGATIVE
    text = number_text(value)
    if "/" in text:
        return boxes.fraction(boxes.text(str(value.numerator)), boxes.text(str(value.denominator))), CALL
    return boxes.text(text), ATOM


def _element(name: str, indices: Sequence[Box]) -> Box:
    base = boxes.text(unicode_name(name))
    return base if not indices else boxes.beside(base, boxes.bracketed("[", _listed(indices), "]"))


def _listed(parts: Sequence[Box]) -> Box:
    row: list[Box] = []
    for part in parts:
        row += [boxes.text(", "), part] if row else [part]
    return boxes.beside(*row)


def _in(piece: Piece, level: int) -> Box:
    return piece[0] if piece[1] >= level else boxes.bracketed("(", piece[0], ")")


def _apply(function: str, parts: Sequence[Piece]) -> Piece:
    match function, parts:
        case "mul", (left, right):
            return _product(left, right)
        case "div", ((above, _), (below, _)):
            return boxes.fraction(above, below), CALL
        case "pow", (base, exponent):
            return _power(base, exponent[0]), CALL
        case "exp", ((exponent, _),) if _is_small(exponent):
            return _power((boxes.text("e"), ATOM), exponent), CALL
        case "sqrt", (operand,):
            return boxes.beside(boxes.text("√"), _in(operand, ATOM)), CALL
        case "neg", (operand,):
            return boxes.beside(boxes.text("−"), _in(operand, REDUCTION)), NEGATIVE
        case "not", (operand,):
            return boxes.beside(boxes.text("not "), _in(operand, NOT)), NOT
        case "abs", ((box, _),):
            return boxes.bracketed("|", box, "|"), ATOM
        case "at", ((box, _), (place, _)):
            return boxes.beside(box, boxes.text(" at "), place), COMPARE
        case _, (left, right) if function in INFIX:
            return _infix(function, left, right)
    name = boxes.text(FUNCTIONS.get(function, function))
    return boxes.beside(name, boxes.bracketed("(", _listed([box for box, _ in parts]), ")")), CALL


def _product(left: Piece, right: Piece) -> Piece:
    if left[1] == CASES and right[1] >= PRODUCT:
        left, right = right, left
    first = left[0] if left[1] == NEGATIVE else _in(left, PRODUCT)
    level = NEGATIVE if left[1] == NEGATIVE else REDUCTION if right[1] == REDUCTION else PRODUCT
    return boxes.beside(first, boxes.text("·"), _in(right, REDUCTION)), level


def _is_small(exponent: Box) -> bool:
    return len(exponent.rows) == 1 and exponent.width <= WIDEST_EXPONENT


def _power(base: Piece, exponent: Box) -> Box:
    row = exponent.rows[0]
    if len(exponent.rows) == 1 and row.isdigit() and base[0].base == 0:
        return boxes.beside(_in(base, ATOM), boxes.text(row.translate(SUPERSCRIPTS)))
    return boxes.raised(_in(base, ATOM), exponent)


def _infix(function: str, left: Piece, right: Piece) -> Piece:
    symbol, level = INFIX[function]
    second = _in(right, level if level in (AND, OR) else level + 1)
    if right[1] == NEGATIVE and level == SUM:
        second = boxes.bracketed("(", right[0], ")")
    return boxes.beside(_in(left, SUM if level == COMPARE else level), boxes.text(symbol), second), level


def _reduction(formula: Reduction, parts: Sequence[Piece]) -> Piece:
    body = parts[-1]
    below = ", ".join(unicode_name(b.name) if b.name != ".." else ".." for b in formula.binders)
    if formula.where is not None:
        condition = parts[0][0]
        below += f": {condition.rows[condition.base].strip()}" if len(condition.rows) == 1 else ": ..."
    match formula.op:
        case "sum" | "prod" as op:
            symbol = boxes.under("∑" if op == "sum" else "∏", below)
            return boxes.beside(symbol, boxes.text(" "), _in(body, REDUCTION)), REDUCTION
        case "norm":
            return boxes.beside(boxes.bracketed("‖", body[0], "‖"), boxes.under(" ", below)), ATOM
        case "count":
            return boxes.beside(boxes.text(f"#{{{below}}}")), CALL
        case "logsumexp":
            power = _apply("exp", [body])[0]
            return boxes.beside(boxes.text("log "), boxes.under("∑", below), boxes.text(" "), power), REDUCTION
    symbol = boxes.under(formula.op, below)
    return boxes.beside(symbol, boxes.bracketed("(", body[0], ")")), CALL


# ---------------------------------------------------------------- sheets


def sheet_unicode(sheet: Sheet, left: Box) -> str:
    """The definitions under one another, the last one with `left` on its left."""
    rows = [_element(d.name, [_index(b) for b in d.binders]) for d in sheet.definitions[:-1]]
    pairs = zip([*rows, left], sheet.definitions, strict=True)
    pictures = [boxes.beside(name, boxes.text(" = "), _right(definition)) for name, definition in pairs]
    tall = any(len(picture.rows) > 1 for picture in pictures)
    return ("\n\n" if tall else "\n").join(map(str, pictures))


def _index(binder: Binder) -> Box:
    return boxes.text(unicode_name(binder.name) if binder.name != ".." else "..")


def _right(definition: Definition) -> Box:
    value = expression_box(definition.value)
    if definition.kept is None:
        return value
    return boxes.beside(value, boxes.text("   where "), expression_box(definition.kept))


def loss_left(binders: Sequence[Binder]) -> Box:
    return _element("ℓ", [_index(b) for b in binders]) if binders else boxes.text("L")


def derivative_left(wrt: str, binders: Sequence[Binder]) -> Box:
    return boxes.fraction(boxes.text("∂L"), boxes.beside(boxes.text("∂"), _element(wrt, [_index(b) for b in binders])))
