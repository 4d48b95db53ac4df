"""Forward mode on stages: the derivative of every stage along a direction, for Hessian-vector products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lossdsl.calculus.gradient import active_arrays, needed_stages, weighted
from lossdsl.calculus.partials import Differentiator
from lossdsl.ir.graph import Node
from lossdsl.ir.stage import Array, StageTable
from lossdsl.rewrite.finite import product

PREFIX = "__vector_"
"""The direction for argument `x` is the input `__vector_x`; no user can write it."""


class Tangents:
    """Derivatives along one direction for each argument of `wrt`, of the `roots` and of every stage they need."""

    def __init__(self, table: StageTable, wrt: Sequence[str], roots: Sequence[Node]) -> None:
        self.table, self.graph = table, table.graph
        for name in wrt:
            own = table.arrays[name]
            if PREFIX + name not in table.arrays:
                table.add_array(Array(PREFIX + name, own.axes, "vector", "real"))
        self.tangent_of: dict[str, str] = {name: PREFIX + name for name in wrt}
        active = active_arrays(table, wrt)
        self.d = Differentiator(table, active)
        for stage in [s for s in needed_stages(table, roots) if s.name in active]:
            factor = weighted(table, stage, self.graph.const(1))
            tangent = self.of(stage.body)
            body = product(self.table, factor, tangent)
            self.tangent_of[stage.name] = table.add(
                f"d_{stage.name}", stage.out, "sum", stage.reduced, stage.where, body, stage.positions
            )

    def of(self, node: Node) -> Node:
        """The derivative of an expression along the directions."""
        total = self.graph.const(0)
        for read, partial in self.d.partials(node).items():
            total = total + product(self.table, partial, self.graph.read(self.tangent_of[str(read.value)], read.args))
        return total


def along(table: StageTable, wrt: Sequence[str], nodes: Mapping[str, Node]) -> dict[str, Node]:
    """The derivative of each node along the directions of `wrt`."""
    tangents = Tangents(table, wrt, list(nodes.values()))
    return {name: tangents.of(node) for name, node in nodes.items()}
