"""Constants of signatures: default values, and the bounds of domains.

Arithmetic is exact.  Functions, and powers that are no fractions, are worked out to more digits than any
floating-point number has.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from lossdsl.diagnostics import LossError, Span
from lossdsl.diagnostics.types import ConstantTooLarge, DivisionByZero, NotConstant, NoValue
from lossdsl.functions.lazy import mpmath
from lossdsl.functions.row import INF, REAL
from lossdsl.functions.table import SURFACE, TABLE
from lossdsl.meaning.resolution import functions
from lossdsl.meaning.resolution.build import LARGEST_BITS, beyond_floats, fold, is_float
from lossdsl.syntax import tree

Constant = Fraction | Literal["inf", "-inf"]

PI = Fraction("3.14159265358979323846264338327950288419716939937510582097494459")
DIGITS = 60
"""Of the value of a function."""
LARGEST_OPERAND = 10**30
"""Of a function: the digits that its value needs, and so the time that it takes, grow with the operand."""

ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "/": "div", "^": "pow"}


def constant(written: tree.Expr, what: str) -> Constant:
    """The value of a constant expression; `what` says what it is, for the message."""
    match written:
        case tree.Constant(name="inf"):
            return "inf"
        case tree.Unary(op="-", operand=operand):
            value = constant(operand, what)
            if isinstance(value, Fraction):
                return -value
            return "inf" if value == "-inf" else "-inf"
        case tree.Unary(op="+", operand=operand):
            return constant(operand, what)
        case _:
            value = _rational(written, what)
            if not is_float(value):
                raise LossError(beyond_floats(written.span))
            return value


def _rational(written: tree.Expr, what: str) -> Fraction:
    match written:
        case tree.Number(value=value):
            return value
        case tree.Constant(name="pi"):
            return PI
        case tree.Unary(op="-", operand=operand):
            return -_rational(operand, what)
        case tree.Unary(op="+", operand=operand):
            return _rational(operand, what)
        case tree.Unary(op="abs", operand=operand):
            return abs(_rational(operand, what))
        case tree.Unary(op="sqrt", operand=operand):
            return _evaluated("sqrt", [_rational(operand, what)], written.span)
        case tree.Binary(op="+" | "-" | "*" | "/" | "^"):
            return _chain(written, what)
        case tree.Call(function=tree.Name(id=word)) if word in SURFACE - {"stop_gradient"}:
            return _evaluated(word, [_rational(one, what) for one in functions.operands(written)], written.span)
    raise LossError(
        NotConstant(
            written.span,
            f"{what} is a constant: numbers, `pi`, arithmetic and functions of them",
            "write the number, or compute it in the block",
        )
    )


def _chain(written: tree.Binary, what: str) -> Fraction:
    spine: list[tree.Binary] = []
    first: tree.Expr = written
    while isinstance(first, tree.Binary) and first.op in ARITHMETIC:
        spine.append(first)
        first = first.left
    result = _rational(first, what)
    for link in reversed(spine):
        result = _folded(link.op, result, _rational(link.right, what), link.span)
    return result


def _folded(op: str, left: Fraction, right: Fraction, span: Span) -> Fraction:
    if (op == "/" and right == 0) or (op == "^" and left == 0 and right < 0):
        raise LossError(DivisionByZero(span, "this divides by zero", "write `inf`, if infinity is meant"))
    result = fold(ARITHMETIC[op], [left, right])
    if result is None and op == "^" and right.denominator != 1:
        return _evaluated("pow", [left, right], span)
    if result is None:
        raise LossError(
            ConstantTooLarge(span, "this constant has too many digits to be worked out", "write a smaller one")
        )
    return result


def _evaluated(function: str, operands: list[Fraction], span: Span) -> Fraction:
    """The value of a function of the table, to DIGITS digits."""
    if any(abs(one) > LARGEST_OPERAND for one in operands):
        why = f"functions of constants are worked out for numbers up to {float(LARGEST_OPERAND):g}"
        raise LossError(ConstantTooLarge(span, why, "write the number"))
    mp = mpmath()
    with mp.workdps(DIGITS + 20):
        value = TABLE[function].oracle(*(mp.mpf(one.numerator) / one.denominator for one in operands))
        if mp.isnan(value):
            raise LossError(NoValue(span, f"`{span.text}` is not a real number", _domain_hint(function)))
        if mp.isinf(value):
            sign = "-" if value < 0 else ""
            raise LossError(NoValue(span, f"`{span.text}` is infinite", f"write `{sign}inf`, if infinity is meant"))
        if value and abs(mp.mag(value)) > LARGEST_BITS:
            raise LossError(beyond_floats(span))
        return Fraction(mp.nstr(value, DIGITS))


def _domain_hint(function: str) -> str | None:
    if function == "pow":
        return "a negative number has whole powers only"
    (low, high), *others = TABLE[function].domain
    if others or (low, high) == REAL:
        return None
    bounds = f"from {low:g} to {high:g}" if high < INF else f"of at least {low:g}"
    return f"`{function}` takes numbers {bounds}"


def show(value: Constant | str) -> str:
    """As a reader would write it."""
    if isinstance(value, str):
        return value
    if value.denominator == 1:
        return str(value.numerator)
    decimal = f"{float(value):.12g}"
    return decimal if Fraction(decimal) == value else f"{value.numerator}/{value.denominator}"
