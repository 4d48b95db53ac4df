"""Which second derivative a loss gets when none is asked for, from what can be proved about the exact one, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from lossdsl.boosting import curvature
from lossdsl.boosting.blocks import is_mixed, is_softmax_like
from lossdsl.boosting.derivation import Derivation, NotDerivable, Output
from lossdsl.boosting.fisher import expected
from lossdsl.boosting.interval import INF, Interval
from lossdsl.boosting.proofs import bounds, grows, has_two_labels, is_negative_somewhere, is_positive
from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.boosting import NoSuchCurvature


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
    lowest: bool = False
    """Whether the least one is a tenth of the mean at the first score, since no call sees the mean."""


# ---------------------------------------------------------------- asked for


def exact(derivation: Derivation) -> dict[str, Output]:
    """The second derivative."""
    return dict(derivation.diagonal)


BUILDERS: dict[str, Callable[[Derivation], dict[str, Output]]] = {
    "exact": exact,
    "constant": curvature.constant,
    "abs": curvature.absolute,
    "expected": expected,
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
        raise LossError(
            NoSuchCurvature(refused.span or program.span, f"no {policy} Hessian: {refused}", hint)
        ) from None
    return Choice(policy, hessian, "as was asked for", policy in ("secant", "gauss_newton", "expected"))


def row_by_row(derivation: Derivation, choice: Choice, demanded: bool) -> Choice:
    """The choice for a library that calls with one row at a time, so that means over rows are not to be had."""
    if derivation.is_local(list(choice.hessian.values())):
        return choice
    if choice.policy in ("abs", "expected"):
        base = exact(derivation) if choice.policy == "abs" else expected(derivation)
        return replace(choice, hessian=curvature.magnitude(derivation, base), lowest=True)
    why = "the library calls with one row at a time, and near a corner slope over residual needs the mean of all"
    if demanded:
        raise LossError(NoSuchCurvature(derivation.program.span, f"no {choice.policy} Hessian: {why}"))
    return Choice("constant", curvature.constant(derivation), why, False)


# ---------------------------------------------------------------- chosen


def chosen(derivation: Derivation, blocks: bool) -> Choice:
    """The policy for a loss, from the sign and the zeros of its exact second derivative."""
    if blocks and is_softmax_like(derivation):
        return Choice(
            "full", curvature.full(derivation), "the library takes it, and it is proved to be nowhere negative", False
        )
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
        if steep and has_two_labels(derivation) and grows(derivation):
            why = "the exact one is positive but grows fast; this lies between its values at the two labels"
            return Choice("expected", expected(derivation), why, True)
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
            mean = expected(derivation)
            if is_positive(derivation, mean):
                return Choice("expected", mean, _SEVERAL, True)
        except NotDerivable:
            pass
    try:
        return Choice("upper_bound", curvature.upper_bound(derivation), _TIED, len(names) > 1)
    except NotDerivable:
        return Choice("abs", curvature.absolute(derivation), "no bound of the whole Hessian could be derived", False)


_SEVERAL = "the scores of a row are tied together, and the means of their second derivatives are proved to be positive"
_TIED = "the scores of a row are tied together, so that steps by the diagonal alone could overshoot"


def _of_unknown(derivation: Derivation, nonnegative: bool) -> Choice:
    """Neither positive nor 0 everywhere: the mean, the part without the link, a bound, or the magnitude.

    Of two labels the mean is known, but not proved to be positive: it is the slope of the probability that the score
    stands for, which falls somewhere for a few losses.  A bound is for losses that are bent upwards; of others it is
    reached only far from where most scores are, so that steps by it are too small.
    """
    trouble = "may be 0" if nonnegative else "could not be proved to be nonnegative"
    for policy in ("expected", "gauss_newton"):
        found = _derived(derivation, policy)
        if found is not None and is_positive(derivation, found):
            return Choice(policy, found, f"the exact one {trouble}, this is proved to be positive", True)
    found = _derived(derivation, "expected") if has_two_labels(derivation) else None
    if found is not None and not any(is_negative_somewhere(derivation, output.node) for output in found.values()):
        why = f"the exact one {trouble}, and so may this: its magnitude, at least a tenth of its mean, is taken"
        return Choice("expected", curvature.guarded(derivation, found), why, True)
    found = _derived(derivation, "upper_bound") if nonnegative else None
    if found is not None:
        return Choice("upper_bound", found, f"the exact one {trouble}, and never exceeds this", False)
    why = f"the exact one {trouble}" + (", and no bound of it is known" if nonnegative else "")
    return Choice("abs", curvature.absolute(derivation), why, False)


def _derived(derivation: Derivation, policy: str) -> dict[str, Output] | None:
    try:
        return BUILDERS[policy](derivation)
    except NotDerivable:
        return None
