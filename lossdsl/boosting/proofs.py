"""What is proved about second derivatives, by interval reasoning over their formulas."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from lossdsl.boosting.derivation import Derivation, Output
from lossdsl.boosting.fisher import two_values
from lossdsl.boosting.interval import Interval, point
from lossdsl.boosting.intervals import Intervals, near_defaults, of_arguments
from lossdsl.ir.graph import Node
from lossdsl.meaning.core import Arg

SCORES = tuple(Fraction(k, 4) for k in range(-24, 25))
"""Where a second derivative is looked at: scores are of the order of 1."""


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


def is_positive(derivation: Derivation, found: Mapping[str, Output]) -> bool:
    """Whether all second derivatives are proved to be positive."""
    intervals = Intervals(derivation.table, of_arguments(derivation.program))
    return all(intervals.of(output.node).positive for output in found.values())


def is_negative_somewhere(derivation: Derivation, node: Node) -> bool:
    """Whether one of some scores proves it, with hyperparameters at their defaults."""
    settings = {name: point(around.middle) for name, around in near_defaults(derivation.program).items()}
    for score in SCORES:
        arguments = {**settings, derivation.only: point(score)}
        if Intervals(derivation.table, arguments).of(node).high < 0:
            return True
    return False


def grows(derivation: Derivation) -> bool:
    """Whether one of some scores proves that the exact second derivative is not of one order of magnitude or two.

    Each label is looked at, with hyperparameters at their defaults.
    """
    target, name = derivation.roles.target, derivation.only
    if target is None or not target.domain:
        return False
    settings = {key: point(around.middle) for key, around in near_defaults(derivation.program).items()}
    node = derivation.diagonal[name].node

    def at(score: Fraction, label: Fraction) -> Interval:
        return Intervals(derivation.table, {**settings, name: point(score), target.name: point(label)}).of(node)

    for label in target.domain[0].values:
        most = GROWTH * at(Fraction(0), label).high
        if any(at(score, label).low > most for score in (SCORES[0], SCORES[-1])):
            return True
    return False


GROWTH = 100


def has_two_labels(derivation: Derivation) -> bool:
    """Whether the target has two values."""
    target = derivation.roles.target
    return target is not None and two_values(derivation, target) is not None


def may_saturate(derivation: Derivation) -> bool:
    """Whether a loss of two labels may be bent downwards, and so be flat for both of them far out."""
    if derivation.roles.columns or not has_two_labels(derivation):
        return False
    return not all(bounds(derivation, name).nonnegative for name in derivation.diagonal)
