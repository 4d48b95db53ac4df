"""Constants of signatures, worked out exactly: default values, and the bounds of domains."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from lossdsl.diagnostics import LossError, Span
from lossdsl.diagnostics.types import ConstantTooLarge, DivisionByZero, NotConstant
from lossdsl.meaning.resolution.build import fold
from lossdsl.syntax import tree

Constant = Fraction | Literal["inf", "-inf"]

PI = Fraction("3.14159265358979323846264338327950288419716939937510582097494459")
FUNCTIONS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "^": "pow"}


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
            return _rational(written, what)


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
        case tree.Binary(op="+" | "-" | "*" | "/" | "^"):
            return _chain(written, what)
    raise LossError(
        NotConstant(
            written.span,
            f"{what} is a constant: numbers, `pi`, and `+ - * / ^` of them",
            "write the number, or compute it in the block",
        )
    )


def _chain(written: tree.Binary, what: str) -> Fraction:
    spine: list[tree.Binary] = []
    first: tree.Expr = written
    while isinstance(first, tree.Binary) and first.op in FUNCTIONS:
        spine.append(first)
        first = first.left
    result = _rational(first, what)
    for link in reversed(spine):
        result = _folded(link.op, result, _rational(link.right, what), link.span)
    return result


def _folded(op: str, left: Fraction, right: Fraction, span: Span) -> Fraction:
    if (op == "/" and right == 0) or (op == "^" and left == 0 and right < 0):
        raise LossError(DivisionByZero(span, "this divides by zero", "write `inf`, if infinity is meant"))
    result = fold(FUNCTIONS[op], [left, right])
    if result is None and op == "^" and right.denominator != 1:
        raise LossError(
            NotConstant(span, "a constant is worked out exactly, and a root is not a fraction", "write the number")
        )
    if result is None:
        raise LossError(
            ConstantTooLarge(span, "this constant has too many digits to be worked out", "write a smaller one")
        )
    return result


def show(value: Constant | str) -> str:
    """As a reader would write it."""
    if isinstance(value, str):
        return value
    if value.denominator == 1:
        return str(value.numerator)
    decimal = f"{float(value):.12g}"
    return decimal if Fraction(decimal) == value else f"{value.numerator}/{value.denominator}"
