"""What a program computes, item by item, and which index of each item runs over the rows.

Rows are the positions of one axis of the arguments, the block axis.  An item is a stage, or an array that the caller
gets.  Seen from the block axis it is one of three kinds:

    rows   it has a value for each row: logsumexp[c](x[n, c]), the gradient of an element
    total  it is reduced over the rows: sum[n](x[n]), the gradient of a matrix that all rows share
    whole  neither, or in a way that blocks of rows can not compute one after the other
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal

from lossdsl.backends.contraction import factors
from lossdsl.backends.expand import stage_nodes
from lossdsl.backends.orders import order_of
from lossdsl.calculus.gradient import SEED
from lossdsl.ir.graph import Index, Node, reachable
from lossdsl.ir.stage import Stage, StageTable
from lossdsl.meaning.core import ZERO, Extent

Kind = Literal["rows", "total", "whole"]
JOINED = ("sum", "prod", "max", "min", "any", "all")
"""Reductions of which the parts of blocks can be joined."""


@dataclass(frozen=True)
class Wanted:
    """An array that the caller gets: `node` at each position of `indices`."""

    name: str
    indices: tuple[Index, ...]
    node: Node


@dataclass(eq=False)
class Item:
    """A stage or a wanted array; `row` is its index that runs over the rows, None where it has none."""

    name: str
    stage: Stage | None = None
    wanted: Wanted | None = None
    row: Index | None = None

    @property
    def roots(self) -> list[Node]:
        if self.stage is not None:
            return self.stage.roots
        assert self.wanted is not None
        return [self.wanted.node]

    @property
    def loops(self) -> tuple[Index, ...]:
        if self.stage is not None:
            return self.stage.looped
        assert self.wanted is not None
        return self.wanted.indices

    @property
    def out(self) -> tuple[Index, ...]:
        return self.stage.out if self.stage is not None else self.loops

    @property
    def kind(self) -> Kind:
        if self.row is None:
            return "whole"
        return "rows" if self.row in self.out else "total"

    def reads(self) -> list[Node]:
        return [n for n in reachable(self.roots) if n.op == "read"]


@dataclass(frozen=True)
class Need:
    """That one item reads another; `same`: at the row at which it is itself computed, and nowhere else."""

    item: Item
    same: bool


@dataclass
class Items:
    """The items of a program, each after those that it needs, seen from one block axis."""

    table: StageTable
    size: Extent
    items: list[Item] = field(default_factory=list)
    needs: dict[str, list[Need]] = field(default_factory=dict)

    def stage_items(self) -> dict[str, Item]:
        return {item.name: item for item in self.items if item.stage is not None}

    def runs_over_rows(self, index: Index) -> bool:
        return index.low == ZERO and index.high == self.size


def items_of(
    table: StageTable, wanted: Sequence[Wanted], size: Extent, count: str | None, whole: Set[str] = frozenset()
) -> Items:
    """The items that the wanted arrays are made of.

    `size` is the length of the block axis, `count` the stage that the weight of the elements is made of, and `whole`
    names stages that are not to be computed by rows.
    """
    result = Items(table, size)
    known: dict[str, Item] = {}
    for stage in _needed(table, [w.node for w in wanted], count):
        item = Item(stage.name, stage=stage)
        item.row = None if stage.name in whole else _row(result, known, item)
        known[stage.name] = item
        result.items.append(item)
    for array in wanted:
        item = Item(f"output {array.name}", wanted=array)
        item.row = _row(result, known, item)
        result.items.append(item)
    for item in result.items:
        result.needs[item.name] = list(_needs(item, known, count))
    return result


def _needed(table: StageTable, roots: Sequence[Node], count: str | None) -> list[Stage]:
    """The stages below the roots, in the order of the table; the one that counts elements before what it weighs."""
    early = _below(table, [table.read(count, [])]) if count is not None else set()
    late = _below(table, roots) - early
    stages = table.stages.values()
    return [s for s in stages if s.name in early] + [s for s in stages if s.name in late]


def _below(table: StageTable, roots: Sequence[Node]) -> set[str]:
    return {str(n.value) for n in stage_nodes(table, roots) if n.op == "read"} & set(table.stages)


def _needs(item: Item, known: dict[str, Item], count: str | None) -> Iterable[Need]:
    for read in item.reads():
        if read.value == SEED:
            if count is not None:
                yield Need(known[count], False)
        elif read.value in known:
            needed = known[str(read.value)]
            yield Need(needed, is_same_row(item, needed, read))


def is_same_row(item: Item, needed: Item, read: Node) -> bool:
    """Whether a read, made by `item`, is of the row of `needed` that stands for the item's own."""
    if item.row is None or needed.kind != "rows":
        return False
    assert needed.row is not None
    return _plain(read.args[needed.out.index(needed.row)]) == item.row


def _plain(position: Node) -> Index | None:
    return position.value if isinstance(position.value, Index) else None


# ---------------------------------------------------------------- which index runs over the rows


def _row(items: Items, known: dict[str, Item], item: Item) -> Index | None:
    """The index of an item that runs over the rows, if blocks of them can compute it."""
    found = _candidate(items, known, item)
    return found if found is not None and _is_separable(items, item, found) else None


def _candidate(items: Items, known: dict[str, Item], item: Item) -> Index | None:
    """Of the indices that have the range, the one that stands for rows in most of what the item reads."""
    possible = [i for i in item.loops if items.runs_over_rows(i)]
    if len(possible) < 2:
        return possible[0] if possible else None
    votes: Counter[Index] = Counter()
    for read in item.reads():
        needed = known.get(str(read.value))
        if needed is not None and needed.kind == "rows":
            assert needed.row is not None
            index = _plain(read.args[needed.out.index(needed.row)])
            votes[index or possible[0]] += 100 * len(read.args)
        elif read.value in items.table.arrays and read.args:
            index = _plain(read.args[0])
            if index is not None:
                votes[index] += len(read.args)
    return max(possible, key=lambda i: (votes[i], -possible.index(i)))


def _is_separable(items: Items, item: Item, row: Index) -> bool:
    """Whether the rows of an item can be computed, or its terms added up, block after block."""
    stage = item.stage
    if stage is None:
        return True
    if row in stage.reduced:
        has_places = all(i.low == ZERO for i in stage.out)
        if stage.op not in JOINED or stage.positions or not has_places:
            return False
    order = order_of(items.table.graph, stage) if stage.op in ("sum", "max", "min") else None
    return order is None or row not in (order.inner, order.outer)  # a sort, or a running sum, of all of them


def unformed_products(stage: Stage) -> set[int]:
    """Ids of the nodes of a sum of products whose values are never formed, since a matrix product gives the sum."""
    if not is_product(stage):
        return set()
    _, above, below = factors(stage.body, stage.reduced)
    formed = {n.id for n in reachable([*above, *below])}
    return {n.id for n in reachable([stage.body]) if n.id not in formed}


def is_product(stage: Stage) -> bool:
    """Whether a stage is a product of matrices, which takes few operations per number but many numbers at once."""
    if stage.op != "sum" or stage.where is not None or stage.body.kind != "real" or len(stage.out) < 2:
        return False
    _, above, _ = factors(stage.body, stage.reduced)
    groups = {n.free for n in above if not n.free.isdisjoint(stage.reduced)}
    return len(groups) > 1 and frozenset().union(*groups) not in groups
