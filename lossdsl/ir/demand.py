"""Which reads a program makes, and under which conditions: what has to be checked at the call."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction

from lossdsl.ir.bounds import Linear, in_range, linear, nonnegative, plus, position_bounds
from lossdsl.ir.graph import Graph, Index, Node, conjuncts, reachable
from lossdsl.ir.stage import BoundRead, StageTable
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


def read_checks(
    table: StageTable, roots: Sequence[tuple[Node, Node | None, Sequence[Index]]], parts: Set[int]
) -> list[ReadCheck]:
    """The checks of a program, given its outputs, the masks under which they are used, and their indices.

    `parts` are the ids of the bindings that the outputs are made of: equal nodes of others are no reads of theirs.

    A stage is gone through after everything that reads it, with the conditions under which it is read.
    """
    true = table.graph.const(True)
    result: dict[tuple[object, ...], ReadCheck] = {}
    demanded: dict[str, Node] = {}

    def visit(root: Node, where: Node, loops: Sequence[Index]) -> None:
        for number, condition in demands(table.graph, root, where).items():
            node = table.graph.nodes[number]
            checks = [
                _of_bound(table.graph, read, condition)
                for read in table.bound_reads.get(number, ())
                if read.owner in parts
            ]
            if node.op == "read":
                checks += _of_read(table, node, condition)
                if node.value in table.stages:
                    _demand(table, demanded, node, _in_loops(table.graph, condition, node.free, loops))
            for check in checks:
                if not _holds_in_loops(table.graph, check, loops):
                    mentioned = check.position.free | check.demanded.free
                    made = replace(check, demanded=_in_loops(table.graph, check.demanded, mentioned, loops))
                    result.setdefault((made.array, made.axis, made.position.id, made.demanded.id), made)

    for node, mask, free in roots:
        visit(node, mask if mask is not None else true, free)
        if mask is not None:
            visit(mask, true, free)
    for stage in list(table.stages.values())[::-1]:
        if stage.name in demanded:
            used = demanded[stage.name]
            inner = used if stage.where is None else table.graph.both(used, stage.where)
            for root in (stage.body, *(p for _, p in stage.positions)):
                visit(root, inner, stage.looped)
            if stage.where is not None:
                visit(stage.where, used, stage.looped)
    return list(result.values())


def _of_bound(graph: Graph, read: BoundRead, condition: Node) -> ReadCheck:
    demanded = graph.both(condition, read.where)
    return ReadCheck(read.binding, read.axis, read.position, read.low, read.high, demanded)


def _spare(index: Index) -> Linear:
    """The length of a range less 1: at least 0 wherever a loop over it runs."""
    return plus(plus(linear(index.high), linear(index.low), Fraction(-1)), {None: Fraction(-1)})


def _in_loops(graph: Graph, condition: Node, mentioned: Set[Index], loops: Sequence[Index]) -> Node:
    """The condition, where every loop around has a position; those over `mentioned` indices are part of the check."""
    idle = [i for i in loops if i not in mentioned | condition.free and not nonnegative(_spare(i))]
    return graph.both(condition, *(graph.apply("lt", graph.extent(i.low), graph.extent(i.high)) for i in idle))


def _holds_in_loops(graph: Graph, check: ReadCheck, loops: Sequence[Index]) -> bool:
    """Whether the position is in range because some loop around the read has a position: x[0] in a loop over n."""
    bounds = position_bounds(graph, check.position)
    if bounds is None or check.axis < 0:
        return False
    below = plus(bounds[0], linear(check.low), Fraction(-1))
    above = plus(plus(linear(check.high), bounds[1], Fraction(-1)), {None: Fraction(-1)})
    facts = [{}, *(_spare(i) for i in loops)]
    return all(any(nonnegative(plus(f, fact, Fraction(-1))) for fact in facts) for f in (below, above))


def _demand(table: StageTable, demanded: dict[str, Node], read: Node, condition: Node) -> None:
    """Add a condition, over the indices of the stage, without which none of its elements is used."""
    graph = table.graph
    stage = table.stages[str(read.value)]
    plain = all(a.op == "index" for a in read.args) and len(set(read.args)) == len(read.args)
    onto = {i: graph.index(k) for a, k in zip(read.args, stage.out, strict=True) if isinstance(i := a.value, Index)}
    known_at = set(onto) if plain else set()
    needed = graph.both(*(graph.substitute(c, onto) for c in conjuncts(condition) if c.free <= known_at))
    known = demanded.get(stage.name)
    demanded[stage.name] = needed if known is None else graph.apply("or", known, needed)


def _of_read(table: StageTable, node: Node, demanded: Node) -> list[ReadCheck]:
    name = str(node.value)
    checks: list[ReadCheck] = []
    if name in table.stages:
        stage = table.stages[name]
        ranges = [(i.low, i.high) for i in stage.out]
        if stage.op in ("argmax", "argmin"):
            best = stage.reduced[0]
            if stage.where is not None:
                checks.append(ReadCheck(name, -1, node, best.low, best.high, demanded))
            elif not nonnegative(_spare(best)):  # there is a first position
                checks.append(ReadCheck(name, -1, table.graph.extent(best.low), best.low, best.high, demanded))
    else:
        ranges = [(core.ZERO, e) for e in table.arrays[name].axes]
    return checks + [
        ReadCheck(name, axis, position, low, high, demanded)
        for axis, (position, (low, high)) in enumerate(zip(node.args, ranges, strict=True))
        if not in_range(table.graph, position, low, high)
    ]
