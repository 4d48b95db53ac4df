"""The diagonal of the Hessian, entry by entry of a symbolic Jacobian.

The derivative of a stage with respect to x[K] is a list of entries: a coefficient, conditions, and pairs of positions
that must be equal.  Pairs stay outside the coefficient until the diagonal is taken, where most of them become true: so
softmax stays O(N C), not O(N C^2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from lossdsl.calculus.gradient import active_arrays, needed_stages, weighted
from lossdsl.calculus.partials import Differentiator
from lossdsl.calculus.terms import Term, array_indices, collect
from lossdsl.ir.bounds import in_range
from lossdsl.ir.graph import Graph, Index, Node
from lossdsl.ir.stage import Stage, StageTable, fresh_index
from lossdsl.rewrite.finite import product

SEPARATOR = "'"
"""No name that a user writes has it."""
FEW = 8
"""Dense entries of a stage that are kept apart, so that they can still be solved for one another's indices."""


@dataclass(frozen=True)
class Entry:
    """coefficient, summed over `reduced`, where the condition holds and every pair is equal."""

    coefficient: Node
    reduced: tuple[Index, ...]
    where: Node
    pairs: tuple[tuple[Node, Node], ...]


class Jacobian:
    """Derivatives with respect to the element of `name` at fresh indices `at`."""

    def __init__(self, table: StageTable, name: str, reserved: Sequence[Index], root: Node) -> None:
        self.table, self.graph, self.name = table, table.graph, name
        self.at: tuple[Index, ...] = ()
        self._made = 0
        for index in array_indices(table, name):
            apart = fresh_index(Index(f"{index.name}_at", index.low, index.high), [*reserved, *self.at])
            self.at = (*self.at, apart)
        self.stages: dict[str, list[Entry]] = {}
        active = active_arrays(table, [name])
        self.d = Differentiator(table, active)
        for stage in [s for s in needed_stages(table, [root]) if s.name in active]:
            factor = weighted(table, stage, self.graph.const(1))
            where = stage.where if stage.where is not None else self.graph.const(True)
            pairs = tuple((self.graph.index(k), place) for k, place in stage.positions)
            entries = [self._reduced(e, factor, where, pairs, stage.reduced) for e in self.of(stage.body)]
            self.stages[stage.name] = self._merged(stage, entries)

    def _merged(self, stage: Stage, entries: list[Entry]) -> list[Entry]:
        """Entries without pairs as one, by a stage of their own, where that is no larger than the gradient.

        Without it, a chain of scalar stages would have as many entries as it is long, each summed over every link.
        """
        dense = [e for e in entries if not e.pairs]
        if len(dense) < 2 or (stage.out and len(dense) <= FEW):
            return entries
        terms = [Term(e.coefficient, e.reduced, e.where, ()) for e in dense]
        total = collect(self.table, f"d_{stage.name}", (*stage.out, *self.at), terms)
        rest = [e for e in entries if e.pairs]
        return [Entry(total, (), self.graph.const(True), ()), *rest]

    def of(self, node: Node) -> list[Entry]:
        """The entries of the derivative of an expression."""
        result: list[Entry] = []
        for read, partial in self.d.partials(node).items():
            if read.value == self.name:
                pairs = tuple((place, self.graph.index(k)) for place, k in zip(read.args, self.at, strict=True))
                result.append(Entry(partial, (), self.graph.const(True), pairs))
            else:
                result += [self._read(entry, read, partial) for entry in self.stages[str(read.value)]]
        return result

    def _read(self, entry: Entry, read: Node, partial: Node) -> Entry:
        """The entry of a stage, where the stage is read at some position."""
        g = self.graph
        mapping: dict[Index, Node] = {}
        reduced = self._fresh(entry.reduced, mapping)
        mapping |= dict(zip(self.table.stages[str(read.value)].out, read.args, strict=True))
        memo: dict[int, Node] = {}
        pairs = tuple((g.substitute(a, mapping, memo), g.substitute(b, mapping, memo)) for a, b in entry.pairs)
        coefficient = product(self.table, partial, g.substitute(entry.coefficient, mapping, memo))
        return Entry(coefficient, reduced, g.substitute(entry.where, mapping, memo), pairs)

    def _reduced(
        self,
        entry: Entry,
        factor: Node,
        where: Node,
        pairs: tuple[tuple[Node, Node], ...],
        over: Sequence[Index],
    ) -> Entry:
        """The entry of a stage from one of its body: summed over the stage's indices, pairs solved for them."""
        g = self.graph
        mapping: dict[Index, Node] = {}
        fresh = self._fresh(over, mapping)
        memo: dict[int, Node] = {}
        whole = Entry(
            g.substitute(product(self.table, factor, entry.coefficient), mapping, memo),
            (*fresh, *entry.reduced),
            g.substitute(g.both(where, entry.where), mapping, memo),
            tuple((g.substitute(a, mapping, memo), g.substitute(b, mapping, memo)) for a, b in (*pairs, *entry.pairs)),
        )
        return simplified(self.table, whole)

    def _fresh(self, indices: Sequence[Index], mapping: dict[Index, Node]) -> tuple[Index, ...]:
        """Names for summed indices that nothing else has, whatever they meet later; adds them to the mapping."""
        fresh = []
        for index in indices:
            self._made += 1
            fresh.append(Index(f"{index.name.split(SEPARATOR)[0]}{SEPARATOR}{self._made}", index.low, index.high))
            mapping[index] = self.graph.index(fresh[-1])
        return tuple(fresh)


