"""Nodes of one row as SymPy expressions and back, for the two questions that need algebra: what the derivative is on
average, and which constant score is best.

Only elementwise formulas without choices are translated; everything else gives None, or a symbol of its own where the
caller says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from lossdsl.boosting.interval import Interval
from lossdsl.functions.lazy import sympy
from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import Graph, Node, reachable
from lossdsl.ir.stage import StageTable

LARGEST = 80
"""Nodes of a formula that is still translated: SymPy's cost grows fast."""
SKIPPED = frozenset({"where", "floor", "round", "sign", "mod", "max", "min", "clip", "abs", "relu", "index"})
POINTWISE = frozenset({"stop_gradient", "whole"})


class Symbols:
    """Translates nodes of one row; what is translated together shares its symbols.

    `opaque`: which nodes may become symbols of their own if they can not be translated.
    """

    def __init__(
        self, table: StageTable, domains: Mapping[str, Interval], opaque: Callable[[Node], bool] | None = None
    ) -> None:
        self.table, self.domains, self.opaque = table, domains, opaque
        self.reads: dict[Any, Node] = {}
        """The node that each symbol stands for."""
        self._places: dict[str, tuple[Node, ...]] = {}
        self._known: dict[int, Any] = {}

    def of(self, root: Node) -> Any | None:
        """The expression, arrays as symbols of their names with the signs that their domains promise."""
        nodes = reachable([root], stop=lambda node: node.id in self._known)
        if len(nodes) > LARGEST:
            return None
        for node in nodes:
            if node.id not in self._known and node.op != "index" and node.kind != "bool":
                self._known[node.id] = self._of(node)
        return self._known.get(root.id)

    def _of(self, node: Node) -> Any | None:
        args = [self._known.get(a.id) for a in node.args]
        found = None if node.op in SKIPPED else self._translated(node, args)
        if found is None and self.opaque is not None and self.opaque(node):
            found = sympy().Symbol(f"__part_{node.id}", real=True)
            self.reads[found] = node
        return found

    def _translated(self, node: Node, args: list[Any | None]) -> Any | None:
        if node.op == "read":
            return self._read(node)
        if node.is_const:
            return _constant(node.value)
        if None in args or node.op == "extent":
            return None
        if node.op in POINTWISE:
            return args[0]
        return _applied(node, args) if node.op in TABLE else None

    def _read(self, node: Node) -> Any | None:
        name = str(node.value)
        if name not in self.table.arrays or self._places.setdefault(name, node.args) != node.args:
            return None
        found = symbol(name, self.domains)
        self.reads[found] = node
        return found


def to_sympy(table: StageTable, root: Node, domains: Mapping[str, Interval]) -> Any | None:
    """One node, translated; None for what has choices."""
    return Symbols(table, domains).of(root)


def _constant(value: object) -> Any | None:
    sp = sympy()
    if isinstance(value, Fraction):
        return sp.Rational(value.numerator, value.denominator)
    return sp.pi if value == "pi" else None


def _applied(node: Node, args: list[Any]) -> Any:
    sp = sympy()
    if node.op in ("guarded_mul", "mul"):
        return args[0] * args[1]
    if node.op in ("guarded_div", "div"):
        return args[0] / args[1]
    if node.op == "sigmoid":  # one form for all, so that terms cancel
        return 1 / (1 + sp.exp(-args[0]))
    if node.op == "tanh" and node.args[0].op == "div" and node.args[0].args[1].is_value(2):
        e = sp.exp(-2 * args[0])  # of the slope of a sigmoid: 2 sigmoid(x) - 1, which has to cancel as well
        return (1 - e) / (1 + e)
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
    if isinstance(part, sp.core.function.AppliedUndef):
        return graph.apply(part.func.__name__, *args)
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


def simplified(expression: Any) -> Any:
    """A shorter form: as a quotient of polynomials of its exponentials where that is one, which is fast."""
    sp = sympy()
    found = expression.atoms(sp.exp)
    powers = {exp: sp.Symbol(f"__exp_{k}", positive=True) for k, exp in enumerate(sorted(found, key=str))}
    for exp in list(powers):
        inverse = sp.exp(-exp.args[0])
        if inverse in powers and exp.args[0].could_extract_minus_sign():
            powers[exp] = 1 / powers[inverse]
    rational = expression.xreplace(powers)
    if not rational.is_rational_function():
        return sp.simplify(expression)
    back = {power: exp for exp, power in powers.items() if power.is_Symbol}
    return sp.factor(sp.cancel(rational)).xreplace(back)


def in_probability(expression: Any) -> Any:
    """A rational function of exp(x) as a polynomial of p = sigmoid(x) and 1 - p = sigmoid(-x), which can not overflow.

    The expression itself, where it is none.
    """
    sp = sympy()
    arguments = sorted((e.args[0] for e in expression.atoms(sp.exp)), key=lambda a: (sp.count_ops(a), str(a)))
    if not arguments:
        return expression
    x = -arguments[0] if arguments[0].could_extract_minus_sign() else arguments[0]
    times = {argument: sp.cancel(argument / x) for argument in arguments}
    p, q = sp.Symbol("__p", positive=True), sp.Symbol("__q", positive=True)
    if not all(k.is_Integer for k in times.values()):
        return expression
    rational = expression.xreplace({sp.exp(argument): (p / (1 - p)) ** k for argument, k in times.items()})
    found = sp.factor(sp.cancel(rational))
    if p in sp.denom(found).free_symbols or not found.is_rational_function():
        return expression
    sigmoid = sp.Function("sigmoid")
    return found.xreplace({p - 1: -q, 1 - p: q}).xreplace({p: sigmoid(x), q: sigmoid(-x)})


def seems_affine(expression: Any, variable: Any) -> bool:
    """Whether an expression is affine in a symbol at one point of the others: a cheap look before SymPy simplifies."""
    values = _values(expression, variable)
    return values is not None and abs(values[0] - 2 * values[1] + values[2]) < 1e-20


def seems_free(expression: Any, variable: Any) -> bool:
    """Whether an expression is the same whatever a symbol is, at one point of the others."""
    values = _values(expression, variable)
    return values is not None and abs(values[0] - values[1]) < 1e-20 and abs(values[1] - values[2]) < 1e-20


def is_real(expression: Any) -> bool:
    """Whether an expression is a real number at one point, where all symbols are between 0 and 1."""
    sp = sympy()
    at = {symbol: sp.Rational(k + 3, 2 * k + 11) for k, symbol in enumerate(sorted(expression.free_symbols, key=str))}
    value = expression.subs(at).evalf(30)
    return bool(value.is_number and value.is_finite and value.is_real)


def _values(expression: Any, variable: Any) -> list[Any] | None:
    """The expression at three values of one symbol and one of each other; None where it is not finite."""
    sp = sympy()
    others = sorted(expression.free_symbols - {variable}, key=str)
    at = {symbol: sp.Rational(k + 3, 2 * k + 11) for k, symbol in enumerate(others)}
    found = [expression.subs({**at, variable: sp.Rational(k, 5)}).evalf(30) for k in (1, 2, 3)]
    return found if all(v.is_number and v.is_finite and v.is_real for v in found) else None
