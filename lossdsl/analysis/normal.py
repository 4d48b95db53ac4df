"""Expressions of one variable over one denominator and factored, in x and in t = exp(c*x)."""

from __future__ import annotations

from typing import Any

from lossdsl.analysis.numbers import LARGEST, Undecided, t, x
from lossdsl.functions.lazy import sympy

HIGHEST = 12
"""The highest power of t, or of a root, that is worked on as a polynomial."""
SMALL_ROOT = 4
LONGEST_POWER = 64
"""The highest power in a sum, or of a sum, that is worked on."""


def in_exponential(expression: Any) -> tuple[Any, Any]:
    """The expression in t = exp(c*x), with c; (itself, None) where it has no exponential of an affine argument."""
    sp = sympy()
    rates, found = [], {}
    for power in expression.atoms(sp.exp):
        if not power.args[0].has(x()) or not power.args[0].is_polynomial(x()) or _is_high(power.args[0]):
            continue
        argument = sp.expand(power.args[0])
        slope = argument.coeff(x(), 1)
        rest = argument - slope * x()
        if rest.has(x()) or not slope.is_Rational:
            continue
        rates.append(slope)
        found[power] = (slope, rest)
    if not rates:
        return expression, None
    rate = sp.gcd_list([abs(r) for r in rates])
    if max(abs(r) for r in rates) > HIGHEST * rate:
        return expression, None
    return expression.xreplace({p: t() ** (s / rate) * sp.exp(r) for p, (s, r) in found.items()}), rate


def normal(expression: Any) -> tuple[Any, Any]:
    """Over one denominator and factored, in x and t = exp(c*x); with c, or None."""
    sp = sympy()
    if sp.count_ops(expression) > LARGEST:
        raise Undecided("a formula too long to be worked on")
    inside, rate = in_exponential(expression)
    if _is_high(inside):
        raise Undecided("a polynomial of too high a degree")
    hidden = {part: sp.Dummy(positive=True) for part in inside.atoms(sp.exp, sp.Pow) if _is_opaque(part)}
    together = sp.together(inside.xreplace(hidden))
    shown = {symbol: part for part, symbol in hidden.items()}
    try:
        return sp.factor(together).xreplace(shown), rate
    except sp.PolynomialError:
        return together.xreplace(shown), rate


def _is_high(expression: Any) -> bool:
    """Whether a sum would have to be factored that is a polynomial of a high degree, or raised to a high power."""
    sp = sympy()
    high = [p for p in expression.atoms(sp.Pow) if p.exp.is_Integer and abs(p.exp) > LONGEST_POWER and p.has(x(), t())]
    return any(p.base.is_Add for p in high) or any(each.has(*high) for each in expression.atoms(sp.Add) if high)


def _is_opaque(part: Any) -> bool:
    """Whether a power is one symbol for factoring: as a power of a root of itself it would have a huge degree."""
    if not part.has(x()):
        return False
    if part.func is sympy().exp or not part.exp.is_Rational:
        return True
    return bool(part.exp.q > SMALL_ROOT or (part.exp.q > 1 and abs(part.exp.p) > HIGHEST))


def back(expression: Any, rate: Any) -> Any:
    """t as an exponential again."""
    return expression if rate is None else expression.xreplace({t(): sympy().exp(rate * x())})


def tidy(expression: Any) -> Any:
    """An equal expression over one denominator, factored; itself where it is long."""
    try:
        return back(*normal(expression))
    except Undecided:
        return expression


def is_zero(expression: Any) -> bool:
    """Whether an expression is 0 everywhere, by its normal form; False where that does not show it."""
    if expression == 0:
        return True
    if sympy().count_ops(expression) > LARGEST:
        return False
    return bool(normal(sympy().expand(expression))[0] == 0 or normal(expression)[0] == 0)
