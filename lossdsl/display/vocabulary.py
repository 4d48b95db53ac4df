"""Scalar functions in the words of the loss language."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from lossdsl.display.formula import NotExpressible
from lossdsl.functions.derived import NotInTable, convert
from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import Graph, Node, reachable
from lossdsl.rewrite.pattern import Vocabulary

WRITTEN = frozenset({"where", "whole", "read", "index", "extent", "const"})


def in_words(graph: Graph, node: Node, args: Sequence[Node], exact: bool) -> Node:
    """The function of the node applied to `args`, by functions that a text may call.

    Without `exact`, what readers know but the language does not may stay.
    """
    row = TABLE.get(node.op)
    if node.op in WRITTEN or row is None or _is_writable(node.op) or (node.op == "polygamma" and not exact):
        return graph.rebuild(node, args)
    if row.display is not None:
        return graph.node(row.display(Vocabulary(graph), *args))
    order, *rest = args
    try:
        return _closed(graph, node.op, order, rest)
    except (NotInTable, NotExpressible) as reason:
        raise NotExpressible(f"the loss language has no word for {node.op}, which this gradient needs") from reason


def _is_writable(op: str) -> bool:
    return TABLE[op].surface or TABLE[op].precedence < 100 or op in ("mod", "not")


def _closed(graph: Graph, op: str, order: Node, arguments: Sequence[Node]) -> Node:
    """A function with a constant order by its SymPy definition, written out."""
    import sympy as sp

    if not order.is_const:
        raise NotExpressible(f"the order of {op} is not a constant")
    symbols = [sp.Symbol(f"x{k}", real=True) for k in range(len(arguments))]
    expression = TABLE[op].sympy(order.value, *symbols)
    known = dict(zip(symbols, arguments, strict=True))
    converted = graph.node(convert(expression, Vocabulary(graph), known))
    foreign = [n.op for n in reachable([converted]) if n.op not in WRITTEN and not _is_writable(n.op)]
    if foreign:
        raise NotExpressible(f"no word for {foreign[0]}")
    return converted


def never_zero(node: Node) -> bool:
    """Whether the value is shown not to be 0, by its form."""
    match node.op, node.args:
        case "const", _:
            return not node.is_value(0)
        case (("exp" | "cosh" | "sigmoid"), _):
            return True
        case (("neg" | "div"), (a, *_)):
            return never_zero(a)
        case "mul", (a, b):
            return never_zero(a) and never_zero(b)
        case "max", values:
            return any(isinstance(v.value, Fraction) and v.value > 0 for v in values)
    return False
