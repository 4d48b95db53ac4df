"""Conditions that keep reads in range.

Where such a condition stands decides what a text means.  A read with an offset restricts the indices in it, unless it
stands under a condition; under `where`, it restricts those that the same reduction binds all the same, and in the
condition itself it always does.  So conditions on indices come first, and what they guard stands in a conditional.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from lossdsl.calculus.partials import may_be_masked
from lossdsl.display.rewriter import end_of, high_end
from lossdsl.ir.bounds import in_range, position_bounds
from lossdsl.ir.graph import Graph, Index, Node, conjuncts, reachable
from lossdsl.ir.stage import Stage, StageTable
from lossdsl.meaning import core
from lossdsl.meaning.core import Extent

AxisRange = Callable[[str, int], tuple[Extent, Extent]]


def axis_ranges(table: StageTable) -> AxisRange:
    """The range of an axis of an argument or a stage."""

    def found(name: str, axis: int) -> tuple[Extent, Extent]:
        if name in table.arrays:
            return core.ZERO, table.arrays[name].axes[axis]
        index = table.stages[name].out[axis]
        return index.low, index.high

    return found


def unproved(graph: Graph, axis_range: AxisRange, node: Node) -> list[Node]:
    """Positions in it that are sums of indices and that the ranges of these do not keep on the axis."""
    return [
        position
        for read in reachable([node])
        if read.op == "read"
        for axis, position in enumerate(read.args)
        if position_bounds(graph, position) is not None
        and not _stays(graph, position, axis_range(str(read.value), axis))
    ]


def _stays(graph: Graph, position: Node, bounds: tuple[Extent, Extent]) -> bool:
    """Whether a position is on the axis wherever its indices have a value: an empty range has none."""
    low, high = bounds
    taken = {i: graph.index(Index(i.name, i.low, end_of(i))) for i in position.free if end_of(i) != i.high}
    return in_range(graph, graph.substitute(position, taken), low, high_end(low, high)) or in_range(
        graph, position, low, high
    )


def _parted(graph: Graph, axis_range: AxisRange, condition: Node) -> tuple[Node, Node]:
    """Conditions that can stand anywhere, those on indices first, and those that have to be guarded by them."""
    parts = conjuncts(condition)
    parts.sort(key=lambda part: any(n.op == "read" for n in reachable([part])))
    guarded = [part for part in parts if unproved(graph, axis_range, part)]
    return graph.both(*(p for p in parts if p not in guarded)), graph.both(*guarded)


def choice(graph: Graph, axis_range: AxisRange, condition: Node, then: Node, otherwise: Node) -> Node:
    """`then if condition else otherwise`, one conditional in the other where that is needed."""
    guard, guarded = _parted(graph, axis_range, condition)
    return graph.where(guard, graph.where(guarded, then, otherwise), otherwise)


def guarded_sum(graph: Graph, axis_range: AxisRange, stage: Stage) -> Stage:
    """A sum whose condition does not read what it guards; a body that could not be read elsewhere is a conditional."""
    where = stage.where if stage.where is not None else graph.const(True)
    guard, guarded = _parted(graph, axis_range, where)
    body = graph.where(guarded, stage.body, graph.const(0))
    if any(_is_bound_here(stage, position) for position in unproved(graph, axis_range, body)):
        return replace(stage, where=None, body=graph.where(guard, body, graph.const(0)))
    return replace(stage, where=guard, body=body)


def _is_bound_here(stage: Stage, position: Node) -> bool:
    return len(position.free) > 1 and position.free <= set(stage.reduced)


def has_offsets(nodes: Iterable[Node]) -> bool:
    """Whether some array is read at a sum of indices and numbers."""
    return any(
        position.kind == "int" and position.op in ("add", "sub", "neg", "mul")
        for read in reachable(nodes)
        if read.op == "read"
        for position in read.args
    )


class Hazards:
    """Products of an adjoint that a mask may have made 0 and a derivative that gathers, which the mask may forbid."""

    def __init__(self, table: StageTable) -> None:
        self.stages = table.stages
        self.masked_stages = {s.name for s in table.stages.values() if s.where is not None or s.positions}
        self._masked: dict[int, bool] = {}
        self._gathers: dict[int, bool] = {}

    def in_product(self, node: Node) -> bool:
        adjoint, partial = node.args
        return self._gathering(partial) and may_be_masked(adjoint, self.masked_stages, self._masked)

    def _gathering(self, root: Node) -> bool:
        """Whether it reads at a position that is data, itself or in a stage that it reads."""
        for node in reachable([root], stop=lambda n: n.id in self._gathers):
            if node.id not in self._gathers:
                self._gathers[node.id] = self._gathers_here(node) or any(self._gathers[a.id] for a in node.args)
        return self._gathers[root.id]

    def _gathers_here(self, node: Node) -> bool:
        if node.op != "read":
            return False
        stage = self.stages.get(str(node.value))
        if stage is not None and any(self._gathering(part) for part in stage.roots):
            return True
        return any(position_bounds(node.graph, place) is None for place in node.args)
