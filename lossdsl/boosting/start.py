"""The best constant score in closed form: a quantile of the targets, or a function of their mean.

Where the gradient of a row is a(score) + b(score)*T(target), that of the sum vanishes where -a/b is the mean of T;
SymPy solves for the score.  Where it is one constant below the target and another above, the score is a quantile.
Everything else is left to Newton's method, in the emitted code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lossdsl.boosting import symbolic
from lossdsl.boosting.curvature import RESIDUAL, residual
from lossdsl.boosting.derivation import Derivation
from lossdsl.boosting.fisher import two_values
from lossdsl.boosting.interval import POSITIVE, Interval
from lossdsl.boosting.intervals import Intervals, of_arguments
from lossdsl.boosting.proofs import bounds
from lossdsl.boosting.substitution import Substitution, arrays_as
from lossdsl.functions.lazy import sympy
from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import Array
from lossdsl.meaning.core import Arg

MEAN = "__mean"
"""The input that holds the mean of the targets; no user can write it."""


@dataclass(frozen=True)
class ClosedForm:
    """A node of hyperparameters, and of `MEAN` for a function of a mean."""

    kind: Literal["quantile", "mean"]
    node: Node
    """The level of the quantile, or the score."""
    transform: Literal["", "log"] = ""
    """What the mean is taken of: the target, or its logarithm."""
    text: str = ""
    """For the documentation."""


def closed_form(derivation: Derivation) -> ClosedForm | None:
    """The best constant score, where it is known; None otherwise."""
    roles = derivation.roles
    if roles.target is None or len(roles.scores) > 1 or roles.target.axes != roles.scores[0].axes:
        return None
    if derivation.lowered.mask is not None:
        return None
    gradient = derivation.gradient[derivation.only].node
    if derivation.depends(gradient, *(a.name for a in roles.row_data)):
        return None
    if len(roles.scores[0].axes) > 1 and derivation.depends(gradient, *derivation.table.stages):
        return None
    return _quantile(derivation) or _of_mean(derivation, gradient)


def _quantile(derivation: Derivation) -> ClosedForm | None:
    found, target = residual(derivation), derivation.roles.target
    if found is None or target is None or derivation.depends(found.slope, target.name):
        return None
    above, below = (_beyond(derivation, found.slope, side) for side in (1, -1))
    if above is None or below is None:
        return None
    arguments = of_arguments(derivation.program)
    intervals = Intervals(derivation.table, arguments)
    if not (intervals.of(above).positive and intervals.of(below).negative):
        return None
    level = -below / (above - below)
    return ClosedForm("quantile", level, text="a weighted quantile of the target")


def _beyond(derivation: Derivation, slope: Node, side: int) -> Node | None:
    """psi on one side of 0, if it is a constant there: the conditions on r decided by its sign."""
    around = POSITIVE if side > 0 else -POSITIVE
    intervals = Intervals(derivation.table, {**of_arguments(derivation.program), RESIDUAL: around})
    intervals.of(slope)
    g = derivation.graph

    def replace(node: Node, args: Sequence[Node]) -> Node | None:
        if node.op == "where":
            known = intervals.holds(node.args[0])
            if known is not None:
                return args[1] if known else args[2]
        if node.op == "sign" and node.args[0].kind != "bool":
            inside: Interval = intervals.of(node.args[0])
            if inside.positive or inside.negative:
                return g.const(1 if inside.positive else -1)
        return None

    constant: Node = Substitution(derivation.table, replace).of(slope)
    return None if constant.free or derivation.depends(constant, RESIDUAL) else constant


def _of_mean(derivation: Derivation, gradient: Node) -> ClosedForm | None:
    domains = of_arguments(derivation.program)
    target = derivation.roles.target
    if target is None or _has_free_sizes(gradient):
        return None
    expression = _by_target(derivation, gradient, target, domains)
    if expression is None:
        return None
    sp = sympy()
    y = symbolic.symbol(target.name, domains)
    for transform, image in (("", y), ("log", sp.exp(sp.Symbol("__t", real=True)))):
        if transform == "log" and not domains[target.name].positive:
            break
        t = y if transform == "" else sp.Symbol("__t", real=True)
        rewritten = sp.expand(expression.subs(y, image)) if transform else expression
        node = _solved(derivation, rewritten, t, domains, gradient)
        if node is not None:
            what = "log(target)" if transform else "the target"
            return ClosedForm("mean", node, "log" if transform else "", f"from the mean of {what}")
    return None


def _by_target(derivation: Derivation, gradient: Node, target: Arg, domains: dict[str, Interval]) -> Any | None:
    """The gradient as an expression; of a target with two values the one that is affine between them.

    Whatever the formula does with such a target, conditions included, that has the same values.  Only of losses that
    are bent upwards: of others a score where the slopes cancel may be the worst one.
    """
    values = two_values(derivation, target)
    if values is None or not all(bounds(derivation, name).nonnegative for name in derivation.diagonal):
        return symbolic.to_sympy(derivation.table, gradient, domains)
    low, high = sorted(target.domain[0].values)
    ends = [arrays_as(derivation.table, {target.name: lambda _, v=v: v}).of(gradient) for v in values]  # type: ignore[misc]
    first, second = (symbolic.to_sympy(derivation.table, end, domains) for end in ends)
    if first is None or second is None:
        return None
    share = (symbolic.symbol(target.name, domains) - sympy().Rational(str(low))) / sympy().Rational(str(high - low))
    return first * (1 - share) + second * share


def _has_free_sizes(node: Node) -> bool:
    return any(n.op == "extent" for n in reachable([node]))


def _solved(
    derivation: Derivation, expression: Any, t: Any, domains: dict[str, Interval], gradient: Node
) -> Node | None:
    """The score at which a(s) + b(s)*mean(t) is 0."""
    sp = sympy()
    if not symbolic.seems_affine(expression, t):
        return None
    slope = symbolic.simplified(sp.diff(expression, t))
    if slope == 0 or t in slope.free_symbols:
        return None
    s = symbolic.symbol(derivation.only, domains)
    image = symbolic.simplified(-expression.subs(t, 0) / slope)
    mean = sp.Symbol("__m", positive=True) if _is_positive(derivation, domains) else sp.Symbol("__m", real=True)
    try:
        solutions = sp.solve(sp.Eq(image, mean), s)
    except NotImplementedError:
        return None
    real = [x for x in solutions if not x.has(sp.I) and (len(solutions) == 1 or symbolic.is_real(x))]
    if len(real) != 1 or s in real[0].free_symbols:
        return None
    table = derivation.table
    if MEAN not in table.arrays:
        table.add_array(Array(MEAN, (), "hyper", "real"))
    reads = {symbolic.symbol(str(n.value), domains): n for n in reachable([gradient]) if n.op == "read" and not n.free}
    return symbolic.from_sympy(derivation.graph, sp.simplify(real[0]), {**reads, mean: table.read(MEAN, [])})


def _is_positive(derivation: Derivation, domains: dict[str, Interval]) -> bool:
    target = derivation.roles.target
    return target is not None and domains[target.name].nonnegative
