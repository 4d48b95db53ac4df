"""Rows for powers, exponentials, logarithms and the functions that losses make of them."""

from __future__ import annotations

from typing import Any

from lossdsl.functions import oracles_exponential as oracles
from lossdsl.functions.lazy import sympy
from lossdsl.functions.row import INF, REAL, Function

POSITIVE = (0.0, INF)
UNIT = (0.0, 1.0)
C99 = "C99 7.12"


def _xlogy(x: Any, y: Any) -> Any:
    sp = sympy()
    return sp.Piecewise((0, sp.Eq(x, 0)), (x * sp.log(y), True))


ROWS = (
    Function(
        "sqrt", 1, lambda x: sympy().sqrt(x), oracles.sqrt, "np.sqrt({0})", "torch.sqrt({0})", (POSITIVE,), POSITIVE,
        derivative=lambda o, x: (1 / (2 * o.sqrt(x)),), monotone=1, curvature="concave", latex="\\sqrt{{{0}}}",
        source="IEEE 754; PyTorch's vector code rounds once more", ulps=1,
    ),
    Function(
        "exp", 1, lambda x: sympy().exp(x), oracles.exp, "np.exp({0})", "torch.exp({0})", (REAL,), POSITIVE,
        derivative=lambda o, x: (o.exp(x),), monotone=1, curvature="convex", latex="e^{{{0}}}", source=C99,
    ),
    Function(
        "log", 1, lambda x: sympy().log(x), oracles.log, "np.log({0})", "torch.log({0})", (POSITIVE,), REAL,
        derivative=lambda o, x: (1 / x,), monotone=1, curvature="concave", latex="\\log\\left({0}\\right)", source=C99,
    ),
    Function(
        "log1p", 1, lambda x: sympy().log(1 + x), oracles.log1p, "np.log1p({0})", "torch.log1p({0})",
        ((-1.0, INF),), REAL,
        derivative=lambda o, x: (1 / (1 + x),), monotone=1, curvature="concave",
        latex="\\log\\left(1 + {0}\\right)", source=C99,
    ),
    Function(
        "expm1", 1, lambda x: sympy().exp(x) - 1, oracles.expm1, "np.expm1({0})", "torch.expm1({0})", (REAL,),
        (-1.0, INF),
        derivative=lambda o, x: (o.exp(x),), monotone=1, curvature="convex", latex="\\left(e^{{{0}}} - 1\\right)",
        source=C99,
    ),
    Function(
        "log2", 1, lambda x: sympy().log(x) / sympy().log(2), oracles.log2, "np.log2({0})", "torch.log2({0})",
        (POSITIVE,), REAL,
        derivative=lambda o, x: (1 / (x * o.log(2)),), monotone=1, curvature="concave",
        latex="\\log_2\\left({0}\\right)", source=C99,
    ),
    Function(
        "log10", 1, lambda x: sympy().log(x) / sympy().log(10), oracles.log10, "np.log10({0})", "torch.log10({0})",
        (POSITIVE,), REAL,
        derivative=lambda o, x: (1 / (x * o.log(10)),), monotone=1, curvature="concave",
        latex="\\log_{{10}}\\left({0}\\right)", source=C99,
    ),
    Function(
        "logit", 1, lambda x: sympy().log(x / (1 - x)), oracles.logit, "_logit({0})", "_logit({0})", (UNIT,), REAL,
        derivative=lambda o, x: (1 / (x * (1 - x)),), monotone=1, numpy_helpers=("_logit",), torch_helpers=("_logit",),
        source="scipy.special.logit: -inf at 0, inf at 1",
    ),
    Function(
        "sigmoid", 1, lambda x: 1 / (1 + sympy().exp(-x)), oracles.sigmoid,
        "_sigmoid({0})", "_sigmoid({0})", (REAL,), UNIT,
        # never s*(1 - s): 1 - s has no digits left for x > 37
        derivative=lambda o, x: (o.sigmoid(x) * o.sigmoid(-x),), monotone=1,
        numpy_helpers=("_sigmoid",), torch_helpers=("_sigmoid",),
        latex="\\sigma\\left({0}\\right)", finite_derivative=True, source="scipy.special.expit",
    ),
    Function(
        "log_sigmoid", 1, lambda x: -sympy().log(1 + sympy().exp(-x)), oracles.log_sigmoid,
        "_log_sigmoid({0})", "torch.nn.functional.logsigmoid({0})", (REAL,), (-INF, 0.0),
        derivative=lambda o, x: (o.sigmoid(-x),), monotone=1, curvature="concave", numpy_helpers=("_log_sigmoid",),
        latex="\\log\\sigma\\left({0}\\right)", finite_derivative=True, source="scipy.special.log_expit",
    ),
    Function(
        "softplus", 1, lambda x: sympy().log(1 + sympy().exp(x)), oracles.softplus, "_softplus({0})", "_softplus({0})",
        (REAL,), POSITIVE,
        derivative=lambda o, x: (o.sigmoid(x),), monotone=1, curvature="convex",
        numpy_helpers=("_softplus",), torch_helpers=("_softplus",), finite_derivative=True,
        source="log(1 + exp(x)), without the threshold of torch's softplus",
    ),
    Function(
        "logaddexp", 2, lambda x, y: sympy().log(sympy().exp(x) + sympy().exp(y)), oracles.logaddexp,
        "np.logaddexp({0}, {1})", "_logaddexp({0}, {1})", (REAL, REAL), REAL,
        derivative=lambda o, x, y: (o.sigmoid(o.guarded_sub(x, y)), o.sigmoid(o.guarded_sub(y, x))),
        torch_helpers=("_logaddexp",), latex="\\log\\left(e^{{{0}}} + e^{{{1}}}\\right)",
        finite_derivative=True, source="numpy.logaddexp", conditioned=True,
    ),
    Function(
        "logcosh", 1, lambda x: sympy().log(sympy().cosh(x)), oracles.logcosh, "_logcosh({0})", "_logcosh({0})",
        (REAL,), POSITIVE,
        derivative=lambda o, x: (o.tanh(x),), curvature="convex",
        numpy_helpers=("_logcosh",), torch_helpers=("_logcosh",), latex="\\log\\cosh\\left({0}\\right)",
        finite_derivative=True, source="log(cosh(x))",
    ),
    Function(
        "xlogy", 2, _xlogy, oracles.xlogy, "_xlogy({0}, {1})", "_xlogy({0}, {1})", (REAL, REAL), REAL,
        derivative=lambda o, x, y: (o.log(y), o.guarded_div(x, y)),
        numpy_helpers=("_xlogy",), torch_helpers=("_xlogy",), latex="{0} \\log\\left({1}\\right)",
        source="scipy.special.xlogy: 0 where x = 0, unless y is NaN",
    ),
)  # fmt: skip
