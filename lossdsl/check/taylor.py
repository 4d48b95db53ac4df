"""A gradient against finite differences, by the rate of the Taylor remainder.

Let g be the gradient that emitted code gives at x.  If it is right, then L(x + h v) - L(x) - h g.v is c h^2 + O(h^3):
halving h divides it by four.  If g is wrong by e, the remainder contains h e.v, and halving h only halves it.  No step
has to be chosen well, and no derivative is needed; the values are the interpreter's, so that they do not cancel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from lossdsl.check.reference import Expected
from lossdsl.meaning.core import Apply, Program
from lossdsl.meaning.interpret import Interpreter
from lossdsl.meaning.reference.walk import bottom_up, roots

STEPS = tuple(Fraction(1, 2**k) for k in (20, 21, 22))
"""So small that no kink lies between x and x + h v where numbers are drawn at random."""
DIGITS = 60
RATE = mpf(2) ** mpf("-1.5")
"""Halving the step has to divide the remainder by more than this: half way, in the exponent, between 2 and 4."""


@dataclass(frozen=True)
class Rate:
    """`order` is that of the last remainder (2 if the gradient is right); None where it is below rounding."""

    order: float | None
    ok: bool


def stops_gradients(program: Program) -> bool:
    """A formula with stop_gradient has a gradient that is not its derivative, and finite differences see the latter."""
    nodes = bottom_up(roots(program))
    return any(isinstance(node, Apply) and node.function == "stop_gradient" for node in nodes)


def remainder_rate(
    program: Program,
    arguments: Mapping[str, Any],
    directions: Mapping[str, Any],
    gradients: Sequence[Any],
    expected: Sequence[Expected],
) -> Rate | None:
    """How the remainder falls along `directions` with the gradients that emitted code gave.

    `expected` says how far rounding may put these off; remainders below that are as good as none.  None where the value
    is infinite, which has no differences.
    """
    with mpmath.workdps(DIGITS):
        slope = sum((_dot(g, v) for g, v in zip(gradients, directions.values(), strict=True)), mpf(0))
        floor = sum((_dot(e.allowed, np.abs(v)) for e, v in zip(expected, directions.values(), strict=True)), mpf(0))
        start = Interpreter(program, DIGITS).bind(arguments).value()
        if not mpmath.isfinite(start):
            return None
        remainders = []
        for step in STEPS:
            h = mpf(step.numerator) / step.denominator
            moved = {name: _moved(arguments[name], v, h) for name, v in directions.items()}
            value = Interpreter(program, DIGITS).bind({**arguments, **moved}).value()
            remainders.append((abs(value - start - h * slope), h * floor))
        (before, _), (after, noise) = remainders[-2:]
        if after <= noise:
            return Rate(None, True)
        order = float(mpmath.log(before / after, 2))
        return Rate(order, bool(after <= before * RATE + noise))


def _dot(left: Any, right: Any) -> mpf:
    pairs = zip(np.asarray(left).reshape(-1).tolist(), np.asarray(right).reshape(-1).tolist(), strict=True)
    return sum((mpf(a) * mpf(b) for a, b in pairs), mpf(0))


def _moved(start: Any, direction: Any, h: mpf) -> Any:
    """x + h v, exactly."""
    x, v = np.asarray(start), np.asarray(direction)
    moved = np.empty(x.size, dtype=object)
    moved[:] = [mpf(a) + h * mpf(b) for a, b in zip(x.reshape(-1).tolist(), v.reshape(-1).tolist(), strict=True)]
    return moved.reshape(x.shape)
