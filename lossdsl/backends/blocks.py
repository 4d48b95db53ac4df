"""Statements that compute the rows of one block: what back ends have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from lossdsl.backends.emitter import Emitter
from lossdsl.backends.expand import stage_nodes
from lossdsl.backends.programs import Derived, Output
from lossdsl.calculus.gradient import SEED
from lossdsl.ir.graph import Index, Node, reachable
from lossdsl.schedule.items import Wanted, unformed_products
from lossdsl.schedule.program import START, Pass, Schedule, schedule

VALUE = ""
"""The name of the elements among what is wanted."""
MOST_PASSES = 4
"""A program of more passes goes through memory so often that arrays of the size of the input cost no more."""


def planned(
    derived: Derived, outputs: Mapping[str, Output], has_value: bool, reduces: bool
) -> tuple[Schedule, str | None] | None:
    """The schedule of a function that gives the outputs, and the value if `has_value`; None where it is not to be cut.

    Beside it the stage that counts the elements, where that depends on data.  `reduces`: the loss is made of elements.
    """
    table, graph = derived.table, derived.table.graph
    looked_at = [n for _, position, demanded in derived.checks for n in stage_nodes(table, [position, demanded])]
    if any(n.op == "read" and n.value in table.stages for n in looked_at):
        return None
    element, kept = derived.element, derived.kept
    wanted = []
    if has_value:
        node = element.node if kept is None else graph.where(kept, element.node, graph.const(0))
        wanted.append(Wanted(VALUE, element.indices, node))
    wanted += [Wanted(name, o.indices, o.node) for name, o in outputs.items()]
    has_weights = any(n.value == SEED for n in stage_nodes(table, [w.node for w in wanted]) if n.op == "read")
    count = None
    if kept is not None and reduces and element.indices and (has_weights or has_value):
        count = table.add("kept", (), "sum", element.indices, kept, graph.const(1))
        wanted.append(Wanted(SEED, (), table.read(count, [])))
    found = schedule(table, wanted, count)
    if found is None or len(found.passes) > MOST_PASSES or (kept is not None and VALUE in found.finals):
        return None
    return found, count


class BlockWriter:
    """Writes passes of a schedule through an emitter; `start` and `stop` are the variables for the ends of a block."""

    def __init__(self, found: Schedule, emitter: Emitter) -> None:
        self.found, self.emitter, self.row = found, emitter, found.row
        self.start, self.stop = emitter.names.fresh("start"), emitter.names.fresh("stop")
        emitter.extents |= {START: self.start, self.row.high: self.stop}

    def hoist(self, current: Pass) -> None:
        """Compute what the rows of a pass need and what is the same for all of them."""
        emitter = self.emitter
        stages = self.found.table.stages

        def is_common(node: Node) -> bool:
            return self.row not in node.free

        pending, done = [*current.roots], set[str]()
        nodes: dict[int, Node] = {}
        while pending:
            found = reachable(pending, stop=is_common)
            pending = []
            for node in found:
                nodes[node.id] = node
                if node.op == "read" and node.value in stages and node.value not in done:
                    done.add(str(node.value))
                    stage = stages[str(node.value)]
                    if self.row in (*stage.out, *stage.reduced):
                        pending += stage.roots
                    else:
                        emitter.stage(stage)
        for number in sorted(nodes):
            if is_common(nodes[number]) and nodes[number].args:
                emitter.settle(nodes[number])

    def share(self, groups: Sequence[Sequence[Node]]) -> None:
        """Compute what several outputs need, before it is known which are asked for."""
        seen: dict[int, int] = {}
        nodes: dict[int, Node] = {}
        for group in groups:
            for node in stage_nodes(self.found.table, group):
                seen[node.id] = seen.get(node.id, 0) + 1
                nodes[node.id] = node
        for number in sorted(seen):
            node = nodes[number]
            if seen[number] > 1 and self.row in node.free and node.kind != "bool" and node.op != "index":
                self.emitter.value(node)

    def place(self, indices: Sequence[Index]) -> str:
        """The rows of a block in an array over the indices."""
        parts = [f"{self.start}:{self.stop}" if i == self.row else ":" for i in indices]
        while len(parts) > 1 and parts[-1] == ":":
            parts.pop()
        return ", ".join(parts)

    def ordered_shape(self, indices: Sequence[Index]) -> str:
        sizes = self.emitter.shape(indices)
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"

    def width(self, current: Pass) -> str:
        """The numbers of a row in the largest array of a block, as text."""
        nodes = stage_nodes(self.found.table, current.roots)
        unformed = {id_ for stage in self.found.table.stages.values() for id_ in unformed_products(stage)}
        sets = {n.free - {self.row} for n in nodes if self.row in n.free and n.id not in unformed}
        sizes = {tuple(sorted(self.emitter.shape(s))) for s in sets}
        largest = sorted(s for s in sizes if not any(s != o and not Counter(s) - Counter(o) for o in sizes))
        texts = [" * ".join(f"({t})" if " " in t else t for t in size) or "1" for size in largest]
        return "1" if not texts else texts[0] if len(texts) == 1 else f"max({', '.join(texts)})"
