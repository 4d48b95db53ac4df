"""Formulas in MathML Core, which browsers draw themselves: no script, no fonts from elsewhere.

The same tree, the same brackets and the same names as in LaTeX.  Products and applications of functions carry the
invisible operators that screen readers speak.  No element has a `style`: pages that forbid it show the same.
"""

from __future__ import annotations

import re
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
from lossdsl.display.latex import (
    AND,
    ATOM,
    CALL,
    CASES,
    COMPARE,
    DECIMAL_FROM,
    NEGATIVE,
    NOT,
    OR,
    PRODUCT,
    REDUCTION,
    SUM,
)
from lossdsl.display.mathml_lines import lines_of
from lossdsl.display.mathml_notation import (
    COMMA,
    DOT,
    THIN,
    TIMES,
    fenced,
    index_mathml,
    named,
    notation_mathml,
    place,
    row,
    word,
)
from lossdsl.display.notation import size_name
from lossdsl.display.text import number_text
from lossdsl.functions.table import TABLE
from lossdsl.meaning import core

Piece = tuple[str, int]
"""MathML, of any number of elements, and how tightly its outermost operation binds."""

INFIX = {
    "add": ("+", SUM), "sub": ("−", SUM), "lt": ("&lt;", COMPARE), "le": ("≤", COMPARE), "gt": ("&gt;", COMPARE),
    "ge": ("≥", COMPARE), "eq": ("=", COMPARE), "ne": ("≠", COMPARE), "and": ("∧", AND), "or": ("∨", OR),
}  # fmt: skip
SIGNS = {"sum": "∑", "prod": "∏"}
WORDS = {"argmax": "arg max", "argmin": "arg min", "log_softmax": "log softmax"}
MINUS, NEGATION = "<mo>−</mo>", '<mo form="prefix">−</mo>'
"""Between two terms, and before one: the second has no space behind it."""
SEVERAL_LETTERS = re.compile(r"<mi>[^<]{2,}</mi>")


class Printer:
    def __init__(self, sheet: Sheet) -> None:
        self.taken = set(sheet.axes)
        """Names that mean something else than the length of an axis."""
        self.alternatives: dict[int, str] = {}
        """Of conditionals that are written as cases, their lines."""

    def piece(self, formula: Formula) -> Piece:
        return fold(formula, self._piece)

    def _piece(self, formula: Formula, parts: Sequence[Piece]) -> Piece:
        match formula:
            case Number(value=value):
                return _number(value)
            case Symbol(name=name):
                return index_mathml(name), ATOM
            case Size(axis=axis):
                return self._size(axis), ATOM
            case Element(name=name):
                return named(name, [text for text, _ in parts]), ATOM
            case Apply(function=function):
                return _apply(function, parts)
            case Chain(first=first, second=second):
                low, middle, high = (_in(part, SUM) for part in parts)
                return f"{low}{_sign(first)}{middle}{_sign(second)}{high}", COMPARE
            case Choice():
                return self._choice(formula, parts)
            case Reduction():
                return self._reduction(formula, parts)

    def _size(self, axis: str) -> str:
        letter = size_name(axis, self.taken)
        return f"<mi>{letter}</mi>" if letter else fenced("|", index_mathml(axis), "|")

    def _choice(self, formula: Choice, parts: Sequence[Piece]) -> Piece:
        (then, _), (condition, _), (otherwise, _) = parts
        if is_number(formula.then, 1) and is_number(formula.otherwise, 0):
            return f'<mi mathvariant="normal">𝟙</mi>{fenced("[", condition, "]")}', CALL
        later = self.alternatives.get(id(formula.otherwise)) or _case(otherwise, "<mtext>otherwise</mtext>")
        lines = _case(then, f"<mtext>if&#xA0;</mtext>{condition}") + later
        self.alternatives[id(formula)] = lines
        return f'<mrow><mo>{{</mo><mtable class="cases" columnalign="left left">{lines}</mtable></mrow>', CASES

    # ------------------------------------------------------------ reductions

    def _reduction(self, formula: Reduction, parts: Sequence[Piece]) -> Piece:
        where = parts[0][0] if formula.where is not None else ""
        below, body = _below(formula.binders, where), parts[-1]
        match formula.op:
            case "count":
                return f"<mi>#</mi>{fenced('{', below, '}')}", CALL
            case "norm":
                return f"<msub>{fenced('‖', body[0], '‖')}{row(below)}</msub>", ATOM
            case "logsumexp":
                power = f"<msup><mi>e</mi>{row(body[0])}</msup>"
                return f"<mi>log</mi>{THIN}{_under('<mo>∑</mo>', below)}{power}", REDUCTION
            case "softmax" | "log_softmax" | "cumsum" as op:
                return f"<msub>{word(WORDS.get(op, op))}{row(below)}</msub>{fenced('(', body[0], ')')}", CALL
            case "any" | "all" as op:
                quantifier = f"<mo>{'∃' if op == 'any' else '∀'}</mo>"
                return f"{quantifier}{below}<mo>:</mo>{_in(body, COMPARE)}", NOT
            case "mean" if not where and (number := self._number_of_terms(formula.binders)) is not None:
                mean = f"<mfrac><mn>1</mn>{row(number)}</mfrac>{_under('<mo>∑</mo>', below)}"
                return mean + _in(body, REDUCTION), REDUCTION
        return _under(_operator(formula.op), below) + _in(body, REDUCTION), REDUCTION

    def _number_of_terms(self, binders: Sequence[Binder]) -> str | None:
        """The product of the lengths of whole axes."""
        if any(b.low != core.ZERO or b.high.op not in ("size", "const") for b in binders):
            return None
        factors = [self._size(b.high.name) if b.high.op == "size" else f"<mn>{b.high.value}</mn>" for b in binders]
        return (DOT if any(f.startswith("<mn>") for f in factors) else TIMES).join(factors)


