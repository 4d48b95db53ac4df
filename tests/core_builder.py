"""Checked programs written by hand, for tests that must not depend on the parser and the resolver."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from lossdsl.diagnostics import Source, Span
from lossdsl.meaning import core
from lossdsl.meaning.core import Arg, Expr, Extent, Let, Program, Var

SPAN = Span(Source("<built by hand>", "loss"), 0, 4)

Operand = Expr | Var | Arg | Let | int | float | str


def size(name: str) -> Extent:
    return Extent("size", name=name)


def const(value: int) -> Extent:
    return Extent("const", value=value)


def arg(name: str, *axes: str | int, role: str = "prediction", default=None, whole: bool = False) -> Arg:
    extents = tuple(size(axis) if isinstance(axis, str) else const(axis) for axis in axes)
    return Arg(name, role, extents, (), default, whole, SPAN)


def var(name: str, high: str | int | Extent, low: int = 0) -> Var:
    extent = high if isinstance(high, Extent) else size(high) if isinstance(high, str) else const(high)
    return Var(name, SPAN, const(low), extent)


def node(operand: Operand) -> Expr:
    """A node as it is; a variable as its index, a scalar array as its read, a number or "inf"/"pi" as a constant."""
    match operand:
        case Var():
            return core.Index(SPAN, operand)
        case Arg() | Let():
            return read(operand)
        case int() | float():
            return core.Num(SPAN, Fraction(operand))
        case str():
            return core.Num(SPAN, operand)
    return operand


def read(array: Arg | Let, *indices: Operand, safe: bool = True) -> core.Read:
    return core.Read(SPAN, array, tuple(map(node, indices)), safe)


def apply(function: str, *args: Operand) -> core.Apply:
    return core.Apply(SPAN, function, tuple(map(node, args)))


def cond(condition: Expr, then: Operand, otherwise: Operand) -> core.If:
    return core.If(SPAN, condition, node(then), node(otherwise))


def iverson(condition: Expr) -> core.If:
    return cond(condition, 1, 0)


def reduce(op: str, variables: Var | tuple[Var, ...], body: Operand, where: Expr | None = None) -> core.Reduce:
    return core.Reduce(SPAN, op, variables if isinstance(variables, tuple) else (variables,), where, node(body))


def along(op: str, variable: Var, body: Operand, at: Operand, where: Expr | None = None) -> core.Along:
    return core.Along(SPAN, op, variable, where, node(body), node(at))


def let(name: str, variables: tuple[Var, ...], expr: Operand, kind="real", role="local") -> Let:
    return Let(name, variables, node(expr), kind, role, SPAN)


def program(
    args: tuple[Arg, ...],
    element: Operand,
    *,
    lets: tuple[Let, ...] = (),
    free: tuple[Var, ...] = (),
    mask: Expr | None = None,
    reduction: Literal["mean", "sum"] | None = None,
    checks: tuple[core.SizeCheck, ...] = (),
) -> Program:
    return Program("built", "", args, lets, free, node(element), mask, reduction, checks, "", SPAN)
