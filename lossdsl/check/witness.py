"""Autograd as a witness: of a gradient in closed form, and not always right itself.

Where the two differ, the interpreter decides.  At a point in general position autograd may lose digits, up to half of
them: more is a wrong formula.  At others it is known to be wrong in these ways, which are explained and not held
against the closed form:

* at a kink it follows the operations instead of the function: clamp'(0) = 1 and maximum(t, 0)'(0) = 1/2;
* it multiplies 0 by inf: in the branch of a `where` that is not taken, in xlogy(t, t) at 0, in a logsumexp over -inf;
* its formulas lose digits where functions saturate: y*(1 - y) for the sigmoid, 1 - y^2 for tanh, softplus above its
  threshold.
"""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from lossdsl.check.compare import Comparison, Fault, compare
from lossdsl.check.points import Kind, Point
from lossdsl.check.precision import Precision
from lossdsl.check.reference import DIGITS, Expected

BRANCHES = "autograd multiplies 0 by inf in a branch that is not taken"
SATURATION = "autograd loses digits, or overflows, where functions saturate"
EXCUSES: dict[Kind, str] = {
    "kink": "at a kink autograd follows the operations, not the function",
    "mask": BRANCHES,
    "size": BRANCHES,
    "ends": SATURATION,
    "extreme": SATURATION,
}
LOSES_DIGITS = "autograd loses digits"


def judge(found: Any, witness: Any, expected: Expected, point: Point) -> tuple[Comparison, str] | None:
    """The closed form against autograd, and why they may differ; no reason if they do not, or if they may not.

    None where both are wrong: then they say nothing about each other.
    """
    wrong = bool(compare(found, expected, point.precision).wrong)
    if wrong and compare(witness, expected, point.precision).wrong:
        return None
    comparison = _difference(found, witness, expected, point.precision)
    excuse = EXCUSES.get(point.kind) or (LOSES_DIGITS if _close(comparison, expected, point.precision) else "")
    if comparison.wrong and not wrong and excuse:
        return comparison, f" {comparison.wrong}: {excuse}, and the interpreter sides with the closed form"
    return comparison, ""


def _difference(found: Any, witness: Any, expected: Expected, precision: Precision) -> Comparison:
    if isinstance(witness, Fault):
        return Comparison(1, wrong=f"autograd raises {witness}")
    if isinstance(found, Fault) or np.shape(witness) != expected.reference.shape:
        return compare(found, expected, precision)
    nan = _without_number(found, witness, expected)
    return nan or compare(found, _as_expected(witness, expected), precision)


def _without_number(found: Any, witness: Any, expected: Expected) -> Comparison | None:
    """The first entry at which autograd gives nan, though there is a derivative."""
    for place in np.ndindex(np.shape(witness)):
        if np.isnan(witness[place]) and not mpmath.isnan(expected.reference[place]):
            return Comparison(1, float("inf"), 0.0, place, f"is {np.asarray(found)[place]!s}, autograd gives nan")
    return None


def _close(comparison: Comparison, expected: Expected, precision: Precision) -> bool:
    """Whether half of the digits agree of those that cancellation in the formula leaves; errors are in ulps.

    What is allowed (twice, as both are off) over the roundings of the longest way is an ulp of the numbers that cancel.
    """
    if comparison.error is None or comparison.allowed is None or comparison.vast:
        return False
    cancelled = max(1.0, comparison.allowed / expected.roundings)
    return bool(comparison.error <= 2.0 ** (precision.bits / 2) * cancelled)


def _as_expected(witness: Any, expected: Expected) -> Expected:
    """Both are off by rounding: twice what is allowed for one."""
    numbers = np.empty(np.size(witness), dtype=object)
    numbers[:] = [mpf(float(x)) for x in np.asarray(witness).reshape(-1)]
    undefined = np.array([bool(mpmath.isnan(x)) for x in expected.reference.reshape(-1)], dtype=bool)
    numbers[undefined] = mpf("nan")
    with mpmath.workdps(DIGITS):
        return Expected(
            numbers.reshape(np.shape(witness)),
            expected.scale,
            np.asarray(2 * expected.allowed, dtype=object),
            2 * expected.roundings,
        )
