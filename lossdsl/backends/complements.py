"""Differences of derivatives that cancel: an exponential less one, a factor less its product with a sigmoid.

The rules of stability see the formula, not what its derivatives add up to: exp(x) - x has the derivative exp(x) - 1,
and s*(x + exp(-x)) has s - s*exp(-x), which have no digits left near their zero.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod

from lossdsl.ir.graph import Node
from lossdsl.ir.opened import opened
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.finite import product

PRODUCTS = ("mul", "guarded_mul")
MOST_FACTORS = 16
"""Of a longer product nothing is asked."""


def complemented(table: StageTable, node: Node) -> Node | None:
    """A difference a - b of which one is a times something close to one, as a product; None for any other."""
    if node.op != "sub":
        return None
    a, b = node.args
    return _without(table, a, b) or _negative(_without(table, b, a))


def _negative(node: Node | None) -> Node | None:
    return None if node is None else -node


def _without(table: StageTable, whole: Node, part: Node) -> Node | None:
    """whole - part, where the part is whole*exp(x), whole*sigmoid(x) or whole*2*sigmoid(x)."""
    g = whole.graph
    one, other = _scaled(whole), _scaled(part)
    if one is None or other is None:
        return None
    (number, rest), (times, parts) = one, other
    for factor in parts:
        if factor.op not in ("exp", "sigmoid") or not _same(rest, [p for p in parts if p is not factor]):
            continue
        x, ratio = factor.args[0], times / number
        if factor.op == "exp" and ratio == 1:
            return -product(table, whole, g.apply("expm1", x))
        if factor.op == "sigmoid" and ratio == 1:
            return product(table, whole, g.apply("sigmoid", -x))
        if factor.op == "sigmoid" and ratio == 2:
            return -product(table, whole, g.apply("tanh", x / 2))
    return None


def _scaled(node: Node) -> tuple[Fraction, list[Node]] | None:
    """A product as a constant and the other factors; 1 and the node itself where it is none; None where it is long."""
    found = opened(node, _factors, MOST_FACTORS)
    if len(found) >= MOST_FACTORS:
        return None
    numbers = [f.value for f in found if _is_number(f) and isinstance(f.value, Fraction)]
    return prod(numbers, start=Fraction(1)), [f for f in found if not _is_number(f)]


def _factors(node: Node) -> tuple[Node, ...] | None:
    if node.op == "neg":
        return node.graph.const(-1), node.args[0]
    return node.args if node.op in PRODUCTS else None


def _is_number(node: Node) -> bool:
    return isinstance(node.value, Fraction) and node.value != 0


def _same(one: list[Node], other: list[Node]) -> bool:
    return sorted(n.id for n in one) == sorted(n.id for n in other)
