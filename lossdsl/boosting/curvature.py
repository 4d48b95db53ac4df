"""The second derivative that a booster is given: one function for each policy.

A booster divides by it: the step of a leaf is -(sum of gradients)/(sum of second derivatives).  The exact one is the
right step where the loss is close to quadratic; others are for losses that are flat, bent the wrong way, or bent more
elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from lossdsl.boosting import bounding
from lossdsl.boosting.blocks import block, cross, is_mixed, is_softmax_like
from lossdsl.boosting.derivation import Derivation, NotDerivable, Output, Tidy
from lossdsl.boosting.interval import INF, POSITIVE, Interval
from lossdsl.boosting.intervals import Intervals, near_defaults, of_arguments
from lossdsl.boosting.substitution import Substitution, arrays_as
from lossdsl.ir.graph import Index, Node
from lossdsl.ir.lower import length
from lossdsl.ir.stage import Array
from lossdsl.rewrite import stabiliser

Policy = Literal["exact", "constant", "abs", "expected", "gauss_newton", "secant", "upper_bound", "full"]
POLICIES: tuple[Policy, ...] = (
    "exact", "constant", "abs", "expected", "gauss_newton", "secant", "upper_bound", "full",
)  # fmt: skip

MEAN = "__mu"
"""The array of what is reported, in place of the score; no user can write it."""
RESIDUAL = "__residual"
"""The array of score - target, in place of both; no user can write it."""


@dataclass(frozen=True)
class Residual:
    """A loss of score - target alone: its gradient and Hessian as functions of one number."""

    difference: Node
    """score - target."""
    slope: Node
    """psi(r), of the array `RESIDUAL`."""
    bend: Node
    """psi'(r)."""


def residual(derivation: Derivation) -> Residual | None:
    """The loss as one of score - target, if it reads the score in no other way."""
    roles, table, graph = derivation.roles, derivation.table, derivation.graph
    if len(roles.scores) != 1 or roles.target is None or roles.target.axes != roles.scores[0].axes:
        return None
    if roles.target.whole:
        return None
    score, target = roles.scores[0].name, roles.target.name
    output = derivation.gradient[score]
    if RESIDUAL not in table.arrays:
        table.add_array(Array(RESIDUAL, roles.scores[0].axes, "prediction", "real"))

    def replace(node: Node, args: Sequence[Node]) -> Node | None:
        if node.op != "sub" or any(a.op != "read" for a in node.args):
            return None
        first, second = node.args
        if first.args != second.args:
            return None
        at = graph.read(RESIDUAL, first.args)
        return {(score, target): at, (target, score): -at}.get((str(first.value), str(second.value)))

    substitution = Substitution(table, replace)
    slope = substitution.of(output.node)
    bend = substitution.of(derivation.diagonal[score].node)
    if any(derivation.depends(node, score) for node in (slope, bend)):
        return None
    places = [graph.index(i) for i in output.indices]
    return Residual(graph.read(score, places) - graph.read(target, places), slope, bend)


def absolute(derivation: Derivation) -> dict[str, Output]:
    """The magnitude of the exact one, at least a tenth of its mean: where a loss is flat, a leaf must not run away."""
    if any(output.node.is_value(0) for output in derivation.diagonal.values()):
        raise NotDerivable("the second derivative is 0 wherever it exists")
    return guarded(derivation, derivation.diagonal)


def guarded(derivation: Derivation, found: Mapping[str, Output]) -> dict[str, Output]:
    """Magnitudes, at least a tenth of their mean over all rows."""
    g = derivation.graph
    result = {}
    for name, output in magnitude(derivation, found).items():
        least = g.const(SMOOTHING) * _mean(derivation, output.node, output.indices)
        result[name] = Output(g.apply("max", output.node, least), output.indices)
    return result


def magnitude(derivation: Derivation, found: Mapping[str, Output]) -> dict[str, Output]:
    """Magnitudes alone, where their mean over the rows is not to be had."""
    return {n: Output(derivation.graph.apply("abs", o.node), o.indices) for n, o in found.items()}


def constant(derivation: Derivation) -> dict[str, Output]:
    """1; 0 in rows that the loss leaves out."""
    g, lowered = derivation.graph, derivation.lowered
    result = {}
    for name, output in derivation.diagonal.items():
        one = g.const(1)
        if lowered.mask is not None and len(lowered.free) == 1:
            row = {lowered.free[0]: g.index(output.indices[0])}
            one = g.where(g.substitute(lowered.mask, row), one, g.const(0))
        result[name] = Output(one, output.indices)
    return result


