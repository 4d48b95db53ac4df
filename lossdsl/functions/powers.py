"""Rows for powers minus one: stable forms that only the compiler writes.

Where the exponent is a hyperparameter that may be small (Box-Cox, Tsallis, Barron), x^c - 1 is c log(x) and little
more.
"""

from __future__ import annotations

from typing import Any

from lossdsl.functions import oracles_algebraic as oracles
from lossdsl.functions.row import INF, REAL, Function

POSITIVE = (0.0, INF)


def _of_one_plus(o: Any, x: Any, c: Any) -> Any:
    """(1 + x)^c with all digits of a small x."""
    return o.where(o.lt(o.abs(x), 1), o.exp(c * o.log1p(x)), (1 + x) ** c)


ROWS = (
    Function(
        "powm1", 2, lambda x, c: x**c - 1, oracles.powm1, "_powm1({0}, {1})", "_powm1({0}, {1})", (POSITIVE, REAL),
        (-1.0, INF), derivative=lambda o, x, c: (c * x ** (c - 1), o.xlogy(x**c, x)),
        numpy_helpers=("_powm1",), torch_helpers=("_powm1",), latex="\\left({{{0}}}^{{{1}}} - 1\\right)",
        source="scipy.special.powm1", surface=False, conditioned=True, display=lambda o, x, c: x**c - 1,
    ),
    Function(
        "pow1pm1", 2, lambda x, c: (1 + x) ** c - 1, oracles.pow1pm1, "_pow1pm1({0}, {1})", "_pow1pm1({0}, {1})",
        ((-1.0, INF), REAL), (-1.0, INF),
        derivative=lambda o, x, c: (c * _of_one_plus(o, x, c - 1), o.xlog1py(_of_one_plus(o, x, c), x)),
        numpy_helpers=("_pow1pm1",), torch_helpers=("_pow1pm1",),
        latex="\\left(\\left(1 + {0}\\right)^{{{1}}} - 1\\right)",
        source="expm1(c log1p(x))", surface=False, conditioned=True, display=lambda o, x, c: (1 + x) ** c - 1,
    ),
)  # fmt: skip