def simplified(table: StageTable, entry: Entry) -> Entry:
    """Pairs that determine a summed index are substituted, pairs that are always equal dropped."""
    g = table.graph
    reduced, where, coefficient, pairs = list(entry.reduced), entry.where, entry.coefficient, list(entry.pairs)
    changed = True
    while changed:
        changed = False
        for pair in pairs:
            a, b = (g.position(p) for p in pair)
            if a is b:
                pairs.remove(pair)
                changed = True
                break
            solved = _solution(g, a, b, reduced)
            if solved is None:
                continue
            index, value = solved
            mapping = {index: value}
            reduced.remove(index)
            pairs.remove(pair)
            pairs = [(g.substitute(x, mapping), g.substitute(y, mapping)) for x, y in pairs]
            where, coefficient = g.substitute(where, mapping), g.substitute(coefficient, mapping)
            if not in_range(g, value, index.low, index.high):
                low = g.apply("le", g.extent(index.low), value)
                where = g.both(where, low, g.apply("lt", value, g.extent(index.high)))
            changed = True
            break
    return Entry(coefficient, tuple(reduced), where, tuple(pairs))


def _solution(graph: Graph, a: Node, b: Node, reduced: Sequence[Index]) -> tuple[Index, Node] | None:
    """A summed index and its value, where a == b determines it: it occurs once, with factor 1 or -1."""
    if a.kind != "int" or b.kind != "int":
        return None
    terms = graph.affine(a - b)
    for index in reduced:
        node = graph.index(index)
        factor = terms.get(node, Fraction(0))
        rest = {n: -f / factor for n, f in terms.items() if n is not node} if abs(factor) == 1 else None
        if rest is not None and not any(n is not None and index in n.free for n in rest):
            return index, graph.from_affine(rest)
    return None


def hessian_diagonal(table: StageTable, name: str, target: Sequence[Index], grad: Node) -> Node:
    """d grad[K] / d x[K] at each K of `target`, for grad = d loss / d x as a node over `target`."""
    jacobian = Jacobian(table, name, target, grad)
    g = table.graph
    onto = {at: g.index(k) for at, k in zip(jacobian.at, target, strict=True)}
    terms: list[Term] = []
    for entry in jacobian.of(grad):
        memo: dict[int, Node] = {}
        pairs = tuple((g.substitute(a, onto, memo), g.substitute(b, onto, memo)) for a, b in entry.pairs)
        where, coefficient = g.substitute(entry.where, onto, memo), g.substitute(entry.coefficient, onto, memo)
        final = simplified(table, Entry(coefficient, entry.reduced, where, pairs))
        condition = g.both(final.where, *(g.apply("eq", a, b) for a, b in final.pairs))
        terms.append(Term(final.coefficient, final.reduced, condition, ()))
    return collect(table, f"hess_{name}", target, terms)
