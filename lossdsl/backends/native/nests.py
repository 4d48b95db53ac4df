"""Loops around items, joined where they may be: a tree, with items as leaves.

Loops over one index are joined where every value that crosses from one to the other is read at the position at which
it was computed.  What is then read only inside of the loops that compute it needs no array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lossdsl.backends.native.items import BEST, Item, Items
from lossdsl.calculus.gradient import SEED
from lossdsl.ir.graph import Index, Node

MERGED = ("sum", "prod", "max", "min", "any", "all")
"""Reductions whose parts can be joined, so that threads can share the loop."""


@dataclass(eq=False)
class Loop:
    """One loop; `shared` if its positions may be divided among threads."""

    index: Index
    shared: bool
    body: list[Loop | Item] = field(default_factory=list)

    def items(self) -> list[Item]:
        return [i for entry in self.body for i in (entry.items() if isinstance(entry, Loop) else [entry])]

    @property
    def is_innermost(self) -> bool:
        return all(isinstance(entry, Item) for entry in self.body)


@dataclass
class Nest:
    """The tree of a function, and for each item the loops around it."""

    body: list[Loop | Item]
    paths: dict[str, tuple[Loop, ...]]
    readers: dict[str, list[Item]]

    def common(self, item: Item) -> int:
        """How many loops the item shares with everything that reads it."""
        own = self.paths[item.name]
        length = len(own)
        for reader in self.readers.get(item.name, ()):
            other = self.paths[reader.name]
            same = 0
            while same < min(length, len(other)) and own[same] is other[same]:
                same += 1
            length = min(length, same)
        return length

    def axes(self, item: Item) -> tuple[Index, ...]:
        """The axes of the array that holds a stage: those that are not loops around all of its readers."""
        assert item.stage is not None
        around = {loop.index for loop in self.paths[item.name][: self.common(item)]} & item.kept
        return tuple(k for k in item.stage.out if k not in around)


def nest(items: Items, count: str | None) -> Nest:
    """The loops of a function; `count` names the stage that the weight of the elements depends on."""
    stages = items.stages()
    readers: dict[str, list[Item]] = {}
    needs: dict[str, list[tuple[Item, Node | None]]] = {}
    for item in items.items:
        needs[item.name] = []
        for read in item.reads():
            name = count if read.value == SEED else str(read.value)
            if name is not None and name in stages:
                needs[item.name].append((stages[name], None if read.value == SEED else read))
                readers.setdefault(name, []).append(item)
    body = _arranged(items.items, 0, needs)
    paths: dict[str, tuple[Loop, ...]] = {}
    _note_paths(body, (), paths)
    return Nest(body, paths, readers)


def _note_paths(body: Sequence[Loop | Item], path: tuple[Loop, ...], paths: dict[str, tuple[Loop, ...]]) -> None:
    for entry in body:
        if isinstance(entry, Loop):
            _note_paths(entry.body, (*path, entry), paths)
        else:
            paths[entry.name] = path


Needs = dict[str, list[tuple[Item, Node | None]]]


@dataclass
class _Group:
    """Items that share a loop, or one item without one; what is known of those for which the loop is the innermost."""

    key: tuple[object, ...] | None
    members: list[Item] = field(default_factory=list)
    is_outer: bool = False
    """Whether some member has loops inside of this one, so that the loop is not vectorised anyway."""
    innermost: set[bool] = field(default_factory=set)
    """Of the others: whether they are sequential."""

    def takes(self, item: Item, depth: int) -> bool:
        """Loops that can be vectorised are kept apart from those that can not."""
        is_outer = depth < len(item.loops) - 1
        return self.is_outer or is_outer or self.innermost <= {is_sequential(item)}

    def add(self, item: Item, depth: int) -> None:
        self.members.append(item)
        if depth < len(item.loops) - 1:
            self.is_outer = True
        else:
            self.innermost.add(is_sequential(item))


def _arranged(items: Sequence[Item], depth: int, needs: Needs) -> list[Loop | Item]:
    """The items, each in the first group that its needs allow."""
    groups: list[_Group] = []
    place: dict[str, int] = {}
    for item in items:
        index = item.loops[depth] if depth < len(item.loops) else None
        first = 0
        for needed, read in needs[item.name]:
            if needed.name in place:
                same = index is not None and read is not None and _at_same_position(needed, read, index, depth)
                first = max(first, place[needed.name] + (not same))
        key = None if index is None else (index, depth == 0 and _is_shared(item, depth))
        known = [g for g in range(first, len(groups)) if key is not None and groups[g].key == key]
        at = next((g for g in known if groups[g].takes(item, depth)), len(groups))
        if at == len(groups):
            groups.append(_Group(key))
        groups[at].add(item, depth)
        place[item.name] = at
    result: list[Loop | Item] = []
    for group in groups:
        if group.key is None:
            result += group.members
        else:
            first_member = group.members[0]
            loop = Loop(first_member.loops[depth], depth == 0 and _is_shared(first_member, 0))
            loop.body = _arranged(group.members, depth + 1, needs)
            result.append(loop)
    return result


def _at_same_position(needed: Item, read: Node, index: Index, depth: int) -> bool:
    """Whether a read in the loop over `index` is of what the same turn of the loop has computed."""
    if depth >= len(needed.loops) or needed.loops[depth] != index or index not in needed.kept:
        return False
    assert needed.stage is not None
    position = read.args[needed.stage.out.index(index)]
    return position.op == "index" and position.value == index


def _is_shared(item: Item, depth: int) -> bool:
    index = item.loops[depth]
    if index in item.kept:
        return True
    assert item.stage is not None
    return not item.stage.out and item.stage.op in MERGED


def is_sequential(item: Item) -> bool:
    """Whether a turn of the innermost loop may touch what another one has written, or must look at it."""
    stage = item.stage
    if stage is None or not item.loops:
        return False
    scatters = bool(stage.positions) and item.gathering == len(item.loops)
    return stage.op in BEST or scatters or any(item.loops[-1] in p.free for _, p in stage.positions)
