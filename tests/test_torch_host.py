"""Functions of hyperparameters alone in PyTorch code: Python numbers with IEEE results, never an exception."""

from __future__ import annotations

import itertools
import math

import mpmath
import pytest

from lossdsl.backends.torch import host, host_functions
from lossdsl.diagnostics import CompilerBug
from lossdsl.functions.table import TABLE
from tests.functions_cases import ORDERED, ORDERS

WRITTEN_BY_THE_EMITTER = {
    "add", "sub", "mul", "neg", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "abs", "max", "min", "where",
    "stop_gradient",
}  # fmt: skip
ONLY_IN_DERIVATIVES = {"polygamma", "exp_moment", "normal_hazard", "normal_residual"}
"""No derivative is taken with respect to a hyperparameter that is a number."""

POINTS = [
    -750.0,
    -40.5,
    -11.0,
    -9.0,
    -2.5,
    -1.0,
    -0.7,
    -1e-9,
    0.0,
    1e-9,
    0.3,
    0.5,
    0.9,
    1.0,
    1.5,
    2.0,
    7.3,
    30.0,
    720.0,
]
POINTS += [math.inf, -math.inf]

HOST = sorted(TABLE.keys() - WRITTEN_BY_THE_EMITTER - ONLY_IN_DERIVATIVES)


@pytest.mark.parametrize("name", HOST)
def test_every_function_of_the_table(name: str) -> None:
    row = TABLE[name]
    function = getattr(host_functions, f"_host_{name}")
    assert row.arity is not None
    points = POINTS if row.arity < 3 else POINTS[::3]
    for args in itertools.product(*((ORDERS if k == 0 and name in ORDERED else points) for k in range(row.arity))):
        with mpmath.workprec(300):
            expected = float(row.oracle(*map(mpmath.mpf, args)))
        found = function(*args)
        if math.isnan(expected):
            assert math.isnan(found), args
        elif math.isinf(expected) or abs(expected) < 1e-290:
            assert found == pytest.approx(expected, abs=1e-290), args
        else:
            # libm's erfc is off by 1e-13 in its far tail, and lgamma by as much times its condition number
            assert found == pytest.approx(expected, rel=2e-13, abs=1e-15), args


def test_a_function_without_a_row_says_what_to_edit() -> None:
    assert host.text("exp", ["x"]) == "_host_exp(x)"
    with pytest.raises(CompilerBug, match=r"polygamma of Python numbers has no function in .*host_functions.py"):
        host.text("polygamma", ["1", "x"])
