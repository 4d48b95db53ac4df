"""What a loss estimates: the constant prediction with the least mean loss, as a statistic of the data."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from lossdsl.analysis.facts import Answer, Unknown, Yes
from lossdsl.analysis.normal import is_zero, tidy
from lossdsl.analysis.numbers import Undecided, same, sign_of, x
from lossdsl.analysis.profile import Profile, exact_text
from lossdsl.analysis.shape import Study
from lossdsl.analysis.signs import signs
from lossdsl.analysis.univariate import Cases
from lossdsl.functions.lazy import sympy


def estimates(cases: Cases, studies: Sequence[Study]) -> Answer | None:
    """The statistic; None for losses to which the question does not apply."""
    try:
        if cases.kind == "residual":
            return _of_residual(studies[0].profile)
        return _of_mean(cases, studies)
    except Undecided as failure:
        return Unknown((f"no proof of {failure}",))


# ---------------------------------------------------------------- of residuals


def _of_residual(profile: Profile) -> Answer:
    """By the outer pieces of a function of prediction - target, with its least value at 0."""
    sp = sympy()
    f = profile.function
    slopes = [tidy(e) for _, _, e in profile.derivative(1)]
    if len(f.pieces) == 1 and _is_line(slopes[0]) and same(slopes[0].subs(x(), 0), sp.Integer(0)):
        return Yes("a quadratic function of the error: the mean loss is least at the mean (Legendre 1805)", "mean")
    if f.points == (0,) and len(slopes) == 2:
        two = _of_two(profile, slopes)
        if isinstance(two, Yes):
            return two
    if profile.convex:
        return _m_estimate(profile)
    if profile.summit is None and all(same(profile.end(1, right), sp.Integer(0)) for right in (False, True)):
        return Yes("the loss rises away from 0 and levels off (Hampel 1974)", "redescending M-estimate of location")
    return Unknown(("a mean, median, quantile, expectile",))


def _is_line(slope: Any) -> bool:
    second = sympy().diff(slope, x())
    return not second.has(x()) and sign_of(second) > 0


def _of_two(profile: Profile, slopes: Sequence[Any]) -> Answer:
    """Two pieces that meet at 0: lines give quantiles, parabolas expectiles, steps the mode."""
    sp = sympy()
    if not all(j.continuous for j in profile.joints):
        if all(s == 0 for s in slopes):
            return Yes("only an exact hit costs less", "mode")
        return Unknown(("quantiles and expectiles: the loss jumps",))
    if all(not s.has(x()) for s in slopes):
        return _quantile(-slopes[0], slopes[1])
    bends = [sp.diff(s, x()) for s in slopes]
    if all(_is_line(s) and same(s.subs(x(), 0), sp.Integer(0)) for s in slopes):
        level = tidy(bends[0] / (bends[0] + bends[1]))
        return Yes(
            "asymmetric squares (Newey and Powell 1987)", f"expectile at level {exact_text(level)}", float(level)
        )
    return Unknown(("a mean, median, quantile, expectile",))


def _m_estimate(profile: Profile) -> Answer:
    """A convex loss that falls on one side and rises on the other has a best constant for all data."""
    if sign_of(profile.end(1, False)) < 0 < sign_of(profile.end(1, True)):
        return Yes(
            "the mean of the slopes changes its sign at the best constant (Huber 1964)", "M-estimate of location"
        )
    return Unknown(("a best constant: the loss does not rise on both sides",))


def _quantile(below: Any, above: Any) -> Answer:
    if sign_of(below) <= 0 or sign_of(above) <= 0:
        return Unknown(("a quantile: the loss does not rise on both sides of 0",))
    level = tidy(below / (below + above))
    if level == sympy().Rational(1, 2):
        return Yes("equal prices above and below (Laplace 1774)", "median", 0.5)
    return Yes(
        "prices below and above (Koenker and Bassett 1978)", f"quantile at level {exact_text(level)}", float(level)
    )


# ---------------------------------------------------------------- of means


def inverse_link(cases: Cases, studies: Sequence[Study]) -> tuple[str, Any] | None:
    """The name of the data and their mean m(s), where the slope is b(s)*(y - m(s)) with b < 0 and m rising.

    Then the mean loss is least exactly where m(s) is the mean of the data.
    """
    found = _slopes(cases, studies)
    if found is None:
        return None
    name, start, at_start, factor = found
    f, clock = studies[0].case.function, studies[0].profile.clock
    falling = signs(factor, f.low, f.high, clock)
    if falling.roots or falling.between != (-1,):
        return None
    mean = tidy(start - at_start / factor)
    return (name, mean) if signs(sympy().diff(mean, x()), f.low, f.high, clock).positive else None


def one_valley(cases: Cases, studies: Sequence[Study]) -> Yes | None:
    """Quasi-convex for all data, where the slope is b(s)*(y - m(s)) with b < 0 and m rising: its sign changes once."""
    if inverse_link(cases, studies) is None:
        return None
    return Yes("its slope is a negative factor times the data minus a rising function: it falls, then it rises")


def _slopes(cases: Cases, studies: Sequence[Study]) -> tuple[str, Any, Any, Any] | None:
    """The data, one value of it, the slope of the loss there, and what a unit more of the data adds to the slope."""
    if not cases.complete or any(len(s.case.function.pieces) > 1 for s in studies):
        return None
    slopes = [s.profile.derivative(1)[0][2] for s in studies]
    cases_of = [s.case for s in studies]
    if cases.kind == "margin":
        opposite = -slopes[0].subs(x(), -x())
        return cases_of[0].data[0][0], sympy().Integer(-1), opposite, (slopes[0] - opposite) / 2
    if len(studies) != 2 or len(cases_of[0].data) != 1 or cases_of[0].ray:
        return None
    start, other = (_rational(c.data[0][1] if c.at is None else c.at) for c in cases_of)
    factor = slopes[1] if cases_of[1].ray else (slopes[1] - slopes[0]) / (other - start)
    return cases_of[0].data[0][0], start, slopes[0], factor


def _rational(value: Fraction) -> Any:
    return sympy().Rational(value.numerator, value.denominator)


def _of_mean(cases: Cases, studies: Sequence[Study]) -> Answer | None:
    found = inverse_link(cases, studies)
    if found is None:
        return None
    name, mean = found
    reason = "the slope is a negative factor times the data minus a rising function of the prediction (Savage 1971)"
    if is_zero(mean - x()):
        return Yes(reason, f"mean of {name}")
    prediction = sympy().Symbol(cases.only.prediction, real=True)
    return Yes(reason, f"mean of {name}, as {mean.xreplace({x(): prediction})}")
