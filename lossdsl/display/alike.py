"""Sub-expressions that occur at several positions: `x[i] - x[j]` and `x[j] - x[i]` are one binding, read twice.

Every such sub-expression becomes a binding without a name; the pass that gives names writes out those that turn out to
be used once, because what they are part of occurs several times itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lossdsl.display.draft import Draft, occurrences
from lossdsl.display.instances import Shapes, instance
from lossdsl.display.regions import operations
from lossdsl.display.rewriter import BINDING, Let, Rewriter, in_order, stage_nodes
from lossdsl.ir.graph import Node

FROM_OPERATIONS = 36
"""Anything shorter is better written again."""
TRIED = 3
"""So many occurrences are tried as the one that all others are instances of."""


class Alike(Rewriter):
    def __init__(self, draft: Draft) -> None:
        super().__init__(draft.table)
        self.patterns: dict[int, Let] = {}
        """id of an occurrence -> the binding that it is."""
        for number, group in enumerate(_groups(draft)):
            pattern = next((p for p in group[:TRIED] if self._covers(p, group)), None)
            if pattern is not None:
                let = Let(f"~{number}", in_order(pattern), pattern, nameless=True)
                self.patterns |= dict.fromkeys((n.id for n in group), let)
        self.defined: set[str] = set()

    def _covers(self, pattern: Node, group: Sequence[Node]) -> bool:
        return all(instance(self.graph, pattern, node) is not None for node in group)

    def node(self, node: Node, args: Sequence[Node]) -> Node:
        return self._occurrence(node, super().node(node, args))

    def read(self, node: Node, args: Sequence[Node]) -> Node:
        return self._occurrence(node, super().read(node, args))

    def _occurrence(self, node: Node, value: Node) -> Node:
        let = self.patterns.get(node.id)
        if let is None:
            return value
        if let.name not in self.defined:
            if node is not let.node:
                self.rewrite(let.node)
            else:
                self.defined.add(let.name)
                self.graph.array_kinds[BINDING + let.name] = value.kind
                self.lets.append(Let(let.name, let.indices, value, True))
        found = instance(self.graph, let.node, node) or {}
        places = [self.rewrite(found.get(i, self.graph.index(i))) for i in let.indices]
        return self.graph.read(BINDING + let.name, places)


def _groups(draft: Draft) -> list[list[Node]]:
    """Occurrences of one shape at different positions."""
    shapes = Shapes(draft.table)
    found: dict[int, list[Node]] = {}
    costs: dict[int, int] = {}
    roots = {let.node.id for let in draft.lets}
    for node in sorted(stage_nodes(draft.table, [let.node for let in draft.lets]), key=lambda n: n.id):
        if node.args and not shapes.is_position(node) and node.id not in roots and _is_worth_it(draft, node, costs):
            found.setdefault(shapes.key(node), []).append(node)
    return [group for group in found.values() if len(group) > 1]


def _is_worth_it(draft: Draft, node: Node, costs: dict[int, int]) -> bool:
    return node.value in draft.table.stages if node.op == "read" else operations(node, costs) >= FROM_OPERATIONS


class Inlining(Rewriter):
    """Bindings without a name that are read once are written where they are read."""

    def __init__(self, draft: Draft) -> None:
        super().__init__(draft.table)
        self.reads = occurrences(draft).reads
        self.written: dict[str, Let] = {}

    def finish(self, let: Let) -> Let | None:
        finished = replace(let, node=self.rewrite(let.node))
        if not let.nameless or self.reads[BINDING + let.name] > 1:
            return finished
        self.written[BINDING + let.name] = finished
        return None

    def read(self, node: Node, args: Sequence[Node]) -> Node:
        let = self.written.get(str(node.value))
        if let is None:
            return super().read(node, args)
        return let.at(self.graph, args)
