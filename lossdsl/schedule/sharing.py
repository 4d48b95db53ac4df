"""One exponential, and one logarithm, for all functions of a logit that are needed side by side.

sigmoid(x), sigmoid(-x), log_sigmoid(x), softplus(-x), ...  are made of e = exp(-|x|) and log1p(e).  Each alone keeps
its name; where several of them meet at x and -x they are spelled out, and what they have in common is computed once.
The forms are those of the functions themselves: no digit changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lossdsl.ir.graph import Graph, Node, reachable

LOGISTIC = frozenset({"sigmoid", "log_sigmoid", "softplus"})


def shared_logits(roots: Iterable[Node]) -> frozenset[int]:
    """Ids of the logits, without their signs, of which several functions are needed."""
    seen: dict[int, set[int]] = {}
    for node in reachable(roots):
        if node.op in LOGISTIC:
            seen.setdefault(_unsigned(node.args[0])[0].id, set()).add(node.id)
    return frozenset(number for number, users in seen.items() if len(users) > 1)


def spelled_out(graph: Graph, node: Node, args: Sequence[Node], shared: frozenset[int]) -> Node | None:
    """A function of a shared logit in terms of e; `args` stand for the arguments of `node`."""
    if node.op not in LOGISTIC:
        return None
    old, minus = _unsigned(node.args[0])
    if old.id not in shared:
        return None
    x = -args[0] if minus else args[0]
    e = graph.apply("exp", -graph.apply("abs", x))
    zero, one = graph.const(0), graph.const(1)
    if node.op == "sigmoid":
        upper = graph.apply("ge", x, zero)
        return graph.where(upper, *((e, one) if minus else (one, e))) / (one + e)
    rest = graph.apply("log1p", e)
    signed = -x if minus else x
    if node.op == "log_sigmoid":
        return graph.apply("min", signed, zero) - rest
    return graph.apply("max", signed, zero) + rest


def _unsigned(x: Node) -> tuple[Node, bool]:
    return (x.args[0], True) if x.op == "neg" else (x, False)
