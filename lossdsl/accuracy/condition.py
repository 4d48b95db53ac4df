"""The condition number of a result: how much it magnifies relative errors of the inputs.

It is the sum over the inputs x of |x q'(x)/q(x)|, for a result q (a value, or an entry of a gradient or of a Hessian
diagonal).  The derivative is the interpreter's: a difference quotient over a step of 1e-380 x, at so many digits that
nothing of it is lost.  At a kink the quotient to one side is that of the other branch; so both sides are looked at, and
the smaller one counts.

Where a result jumps, as the second derivative of Huber's loss does, no derivative tells how near the jump is.  So where
the input itself is not at a kink, the quotient over a step of four ulps counts too, if it is larger: a residual that
rounds to the threshold may be taken for the threshold.

For losses with reductions all inputs are moved at once, each up or down at random, and the largest of a few such sums
of x q'(x)/q(x) stands for the sum of their magnitudes: it is never larger, so the goal is never easier.  Trials end as
soon as what they found explains the errors that were measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
from mpmath import mpf

from lossdsl.accuracy.losses import functions
from lossdsl.accuracy.truth import SLOW, Answers, Arguments, Judge, Key, Objects, objects
from lossdsl.accuracy.ulps import Floats
from lossdsl.check.precision import Precision

DIGITS = 500
TINY = mpf("1e-380")
"""Below the distance of any input from a kink, in relative terms."""
ULPS = 4
"""How far an input may be off: what the goal allows for a value."""
ARRAY_DIGITS, ARRAY_TINY = 420, mpf("1e-60")
"""The same for arrays, which are not measured so close to kinks; the smallest results of float64, 324 digits below the
sums that they are left over from, still have enough of them."""
SLOW_ARRAY_DIGITS = 160
"""Of functions whose cost in mpmath grows with more than the square of the digits."""
FEW_DIGITS = 15
"""To learn the shapes of results."""
TRIALS = 6
SEED = 20240229
SAME = mpf("1e-9")
"""Slopes to both sides differ by less where there is no kink."""
CAP = 1e300


Explained = Callable[[Mapping[Key, Floats]], bool]
"""Whether such condition numbers explain every error: larger ones are not asked for then."""


def condition_numbers(
    judge: Judge, arguments: Arguments, precision: Precision, explained: Explained = lambda numbers: False
) -> dict[Key, Floats]:
    """For each entry of each result; at least 1, since a result may always be off by what one input is.

    Of arrays the estimate grows with each trial, until it explains what is to be explained.
    """
    with mpmath.workdps(DIGITS):
        return (
            _by_element(judge, arguments, precision)
            if judge.by_element
            else _of_arrays(judge, arguments, precision, explained)
        )


def _by_element(judge: Judge, arguments: Arguments, precision: Precision) -> dict[Key, Floats]:
    """The sum over the arguments."""
    step = 2 * ULPS * precision.roundoff
    start = judge.answer(arguments, DIGITS)
    found = {key: np.zeros(array.size) for key, array in start.items()}
    for name in _movable(judge, arguments):
        moves = {name: np.ones(np.shape(arguments[name]), dtype=np.int64)}
        near, far = (_sides(judge, arguments, moves, h, DIGITS) for h in (TINY, step))
        for key, array in start.items():
            found[key] = found[key] + _magnified(array, near[key], far[key], TINY, step)
    return _clipped(found)


def _of_arrays(judge: Judge, arguments: Arguments, precision: Precision, explained: Explained) -> dict[Key, Floats]:
    """All entries of all arguments at once, each up or down at random; the largest of a few trials."""
    step = 2 * ULPS * precision.roundoff
    digits = SLOW_ARRAY_DIGITS if SLOW & functions(judge.program) else ARRAY_DIGITS
    start: Answers | None = None
    shapes = judge.answer(arguments, FEW_DIGITS)
    found = {key: np.zeros(array.size) for key, array in shapes.items()}
    rng = np.random.default_rng(SEED)
    for _ in range(TRIALS):
        moves = {name: rng.choice([-1, 1], np.shape(arguments[name])) for name in _movable(judge, arguments)}
        near: Mapping[Key, Sides] | None = None
        for far_too in (False, True):
            if explained(_clipped(found)):
                return _clipped(found)
            start = judge.answer(arguments, digits) if start is None else start
            near = _sides(judge, arguments, moves, ARRAY_TINY, digits) if near is None else near
            far = _sides(judge, arguments, moves, step, digits) if far_too else near
            for key, array in start.items():
                ratios = _magnified(array, near[key], far[key], ARRAY_TINY, step if far_too else ARRAY_TINY)
                found[key] = np.maximum(found[key], ratios)
    return _clipped(found)


def _clipped(found: Mapping[Key, Floats]) -> dict[Key, Floats]:
    return {key: np.clip(numbers, 1.0, CAP) for key, numbers in found.items()}


Signs = dict[str, npt.NDArray[np.int64]]
"""In which direction each entry of an argument is moved."""


def _movable(judge: Judge, arguments: Arguments) -> list[str]:
    """Inputs that can be a little different: no labels, no hyperparameters that are Python numbers."""
    args = [arg for arg in judge.program.args if not arg.whole and arg.name in arguments]
    return [arg.name for arg in args if arg.axes or arg.role != "hyper"]


def _moved(arguments: Arguments, signs: Signs, relative: mpf) -> dict[str, Any]:
    def entries(name: str) -> Objects:
        given = np.asarray(arguments[name])
        pairs = zip(given.reshape(-1).tolist(), signs[name].reshape(-1).tolist(), strict=True)
        return objects([mpf(entry) * (1 + sign * relative) for entry, sign in pairs], given.shape)

    return {**arguments, **{name: entries(name) for name in signs}}


Sides = tuple[Objects, Objects]
"""A result where the inputs are a little larger, and a little smaller."""


def _sides(judge: Judge, arguments: Arguments, moves: Signs, h: mpf, digits: int) -> dict[Key, Sides]:
    up, down = (judge.answer(_moved(arguments, moves, sign * h), digits) for sign in (1, -1))
    return {key: (up[key], down[key]) for key in up}


def _magnified(start: Objects, near: Sides, far: Sides, tiny: mpf, step: mpf) -> Floats:
    """Entry by entry the relative change of a result by that of the inputs, next to them and a step away."""
    columns = zip(*(array.reshape(-1) for array in (start, *near, *far)), strict=True)
    return np.array([_ratio(q, column[:2], column[2:], tiny, step) for q, *column in columns])


def _ratio(q: mpf, near: Sequence[mpf], far: Sequence[mpf], tiny: mpf, step: mpf) -> float:
    """The relative change of q by that of an input, next to it and four ulps away."""
    changes = sorted(_change(q, other) for other in near)
    slope = changes[0] / tiny
    if changes[1] - changes[0] > SAME * changes[1]:
        return float(min(slope, mpf(CAP)))
    beyond = max(_change(q, other) for other in far) / step
    return float(min(max(slope, beyond), mpf(CAP)))


def _change(q: mpf, other: mpf) -> mpf:
    """The relative change; a change from 0 is as large as can be."""
    if not mpmath.isfinite(q) or not mpmath.isfinite(other) or q == other:
        return mpf(0)
    return abs((other - q) / q) if q else mpf(CAP)