def upper_bound(derivation: Derivation) -> dict[str, Output]:
    """A diagonal that is nowhere below the Hessian: with it, no step increases the loss (majorisation).

    Of one score a row, the greatest value over all scores.  Of scores that are tied together, the sums of the
    magnitudes along the rows of the block (Gershgorin): twice the diagonal for a softmax, as XGBoost has it.
    """
    g = derivation.graph
    if is_mixed(derivation):
        return _row_sums(derivation)
    result = {}
    for name, output in derivation.diagonal.items():
        bound = _bound(derivation, output.node)
        if bound is None:
            raise NotDerivable("the second derivative has no bound that could be proved")
        if bound.is_value(0):
            raise NotDerivable("the second derivative is 0 wherever it exists")
        result[name] = Output(g.apply("max", bound, g.const(0)), output.indices)
    return result


def _bound(derivation: Derivation, node: Node) -> Node | None:
    """The bound of a node; of few possible targets, the greatest of their bounds."""
    target, g = derivation.roles.target, derivation.graph
    values = target.domain[0].values if target is not None and len(target.domain) == 1 else ()
    if target is None or not 0 < len(values) <= 4 or derivation.table.arrays[target.name].kind != "real":
        return bounding.upper_bound(derivation, node)
    highest: Node | None = None
    for value in values:
        case = arrays_as(derivation.table, {target.name: lambda _, value=value: g.const(value)}).of(node)  # type: ignore[misc]
        bound = bounding.upper_bound(derivation, case)
        if bound is None:
            return None
        highest = bound if highest is None else g.apply("max", highest, bound)
    return highest


def _row_sums(derivation: Derivation) -> dict[str, Output]:
    g, roles = derivation.graph, derivation.roles
    if is_softmax_like(derivation):
        return {name: Output(g.const(2) * o.node, o.indices) for name, o in derivation.diagonal.items()}
    if len(roles.scores) == 1:
        whole, column = block(derivation)
        rows, own = whole.indices[:2]
        total = derivation.table.value("row_sum", (rows, own), "sum", (column,), None, g.apply("abs", whole.node))
        return {derivation.only: Output(total, (rows, own))}
    result = {}
    for name, output in derivation.diagonal.items():
        others = [cross(derivation, name, o.name) for o in roles.scores if o.name != name]
        if None in others:
            raise NotDerivable("the second derivatives between scores are not those of one row")
        parts = [g.apply("abs", n) for n in (output.node, *others) if n is not None]
        result[name] = Output(g.total(parts), output.indices)
    return result


def full(derivation: Derivation) -> dict[str, Output]:
    """The whole block of second derivatives between the scores of a row; of several predictions, its diagonal and then
    what is above it, row by row."""
    if not derivation.roles.columns:
        raise NotDerivable("there is one score a row")
    names = [a.name for a in derivation.roles.scores]
    if len(names) == 1:
        return {derivation.only: block(derivation)[0]}
    result = dict(derivation.diagonal)
    for k, name in enumerate(names):
        for other in names[k + 1 :]:
            between = cross(derivation, name, other)
            if between is None:
                raise NotDerivable("the second derivatives between scores are not those of one row")
            result[f"{name}, {other}"] = Output(between, derivation.gradient[name].indices)
    return result


def gauss_newton(derivation: Derivation) -> dict[str, Output]:
    """The second derivative by what is reported, mu, times the square of the slope of the inverse link.

    h - g*mu''/mu': the part of h that comes from the curvature of the link is taken away; mu''/mu' is computed as the
    derivative of log|mu'|, which is finite where mu' underflows.
    """
    predictions = derivation.lowered.predictions
    if len(predictions) != 1 or derivation.roles.columns:
        raise NotDerivable("it needs one `predict` binding of one score")
    ((at, mu),) = predictions.values()
    name = derivation.only
    output = derivation.gradient[name]
    g = derivation.graph
    mu = g.substitute(mu, {i: g.index(k) for i, k in zip(at, output.indices, strict=True) if i != k})
    slope = derivation.derivative(mu, name)
    if slope is None or slope.is_value(0):
        raise NotDerivable("the `predict` binding has no slope by the score")
    bend_of_mean = _by_mean(derivation, mu, output)
    if bend_of_mean is not None:
        return {name: Output(bend_of_mean * (slope * slope), output.indices)}
    bend = _logarithmic_slope(derivation, slope, name)
    return {name: Output(derivation.diagonal[name].node - output.node * bend, output.indices)}


