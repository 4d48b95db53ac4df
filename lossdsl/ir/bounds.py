"""Whether a position is in range, proved from the ranges of its indices for all sizes."""

from __future__ import annotations

from fractions import Fraction

from lossdsl.ir.graph import Graph, Index, Node
from lossdsl.meaning.core import Extent

Linear = dict[Extent | None, Fraction]
"""A whole number as a linear form in sizes; the key None is the constant.  Sizes are at least 0."""


def linear(extent: Extent) -> Linear:
    match extent.op:
        case "const":
            return {None: Fraction(extent.value)} if extent.value else {}
        case "add":
            return plus(linear(extent.operands[0]), linear(extent.operands[1]))
        case "sub":
            return plus(linear(extent.operands[0]), linear(extent.operands[1]), Fraction(-1))
        case "mul":
            left, right = (linear(e) for e in extent.operands)
            for a, b in ((left, right), (right, left)):
                if set(a) <= {None}:
                    return plus({}, b, a.get(None, Fraction(0)))
    return {extent: Fraction(1)}


def plus(a: Linear, b: Linear, factor: Fraction = Fraction(1)) -> Linear:
    result = dict(a)
    for key, value in b.items():
        result[key] = result.get(key, Fraction(0)) + factor * value
    return {key: value for key, value in result.items() if value}


def nonnegative(form: Linear, depth: int = 12) -> bool:
    """Whether the form is at least 0 for all sizes; False where that can not be shown."""
    atom = next((k for k in form if k is not None and k.op in ("min", "max")), None)
    if atom is not None and depth:
        factor = form[atom]
        rest = {k: v for k, v in form.items() if k is not atom}
        cases = (nonnegative(plus(rest, linear(e), factor), depth - 1) for e in atom.operands)
        # factor * min(a, b) is the smaller of the two products, so both must do; factor * max(a, b) needs only one
        return all(cases) if (atom.op == "min") == (factor > 0) else any(cases)
    return all(v >= 0 for v in form.values())


def clamped(low: Extent, high: Extent) -> Extent:
    """The end of the range low <= i < high, at least `low`, so that no length is negative."""
    return high if nonnegative(plus(linear(high), linear(low), Fraction(-1))) else Extent("max", (high, low))


def unclamped(index: Index) -> Extent:
    """The end as it was before `clamped`: right wherever the range holds any position at all."""
    high = index.high
    return high.operands[0] if high.op == "max" and high.operands[1] == index.low else high


def position_bounds(graph: Graph, position: Node) -> tuple[Linear, Linear] | None:
    """The least and the greatest value of an affine position; None for a gather."""
    if position.kind != "int":
        return None
    low: Linear = {}
    high: Linear = {}
    for node, factor in graph.affine(position).items():
        if node is None:
            low, high = plus(low, {None: factor}), plus(high, {None: factor})
        elif node.op == "index" and isinstance(node.value, Index):
            first = linear(node.value.low)
            last = plus(linear(unclamped(node.value)), {None: Fraction(-1)})
            a, b = (first, last) if factor > 0 else (last, first)
            low, high = plus(low, a, factor), plus(high, b, factor)
        elif node.op == "extent" and isinstance(node.value, Extent):
            low, high = plus(low, linear(node.value), factor), plus(high, linear(node.value), factor)
        else:
            return None
    return low, high


def in_range(graph: Graph, position: Node, low: Extent, high: Extent) -> bool:
    """Whether low <= position < high at every value of its indices (an empty range holds no value)."""
    key = (position.id, low, high)
    known = graph.in_range.get(key)
    if known is None:
        known = graph.in_range[key] = _in_range(graph, position, low, high)
    return known


def _in_range(graph: Graph, position: Node, low: Extent, high: Extent) -> bool:
    bounds = position_bounds(graph, position)
    if bounds is None:
        return False
    least, greatest = bounds
    over = plus(plus(linear(high), greatest, Fraction(-1)), {None: Fraction(-1)})
    return nonnegative(plus(least, linear(low), Fraction(-1))) and nonnegative(over)