def _under(operator: str, below: str) -> str:
    return f"<munder>{operator}{row(below)}</munder>"


def _operator(op: str) -> str:
    if op in SIGNS:
        return f"<mo>{SIGNS[op]}</mo>"
    return f'<mo movablelimits="true" form="prefix" lspace="0" rspace="0.1667em">{WORDS.get(op, op)}</mo>'


def _below(binders: Sequence[Binder], where: str) -> str:
    names = COMMA.join(index_mathml(b.name) for b in binders)
    return f"{names}<mo>:</mo>{where}" if where else names


def _case(value: str, condition: str) -> str:
    return f"<mtr><mtd>{value}</mtd><mtd>{condition}</mtd></mtr>"


def _sign(function: str) -> str:
    return f"<mo>{INFIX[function][0]}</mo>"


def _number(value: Fraction | str) -> Piece:
    match value:
        case "inf":
            return "<mi>∞</mi>", ATOM
        case "-inf":
            return f"{NEGATION}<mi>∞</mi>", NEGATIVE
        case "pi":
            return "<mi>π</mi>", ATOM
    assert isinstance(value, Fraction)
    if value < 0:
        return NEGATION + _number(-value)[0], NEGATIVE
    text = number_text(value)
    if value.denominator > 1 and ((value.denominator < DECIMAL_FROM and value.denominator % 10) or "/" in text):
        return f"<mfrac><mn>{value.numerator}</mn><mn>{value.denominator}</mn></mfrac>", CALL
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return f"<mn>{text}</mn>", ATOM
    power = f"<msup><mn>10</mn>{row(_number(Fraction(exponent))[0])}</msup>"
    return power if mantissa == "1" else f"<mn>{mantissa}</mn>{DOT}{power}", PRODUCT


def _in(piece: Piece, level: int) -> str:
    return piece[0] if piece[1] >= level else fenced("(", piece[0], ")")


def _apply(function: str, parts: Sequence[Piece]) -> Piece:
    match function, parts:
        case "mul", (left, right):
            return _product(left, right)
        case "div", ((above, _), (below, _)):
            return f"<mfrac>{row(above)}{row(below)}</mfrac>", CALL
        case "pow", (base, (exponent, _)):
            return _power(base, row(exponent)), CALL
        case "exp", ((exponent, _),):
            return f"<msup><mi>e</mi>{row(exponent)}</msup>", CALL
        case "neg", (operand,):
            return NEGATION + _in(operand, REDUCTION), NEGATIVE
        case "not", (operand,):
            return f"<mo>¬</mo>{_in(operand, NOT)}", NOT
        case "mod", (left, right):
            return f"{_in(left, PRODUCT)}<mo>mod</mo>{_in(right, PRODUCT)}", PRODUCT
        case "sign", ((text, _),):
            return f"<mi>sgn</mi><mo>&#x2061;</mo>{fenced('(', text, ')')}", CALL
        case "at", ((text, _), (where, _)):
            return f"<msub><mrow>{text}<mo>|</mo></mrow>{row(where)}</msub>", ATOM
        case _, (left, right) if function in INFIX:
            return _infix(function, left, right)
    arguments = [row(text) for text, _ in parts]
    written = TABLE[function].text("latex", [place(k) for k in range(len(parts))])
    return notation_mathml(written, arguments), ATOM if function in ("abs", "sqrt") else CALL


