"""The true values: of a loss, its gradient and its Hessian diagonal, by the reference interpreter.

The formula is evaluated at one precision and its promised form (equal in exact arithmetic, `lossdsl.check.promises`) at
another; what agrees in twenty digits is the truth, the rest is evaluated again with the formula in many more.  An
infinity, or no number, may come from a difference that is not really 0, and is believed then only; and a form that is
finite wins, since log(1 - sigmoid(1e30)) is infinite in any number of digits that a computer holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import mpmath
import numpy as np
import numpy.typing as npt
from mpmath import mpf

from lossdsl.accuracy.losses import functions
from lossdsl.accuracy.summation import Bounds, Summations
from lossdsl.check.jets import Jets
from lossdsl.check.paths import Magnitudes
from lossdsl.check.precision import Precision
from lossdsl.check.promises import promised
from lossdsl.meaning.core import Program
from lossdsl.meaning.interpret import LEAST, EvaluationError
from lossdsl.meaning.reference.duals import total

Quantity = Literal["value", "gradient", "Hessian diagonal", "sum"]
QUANTITIES: tuple[Quantity, ...] = ("value", "gradient", "Hessian diagonal", "sum")
Key = tuple[Quantity, str]
"""What, and of which argument ("" for the value)."""
Objects = npt.NDArray[np.object_]
Answers = dict[Key, Objects]
Arguments = Mapping[str, Any]

FIRST, AGAIN, FORM = 400, 4500, 600
"""Digits of the formula, first and again, and of its form.  At 400 no float64 is lost beside 1; at 4500 not even
exp(-1e4) is."""
VAST, AGAIN_IF_VAST = 1e5, 1300
"""Above it no number of digits saves an exponential, and powers are saved by these; whole arrays are not worth more."""
SLOW = frozenset({"lgamma", "digamma", "erf", "erfc", "normal_cdf", "normal_logcdf"})
SLOW_DIGITS = (120, 400, 400)
"""The same for functions whose cost in mpmath grows with more than the square of the digits.  The last two have to tell
1 from nothing beside 1e323, a number over a subnormal scale."""
FAR = 1e300
"""Stands for infinity where a limit is looked for."""
DIGITS = 60
"""For magnitudes."""
CAP = 1e300
MATCHING = mpf("1e-20")


@dataclass(frozen=True)
class Judge:
    """The interpreter, for one program."""

    program: Program
    form: Program
    wrt: tuple[str, ...]
    by_element: bool
    digits: tuple[int, int, int]

    @classmethod
    def of(cls, program: Program, wrt: tuple[str, ...], by_element: bool) -> Judge:
        digits = SLOW_DIGITS if SLOW & functions(program) else (FIRST, AGAIN, FORM)
        return cls(program, promised(program), wrt, by_element, digits)

    def truth(self, arguments: Arguments) -> Answers:
        """The entries of every result; nan where there is no value, or none that can be settled.

        At infinite arguments it is the limit, if the result for a vast argument confirms it.  Where the value is not
        finite there are no derivatives.
        """
        found = self._truth(arguments)
        infinite = _largest(arguments, self.by_element) == np.inf
        if self.by_element and infinite.any():
            chosen = np.flatnonzero(infinite)
            near = self._truth(_clipped(subset(arguments, chosen)))
            for key, array in found.items():
                limits = [_limit(a, b) for a, b in zip(array[chosen].flat, near[key].flat, strict=True)]
                array[chosen] = objects(limits, near[key].shape)
        return self._differentiable(found)

    def _differentiable(self, found: Answers) -> Answers:
        value = found["value", ""].reshape(-1)
        infinite = np.array([not mpmath.isfinite(entry) for entry in value], dtype=bool)
        for key, array in found.items():
            if key[0] != "value":
                array.reshape(-1)[infinite if self.by_element else np.full(array.size, infinite.any())] = mpf("nan")
        return found

    def _truth(self, arguments: Arguments) -> Answers:
        first, again, form = self.digits
        again = again if self.by_element else min(again, AGAIN_IF_VAST)
        settled = self._settled(arguments, first, form, last=False)
        vast = _largest(arguments, self.by_element) > VAST
        for chosen, digits in ((vast, min(again, AGAIN_IF_VAST)), (~vast, again)):
            places = np.flatnonzero(chosen & _open(settled, self.by_element))
            if places.size and not self.by_element:
                return self._settled(arguments, digits, form, last=True)
            if places.size:
                deeper = self._settled(subset(arguments, places), digits, form, last=True)
                for key, array in settled.items():
                    array[places] = deeper[key]
        return settled

    def answer(self, arguments: Arguments, digits: int, form: bool = True) -> Answers:
        """All results at one precision; nan where mpmath gives up."""
        program = self.form if form else self.program
        try:
            return _Everything(program, digits, arguments).answers(self.wrt)
        except (ArithmeticError, EvaluationError):
            return self._apart(arguments, digits, form)

    def _apart(self, arguments: Arguments, digits: int, form: bool) -> Answers:
        """The same for each half of the elements, so that one that can not be evaluated stands alone."""
        count = _length(arguments) if self.by_element else 1
        if count <= 1:
            return self._nothing(arguments)
        halves = np.array_split(np.arange(count), 2)
        first, second = (self.answer(subset(arguments, half), digits, form) for half in halves)
        return {key: np.concatenate([first[key], second[key]]) for key in first}

    def _nothing(self, arguments: Arguments) -> Answers:
        shapes: dict[Key, tuple[int, ...]] = {("value", ""): (1,) if self.by_element else ()}
        for name in self.wrt:
            shape = (1,) if self.by_element else np.shape(arguments[name])
            shapes |= {("gradient", name): shape, ("Hessian diagonal", name): shape}
        return {key: np.full(shape, mpf("nan"), dtype=object) for key, shape in shapes.items()}

    def _settled(self, arguments: Arguments, digits: int, form_digits: int, last: bool) -> Answers:
        formula, form = self.answer(arguments, digits, form=False), self.answer(arguments, form_digits)
        with mpmath.workdps(max(digits, form_digits)):
            return {key: _agreed(formula[key], form[key], last) for key in formula}


class _Everything(Jets):
    """Value, gradient and Hessian diagonal from one evaluation: elements, and derivatives of their sum."""

    def answers(self, wrt: tuple[str, ...]) -> Answers:
        with mpmath.workdps(self.digits):
            evaluation, starts = self._evaluation(wrt, None, "own")
            elements = self._elements(evaluation)
            loss = total([element for element in elements if element is not None])
            found: Answers = {("value", ""): self._array_of(elements)}
            for name, array in self._parts(wrt, starts, loss, second=False).items():
                found["gradient", name] = array
            for name, array in self._parts(wrt, starts, loss, second=True).items():
                found["Hessian diagonal", name] = array
            return found


def subset(arguments: Arguments, chosen: npt.NDArray[Any]) -> dict[str, Any]:
    """The arguments of some of the elements."""
    return {name: value[chosen] if np.ndim(value) else value for name, value in arguments.items()}


def _length(arguments: Arguments) -> int:
    """How many elements the arguments of an elementwise loss have."""
    return max(int(np.shape(value)[0]) for value in arguments.values() if np.ndim(value))


def objects(entries: Sequence[Any], shape: tuple[int, ...]) -> Objects:
    """An array that holds these numbers of mpmath."""
    array = np.empty(len(entries), dtype=object)
    array[:] = entries
    return array.reshape(shape)


def _agreed(formula: Objects, form: Objects, last: bool) -> Objects:
    pairs = zip(formula.reshape(-1), form.reshape(-1), strict=True)
    return objects([_entry(one, other, last) for one, other in pairs], formula.shape)


def _entry(formula: mpf, form: mpf, last: bool) -> mpf:
    if mpmath.isfinite(formula) and mpmath.isfinite(form):
        return form if abs(formula - form) <= max(MATCHING * abs(form), LEAST) else mpf("nan")
    if not last:
        return mpf("nan")
    return form if formula == form or mpmath.isfinite(form) else mpf("nan")


def _open(answers: Answers, by_element: bool) -> npt.NDArray[np.bool_]:
    """Where any result is not settled: element by element, or at all."""
    masks = [np.array([entry != entry for entry in array.flat], dtype=bool) for array in answers.values()]
    if by_element:
        return np.asarray(np.logical_or.reduce(masks))
    return np.array([any(mask.any() for mask in masks)])


def _largest(arguments: Arguments, by_element: bool) -> npt.NDArray[np.float64]:
    """The largest magnitude among the arguments: of each element, or of all."""
    columns = [
        np.abs(np.asarray(value, dtype=np.float64)).reshape(-1) for value in arguments.values() if np.ndim(value)
    ]
    if by_element:
        return np.asarray(np.maximum.reduce(columns))
    return np.array([max((column.max(initial=0.0) for column in columns), default=0.0)])


def _clipped(arguments: Arguments) -> dict[str, Any]:
    arrays = {name: value for name, value in arguments.items() if np.ndim(value)}
    return {**arguments, **{name: np.clip(array.astype(np.float64), -FAR, FAR) for name, array in arrays.items()}}


def _limit(at: mpf, near: mpf) -> mpf:
    """What an infinite argument gives, if a vast one gives nearly the same."""
    if mpmath.isinf(at) and mpmath.isfinite(near):
        return at if abs(near) > 1e200 and (near > 0) == (at > 0) else mpf("nan")
    return at if at == near or abs(at - near) <= 1e-9 * abs(at) + mpf("1e-290") else mpf("nan")


def magnitudes(
    judge: Judge, arguments: Arguments, truth: Answers, precision: Precision
) -> dict[Key, npt.NDArray[np.float64]]:
    """For each entry the magnitude of what is added up, by its own: 1 where nothing cancels.

    For derivatives these are the terms of the chain rule, for values the terms of every sum inside the formula
    (`lossdsl.accuracy.summation`).  Where terms cancel altogether, the entry counts as large as the smallest normal
    number, whose ulp is that of 0.
    """
    smallest = mpf(float(np.finfo(precision.dtype).smallest_normal))
    with mpmath.workdps(DIGITS):
        found = _Everything(judge.form, DIGITS, arguments, Magnitudes).answers(judge.wrt)
        found["value", ""] = Bounds(judge.form, DIGITS, arguments, Summations).of_elements()
        return {key: _relative(array, truth[key], smallest) for key, array in found.items()}


def _relative(magnitude: Objects, true: Objects, smallest: mpf) -> npt.NDArray[np.float64]:
    pairs = zip(magnitude.reshape(-1), true.reshape(-1), strict=True)
    ratios = [abs(m) / max(abs(q), smallest) if mpmath.isfinite(q) and mpmath.isfinite(m) else mpf(1) for m, q in pairs]
    return np.array([float(min(max(ratio, mpf(1)), mpf(CAP))) for ratio in ratios])
