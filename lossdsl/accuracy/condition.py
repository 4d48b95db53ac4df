"""The condition number of a result: how much it magnifies relative errors of the inputs.

It is the sum over the inputs x of |x q'(x)/q(x)|, for a result q (a value, or an entry of a gradient or of a Hessian
diagonal).  The derivative is the interpreter's: a difference quotient over a step of 1e-380 x, at so many digits that
nothing of it is lost.  At a kink the quotient to one side is that of the other branch; so both sides are looked at, and
the smaller one counts.

Where a result jumps, as the second derivative of Huber's loss does, no derivative tells how near the jump is.  So where
the input itself is not at a kink, the quotient over a step of four ulps counts too, if it is larger: a residual that
rounds to the threshold may be taken for the threshold.

For losses with reductions all inputs are moved at once, each up or down at random, and the largest of a few such sums
of x q'(x)/q(x) stands for the sum of their magnitudes: it is never larger, so the goal is never easier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
from mpmath import mpf

from lossdsl.accuracy.truth import Arguments, Judge, Key, Objects, objects
from lossdsl.accuracy.ulps import Floats
from lossdsl.check.precision import Precision

DIGITS = 500
TINY = mpf("1e-380")
"""Below the distance of any input from a kink, in relative terms."""
ULPS = 4
"""How far an input may be off: what the goal allows for a value."""
ARRAY_DIGITS, ARRAY_TINY = 160, mpf("1e-60")
"""The same for arrays, which are not measured so close to kinks."""
TRIALS = 6
SEED = 20240229
SAME = mpf("1e-9")
"""Slopes to both sides differ by less where there is no kink."""
CAP = 1e300


def condition_numbers(judge: Judge, arguments: Arguments, precision: Precision) -> dict[Key, Floats]:
    """For each entry of each result; at least 1, since a result may always be off by what one input is."""
    with mpmath.workdps(DIGITS):
        step = 2 * ULPS * precision.roundoff
        digits, tiny = (DIGITS, TINY) if judge.by_element else (ARRAY_DIGITS, ARRAY_TINY)
        start = judge.answer(arguments, digits)
        found = {key: np.zeros(array.size) for key, array in start.items()}
        for moves in _by_argument(judge, arguments) if judge.by_element else _at_random(judge, arguments):
            moved = [_moved(arguments, moves, h) for h in (tiny, -tiny, step, -step)]
            sides = [judge.answer(each, digits) for each in moved]
            for key, array in start.items():
                ratios = _magnified(array, [side[key] for side in sides], step, tiny)
                found[key] = found[key] + ratios if judge.by_element else np.maximum(found[key], ratios)
    return {key: np.clip(numbers, 1.0, CAP) for key, numbers in found.items()}


Signs = dict[str, npt.NDArray[np.int64]]
"""In which direction each entry of an argument is moved."""


def _movable(judge: Judge, arguments: Arguments) -> list[str]:
    """Inputs that can be a little different: no labels, no hyperparameters that are Python numbers."""
    args = [arg for arg in judge.program.args if not arg.whole and arg.name in arguments]
    return [arg.name for arg in args if arg.axes or arg.role != "hyper"]


def _by_argument(judge: Judge, arguments: Arguments) -> Iterator[Signs]:
    """Each argument on its own, all elements at once, since they are independent."""
    for name in _movable(judge, arguments):
        yield {name: np.ones(np.shape(arguments[name]), dtype=np.int64)}


def _at_random(judge: Judge, arguments: Arguments) -> Iterator[Signs]:
    """All entries of all arguments, each up or down at random."""
    rng = np.random.default_rng(SEED)
    for _ in range(TRIALS):
        yield {name: rng.choice([-1, 1], np.shape(arguments[name])) for name in _movable(judge, arguments)}


def _moved(arguments: Arguments, signs: Signs, relative: mpf) -> dict[str, Any]:
    def entries(name: str) -> Objects:
        given = np.asarray(arguments[name])
        pairs = zip(given.reshape(-1).tolist(), signs[name].reshape(-1).tolist(), strict=True)
        return objects([mpf(entry) * (1 + sign * relative) for entry, sign in pairs], given.shape)

    return {**arguments, **{name: entries(name) for name in signs}}


def _magnified(start: Objects, sides: Sequence[Objects], step: mpf, tiny: mpf) -> Floats:
    columns = zip(start.reshape(-1), *(side.reshape(-1) for side in sides), strict=True)
    return np.array([_ratio(q, up, down, far_up, far_down, step, tiny) for q, up, down, far_up, far_down in columns])


def _ratio(q: mpf, up: mpf, down: mpf, far_up: mpf, far_down: mpf, step: mpf, tiny: mpf) -> float:
    """The relative change of q by that of an input, next to it and four ulps away."""
    near = sorted(_change(q, other) for other in (up, down))
    slope = near[0] / tiny
    if near[1] - near[0] > SAME * near[1]:
        return float(min(slope, mpf(CAP)))
    far = max(_change(q, far_up), _change(q, far_down)) / step
    return float(min(max(slope, far), mpf(CAP)))


def _change(q: mpf, other: mpf) -> mpf:
    """The relative change; a change from 0 is as large as can be."""
    if not mpmath.isfinite(q) or not mpmath.isfinite(other) or q == other:
        return mpf(0)
    return abs((other - q) / q) if q else mpf(CAP)
