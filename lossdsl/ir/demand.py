"""Which reads a program makes, and under which conditions: what has to be checked at the call."""

from __future__ import annotations

from dataclasses import dataclass

from lossdsl.ir.bounds import in_range
from lossdsl.ir.graph import Graph, Node, reachable
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
    """The checks of a program, given its outputs and the masks under which they are used."""
    graph = table.graph
    true = graph.const(True)
    result: dict[tuple[object, ...], ReadCheck] = {}
    pending = [(node, where if where is not None else true) for node, where in roots]
    pending += [(where, true) for _, where in roots if where is not None]
    done: set[str] = set()
    while pending:
        root, where = pending.pop()
        for node, demanded in ((graph.nodes[i], c) for i, c in demands(graph, root, where).items()):
            if node.op != "read":
                continue
            name = str(node.value)
            for check in _of_read(table, node, demanded):
                result.setdefault((check.array, check.axis, check.position.id, check.demanded.id), check)
            if name in table.stages and name not in done:
                done.add(name)
                stage = table.stages[name]
                inner = stage.where if stage.where is not None else true
                pending += [(r, inner) for r in (stage.body, *(p for _, p in stage.positions))]
                pending.append((inner, true))
    return list(result.values())


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
