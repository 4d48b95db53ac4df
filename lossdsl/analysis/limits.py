"""One-sided limits, and where an expression is analytic."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from lossdsl.analysis.normal import in_exponential, tidy
from lossdsl.analysis.numbers import LARGEST, Undecided, sign_of, t, x
from lossdsl.functions.lazy import sympy

LONGEST_LIMIT = 40
"""Operations of an expression whose limit at a finite singular point is asked for."""


def limit(expression: Any, at: Any, side: str = "+") -> Any:
    """The one-sided limit, an exact number or an infinity; Undecided where none is found."""
    sp = sympy()
    if at.is_finite and regular(expression, at):
        return expression.subs(x(), at)
    if sp.count_ops(expression) > (LONGEST_LIMIT if at.is_finite else LARGEST):
        raise Undecided(f"the limit of a long formula at {at}")
    return _limit(expression, at, side)


@lru_cache(maxsize=1024)
def _limit(expression: Any, at: Any, side: str) -> Any:
    sp = sympy()
    try:
        found = _gentle(expression if at.is_finite else tidy(expression), at, side)
    except (NotImplementedError, ValueError, TypeError, RecursionError, AttributeError) as failure:
        raise Undecided(f"the limit of {expression} at {at}") from failure
    if found.has(sp.nan, sp.zoo, sp.AccumBounds, sp.Limit) or found.is_extended_real is False:
        raise Undecided(f"the limit of {expression} at {at}")
    return found


def _gentle(expression: Any, at: Any, side: str) -> Any:
    """Polynomials and quotients in exp(c*x) by their leading terms, anything else by Gruntz' algorithm."""
    sp = sympy()
    if not at.is_finite:
        rational, rate = in_exponential(expression)
        if rate is not None and not rational.has(x()):
            rising = (rate > 0) == (at is sp.oo)
            return sp.limit(rational, t(), sp.oo if rising else 0, "-" if rising else "+")
        side = "-" if at is sp.oo else "+"
    return sp.limit(expression, x(), at, side)


def regular(expression: Any, at: Any) -> bool:
    """Whether an expression is analytic at a point: no root, quotient or logarithm of 0 anywhere in it."""
    sp = sympy()
    for part in sp.postorder_traversal(expression):
        if not part.has(x()):
            continue
        if part.is_Pow and not (part.exp.is_Integer and part.exp > 0) and part.base is not sp.E:
            inner = part.base
        elif part.func in (sp.log, sp.Abs, sp.sign):
            inner = part.args[0]
        elif part.is_Add or part.is_Mul or part.is_Symbol or part.is_Pow or part.func in ENTIRE():
            continue
        else:
            return False
        if not inner.has(x()):
            continue
        if not regular(inner, at):
            return False
        value = inner.subs(x(), at)
        if value.has(sp.nan, sp.zoo) or sign_of(value) == 0:
            return False
    return True


def ENTIRE() -> tuple[Any, ...]:
    """Functions that are analytic for all real arguments."""
    sp = sympy()
    return sp.exp, sp.sin, sp.cos, sp.atan, sp.erf, sp.erfc, sp.tanh, sp.sinh, sp.cosh