def _power(base: Piece, exponent: str) -> str:
    """The exponent of an entry stands above its index, not behind it."""
    text = _in(base, ATOM)
    if text.startswith("<msub>"):
        return f"<msubsup>{text.removeprefix('<msub>').removesuffix('</msub>')}{exponent}</msubsup>"
    return f"<msup>{row(text)}{exponent}</msup>"


def _product(left: Piece, right: Piece) -> Piece:
    """A conditional stands last, where nothing can be taken for a part of it."""
    if left[1] == CASES and right[1] >= PRODUCT:
        left, right = right, left
    first = left[0] if left[1] == NEGATIVE else _in(left, PRODUCT)
    second = _in(right, REDUCTION)
    level = NEGATIVE if left[1] == NEGATIVE else REDUCTION if right[1] == REDUCTION else PRODUCT
    return f"{first}{DOT if second.startswith('<mn>') else _times(first, second)}{second}", level


def _times(first: str, second: str) -> str:
    """A thin space beside names of several letters, which would run into each other."""
    return TIMES + THIN if SEVERAL_LETTERS.search(first) or SEVERAL_LETTERS.search(second) else TIMES


def _infix(function: str, left: Piece, right: Piece) -> Piece:
    sign, level = _sign(function), INFIX[function][1]
    if function == "add" and right[1] == NEGATIVE and right[0].startswith(NEGATION):
        sign, right = MINUS, (right[0][len(NEGATION) :], PRODUCT)
    second = _in(right, level if level in (AND, OR) else level + 1)
    if right[1] == NEGATIVE and level == SUM:
        second = fenced("(", right[0], ")")
    return f"{_in(left, SUM if level == COMPARE else level)}{sign}{second}", level


# ---------------------------------------------------------------- sheets


def sheet_mathml(sheet: Sheet, left: str) -> str:
    """The definitions, one a line, the last one with `left` on its left: one `math` element, as a block.

    A long sum takes several lines.
    """
    printer = Printer(sheet)
    names = [named(d.name, [index_mathml(b.name) for b in d.binders]) for d in sheet.definitions[:-1]]
    lines = [(name, _right(printer, d)) for name, d in zip([*names, left], sheet.definitions, strict=True)]
    if len(lines) == len(lines[0][1]) == 1:
        body = f"{lines[0][0]}<mo>=</mo>{lines[0][1][0]}"
    else:
        rows = "".join(_line(name, first) + "".join(map(_further, more)) for name, (first, *more) in lines)
        body = f'<mtable class="aligned" displaystyle="true" columnalign="right left">{rows}</mtable>'
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">{body}</math>'


def _line(name: str, right: str) -> str:
    return f"<mtr><mtd>{name}</mtd><mtd><mo>=</mo>{right}</mtd></mtr>"


def _further(right: str) -> str:
    return f"<mtr><mtd></mtd><mtd>{right}</mtd></mtr>"


def _right(printer: Printer, definition: Definition) -> list[str]:
    """The lines of the right side."""
    value, level = printer.piece(one_fraction(definition.value))
    lines = lines_of(value) if level == SUM else [value]
    if definition.kept is not None:
        lines[-1] += f"<mtext>&#x2003;where&#xA0;</mtext>{printer.piece(definition.kept)[0]}"
    return lines


def element_left(binders: Sequence[Binder]) -> str:
    """The loss itself: of the elements, or the whole."""
    if not binders:
        return LOSS
    return f"<msub><mi>ℓ</mi>{row(COMMA.join(index_mathml(b.name) for b in binders))}</msub>"


def derivative_left(wrt: str, binders: Sequence[Binder]) -> str:
    entry = named(wrt, [index_mathml(b.name) for b in binders])
    return f"<mfrac><mrow><mo>∂</mo>{LOSS}</mrow><mrow><mo>∂</mo>{entry}</mrow></mfrac>"


LOSS = "<mi>ℒ</mi>"
