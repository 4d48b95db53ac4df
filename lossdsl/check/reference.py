"""What a result must be, and how much of it rounding may take: both from the reference interpreter.

The value of a result is that of the formula in so many digits that doubling their number changes nothing.

The tolerance is computed, in two parts.  Let K be the number of operations on the longest way from an argument to the
result: each operation of the formula once, a reduction as often as it has elements.

* Where nothing cancels, K operations, each right within 4 ulps (8 roundings) as elementary functions are, leave a
  relative error of at most 8 K u, u being the unit roundoff.  A derivative of order d goes the way d times more.
* Where something cancels, the error is u * sum |c_k| over the roundings k, with factors c_k that depend on the point.
  They show in the formula itself, evaluated operation by operation (derivatives by the chain rule) with b bits: its
  error is sum c_k d_k with |d_k| <= 2^-b.  Taken as random, its root mean square is at least 2^-b sum |c_k|/sqrt(3 K),
  by the inequality of Cauchy and Schwarz; the largest of four such errors (for four b, each scaled by 2^b) is above an
  eighth of that, except with a probability of about (1/8)^4.  So the error allowed is 8 sqrt(3 K) times the largest.

The formula is evaluated in its promised form (see `promises`): what section 7 promises to be accurate is one operation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
from mpmath import mpf

from lossdsl.check.precision import Precision
from lossdsl.check.promises import promised
from lossdsl.meaning.core import Along, Apply, Expr, If, Index, Let, Program, Read, Reduce
from lossdsl.meaning.interpret import EvaluationError, Interpreter, accurate
from lossdsl.meaning.reference.walk import bottom_up, bound_by, children, roots

ROUNDINGS = 8
"""Of one operation: 4 ulps."""
DIGITS = 30
"""For sums and quotients of errors; they are not needed to more than one."""
LUCK = 8
"""How much smaller than its root mean square the largest of the observed errors is taken to be."""

Objects = npt.NDArray[np.object_]
Result = Callable[[Interpreter], Any]


@dataclass(frozen=True)
class Expected:
    """The reference, the magnitude that errors are relative to, and the error that is allowed; in `mpf`, by entry."""

    reference: Objects
    scale: Objects
    allowed: Objects


@dataclass(frozen=True)
class Refused:
    """The language forbids this call: every implementation has to refuse it."""

    reason: str


@dataclass(frozen=True)
class Undecided:
    """The result hangs on a rounding: a condition compares two numbers that differ in no digit."""

    reason: str


Outcome = Expected | Refused | Undecided


class Reference:
    """The judge of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.witness = promised(program)
        self.elementwise = is_elementwise(program)

    def expect(self, arguments: Mapping[str, Any], precision: Precision, order: int, result: Result) -> Outcome:
        """The outcome of `result`, a derivative of this order (0: a value), where code computes in `precision`."""
        try:
            reference = np.asarray(accurate(self.program, arguments, result), dtype=object)
            lost = self._lost(arguments, precision, reference, result)
        except EvaluationError as error:
            return Refused(error.message)
        except ArithmeticError as error:
            return Undecided(str(error))
        operations = (order + 1) * self._operations(arguments)
        with mpmath.workdps(DIGITS):
            scale = self._scale(reference)
            plain = ROUNDINGS * operations * precision.roundoff * scale
            cancelled = LUCK * mpmath.sqrt(3 * operations) * lost
            return Expected(reference, scale, np.asarray(plain + cancelled + precision.smallest, dtype=object))

    def _lost(self, arguments: Mapping[str, Any], precision: Precision, reference: Objects, result: Result) -> Objects:
        """The largest error of the formula at low precision, scaled to `precision`; inf where it is no number."""
        largest = np.full(reference.shape, mpf(0), dtype=object)
        for digits in precision.digits:
            found = np.asarray(result(Interpreter(self.witness, digits).bind(arguments)), dtype=object)
            with mpmath.workdps(DIGITS):
                factor = precision.reduction(digits)
                for place in np.ndindex(reference.shape):
                    error = _distance(found[place], reference[place]) * factor
                    largest[place] = max(largest[place], error)
        return largest

    def _scale(self, reference: Objects) -> Objects:
        """Of an elementwise loss the magnitude of each entry, else the largest; those that are finite."""
        magnitudes = [abs(entry) if mpmath.isfinite(entry) else mpf(0) for entry in reference.reshape(-1)]
        scale = np.empty(len(magnitudes), dtype=object)
        scale[:] = magnitudes if self.elementwise else [max(magnitudes, default=mpf(0))] * len(magnitudes)
        return scale.reshape(reference.shape)

    def _operations(self, arguments: Mapping[str, Any]) -> int:
        """The longest way from an argument to the loss, counted generously: every operation once, loops by length."""
        evaluated = Interpreter(self.program, 15).bind(arguments).plain
        count = math.prod(len(evaluated.ranges[id(var)]) for var in self.program.free)
        for node in bottom_up(roots(self.program)):
            match node:
                case Reduce() | Along():
                    count += math.prod(len(evaluated.ranges[id(var)]) for var in bound_by(node))
                case Apply() | If():
                    count += 1
        return max(count, 1)


def _distance(found: mpf, reference: mpf) -> mpf:
    if found == reference or reference != reference:
        return mpf(0)
    return mpf("inf") if found != found else abs(found - reference)


def is_elementwise(program: Program) -> bool:
    """Whether an element of the loss depends on one position of each argument, so that every entry stands alone."""
    return all(_stands_alone(node) for node in bottom_up(roots(program)))


def _stands_alone(node: Expr) -> bool:
    match node:
        case Reduce() | Along():
            return False
        case Read(array=Let()):
            return True
        case Read():
            return all(isinstance(index, Index) for index in children(node))
    return True
