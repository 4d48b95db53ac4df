"""Reads: slices where positions run along an axis, arrays of positions where they jump."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from lossdsl.backends.dialect import Slice
from lossdsl.backends.text import Text
from lossdsl.ir.bounds import in_range, linear, plus, position_bounds
from lossdsl.ir.graph import Index, Node
from lossdsl.meaning.core import ZERO, Extent

if TYPE_CHECKING:
    from lossdsl.backends.emitter import Emitter

Place = tuple[Node, Extent, Extent]
"""A position and the range of the axis that it is on."""


def place(emitter: Emitter, position: Node, low: Extent, high: Extent, checked: bool = True) -> Slice | None:
    """How one axis is read by a slice or a whole number; None where it takes an array of positions.

    `checked`: the position has been found to be in range wherever the statement is run.
    """
    size = emitter.length(Index("", low, high))
    if _is_number(emitter, position):
        return Slice("one", size, _number(emitter, position, low, high, size, checked))
    terms = emitter.graph.affine(position)
    variables = [n for n in terms if n is not None]
    if len(variables) != 1 or variables[0].op != "index" or terms[variables[0]] < 1:
        return None
    index = variables[0].value
    assert isinstance(index, Index)
    step, offset = int(terms[variables[0]]), int(terms.get(None, Fraction(0)))
    if step == 1 and offset == 0 and (index.low, index.high) == (low, high):
        return Slice("all", size)
    if not in_range(emitter.graph, position, low, high):
        return None
    start = _end(emitter, index.low, offset, low, step)
    stop = _end(emitter, index.high, offset, low, step, last=True)
    return Slice("part", size, start, stop, step)


def _end(emitter: Emitter, extent: Extent, offset: int, low: Extent, step: int, last: bool = False) -> str:
    """step*extent + offset - low as text; for a stop, one past the last position."""
    if extent.op == "const" and low.op == "const":
        return str(step * (extent.value - last) + offset - low.value + last)
    code = emitter.extent(extent)
    shift = offset + (1 - step if last else 0)
    if step != 1:
        code = f"{step}*({code})" if " " in code else f"{step}*{code}"
    if low.op == "const":
        shift -= low.value
    else:
        inner = emitter.extent(low)
        code = f"{code} - ({inner})" if " " in inner else f"{code} - {inner}"
    return f"{code} {'+' if shift > 0 else '-'} {abs(shift)}" if shift else code


def _is_number(emitter: Emitter, position: Node) -> bool:
    return position.kind == "int" and not position.free and emitter.is_host(position)


def _number(emitter: Emitter, position: Node, low: Extent, high: Extent, size: str, checked: bool) -> str:
    """A position that is one number; clipped where it may lie outside, and is not used."""
    code = _shifted(emitter, position, low)
    last = plus(linear(high), {None: Fraction(-1)})
    if checked or position_bounds(emitter.graph, position) in ((linear(low),) * 2, (last,) * 2):
        return code
    if in_range(emitter.graph, position, low, high):
        return code
    return f"min(max({code}, 0), {size} - 1)"


def _shifted(emitter: Emitter, position: Node, low: Extent) -> str:
    if position.is_const and low.op == "const":
        assert isinstance(position.value, Fraction)
        return str(int(position.value) - low.value)
    code = emitter.value(position, "int").code
    return code if low == ZERO else f"{code} - ({emitter.extent(low)})"


def read_array(emitter: Emitter, node: Node, base: str, places: Sequence[Place]) -> Text:
    """The elements of `base` at the positions, as an array over the free indices of the read."""
    positions = [p for p, _, _ in places]
    parts = [place(emitter, *p, checked=_is_checked(emitter, node, k, p)) for k, p in enumerate(places)]
    plain = [next(iter(p.free)) for p, s in zip(positions, parts, strict=True) if s is not None and p.free]
    distinct = len(set(plain)) == len(plain)
    gathers = [k for k, s in enumerate(parts) if s is None]
    onto = emitter.axes(node.free)
    loose = [k for k, s in enumerate(parts) if s is None or s.kind == "one"]
    unchecked = [k for k in loose if not _is_checked(emitter, node, k, places[k])]
    if unchecked:
        base = emitter.dialect.nonempty(base, unchecked)
    if not gathers and distinct:
        texts = [s.text for s in parts if s is not None]
        axes = plain
    elif len(gathers) == 1 and distinct and not (positions[gathers[0]].free & set(plain)):
        gathered = emitter.axes(positions[gathers[0]].free)
        texts = [s.text if s is not None else _key(emitter, node, k, places[k], gathered) for k, s in enumerate(parts)]
        axes = _axes_of_gather(parts, positions, gathered)
    else:
        keys = [_key(emitter, node, k, p, onto) for k, p in enumerate(places)]
        return Text(f"{base}[{', '.join(keys)}]")
    while texts and texts[-1] == ":":
        texts.pop()
    code = f"{base}[{', '.join(texts)}]" if texts else base
    return Text(code if axes == onto else emitter.dialect.permute(code, [axes.index(i) for i in onto]))


def _axes_of_gather(parts: Sequence[Slice | None], positions: Sequence[Node], gathered: list[Index]) -> list[Index]:
    """The axes of x[:, at, 0]: those of the gather stand in its place, or first, where a slice separates it from a
    whole number."""
    advanced = [k for k, s in enumerate(parts) if s is None or s.kind == "one"]
    together = advanced[-1] - advanced[0] == len(advanced) - 1
    axes: list[Index] = [] if together else list(gathered)
    for position, part in zip(positions, parts, strict=True):
        if part is not None:
            axes += sorted(position.free)
        elif together:
            axes += gathered
    return axes


def _is_checked(emitter: Emitter, read: Node, axis: int, where: Place) -> bool:
    """Whether the position is in range wherever the statement is run."""
    position, low, high = where
    checked = (str(read.value), axis, position.id) in emitter.checked
    return checked or in_range(emitter.graph, position, low, high)


def _key(emitter: Emitter, read: Node, axis: int, where: Place, onto: Sequence[Index]) -> str:
    position, low, high = where
    name = (str(read.value), axis, position.id)
    guard = emitter.guards.get(name)
    if guard is not None and not guard.is_const and guard.free <= set(onto):
        harmless = emitter.graph.where(guard, position, emitter.graph.extent(low))
        return key(emitter, harmless, low, high, onto, checked=True)
    return key(emitter, position, low, high, onto, name in emitter.checked)


def key(
    emitter: Emitter, position: Node, low: Extent, high: Extent, onto: Sequence[Index], checked: bool = False
) -> str:
    """An array of positions, relative to the start of the axis; clipped where it is not known to be in range."""
    graph = emitter.graph
    shifted = position if low == ZERO else graph.position(position - graph.extent(low))
    if _is_number(emitter, shifted):
        return emitter.value(shifted, "int").code
    emitter.count_new(shifted)
    code = emitter.lifted(shifted, onto, "int")
    if in_range(graph, position, low, high):
        return code
    size = emitter.length(Index("", low, high))
    return emitter.dialect.position(code, size) if checked else emitter.dialect.clip(code, "0", f"{size} - 1")
