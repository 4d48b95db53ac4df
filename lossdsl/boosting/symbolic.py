"""Nodes of one row as SymPy expressions and back, for the two questions that need algebra: what the derivative is on
average, and which constant score is best.

Only elementwise formulas without choices are translated; everything else gives None, and the caller does without.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from lossdsl.boosting.intervals import Interval
from lossdsl.functions.lazy import sympy
from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import Graph, Node, reachable
from lossdsl.ir.stage import StageTable

LARGEST = 80
"""Nodes of a formula that is still translated: SymPy's cost grows fast."""
SKIPPED = frozenset({"where", "floor", "round", "sign", "mod", "max", "min", "clip", "abs", "relu", "index"})
POINTWISE = frozenset({"stop_gradient", "whole"})


def to_sympy(table: StageTable, root: Node, domains: Mapping[str, Interval]) -> Any | None:
    """The expression, arrays as symbols of their names with the signs that their domains promise."""
    nodes = reachable([root])
    if len(nodes) > LARGEST:
        return None
    sp = sympy()
    known: dict[int, Any] = {}
    places: dict[str, tuple[Node, ...]] = {}
    for node in nodes:
        if node.op == "index":
            continue
        if node.kind == "bool" or node.op in SKIPPED:
            return None
        if node.op == "read":
            name = str(node.value)
            if name not in table.arrays or places.setdefault(name, node.args) != node.args:
                return None
            known[node.id] = symbol(name, domains)
        elif node.is_const:
            value = node.value
            known[node.id] = sp.Rational(value.numerator, value.denominator) if isinstance(value, Fraction) else None
            if known[node.id] is None:
                if value != "pi":
                    return None
                known[node.id] = sp.pi
        elif node.op == "extent":
            return None
        elif node.op in POINTWISE:
            known[node.id] = known[node.args[0].id]
        elif node.op in TABLE:
            known[node.id] = _applied(node, [known[a.id] for a in node.args])
        else:
            return None
    return known[root.id]


def _applied(node: Node, args: list[Any]) -> Any:
    sp = sympy()
    if node.op in ("guarded_mul", "mul"):
        return args[0] * args[1]
    if node.op in ("guarded_div", "div"):
        return args[0] / args[1]
    if node.op == "sigmoid":  # one form for all, so that terms cancel
        return 1 / (1 + sp.exp(-args[0]))
    return TABLE[node.op].sympy(*args)


def symbol(name: str, domains: Mapping[str, Interval]) -> Any:
    """The symbol of an array."""
    around = domains.get(name, Interval())
    if around.positive:
        return sympy().Symbol(name, positive=True)
    return sympy().Symbol(name, nonnegative=True) if around.nonnegative else sympy().Symbol(name, real=True)


def from_sympy(graph: Graph, expression: Any, reads: Mapping[Any, Node]) -> Node | None:
    """The node of an expression made of sums, products, powers, exponentials and logarithms of these symbols."""
    sp = sympy()
    known: dict[Any, Node | None] = {}
    for part in sp.postorder_traversal(expression):
        if part in known:
            continue
        args = [known[a] for a in part.args]
        known[part] = None if None in args else _node(graph, part, [a for a in args if a is not None], reads)
    return known[expression]


def _node(graph: Graph, part: Any, args: list[Node], reads: Mapping[Any, Node]) -> Node | None:
    sp = sympy()
    match part:
        case sp.Symbol():
            return reads.get(part)
        case sp.Rational():
            return graph.const(Fraction(int(part.p), int(part.q)))
        case sp.Add():
            return graph.total(args)
        case sp.Mul():
            return graph.product(args)
        case sp.Pow():
            return _power(graph, part, args)
        case sp.exp():
            return graph.apply("exp", args[0])
        case sp.log():
            return graph.apply("log", args[0])
    return None


def _power(graph: Graph, part: Any, args: list[Node]) -> Node:
    base, exponent = args
    if part.exp == sympy().Rational(1, 2):
        return graph.apply("sqrt", base)
    if part.exp.is_Rational and part.exp < 0:
        magnitude = graph.const(-Fraction(int(part.exp.p), int(part.exp.q)))
        return graph.const(1) / graph.apply("pow", base, magnitude)
    if part.base == sympy().E:
        return graph.apply("exp", exponent)
    return graph.apply("pow", base, exponent)


def seems_affine(expression: Any, variable: Any) -> bool:
    """Whether an expression is affine in a symbol at one point of the others: a cheap look before SymPy simplifies."""
    values = _values(expression, variable)
    return values is not None and abs(values[0] - 2 * values[1] + values[2]) < 1e-20


def seems_free(expression: Any, variable: Any) -> bool:
    """Whether an expression is the same whatever a symbol is, at one point of the others."""
    values = _values(expression, variable)
    return values is not None and abs(values[0] - values[1]) < 1e-20 and abs(values[1] - values[2]) < 1e-20


def _values(expression: Any, variable: Any) -> list[Any] | None:
    """The expression at three values of one symbol and one of each other; None where it is not finite."""
    sp = sympy()
    others = sorted(expression.free_symbols - {variable}, key=str)
    at = {symbol: sp.Rational(k + 3, 2 * k + 11) for k, symbol in enumerate(others)}
    found = [expression.subs({**at, variable: sp.Rational(k, 5)}).evalf(30) for k in (1, 2, 3)]
    return found if all(v.is_number and v.is_finite and v.is_real for v in found) else None
