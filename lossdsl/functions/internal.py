"""Rows that only the compiler writes: derivatives of surface functions, stable forms, products that stop infinities."""

from __future__ import annotations

from typing import Any

from lossdsl.functions import oracles_exponential as oracles
from lossdsl.functions import oracles_special
from lossdsl.functions.lazy import sympy
from lossdsl.functions.row import INF, REAL, Function
from lossdsl.functions.special import PRODUCT_OF_FIVE

POSITIVE = (0.0, INF)


def _normal_hazard(x: Any) -> Any:
    sp = sympy()
    return sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi) / (sp.erfc(-x / sp.sqrt(2)) / 2)


def _exp_moment(order: Any, x: Any) -> Any:
    """The derivative of (e^x - 1)/x of that order, by its closed form away from 0."""
    sp = sympy()
    t = sp.Dummy("t", real=True)
    closed = sp.diff((sp.exp(t) - 1) / t, (t, int(order))).subs(t, x)
    return sp.Piecewise((sp.Rational(1, int(order) + 1), sp.Eq(x, 0)), (closed, True))


SATURATED = 50
"""exp(-exp(x)) is less than any float, and taken for 0, for x above this."""


def _gumbel_logcdf(x: Any) -> Any:
    sp = sympy()
    return sp.Piecewise((0, x > SATURATED), (sp.log(1 - sp.exp(-sp.exp(x))), True))


def _gumbel_hazard(x: Any) -> Any:
    sp = sympy()
    return sp.Piecewise((0, x > SATURATED), (sp.exp(x) / (sp.exp(sp.exp(x)) - 1), True))


def _gumbel_excess(o: Any, u: Any) -> Any:
    return u * (1 - o.exp_moment(1, -u) / o.exprel(-u))


def _guarded(value: Any, condition: Any) -> Any:
    return sympy().Piecewise((0, condition), (value, True))


