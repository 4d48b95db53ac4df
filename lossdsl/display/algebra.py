"""Regions of arithmetic as SymPy expressions, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from lossdsl.display.instances import instance
from lossdsl.display.regions import inside, is_arithmetic, is_same_everywhere, leaves_of
from lossdsl.display.rewriter import BINDING, Let
from lossdsl.functions.lazy import sympy
from lossdsl.ir.graph import Graph, Node


@dataclass
class Meaning:
    """The SymPy value of each leaf of a region, by id, and the node that each symbol stands for."""

    values: dict[int, Any] = field(default_factory=dict)
    nodes: dict[Any, Node] = field(default_factory=dict)

    def symbol(self, node: Node) -> Any:
        """Symbols are numbered, and so ordered, as they are first met."""
        known = next((s for s, n in self.nodes.items() if n is node), None)
        if known is None:
            known = sympy().Symbol(f"x{len(self.nodes):03}", real=True)
            self.nodes[known] = node
        return known


class Relations:
    """What leaves of a region have to do with one another."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.lets: dict[str, Let] = {}
        """Bindings that may be read, by the name of their array."""

    def define(self, let: Let) -> None:
        self.lets[BINDING + let.name] = let

    def independent(self, leaves: Sequence[Node]) -> Meaning:
        meaning = Meaning()
        for leaf in leaves:
            meaning.values[leaf.id] = meaning.symbol(leaf)
        return meaning

    def expanded(self, leaves: Sequence[Node]) -> Meaning | None:
        """Bindings that are made of other leaves, as they are defined; None if there are none."""
        meaning = Meaning()
        definitions = {leaf.id: self._definition(leaf, leaves) for leaf in leaves}
        if not any(definitions.values()):
            return None
        for leaf in leaves:
            definition = definitions[leaf.id]
            meaning.values[leaf.id] = meaning.symbol(leaf) if definition is None else self._scaled(meaning, definition)
        return meaning

    def _definition(self, leaf: Node, leaves: Sequence[Node]) -> Node | None:
        let = self.lets.get(str(leaf.value)) if leaf.op == "read" else None
        if let is None or not is_arithmetic(let.node):
            return None
        g = self.graph
        node = let.at(g, leaf.args)
        return node if any(part in leaves for part in leaves_of(node)) else None

    def related(self, leaves: Sequence[Node]) -> Meaning:
        """sigmoid(-x) is 1 - sigmoid(x); a constant where a condition holds is a multiple of 0 or 1."""
        g, meaning = self.graph, Meaning()
        symbol = meaning.symbol
        for leaf in leaves:
            match leaf.op, leaf.args:
                case "sigmoid", (x,) if (tanh := self._half(leaves, x)) is not None:
                    value = (1 + (1 if opposite(x) is None else -1) * symbol(tanh)) / 2
                case "sigmoid", (x,) if (minus := opposite(x)) is not None:
                    value = 1 - symbol(self._named(g.apply("sigmoid", minus)))
                case "where", (c, a, b) if b.is_value(0) and is_same_everywhere(a):
                    value = self._scaled(meaning, a) * symbol(g.where(c, g.const(1), b))
                case "exp", (x,) if x.op == "neg" and g.apply("exp", x.args[0]) in leaves:
                    value = 1 / symbol(g.apply("exp", x.args[0]))
                case _:
                    value = symbol(leaf)
            meaning.values[leaf.id] = value
        return meaning

    def complement(self, leaf: Node) -> Node | None:
        """1 - p for sigmoid(-x), where p is the name of sigmoid(x)."""
        minus = opposite(leaf.args[0]) if leaf.op == "sigmoid" else None
        if minus is None:
            return None
        named = self._named(self.graph.apply("sigmoid", minus))
        return 1 - named if named.op == "read" else None

    def _scaled(self, meaning: Meaning, node: Node) -> Any:
        return to_sympy(node, Meaning({n.id: meaning.symbol(n) for n in leaves_of(node)}))

    def _half(self, leaves: Sequence[Node], x: Node) -> Node | None:
        """tanh(u) where the leaves have sigmoid(2*u) and sigmoid(-2*u), as its derivative has."""
        double = opposite(x) or x
        if double.op != "mul" or not double.args[0].is_value(2):
            return None
        partners = [leaf.args[0] for leaf in leaves if leaf.op == "sigmoid"]
        paired = any(p is double for p in partners) and any(opposite(p) is double for p in partners)
        return self._named(self.graph.apply("tanh", double.args[1])) if paired else None

    def _named(self, node: Node) -> Node:
        """A binding that has this value, or else the node itself."""
        for name, let in self.lets.items():
            if let.node.op == node.op:
                found = instance(self.graph, let.node, node)
                if found is not None:
                    return self.graph.read(name, [found.get(i, self.graph.index(i)) for i in let.indices])
        return node


