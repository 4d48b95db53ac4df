"""The shape of an elementwise loss: of each of its functions by proof or witness, then of all of them together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lossdsl.analysis.facts import Answer, No, Unknown, Yes
from lossdsl.analysis.judge import DIGITS, Judge
from lossdsl.analysis.numbers import Clock, Undecided, before, between, sign_of
from lossdsl.analysis.points import Search
from lossdsl.analysis.profile import Profile, exact_text, magnitude
from lossdsl.analysis.univariate import Case, Cases
from lossdsl.analysis.witness import Witness
from lossdsl.diagnostics import CompilerBug
from lossdsl.functions.lazy import mpmath

PROVED = "proved piece by piece"


@dataclass(frozen=True)
class Study:
    """One function, what is proved of it, and where witnesses against it are looked for."""

    case: Case
    profile: Profile
    search: Search


@dataclass(frozen=True)
class Found:
    """What was found of one function: it holds, for this reason and with this constant, or fails at this witness."""

    holds: bool
    reason: str = ""
    constant: Any = None
    witness: Witness | None = None


def studies(cases: Cases, judge: Judge, clock: Clock) -> list[Study]:
    """The functions, each compared with the interpreter at a few points: what is proved of it is proved of the loss."""
    for case in cases.items:
        if not case.ray and case.at is None:
            _compare(case, judge)
    return [Study(case, Profile(case.function, clock), Search(judge, case)) for case in cases.items]


AGREEMENT = 30
"""Digits in which a function has to agree with the interpreter."""
BEYOND = 400
"""Of an exponential beyond this power of ten, the digits of the exponent would have to be known, too."""


def _compare(case: Case, judge: Judge) -> None:
    """CompilerBug where the function is not the loss."""
    f = case.function
    marks = [f.low, *f.points, f.high]
    inside = [
        n for a, b in pairwise(marks) for n in (between(a, between(a, b)), between(a, b), between(between(a, b), b))
    ]
    for at in (*inside, *(p for p in f.points if p.is_Rational)):
        found = f(at).evalf(DIGITS)
        with mpmath().workdps(DIGITS):
            meant = judge.value(case.point(at))
            if abs(meant) > mpmath().mpf(10) ** BEYOND:
                continue
            apart = abs(meant - mpmath().mpf(str(found))) if found.is_finite else 0
            if apart > mpmath().mpf(10) ** -AGREEMENT * (1 + abs(meant)):
                raise CompilerBug(f"{judge.program.name} is {meant} at {case.point(at)}, in its analysis {found}")


# ---------------------------------------------------------------- one function


def _places(points: Sequence[Any]) -> str:
    return ", ".join(exact_text(p) for p in points)


def continuous(study: Study) -> Found:
    jump = study.profile.jump
    if jump is not None:
        witness = study.search.across("steep", jump.at)
        return Found(False, f"it jumps at {exact_text(jump.at)}", witness=witness)
    points = study.case.function.points
    if not points:
        return Found(True, "one analytic formula everywhere")
    return Found(True, f"the limits from both sides are the value at each breakpoint: {_places(points)}")


def differentiable(study: Study) -> Found:
    profile = study.profile
    if profile.jump is not None:
        return continuous(study)
    if profile.kink is not None:
        left, right = (exact_text(s[1]) for s in (profile.kink.left, profile.kink.right))
        witness = study.search.across("gradient steep", profile.kink.at)
        return Found(False, f"at {exact_text(profile.kink.at)} the slope goes from {left} to {right}", witness=witness)
    points = study.case.function.points
    return Found(True, "analytic" + (f", and the slopes from both sides agree at {_places(points)}" if points else ""))


def twice_differentiable(study: Study) -> Found:
    profile = study.profile
    once = differentiable(study)
    if not once.holds:
        return once
    if profile.bend is not None:
        left, right = (exact_text(s[2]) for s in (profile.bend.left, profile.bend.right))
        reason = f"at {exact_text(profile.bend.at)} the second derivative goes from {left} to {right}"
        claim = "curvature steep" if "infinity" not in left + right else "gradient steep"
        return Found(False, reason, witness=study.search.across(claim, profile.bend.at))
    points = study.case.function.points
    same = f", and both derivatives from both sides agree at {_places(points)}" if points else ""
    return Found(True, "analytic" + same)


def convex(study: Study) -> Found:
    profile = study.profile
    if profile.convex:
        corners = ", and its slope only grows at the breakpoints" if study.case.function.points else ""
        return Found(True, f"its second derivative is nowhere negative{corners}: {PROVED}")
    return Found(False, "", witness=study.search.around("above chord", _concave_places(study)))


def _concave_places(study: Study) -> list[Any]:
    """Numbers around which the function is bent down, or jumps."""
    profile = study.profile
    found = [j.at for j in profile.joints if not j.continuous or before(j.right[1], j.left[1])]
    for a, b, bends in profile.signs(2):
        marks = [a, *(r.middle for r in bends.roots), b]
        cells = zip(marks, marks[1:], bends.between, strict=False)
        found += [between(low, high) for low, high, sign in cells if sign < 0]
    return found


def strictly_convex(study: Study) -> Found:
    once = convex(study)
    if not once.holds:
        return once
    flat = study.profile.affine_piece
    if flat is None:
        return Found(True, "it is convex, and analytic and not affine on each piece, so that its slope strictly grows")
    middle = between(*flat)
    reason = f"it is affine between {exact_text(flat[0])} and {exact_text(flat[1])}"
    return Found(False, reason, witness=study.search.around("on chord", [middle]))


def strongly_convex(study: Study) -> Found:
    once = convex(study)
    if not once.holds:
        return once
    least = study.profile.extremes(2)[0]
    if sign_of(least.value) > 0:
        reason = f"the least second derivative, {_where(least.near, least.taken)}: {PROVED}"
        return Found(True, reason, constant=least.value)
    reason = f"the second derivative has the infimum 0, {_where(least.near, least.taken)}"
    flat = study.profile.affine_piece
    if flat is not None:
        return Found(False, reason, witness=_at(study, "nearly flat", between(*flat)))
    return Found(False, reason, witness=study.search.towards("nearly flat", least.near))


def _at(study: Study, claim: str, at: Any) -> Witness | None:
    from lossdsl.analysis.points import near

    return study.search.holds(claim, near(at))


def _where(at: Any, taken: bool) -> str:
    return f"taken at {exact_text(at)}" if taken else f"approached towards {exact_text(at)}"


def quasi_convex(study: Study) -> Found:
    summit = study.profile.summit
    if summit is None:
        return Found(True, f"it never falls after it has risen: {PROVED}")
    at = summit if not hasattr(summit, "middle") else summit.middle
    witness = study.search.around("peak", [at])
    return Found(False, f"it falls again from {exact_text(at)} on", witness=witness)


def lipschitz(study: Study) -> Found:
    jump = study.profile.jump
    if jump is not None:
        return continuous(study)
    steepest = magnitude(study.profile.extremes(1))
    if steepest.value.is_finite:
        reason = f"the largest slope, {_where(steepest.near, steepest.taken)}: {PROVED}"
        return Found(True, reason, constant=steepest.value)
    reason = f"the slope grows without bound towards {exact_text(steepest.near)}"
    return Found(False, reason, witness=study.search.towards("steep", steepest.near, 2))


def smooth(study: Study) -> Found:
    once = differentiable(study)
    if not once.holds:
        return once
    most = magnitude(study.profile.extremes(2))
    if most.value.is_finite:
        reason = f"the largest second derivative, {_where(most.near, most.taken)}: {PROVED}"
        return Found(True, reason, constant=most.value)
    reason = f"the second derivative grows without bound towards {exact_text(most.near)}"
    return Found(False, reason, witness=study.search.towards("gradient steep", most.near, 2))


QUESTIONS: dict[str, Callable[[Study], Found]] = {
    "continuous": continuous,
    "differentiable": differentiable,
    "twice differentiable": twice_differentiable,
    "convex": convex,
    "strictly convex": strictly_convex,
    "strongly convex": strongly_convex,
    "quasi-convex": quasi_convex,
    "Lipschitz": lipschitz,
    "smooth": smooth,
}
LARGEST_CONSTANT = frozenset({"Lipschitz", "smooth"})
UNBOUNDED = frozenset({"steep", "gradient steep"})
"""Claims that hold of the loss for some data, if the slope of what a unit more of the data adds has no bound."""
ON_RAYS = {"strictly convex": "convex", "strongly convex": "convex"}
"""What has to hold of what a unit more of the data adds, where that is less than for the loss itself."""


# ---------------------------------------------------------------- all functions


def answer(name: str, cases: Cases, found: Sequence[Study]) -> Answer:
    """The answer for all data."""
    decided: list[tuple[Study, Found]] = []
    tried: list[str] = []
    for study in found:
        try:
            question = ON_RAYS.get(name, name) if study.case.ray else name
            decided.append((study, QUESTIONS[question](study)))
        except Undecided as failure:
            tried.append(f"{study.case.label}: no proof of {failure}" if study.case.label else f"no proof of {failure}")
    for study, result in decided:
        if result.witness is not None and (not study.case.ray or result.witness.claim in UNBOUNDED):
            return No(result.witness, result.reason)
    if tried or not decided:
        return Unknown(tuple(tried))
    if not cases.complete and name in LARGEST_CONSTANT:
        return Unknown(("data enter in other ways than linearly, so that no bound for all of them was looked for",))
    if not cases.complete:
        return Unknown(("a proof for all data, of which a few were looked at without finding a witness against it",))
    return _together(name, cases, found, [result for _, result in decided])


def _together(name: str, cases: Cases, found: Sequence[Study], results: Sequence[Found]) -> Answer:
    """The answer where every function was decided."""
    failed = [r for r in results if not r.holds]
    if failed:
        return Unknown(tuple(f"a witness that confirms: {r.reason or 'bent down'}" for r in failed))
    if cases.mixed and name == "quasi-convex":
        if all(QUESTIONS["convex"](study).holds for study in found):
            return Yes("convex functions are quasi-convex")
        return Unknown(("sums of quasi-convex functions need not be quasi-convex",))
    if cases.mixed and name in LARGEST_CONSTANT:
        for study, result in zip(found, results, strict=True):
            if study.case.ray and result.constant != 0:
                return Unknown(("a bound that holds for all data: it grows with the data",))
    return Yes(_reason(cases, found, results), *_constant(name, found, results))


def _constant(name: str, found: Sequence[Study], results: Sequence[Found]) -> tuple[str, float | None]:
    constants = [r.constant for s, r in zip(found, results, strict=True) if r.constant is not None and not s.case.ray]
    if not constants:
        return "", None
    best = constants[0]
    for other in constants[1:]:
        try:
            ahead = before(best, other)
        except Undecided:
            continue  # they agree to hundreds of digits
        best = other if ahead == (name in LARGEST_CONSTANT) and best != other else best
    text = f"constant {exact_text(best)}"
    return text, float(best.evalf(20))


def _reason(cases: Cases, found: Sequence[Study], results: Sequence[Found]) -> str:
    """The reason of the one function, or of each."""
    if len(results) == 1:
        return f"as a function of {cases.variable}: {results[0].reason}"
    if cases.mixed:
        ends = "; ".join(
            f"{s.case.label}{' more' * s.case.ray}, {r.reason}" for s, r in zip(found, results, strict=True)
        )
        return f"the data enter linearly, so that their extreme values decide: {ends}"
    return "; ".join(f"{study.case.label}, {result.reason}" for study, result in zip(found, results, strict=True))
