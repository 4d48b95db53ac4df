"""What can go wrong where a gradient of 0 meets a function: tables, and what the shape of a formula tells."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import Graph, Node, reachable
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.finite import may_vanish
from lossdsl.rewrite.signs import sign

HARMLESS = frozenset({
    "const", "index", "extent", "read", "whole", "add", "sub", "neg", "where", "abs", "sign", "floor", "round", "relu",
    "max", "min", "clip", "fraction", "stop_gradient", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not",
})  # fmt: skip
"""Operations whose local derivatives are finite whatever their arguments are, infinities included."""

POLES: dict[tuple[str, int], tuple[int, ...]] = {
    ("sqrt", 0): (0,), ("log", 0): (0,), ("log2", 0): (0,), ("log10", 0): (0,), ("log1p", 0): (-1,), ("pow", 0): (0,),
    ("div", 1): (0,), ("guarded_div", 1): (0,), ("xlogy", 1): (0,), ("xlog1py", 1): (-1,), ("sqrt1pm1", 0): (-1,),
    ("powm1", 0): (0,), ("pow1pm1", 0): (-1,),
    ("asin", 0): (-1, 1), ("acos", 0): (-1, 1), ("logit", 0): (0, 1), ("log1mexp", 0): (0,),
}  # fmt: skip
"""(function, argument) -> where the derivative with respect to it is infinite."""

BOUNDED = frozenset(
    {
        "sigmoid",
        "tanh",
        "sin",
        "cos",
        "atan",
        "atan2",
        "erf",
        "erfc",
        "normal_cdf",
        "softmax_weight",
        "softmax_complement",
        "asin",
        "acos",
    }
)
"""Functions whose value does not overflow; neither does that of a sum of finite numbers, short of the last binade."""

ENTIRE = frozenset({"exp", "expm1", "sinh", "cosh", "exprel", "exp_moment"})
"""Functions whose derivative is finite wherever their argument is, short of overflow."""

SATURATING = frozenset(
    {"exp", "expm1", "sigmoid", "tanh", "atan", "erf", "erfc", "normal_cdf", "softplus", "log_sigmoid"}
)
"""Functions whose derivative vanishes at an infinite argument."""


def flat_outside(graph: Graph, node: Node, position: int) -> Node | None:
    """The condition outside of which the node is flat in an argument; None where it always may vary."""
    arg = node.args[position] if node.args else node
    if arg.kind != "real" or arg.is_const:
        return None
    match node.op, node.args:
        case "relu", (x,):
            return graph.apply("gt", x, graph.const(0))
        case "clip", (x, low, high) if position == 0:
            return graph.both(graph.apply("le", low, x), graph.apply("le", x, high))
        case (("max" | "min"), _):
            return graph.apply("eq", arg, node)
        case op, (x,) if op in SATURATING:
            return graph.apply("lt", graph.apply("abs", x), graph.const("inf"))
    return None


def weight_of(node: Node, position: int) -> Node | None:
    """What the derivative with respect to an argument is proportional to, where that is another argument."""
    if node.op == "mul" or (node.op in ("guarded_mul", "xlogy", "xlog1py") and position == 1):
        return node.args[1 - position]
    return None


def always(graph: Graph, condition: Node) -> bool:
    """Whether a condition holds by its shape: True, or c or not c."""
    if condition.op == "or":
        first, second = condition.args
        return first is graph.apply("not", second) or second is graph.apply("not", first)
    return condition.is_const and condition.value is True


class Risks:
    """What can go wrong where a gradient of 0 meets a function, from the shape of formulas and the domains alone.

    `depends` says whether a gradient goes to a node at all.
    """

    def __init__(self, table: StageTable, depends: Callable[[Node], bool]) -> None:
        self.table, self.depends = table, depends
        self._infinite: dict[int, bool] = {}
        self._singular: dict[int, bool] = {}
        self._stages: dict[str, bool] = {}
        for stage in table.stages.values():
            self._stages[stage.name] = stage.op == "prod" or self.is_singular(stage.body)

    def of_argument(self, node: Node, position: int) -> bool:
        """Whether an argument can make a local derivative of the node infinite or NaN."""
        arg = node.args[position]
        if node.op in HARMLESS or arg.is_const or arg.kind != "real":
            return False
        if node.op == "mul":
            return self.may_be_infinite(arg)
        if node.op == "div" and node.args[1].is_const:
            return False
        if TABLE[node.op].finite_derivative or (node.op == "pow" and node.args[1].is_value(2)):
            return self.may_be_infinite(arg)
        return True

    def is_singular(self, root: Node) -> bool:
        """Whether the derivative of an expression can be infinite at finite arguments."""
        for node in reachable([root], stop=lambda n: n.id in self._singular):
            if node.id not in self._singular:
                own = has_poles(node) or (node.op == "read" and self._stages.get(str(node.value), False))
                inner = any(self._singular[a.id] for a in node.args)
                self._singular[node.id] = self.depends(node) and (own or inner)
        return self._singular[root.id]

    def poles(self, node: Node) -> dict[int, tuple[int, ...]]:
        """By argument, where a local derivative of the node is infinite, as far as the argument may be there."""
        if not has_poles(node):
            return {}
        found = ((k, POLES.get((node.op, k), ())) for k, arg in enumerate(node.args) if arg.kind == "real")
        return {k: places for k, places in found if places and self._may_be_at(node.args[k], places)}

    def _may_be_at(self, arg: Node, places: tuple[int, ...]) -> bool:
        match places:
            case (0,):
                return may_vanish(self.table, arg)
            case (-1,):
                return sign(self.table, arg) == "any"
        return True

    def may_be_infinite(self, root: Node) -> bool:
        """Whether the value of an expression can be infinite at finite arguments, by overflow too."""
        for node in reachable([root], stop=lambda n: n.id in self._infinite):
            if node.id not in self._infinite:
                self._infinite[node.id] = self._is_infinite(node)
        return self._infinite[root.id]

    def _is_infinite(self, node: Node) -> bool:
        if node.op == "read":
            return str(node.value) in self.table.stages
        if node.is_const:
            return isinstance(node.value, str) and node.value != "pi"
        if node.op in BOUNDED or node.kind != "real":
            return False
        inner = any(self._infinite[a.id] for a in node.args)
        constant = [a.is_const for a in node.args]
        if (node.op == "mul" and any(constant)) or (node.op == "div" and constant[1]):
            return inner
        finite = node.op != "mul" and (node.op in HARMLESS or node.op == "sqrt" or TABLE[node.op].finite_derivative)
        return inner or not finite


def has_poles(node: Node) -> bool:
    """Whether a local derivative of the node can be infinite at finite arguments."""
    if node.op in HARMLESS or node.op in ENTIRE or node.kind != "real" or TABLE[node.op].finite_derivative:
        return False
    power = node.args[1].value if node.op == "pow" else None
    if isinstance(power, Fraction) and power >= 1:
        return False
    return not (node.op in ("div", "xlogy", "xlog1py") and node.args[1].is_const)


def inside(op: str, position: int) -> Fraction:
    """A number within the domain of an argument of a function, where value and derivatives are finite."""
    low, high = TABLE[op].domain_of(position)
    if low < 1 < high:
        return Fraction(1)
    infinite = float("inf")
    if high == infinite:
        return Fraction(low) + 1
    return Fraction(high) - 1 if low == -infinite else (Fraction(low) + Fraction(high)) / 2
