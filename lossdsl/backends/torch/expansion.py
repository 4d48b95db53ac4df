"""Reductions that need care in floating point, spelled out so that autograd can go through them."""

from __future__ import annotations

from lossdsl.backends.expand import Expansion, Exponentials
from lossdsl.calculus.gradient import active_arrays
from lossdsl.calculus.partials import Differentiator
from lossdsl.ir.graph import Node
from lossdsl.ir.stage import Stage, StageTable


class DifferentiableExpansion(Expansion):
    """logsumexp and norms by stages that autograd can go through: peaks are constants, roots and logs of 0 apart."""

    def __init__(self, table: StageTable) -> None:
        super().__init__(table)
        wrt = [array.name for array in table.arrays.values() if array.role in ("prediction", "learn")]
        self._depends = Differentiator(table, active_arrays(table, wrt)).depends

    def _node(self, node: Node) -> Node:
        if node.op == "pow" and all(self._depends(a) for a in node.args):
            return self._power(*(self._new[a.id] for a in node.args))
        return super()._node(node)

    def _power(self, base: Node, exponent: Node) -> Node:
        """x^p; at p = 0 autograd takes p x^(p - 1) for a constant, though it varies with p."""
        g = self.graph
        flat = g.both(g.apply("eq", exponent, g.const(0)), g.apply("gt", base, g.const(0)))
        by_logarithm = g.raw("exp", exponent * g.apply("log", g.where(flat, base, g.const(1))))
        return g.where(flat, by_logarithm, g.apply("pow", base, exponent))

    def _without_gradient(self, node: Node) -> Node:
        return self.graph.apply("stop_gradient", node)

    def _rest(self, parts: Exponentials) -> Node:
        """total - 1, whose derivative autograd is to take, with the digits that it lacks as a constant."""
        g = self.graph
        rest = parts.total - g.const(1)
        missing = g.where(self._is_certain(parts), parts.others - rest, g.const(0))
        return rest + g.apply("stop_gradient", missing)

    def _complement(self, element: Node, parts: Exponentials) -> Node:
        g = self.graph
        return -g.apply("expm1", (element - parts.peak) - self._log(parts))

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
