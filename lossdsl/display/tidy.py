"""Small rewritings of conditions, sums and reductions that make a formula easier to read; each is exact."""

from __future__ import annotations

from fractions import Fraction

from lossdsl.display.guards import has_offsets
from lossdsl.display.regions import is_same_everywhere
from lossdsl.ir.graph import Graph, Node

MIRRORED = {"le": "ge", "lt": "gt", "ge": "le", "gt": "lt", "eq": "eq", "ne": "ne"}
"""A comparison with its sides exchanged."""


def without_difference(graph: Graph, node: Node) -> Node:
    """a - b > 0 as a > b: a rounded difference has the sign of the exact one.  A constant stands on the right."""
    if node.op not in MIRRORED:
        return node
    a, b = node.args
    if a.is_const and not b.is_const:
        return without_difference(graph, graph.apply(MIRRORED[node.op], b, a))
    if b.is_value(0) and a.op == "sub" and a.kind == "real":
        return without_difference(graph, graph.apply(node.op, *a.args))
    return node


def exclusive(graph: Graph, root: Node) -> Node:
    """Terms of a sum that stand for different values of one index, as one conditional: `a if i == 0 else b if ...`."""
    last = _cases(root.args[1]) if root.op == "add" else None
    if last is None:
        return root
    terms = _terms(root)
    index, cases = last
    for number, term in enumerate(terms[:-1]):
        found = _cases(term)
        if found is not None and found[0] is index and found[1].keys().isdisjoint(cases):
            return graph.total([*terms[:number], *terms[number + 1 : -1], _chain(graph, index, found[1] | cases)])
    return root


def _chain(graph: Graph, index: Node, cases: dict[int, Node]) -> Node:
    result = graph.const(0)
    for value in sorted(cases, reverse=True):
        result = graph.where(graph.apply("eq", index, graph.const(value)), cases[value], result)
    return result


def _terms(root: Node) -> list[Node]:
    """The terms of a sum from the left; of anything else, the root alone."""
    terms: list[Node] = []
    while root.op == "add":
        terms.append(root.args[1])
        root = root.args[0]
    return [root, *reversed(terms)]


def _cases(term: Node) -> tuple[Node, dict[int, Node]] | None:
    """The index and the value at each constant, of `x if index == constant else ... else 0`."""
    index: Node | None = None
    cases: dict[int, Node] = {}
    while term.op == "where":
        condition, then, term = term.args
        if condition.op != "eq" or condition.args[0].op != "index" or not condition.args[1].is_const:
            return None
        index = index or condition.args[0]
        value = condition.args[1].value
        if condition.args[0] is not index or not isinstance(value, Fraction) or int(value) in cases:
            return None
        cases[int(value)] = then
    return (index, cases) if index is not None and term.is_value(0) else None


def factored(graph: Graph, body: Node) -> tuple[Node, Node]:
    """A factor that is the same for every element, and the rest: it can stand before the sum."""
    one = graph.const(1)
    match body.op, body.args:
        case "neg", (a,):
            factor, rest = factored(graph, a)
            return -factor, rest
        case "mul", (a, b):
            (f, x), (h, y) = factored(graph, a), factored(graph, b)
            return f * h, x * y
        case "div", (a, b):
            (f, x), (h, y) = factored(graph, a), factored(graph, b)
            return f / h, x / y
    return (body, one) if is_same_everywhere(body) else (one, body)


def moved_condition(graph: Graph, body: Node, where: Node) -> tuple[Node, Node]:
    """Elements that are 0 where a condition fails are left out of a sum by it."""
    if has_offsets([body]):  # the condition may keep what is read in range, which it can not do elsewhere
        return body, where
    if body.op == "where" and body.args[2].is_value(0):
        return moved_condition(graph, body.args[1], graph.both(where, body.args[0]))
    if body.op == "mul":
        for part, other in (body.args, body.args[::-1]):
            if part.op == "where" and part.args[2].is_value(0) and part.args[1].is_value(1):
                return moved_condition(graph, other, graph.both(where, part.args[0]))
    return body, where