def opposite(node: Node) -> Node | None:
    """x for -x, and 2*x for -2*x."""
    if node.op == "neg":
        return node.args[0]
    first = node.args[0] if node.op == "mul" else None
    if first is not None and isinstance(first.value, Fraction) and first.value < 0:
        return node.graph.const(-first.value) * node.args[1]
    return None


def to_sympy(root: Node, meaning: Meaning) -> Any:
    done: dict[int, Any] = {}
    for node in inside(root):
        done[node.id] = meaning.values[node.id] if node.id in meaning.values else _operation(node, done)
    return sympy().sympify(done[root.id], strict=True)


def _operation(node: Node, done: dict[int, Any]) -> Any:
    match node.op, [done[a.id] for a in node.args]:
        case "add", [a, b]:
            return a + b
        case "sub", [a, b]:
            return a - b
        case "mul", [a, b]:
            return a * b
        case "div", [a, b]:
            return a / b
        case "neg", [a]:
            return -a
        case "pow", [a, b]:
            return a**b
    return _constant(node.value)


def _constant(value: object) -> Any:
    sp = sympy()
    match value:
        case Fraction():
            return sp.Rational(value.numerator, value.denominator)
        case "pi":
            return sp.pi
        case "inf":
            return sp.oo
        case "-inf":
            return -sp.oo
    return sp.nan


class Unconverted(Exception):
    """SymPy went beyond arithmetic."""


def to_nodes(graph: Graph, expression: Any, meaning: Meaning) -> Node | None:
    """The expression as a node: terms and factors in the order in which their symbols were first met."""
    try:
        return _Back(graph, meaning).node(expression)
    except Unconverted:
        return None


class _Back:
    def __init__(self, graph: Graph, meaning: Meaning) -> None:
        self.graph, self.meaning = graph, meaning

    def node(self, expression: Any) -> Node:
        sp = sympy()
        g = self.graph
        match expression:
            case sp.Symbol():
                return self.meaning.nodes[expression]
            case sp.Rational():
                return g.const(Fraction(int(expression.p), int(expression.q)))
            case sp.Add():
                return self._sum(expression)
            case sp.Mul():
                return self._product(expression)
            case sp.Pow() if expression.exp.is_Integer and expression.exp > 0:
                return self.node(expression.base) ** int(expression.exp)
            case sp.Pow() if expression.exp.is_Integer:
                return 1 / self.node(1 / expression)
        if expression is sp.pi:
            return g.const("pi")
        raise Unconverted(str(expression))

    def _sum(self, expression: Any) -> Node:
        terms = [(_is_negative(term), self._rank(term), term) for term in expression.args]
        terms.sort(key=lambda t: t[:2])
        total = self.node(terms[0][2])
        for negative, _, term in terms[1:]:
            total = total - self._opposite(term) if negative else total + self.node(term)
        return total

    def _opposite(self, expression: Any) -> Node:
        """Minus something negative."""
        node = self.node(expression)
        return node.args[0] if node.op == "neg" else -node

    def _product(self, expression: Any) -> Node:
        """A quotient of products; sums in it that are negative as a whole are turned around."""
        coefficient, rest = expression.as_coeff_Mul()
        negative = bool(coefficient < 0)
        above: list[tuple[Any, Node]] = []
        below: list[tuple[Any, Node]] = []
        for factor in sympy().Mul.make_args(rest):
            base, exponent = factor.as_base_exp()
            if not exponent.is_Integer:
                raise Unconverted(str(factor))
            turned = bool(base.is_Add) and (_is_negative(base) if exponent % 2 else self._starts_negative(base))
            negative ^= turned and exponent % 2 == 1
            node = self.node(-base) if turned else self.node(base)
            (above if exponent > 0 else below).append((self._rank(base), node ** abs(int(exponent))))
        numerator = self._joined(above, abs(int(coefficient.p)))
        value = numerator / self._joined(below, int(coefficient.q)) if below or coefficient.q != 1 else numerator
        return -value if negative else value

    def _starts_negative(self, expression: Any) -> bool:
        return _is_negative(min(expression.args, key=self._rank))

    def _joined(self, factors: list[tuple[Any, Node]], number: int) -> Node:
        nodes = [node for _, node in sorted(factors, key=lambda f: f[0])]
        return self.graph.product([self.graph.const(number), *nodes])

    def _rank(self, expression: Any) -> tuple[bool, str]:
        return bool(expression.is_Add), min((str(s) for s in expression.free_symbols), default="y")


def _is_negative(expression: Any) -> bool:
    """Whether it is better written as minus something."""
    if expression.is_Add:
        return all(_is_negative(term) for term in expression.args)
    if not (expression.is_Mul or expression.is_Number):
        return False
    sign = bool(expression.as_coeff_Mul()[0] < 0)
    for factor in sympy().Mul.make_args(expression):
        sign ^= bool(factor.is_Add) and _is_negative(factor)
    return sign
