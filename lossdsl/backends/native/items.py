"""What a C function computes, one array at a time: stages and stores, over loops with common names.

Two items whose loops run over the same range use the same index, so that loops can be joined by looking at names: the
first loop of an item over a range has one name everywhere, the second another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lossdsl.calculus.gradient import SEED
from lossdsl.ir.graph import Graph, Index, Node, reachable
from lossdsl.ir.stage import Stage, StageTable
from lossdsl.meaning.core import Extent

BEST = ("argmax", "argmin")


@dataclass(frozen=True)
class Store:
    """An array that the caller gets: `node` at each position of `indices`."""

    array: str
    indices: tuple[Index, ...]
    node: Node


@dataclass(frozen=True, eq=False)
class Item:
    """A stage or a store, and the loops that compute it, outermost first."""

    name: str
    loops: tuple[Index, ...]
    stage: Stage | None = None
    store: Store | None = None

    @property
    def roots(self) -> list[Node]:
        if self.stage is not None:
            return self.stage.roots
        assert self.store is not None
        return [self.store.node]

    @property
    def kept(self) -> frozenset[Index]:
        """Loops each of whose positions has a place of its own in the result."""
        if self.store is not None:
            return frozenset(self.store.indices)
        assert self.stage is not None
        scattered = {k for k, _ in self.stage.positions}
        return frozenset(k for k in self.stage.out if k not in scattered)

    @property
    def gathering(self) -> int:
        """The depth of the first loop that adds to what other positions of it add to; the number of loops if none."""
        return next((d for d, i in enumerate(self.loops) if i not in self.kept), len(self.loops))

    def reads(self) -> list[Node]:
        return [n for n in reachable(self.roots) if n.op == "read"]


@dataclass
class Items:
    """All items of a function, in an order in which they can be computed; `hints` are names of nodes by users."""

    graph: Graph
    items: list[Item] = field(default_factory=list)
    hints: dict[int, str] = field(default_factory=dict)

    def stages(self) -> dict[str, Item]:
        return {item.name: item for item in self.items if item.stage is not None}


def items_of(
    table: StageTable, stores: Sequence[Store], wanted: Sequence[str], first: Sequence[str], hints: Mapping[int, str]
) -> Items:
    """The stores, the stages named in `wanted`, and every stage that these need; those in `first` come first."""
    needed = _needed(table, stores, wanted)
    early = _needed(table, [], first)
    result = Items(table.graph)
    names = _CommonNames()
    for name, stage in sorted(table.stages.items(), key=lambda entry: entry[0] not in early):
        if name in needed:
            loops = _ordered(stage, stage.looped, stage.roots)
            renaming = names.of(loops, [k for k in stage.out if k not in loops])
            result.items.append(_renamed_stage(result, stage, loops, renaming, hints))
    for store in stores:
        renaming = names.of(store.indices, [])
        node = _renamed(result, store.node, renaming, hints)
        indices = tuple(renaming[i] for i in store.indices)
        result.items.append(Item(f"store {store.array}", indices, store=Store(store.array, indices, node)))
    return result


def _needed(table: StageTable, stores: Sequence[Store], wanted: Sequence[str]) -> set[str]:
    needed: set[str] = set(wanted)
    pending = [s.node for s in stores] + [r for name in wanted for r in table.stages[name].roots]
    while pending:
        for node in reachable([pending.pop()]):
            if node.op == "read" and node.value in table.stages and node.value not in needed:
                needed.add(str(node.value))
                pending += table.stages[str(node.value)].roots
    return needed


class _CommonNames:
    """The indices that stand for the first, second, ... loop over each range."""

    def __init__(self) -> None:
        self._by_range: dict[tuple[Extent, Extent], list[Index]] = {}
        self._taken: set[str] = set()

    def of(self, loops: Sequence[Index], others: Sequence[Index]) -> dict[Index, Index]:
        seen: Counter[tuple[Extent, Extent]] = Counter()
        renaming: dict[Index, Index] = {}
        for index in (*loops, *others):
            key = (index.low, index.high)
            known = self._by_range.setdefault(key, [])
            if seen[key] == len(known):
                known.append(self._fresh(index))
            renaming[index] = known[seen[key]]
            seen[key] += 1
        return renaming

    def _fresh(self, index: Index) -> Index:
        name, number = index.name, 2
        while name in self._taken:
            name, number = f"{index.name}_{number}", number + 1
        self._taken.add(name)
        return Index(name, index.low, index.high)


def _renamed(result: Items, node: Node, renaming: Mapping[Index, Index], hints: Mapping[int, str]) -> Node:
    graph = result.graph
    memo: dict[int, Node] = {}
    mapping = {i: graph.index(k) for i, k in renaming.items() if i is not k}
    new = graph.substitute(node, mapping, memo)
    for old in reachable([node]):
        if old.id in hints:
            result.hints.setdefault(memo.get(old.id, old).id, hints[old.id])
    return new


def _renamed_stage(
    result: Items, stage: Stage, loops: Sequence[Index], renaming: Mapping[Index, Index], hints: Mapping[int, str]
) -> Item:
    fresh = replace(
        stage,
        out=tuple(renaming[i] for i in stage.out),
        reduced=tuple(renaming[i] for i in stage.reduced),
        where=None if stage.where is None else _renamed(result, stage.where, renaming, hints),
        body=_renamed(result, stage.body, renaming, hints),
        positions=tuple((renaming[k], _renamed(result, p, renaming, hints)) for k, p in stage.positions),
    )
    return Item(stage.name, tuple(renaming[i] for i in loops), stage=fresh)


def _ordered(stage: Stage, looped: Sequence[Index], roots: Sequence[Node]) -> tuple[Index, ...]:
    """The loops of a stage: in the order of axes of its largest read, that which most reads end in last."""
    if stage.op in BEST:
        return (*(i for i in looped if i not in stage.reduced), *stage.reduced)
    reads = sorted((n for n in reachable(roots) if n.op == "read" and n.value != SEED), key=lambda n: -len(n.args))
    order: dict[Index, None] = {}
    last: Counter[Index] = Counter()
    for read in reads:
        axes = [a.value for a in read.args if a.op == "index" and isinstance(a.value, Index) and a.value in looped]
        order |= dict.fromkeys(axes)
        if axes and len(read.args) == len(reads[0].args):
            last[axes[-1]] += 1
    order |= dict.fromkeys(looped)
    loops = [i for i in order if i in looped]
    if last:
        # of the indices that run through memory without gaps, a summed one: its total stays in a register
        inner = max(last, key=lambda i: (last[i], i in stage.reduced, loops.index(i)))
        loops.remove(inner)
        loops.append(inner)
    return tuple(loops)
