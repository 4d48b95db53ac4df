"""Programs for autograd: formulas whose derivative by autograd is finite wherever the true one is.

Autograd sends 0 into the branch that is not taken, and multiplies it by a derivative that may be infinite there.  So
what a branch does not take is replaced by a harmless number before it reaches a function that could be singular; the
same for elements that a `where` leaves out.  Logarithms of sums and norms get guards of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from lossdsl.backends.expand import Expansion
from lossdsl.functions.table import TABLE
from lossdsl.ir.demand import demands
from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import Stage, StageTable

HARMLESS = frozenset({
    "const", "index", "extent", "read", "whole", "add", "sub", "neg", "where", "abs", "sign", "floor", "round", "relu",
    "max", "min", "clip", "stop_gradient", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not",
})  # fmt: skip
"""Operations whose local derivatives are finite whatever their arguments are, infinities included."""

BOUNDED = frozenset({"sigmoid", "tanh", "sin", "cos", "atan", "atan2", "erf", "erfc", "normal_cdf", "softmax_weight"})
"""Functions whose value does not overflow; neither does that of a sum of finite numbers, short of the last binade."""


class DifferentiableExpansion(Expansion):
    """logsumexp and norms by stages that autograd can go through: peaks are constants, roots and logs of 0 apart."""

    def _log(self, total: Node) -> Node:
        g = self.graph
        empty = g.apply("eq", total, g.const(0))
        return g.where(empty, g.const("-inf"), g.apply("log", g.where(empty, g.const(1), total)))

    def _logsumexp(self, stage: Stage, where: Node | None, body: Node) -> tuple[Node, Node]:
        g = self.graph
        peak = self.table.value(f"peak_{stage.name}", stage.out, "max", stage.reduced, where, body)
        finite = g.apply("lt", g.apply("abs", peak), g.const("inf"))
        shift = g.apply("stop_gradient", g.where(finite, peak, g.const(0)))
        below = g.apply("exp", body - shift)
        return shift, self.table.value(f"total_{stage.name}", stage.out, "sum", stage.reduced, where, below)

    def _norm(self, stage: Stage, where: Node | None, body: Node) -> Node:
        g = self.graph
        size = g.apply("abs", body)
        peak = self.table.value(f"peak_{stage.name}", stage.out, "max", stage.reduced, where, size)
        usable = g.both(g.apply("gt", peak, g.const(0)), g.apply("lt", peak, g.const("inf")))
        scale = g.apply("stop_gradient", g.where(usable, peak, g.const(1)))
        ratio = body / scale
        total = self.table.value(f"squares_{stage.name}", stage.out, "sum", stage.reduced, where, ratio * ratio)
        nothing = g.apply("eq", total, g.const(0))
        return g.where(nothing, g.const(0), scale * g.apply("sqrt", g.where(nothing, g.const(1), total)))


class Sanitiser:
    """Rewrites the nodes and stages of a table; `table` is the new one."""

    def __init__(self, table: StageTable) -> None:
        self.old, self.graph = table, table.graph
        self.table = StageTable(self.graph)
        for array in table.arrays.values():
            self.table.add_array(array)
        self._names: dict[str, str] = {}
        self._renamed: dict[int, Node] = {}
        self._overflows: dict[int, bool] = {}
        for stage in table.stages.values():
            where = None if stage.where is None else self.renamed(stage.where)
            body = self.safe(stage.body, stage.where)
            self._names[stage.name] = self.table.add(stage.name, stage.out, stage.op, stage.reduced, where, body)

    def renamed(self, root: Node) -> Node:
        """The node as it is, over the new stages: for conditions, which no gradient goes through."""
        for node in reachable([root], stop=lambda n: n.id in self._renamed):
            if node.id not in self._renamed:
                self._renamed[node.id] = self._rebuilt(node, [self._renamed[a.id] for a in node.args])
        return self._renamed[root.id]

    def safe(self, root: Node, where: Node | None) -> Node:
        """The node, harmless where its value is not used."""
        needed = demands(self.graph, root, where if where is not None else self.graph.const(True))
        done: dict[int, Node] = {}
        for node in reachable([root]):
            args = [done[a.id] for a in node.args]
            condition = needed[node.id]
            if node.kind == "real" and not self._always(condition):
                chosen = self.renamed(condition)
                args = [
                    self.graph.where(chosen, arg, self.graph.const(inside(node.op, k))) if self._risky(node, k) else arg
                    for k, arg in enumerate(args)
                ]
            done[node.id] = self._rebuilt(node, args)
        return done[root.id]

    def _always(self, condition: Node) -> bool:
        """Whether a condition holds by its shape: True, or c or not c."""
        if condition.op == "or":
            first, second = condition.args
            return first is self.graph.apply("not", second) or second is self.graph.apply("not", first)
        return condition.is_const

    def _rebuilt(self, node: Node, args: Sequence[Node]) -> Node:
        if node.op == "read":
            return self.graph.read(self._names.get(str(node.value), str(node.value)), args)
        return self.graph.rebuild(node, args)

    def _risky(self, node: Node, position: int) -> bool:
        """Whether an argument can make a local derivative of the node infinite or NaN."""
        arg = node.args[position]
        if node.op in HARMLESS or arg.is_const or arg.kind != "real":
            return False
        if node.op == "mul":
            return self._may_overflow(arg)
        if node.op == "div" and node.args[1].is_const:
            return False
        if TABLE[node.op].finite_derivative or (node.op == "pow" and node.args[1].is_value(2)):
            return self._may_overflow(arg)
        return True

    def _may_overflow(self, root: Node) -> bool:
        for node in reachable([root], stop=lambda n: n.id in self._overflows):
            if node.id not in self._overflows:
                self._overflows[node.id] = self._overflow(node)
        return self._overflows[root.id]

    def _overflow(self, node: Node) -> bool:
        if node.op == "read":
            return str(node.value) in self.old.stages
        if node.op in BOUNDED or node.kind != "real":
            return False
        inner = any(self._overflows[a.id] for a in node.args)
        if node.op in ("mul", "div") and (node.args[1].is_const or (node.op == "mul" and node.args[0].is_const)):
            return inner
        return inner or not (node.op in HARMLESS or TABLE[node.op].finite_derivative) or node.op == "mul"


def inside(op: str, position: int) -> Fraction:
    """A number within the domain of an argument of a function, where value and derivatives are finite."""
    low, high = TABLE[op].domain_of(position)
    if low < 1 < high:
        return Fraction(1)
    infinite = float("inf")
    if high == infinite:
        return Fraction(low) + 1
    return Fraction(high) - 1 if low == -infinite else (Fraction(low) + Fraction(high)) / 2
