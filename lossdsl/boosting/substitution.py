"""Programs with some of their nodes replaced: weights of 1, data at a value, a residual as one number.

A stage whose body changes becomes a stage of its own; everything else is shared with the program that was there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lossdsl.calculus.gradient import needed_stages
from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import StageTable

Replace = Callable[[Node, Sequence[Node]], Node | None]
"""What stands for a node, given the node and its arguments after replacement; None for the node itself."""


class Substitution:
    """Nodes of one table, rewritten bottom up by one function, through the stages that they read."""

    def __init__(self, table: StageTable, replace: Replace) -> None:
        self.table, self.graph, self.replace = table, table.graph, replace
        self._new: dict[int, Node] = {}
        self._names: dict[str, str] = {}

    def of(self, root: Node) -> Node:
        """The node, rewritten."""
        for stage in needed_stages(self.table, [root]):
            if stage.name not in self._names:
                self._names[stage.name] = self._stage(stage.name)
        return self._rewritten(root)

    def _rewritten(self, root: Node) -> Node:
        for node in reachable([root], stop=lambda n: n.id in self._new):
            if node.id not in self._new:
                args = [self._new[a.id] for a in node.args]
                found = self.replace(node, args)
                self._new[node.id] = self._rebuilt(node, args) if found is None else found
        return self._new[root.id]

    def _rebuilt(self, node: Node, args: Sequence[Node]) -> Node:
        if node.op == "read":
            name = str(node.value)
            return self.graph.read(self._names.get(name, name), args)
        if all(a is b for a, b in zip(node.args, args, strict=True)):
            return node
        return self.graph.apply(node.op, *args)

    def _stage(self, name: str) -> str:
        stage = self.table.stages[name]
        roots = [self._rewritten(r) for r in stage.roots]
        if all(a is b for a, b in zip(stage.roots, roots, strict=True)):
            return name
        rest = iter(roots)
        body = next(rest)
        where = next(rest) if stage.where is not None else None
        positions = tuple((k, next(rest)) for k, _ in stage.positions)
        return self.table.add(name, stage.out, stage.op, stage.reduced, where, body, positions)


def arrays_as(table: StageTable, values: dict[str, Callable[[Sequence[Node]], Node]]) -> Substitution:
    """The reads of some arrays replaced by functions of their positions."""

    def replace(node: Node, args: Sequence[Node]) -> Node | None:
        return values[str(node.value)](args) if node.op == "read" and node.value in values else None

    return Substitution(table, replace)


def reads(table: StageTable, root: Node, names: frozenset[str]) -> bool:
    """Whether a node reads one of these arrays, itself or through stages."""
    roots = [root, *(r for stage in needed_stages(table, [root]) for r in stage.roots)]
    return any(n.op == "read" and n.value in names for n in reachable(roots))


def same(first: Node, second: Node) -> bool:
    """Whether two nodes are equal, if factors and summands may change places."""
    return _sorted(first) is _sorted(second)


def _sorted(root: Node) -> Node:
    """The node with the operands of sums and products in one order."""
    new: dict[int, Node] = {}
    for node in reachable([root]):
        args = [new[a.id] for a in node.args]
        if node.op in ("add", "mul", "guarded_mul"):
            args.sort(key=lambda a: a.id)
        changed = any(a is not b for a, b in zip(node.args, args, strict=True))
        new[node.id] = node.graph.raw(node.op, *args) if changed and node.op != "read" else node
    return new[root.id]
