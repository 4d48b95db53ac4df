"""Terms of an adjoint: an expression, summed over indices, under conditions, at positions.

The adjoint of what was read at x[f(i)] arrives at x[k] from every i with f(i) == k.  An equality f(i) == k is solved
for an index of i where that is possible, so that a sum over a delta never reaches the emitted code; what can
not be solved (a gather, a shift) stays as the position that the term is scattered to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from lossdsl.ir.bounds import in_range
from lossdsl.ir.graph import Graph, Index, Node
from lossdsl.ir.stage import StageTable, fresh_index
from lossdsl.meaning import core
from lossdsl.meaning.core import Extent


@dataclass(frozen=True)
class Term:
    """sum[reduced where condition and out == positions](expr), over the indices `out` of an array."""

    expr: Node
    reduced: tuple[Index, ...]
    where: Node
    positions: tuple[tuple[Index, Node], ...]


def array_indices(table: StageTable, name: str) -> tuple[Index, ...]:
    """Index variables for the axes of an array: those of the stage, or named after the axes of the argument."""
    if name in table.stages:
        return table.stages[name].out
    indices: list[Index] = []
    for position, extent in enumerate(table.arrays[name].axes):
        label = extent.name if extent.op == "size" else f"i{position}"
        indices.append(fresh_index(Index(label, core.ZERO, extent), indices))
    return tuple(indices)


def solve(graph: Graph, read: Node, expr: Node, where: Node, over: Sequence[Index], target: Sequence[Index]) -> Term:
    """The term that `expr`, at each position of `over` under `where`, adds to the array that is `read`, at `target`."""
    renaming = {i: graph.index(fresh) for i, fresh in _apart(over, target).items()}
    over = [_index(renaming[i]) if i in renaming else i for i in over]
    memo: dict[int, Node] = {}
    expr, where, *places = (graph.substitute(n, renaming, memo) for n in (expr, where, *read.args))
    bound: dict[Index, Node] = {}
    conditions = [where]
    positions: list[tuple[Index, Node]] = []
    for index, place in zip(target, places, strict=True):
        place = graph.substitute(place, bound)
        variable = _solvable(graph, place, index, [i for i in over if i not in bound])
        if variable is None:
            positions.append((index, place))
            continue
        solved, value = variable
        bound = {v: graph.substitute(known, {solved: value}) for v, known in bound.items()} | {solved: value}
        conditions += _box(graph, solved, index, value)
    memo = {}
    expr, where, *places = (
        graph.substitute(n, bound, memo) for n in (expr, graph.both(*conditions), *(p for _, p in positions))
    )
    scattered = tuple((index, place) for (index, _), place in zip(positions, places, strict=True))
    return Term(expr, tuple(i for i in over if i not in bound), where, scattered)


def _index(node: Node) -> Index:
    assert isinstance(node.value, Index)
    return node.value


def _apart(over: Sequence[Index], target: Sequence[Index]) -> dict[Index, Index]:
    """Names for the indices of the loop that differ from those of the target."""
    result: dict[Index, Index] = {}
    taken = [*target]
    for index in over:
        fresh = fresh_index(index, taken)
        taken.append(fresh)
        if fresh is not index and fresh != index:
            result[index] = fresh
    return result


def _solvable(graph: Graph, place: Node, index: Index, free: Sequence[Index]) -> tuple[Index, Node] | None:
    """An index variable v and its value, where `place == index` determines v.

    A variable alone is solved if it runs over the whole axis, in either direction; one that is shifted, or runs over a
    part, stays: adding to a slice is better than reading outside one.  Of a sum (a window) the first is solved.
    """
    if place.op == "index":
        variable = _index(place)
        same = variable in free and (variable.low, variable.high) == (index.low, index.high)
        return (variable, graph.index(index)) if same else None
    if place.kind != "int":
        return None
    terms = graph.affine(place)
    variables = [n for n in terms if n is not None and n.op == "index"]
    if len(variables) != sum(n is not None for n in terms):
        return None
    for variable in free:
        node = graph.index(variable)
        if abs(terms.get(node, Fraction(0))) == 1:
            rest = {n: -f for n, f in terms.items() if n is not node}
            solved: dict[Node | None, Fraction] = {graph.index(index): Fraction(1)}
            total = graph.from_affine(_merge(solved, rest))
            value = total if terms[node] == 1 else graph.position(-total)
            if len(variables) > 1 or in_range(graph, value, variable.low, variable.high):
                return variable, value
    return None


def _merge(a: Mapping[Node | None, Fraction], b: Mapping[Node | None, Fraction]) -> dict[Node | None, Fraction]:
    result: dict[Node | None, Fraction] = {**a}
    for node, factor in b.items():
        result[node] = result.get(node, Fraction(0)) + factor
    return {n: f for n, f in result.items() if f}


def _box(graph: Graph, solved: Index, index: Index, value: Node) -> list[Node]:
    """Conditions under which the value of a solved index lies in its range."""
    if in_range(graph, value, solved.low, solved.high):
        return []
    return [
        graph.apply("le", graph.extent(solved.low), value),
        graph.apply("lt", value, graph.extent(solved.high)),
    ]


def collect(table: StageTable, hint: str, target: Sequence[Index], terms: Sequence[Term]) -> Node:
    """The sum of terms as a node over `target`: elementwise where nothing is summed, otherwise by stages."""
    graph = table.graph
    total = graph.const(0)
    for term in terms:
        total = total + _materialised(table, hint, target, term)
    return total


def _materialised(table: StageTable, hint: str, target: Sequence[Index], term: Term) -> Node:
    graph = table.graph
    if term.expr.is_value(0) or (term.where.is_const and term.where.value is False):
        return graph.const(0)
    if not term.reduced and not term.positions:
        return graph.where(term.where, term.expr, graph.const(0))
    loop_free = term.expr.free | term.where.free
    for _, place in term.positions:
        loop_free |= place.free
    reduced = tuple(i for i in term.reduced if i in loop_free)
    expr = term.expr
    for index in term.reduced:  # an index that nothing depends on multiplies
        if index not in loop_free:
            expr = expr * graph.extent(_length(index))
    if not reduced and not term.positions:
        return graph.where(term.where, expr, graph.const(0))
    scattered = {k for k, _ in term.positions}
    out = tuple(i for i in target if i in loop_free or i in scattered)
    name = table.add(hint, out, "sum", reduced, term.where, expr, term.positions)
    return table.read(name, [graph.index(i) for i in out])


def _length(index: Index) -> Extent:
    return index.high if index.low == core.ZERO else Extent("sub", (index.high, index.low))
