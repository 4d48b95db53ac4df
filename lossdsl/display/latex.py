"""Formulas in LaTeX, in the commands that KaTeX and MathJax know."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

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
from lossdsl.display.notation import latex_name, size_name
from lossdsl.display.text import number_text
from lossdsl.functions.table import TABLE
from lossdsl.meaning import core

Piece = tuple[str, int]
"""LaTeX and how tightly its outermost operation binds."""

OR, AND, NOT, COMPARE, SUM, NEGATIVE, REDUCTION, CASES, PRODUCT, CALL, ATOM = (
    20,
    30,
    35,
    40,
    50,
    52,
    55,
    58,
    60,
    90,
    100,
)
INFIX = {
    "add": (" + ", SUM), "sub": (" - ", SUM), "lt": (" < ", COMPARE), "le": (" \\le ", COMPARE),
    "gt": (" > ", COMPARE), "ge": (" \\ge ", COMPARE), "eq": (" = ", COMPARE), "ne": (" \\ne ", COMPARE),
    "and": (" \\land ", AND), "or": (" \\lor ", OR),
}  # fmt: skip
OPERATORS = {
    "sum": "\\sum", "prod": "\\prod", "max": "\\max", "min": "\\min", "argmax": "\\operatorname*{arg\\,max}",
    "argmin": "\\operatorname*{arg\\,min}", "mean": "\\operatorname*{mean}", "any": "\\exists", "all": "\\forall",
    "softmax": "\\operatorname{softmax}", "log_softmax": "\\operatorname{log\\,softmax}",
    "cumsum": "\\operatorname{cumsum}",
}  # fmt: skip
POWERED = ("\\sigma\\left(", "\\Phi\\left(", "\\operatorname{softmax}_")
"""Functions whose value takes an exponent without further brackets."""
DECIMAL_FROM = 20
"""Fractions with a larger denominator are written as decimals where they end."""


class Printer:
    def __init__(self, sheet: Sheet) -> None:
        self.taken = set(sheet.axes)
        """Names that mean something else than the length of an axis."""

    def text(self, formula: Formula) -> str:
        return self.piece(formula)[0]

    def piece(self, formula: Formula) -> Piece:
        return fold(formula, self._piece)

    def _piece(self, formula: Formula, parts: Sequence[Piece]) -> Piece:
        match formula:
            case Number(value=value):
                return _number(value)
            case Symbol(name=name):
                return _index(name), ATOM
            case Size(axis=axis):
                return self.size(axis), ATOM
            case Element(name=name):
                return subscripted(name, [text for text, _ in parts]), ATOM
            case Apply(function=function):
                return _apply(function, parts)
            case Chain(first=first, second=second):
                low, middle, high = (_in(part, SUM) for part in parts)
                return f"{low}{INFIX[first][0]}{middle}{INFIX[second][0]}{high}", COMPARE
            case Choice():
                return _choice(formula, parts)
            case Reduction():
                return self._reduction(formula, parts)

    def size(self, axis: str) -> str:
        return size_name(axis, self.taken) or f"\\left|{_index(axis)}\\right|"

    # ------------------------------------------------------------ reductions

    def _reduction(self, formula: Reduction, parts: Sequence[Piece]) -> Piece:
        where = parts[0][0] if formula.where is not None else None
        below, body = _below(formula.binders, where), parts[-1]
        match formula.op:
            case "count":
                return f"\\#\\left\\{{{below}\\right\\}}", CALL
            case "norm":
                return f"\\left\\lVert {body[0]} \\right\\rVert_{{{below}}}", ATOM
            case "logsumexp":
                return f"\\log \\sum_{{{below}}} e^{{{body[0]}}}", REDUCTION
            case "softmax" | "log_softmax" | "cumsum" as op:
                return f"{OPERATORS[op]}_{{{below}}}\\left({body[0]}\\right)", CALL
            case "any" | "all" as op:
                return f"{OPERATORS[op]}\\, {below} : {_in(body, COMPARE)}", NOT
            case "mean" if where is None and (number := self._number_of_terms(formula.binders)) is not None:
                return f"\\frac{{1}}{{{number}}} \\sum_{{{below}}} {_in(body, REDUCTION)}", REDUCTION
        return f"{OPERATORS[formula.op]}_{{{below}}} {_in(body, REDUCTION)}", REDUCTION

    def _number_of_terms(self, binders: Sequence[Binder]) -> str | None:
        """The product of the lengths of whole axes."""
        if any(b.low != core.ZERO or b.high.op not in ("size", "const") for b in binders):
            return None
        factors = [self.size(b.high.name) if b.high.op == "size" else str(b.high.value) for b in binders]
        return " \\cdot ".join(factors) if any(f.isdigit() for f in factors) else " ".join(factors)


def subscripted(name: str, indices: Sequence[str]) -> str:
    base, below = latex_name(name)
    subscript = ", ".join([*([below] if below else []), *indices])
    return f"{base}_{{{subscript}}}" if subscript else base


def _index(name: str) -> str:
    return "\\cdot" if name == ".." else subscripted(name, [])


def _below(binders: Sequence[Binder], where: str | None) -> str:
    names = ", ".join(_index(b.name) for b in binders)
    return names if where is None else f"{names} \\,:\\, {where}"


def _number(value: Fraction | str) -> Piece:
    match value:
        case "inf":
            return "\\infty", ATOM
        case "-inf":
            return "-\\infty", NEGATIVE
        case "pi":
            return "\\pi", ATOM
    assert isinstance(value, Fraction)
    if value < 0:
        return "-" + _number(-value)[0], NEGATIVE
    text = number_text(value)
    if value.denominator > 1 and ((value.denominator < DECIMAL_FROM and value.denominator % 10) or "/" in text):
        return f"\\frac{{{value.numerator}}}{{{value.denominator}}}", CALL
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        power = f"10^{{{int(exponent)}}}"
        return (power, PRODUCT) if mantissa == "1" else (f"{mantissa} \\cdot {power}", PRODUCT)
    return text, ATOM


def _in(piece: Piece, level: int) -> str:
    return piece[0] if piece[1] >= level else f"\\left({piece[0]}\\right)"


def _apply(function: str, parts: Sequence[Piece]) -> Piece:
    match function, parts:
        case "mul", (left, right):
            return _product(left, right)
        case "div", ((above, _), (below, _)):
            return f"\\frac{{{above}}}{{{below}}}", CALL
        case "pow", (base, (exponent, _)):
            plain = base[0].startswith(POWERED) and base[0].count("\\left(") == 1
            return f"{base[0] if plain else _in(base, ATOM)}^{{{exponent}}}", CALL
        case "exp", ((exponent, _),):
            return f"e^{{{exponent}}}", CALL
        case "sqrt", ((text, _),):
            return f"\\sqrt{{{text}}}", ATOM
        case "neg", (operand,):
            return "-" + _in(operand, REDUCTION), NEGATIVE
        case "not", (operand,):
            return "\\lnot " + _in(operand, NOT), NOT
        case "mod", (left, right):
            return f"{_in(left, PRODUCT)} \\bmod {_in(right, PRODUCT)}", PRODUCT
        case "sign", ((text, _),):
            return f"\\operatorname{{sgn}}\\left({text}\\right)", CALL
        case "at", ((text, _), (place, _)):
            return f"\\left. {text} \\right|_{{{place}}}", ATOM
        case _, (left, right) if function in INFIX:
            return _infix(function, left, right)
    return TABLE[function].text("latex", [text for text, _ in parts]), CALL if function != "abs" else ATOM


def _product(left: Piece, right: Piece) -> Piece:
    """A conditional stands last, where nothing can be taken for a part of it."""
    if left[1] == CASES and right[1] >= PRODUCT:
        left, right = right, left
    first = left[0] if left[1] == NEGATIVE else _in(left, PRODUCT)
    second = _in(right, REDUCTION)
    between = " "
    if second[0].isdigit():
        between = " \\cdot "
    elif "\\mathrm" in first or "\\mathrm" in second:
        between = " \\, "
    level = NEGATIVE if left[1] == NEGATIVE else REDUCTION if right[1] == REDUCTION else PRODUCT
    return f"{first}{between}{second}", level


def _infix(function: str, left: Piece, right: Piece) -> Piece:
    symbol, level = INFIX[function]
    if function == "add" and right[1] == NEGATIVE:
        symbol, right = " - ", (right[0][1:], PRODUCT)
    second = _in(right, level + 1 if level != AND and level != OR else level)
    if right[1] == NEGATIVE and level == SUM:
        second = f"\\left({right[0]}\\right)"
    return f"{_in(left, level if level != COMPARE else SUM)}{symbol}{second}", level


def _choice(formula: Choice, parts: Sequence[Piece]) -> Piece:
    then, condition, otherwise = parts
    if is_number(formula.then, 1) and is_number(formula.otherwise, 0):
        return f"\\mathbb{{1}}\\left[{condition[0]}\\right]", CALL
    case = f"{then[0]} & \\text{{if }} {condition[0]} \\\\ "
    if otherwise[0].startswith(BEGIN) and otherwise[0].endswith(END) and isinstance(formula.otherwise, Choice):
        return f"{BEGIN} {case}{otherwise[0][len(BEGIN) + 1 :]}", CASES
    return f"{BEGIN} {case}{otherwise[0]} & \\text{{otherwise}} {END}", CASES


BEGIN, END = "\\begin{cases}", "\\end{cases}"


# ---------------------------------------------------------------- sheets


def sheet_latex(sheet: Sheet, left: str) -> str:
    """The definitions, one a line, the last one with `left` on its left."""
    printer = Printer(sheet)
    lines = [(subscripted(d.name, [_index(b.name) for b in d.binders]), d) for d in sheet.definitions[:-1]]
    rows = [f"{name} &= {_right(printer, d)}" for name, d in [*lines, (left, sheet.result)]]
    if len(rows) == 1:
        return rows[0].replace(" &= ", " = ", 1)
    body = " \\\\\n".join(rows)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _right(printer: Printer, definition: Definition) -> str:
    value = printer.text(one_fraction(definition.value))
    if definition.kept is None:
        return value
    return f"{value} \\quad \\text{{where }} {printer.text(definition.kept)}"


def subscripted_by(symbol: str, binders: Sequence[Binder]) -> str:
    return f"{symbol}_{{{', '.join(_index(b.name) for b in binders)}}}"


def derivative_left(loss: str, wrt: str, indices: Sequence[str]) -> str:
    return f"\\frac{{\\partial {loss}}}{{\\partial {subscripted(wrt, [_index(i) for i in indices])}}}"


LOSS = "\\mathcal{L}"
ELEMENT = "\\ell"
