"""Comparisons of probabilities with a number, as comparisons of their logits.

sigmoid(x) < 1/2 is x < 0; but sigmoid(1e-17) is 1/2 in floating point, and the branch for smaller ones is not taken
at -1e-17.  Beyond 37, sigmoid(x) < 1 does not hold any more.
"""

from __future__ import annotations

from lossdsl.ir.graph import Node
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.facts import remembered
from lossdsl.rewrite.finite import is_one_number
from lossdsl.rewrite.unit import in_unit_interval


def of_logits(table: StageTable, op: str, a: Node, b: Node) -> Node | None:
    """`a op b` where one side is a probability by its logit, and the other a number between 0 and 1."""
    g = table.graph
    for x, bound in ((a, b), (b, a)):
        logit = _logit(table, x)
        if logit is not None and is_one_number(table, bound) and in_unit_interval(table, bound):
            other = g.const(0) if bound.is_const and bound * 2 is g.const(1) else g.apply("logit", bound)
            return g.apply(op, logit, other) if x is a else g.apply(op, other, logit)
    return None


@remembered
def _logit(table: StageTable, node: Node) -> Node | None:
    """What the sigmoid is taken of: on both sides of a choice."""
    if node.op == "sigmoid":
        return node.args[0]
    if node.op == "where":
        condition, *sides = node.args
        logits = [logit for side in sides if (logit := _logit(table, side)) is not None]
        return node.graph.where(condition, *logits) if len(logits) == len(sides) else None
    return None
