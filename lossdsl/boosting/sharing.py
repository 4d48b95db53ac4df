"""One exponential for sigmoid(x) and sigmoid(-x), which derivatives of logistic losses need side by side.

1 - sigmoid(x) would cost nothing and lose every digit where sigmoid(x) is close to 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from lossdsl.boosting.substitution import Substitution
from lossdsl.calculus.gradient import needed_stages
from lossdsl.ir.graph import Graph, Node, reachable
from lossdsl.ir.stage import StageTable


def share_exponentials(table: StageTable, roots: Sequence[Node]) -> list[Node]:
    """The nodes, with both sigmoids made of e = exp(-|x|) where a number and its negative have one."""
    stages = needed_stages(table, roots)
    seen = reachable([*roots, *(r for stage in stages for r in stage.roots)])
    arguments = {node.args[0] for node in seen if node.op == "sigmoid"}
    paired = {x for x in arguments if x.op != "neg" and -x in arguments}

    def replace(node: Node, args: Sequence[Node]) -> Node | None:
        if node.op != "sigmoid":
            return None
        x = node.args[0]
        if x in paired:
            return _sigmoid(table.graph, args[0], True)
        return _sigmoid(table.graph, -args[0], False) if -x in paired else None

    if not paired:
        return list(roots)
    substitution = Substitution(table, replace)
    return [substitution.of(root) for root in roots]


def _sigmoid(g: Graph, x: Node, positive: bool) -> Node:
    """sigmoid(x), or sigmoid(-x): of the two, the one of a positive number is 1/(1 + e), the other e/(1 + e)."""
    one, e = g.const(1), g.apply("exp", -g.apply("abs", x))
    upper = g.apply("ge", x, g.const(0))
    return g.where(upper, *((one, e) if positive else (e, one))) / (one + e)
