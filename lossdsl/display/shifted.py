"""Over which indices a sub-expression becomes a binding.

One that reads arrays at `h - a` only, with `h` and `a` free, is a binding over one index, which is read at `h - a`;
over two, most of its positions would be outside of the arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from lossdsl.display.rewriter import in_order
from lossdsl.ir.graph import Graph, Index, Node, reachable
from lossdsl.ir.stage import fresh_index
from lossdsl.meaning.core import Extent

Found = tuple[tuple[Index, ...], list[Node], Node]
"""The indices of the binding, the positions at which it is read, and its value."""


AxisRange = Callable[[str, int], tuple[Extent, Extent]]


def unshifted(g: Graph, axis_range: AxisRange, node: Node, indices: tuple[Index, ...] | None) -> Found | None:
    """None where some array is read at a position of several free indices that can not be one index instead."""
    places: dict[Index, Node] = {}
    value = node
    while (mixed := _mixed(axis_range, value)) is not None:
        position, low, high = mixed
        solved = _solve(g, position, low, high, [*value.free, *places])
        if solved is None:
            return None
        index, replaced, meaning = solved
        value = g.substitute(value, {replaced: meaning})
        places[index] = position
        if position.free & value.free:
            return None
    if not places and indices is not None:
        return indices, [g.index(i) for i in indices], node
    order = in_order(value)
    return order, [places.get(i, g.index(i)) for i in order], value


def _mixed(axis_range: AxisRange, node: Node) -> tuple[Node, Extent, Extent] | None:
    """A position of several free indices, and the range of the axis that is read there."""
    for read in reachable([node]):
        if read.op == "read":
            for axis, position in enumerate(read.args):
                if position.kind == "int" and position.op in ("add", "sub") and len(position.free & node.free) > 1:
                    return position, *axis_range(str(read.value), axis)
    return None


def _solve(g: Graph, position: Node, low: Extent, high: Extent, taken: list[Index]) -> tuple[Index, Index, Node] | None:
    """A new index for the position, an index of it that goes, and what that is in terms of the others."""
    terms = g.affine(position)
    for node, factor in sorted(((n, f) for n, f in terms.items() if n is not None), key=lambda t: (-t[1], t[0].id)):
        if node.op == "index" and abs(factor) == 1 and isinstance(node.value, Index):
            index = fresh_index(Index(node.value.name, low, high), taken)
            rest = {n: -f * factor for n, f in terms.items() if n is not node}
            return index, node.value, g.from_affine(rest | {g.index(index): Fraction(factor)})
    return None
