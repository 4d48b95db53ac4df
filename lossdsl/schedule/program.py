"""A program, rewritten so that its passes over the rows read nothing but their own block and what was computed before.

In a pass the block axis is an index of its own, `Schedule.row`, which runs over the rows of one block, from `start` to
`stop`.  Nodes that mention it are evaluated block by block; nodes that do not are the same for all blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lossdsl.calculus.gradient import SEED
from lossdsl.ir.graph import Graph, Index, Node, reachable
from lossdsl.ir.stage import Array, Stage, StageTable
from lossdsl.meaning.core import Extent
from lossdsl.schedule.cheaper import cheaper
from lossdsl.schedule.items import Item, Wanted, is_product, is_same_row
from lossdsl.schedule.passes import Passes, best_passes
from lossdsl.schedule.sharing import shared_logits, spelled_out

START = Extent("size", name="\0start")
STOP = Extent("size", name="\0stop")


@dataclass(frozen=True)
class Part:
    """A sum, product or extremum over all rows, named `total`; `stage` is that over the rows of one block."""

    total: str
    stage: Stage
    out: tuple[Index, ...]


@dataclass(frozen=True)
class Store:
    """An array over all rows, filled block by block: `node` at each position of `indices`."""

    array: str
    indices: tuple[Index, ...]
    whole: tuple[Index, ...]
    """The indices over all positions, for the shape of the array."""
    node: Node


@dataclass
class Pass:
    """What one pass over the rows computes."""

    number: int
    parts: list[Part] = field(default_factory=list)
    stores: list[Store] = field(default_factory=list)
    outputs: list[Store] = field(default_factory=list)
    has_products: bool = False

    @property
    def roots(self) -> list[Node]:
        stored = [s.node for s in (*self.stores, *self.outputs)]
        return [*stored, *(r for p in self.parts for r in p.stage.roots)]


@dataclass
class Schedule:
    """The passes of a program, and what is computed as a whole: before pass 1 in phase 0, after it in phase 2, ...

    `table` has the stages of blocks and of wholes; totals and stored arrays are among its arrays.  `users` says for
    which wanted arrays an item is needed, by name.  `moved` gives the node that stands for an old one inside of passes.
    """

    table: StageTable
    size: Extent
    row: Index
    across: tuple[Index, ...]
    """The indices that run over all rows."""
    passes: list[Pass]
    wholes: dict[int, list[str]]
    finals: dict[str, Wanted]
    """The wanted arrays that no pass fills."""
    users: dict[str, frozenset[str]]
    moved: dict[int, list[Node]]

    @property
    def graph(self) -> Graph:
        return self.table.graph


def schedule(table: StageTable, wanted: Sequence[Wanted], count: str | None = None) -> Schedule | None:
    """The schedule of a program; None where there is no axis along which blocks can be computed.

    `count`: the stage that the weight of the elements is made of, where it depends on data.
    """
    found = best_passes(table, wanted, count)
    return None if found is None else _Writer(table, found).schedule()


class _Writer:
    def __init__(self, table: StageTable, found: Passes) -> None:
        self.old, self.found, self.graph = table, found, table.graph
        self.items = found.items.items
        self.stage_items = found.items.stage_items()
        self.row = self._row()
        self.table = StageTable(self.graph, {}, dict(table.arrays))
        if SEED in table.arrays:
            self.table.arrays[SEED] = replace(table.arrays[SEED], axes=())
        self.logits = shared_logits(r for item in self.items for r in item.roots)
        self.memos: dict[tuple[Index | None, int], dict[int, Node]] = {}

    def _row(self) -> Index:
        """The index of a block; that it ends within the axis is part of its range, so that reads need no check."""
        named = next(i.row for i in reversed(self.items) if i.row is not None)
        return Index(f"row of {named.name}", START, Extent("min", (self.found.items.size, STOP)))

    def schedule(self) -> Schedule:
        passes = {n: Pass(n) for n in range(1, self.found.last + 1, 2)}
        wholes: dict[int, list[str]] = {}
        finals: dict[str, Wanted] = {}
        for item in self.items:
            phase = self.found.phase[item.name]
            if item.kind == "whole":
                if item.wanted is not None:
                    finals[item.wanted.name] = replace(item.wanted, node=self._node(item, item.wanted.node))
                else:
                    self._add(self._stage(item, item.name))
                    wholes.setdefault(phase, []).append(item.name)
            else:
                self._in_pass(item, passes[phase])
        moved = self._moved()
        size, users = self.found.items.size, self._users()
        passed = list(passes.values())
        return Schedule(self.table, size, self.row, self._across(), passed, wholes, finals, users, moved)

    def _across(self) -> tuple[Index, ...]:
        found = [i for item in self.items for i in (*item.loops, *item.out)]
        return tuple(dict.fromkeys(i for i in found if self.found.items.runs_over_rows(i)))

    def _in_pass(self, item: Item, where: Pass) -> None:
        if item.wanted is not None:
            own = self._node(item, item.wanted.node)
            where.outputs.append(Store(item.wanted.name, self._moved_indices(item, item.out), item.out, own))
            return
        assert item.stage is not None
        where.has_products |= is_product(item.stage)
        if item.kind == "total":
            part = self._stage(item, self._fresh(f"part_{item.name}"))
            self._add(part)
            self._add_array(item.name, item.stage)
            where.parts.append(Part(item.name, part, item.stage.out))
            return
        local = self._stage(item, item.name)
        self._add(local)
        if item.name in self.found.stored:
            self._add_array(self._all(item.name), item.stage)
            node = self.graph.read(local.name, [self.graph.index(i) for i in local.out])
            where.stores.append(Store(self._all(item.name), local.out, item.stage.out, node))

    def _add(self, stage: Stage) -> None:
        self.table.stages[stage.name] = stage
        self.graph.array_kinds[stage.name] = stage.kind

    def _add_array(self, name: str, stage: Stage) -> None:
        self.table.add_array(Array(name, tuple(i.high for i in stage.out), "computed", stage.kind))

    def _all(self, name: str) -> str:
        return f"all_{name}"

    def _fresh(self, name: str) -> str:
        while name in self.old.stages or name in self.old.arrays:
            name += "_"
        return name

    # ------------------------------------------------------------ nodes

    def _moved_indices(self, item: Item, indices: Sequence[Index]) -> tuple[Index, ...]:
        return tuple(self.row if i == item.row else i for i in indices)

    def _stage(self, item: Item, name: str) -> Stage:
        stage = item.stage
        assert stage is not None
        return replace(
            stage,
            name=name,
            out=self._moved_indices(item, stage.out),
            reduced=self._moved_indices(item, stage.reduced),
            where=None if stage.where is None else self._node(item, stage.where),
            body=self._node(item, stage.body),
            positions=tuple((k, self._node(item, p)) for k, p in stage.positions),
        )

    def _node(self, item: Item, root: Node) -> Node:
        memo = self.memos.setdefault((item.row, self.found.phase[item.name]), {})
        for node in reachable([root], stop=lambda n: n.id in memo):
            if node.id in memo:
                continue
            args = [memo[a.id] for a in node.args]
            if node.op == "index" and node.value == item.row:
                memo[node.id] = self.graph.index(self.row)
            elif node.op == "read":
                memo[node.id] = self._read(item, node, args)
            elif (spelled := spelled_out(self.graph, node, args, self.logits)) is not None:
                memo[node.id] = spelled
            elif (same := cheaper(self.old, node)) is not None:
                memo[node.id] = self._node(item, same)
            elif all(new is old for new, old in zip(args, node.args, strict=True)):
                memo[node.id] = node
            else:
                memo[node.id] = self.graph.rebuild(node, args)
        return memo[root.id]

    def _read(self, item: Item, read: Node, args: Sequence[Node]) -> Node:
        name = str(read.value)
        if name == SEED:
            return self.graph.read(SEED, [])
        needed = self.stage_items.get(name)
        if needed is not None and needed.kind == "rows":
            now = self.found.phase[name] == self.found.phase[item.name]
            if not (now and is_same_row(item, needed, read)):
                return self.graph.read(self._all(name), args)
        return self.graph.read(name, args)

    def _moved(self) -> dict[int, list[Node]]:
        moved: dict[int, list[Node]] = {}
        for memo in self.memos.values():
            for number, node in memo.items():
                if node.id != number:
                    moved.setdefault(number, []).append(node)
        return moved

    # ------------------------------------------------------------ who needs what

    def _users(self) -> dict[str, frozenset[str]]:
        users: dict[str, set[str]] = {item.name: set() for item in self.items}
        for item in reversed(self.items):
            if item.wanted is not None:
                users[item.name].add(item.wanted.name)
            for need in self.found.items.needs[item.name]:
                users[need.item.name] |= users[item.name]
        return {name: frozenset(names) for name, names in users.items()}


def hints_of(found: Schedule, hints: Mapping[int, str]) -> dict[int, str]:
    """The names of nodes, for those that stand for them too."""
    result = dict(hints)
    for number, name in hints.items():
        for node in found.moved.get(number, ()):
            result.setdefault(node.id, name)
    return result
