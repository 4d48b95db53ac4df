"""What results must be, and how much of them rounding may take: both from the reference interpreter.

The value of a result is that of the formula in so many digits that the formula and its promised form (see `promises`),
which are equal in exact arithmetic, agree in twenty.

The tolerance is computed, in three parts.  Let K be the number of operations on the longest way from an argument to the
result: each operation of the formula once, a reduction as often as it has elements.

* Where nothing cancels, K operations, each right within 4 ulps (8 roundings) as elementary functions are, leave a
  relative error of at most 8 K u, u being the unit roundoff.  A derivative of order d goes the way d times more, and is
  a sum over many ways: its error is relative to the sum of their magnitudes (see `paths`), in whatever order it is
  added up.
* Where something cancels, the error is u * sum |c_k| over the roundings k, with factors c_k that depend on the point.
  They show in the formula itself, evaluated operation by operation (derivatives by the chain rule) in about the same
  precision, each inexact result rounded up or down at random: its error is sum c_k d_k with |d_k| <= 2 u.  Its root
  mean square is at least u sum |c_k|/sqrt(3 K), by the inequality of Cauchy and Schwarz, and the largest of four such
  errors is above an eighth of that, except with a probability of about (1/8)^4.  So 8 sqrt(3 K) times the largest is
  allowed.  (The formula is evaluated once more, rounding to nearest as code does, to see which of its conditions hang
  on a rounding: two numbers that differ by less become equal.)
* Each operation may lose what is below the smallest normal number.

The formula is evaluated in its promised form: what section 7 promises to be accurate is one operation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
from mpmath import mpf

from lossdsl.check.jets import VALUE, Answers, Jets, Key, Question, order
from lossdsl.check.paths import Magnitudes
from lossdsl.check.points import Point
from lossdsl.check.precision import Precision
from lossdsl.check.promises import promised
from lossdsl.check.rounding import at_random
from lossdsl.ir.lower import lower
from lossdsl.meaning.core import Along, Apply, Expr, If, Index, Let, Program, Read, Reduce
from lossdsl.meaning.interpret import LEAST, EvaluationError
from lossdsl.meaning.reference.arguments import Arguments
from lossdsl.meaning.reference.walk import bottom_up, bound_by, children, roots

ROUNDINGS = 8
"""Of one operation: 4 ulps."""
LUCK = 8
"""How much smaller than its root mean square the largest of the observed errors is taken to be."""
PROBES = 4
"""How often the formula is evaluated with random roundings."""
DIGITS = 30
"""For sums and quotients of errors; they are not needed to more than one."""
MOST_DIGITS = 1600
MATCHING = mpf("1e-20")
CLOSE = Fraction(1, 2**100)
"""From a hyperparameter at which code takes a limit, that of the formula which says what the limit is."""
BESIDE = Fraction(1, 2**6)
"""That of the one which says how much rounding may take: near the limit, the formula itself loses all digits."""

Objects = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Expected:
    """The reference, the magnitude that errors are relative to, and the error that is allowed; in `mpf`, by entry.

    The reference is nan where the formula has no value, or one that hangs on a rounding.  `roundings` are those of the
    longest way from an argument to the result: where nothing cancels, as many units of roundoff are allowed.
    """

    reference: Objects
    scale: Objects
    allowed: Objects
    roundings: int


@dataclass(frozen=True)
class Refused:
    """The language forbids this call: every implementation has to refuse it."""

    reason: str


class Reference:
    """The judge of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.promised = promised(program)
        self.elementwise = is_elementwise(program)
        self.limits = lower(program).table.limits

    def expect(self, point: Point, question: Question) -> dict[Key, Expected] | Refused:
        """What code that computes in the precision of the point has to answer.

        Nothing where mpmath can not: a power with an exponent like e^710 has more digits than a computer holds.
        """
        arguments, precision = self.judged(point.arguments), point.precision
        beside = self.judged(point.arguments, BESIDE)
        try:
            settled = self._settled(arguments, point.digits, question)
            there = settled if beside is arguments else self._settled(beside, point.digits, question)
            lost = self._lost(beside, precision, there, question)
            terms = self._terms(arguments, question)
        except EvaluationError as error:
            return Refused(error.message)
        except ArithmeticError:
            return {}
        operations = self._operations(arguments)
        with mpmath.workdps(DIGITS):
            return {
                key: self._expected(reference, terms.get(key), lost[key], (order(key) + 1) * operations, precision)
                for key, reference in _comparable(settled, terms).items()
            }

    def has_value(self, point: Point) -> bool | Refused:
        """Whether the loss is a number there, and one that mpmath can find."""
        try:
            answers = Jets(self.program, point.digits, self.judged(point.arguments)).answer(Question({}))
        except EvaluationError as error:
            return Refused(error.message)
        except ArithmeticError:
            return False
        return not any(entry != entry for entry in answers[VALUE, ""].reshape(-1))

    def judged(self, arguments: Mapping[str, Any], distance: Fraction = CLOSE) -> Mapping[str, Any]:
        """The arguments, moved off values of hyperparameters at which code takes a limit: the formula has none there.

        What is a limit is the compiler's to say; that it is the right one, the formula says right beside it.
        """
        moved = {
            name: value + side * distance
            for (name, value), side in self.limits.items()
            if name in arguments and arguments[name] == value
        }
        return {**arguments, **moved} if moved else arguments

    # ------------------------------------------------------------ the reference

    def _settled(self, arguments: Mapping[str, Any], digits: int, question: Question) -> Answers:
        """The formula, in more and more digits, until its promised form agrees; nan for entries that never do."""
        while True:
            formula = Jets(self.program, digits, arguments).answer(question)
            same = self.promised is self.program
            form = formula if same else Jets(self.promised, digits, arguments).answer(question)
            settled = {key: _agreed(formula[key], form[key]) for key in formula}
            lost = any(_undefined(settled[key]) > _undefined(formula[key]) for key in formula)
            if not lost or digits >= MOST_DIGITS:
                return settled
            digits *= 2

    def _expected(
        self, reference: Objects, terms: Objects | None, lost: Objects, operations: int, precision: Precision
    ) -> Expected:
        scale = self._scale(reference)
        roundings = ROUNDINGS * operations
        plain = roundings * precision.roundoff * (scale if terms is None else terms)
        cancelled = LUCK * mpmath.sqrt(3 * operations) * lost
        flushed = operations * precision.smallest
        return Expected(reference, scale, np.asarray(plain + cancelled + flushed, dtype=object), roundings)

    def _scale(self, reference: Objects) -> Objects:
        """Of an elementwise loss the magnitude of each entry, else the largest; those that are finite."""
        magnitudes = [abs(entry) if mpmath.isfinite(entry) else mpf(0) for entry in reference.reshape(-1)]
        largest = [max(magnitudes, default=mpf(0))] * len(magnitudes)
        return _array(magnitudes if self.elementwise else largest, reference.shape)

    def overflows(self, point: Point, question: Question) -> bool:
        """Whether the formula itself, in its promised form, passes what the precision can represent on its way."""
        beside = self.judged(point.arguments, BESIDE)
        found = Jets(self.promised, point.precision.digits, beside).largest(question)
        return bool(found > point.precision.largest)

    # ------------------------------------------------------------ rounding

    def _lost(
        self, arguments: Mapping[str, Any], precision: Precision, settled: Answers, question: Question
    ) -> Answers:
        """The largest error of the formula at low precision, scaled to `precision`; inf where it is no number."""
        lost = {key: _array([mpf(0)] * array.size, array.shape) for key, array in settled.items()}
        probes: list[AbstractContextManager[None]] = [nullcontext(), *map(at_random, range(PROBES))]
        for probe in probes:
            with probe:
                found = Jets(self.promised, precision.digits, arguments).answer(question)
            with mpmath.workdps(DIGITS):
                for key, array in lost.items():
                    for place in np.ndindex(array.shape):
                        error = _distance(found[key][place], settled[key][place]) * precision.surplus
                        array[place] = max(array[place], error)
        return lost

    def _terms(self, arguments: Mapping[str, Any], question: Question) -> Answers:
        """For each derivative the magnitude of its terms; inf where one of them is not finite."""
        along = {name: np.abs(vector) for name, vector in question.vectors.items()}
        asked = replace(question, vectors=along, exports=False)
        found = Jets(self.promised, DIGITS, arguments, Magnitudes).answer(asked)

        def size(term: mpf) -> mpf:
            return term if term == term else mpf("inf")

        return {
            key: _array([size(x) for x in array.reshape(-1)], array.shape) for key, array in found.items() if order(key)
        }

    def _operations(self, arguments: Mapping[str, Any]) -> int:
        """The longest way from an argument to the loss, counted generously: every operation once, loops by length."""
        bound = Arguments(self.program, arguments)

        def length(variables: tuple[Any, ...]) -> int:
            return math.prod(max(0, bound.extent(var.high) - bound.extent(var.low)) for var in variables)

        count = length(self.program.free)
        for node in bottom_up(roots(self.program)):
            match node:
                case Reduce() | Along():
                    count += length(bound_by(node))
                case Apply() | If():
                    count += 1
        return max(count, 1)


