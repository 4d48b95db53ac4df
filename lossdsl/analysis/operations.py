"""What each function of the language is on a stretch where it is analytic, and at a point.

A function is analytic on a stretch where its *marker* has one sign: the argument of an absolute value, the difference
of two sides of a comparison, a divisor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from lossdsl.analysis.numbers import Undecided, before, same, sign_of, x
from lossdsl.functions.lazy import sympy
from lossdsl.functions.table import TABLE

FORBIDDEN = frozenset({"floor", "round", "mod", "lgamma", "digamma", "polygamma", "tan", "acos", "asin", "atan2"})
"""Functions that are not worked on: steps without end, and those that SymPy and intervals know too little of."""
ORDER = {"lt": (-1,), "le": (-1, 0), "gt": (1,), "ge": (1, 0), "eq": (0,), "ne": (-1, 1)}
SAME = frozenset({"stop_gradient", "whole"})
HIGHEST_POWER = 1000
"""Of higher powers SymPy would write out the numbers, 3^(2^32); exponentials of them have too many digits."""


def marker(op: str, args: Sequence[Any]) -> Any | None:
    """What has to have one sign in a cell for the function to be analytic there."""
    match op:
        case "abs" | "sign" | "relu" | "sqrt" | "log" | "log2" | "log10":
            return args[0]
        case "log1p":
            return 1 + args[0]
        case "lt" | "le" | "gt" | "ge" | "eq" | "ne" | "sub_sign":
            return args[0] - args[1]
        case "div":
            return args[1]
        case "xlogy":
            return args[1]
        case "max" | "min" | "clip" | "logit":
            return _several(op, args)
        case "pow" if not (args[1].is_Integer and args[1] >= 0):
            return args[0]
    return None


def _several(op: str, args: Sequence[Any]) -> Any:
    """The product of all differences that matter."""
    if op == "clip":
        return (args[0] - args[1]) * (args[0] - args[2])
    if op == "logit":
        return args[0] * (1 - args[0])
    differences = [a - b for k, a in enumerate(args) for b in args[k + 1 :]]
    return reduce(lambda a, b: a * b, [d for d in differences if d != 0], sympy().Integer(1))


def in_cell(op: str, args: Sequence[Any], sign: int, split: Callable[[Any], list[tuple[Any, Any, int]]]) -> Any:
    """The function in a cell where its marker has one sign."""
    sp = sympy()
    a = args[0]

    def sign_in(expression: Any) -> int:
        parts = split(expression)
        assert len(parts) == 1, "the marker was split before"
        return parts[0][2]

    match op:
        case "abs":
            return a * sign
        case "sign":
            return sp.Integer(sign)
        case "relu":
            return a if sign > 0 else sp.Integer(0)
        case "lt" | "le" | "gt" | "ge" | "eq" | "ne":
            return sp.true if sign in ORDER[op] else sp.false
        case "max" | "min":
            best = a
            for other in args[1:]:
                difference = other - best
                ahead = 0 if difference == 0 else sign_in(difference)
                best = other if (ahead > 0) == (op == "max") and ahead else best
            return best
        case "clip":
            low, high = args[1], args[2]
            if before(high, low):
                return high
            return low if sign_in(a - low) <= 0 else high if sign_in(a - high) >= 0 else a
        case "where":
            return args[1] if a == sp.true else args[2]
        case "and" | "or" | "not":
            return _boolean(op, args)
        case "sqrt" | "log" | "log2" | "log10" | "log1p" | "xlogy" | "logit" if sign < 0 or (
            op == "logit" and sign <= 0
        ):
            return sp.nan
        case "sqrt" if sign == 0:
            return sp.Integer(0)
        case "log" | "log1p" | "xlogy" | "div" if sign == 0:
            return sp.nan if a.has(x()) else at_point(op, args)
        case "pow":
            return _pow(args[0], args[1], sign)
    return without_abs(definition(op, args), sign_in)


def _boolean(op: str, args: Sequence[Any]) -> Any:
    sp = sympy()
    values = [a == sp.true for a in args]
    truth = {"and": all(values), "or": any(values), "not": not values[0]}[op]
    return sp.true if truth else sp.false


def _pow(base: Any, exponent: Any, sign: int) -> Any:
    sp = sympy()
    if exponent.is_Integer:
        if abs(exponent) > HIGHEST_POWER:
            raise Undecided(f"a power of {exponent}")
        return sp.Integer(1) if exponent == 0 else _small(base**exponent)
    if sign < 0:
        return sp.nan
    if sign == 0:
        return sp.Integer(0) if not exponent.has(x()) and sign_of(exponent) > 0 else sp.oo
    if exponent.has(x()):
        return sp.exp(exponent * sp.log(base))
    return sp.exp(exponent * sp.log(base)) if base.is_Rational and not exponent.is_Rational else base**exponent


def _small(product: Any) -> Any:
    """A product, if none of its powers is so high that SymPy would write out its numbers."""
    for exponent in product.as_powers_dict().values():
        if exponent.is_Integer and abs(exponent) > HIGHEST_POWER:
            raise Undecided(f"a power of {exponent}")
    return product


def definition(op: str, args: Sequence[Any]) -> Any:
    """A function of the table where it is analytic, exponentials in one form so that terms cancel."""
    sp = sympy()
    a = args[0]
    match op:
        case "mul" | "guarded_mul":
            return _small(args[0] * args[1])
        case "div" | "guarded_div":
            return _small(args[0] / args[1])
        case "sigmoid":
            return 1 / (1 + sp.exp(-a))
        case "softplus":
            return sp.log(1 + sp.exp(a))
        case "log_sigmoid":
            return -sp.log(1 + sp.exp(-a))
        case "tanh":
            return (sp.exp(2 * a) - 1) / (sp.exp(2 * a) + 1)
        case "cosh":
            return (sp.exp(a) + sp.exp(-a)) / 2
        case "sinh":
            return (sp.exp(a) - sp.exp(-a)) / 2
        case "logcosh":
            return sp.log((sp.exp(a) + sp.exp(-a)) / 2)
        case "xlogy":
            return a * sp.log(args[1])
        case "normal_cdf":
            return sp.erfc(-a / sp.sqrt(2)) / 2
        case "normal_logcdf":
            return sp.log(sp.erfc(-a / sp.sqrt(2)) / 2)
    if op in SAME:
        return a
    found = TABLE[op].sympy(*args)
    if found.has(sp.Piecewise):
        raise Undecided(f"pieces of {op}")
    return found


def without_abs(expression: Any, sign_in: Callable[[Any], int]) -> Any:
    """|u| as u or -u; SymPy makes it of sqrt(u^2)."""
    sp = sympy()
    while found := expression.atoms(sp.Abs):
        inner = next(iter(found))
        try:
            sign = sign_in(inner.args[0])
        except AssertionError:
            raise Undecided(f"the sign of {inner.args[0]}") from None
        expression = expression.xreplace({inner: inner.args[0] * sign})
    return expression


def at_point(op: str, args: Sequence[Any]) -> Any:
    """The value for exact numbers and conditions, as the language defines it: 0 wins over a logarithm of 0."""
    sp = sympy()
    a = args[0]
    if op != "where" and sp.nan in args:
        return sp.nan
    match op:
        case "mul" | "guarded_mul":
            return sp.Integer(0) if any(z == 0 for z in args) else args[0] * args[1]
        case "div" | "guarded_div":
            if args[1] == 0 or (args[1].is_finite and sign_of(args[1]) == 0):
                if a.is_finite and sign_of(a) == 0:
                    return sp.nan
                return sp.oo * sign_of(a)
            return a / args[1]
        case "xlogy":
            return sp.Integer(0) if a == 0 else at_point("mul", [a, at_point("log", args[1:])])
        case "log" | "log1p" | "log2" | "log10":
            return _log_at(op, a)
        case "where" | "and" | "or" | "not":
            return in_cell(op, args, 0, lambda e: [])
        case "logit":
            return at_point("sub", [at_point("log", [a]), at_point("log", [1 - a])])
        case "abs" | "sign" | "relu" | "sqrt" | "pow":
            return in_cell(op, args, sign_of(a), lambda e: [])
        case "lt" | "le" | "gt" | "ge" | "eq" | "ne":
            return in_cell(op, args, _compared(*args), lambda e: [])
        case "max" | "min" | "clip":
            return in_cell(op, args, 0, lambda e: [(None, None, sign_of(e))])
    found = definition(op, args)
    return sp.nan if found.has(sp.nan, sp.zoo) else found


def _compared(a: Any, b: Any) -> int:
    return 0 if same(a, b) else -1 if before(a, b) else 1


def _log_at(op: str, a: Any) -> Any:
    sp = sympy()
    inner = 1 + a if op == "log1p" else a
    if inner is sp.oo:
        return sp.oo
    sign = sign_of(inner)
    if sign < 0:
        return sp.nan
    return -sp.oo if sign == 0 else definition("log" if op == "log1p" else op, [inner])
