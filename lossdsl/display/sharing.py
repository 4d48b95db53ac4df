"""Names for what occurs more than once, and for what is too long for a line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from lossdsl.display.draft import Draft, occurrences
from lossdsl.display.names import Names
from lossdsl.display.regions import is_position
from lossdsl.display.rewriter import BINDING, NORMALISED, Let, Rewriter
from lossdsl.display.shifted import unshifted
from lossdsl.ir.graph import Index, Node, reachable
from lossdsl.ir.stage import Stage
from lossdsl.meaning import core
from lossdsl.meaning.core import Extent
from lossdsl.syntax.words import RESERVED

GROUP = ".."
FROM_SHARED = 5
"""A sub-expression of so many parts gets a name if it occurs twice."""
FROM_LONG = 24
"""One of so many parts gets a name in any case, unless it is a term of a sum or a case of a conditional."""

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
        self.roots = {let.node.id for let in draft.lets if not let.nameless}
        found = occurrences(draft)
        self.uses, self.reads, self.spines = found.uses, found.reads, found.spines
        self.known: dict[str, Let] = {}
        """Bindings of the output, by the name of their array."""
        self.coined: set[str] = set()
        """Those whose name was made up here."""
        self.weight: dict[int, int] = {}
        """id of an old node -> number of parts of its text, once what has a name is written as the name."""
        self.stages: dict[str, Node] = {}
        self.stage_weight: dict[str, int] = {}
        self.nameless: dict[str, tuple[Let, int]] = {}
        """Bindings without a name: what each is in the output, and the weight of that."""

    def finish(self, let: Let) -> Let | None:
        node = self.rewrite(let.node)
        if not let.nameless:
            self.known[BINDING + let.name] = let
            return replace(let, node=node)
        weight = self.weight[let.node.id]
        if weight > 1 and not node.is_const and self.reads[BINDING + let.name] > 1 and weight >= FROM_SHARED:
            node, weight = self._bind(self._noun(node), let.indices, node), 1
        self.nameless[BINDING + let.name] = replace(let, node=node), weight
        return None

    def node(self, node: Node, args: Sequence[Node]) -> Node:
        value = super().node(node, args)
        weight = 1 + sum(self.weight[a.id] for a in node.args)
        if is_position(node):
            weight = 1
        elif self._deserves(node, weight) and node.id not in self.roots and not value.is_const:
            named = self._bind(self._noun(value), None, value)
            value, weight = named, (1 if named is not value else weight)
        self.weight[node.id] = weight
        return value

    def read(self, node: Node, args: Sequence[Node]) -> Node:
        name = str(node.value)
        if name in self.nameless:
            let, self.weight[node.id] = self.nameless[name]
            return let.at(self.graph, args)
        value = super().read(node, args)
        self.weight[node.id] = 1 if name not in self.stages else self.stage_weight[name]
        if name in self.stages and self._must_have_name(node):
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
            shared = self.reads[stage.name] > 1 and weight >= FROM_SHARED
            shared |= any(i.high.name == GROUP for i in stage.reduced)  # its index has one name only
            if (shared or weight >= FROM_LONG) and not self._is_root(stage):
                self._name_stage(stage)
        return self.stages[stage.name]

    def _name_stage(self, stage: Stage) -> None:
        value = self.stages[stage.name]
        if value.op == "read" and str(value.value).startswith(BINDING):
            return
        indices = tuple(i for i in stage.out if i in value.free)
        self.stages[stage.name] = self._bind(self._stage_noun(stage), indices, value)
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

    def _deserves(self, node: Node, weight: int) -> bool:
        if self.uses[node.id] > 1 and weight >= FROM_SHARED:
            return True
        return weight >= FROM_LONG and node.id not in self.spines

    def _bind(self, noun: str, indices: tuple[Index, ...] | None, node: Node) -> Node:
        """A read of a new binding, over `indices` or those that suit it; the node itself if there are none."""
        found = unshifted(self.graph, self._axis, node, indices)
        if found is None:
            return node
        indices, places, definition = found
        name = self.names.fresh(noun)
        self.coined.add(BINDING + name)
        self.graph.array_kinds[BINDING + name] = node.kind
        self._keep(Let(name, indices, definition))
        return self.graph.read(BINDING + name, places)

    def _keep(self, let: Let) -> None:
        self.lets.append(let)
        self.known[BINDING + let.name] = let

    def _axis(self, name: str, axis: int) -> tuple[Extent, Extent]:
        """The range of an axis of an array."""
        if name in self.table.arrays:
            return core.ZERO, self.table.arrays[name].axes[axis]
        indices = self.known[name].indices if name in self.known else self.table.stages[name].out
        return indices[axis].low, indices[axis].high

    def _noun(self, node: Node) -> str:
        if node.op == "read":
            return self._stage_noun(self.table.stages[str(node.value)])
        word = _NOUNS.get(node.op, node.op)
        subject = self._subject([node])
        return f"{word}_{subject}" if subject else word

    def _stage_noun(self, stage: Stage) -> str:
        name = re.sub(r"(_value)?(_\d+)?$", "", stage.name)
        subject = self._subject(stage.roots)
        return name if name not in RESERVED or not subject else f"{name}_{subject}"

    def _subject(self, roots: Sequence[Node]) -> str:
        """The first argument or binding that is read."""
        pending = list(roots)
        while pending:
            reads = [str(n.value) for n in reachable(pending) if n.op == "read"]
            known = (name for name in reads if name not in self.table.stages and name not in self.old.stages)
            name = next((name for name in known if name not in self.nameless and name not in self.coined), None)
            if name is not None:
                return name.removeprefix(BINDING)
            tables = [t.stages[name] for name in reads for t in (self.table, self.old) if name in t.stages]
            pending = [root for stage in tables for root in stage.roots]
            pending += [self.known[name].node for name in reads if name in self.coined]
        return ""
