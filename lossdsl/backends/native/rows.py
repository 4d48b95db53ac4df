"""Values that several loops over one row have in common: computed by the first, kept in a buffer for the others.

So the exponentials of a softmax are taken once, for their sum and for the gradient.
"""

from __future__ import annotations

from collections.abc import Sequence

from lossdsl.backends.native.items import Item
from lossdsl.backends.native.nests import Loop
from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import BOOLEAN_OPS, Node, reachable

CHEAP = BOOLEAN_OPS | {
    "add", "sub", "mul", "div", "neg", "abs", "max", "min", "where", "sign", "relu", "clip", "floor", "round",
    "fraction", "stop_gradient", "whole", "sqrt", "guarded_mul", "guarded_div", "guarded_sub", "mod", "share",
    "canberra",
}  # fmt: skip
"""Functions that cost no more than to read a number from memory."""


def shared_rows(body: Sequence[Loop | Item]) -> dict[Node, list[Loop]]:
    """Expensive nodes that more than one innermost loop of a body computes, at the same positions, and those loops."""
    loops = [entry for entry in body if isinstance(entry, Loop) and entry.is_innermost]
    found: dict[Node, list[Loop]] = {}
    for loop in loops:
        for node in reachable(root for item in loop.items() for root in item.roots):
            if node.kind == "real" and loop.index in node.free and node.op in TABLE and node.op not in CHEAP:
                found.setdefault(node, []).append(loop)
    shared = {node: users for node, users in found.items() if len(users) > 1 and len({u.index for u in users}) == 1}
    inner = {a for node in shared for a in reachable(node.args)}
    return {node: users for node, users in shared.items() if node not in inner or not _covered(node, shared)}


def _covered(node: Node, shared: dict[Node, list[Loop]]) -> bool:
    """Whether another shared value makes this one unnecessary: it is read by the same loops, and contains it."""
    return any(
        other is not node and users == shared[node] and node in reachable(other.args) for other, users in shared.items()
    )
