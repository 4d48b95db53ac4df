"""Partial derivatives of any row: the stated ones, or else what SymPy derives from the row's definition.

SymPy's result is converted node by node to the vocabulary that stated derivatives are written in, so that the
compiler can not tell one from the other.  Each is closed: it contains functions of the table only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from lossdsl.functions.lazy import sympy
from lossdsl.functions.table import TABLE

Partials = Callable[..., tuple[Any, ...]]
"""As `Function.derivative`: (o, x, y, ...) -> one partial derivative per argument."""


class NotInTable(LookupError):
    """A derivative contains something that no function of the table stands for; the row must state its own."""


@functools.cache
def partials(name: str, arguments: int) -> Partials:
    """The partial derivatives of the function of that name, called with that many arguments."""
    row = TABLE[name]
    if row.arity is not None and row.arity != arguments:
        raise ValueError(f"{name} takes {row.arity} arguments, not {arguments}")
    return row.derivative or derive(name, arguments)


@functools.cache
def derive(name: str, arguments: int) -> Partials:
    """What SymPy derives, whether or not the row states a derivative."""
    sp = sympy()
    symbols = sp.symbols(f"x:{arguments}", real=True)
    value = TABLE[name].sympy(*symbols)
    derivatives = [sp.diff(value, symbol) for symbol in symbols]

    def derived(o: Any, *args: Any) -> tuple[Any, ...]:
        known = dict(zip(symbols, args, strict=True))
        return tuple(convert(derivative, o, known) for derivative in derivatives)

    derived(_Probe(), *(_Probe() for _ in symbols))
    return derived


def convert(expression: Any, o: Any, known: Mapping[Any, Any]) -> Any:
    """A SymPy expression in the vocabulary `o`, with the given values of its symbols."""
    sp = sympy()

    def go(node: Any) -> Any:
        return convert(node, o, known)

    if expression in known:
        return known[expression]
    match expression:
        case sp.Rational():
            return _number(Fraction(int(expression.p), int(expression.q)))
        case sp.pi:
            return o.pi
        case sp.E:
            return o.exp(1)
        case sp.Add():
            return functools.reduce(lambda a, b: a + b, map(go, expression.args))
        case sp.Mul():
            return _product(expression, go)
        case sp.Pow():
            return _power(expression, o, go)
        case sp.Piecewise():
            return _cases(expression, o, go)
        case sp.DiracDelta() | sp.Derivative(expr=sp.floor()) | sp.Subs(expr=sp.Derivative(expr=sp.floor())):
            # the derivative of a step is 0, at the step by convention
            return 0
        case sp.And() | sp.Or():
            join = o.both if isinstance(expression, sp.And) else o.either
            return functools.reduce(join, map(go, expression.args))
        case sp.ITE():
            condition, then, otherwise = expression.args
            return o.either(o.both(go(condition), go(then)), o.both(go(sp.Not(condition)), go(otherwise)))
        case sp.polygamma():
            order, argument = expression.args
            return o.digamma(go(argument)) if order == 0 else o.polygamma(int(order), go(argument))
        case _:
            return getattr(o, _name(expression))(*map(go, expression.args))


def _name(expression: Any) -> str:
    """The function of the table that a SymPy function stands for."""
    sp = sympy()
    names = {
        sp.exp: "exp", sp.log: "log", sp.sin: "sin", sp.cos: "cos", sp.tan: "tan", sp.asin: "asin", sp.acos: "acos",
        sp.atan: "atan", sp.atan2: "atan2", sp.sinh: "sinh", sp.cosh: "cosh", sp.tanh: "tanh", sp.erf: "erf",
        sp.erfc: "erfc", sp.Abs: "abs", sp.sign: "sign", sp.floor: "floor", sp.Max: "max", sp.Min: "min",
        sp.StrictLessThan: "lt", sp.LessThan: "le", sp.StrictGreaterThan: "gt", sp.GreaterThan: "ge",
        sp.Equality: "eq", sp.loggamma: "lgamma",
    }  # fmt: skip
    name = names.get(expression.func)
    if name is None:
        raise NotInTable(f"no function of the table stands for {expression.func.__name__} in {expression}")
    return name


def _number(value: Fraction) -> int | Fraction:
    return value.numerator if value.denominator == 1 else value


def _product(expression: Any, go: Callable[[Any], Any]) -> Any:
    """A quotient of products, so that 1/x stays a division."""
    numerator, denominator = expression.as_numer_denom()
    if denominator == 1:
        return functools.reduce(lambda a, b: a * b, map(go, expression.args))
    return go(numerator) / go(denominator)


def _power(expression: Any, o: Any, go: Callable[[Any], Any]) -> Any:
    base, exponent = expression.base, expression.exp
    if exponent.is_number and exponent.is_negative:
        return 1 / go(base**-exponent)
    if exponent == sympy().Rational(1, 2):
        return o.sqrt(go(base))
    return go(base) ** go(exponent)


def _cases(expression: Any, o: Any, go: Callable[[Any], Any]) -> Any:
    """Nested conditionals; the last condition of a total function is True."""
    *cases, (value, last) = expression.args
    if last != sympy().true:
        raise NotInTable(f"{expression} is not defined everywhere")
    converted = go(value)
    for case, condition in reversed(cases):
        converted = o.where(go(condition), go(case), converted)
    return converted


class _Probe:
    """A vocabulary and a value that takes everything: converting once with it shows what can not be converted."""

    @property
    def pi(self) -> _Probe:
        return self

    def __getattr__(self, name: str) -> Callable[..., _Probe]:
        return lambda *args: self

    def _same(self, *others: Any) -> _Probe:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _same
    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = _same
