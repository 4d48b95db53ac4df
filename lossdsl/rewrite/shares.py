"""Quotients by a sum that contains the numerator: (x + c)/(x + y + c) is the share of x + c beside y.

Its complement y/(x + c + y) keeps its digits where 1 - (x + c)/(x + y + c) has none: at a perfect overlap.
"""

from __future__ import annotations

from collections import Counter

from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.opened import opened
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.signs import sign


def share(table: StageTable, numerator: Node, denominator: Node) -> Node | None:
    """The quotient by the function of the numerator and of the other terms, where none of them is negative."""
    if denominator.op != "add":
        return None
    others = Counter(_terms(denominator))
    others.subtract(_terms(numerator))
    if min(others.values()) < 0:
        return None
    rest = [term for term in _terms(denominator) if others[term]]
    if len(rest) != others.total() or not rest or any(sign(table, n) == "any" for n in (numerator, *rest)):
        return None
    if "extent" in {n.op for n in (numerator, *rest)} or not any(n.op == "read" for n in reachable([numerator])):
        return None
    return table.graph.apply("share", numerator, table.graph.total(rest))


def complement(table: StageTable, one: Node, part: Node) -> Node | None:
    """One minus a share is the share of the others."""
    if one.is_value(1) and part.op == "share":
        return table.graph.apply("share", *part.args[::-1])
    return None


def _terms(node: Node) -> list[Node]:
    return opened(node, lambda n: n.args if n.op == "add" else None)
