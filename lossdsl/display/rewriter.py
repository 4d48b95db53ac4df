"""Rewriting what is to be printed: every pass gives nodes over a table of stages of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from lossdsl.ir.graph import Constant, Graph, Index, Node, reachable
from lossdsl.ir.lower import length
from lossdsl.ir.stage import Stage, StageTable
from lossdsl.meaning.core import Extent

BINDING = "="
"""What the array of a binding is called: this, and its name; so no stage or argument is mistaken for one."""
NORMALISED = frozenset({"softmax", "log_softmax"})
"""Stages whose last index is the position along the one index that they reduce."""


OF_NOTHING: dict[str, Constant] = {
    "sum": Fraction(0), "mean": Fraction(0), "norm": Fraction(0), "prod": Fraction(1), "max": "-inf", "min": "inf",
    "logsumexp": "-inf", "any": False, "all": True,
}  # fmt: skip
"""The value of a reduction whose condition never holds."""


@dataclass
class Let:
    """`name[indices] = node`."""

    name: str
    indices: tuple[Index, ...]
    node: Node
    nameless: bool = False
    """Found by the compiler; the name is for the graph only."""

    def at(self, graph: Graph, places: Sequence[Node]) -> Node:
        """The value at a position."""
        moved = {i: p for i, p in zip(self.indices, places, strict=True) if p is not graph.index(i)}
        return graph.substitute(self.node, moved)


class Rewriter:
    """Rewrites the nodes of one table, arguments first and through stages, into nodes of a table of its own."""

    def __init__(self, table: StageTable) -> None:
        self.old = table
        self.graph: Graph = table.graph
        self.table = StageTable(self.graph)
        for array in table.arrays.values():
            self.table.add_array(array)
        self.new: dict[int, Node] = {}
        self.lets: list[Let] = []
        """Bindings that rewriting made, each using earlier ones only."""

    def finish(self, let: Let) -> Let | None:
        """The binding with its definition rewritten; None if it is none any more."""
        return replace(let, node=self.rewrite(let.node))

    def rewrite(self, root: Node) -> Node:
        for node in reachable([root], stop=lambda n: n.id in self.new):
            if node.id not in self.new:
                args = [self.new[a.id] for a in node.args]
                self.new[node.id] = self.read(node, args) if node.op == "read" else self.node(node, args)
        return self.new[root.id]

    def node(self, node: Node, args: Sequence[Node]) -> Node:
        return self.graph.rebuild(node, args)

    def read(self, node: Node, args: Sequence[Node]) -> Node:
        name = str(node.value)
        stage = self.old.stages.get(name)
        if stage is None:
            return self.graph.read(name, args)
        for part in stage.roots:
            self.rewrite(part)
        value = self.stage(stage)
        mapping = {k: a for k, a in zip(stage.out, args, strict=True) if a is not self.graph.index(k)}
        return self.graph.substitute(value, mapping)

    def stage(self, stage: Stage) -> Node:
        """The value of the stage at its own indices."""
        where = None if stage.where is None else self.new[stage.where.id]
        return self.reduced(replace(stage, where=where, body=self.new[stage.body.id]))

    def reduced(self, stage: Stage) -> Node:
        return reduction(self.table, stage)


def reduction(table: StageTable, stage: Stage) -> Node:
    """The value of a stage at its own indices; an index that nothing depends on any more is not reduced over."""
    g = table.graph
    if stage.op in NORMALISED:
        return table.value(stage.name, stage.out, stage.op, stage.reduced, stage.where, stage.body)
    body, where = stage.body, g.const(True) if stage.where is None else stage.where
    if where.is_const and not where.value:
        return g.const(OF_NOTHING[stage.op])
    idle = [i for i in stage.reduced if i not in body.free | where.free]
    if stage.op == "sum":
        body = body * volume(g, idle)
    else:  # it has to occur: in a condition that always holds
        where = g.both(where, *(g.raw("ge", g.index(i), g.extent(i.low)) for i in idle))
    needed = body.free | where.free
    reduced = tuple(i for i in stage.reduced if i in needed)
    if not reduced:
        return g.where(where, body, g.const(0))
    return table.value(stage.name, [i for i in stage.out if i in needed], stage.op, reduced, where, body)


def stage_nodes(table: StageTable, roots: Sequence[Node]) -> list[Node]:
    """Every node that the roots need, through stages too."""
    seen: dict[int, Node] = {}
    pending = list(roots)
    done: set[str] = set()

    def seen_before(node: Node) -> bool:
        return node.id in seen

    while pending:
        fresh = reachable(pending, stop=seen_before)
        seen.update({n.id: n for n in fresh})
        reads = {str(n.value) for n in fresh if n.op == "read"} - done
        done |= reads
        pending = [r for name in reads if name in table.stages for r in table.stages[name].roots]
    return [seen[i] for i in sorted(seen)]


def volume(g: Graph, indices: Sequence[Index]) -> Node:
    return g.product(g.extent(length(i)) for i in indices)


def end_of(index: Index) -> Extent:
    """Where the range ends, unless it is empty: max(low, end) stands for an end that may come before the start."""
    return high_end(index.low, index.high)


def high_end(low: Extent, high: Extent) -> Extent:
    if high.op == "max" and low in high.operands:
        return next((e for e in high.operands if e != low), low)
    return high


def in_order(node: Node) -> tuple[Index, ...]:
    """The free indices, in the order in which arrays are read at them."""
    order: dict[Index, None] = {}
    for part in reachable([node]):
        if part.op == "read":
            order |= dict.fromkeys(a.value for a in part.args if isinstance(a.value, Index) and a.value in node.free)
    order |= dict.fromkeys(sorted(node.free - order.keys()))
    return tuple(order)
