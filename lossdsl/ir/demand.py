"""Which reads a program makes, and under which conditions: what has to be checked at the call."""

from __future__ import annotations

from dataclasses import dataclass

from lossdsl.ir.bounds import in_range
from lossdsl.ir.graph import Graph, Index, Node, reachable
from lossdsl.ir.stage import StageTable
from lossdsl.meaning import core
from lossdsl.meaning.core import Extent


@dataclass(frozen=True)
class ReadCheck:
    """`position` must be in low <= position < high wherever `demanded` holds; a read of axis `axis` of `array`.

    Axis -1: the position is that of the best of some elements (`array` is an argmax or argmin), and lies below the
    range where there are none.
    """

    array: str
    axis: int
    position: Node
    low: Extent
    high: Extent
    demanded: Node


def demands(graph: Graph, root: Node, where: Node) -> dict[int, Node]:
    """For each node below the root, the condition under which its value is used."""
    needed: dict[int, Node] = {root.id: where}
    for node in reversed(reachable([root])):
        if node.id not in needed:
            continue
        condition = needed[node.id]
        if node.op == "where":
            test, then, otherwise = node.args
            parts = [
                (test, condition),
                (then, graph.both(condition, test)),
                (otherwise, graph.both(condition, graph.apply("not", test))),
            ]
        elif node.op in ("and", "or"):
            first, second = node.args
            short = first if node.op == "and" else graph.apply("not", first)
            parts = [(first, condition), (second, graph.both(condition, short))]
        else:
            parts = [(a, condition) for a in node.args]
        for arg, demanded in parts:
            known = needed.get(arg.id)
            needed[arg.id] = demanded if known is None else graph.apply("or", known, demanded)
    return needed


def read_checks(table: StageTable, roots: list[tuple[Node, Node | None]]) -> list[ReadCheck]:
    """The checks of a program, given its outputs and the masks under which they are used.

    A stage is gone through after everything that reads it, with the conditions under which it is read.
    """
    true = table.graph.const(True)
    result: dict[tuple[object, ...], ReadCheck] = {}
    demanded: dict[str, Node] = {}

    def visit(root: Node, where: Node) -> None:
        for number, condition in demands(table.graph, root, where).items():
            node = table.graph.nodes[number]
            for name, axis, position, low, high in table.bound_reads.get(number, ()):
                check = ReadCheck(name, axis, position, low, high, condition)
                result.setdefault((name, axis, position.id, condition.id), check)
            if node.op == "read":
                for check in _of_read(table, node, condition):
                    result.setdefault((check.array, check.axis, check.position.id, check.demanded.id), check)
                if node.value in table.stages:
                    _demand(table, demanded, node, condition)

    for node, mask in roots:
        visit(node, mask if mask is not None else true)
        if mask is not None:
            visit(mask, true)
    for stage in list(table.stages.values())[::-1]:
        if stage.name in demanded:
            used = demanded[stage.name]
            inner = used if stage.where is None else table.graph.both(used, stage.where)
            for root in (stage.body, *(p for _, p in stage.positions)):
                visit(root, inner)
            if stage.where is not None:
                visit(stage.where, used)
    return list(result.values())


def _demand(table: StageTable, demanded: dict[str, Node], read: Node, condition: Node) -> None:
    """Add a condition, over the indices of the stage, under which one of its elements is used."""
    graph = table.graph
    stage = table.stages[str(read.value)]
    plain = all(a.op == "index" for a in read.args) and len(set(read.args)) == len(read.args)
    onto = {i: graph.index(k) for a, k in zip(read.args, stage.out, strict=True) if isinstance(i := a.value, Index)}
    needed = graph.const(True)
    if plain and condition.free <= set(onto):
        needed = graph.substitute(condition, onto)
    known = demanded.get(stage.name)
    demanded[stage.name] = needed if known is None else graph.apply("or", known, needed)


def _of_read(table: StageTable, node: Node, demanded: Node) -> list[ReadCheck]:
    name = str(node.value)
    checks: list[ReadCheck] = []
    if name in table.stages:
        stage = table.stages[name]
        ranges = [(i.low, i.high) for i in stage.out]
        if stage.op in ("argmax", "argmin") and stage.where is not None:
            best = stage.reduced[0]
            checks.append(ReadCheck(name, -1, node, best.low, best.high, demanded))
    else:
        ranges = [(core.ZERO, e) for e in table.arrays[name].axes]
    return checks + [
        ReadCheck(name, axis, position, low, high, demanded)
        for axis, (position, (low, high)) in enumerate(zip(node.args, ranges, strict=True))
        if not in_range(table.graph, position, low, high)
    ]
