"""Rows for the error function, the normal distribution and the gamma function."""

from __future__ import annotations

from typing import Any

from lossdsl.functions import oracles_special as oracles
from lossdsl.functions.lazy import sympy
from lossdsl.functions.row import INF, REAL, Function

PRODUCT_OF_FIVE = 8
"""Ulps of a product of two exponentials, erfcx, its rounded argument and a constant, one or two ulps each."""


def _normal_cdf(x: Any) -> Any:
    sp = sympy()
    return sp.erfc(-x / sp.sqrt(2)) / 2


def _lgamma(x: Any) -> Any:
    sp = sympy()
    # log|gamma(x)|; of the absolute value itself SymPy's derivative has real and imaginary parts in it
    return sp.log(sp.gamma(x) ** 2) / 2


ROWS = (
    Function(
        "erf", 1, lambda x: sympy().erf(x), oracles.erf, "_erf({0})", "torch.erf({0})", (REAL,), (-1.0, 1.0),
        derivative=lambda o, x: (2 / o.sqrt(o.pi) * o.exp(-(x**2)),), monotone=1, numpy_helpers=("_erf",),
        finite_derivative=True, source="C99 7.12",
    ),
    Function(
        "erfc", 1, lambda x: sympy().erfc(x), oracles.erfc, "_erfc({0})", "torch.erfc({0})", (REAL,), (0.0, 2.0),
        derivative=lambda o, x: (-2 / o.sqrt(o.pi) * o.exp(-(x**2)),), monotone=-1, numpy_helpers=("_erfc",),
        finite_derivative=True, source="C99 7.12",
    ),
    Function(
        "normal_cdf", 1, _normal_cdf, oracles.normal_cdf, "_normal_cdf({0})", "_normal_cdf({0})", (REAL,), (0.0, 1.0),
        derivative=lambda o, x: (o.exp(-(x**2) / 2) / o.sqrt(2 * o.pi),), monotone=1,
        numpy_helpers=("_normal_cdf",), torch_helpers=("_normal_cdf",), latex="\\Phi\\left({0}\\right)",
        finite_derivative=True, source="scipy.special.ndtr", ulps=PRODUCT_OF_FIVE,
    ),
    Function(
        "normal_logcdf", 1, lambda x: sympy().log(_normal_cdf(x)), oracles.normal_logcdf,
        "_normal_logcdf({0})", "_normal_logcdf({0})", (REAL,), (-INF, 0.0),
        derivative=lambda o, x: (o.normal_hazard(x),), monotone=1, curvature="concave",
        numpy_helpers=("_normal_logcdf",), torch_helpers=("_normal_logcdf",), latex="\\log\\Phi\\left({0}\\right)",
        finite_derivative=True, source="scipy.special.log_ndtr", ulps=PRODUCT_OF_FIVE,
    ),
    Function(
        "lgamma", 1, _lgamma, oracles.lgamma, "_lgamma({0})", "torch.lgamma({0})", (REAL,), REAL,
        derivative=lambda o, x: (o.digamma(x),), numpy_helpers=("_lgamma",), latex="\\log\\Gamma\\left({0}\\right)",
        source="C99 7.12: log|gamma(x)|, inf at 0, -1, -2, ...", conditioned=True,
    ),
    Function(
        "digamma", 1, lambda x: sympy().polygamma(0, x), oracles.digamma, "_digamma({0})", "torch.digamma({0})",
        (REAL,), REAL,
        derivative=lambda o, x: (o.polygamma(1, x),), numpy_helpers=("_digamma",),
        # autograd takes torch.polygamma(1, x) for the derivative, which is right to 1e-10 only
        torch_autograd_safe=False, latex="\\psi\\left({0}\\right)",
        source="torch.digamma: -inf at 0, NaN at -1, -2, ...", conditioned=True,
    ),
)  # fmt: skip
