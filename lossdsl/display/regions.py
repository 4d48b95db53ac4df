"""Regions of arithmetic in the graph, and how long they are when written."""

from __future__ import annotations

from fractions import Fraction

from lossdsl.ir.graph import Node, reachable

ARITHMETIC = frozenset({"add", "sub", "mul", "div", "neg"})
LARGEST_POWER = 8


def is_whole_power(node: Node) -> bool:
    exponent = node.args[1].value if node.op == "pow" and node.args[1].is_const else None
    return isinstance(exponent, Fraction) and exponent.denominator == 1 and abs(exponent) <= LARGEST_POWER


def is_arithmetic(node: Node) -> bool:
    if node.kind == "int":  # of sizes and brackets; positions stay as they are
        return node.op in ARITHMETIC and all(
            a.op in ("extent", "const", "where") or is_arithmetic(a) for a in node.args
        )
    return node.kind == "real" and (node.op in ARITHMETIC or is_whole_power(node))


def inside(root: Node) -> list[Node]:
    """The region below the root, its leaves included; arguments before users."""
    return reachable([root], stop=lambda n: not is_arithmetic(n))


def leaves_of(root: Node) -> list[Node]:
    """What SymPy is to take as symbols, in the order of writing."""
    leaves: dict[int, Node] = {}
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if node.id in seen:
            continue
        seen.add(node.id)
        if is_arithmetic(node):
            stack.extend(reversed(node.args))
        elif not node.is_const:
            leaves[node.id] = node
    return list(leaves.values())


def is_position(node: Node) -> bool:
    """A whole number that is written in a few characters."""
    if node.kind != "int":
        return False
    return all(n.op != "where" for n in reachable([node], stop=lambda n: n.op == "read"))


def is_same_everywhere(node: Node) -> bool:
    """Made of numbers, sizes and scalar arguments alone: it may be evaluated anywhere."""
    return not node.free and all(
        n.op in ("const", "extent") or is_arithmetic(n) or n.kind == "int" or (n.op == "read" and not n.args)
        for n in reachable([node])
    )


def operations(root: Node, known: dict[int, int] | None = None) -> int:
    """What the text costs to read: four for an operation, two for a name or a number, each occurrence counted.

    A little is added for products and sums that do not go from left to right.  `known` is kept from call to call.
    """
    cost = {} if known is None else known
    for node in reachable([root], stop=lambda n: n.id in cost or _is_short(n)):
        if node.id in cost:
            continue
        if _is_short(node):
            cost[node.id] = 2
            continue
        parts = [cost[a.id] for a in node.args]
        cost[node.id] = 4 + sum(parts)
        match node.op, node.args:
            case "where", (_, then, otherwise) if then.is_value(1) and otherwise.is_value(0):
                cost[node.id] = 2 + parts[0]
            case (("mul" | "add" | "sub"), (_, right)):
                cost[node.id] += (
                    right.op in (("mul", "div") if node.op == "mul" else ("add", "sub")) or right.op == "neg"
                )
    return cost[root.id]


def _is_short(node: Node) -> bool:
    return node.op == "read" or not node.args or is_position(node)
