"""Which second derivative a loss gets when none is asked for, from what can be proved about the exact one, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from lossdsl.boosting import curvature
from lossdsl.boosting.blocks import is_mixed
from lossdsl.boosting.curvature import NotDerivable
from lossdsl.boosting.derivation import Derivation, Output
from lossdsl.boosting.intervals import INF, Interval, Intervals, of_arguments, point
from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.boosting import NoSuchCurvature
from lossdsl.meaning.core import Arg


@dataclass(frozen=True)
class Choice:
    """The second derivatives of a loss, and what the documentation says about them."""

    policy: str
    hessian: dict[str, Output]
    """By the name of each prediction; for "full", one block under the name of the first."""
    reason: str
    small: bool
    """Whether they may be small, or in units of the target: limits on their sum in a leaf and penalties must fit."""
    steep: bool = False
    """Whether they grow without bound, so that the step of a leaf may overshoot."""


def bounds(derivation: Derivation, name: str) -> Interval:
    """Between which numbers the exact diagonal lies; the target at each end of its domain where that is enough."""
    node = derivation.diagonal[name].node
    arguments = of_arguments(derivation.program)
    target = derivation.roles.target
    if target is None:
        return Intervals(derivation.table, arguments).of(node)
    found: Interval | None = None
    for case in _cases(derivation, target, arguments[target.name]):
        around = Intervals(derivation.table, {**arguments, target.name: case}).of(node)
        found = around if found is None else found | around
    assert found is not None
    return found


def _cases(derivation: Derivation, target: Arg, domain: Interval) -> list[Interval]:
    """Parts of the domain of the target; the exact diagonal has no values outside of those it takes on them."""
    if len(target.domain) == 1 and target.domain[0].kind == "set" and len(target.domain[0].values) <= 4:
        return [point(v) for v in target.domain[0].values]
    ends = [e for e in (domain.low, domain.high) if isinstance(e, Fraction)]
    if len(ends) == 2 and target.axes and _is_affine(derivation, target.name):
        return [point(e) for e in ends]
    return [domain]


def _is_affine(derivation: Derivation, data: str) -> bool:
    """Whether the exact diagonals are affine in some data, element by element."""
    for output in derivation.diagonal.values():
        slope = derivation.derivative(output.node, data)
        if slope is None or derivation.depends(slope, data):
            return False
    return True


# ---------------------------------------------------------------- asked for


def exact(derivation: Derivation) -> dict[str, Output]:
    """The second derivative."""
    return dict(derivation.diagonal)


BUILDERS: dict[str, Callable[[Derivation], dict[str, Output]]] = {
    "exact": exact,
    "constant": curvature.constant,
    "abs": curvature.absolute,
    "expected": curvature.expected,
    "gauss_newton": curvature.gauss_newton,
    "secant": curvature.secant,
    "upper_bound": curvature.upper_bound,
    "full": curvature.full,
}
MEANING: dict[str, str] = {
    "exact": "the second derivative",
    "constant": "1",
    "abs": "the magnitude of the second derivative, at least a tenth of its mean",
    "expected": "the mean of the second derivative over targets that the score predicts (Fisher)",
    "gauss_newton": "the second derivative without the curvature of the link",
    "secant": "the slope over the residual, the parabola that touches the loss at the score",
    "upper_bound": "a diagonal that the second derivatives never exceed",
    "full": "the block of second derivatives between the scores of a row",
}
"""By policy: what the second derivative is, for the documentation of an objective."""


def asked(derivation: Derivation, policy: str, blocks: bool) -> Choice:
    """The policy that the caller asked for; LossError where it does not fit the loss, or the library."""
    try:
        if policy == "full" and not blocks and derivation.roles.columns:
            raise NotDerivable("the library takes one second derivative for each score")
        hessian = BUILDERS[policy](derivation)
    except NotDerivable as refused:
        program = derivation.program
        hint = "leave hessian= out, and the documentation of the objective says what was chosen and why"
        raise LossError(NoSuchCurvature(program.span, f"no {policy} Hessian: {refused}", hint)) from None
    return Choice(policy, hessian, "as was asked for", policy in ("secant", "gauss_newton", "expected"))


# ---------------------------------------------------------------- chosen


def chosen(derivation: Derivation, blocks: bool) -> Choice:
    """The policy for a loss, from the sign and the zeros of its exact second derivative."""
    if blocks:
        return Choice("full", curvature.full(derivation), "the library takes it", False)
    if derivation.roles.columns and is_mixed(derivation):
        return _of_mixed(derivation)
    around = {name: bounds(derivation, name) for name in derivation.diagonal}
    if all(i.is_point and i.low > 0 for i in around.values()):
        return Choice("exact", exact(derivation), "it is a positive constant", False)
    found = curvature.residual(derivation)
    if found is not None:
        return _of_residual(derivation, found, around[derivation.only])
    if all(i.positive for i in around.values()):
        steep = any(i.high == INF for i in around.values())
        return Choice("exact", exact(derivation), "it is proved to be positive everywhere", False, steep)
    if all(i.is_point and i.low == 0 for i in around.values()):
        return Choice("constant", curvature.constant(derivation), "the exact one is 0 wherever it exists", False)
    return _of_unknown(derivation, all(i.nonnegative for i in around.values()))


def _of_residual(derivation: Derivation, found: curvature.Residual, around: Interval) -> Choice:
    """A loss of score - target: psi(r)/r is positive wherever the exact one may not be, and tends to it at r = 0."""
    name = derivation.only
    if around.positive and not derivation.depends(derivation.diagonal[name].node, name):
        return Choice("exact", exact(derivation), "it is proved to be positive, whatever the score is", False)
    if around.is_point and around.low == 0:
        why = "the exact one is 0 wherever it exists, which trains nothing"
    elif around.positive and _is_piecewise_constant(derivation):
        return Choice("exact", exact(derivation), "it is proved to be one of a few positive numbers", False)
    elif around.high < INF and curvature.is_flat(derivation, found):
        why = "the exact one is 0 around the target, and nowhere more than this"
        return Choice("upper_bound", curvature.upper_bound(derivation), why, False)
    elif around.nonnegative:
        why = "the exact one is never negative, but may be 0, or close to 0, where the slope is not"
    else:
        why = "it could not be proved that the exact one is never negative"
    return Choice("secant", curvature.secant(derivation), why, True)


def _is_piecewise_constant(derivation: Derivation) -> bool:
    """Whether scores decide only between values of the exact one, as in the expectile loss."""
    node = derivation.diagonal[derivation.only].node
    slope = derivation.derivative(node, derivation.only)
    return slope is not None and slope.is_value(0)


def _of_mixed(derivation: Derivation) -> Choice:
    """Several scores that are tied together: their diagonal alone is less than the Hessian."""
    names = derivation.roles.scores
    if len(names) > 1:
        try:
            mean = curvature.expected(derivation)
            if _is_positive(derivation, mean):
                return Choice("expected", mean, _SEVERAL, True)
        except NotDerivable:
            pass
    try:
        return Choice("upper_bound", curvature.upper_bound(derivation), _TIED, len(names) > 1)
    except NotDerivable:
        return Choice("abs", curvature.absolute(derivation), "no bound of the whole Hessian could be derived", False)


def _is_positive(derivation: Derivation, found: Mapping[str, Output]) -> bool:
    """Whether all second derivatives are proved to be positive."""
    intervals = Intervals(derivation.table, of_arguments(derivation.program))
    return all(intervals.of(output.node).positive for output in found.values())


_SEVERAL = "the scores of a row are tied together, and the means of their second derivatives are proved to be positive"
_TIED = "the scores of a row are tied together, so that steps by the diagonal alone could overshoot"


def _of_unknown(derivation: Derivation, nonnegative: bool) -> Choice:
    """Neither positive nor 0 everywhere: the mean, the part without the link, a bound, or the magnitude.

    A bound is for losses that are bent upwards; of others it is reached only far from where most scores are, so that
    steps by it are too small.
    """
    trouble = "may be 0" if nonnegative else "could not be proved to be nonnegative"
    for policy in ("expected", "gauss_newton", *(["upper_bound"] if nonnegative else [])):
        try:
            found = BUILDERS[policy](derivation)
        except NotDerivable:
            continue
        if policy == "upper_bound":
            return Choice(policy, found, f"the exact one {trouble}, and never exceeds this", False)
        if _is_positive(derivation, found):
            return Choice(policy, found, f"the exact one {trouble}, this is proved to be positive", True)
    why = f"the exact one {trouble}" + (", and no bound of it is known" if nonnegative else "")
    return Choice("abs", curvature.absolute(derivation), why, False)