ROWS = (
    Function(
        "polygamma", 2, lambda k, x: sympy().polygamma(k, x), oracles_special.polygamma,
        "_polygamma({0}, {1})", "_polygamma({0}, {1})", (POSITIVE, REAL), REAL,
        # the order is a constant, a whole number of at least 1
        derivative=lambda o, k, x: (0, o.polygamma(k + 1, x)),
        numpy_helpers=("_polygamma",), torch_helpers=("_polygamma",), latex="\\psi^{{({0})}}\\left({1}\\right)",
        source="DLMF 5.15", surface=False, conditioned=True,
    ),
    Function(
        "exp_moment", 2, _exp_moment, oracles.exp_moment,
        "_exp_moment({0}, {1})", "_exp_moment({0}, {1})", (POSITIVE, REAL), POSITIVE,
        # integral of t^k e^(xt) over 0 <= t <= 1; the order is a constant, a whole number
        derivative=lambda o, k, x: (0, o.exp_moment(k + 1, x)),
        numpy_helpers=("_exp_moment",), torch_helpers=("_exp_moment",),
        latex="\\int_0^1 t^{{{0}}} e^{{t {1}}} dt", source="DLMF 8.2: incomplete gamma function", surface=False,
        ulps=8,
    ),
    Function(
        "exprel", 1, lambda x: _exp_moment(0, x), oracles.exprel, "_exprel({0})", "_exprel({0})", (REAL,), POSITIVE,
        derivative=lambda o, x: (o.exp_moment(1, x),), monotone=1, curvature="convex",
        numpy_helpers=("_exprel",), torch_helpers=("_exprel",), latex="\\frac{{e^{{{0}}} - 1}}{{{0}}}",
        source="scipy.special.exprel: 1 at 0", surface=False,
        display=lambda o, x: o.where(o.eq(x, 0), 1, (o.exp(x) - 1) / x),
    ),
    Function(
        "log1mexp", 1, lambda x: sympy().log(1 - sympy().exp(x)), oracles.log1mexp, "_log1mexp({0})", "_log1mexp({0})",
        ((-INF, 0.0),), (-INF, 0.0),
        # both factors of the quotient stay within [-1, 1]; 1/(1 - exp(-x)) would overflow
        derivative=lambda o, x: (o.exp(x) / o.expm1(x),), monotone=-1, curvature="concave",
        numpy_helpers=("_log1mexp",), torch_helpers=("_log1mexp",), latex="\\log\\left(1 - e^{{{0}}}\\right)",
        source="Maechler, Accurately computing log(1 - exp(-|a|)), 2012", surface=False,
        display=lambda o, x: o.log(1 - o.exp(x)),
    ),
    Function(
        "sqrt1pm1", 1, lambda x: sympy().sqrt(1 + x) - 1, oracles.sqrt1pm1, "_sqrt1pm1({0})", "_sqrt1pm1({0})",
        ((-1.0, INF),), (-1.0, INF),
        derivative=lambda o, x: (1 / (2 * o.sqrt(1 + x)),), monotone=1, curvature="concave",
        numpy_helpers=("_sqrt1pm1",), torch_helpers=("_sqrt1pm1",), latex="\\left(\\sqrt{{1 + {0}}} - 1\\right)",
        source="x/(1 + sqrt(1 + x))", surface=False, display=lambda o, x: o.sqrt(1 + x) - 1,
    ),
    Function(
        "softmax_weight", 2, lambda e, s: sympy().exp(e - s), oracles.softmax_weight,
        "_softmax_weight({0}, {1})", "_softmax_weight({0}, {1})", (REAL, REAL), POSITIVE,
        derivative=lambda o, e, s: (o.softmax_weight(e, s), -o.softmax_weight(e, s)),
        numpy_helpers=("_softmax_weight",), torch_helpers=("_softmax_weight",), latex="e^{{{0} - {1}}}",
        source="exp(e - s), 0 where s is -inf: nothing was summed", surface=False, conditioned=True,
        display=lambda o, e, s: o.exp(e - s),
    ),
    Function(
        "gumbel_logcdf", 1, _gumbel_logcdf, oracles.gumbel_logcdf,
        "_gumbel_logcdf({0})", "_gumbel_logcdf({0})", (REAL,), (-INF, 0.0),
        derivative=lambda o, x: (o.gumbel_hazard(x),), monotone=1, curvature="concave",
        numpy_helpers=("_gumbel_logcdf",), torch_helpers=("_gumbel_logcdf",),
        latex="\\log\\left(1 - e^{{-e^{{{0}}}}}\\right)", finite_derivative=True,
        source="log of the probability by the complementary log-log link; scipy.stats.gumbel_l.logcdf",
        surface=False, conditioned=True, ulps=8, display=lambda o, x: o.log(1 - o.exp(-o.exp(x))),
    ),
    Function(
        "gumbel_hazard", 1, _gumbel_hazard, oracles.gumbel_hazard,
        "_gumbel_hazard({0})", "_gumbel_hazard({0})", (REAL,), (0.0, 1.0),
        # -u h (1 - m) with u = e^x: the mean m of t under e^(-ut) on [0, 1] is at most 1/2; h (1 - u - h) would cancel
        derivative=lambda o, x: (-o.gumbel_hazard(x) * _gumbel_excess(o, o.exp(o.min(x, SATURATED))),),
        monotone=-1, numpy_helpers=("_gumbel_hazard",), torch_helpers=("_gumbel_hazard",),
        latex="\\frac{{e^{{{0}}}}}{{e^{{e^{{{0}}}}} - 1}}", finite_derivative=True,
        source="density over distribution function of the Gumbel law of minima", surface=False, conditioned=True,
        ulps=8,
        display=lambda o, x: o.exp(x) / (o.exp(o.exp(x)) - 1),
    ),
    Function(
        "softmax_complement", 2, lambda e, s: 1 - sympy().exp(e - s), oracles.softmax_complement,
        "_softmax_complement({0}, {1})", "_softmax_complement({0}, {1})", (REAL, REAL), (-INF, 1.0),
        derivative=lambda o, e, s: (-o.softmax_weight(e, s), o.softmax_weight(e, s)),
        numpy_helpers=("_softmax_complement",), torch_helpers=("_softmax_complement",),
        latex="\\left(1 - e^{{{0} - {1}}}\\right)",
        source="1 - exp(e - s), 1 where s is -inf: nothing was summed", surface=False, conditioned=True,
        display=lambda o, e, s: 1 - o.exp(e - s),
    ),
    Function(
        "guarded_mul", 2, lambda g, d: g * d, oracles.guarded_mul, "_guarded_mul({0}, {1})", "_guarded_mul({0}, {1})",
        (REAL, REAL), REAL,
        derivative=lambda o, g, d: (d, g), numpy_helpers=("_guarded_mul",), torch_helpers=("_guarded_mul",),
        latex="{0} {1}", finite_derivative=True, source="g*d, 0 where one of them is 0: 0 stops any infinity",
        surface=False, ulps=0.5, display=lambda o, g, d: g * d,
    ),
    Function(
        "guarded_div", 2, lambda x, y: _guarded(x / y, sympy().Eq(x, 0)), oracles.guarded_div,
        "_guarded_div({0}, {1})", "_guarded_div({0}, {1})", (REAL, REAL), REAL,
        derivative=lambda o, x, y: (1 / y, -o.guarded_div(o.guarded_div(x, y), y)),
        numpy_helpers=("_guarded_div",), torch_helpers=("_guarded_div",), latex="\\frac{{{0}}}{{{1}}}",
        source="x/y, 0 where x is 0: the derivative of xlogy", surface=False, ulps=0.5,
        display=lambda o, x, y: x / y,
    ),
    Function(
        "xlog1py", 2, lambda x, y: _guarded(x * sympy().log(1 + y), sympy().Eq(x, 0)), oracles.xlog1py,
        "_xlog1py({0}, {1})", "_xlog1py({0}, {1})", (REAL, REAL), REAL,
        derivative=lambda o, x, y: (o.log1p(y), o.guarded_div(x, 1 + y)),
        numpy_helpers=("_xlog1py",), torch_helpers=("_xlog1py",), latex="{0} \\log\\left(1 + {1}\\right)",
        source="scipy.special.xlog1py: 0 where x = 0, unless y is NaN", surface=False,
        display=lambda o, x, y: o.xlogy(x, 1 + y),
    ),
    Function(
        "guarded_sub", 2, lambda x, y: x - y, oracles.guarded_sub, "_guarded_sub({0}, {1})", "_guarded_sub({0}, {1})",
        (REAL, REAL), REAL,
        derivative=lambda o, x, y: (1, -1), numpy_helpers=("_guarded_sub",), torch_helpers=("_guarded_sub",),
        latex="{0} - {1}", finite_derivative=True, source="x - y, 0 where both are the same infinity",
        surface=False, ulps=0.5, display=lambda o, x, y: x - y,
    ),
    Function(
        "normal_hazard", 1, _normal_hazard, oracles_special.normal_hazard, "_normal_hazard({0})", "_normal_hazard({0})",
        (REAL,), POSITIVE,
        derivative=lambda o, x: (-o.normal_hazard(x) * o.normal_residual(x),), monotone=-1, curvature="convex",
        numpy_helpers=("_normal_hazard",), torch_helpers=("_normal_hazard",),
        latex="\\frac{{\\varphi({0})}}{{\\Phi({0})}}", finite_derivative=True,
        source="density over distribution function of the normal law: the inverse Mills ratio", surface=False,
        ulps=PRODUCT_OF_FIVE,
        display=lambda o, x: o.exp(-(x**2) / 2) / (o.sqrt(2 * o.pi) * o.normal_cdf(x)),
    ),
    Function(
        "normal_residual", 1, lambda x: x + _normal_hazard(x), oracles_special.normal_residual,
        "_normal_residual({0})", "_normal_residual({0})", (REAL,), POSITIVE,
        # the variance of Z given Z < x; 1 - h*r loses its digits far below 0, where it is about 1/x^2
        derivative=lambda o, x: (1 - o.normal_hazard(x) * o.normal_residual(x),), monotone=1, curvature="convex",
        numpy_helpers=("_normal_residual",), torch_helpers=("_normal_residual",),
        latex="\\left({0} + \\frac{{\\varphi({0})}}{{\\Phi({0})}}\\right)", finite_derivative=True,
        source="x + normal_hazard(x) = E[x - Z given Z < x] of the normal law", surface=False,
        ulps=PRODUCT_OF_FIVE,
        display=lambda o, x: x + o.exp(-(x**2) / 2) / (o.sqrt(2 * o.pi) * o.normal_cdf(x)),
    ),
)  # fmt: skip
