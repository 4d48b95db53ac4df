"""Whether a formula of any number of predictions is analytic: every operation is, wherever its arguments can lie."""

from __future__ import annotations

from lossdsl.analysis.facts import Unknown, Yes
from lossdsl.analysis.view import View
from lossdsl.boosting.intervals import Intervals, of_arguments, point
from lossdsl.calculus.gradient import needed_stages
from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.lower import Lowered, lower

ENTIRE = frozenset({
    "add", "sub", "mul", "neg", "exp", "expm1", "sigmoid", "log_sigmoid", "softplus", "logcosh", "logaddexp", "sin",
    "cos", "atan", "sinh", "cosh", "tanh", "erf", "erfc", "normal_cdf", "normal_logcdf", "exprel", "softmax_weight",
    "log1p_square", "expm1_excess", "erlang_cdf", "versine",
})  # fmt: skip
"""Functions that are analytic at all real arguments."""
POSITIVE = frozenset({"log", "log2", "log10", "sqrt"})
"""Functions that are analytic at positive arguments."""
SMOOTH_STAGES = frozenset({"sum", "prod", "logsumexp"})


def analytic(view: View) -> Yes | Unknown:
    """The proof, of the formula as written or of its stable form; or the operations that stand in its way."""
    blame: set[str] = set()
    for lowered in (view.lowered, lower(view.program)):
        found = _rough(view, lowered)
        if not found:
            return Yes("every operation of the formula is analytic wherever its arguments can lie")
        blame |= found
    return Unknown((f"operation by operation: {', '.join(sorted(blame))} may not be smooth",))


def _rough(view: View, lowered: Lowered) -> set[str]:
    """The operations on predictions that are not known to be analytic."""
    names = {a.name for a in view.predictions}
    around = {**of_arguments(view.program), **{n: point(v) for n, v in view.numbers.items()}}
    intervals = Intervals(lowered.table, around)
    roots = [lowered.element, *([lowered.mask] if lowered.mask is not None else [])]
    stages = needed_stages(lowered.table, roots)
    moving: set[str] = set(names)
    depends: dict[int, bool] = {}
    blame: set[str] = set()

    def walk(root: Node) -> bool:
        for node in reachable([root]):
            if node.id in depends:
                continue
            depends[node.id] = (node.op == "read" and node.value in moving) or any(depends[a.id] for a in node.args)
            if depends[node.id] and not _is_analytic(node, depends, intervals):
                blame.add(node.op)
        return depends[root.id]

    for stage in stages:
        found = [walk(r) for r in stage.roots]
        if any(found[1:]) or (found[0] and stage.op not in SMOOTH_STAGES):
            blame.add(stage.op)
        if any(found):
            moving.add(stage.name)
    for root in roots:
        walk(root)
    if lowered.mask is not None and depends[lowered.mask.id]:
        blame.add("where")
    return blame


def _is_analytic(node: Node, depends: dict[int, bool], intervals: Intervals) -> bool:
    args = node.args
    match node.op:
        case "read":
            return not any(depends[a.id] for a in args)
        case "where":
            return not depends[args[0].id]
        case "div" | "guarded_div":
            around = intervals.of(args[1])
            return not depends[args[1].id] or around.positive or around.negative
        case "pow":
            exponent = intervals.of(args[1])
            whole = exponent.is_point and exponent.low == int(exponent.low) and exponent.low >= 0
            return not depends[args[1].id] and (whole or intervals.of(args[0]).positive)
        case "hypot":
            return any(intervals.of(a).positive or intervals.of(a).negative for a in args)
        case "log1p":
            around = intervals.of(args[0])
            return around.low > -1 or (around.low == -1 and around.low_open)
        case "xlogy":
            return not depends[args[0].id] and intervals.of(args[1]).positive
        case op if op in POSITIVE:
            return intervals.of(args[0]).positive
    return node.op in ENTIRE
