"""Losses for two classes: does the best score have the right sign, and the best probability the right value?"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from lossdsl.analysis.facts import Answer, No, Unknown, Yes
from lossdsl.analysis.judge import Judge
from lossdsl.analysis.normal import is_zero
from lossdsl.analysis.numbers import Undecided, before, same, sign_of, x
from lossdsl.analysis.piecewise import Builder, Pieces, merged, mirrored
from lossdsl.analysis.profile import Profile, exact_text
from lossdsl.analysis.shape import Study
from lossdsl.analysis.signs import signs
from lossdsl.analysis.univariate import Cases
from lossdsl.analysis.view import View
from lossdsl.analysis.witness import Witness, confirmed
from lossdsl.functions.lazy import sympy
from lossdsl.ir.graph import reachable

OUTCOMES = ({Fraction(0), Fraction(1)}, {Fraction(-1), Fraction(1)})
"""Labels of two outcomes."""

# ---------------------------------------------------------------- calibration


def calibrated(studies: Sequence[Study], judge: Judge) -> Answer:
    """Of a margin loss phi: whether, wherever P(y = 1) is not 1/2, scores of the wrong sign cost more on average.

    Convex: exactly where phi'(0) < 0 (Bartlett, Jordan and McAuliffe 2006, theorem 2).  Otherwise it is enough that
    phi(-m) - phi(m) is positive for m > 0, also in the limit, and that the slope of phi to the right of 0 is negative
    and not above the one to the left: then each wrong score costs more than its opposite, and 0 more than a small right
    one.
    """
    study = studies[0]
    try:
        return _calibrated(study, judge)
    except Undecided as failure:
        return Unknown((f"no proof of {failure}", "the theorem for convex losses"))


def _calibrated(study: Study, judge: Judge) -> Answer:
    profile = study.profile
    if profile.convex:
        slopes = _slopes_at_zero(study)
        if same(*slopes) and sign_of(slopes[0]) < 0:
            return Yes(
                f"convex, and its slope at 0 is {exact_text(slopes[0])} < 0 (Bartlett, Jordan and McAuliffe 2006)"
            )
        sides = " and ".join(map(exact_text, slopes))
        reason = f"convex with slopes {sides} at 0, where calibration needs one negative slope"
        witness = _wrong_side(study, judge)
        return No(witness, reason) if witness is not None else Unknown((reason, "a witness"))
    return _by_pairs(study)


def calibrated_by_outcomes(
    cases: Cases, studies: Sequence[Study], judge: Judge, proper: Answer | None
) -> Answer | None:
    """The same of a loss with labels 0 and 1, where one outcome is the mirror image of the other, or of a proper one.

    None where there are no two outcomes.
    """
    pair = {s.case.data[0][1]: s for s in studies if len(s.case.data) == 1 and not s.case.ray}
    if not cases.complete or len(studies) != 2 or set(pair) not in OUTCOMES:
        return None
    first, other = pair[Fraction(1)], pair[min(pair)]
    if isinstance(proper, Yes):
        return Yes("it is strictly proper: the best probability is the true one, on the right side of 1/2")
    try:
        if mirrored(first.case.function, other.case.function):
            return calibrated([first], judge)
    except Undecided:
        pass
    return Unknown(("that one outcome is the mirror image of the other", "propriety"))


def _slopes_at_zero(study: Study) -> tuple[Any, Any]:
    zero = sympy().Integer(0)
    for joint in study.profile.joints:
        if same(joint.at, zero):
            return joint.left[1], joint.right[1]
    found = next(e for a, b, e in study.profile.derivative(1) if sign_of_pair(a, b))
    slope = found.subs(x(), 0)
    return slope, slope


def sign_of_pair(low: Any, high: Any) -> bool:
    """Whether 0 lies between two numbers."""
    return (low == -sympy().oo or sign_of(low) < 0) and (high is sympy().oo or sign_of(high) > 0)


def _wrong_side(study: Study, judge: Judge) -> Witness | None:
    """Scores 0 or negative that cost no more than any of many positive ones, where y = 1 has probability 3/4."""
    best: Witness | None = None
    rights = [Fraction(2) ** k for k in range(-4, 5)]
    for wrong in (Fraction(0), Fraction(-1)):
        found = [
            confirmed(judge, "wrong side", *_outcome_points(study, right), *_outcome_points(study, wrong))
            for right in rights
        ]
        if all(w is not None for w in found):
            best = found[4]
            break
    return best


def _by_pairs(study: Study) -> Answer:
    """phi(m) < phi(-m) for all m > 0, by the signs of the difference; and the mean loss falls from 0 to the right."""
    sp = sympy()
    phi = study.case.function
    zero = sp.Integer(0)
    if study.profile.jump is not None:
        raise Undecided("phi(-m) - phi(m) of a loss that jumps")
    right = _after_zero(phi)
    left = _after_zero(Pieces(*_mirrored(phi)))
    difference = merged(Builder(zero, sp.oo, {}, study.profile.clock).apply("sub", [left, right]))
    profile = Profile(difference, study.profile.clock)
    below, above = _slopes_at_zero(study)
    far = profile.end(0, True)
    ahead = all(found.positive for _, _, found in profile.signs(0)) and all(sign_of(v) > 0 for v in difference.values)
    if ahead and sign_of(above) < 0 and not before(below, above) and sign_of(far) > 0:
        ahead_by = f"phi(-m) - phi(m) is positive for m > 0, and tends to {exact_text(far)}"
        sides = (
            exact_text(above)
            if same(below, above)
            else f"{exact_text(below)} from the left, {exact_text(above)} from the right"
        )
        return Yes(f"{ahead_by}; the slope at 0 is {sides}")
    return Unknown(("phi(m) < phi(-m) for all m > 0 and phi'(0) < 0", "the theorem for convex losses"))


def _mirrored(f: Pieces) -> tuple[Any, ...]:
    """f(-x)."""
    turned = tuple(e.subs(x(), -x()) for e in f.pieces[::-1])
    return -f.high, -f.low, tuple(-p for p in f.points[::-1]), f.values[::-1], turned


def _after_zero(f: Pieces) -> Pieces:
    """The part of a function on x > 0."""
    sp = sympy()
    kept = [k for k, p in enumerate(f.points) if before(sp.Integer(0), p)]
    first = len(f.points) - len(kept)
    return Pieces(sp.Integer(0), f.high, f.points[first:], f.values[first:], f.pieces[first:])


# ---------------------------------------------------------------- propriety


def proper(view: View, cases: Cases, studies: Sequence[Study], judge: Judge) -> Answer | None:
    """Whether the mean loss is least at the true probability; None where no probability is predicted.

    With f1 and f0 the losses of the two outcomes: p*f1' + (1 - p)*f0' = 0 at the score that stands for p, and
    f1' < 0, so that the mean loss falls before that score and rises after it (Savage 1971).
    """
    try:
        pair = _outcomes(view, cases, studies)
        if pair is None:
            return None
        probability = _probability(view, cases, studies[0])
        return None if probability is None else _proper(probability, pair, studies[0], judge)
    except Undecided as failure:
        return Unknown((f"no proof of {failure}",))


def _outcomes(view: View, cases: Cases, studies: Sequence[Study]) -> tuple[Any, Any] | None:
    """The functions of the outcomes 1 and 0 (or -1), of one piece each."""
    if any(len(s.case.function.pieces) > 1 for s in studies) or not cases.complete:
        return None
    if cases.kind == "margin":
        phi = studies[0].case.function.pieces[0]
        return phi, phi.subs(x(), -x())
    found = {s.case.data[0][1]: s.case.function.pieces[0] for s in studies if len(s.case.data) == 1 and not s.case.ray}
    if len(studies) != 2 or set(found) not in OUTCOMES:
        return None
    return found[Fraction(1)], found[min(found)]


def _probability(view: View, cases: Cases, study: Study) -> Any | None:
    """The probability of outcome 1 as a function of the prediction."""
    prediction = view.predictions[0]
    ends = [(part.low, part.high) for part in prediction.domain]
    if ends == [(Fraction(0), Fraction(1))]:
        return x()
    if len(view.lowered.predictions) != 1:
        return None
    _, node = next(iter(view.lowered.predictions.values()))
    leaves = {n.id: x() for n in reachable([node]) if n.op == "read" and n.value == prediction.name}
    for below in reachable([node]):
        if below.op == "read" and str(below.value) in view.numbers:
            number = view.numbers[str(below.value)]
            leaves[below.id] = sympy().Rational(number.numerator, number.denominator)
    f = study.case.function
    found = Builder(f.low, f.high, leaves, study.profile.clock).of(node)
    if len(found.pieces) > 1:
        raise Undecided("a probability in pieces")
    return found.pieces[0]


def _proper(p: Any, outcomes: tuple[Any, Any], study: Study, judge: Judge) -> Answer:
    sp = sympy()
    first, other = (sp.diff(f, x()) for f in outcomes)
    f = study.case.function
    if is_zero(p * first + (1 - p) * other):
        falling = signs(first, f.low, f.high, study.profile.clock)
        if falling.between == (-1,):
            return Yes("p*f1' + (1 - p)*f0' = 0 at the score of p, and f1' < 0: strictly proper (Savage 1971)")
        return Unknown(("the sign of the slope of the loss of outcome 1",))
    witness = _improper(study, judge)
    reason = "p*f1' + (1 - p)*f0' is not 0 at the score of p"
    return No(witness, reason) if witness is not None else Unknown((reason, "a witness"))


SCORES = tuple(Fraction(k, 8) for k in (1, 2, 3, 5, 6, 7)) + tuple(Fraction(k, 2) for k in (2, 3, 4, -1, -2, -4))


def _improper(study: Study, judge: Judge) -> Witness | None:
    """A score, and one close to it that costs less where the probability is what the first stands for."""
    for score in SCORES:
        for step in (Fraction(1, 16), Fraction(-1, 16), Fraction(1, 4), Fraction(-1, 4)):
            if not all(study.search.inside(at) for at in (score, score + step)):
                continue
            own, better = (_outcome_points(study, at) for at in (score, score + step))
            witness = confirmed(judge, "improper", *own, *better)
            if witness is not None:
                return witness
    return None


def _outcome_points(study: Study, score: Fraction) -> tuple[Any, Any]:
    """The points of a score with outcome 1 and with the other."""
    label = study.case.data[0][0]
    point = study.case.point(score)
    return {**point, label: _set(point[label], Fraction(1))}, {**point, label: _set(point[label], _other(study))}


def _other(study: Study) -> Fraction:
    """-1 or 0, what the label is where it is not 1."""
    arg = next(a for a in study.search.judge.program.args if a.name == study.case.data[0][0])
    return min((v for part in arg.domain for v in part.values), default=Fraction(0))


def _set(value: Any, new: Fraction) -> Any:
    return tuple(_set(v, new) for v in value) if isinstance(value, tuple) else new