def _comparable(settled: Answers, terms: Answers) -> Answers:
    """Without infinite derivatives, second ones with infinite terms, and those of an infinite loss: there are none."""
    infinite = any(mpmath.isinf(entry) for entry in settled[VALUE, ""].reshape(-1))

    def kept(entry: mpf, term: mpf, order: int) -> mpf:
        exists = not (infinite or mpmath.isinf(entry) or (order == 2 and mpmath.isinf(term)))
        return entry if exists else mpf("nan")

    def derivatives(key: Key, array: Objects) -> Objects:
        pairs = zip(array.reshape(-1), terms[key].reshape(-1), strict=True)
        return _array([kept(entry, term, order(key)) for entry, term in pairs], array.shape)

    return {key: derivatives(key, array) if order(key) else array for key, array in settled.items()}


def _array(entries: list[mpf], shape: tuple[int, ...]) -> Objects:
    array = np.empty(len(entries), dtype=object)
    array[:] = entries
    return array.reshape(shape)


def _agreed(formula: Objects, form: Objects) -> Objects:
    """Where both agree, the formula's value; where the formula is not finite and the form is, the form's; else nan.

    log(1 - sigmoid(1e30)) is -inf in any number of digits that a computer holds.
    """

    def entry(one: mpf, other: mpf) -> mpf:
        if one == other or one != one != other != other:
            return one
        if not mpmath.isfinite(one) and mpmath.isfinite(other):
            return other
        return one if abs(one - other) <= max(MATCHING * abs(one), LEAST) else mpf("nan")

    return _array([entry(a, b) for a, b in zip(formula.reshape(-1), form.reshape(-1), strict=True)], formula.shape)


def _undefined(array: Objects) -> int:
    return sum(entry != entry for entry in array.reshape(-1))


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
