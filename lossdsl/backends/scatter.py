"""Stages that add each term at a position: slices where positions are shifts, index arrays where they are gathers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossdsl.backends.dialect import Slice
from lossdsl.backends.reads import key, place
from lossdsl.backends.reductions import masked
from lossdsl.ir.bounds import in_range
from lossdsl.ir.graph import Index, Node
from lossdsl.ir.stage import Stage

if TYPE_CHECKING:
    from lossdsl.backends.emitter import Emitter


def scatter_lines(emitter: Emitter, stage: Stage, target: str) -> list[str]:
    """Statements that compute the stage."""
    positions = dict(stage.positions)
    used = frozenset().union(*(p.free for p in positions.values()))
    solved = [i for i in stage.out if i not in positions]
    summed = [i for i in stage.reduced if i not in used]
    kept = emitter.axes((*solved, *(i for i in stage.reduced if i in used)))
    memory = emitter.axes(stage.out)
    shape = emitter.shape(memory)
    # a number of which nothing is used has a place, too
    room = [f"max({s}, 1)" if _may_lack(emitter, k, positions) else s for k, s in zip(memory, shape, strict=True)]
    cut = [f"{target} = {target}[{', '.join(f':{s}' for s in shape)}]"] if room != shape else []
    code = _values(emitter, stage, kept, summed)
    parts = [
        Slice("all", s)
        if k in solved
        else place(emitter, positions[k], k.low, k.high, not _may_lack(emitter, k, positions))
        for k, s in zip(memory, shape, strict=True)
    ]
    variables = [next(iter(positions[k].free)) for k in memory if k in positions and positions[k].free]
    injective = len(set(variables)) == len(variables) and not set(variables) & set(solved)
    if injective and all(p is not None for p in parts):
        slices = [p for p in parts if p is not None]
        axes = [_axis(k, positions) for k in memory]
        wanted = [i for i in axes if i is not None]
        if wanted != kept:
            code = emitter.dialect.permute(code, [kept.index(i) for i in wanted])
        return [*emitter.dialect.scatter_slices(target, room, slices, code), *cut]
    keys = []
    for k in memory:
        position = positions.get(k, emitter.graph.index(k))
        keys.append(key(emitter, position, k.low, k.high, kept))
    unique = used <= frozenset(solved)
    return [*emitter.dialect.scatter(target, room, keys, code, unique), *cut]


def _may_lack(emitter: Emitter, k: Index, positions: dict[Index, Node]) -> bool:
    """Whether an axis may be empty though a position on it is written to, by an element that nothing uses."""
    position = positions.get(k)
    if position is None or any(position.id == found for _, _, found in emitter.checked):
        return False
    return not in_range(emitter.graph, position, k.low, k.high)


def _axis(k: Index, positions: dict[Index, Node]) -> Index | None:
    if k not in positions:
        return k
    return next(iter(positions[k].free), None)


def _values(emitter: Emitter, stage: Stage, kept: list[Index], summed: list[Index]) -> str:
    """The terms as an array over `kept`."""
    text, onto = masked(emitter, stage)
    axes = [n for n, i in enumerate(onto) if i in summed]
    if axes:
        text = emitter.dialect.reduce("sum", text, axes, len(onto))
    missing = [i for i in summed if i not in onto]
    if missing:
        text = f"({text}) * {' * '.join(f'({t})' for t in emitter.shape(missing))}"
    present = [i for i in onto if i not in summed]
    if present != kept:
        if present:
            first = min(kept.index(i) for i in present)
            pattern = [":" if i in present else "None" for i in kept[first:]]
            if "None" in pattern:
                text = f"({text})[{', '.join(pattern)}]"
        text = emitter.dialect.broadcast(text, emitter.shape(kept))
    return text
