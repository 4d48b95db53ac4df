"""Which expressions lie in [0, 1]: labels, degrees of belief, and what smoothing makes of them."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.facts import remembered

UNIT_ARRAYS = ("unit", "arrays")
"""Where a table keeps the names of the arguments whose domain lies in [0, 1]."""
FEW = 4
"""Inputs of a smoothed label: the corners of their cube are looked at one by one."""


@remembered
def in_unit_interval(table: StageTable, node: Node) -> bool:
    """Whether the domains promise a value in [0, 1].

    A formula that is linear in each of its inputs takes its extremes where all of them are 0 or 1.
    """
    if node.op == "where":
        return all(in_unit_interval(table, a) for a in node.args[1:])
    below = reachable([node])
    inputs = [n for n in below if n.op == "read"]
    names = table.facts.get(UNIT_ARRAYS, {})
    if len(inputs) > FEW or not all(str(n.value) in names for n in inputs) or not _is_multilinear(below):
        return False
    corners = (
        dict(zip(inputs, corner, strict=True)) for corner in product((Fraction(0), Fraction(1)), repeat=len(inputs))
    )
    return all(0 <= _at(below, corner) <= 1 for corner in corners)


def _is_multilinear(nodes: list[Node]) -> bool:
    """Whether nodes are sums and products of numbers and inputs, where no input meets itself in a product."""
    positions = frozenset(i for n in nodes if n.op == "read" for i in reachable(n.args))
    return all(node in positions or _keeps_linear(node) for node in nodes)


def _keeps_linear(node: Node) -> bool:
    match node.op, node.args:
        case "const", _:
            return isinstance(node.value, Fraction)
        case (("read" | "add" | "sub" | "neg"), _):
            return True
        case "mul", (a, b):
            return not _inputs(a) & _inputs(b)
        case "div", (_, b):
            return b.is_const and not b.is_value(0)
    return False


def _inputs(node: Node) -> frozenset[Node]:
    return frozenset(n for n in reachable([node]) if n.op == "read")


def _at(nodes: list[Node], corner: dict[Node, Fraction]) -> Fraction:
    """The last node where the inputs have these values."""
    values: dict[int, Fraction] = {}
    for node in nodes:
        args = [values[a.id] for a in node.args if a.id in values]
        match node.op, args:
            case "read", _:
                values[node.id] = corner[node]
            case "const", _ if isinstance(node.value, Fraction):
                values[node.id] = node.value
            case "add", [a, b]:
                values[node.id] = a + b
            case "sub", [a, b]:
                values[node.id] = a - b
            case "mul", [a, b]:
                values[node.id] = a * b
            case "div", [a, b]:
                values[node.id] = a / b
            case "neg", [a]:
                values[node.id] = -a
    return values[nodes[-1].id]
