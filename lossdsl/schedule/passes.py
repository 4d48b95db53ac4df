"""In which pass over the rows each item is computed.

Passes have odd numbers, what is computed as a whole between them even ones.  A row item may be read in its own pass at
its own row; everything else has to wait for the end of the pass.  Items are computed as late as what needs them allows:
what two of them have in common is then computed once, and less has to be kept between passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lossdsl.backends.expand import stage_nodes
from lossdsl.ir.graph import Index
from lossdsl.ir.stage import StageTable
from lossdsl.meaning.core import ZERO, Extent
from lossdsl.schedule.items import Item, Items, Wanted, is_product, items_of


@dataclass
class Passes:
    """The phase of each item by name, and the row items that are kept in an array for later phases."""

    items: Items
    phase: dict[str, int]
    stored: set[str]

    @property
    def last(self) -> int:
        """The number of the last pass; 0 if there is none."""
        return max((self.phase[i.name] for i in self.items.items if i.kind != "whole"), default=0)


def passes(
    table: StageTable, wanted: Sequence[Wanted], size: Extent, count: str | None, separable: bool = True
) -> Passes:
    """The phases of a program whose block axis has the given size."""
    whole: set[str] = set()
    while True:
        items = items_of(table, wanted, size, count, whole)
        phase = _late(items, _early(items))
        stored = _stored(items, phase)
        stages = items.stage_items()
        refused = {name for name in stored if not _may_be_stored(stages[name])}
        if not refused:
            return Passes(items, phase, stored)
        whole |= refused


def _early(items: Items) -> dict[str, int]:
    phase: dict[str, int] = {}
    for item in items.items:
        is_whole = item.kind == "whole"
        phase[item.name] = 0 if is_whole else 1
        for need in items.needs[item.name]:
            first = phase[need.item.name]
            if is_whole:
                first += need.item.kind != "whole"
            elif need.item.kind == "whole":
                first += 1
            elif not need.same:
                first += 2
            phase[item.name] = max(phase[item.name], first)
    return phase


def _late(items: Items, early: dict[str, int]) -> dict[str, int]:
    phase = dict(early)
    last = max((early[i.name] for i in items.items if i.kind != "whole"), default=0)
    limit = {i.name: last if i.kind != "whole" else early[i.name] for i in items.items}
    for item in reversed(items.items):
        phase[item.name] = limit[item.name]
        for need in items.needs[item.name]:
            if need.item.kind == "whole":
                continue
            latest = phase[item.name] - (1 if item.kind == "whole" else 0 if need.same else 2)
            limit[need.item.name] = min(limit[need.item.name], latest)
    return phase


def _stored(items: Items, phase: dict[str, int]) -> set[str]:
    """Row items that are read elsewhere than at their own row, or in a later pass."""
    return {
        need.item.name
        for item in items.items
        for need in items.needs[item.name]
        if need.item.kind == "rows" and not (need.same and phase[need.item.name] == phase[item.name])
    }


def _may_be_stored(item: Item) -> bool:
    """A product of matrices that has to be kept is one call of BLAS; arrays start at position 0."""
    assert item.stage is not None
    return not is_product(item.stage) and all(i.low == ZERO for i in item.stage.out)


# ---------------------------------------------------------------- which axis is cut into blocks


def best_passes(table: StageTable, wanted: Sequence[Wanted], count: str | None) -> Passes | None:
    """The phases for the axis that suits the program best; None where no axis can be cut into blocks.

    An axis suits if all that runs over it can be computed by blocks, but for products of matrices that are kept.
    """
    best: tuple[tuple[int, ...], Passes] | None = None
    for place, size in enumerate(_sizes(table, wanted)):
        found = passes(table, wanted, size, count)
        if found.last and not any(_hinders(found, item) for item in found.items.items):
            rows = sum(i.kind != "whole" for i in found.items.items)
            cost = (found.last, len(found.stored), -rows, place)
            if best is None or cost < best[0]:
                best = cost, found
    return best[1] if best is not None else None


def _sizes(table: StageTable, wanted: Sequence[Wanted]) -> list[Extent]:
    """The leading axes of the arrays that are read, of those with most axes first."""
    nodes = stage_nodes(table, [w.node for w in wanted])
    used = {str(n.value) for n in nodes if n.op == "read"}
    arrays = [a for a in table.arrays.values() if a.name in used and a.axes and a.axes[0].op == "size"]
    arrays.sort(key=lambda a: (a.role != "prediction", -len(a.axes)))
    return list(dict.fromkeys(a.axes[0] for a in arrays))


def _hinders(found: Passes, item: Item) -> bool:
    """Whether an item that is computed as a whole runs over the rows."""

    def over_rows(index: Index) -> bool:
        return found.items.size in _sizes_in(index.high) or found.items.size in _sizes_in(index.low)

    if item.kind != "whole" or (item.stage is not None and is_product(item.stage)):
        return False
    return any(over_rows(i) for i in (*item.loops, *item.out))


def _sizes_in(extent: Extent) -> set[Extent]:
    found = {extent}
    for inner in extent.operands:
        found |= _sizes_in(inner)
    return found
