"""Rows for roots and quotients of squares, and for deviances: stable forms that only the compiler writes.

Typed as formulas they overflow at the root of the range (x^2 at 1e20 in float32), cancel (sqrt(1 + x^2) - 1 near 0),
or have derivatives that are differences of equal terms far out (those of x/(x + y), of x/sqrt(1 + x^2)).
"""

from __future__ import annotations

from typing import Any

from lossdsl.functions import oracles_algebraic as oracles
from lossdsl.functions.lazy import sympy
from lossdsl.functions.row import INF, REAL, Function

POSITIVE = (0.0, INF)
UNIT = (-1.0, 1.0)


def _hypot(x: Any, y: Any) -> Any:
    return sympy().sqrt(x**2 + y**2)


def _canberra_slope(o: Any, x: Any, y: Any) -> Any:
    """2|y|/(|x| + |y|)^2 towards y where the signs are the same, 0 where they differ, the mean of both at 0."""
    size = o.abs(x) + o.abs(y)
    return (1 + o.sign(x) * o.sign(y)) * o.sign(x - y) * (o.abs(y) / size) / size


ROWS = (
    Function(
        "hypot", 2, _hypot, oracles.hypot, "_hypot({0}, {1})", "_hypot({0}, {1})", (REAL, REAL), POSITIVE,
        derivative=lambda o, x, y: (o.hypot_slope(x, y), o.hypot_slope(y, x)),
        numpy_helpers=("_hypot",), torch_helpers=("_hypot",), latex="\\sqrt{{{0}^2 + {1}^2}}", finite_derivative=True,
        source="IEEE 754 hypot; gradient 0 at (0, 0), as a norm", surface=False,
        display=lambda o, x, y: o.sqrt(x**2 + y**2),
    ),
    Function(
        "hypot_slope", 2, lambda x, y: x / _hypot(x, y), oracles.hypot_slope,
        "_hypot_slope({0}, {1})", "_hypot_slope({0}, {1})", (REAL, REAL), UNIT,
        # y^2/h^3 and -x y/h^3: as 1/h - x^2/h^3 the first would cancel for |x| >> |y|
        derivative=lambda o, x, y: (
            o.hypot_slope(y, x) * o.guarded_div(o.hypot_slope(y, x), o.hypot(x, y)),
            -o.hypot_slope(x, y) * o.guarded_div(o.hypot_slope(y, x), o.hypot(x, y)),
        ),
        numpy_helpers=("_hypot_slope",), torch_helpers=("_hypot_slope",),
        latex="\\frac{{{0}}}{{\\sqrt{{{0}^2 + {1}^2}}}}", source="x/sqrt(x^2 + y^2); 0 at (0, 0)", surface=False,
        display=lambda o, x, y: o.where(o.eq(x, 0), 0, x / o.sqrt(x**2 + y**2)),
    ),
    Function(
        "hypot_excess", 2, lambda x, y: _hypot(x, y) - abs(y), oracles.hypot_excess,
        "_hypot_excess({0}, {1})", "_hypot_excess({0}, {1})", (REAL, REAL), POSITIVE,
        derivative=lambda o, x, y: (
            o.hypot_slope(x, y),
            -o.sign(y) * o.guarded_div(o.hypot_excess(x, y), o.hypot(x, y)),
        ),
        numpy_helpers=("_hypot_excess",), torch_helpers=("_hypot_excess",),
        latex="\\left(\\sqrt{{{0}^2 + {1}^2}} - \\left|{1}\\right|\\right)", finite_derivative=True,
        source="x^2/(sqrt(x^2 + y^2) + |y|)", surface=False,
        display=lambda o, x, y: o.sqrt(x**2 + y**2) - o.abs(y),
    ),
    Function(
        "log1p_square", 1, lambda x: sympy().log(1 + x**2), oracles.log1p_square,
        "_log1p_square({0})", "_log1p_square({0})", (REAL,), POSITIVE,
        derivative=lambda o, x: (o.log1p_square_slope(x),), numpy_helpers=("_log1p_square",),
        torch_helpers=("_log1p_square",), latex="\\log\\left(1 + {0}^2\\right)", finite_derivative=True,
        source="2 log|x| where the square would overflow", surface=False, display=lambda o, x: o.log(1 + x**2),
    ),
    Function(
        "log1p_square_slope", 1, lambda x: 2 * x / (1 + x**2), oracles.log1p_square_slope,
        "_log1p_square_slope({0})", "_log1p_square_slope({0})", (REAL,), UNIT,
        # 2 (1 - x^2)/(1 + x^2)^2
        derivative=lambda o, x: (2 * (1 - x * o.log1p_square_slope(x)) / o.hypot(x, 1) / o.hypot(x, 1),),
        numpy_helpers=("_log1p_square_slope",), torch_helpers=("_log1p_square_slope",),
        latex="\\frac{{2 {0}}}{{1 + {0}^2}}", finite_derivative=True, source="the same at x and at 1/x",
        surface=False, display=lambda o, x: 2 * x / (1 + x**2),
    ),
    Function(
        "share", 2, lambda x, y: x / (x + y), oracles.share, "_share({0}, {1})", "_share({0}, {1})", (REAL, REAL), REAL,
        derivative=lambda o, x, y: (o.share(y, x) / (x + y), -o.share(x, y) / (x + y)),
        numpy_helpers=("_share",), torch_helpers=("_share",), latex="\\frac{{{0}}}{{{0} + {1}}}",
        source="x/(x + y), by the ratio of the smaller to the larger; inf at y = -x", surface=False, conditioned=True,
        display=lambda o, x, y: x / (x + y),
    ),
    Function(
        "power_deficit", 2, lambda n, x: 1 - (1 - x) ** n, oracles.power_deficit,
        "_power_deficit({0}, {1})", "_power_deficit({0}, {1})", (POSITIVE, REAL), REAL,
        # the order is a constant, a whole number of at least 1
        derivative=lambda o, n, x: (0, n * (1 - x) ** (n - 1)),
        numpy_helpers=("_power_deficit",), torch_helpers=("_power_deficit",),
        latex="\\left(1 - (1 - {1})^{{{0}}}\\right)", source="x (1 + (1 - x) + ... + (1 - x)^(n - 1))", surface=False,
        conditioned=True, finite_derivative=True,
        display=lambda o, n, x: 1 - (1 - x) ** n,
    ),
    Function(
        "expm1_excess", 1, lambda x: sympy().exp(x) - 1 - x, oracles.expm1_excess,
        "_expm1_excess({0})", "_expm1_excess({0})", (REAL,), POSITIVE,
        derivative=lambda o, x: (o.expm1(x),), curvature="convex", numpy_helpers=("_expm1_excess",),
        torch_helpers=("_expm1_excess",), latex="\\left(e^{{{0}}} - 1 - {0}\\right)",
        source="exp(x) minus its tangent at 0: x^2/2 times a series near 0", surface=False,
        display=lambda o, x: o.exp(x) - x - 1,
    ),
    Function(
        "kl_div", 2, lambda x, y: x * sympy().log(x / y) - x + y, oracles.kl_div,
        "_kl_div({0}, {1})", "_kl_div({0}, {1})", (POSITIVE, POSITIVE), POSITIVE,
        # as (y - x)/y it would be exact near x = y, but its own derivative x/y^2 would cancel for y >> x
        derivative=lambda o, x, y: (o.log_ratio(x, y), 1 - x / y), numpy_helpers=("_kl_div",),
        torch_helpers=("_kl_div",), latex="\\left({0} \\log\\frac{{{0}}}{{{1}}} - {0} + {1}\\right)",
        # near x = y the deviance of Loader, Fast and Accurate Computation of Binomial Probabilities, 2000
        source="scipy.special.kl_div",
        surface=False, conditioned=True, display=lambda o, x, y: x * (o.log(x) - o.log(y)) - x + y,
    ),
    Function(
        "log1p_integral", 1, lambda x: (1 + x) * sympy().log(1 + x) - x, oracles.log1p_integral,
        "_log1p_integral({0})", "_log1p_integral({0})", ((-1.0, INF),), POSITIVE,
        derivative=lambda o, x: (o.log1p(x),), curvature="convex", numpy_helpers=("_log1p_integral",),
        torch_helpers=("_log1p_integral",), latex="\\left((1 + {0}) \\log(1 + {0}) - {0}\\right)",
        source="kl_div(1 + x, 1), by the same series", surface=False, conditioned=True,
        display=lambda o, x: (1 + x) * o.log(1 + x) - x,
    ),
    Function(
        "log1p_deficit", 1, lambda x: x - sympy().log(1 + x), oracles.log1p_deficit,
        "_log1p_deficit({0})", "_log1p_deficit({0})", ((-1.0, INF),), POSITIVE,
        derivative=lambda o, x: (o.share(x, 1),), curvature="convex", numpy_helpers=("_log1p_deficit",),
        torch_helpers=("_log1p_deficit",), latex="\\left({0} - \\log(1 + {0})\\right)",
        source="kl_div(1, 1 + x), by the series of atanh near 0", surface=False, conditioned=True,
        display=lambda o, x: x - o.log(1 + x),
    ),
    Function(
        "erlang_cdf", 1, lambda x: 1 - (1 + x) * sympy().exp(-x), oracles.erlang_cdf,
        "_erlang_cdf({0})", "_erlang_cdf({0})", (REAL,), POSITIVE,
        derivative=lambda o, x: (o.guarded_mul(x, o.exp(-x)),), numpy_helpers=("_erlang_cdf",),
        torch_helpers=("_erlang_cdf",), latex="\\left(1 - (1 + {0}) e^{{-{0}}}\\right)",
        source="the distribution function of the sum of two standard exponential times; scipy.special.gammainc(2, x)",
        surface=False, conditioned=True, display=lambda o, x: 1 - (1 + x) * o.exp(-x),
    ),
    Function(
        "versine", 1, lambda x: 1 - sympy().cos(x), oracles.versine,
        "_versine({0})", "_versine({0})", (REAL,), (0.0, 2.0),
        derivative=lambda o, x: (o.sin(x),), numpy_helpers=("_versine",), torch_helpers=("_versine",),
        latex="\\left(1 - \\cos\\left({0}\\right)\\right)", finite_derivative=True, source="2 sin(x/2)^2",
        surface=False, conditioned=True, display=lambda o, x: 1 - o.cos(x),
    ),
    Function(
        "canberra", 2, lambda x, y: abs(x - y) / (abs(x) + abs(y)), oracles.canberra,
        "_canberra({0}, {1})", "_canberra({0}, {1})", (REAL, REAL), (0.0, 1.0),
        derivative=lambda o, x, y: (_canberra_slope(o, x, y), _canberra_slope(o, y, x)),
        numpy_helpers=("_canberra",), torch_helpers=("_canberra",),
        latex="\\frac{{\\left|{0} - {1}\\right|}}{{\\left|{0}\\right| + \\left|{1}\\right|}}",
        source="scipy.spatial.distance.canberra of one element, but NaN at (0, 0)", surface=False, conditioned=True,
        display=lambda o, x, y: o.abs(x - y) / (o.abs(x) + o.abs(y)),
    ),
    Function(
        "log_ratio", 2, lambda x, y: sympy().log(x / y), oracles.log_ratio,
        "_log_ratio({0}, {1})", "_log_ratio({0}, {1})", (POSITIVE, POSITIVE), REAL,
        derivative=lambda o, x, y: (1 / x, -1 / y), numpy_helpers=("_log_ratio",), torch_helpers=("_log_ratio",),
        latex="\\log\\frac{{{0}}}{{{1}}}", source="log1p((x - y)/y) near x = y, log(x/y) elsewhere", surface=False,
        display=lambda o, x, y: o.log(x) - o.log(y),
    ),
)  # fmt: skip
