"""Rows for arithmetic, comparisons and logic: the functions that the language writes as operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lossdsl.functions import oracles
from lossdsl.functions.lazy import sympy
from lossdsl.functions.row import CONDITION, REAL, Function

IEEE = "IEEE 754"


def _comparison(
    name: str, operator: str, latex: str, definition: Callable[..., Any], oracle: Callable[..., Any]
) -> Function:
    template = "{0} " + operator + " {1}"
    return Function(
        name, 2, definition, oracle, template, template, (REAL, REAL), CONDITION,
        derivative=lambda o, x, y: (0, 0), precedence=40, latex="{0} " + latex + " {1}",
        finite_derivative=True, result="bool", source=IEEE, surface=False, ulps=0,
    )  # fmt: skip


ROWS = (
    Function(
        "add", 2, lambda x, y: x + y, oracles.add, "{0} + {1}", "{0} + {1}", (REAL, REAL), REAL,
        derivative=lambda o, x, y: (1, 1), precedence=50, latex="{0} + {1}",
        finite_derivative=True, result="same", source=IEEE, surface=False, ulps=0.5,
    ),
    Function(
        "sub", 2, lambda x, y: x - y, oracles.sub, "{0} - {1}", "{0} - {1}", (REAL, REAL), REAL,
        derivative=lambda o, x, y: (1, -1), precedence=50, latex="{0} - {1}",
        finite_derivative=True, result="same", source=IEEE, surface=False, ulps=0.5,
    ),
    Function(
        "mul", 2, lambda x, y: x * y, oracles.mul, "{0} * {1}", "{0} * {1}", (REAL, REAL), REAL,
        derivative=lambda o, x, y: (y, x), precedence=60, latex="{0} {1}",
        finite_derivative=True, result="same", source=IEEE, surface=False, ulps=0.5,
    ),
    Function(
        "div", 2, lambda x, y: x / y, oracles.div, "{0} / {1}", "{0} / {1}", (REAL, REAL), REAL,
        # x/y/y, not x/y^2: the square overflows long before the quotient does
        derivative=lambda o, x, y: (1 / y, -(x / y) / y), precedence=60, latex="\\frac{{{0}}}{{{1}}}",
        source=IEEE, surface=False, ulps=0.5,
    ),
    Function(
        "neg", 1, lambda x: -x, oracles.neg, "-{0}", "-{0}", (REAL,), REAL,
        derivative=lambda o, x: (-1,), monotone=-1, curvature="affine", precedence=65, latex="-{0}",
        finite_derivative=True, result="same", source=IEEE, surface=False, ulps=0,
    ),
    Function(
        "pow", 2, lambda x, p: x**p, oracles.pow, "{0} ** {1}", "{0} ** {1}", (REAL, REAL), REAL,
        # x^0 is 1 with derivative 0 also at 0, and 0^p does not depend on p > 0; neither product may become 0*inf
        derivative=lambda o, x, p: (
            o.guarded_mul(p, x ** (p - 1)),
            o.where(o.eq(x, 0), 0, x**p * o.log(x)),
        ),
        precedence=70, latex="{{{0}}}^{{{1}}}", source="IEEE 754 pow: x^0 = 1 for every x", surface=False,
    ),
    Function(
        "mod", 2, lambda x, y: x - y * sympy().floor(x / y), oracles.mod,
        "np.mod({0}, {1})", "torch.remainder({0}, {1})", (REAL, REAL), REAL,
        # the quotient is whole: rounding it undoes the error of the division, which may cross a whole number
        derivative=lambda o, x, y: (1, -o.round((x - o.mod(x, y)) / y)), latex="{0} \\bmod {1}",
        result="same", source="Python's %: the sign of the divisor; NaN in PyTorch where x/y overflows", ulps=1,
    ),
    _comparison("lt", "<", "<", lambda x, y: sympy().Lt(x, y), oracles.lt),
    _comparison("le", "<=", "\\le", lambda x, y: sympy().Le(x, y), oracles.le),
    _comparison("gt", ">", ">", lambda x, y: sympy().Gt(x, y), oracles.gt),
    _comparison("ge", ">=", "\\ge", lambda x, y: sympy().Ge(x, y), oracles.ge),
    _comparison("eq", "==", "=", lambda x, y: sympy().Eq(x, y), oracles.eq),
    _comparison("ne", "!=", "\\ne", lambda x, y: sympy().Ne(x, y), oracles.ne),
    Function(
        "and", 2, lambda x, y: sympy().And(x, y), oracles.both, "{0} & {1}", "{0} & {1}",
        (CONDITION, CONDITION), CONDITION, derivative=lambda o, x, y: (0, 0), precedence=46, latex="{0} \\land {1}",
        finite_derivative=True, result="bool", source="logic", surface=False, ulps=0,
    ),
    Function(
        "or", 2, lambda x, y: sympy().Or(x, y), oracles.either, "{0} | {1}", "{0} | {1}",
        (CONDITION, CONDITION), CONDITION, derivative=lambda o, x, y: (0, 0), precedence=42, latex="{0} \\lor {1}",
        finite_derivative=True, result="bool", source="logic", surface=False, ulps=0,
    ),
    Function(
        "not", 1, lambda x: sympy().Not(x), oracles.negation, "np.logical_not({0})", "torch.logical_not({0})",
        (CONDITION,), CONDITION, derivative=lambda o, x: (0,), latex="\\lnot {0}",
        finite_derivative=True, result="bool", source="logic", surface=False, ulps=0,
    ),
)  # fmt: skip
