"""Reductions that need care in floating point, spelled out so that autograd can go through them."""

from __future__ import annotations

from lossdsl.backends.expand import Expansion
from lossdsl.ir.graph import Node
from lossdsl.ir.stage import Stage


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
