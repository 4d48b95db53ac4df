"""Conditions that keep reads in range.

Where such a condition stands decides what a text means.  A read with an offset restricts the indices in it, unless it
stands under a condition; under `where`, it restricts those that the same reduction binds all the same, and in the
condition itself it always does.  So conditions on indices come first, and what they guard stands in a conditional.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from lossdsl.ir.bounds import in_range, position_bounds
from lossdsl.ir.graph import Graph, Node, reachable
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


def conditions_of(condition: Node) -> list[Node]:
    """What `and` joins, in order."""
    result: list[Node] = []
    stack = [condition]
    while stack:
        node = stack.pop()
        if node.op == "and":
            stack.extend(reversed(node.args))
        else:
            result.append(node)
    return result


def unproved(graph: Graph, axis_range: AxisRange, node: Node) -> list[Node]:
    """Positions in it that are sums of indices and that the ranges of these do not keep on the axis."""
    return [
        position
        for read in reachable([node])
        if read.op == "read"
        for axis, position in enumerate(read.args)
        if position_bounds(graph, position) is not None
        and not in_range(graph, position, *axis_range(str(read.value), axis))
    ]


def _parted(graph: Graph, axis_range: AxisRange, condition: Node) -> tuple[Node, Node]:
    """Conditions that can stand anywhere, those on indices first, and those that have to be guarded by them."""
    parts = conditions_of(condition)
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
