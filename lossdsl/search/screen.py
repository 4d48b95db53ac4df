"""Proposals that no one would train with, told without training: by exact numbers on a grid, then by proofs.

Each is rejected for the first reason in `REASONS` that holds.  Numbers are the interpreter's, in thirty digits; that a
loss is unbounded below, and what happens between the points of the grid, is for the analysis to prove.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from lossdsl.analysis import shape
from lossdsl.analysis.behaviour import minimiser
from lossdsl.analysis.facts import No, Yes
from lossdsl.analysis.judge import Judge
from lossdsl.analysis.numbers import Clock, Undecided, sign_of
from lossdsl.analysis.shape import studies
from lossdsl.analysis.univariate import cases
from lossdsl.analysis.view import view
from lossdsl.functions.lazy import mpmath
from lossdsl.meaning import core
from lossdsl.search.fingerprint import Fingerprint, Known, fingerprint, same_gradient
from lossdsl.search.order import GRID, STEPS, Order

NO_LOSS = "no loss of the language"
NOT_FINITE = "not finite"
CONSTANT = "constant"
UNBOUNDED = "unbounded below"
NOT_LEAST = "not least where the error is 0"
FALLS = "falls as the error grows"
BLIND = "blind to errors of one sign"
WRONG_SIDE = "wrong answers cost no more than right ones"
FLAT = "no gradient anywhere"
JUMPS = "jumps"
KNOWN = "the gradient of a known loss"
EARLIER = "the gradient of an earlier proposal"
REASONS = (NO_LOSS, NOT_FINITE, CONSTANT, UNBOUNDED, NOT_LEAST, FALLS, BLIND, WRONG_SIDE, FLAT, KNOWN, EARLIER, JUMPS)

LARGEST = 1e300
"""Of a value on the grid: training in double precision could not go on from more."""
ROUNDING = 1e-9
"""Of the least value that the analysis tells, which may be known to some digits only."""
SECONDS = 1.0
"""For the proofs of one proposal."""
AROUND = tuple(Fraction(k, 7) for k in (-40, -9, -2, 2, 9, 40))
"""Where gradients are looked at: points that conditions of simple formulas do not hit."""


@dataclass(frozen=True)
class Rejected:
    """Why, and what shows it."""

    reason: str
    detail: str = ""


def by_numbers(program: core.Program, order: Order) -> Rejected | list[Any]:
    """What the values on the grid say; the values where they say nothing against it."""
    values = order.values(program, GRID)
    if values is None or not all(abs(value) < LARGEST for value in values):
        return Rejected(NOT_FINITE)
    if all(value == values[0] for value in values):
        return Rejected(CONSTANT)
    wrong = _residual(values) if order.kind == "residual" else _margin(values)
    if wrong is not None:
        falls = _still_falls(values) and _falls_forever(program)
        return Rejected(UNBOUNDED, "the limit is -infinity") if falls else wrong
    slopes = order.slopes(program, AROUND)
    if slopes is None or not all(mpmath().isfinite(slope) for slope in slopes):
        return Rejected(NOT_FINITE, "the gradient")
    if all(slope == 0 for slope in slopes):
        return Rejected(FLAT)
    if _still_falls(values) and _falls_forever(program):
        return Rejected(UNBOUNDED, "the limit is -infinity")
    return values


def _residual(values: Sequence[Any]) -> Rejected | None:
    middle = len(STEPS)
    for at, value in zip(GRID, values, strict=True):
        if value < values[middle]:
            return Rejected(NOT_LEAST, f"{_text(value)} at {at}, {_text(values[middle])} at 0")
    for outward in (values[middle:], values[middle::-1]):
        for step, (near, far) in enumerate(pairwise(outward)):
            if far < near:
                return Rejected(FALLS, f"from {_text(near)} to {_text(far)} behind a residual of {_step(step)}")
    ends = [sign for sign, value in (("negative", values[0]), ("positive", values[-1])) if value == values[middle]]
    return Rejected(BLIND, f"{ends[0]} residuals cost nothing") if ends else None


def _margin(values: Sequence[Any]) -> Rejected | None:
    for step, (wrong, right) in enumerate(zip(values[len(STEPS) - 1 :: -1], values[len(STEPS) + 1 :], strict=True)):
        if not wrong > right:
            return Rejected(WRONG_SIDE, f"{_text(wrong)} at {-STEPS[step]}, {_text(right)} at {STEPS[step]}")
    return None


def _step(number: int) -> str:
    return "0" if number == 0 else str(STEPS[number - 1])


def _text(value: Any) -> str:
    return str(mpmath().nstr(value, 5))


def _still_falls(values: Sequence[Any]) -> bool:
    """Whether there is something to prove: at an end of the grid the value falls, and has not come to rest."""
    for ends in (values[:3], values[:-4:-1]):
        if ends[0] < ends[1] and abs(ends[0] - ends[1]) > 1e-4 * abs(ends[1] - ends[2]):
            return True
    return False


def _falls_forever(program: core.Program) -> bool:
    """Whether the limit at an end is -infinity, proved; False where there is no proof."""
    clock = Clock(SECONDS)
    try:
        found = studies(cases(view(program, {}), clock), Judge(program), clock)
        ends = [study.profile.end(0, right) for study in found for right in (False, True)]
        return any(not end.is_finite and sign_of(end) < 0 for end in ends)
    except Undecided:
        return False


class Gradients:
    """The gradients that are there already: of known losses, then of the proposals that were kept."""

    def __init__(self, known: dict[Fingerprint, tuple[Known, ...]]) -> None:
        self.known, self.kept = known, dict[Fingerprint, tuple[Known, ...]]()

    def met(self, proposal: Known, values: Sequence[Any]) -> Rejected | None:
        """What has the same gradient up to a factor; what has none such is kept."""
        key = fingerprint(values)
        assert key is not None, "a constant was rejected"
        for reason, there in ((KNOWN, self.known), (EARLIER, self.kept)):
            for other in there.get(key, ()):
                if same_gradient(proposal, other):
                    return Rejected(reason, f"that of {other.name}")
        self.kept[key] = (*self.kept.get(key, ()), proposal)
        return None


def by_proof(program: core.Program, order: Order) -> Rejected | None:
    """What can be proved against a proposal that the numbers on the grid say nothing against."""
    clock = Clock(SECONDS)
    try:
        functions = cases(view(program, {}), clock)
        found = studies(functions, Judge(program), clock)
    except Undecided:
        return None
    jump = shape.answer("continuous", functions, found)
    if isinstance(jump, No):
        return Rejected(JUMPS, jump.reason)
    if order.kind == "margin":
        return None
    bump = shape.answer("quasi-convex", functions, found)
    if isinstance(bump, No):
        return Rejected(FALLS, bump.reason or str(bump.witness))
    try:
        least = minimiser(found[0], functions.variable)
    except Undecided:
        return None
    near = order.values(program, [Fraction(0), Fraction(1)])
    if isinstance(least, Yes) and least.number is not None and near is not None:
        if least.number < near[0] - ROUNDING * (abs(near[0]) + abs(near[1])):
            return Rejected(NOT_LEAST, least.value)
    return None
