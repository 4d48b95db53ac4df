"""Names for what occurs more than once, and for what is too long for a line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from lossdsl.display.draft import Draft, Names
from lossdsl.display.rewriter import BINDING, NORMALISED, Let, Rewriter, stage_nodes
from lossdsl.ir.graph import Index, Node, reachable
from lossdsl.ir.stage import Stage
from lossdsl.syntax.words import RESERVED

FROM_SHARED = 5
"""A sub-expression of so many parts gets a name if it occurs twice."""
FROM_LONG = 24
"""One of so many parts gets a name in any case."""

_NOUNS = {
    "add": "total", "sub": "difference", "mul": "product", "div": "ratio", "pow": "power", "neg": "minus",
    "where": "part", "abs": "magnitude", "lt": "holds", "le": "holds", "gt": "holds", "ge": "holds", "eq": "holds",
    "ne": "holds", "and": "holds", "or": "holds", "not": "holds",
}  # fmt: skip


class Sharing(Rewriter):
    """Shared and long sub-expressions become bindings; every stage that is left is written where it is read."""

    def __init__(self, draft: Draft, names: Names) -> None:
        super().__init__(draft.table)
        self.names = names
        self.roots = {let.node.id for let in draft.lets}
        self.uses, self.reads = _uses(draft)
        self.weight: dict[int, int] = {}
        """id of an old node -> number of parts of its text, once what has a name is written as the name."""
        self.stages: dict[str, Node] = {}
        self.stage_weight: dict[str, int] = {}

    def node(self, node: Node, args: Sequence[Node]) -> Node:
        value = super().node(node, args)
        weight = 1 + sum(self.weight[a.id] for a in node.args)
        if node.kind == "int":
            weight = 1
        elif self._deserves(weight, self.uses[node.id]) and node.id not in self.roots and not value.is_const:
            value = self._bind(self._noun(value), _in_order(value), value)
            weight = 1
        self.weight[node.id] = weight
        return value

    def read(self, node: Node, args: Sequence[Node]) -> Node:
        name = str(node.value)
        value = super().read(node, args)
        self.weight[node.id] = 1 if name not in self.stages else self.stage_weight[name]
        if name in self.stages and node.op == "read" and self._must_have_name(node):
            self._name_stage(self.old.stages[name])
            value = super().read(node, args)
            self.weight[node.id] = 1
        return value

    def stage(self, stage: Stage) -> Node:
        if stage.name not in self.stages:
            self.stages[stage.name] = super().stage(stage)
            parts = [stage.body, *([stage.where] if stage.where is not None else [])]
            weight = 2 + sum(self.weight[p.id] for p in parts)
            self.stage_weight[stage.name] = weight
            if self._deserves(weight, self.reads[stage.name]) and not self._is_root(stage):
                self._name_stage(stage)
        return self.stages[stage.name]

    def _name_stage(self, stage: Stage) -> None:
        value = self.stages[stage.name]
        if value.op == "read" and str(value.value).startswith(BINDING):
            return
        self.stages[stage.name] = self._bind(self._stage_noun(stage), tuple(i for i in stage.out if i in value.free), value)
        self.stage_weight[stage.name] = 1

    def _is_root(self, stage: Stage) -> bool:
        """Whether the stage is all that a binding is, so that it has a name."""
        return any(self.graph.nodes[i].op == "read" and self.graph.nodes[i].value == stage.name for i in self.roots)

    def _must_have_name(self, node: Node) -> bool:
        """A softmax at a position that is not an index of its own can not be written where it is read."""
        stage = self.old.stages[str(node.value)]
        if stage.op not in NORMALISED:
            return False
        *others, at = node.args
        return at.op != "index" or any(at.free & other.free for other in others)

    def _deserves(self, weight: int, uses: int) -> bool:
        return weight >= FROM_LONG or (uses > 1 and weight >= FROM_SHARED)

    def _bind(self, noun: str, indices: tuple[Index, ...], node: Node) -> Node:
        name = self.names.fresh(noun)
        self.graph.array_kinds[BINDING + name] = node.kind
        self.lets.append(Let(name, indices, node))
        return self.graph.read(BINDING + name, [self.graph.index(i) for i in indices])

    def _noun(self, node: Node) -> str:
        word = _NOUNS.get(node.op, node.op)
        subject = _subject([node])
        return f"{word}_{subject}" if subject else word

    def _stage_noun(self, stage: Stage) -> str:
        name = re.sub(r"(_value)?(_\d+)?$", "", stage.name)
        subject = _subject(stage.roots)
        return name if name not in RESERVED or not subject else f"{name}_{subject}"


def _subject(roots: Sequence[Node]) -> str:
    """The first array that is read."""
    found = [str(n.value) for n in reachable(roots) if n.op == "read"]
    return next((name.removeprefix(BINDING) for name in found), "")


def _in_order(node: Node) -> tuple[Index, ...]:
    """The free indices, in the order in which arrays are read at them."""
    order: dict[Index, None] = {}
    for part in reachable([node]):
        if part.op == "read":
            order |= dict.fromkeys(a.value for a in part.args if isinstance(a.value, Index) and a.value in node.free)
    order |= dict.fromkeys(sorted(node.free - order.keys()))
    return tuple(order)


def _uses(draft: Draft) -> tuple[Counter[int], Counter[str]]:
    """How often each node is written, and how often each stage is read."""
    uses: Counter[int] = Counter()
    reads: Counter[str] = Counter()
    roots = [let.node for let in draft.lets]
    nodes = stage_nodes(draft.table, roots)
    stages = {str(n.value) for n in nodes if n.op == "read" and str(n.value) in draft.table.stages}
    users = [a for n in nodes for a in n.args] + roots + [r for s in stages for r in draft.table.stages[s].roots]
    uses.update(n.id for n in users)
    for node in nodes:
        if node.op == "read":
            reads[str(node.value)] += uses[node.id]
    return uses, reads
