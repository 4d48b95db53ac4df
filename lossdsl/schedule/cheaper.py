"""Choices that one call computes: what is exactly the same, at less cost."""

from __future__ import annotations

from lossdsl.ir.graph import Node
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.signs import sign


def cheaper(table: StageTable, node: Node) -> Node | None:
    """The same value by fewer operations; None where no rule is known.

    r if |r| <= d else d*sign(r)  ->  clip(r, -d, d)  for d >= 0: the slope of Huber losses.
    """
    match node.op, node.args:
        case "where", (condition, then, otherwise):
            limit = _limit(condition, then)
            if limit is not None and _is_signed(otherwise, limit, then) and sign(table, limit) != "any":
                return node.graph.apply("clip", then, -limit, limit)
    return None


def _limit(condition: Node, inner: Node) -> Node | None:
    """d, where the condition is |inner| <= d, or <."""
    if condition.op in ("le", "lt") and condition.args[0].op == "abs" and condition.args[0].args[0] is inner:
        return condition.args[1]
    return None


def _is_signed(node: Node, limit: Node, of: Node) -> bool:
    """Whether the node is limit*sign(of)."""
    graph = node.graph
    signs = graph.apply("sign", of)
    return node in (limit * signs, signs * limit) or (limit.is_value(1) and node is signs)
