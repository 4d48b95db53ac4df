"""A scale times a sum of which some terms are divided by it: scores of a location and a scale.

s*(|d|/s + exp(-|d|/s) - 3/4) is |d| + s*(exp(-|d|/s) - 3/4).  As typed it is 0*inf for subnormal s, and its derivative
by s is a difference of numbers of the size of d/s, of which nothing is left far from the centre.
"""

from __future__ import annotations

from lossdsl.ir.graph import Node
from lossdsl.ir.opened import opened
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.finite import is_one_number
from lossdsl.rewrite.signs import sign

MOST = 16
"""Of a longer sum or product some terms or factors stay together."""


def distributed(table: StageTable, a: Node, b: Node) -> Node | None:
    """a*b where one is a scale and the other a sum that is partly divided by it."""
    for scale, total in ((a, b), (b, a)):
        if total.op not in ("add", "sub") or is_one_number(table, scale):
            continue
        terms = opened((1, total), _terms, MOST)
        found = [(s, t, _times(table, scale, t)) for s, t in terms]
        if not any(product is not None for *_, product in found):
            continue
        free = _sum([(s, product) for s, _, product in found if product is not None])
        rest = [(s, t) for s, t, product in found if product is None]
        if not rest:
            return free
        if rest[0][0] < 0:
            return free - scale * _sum([(-s, t) for s, t in rest])
        return free + scale * _sum(rest)
    return None


def _terms(signed: tuple[int, Node]) -> list[tuple[int, Node]] | None:
    s, node = signed
    match node.op, node.args:
        case "add", (a, b):
            return [(s, a), (s, b)]
        case "sub", (a, b):
            return [(s, a), (-s, b)]
        case "neg", (a,):
            return [(-s, a)]
    return None


def _factors(node: Node) -> tuple[Node, ...] | None:
    return node.args if node.op in ("mul", "guarded_mul") else None


def _times(table: StageTable, scale: Node, term: Node) -> Node | None:
    """scale*term where one factor of the term is divided by the scale; else None."""
    factors = opened(term, _factors, MOST)
    for position, factor in enumerate(factors):
        whole = _undivided(table, scale, factor)
        if whole is not None:
            return scale.graph.product([*factors[:position], whole, *factors[position + 1 :]])
    return None


def _undivided(table: StageTable, scale: Node, factor: Node) -> Node | None:
    match factor.op, factor.args:
        case "div", (d, divisor) if divisor is scale:
            return d
        case "abs", (quotient,) if sign(table, scale) != "any":
            inner = _undivided(table, scale, quotient)
            return None if inner is None else scale.graph.apply("abs", inner)
    return None


def _sum(terms: list[tuple[int, Node]]) -> Node:
    (s, total), *others = terms
    total = total if s > 0 else -total
    for s, term in others:
        total = total + term if s > 0 else total - term
    return total
