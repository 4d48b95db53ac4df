"""Whether a node is another node read at other indices: how bindings are found again in what is derived from them."""

from __future__ import annotations

from collections.abc import Mapping

from lossdsl.ir.bounds import in_range
from lossdsl.ir.graph import Graph, Index, Node, reachable
from lossdsl.ir.stage import StageTable

Mapped = dict[Index, Node]


POSITION = 0
"""The key of every whole number that is made of indices, sizes, numbers and labels."""


class Shapes:
    """Keys of nodes: instances of one expression have one key, whatever the positions in it are."""

    def __init__(self, table: StageTable) -> None:
        self.stages = table.stages
        self._keys: dict[int, int] = {}
        self._table: dict[tuple[object, ...], int] = {("position",): POSITION}

    def key(self, root: Node) -> int:
        for node in reachable([root], stop=lambda n: n.id in self._keys):
            if node.id not in self._keys:
                self._keys[node.id] = self._table.setdefault(self._shape(node), len(self._table))
        return self._keys[root.id]

    def is_position(self, node: Node) -> bool:
        return self.key(node) == POSITION

    def _shape(self, node: Node) -> tuple[object, ...]:
        parts = [self._keys[a.id] for a in node.args]
        counted = node.op == "where" or (node.op == "read" and node.value in self.stages)
        if node.kind == "int" and not counted and not any(parts):
            return ("position",)
        return (node.op, type(node.value), node.value, *parts)


def reads_at(node: Node) -> frozenset[Index]:
    """The indices at which arrays are read in it: where the node has a value, these are in range."""
    reads = [n for n in reachable([node]) if n.op == "read"]
    return frozenset().union(*(n.free for n in reads)) if reads else frozenset()


def instance(graph: Graph, pattern: Node, node: Node, known: Mapping[Index, Node] | None = None) -> Mapped | None:
    """The positions of the pattern's free indices at which it is `node`; None if there are none.

    Indices in `known` are taken as given.  What is found is proved by substitution, so that it may be guessed freely.
    Positions of an index that is used only as a number are in its range.
    """
    mapping: Mapped = dict(known or {})
    stack = [(pattern, node)]
    seen: set[tuple[int, int]] = set()
    while stack:
        left, right = stack.pop()
        if (left.id, right.id) in seen:
            continue
        seen.add((left.id, right.id))
        if left.op == "index" and right.kind == "int":
            assert isinstance(left.value, Index)
            mapping.setdefault(left.value, right)
        elif left.op == right.op and len(left.args) == len(right.args):
            stack.extend(zip(left.args, right.args, strict=True))
    for index in pattern.free:
        mapping.setdefault(index, graph.index(index))
    found = {index: graph.position(place) for index, place in mapping.items() if index in pattern.free}
    counted = found.keys() - reads_at(pattern)
    if not all(in_range(graph, found[index], index.low, index.high) for index in counted):
        return None
    moved = {index: place for index, place in found.items() if place is not graph.index(index)}
    return found if graph.substitute(pattern, moved) is node else None