def _by_mean(derivation: Derivation, mu: Node, output: Output) -> Node | None:
    """The second derivative of the loss by mu, if it reads the score only through mu as it is written."""
    g, lowered, table = derivation.graph, derivation.lowered, derivation.table
    if lowered.mask is not None or len(lowered.free) != 1:
        return None
    if MEAN not in table.arrays:
        table.add_array(Array(MEAN, derivation.roles.scores[0].axes, "prediction", "real"))
    mean = g.read(MEAN, [g.index(i) for i in output.indices])
    row = {lowered.free[0]: g.index(output.indices[0])} if lowered.free[0] != output.indices[0] else {}
    element = g.substitute(lowered.element, row)
    other = -mu.args[0] if mu.op == "sigmoid" else None

    def replace(node: Node, args: Sequence[Node]) -> Node | None:
        if node is mu:
            return mean
        return g.const(1) - mean if node.op == "sigmoid" and node.args[0] is other else None

    by_mean = Substitution(table, replace).of(element)
    if derivation.depends(by_mean, derivation.only):
        return None
    slope = derivation.derivative(by_mean, MEAN)
    bend = None if slope is None else derivation.derivative(slope, MEAN)
    if bend is None:
        return None
    bend = Tidy(table, derivation.roles.target).of(bend)
    return Substitution(table, lambda node, args: mu if node is mean else None).of(bend)


def _logarithmic_slope(derivation: Derivation, slope: Node, name: str) -> Node:
    """d log|slope| / d score, by the rules that keep exponentials out of logarithms."""
    g = derivation.graph
    around = Intervals(derivation.table, of_arguments(derivation.program)).of(slope)
    magnitude = -slope if around.negative else slope if around.positive else g.apply("abs", slope)
    g.rewrites = stabiliser(derivation.table)
    try:
        logarithm = g.apply("log", magnitude)
    finally:
        g.rewrites = None
    bend = derivation.derivative(logarithm, name)
    if bend is None:
        raise NotDerivable("the `predict` binding is not made of one score")
    return bend


def secant(derivation: Derivation) -> dict[str, Output]:
    """psi(r)/r, the second derivative of the parabola with its tip at the target that touches the loss at the score.

    At r = 0 the exact one.  Of a loss with a corner at 0, and of one whose second derivative has no bound, |psi(r)|/|r|
    is taken with |r| at least a tenth of its mean over the rows: bounded, and in the units of the target.
    """
    found = residual(derivation)
    if found is None:
        raise NotDerivable("the loss reads the score in other ways than as score - target")
    g = derivation.graph
    name = derivation.only
    output = derivation.gradient[name]
    r = found.difference
    if has_corner(derivation, found):
        size = g.apply("abs", r)
        least = g.const(SMOOTHING) * _mean(derivation, size, output.indices)
        below = g.apply("max", g.apply("max", size, least), g.const(TINY))
        return {name: Output(g.apply("abs", output.node) / below, output.indices)}
    zero = g.apply("eq", r, g.const(0))
    ratio = output.node / r
    if not monotone(derivation, found):
        ratio = g.apply("abs", ratio)
    return {name: Output(g.where(zero, derivation.diagonal[name].node, ratio), output.indices)}


NEAR = Fraction(1, 1024)
SMOOTHING = Fraction(1, 10)
TINY = Fraction(1, 2**900)
"""Keeps 0/0 from occurring where every residual is 0."""


def _mean(derivation: Derivation, node: Node, indices: Sequence[Index]) -> Node:
    """Over all elements; `node` has these indices, or some of them."""
    g = derivation.graph
    total = derivation.table.value("total_size", (), "sum", indices, None, node)
    return total / g.apply("max", g.product(g.extent(length(i)) for i in indices), g.const(1))


def has_corner(derivation: Derivation, found: Residual) -> bool:
    """Whether psi(r)/r has no bound near 0, as far as can be proved: psi jumps there, or psi' has no bound."""
    arguments = near_defaults(derivation.program)

    def where(around: Interval, node: Node) -> Interval:
        return Intervals(derivation.table, {**arguments, RESIDUAL: around}).of(node)

    close = Interval(Fraction(0), NEAR, True)
    jumps = where(close, found.slope).low > 0 or where(-close, found.slope).high < 0
    bend = where(Interval(-NEAR, NEAR), found.bend)
    return jumps or bend.high == INF


def is_flat(derivation: Derivation, found: Residual) -> bool:
    """Whether the loss is constant around the target, as in the tube of support vector regression."""
    arguments = {**near_defaults(derivation.program), RESIDUAL: Interval(-NEAR, NEAR)}
    around = Intervals(derivation.table, arguments).of(found.slope)
    return around.is_point and around.low == 0


def monotone(derivation: Derivation, found: Residual) -> bool:
    """Whether the loss falls up to the target and rises beyond it, so that psi(r)/r is never negative."""
    arguments = of_arguments(derivation.program)
    above = Intervals(derivation.table, {**arguments, RESIDUAL: POSITIVE}).of(found.slope)
    below = Intervals(derivation.table, {**arguments, RESIDUAL: -POSITIVE}).of(found.slope)
    return above.nonnegative and (-below).nonnegative
