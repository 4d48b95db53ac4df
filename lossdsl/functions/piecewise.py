"""Rows for functions with kinks and steps; each derivative says which side or share it takes there."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from lossdsl.functions import oracles
from lossdsl.functions.lazy import sympy
from lossdsl.functions.row import CONDITION, INF, REAL, Function

HALF = Fraction(1, 2)


def _step(x: Any) -> Any:
    """floor(x + 1/2), but the even neighbour where x is half-way."""
    sp = sympy()
    up = sp.floor(x + sp.Rational(1, 2))
    halfway_odd = sp.And(sp.Eq(up, x + sp.Rational(1, 2)), sp.Eq(up - 2 * sp.floor(up / 2), 1))
    return sp.Piecewise((up - 1, halfway_odd), (up, True))


def _fraction(x: Any) -> Any:
    sp = sympy()
    return x - sp.sign(x) * sp.floor(sp.Abs(x))


def _clip(x: Any, low: Any, high: Any) -> Any:
    sp = sympy()
    return sp.Piecewise((high, sp.Or(sp.Gt(x, high), sp.Gt(low, high))), (low, sp.Lt(x, low)), (x, True))


def _extreme(values: tuple[Any, ...], is_greatest: bool) -> Any:
    sp = sympy()
    extreme = values[0]
    for value in values[1:]:
        better = sp.Gt(value, extreme) if is_greatest else sp.Lt(value, extreme)
        extreme = sp.Piecewise((value, better), (extreme, True))
    return extreme


def _shares(o: Any, extreme: Any, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """1/k for each of the k values that attain the extreme, 0 for the others."""
    hits = [o.where(o.eq(value, extreme), 1, 0) for value in values]
    ties = hits[0]
    for hit in hits[1:]:
        ties = ties + hit
    return tuple(hit / ties for hit in hits)


def _max_derivative(o: Any, *values: Any) -> tuple[Any, ...]:
    if len(values) > 2:
        return _shares(o, o.max(*values), values)
    x, y = values
    tie = o.where(o.eq(x, y), HALF, 0)
    return o.where(o.gt(x, y), 1, tie), o.where(o.gt(y, x), 1, tie)


def _min_derivative(o: Any, *values: Any) -> tuple[Any, ...]:
    if len(values) > 2:
        return _shares(o, o.min(*values), values)
    x, y = values
    tie = o.where(o.eq(x, y), HALF, 0)
    return o.where(o.lt(x, y), 1, tie), o.where(o.lt(y, x), 1, tie)


ROWS = (
    Function(
        "abs", 1, lambda x: sympy().Abs(x), oracles.absolute, "np.abs({0})", "torch.abs({0})", (REAL,), (0.0, INF),
        derivative=lambda o, x: (o.sign(x),), kinks=(0.0,), curvature="convex", latex="\\left|{0}\\right|",
        finite_derivative=True, result="same", source="torch.abs: derivative 0 at 0", ulps=0,
    ),
    Function(
        "sign", 1, lambda x: sympy().sign(x), oracles.sign, "np.sign({0})", "torch.sign({0})", (REAL,), (-1.0, 1.0),
        derivative=lambda o, x: (0,), kinks=(0.0,), monotone=1,
        finite_derivative=True, result="int", source="0 at 0", ulps=0,
    ),
    Function(
        "relu", 1, lambda x: sympy().Piecewise((x, x > 0), (0, True)), oracles.relu,
        "_larger({0}, 0)", "torch.relu({0})", (REAL,), (0.0, INF),
        derivative=lambda o, x: (o.where(o.gt(x, 0), 1, 0),), kinks=(0.0,), monotone=1, curvature="convex",
        numpy_helpers=("_larger",), latex="\\max({0}, 0)", finite_derivative=True, result="same",
        source="torch.relu: derivative 0 at 0", ulps=0,
    ),
    Function(
        "clip", 3, _clip, oracles.clip,
        "_clip({0}, {1}, {2})", "_clip({0}, {1}, {2})", (REAL, REAL, REAL), REAL,
        derivative=lambda o, x, low, high: (
            o.where(o.both(o.le(low, x), o.le(x, high)), 1, 0),
            o.where(o.both(o.lt(x, low), o.le(low, high)), 1, 0),
            o.where(o.either(o.gt(x, high), o.gt(low, high)), 1, 0),
        ),
        numpy_helpers=("_clip",), torch_helpers=("_clip",), finite_derivative=True, result="same",
        source="torch.clamp: derivative 1 at the bounds; the upper bound where they cross, the lower where they meet",
        ulps=0,
    ),
    Function(
        "max", None, lambda *values: _extreme(values, True), oracles.maximum,
        "_larger({0}, {1})", "_maximum({args})", (REAL,), REAL,
        derivative=_max_derivative, numpy_helpers=("_larger",), torch_helpers=("_maximum",),
        latex="\\max\\left({args}\\right)", finite_derivative=True, result="same",
        source="torch.amax: ties share the gradient equally", ulps=0,
    ),
    Function(
        "min", None, lambda *values: _extreme(values, False), oracles.minimum,
        "_smaller({0}, {1})", "_minimum({args})", (REAL,), REAL,
        derivative=_min_derivative, numpy_helpers=("_smaller",), torch_helpers=("_minimum",),
        latex="\\min\\left({args}\\right)", finite_derivative=True, result="same",
        source="torch.amin: ties share the gradient equally", ulps=0,
    ),
    Function(
        "floor", 1, lambda x: sympy().floor(x), oracles.floor, "np.floor({0})", "torch.floor({0})", (REAL,), REAL,
        derivative=lambda o, x: (0,), monotone=1, latex="\\left\\lfloor {0} \\right\\rfloor",
        finite_derivative=True, result="int", source="torch.floor", ulps=0,
    ),
    Function(
        "round", 1, _step, oracles.nearest, "np.round({0})", "torch.round({0})", (REAL,), REAL,
        derivative=lambda o, x: (0,), monotone=1, finite_derivative=True, result="int",
        source="torch.round: half to even", ulps=0,
    ),
    Function(
        "fraction", 1, _fraction, oracles.fraction, "_fraction({0})", "torch.frac({0})", (REAL,), (-1.0, 1.0),
        derivative=lambda o, x: (1,), numpy_helpers=("_fraction",), finite_derivative=True,
        source="torch.frac: x minus its whole part, of the same sign; derivative 1 at whole numbers, too",
        surface=False, ulps=0, display=lambda o, x: x - o.sign(x) * o.floor(o.abs(x)),
    ),
    Function(
        "stop_gradient", 1, lambda x: x, oracles.identity, "({0})", "torch.detach({0})", (REAL,), REAL,
        derivative=lambda o, x: (0,), monotone=1, curvature="affine", finite_derivative=True, result="same",
        source="torch.Tensor.detach", ulps=0,
    ),
    Function(
        "where", 3, lambda c, x, y: sympy().Piecewise((x, c), (y, True)), oracles.where,
        "np.where({0}, {1}, {2})", "torch.where({0}, {1}, {2})", (CONDITION, REAL, REAL), REAL,
        derivative=lambda o, c, x, y: (0, o.where(c, 1, 0), o.where(c, 0, 1)),
        latex="\\begin{{cases}} {1} & {0} \\\\ {2} & \\text{{otherwise}} \\end{{cases}}",
        finite_derivative=True, result="same", source="the conditional of the language", surface=False, ulps=0,
    ),
)  # fmt: skip
