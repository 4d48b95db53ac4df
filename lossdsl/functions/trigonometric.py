"""Rows for circular and hyperbolic functions and their inverses."""

from __future__ import annotations

import math
from typing import Any

from lossdsl.functions import oracles_special as oracles
from lossdsl.functions.lazy import sympy
from lossdsl.functions.row import INF, REAL, Function

C99 = "C99 7.12"
SIGNED_UNIT = (-1.0, 1.0)


def _atan2_derivative(o: Any, y: Any, x: Any) -> tuple[Any, ...]:
    """x/(x^2 + y^2) and -y/(x^2 + y^2), divided by the larger of the two first: the squares over- and underflow.

    At the origin, where no derivative exists, 0.
    """
    flat = o.ge(o.abs(x), o.abs(y))
    along, across = x + y * (y / x), y + x * (x / y)
    origin = o.both(o.eq(x, 0), o.eq(y, 0))
    return (
        o.where(origin, 0, o.where(flat, 1 / along, x / y / across)),
        o.where(origin, 0, o.where(flat, -(y / x) / along, -1 / across)),
    )


ROWS = (
    Function(
        "sin", 1, lambda x: sympy().sin(x), oracles.sin, "np.sin({0})", "torch.sin({0})", (REAL,), SIGNED_UNIT,
        derivative=lambda o, x: (o.cos(x),), latex="\\sin\\left({0}\\right)", finite_derivative=True, source=C99,
    ),
    Function(
        "cos", 1, lambda x: sympy().cos(x), oracles.cos, "np.cos({0})", "torch.cos({0})", (REAL,), SIGNED_UNIT,
        derivative=lambda o, x: (-o.sin(x),), latex="\\cos\\left({0}\\right)", finite_derivative=True, source=C99,
    ),
    Function(  # no floating-point number is a pole, nor so close to one that the derivative overflows
        "tan", 1, lambda x: sympy().tan(x), oracles.tan, "np.tan({0})", "torch.tan({0})", (REAL,), REAL,
        derivative=lambda o, x: (1 + o.tan(x) ** 2,), finite_derivative=True,
        latex="\\tan\\left({0}\\right)", source=C99,
    ),
    Function(
        "asin", 1, lambda x: sympy().asin(x), oracles.asin, "np.arcsin({0})", "torch.asin({0})", (SIGNED_UNIT,),
        (-math.pi / 2, math.pi / 2),
        # (1 - x)(1 + x), not 1 - x^2: no cancellation at the ends
        derivative=lambda o, x: (1 / o.sqrt((1 - x) * (1 + x)),), monotone=1,
        latex="\\arcsin\\left({0}\\right)", source=C99,
    ),
    Function(
        "acos", 1, lambda x: sympy().acos(x), oracles.acos, "np.arccos({0})", "torch.acos({0})", (SIGNED_UNIT,),
        (0.0, math.pi),
        derivative=lambda o, x: (-1 / o.sqrt((1 - x) * (1 + x)),), monotone=-1,
        latex="\\arccos\\left({0}\\right)", source=C99,
    ),
    Function(
        "atan", 1, lambda x: sympy().atan(x), oracles.atan, "np.arctan({0})", "torch.atan({0})", (REAL,),
        (-math.pi / 2, math.pi / 2),
        derivative=lambda o, x: (1 / (1 + x**2),), monotone=1, latex="\\arctan\\left({0}\\right)",
        finite_derivative=True, source=C99,
    ),
    Function(
        "atan2", 2, lambda y, x: sympy().atan2(y, x), oracles.atan2, "np.arctan2({0}, {1})", "_atan2({0}, {1})",
        (REAL, REAL), (-math.pi, math.pi),
        derivative=_atan2_derivative, torch_helpers=("_atan2",), source="C99 7.12: atan2(0, 0) = 0",
    ),
    Function(
        "sinh", 1, lambda x: sympy().sinh(x), oracles.sinh, "np.sinh({0})", "torch.sinh({0})", (REAL,), REAL,
        derivative=lambda o, x: (o.cosh(x),), monotone=1, latex="\\sinh\\left({0}\\right)", source=C99,
    ),
    Function(
        "cosh", 1, lambda x: sympy().cosh(x), oracles.cosh, "np.cosh({0})", "torch.cosh({0})", (REAL,), (1.0, INF),
        derivative=lambda o, x: (o.sinh(x),), curvature="convex", latex="\\cosh\\left({0}\\right)", source=C99,
    ),
    Function(
        "tanh", 1, lambda x: sympy().tanh(x), oracles.tanh, "np.tanh({0})", "torch.tanh({0})", (REAL,), SIGNED_UNIT,
        # 1/cosh^2 without its overflow, 1 - tanh^2 without its cancellation
        derivative=lambda o, x: (4 * (o.sigmoid(2 * x) * o.sigmoid(-(2 * x))),), monotone=1,
        latex="\\tanh\\left({0}\\right)", finite_derivative=True, source=C99,
    ),
)  # fmt: skip
