"""Reverse mode on stages: the gradient of a program is a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lossdsl.calculus.partials import Differentiator
from lossdsl.calculus.terms import Term, array_indices, collect, solve
from lossdsl.ir.graph import Index, Node, reachable
from lossdsl.ir.lower import Lowered
from lossdsl.ir.stage import Array, Stage, StageTable, fresh_index
from lossdsl.rewrite.finite import clash, product

SEED = "__seed"
"""Name of the array that holds the weight of each element of the loss; no user can write it."""


@dataclass
class Gradient:
    """For each argument: the indices of its axes and the derivative of sum(seed * element) at each of them."""

    by_name: dict[str, tuple[tuple[Index, ...], Node]]


def active_arrays(table: StageTable, wrt: Sequence[str]) -> set[str]:
    """The arguments and every stage whose value depends on them differentiably."""
    active = set(wrt)
    for stage in table.stages.values():
        probe = Differentiator(table, active)
        if stage.kind == "real" and stage.op not in ("any", "all") and probe.depends(stage.body):
            active.add(stage.name)
    return active


def add_seed(lowered: Lowered) -> Node:
    """The weight of the element at `free`, as an input of the program."""
    if SEED not in lowered.table.arrays:
        from lossdsl.ir.lower import length

        lowered.table.add_array(Array(SEED, tuple(length(i) for i in lowered.free), "seed", "real"))
    graph = lowered.graph
    # The seed counts positions from the start of each range.
    return graph.read(SEED, [graph.index(i) - graph.extent(i.low) for i in lowered.free])


def gradient(lowered: Lowered, wrt: Sequence[str]) -> Gradient:
    """The gradient of sum(seed * element) over the elements that the mask keeps, with respect to each of `wrt`."""
    table, graph = lowered.table, lowered.graph
    active = active_arrays(table, wrt)
    reverse = _Reverse(table, Differentiator(table, active))
    mask = lowered.mask if lowered.mask is not None else graph.const(True)
    reverse.spread(lowered.element, add_seed(lowered), mask, lowered.free)
    for stage in [s for s in table.stages.values() if s.name in active][::-1]:
        reverse.stage(stage)
    result = {}
    for name in wrt:
        target = array_indices(table, name)
        result[name] = (target, collect(table, f"grad_{name}", target, reverse.terms.get(name, [])))
    return Gradient(result)


class _Reverse:
    def __init__(self, table: StageTable, differentiator: Differentiator) -> None:
        self.table, self.graph, self.d = table, table.graph, differentiator
        self.terms: dict[str, list[Term]] = {}

    def spread(self, expr: Node, adjoint: Node, where: Node, over: Sequence[Index]) -> None:
        """Add what `adjoint * expr`, summed over `over` under `where`, contributes to everything that it reads."""
        for read, partial in self.d.partials(expr).items():
            expression = _joined(self.table, adjoint, partial)
            name = str(read.value)
            target = array_indices(self.table, name)
            self.terms.setdefault(name, []).append(solve(self.graph, read, expression, where, over, target))

    def stage(self, stage: Stage) -> None:
        """Pass the adjoint of a stage on to what its body reads."""
        terms = self.terms.pop(stage.name, [])
        if not terms:
            return
        adjoint = collect(self.table, f"grad_{stage.name}", stage.out, terms)
        if adjoint.is_value(0):
            return
        where = stage.where if stage.where is not None else self.graph.const(True)
        scattered = dict(stage.positions)
        adjoint = self.graph.substitute(adjoint, scattered)
        self.spread(stage.body, weighted(self.table, stage, adjoint), where, stage.looped)


def _joined(table: StageTable, adjoint: Node, partial: Node) -> Node:
    if partial.op == "div" and partial.args[0].is_value(1) and not clash(table, adjoint, partial):
        return adjoint / partial.args[1]
    return product(table, adjoint, partial)


def weighted(table: StageTable, stage: Stage, factor: Node) -> Node:
    """`factor` times the derivative of the stage's value with respect to its body, at out and reduced indices."""
    g = table.graph
    own = g.read(stage.name, [g.index(i) for i in stage.out])
    match stage.op:
        case "sum":
            return factor
        case "max" | "min":
            best = g.apply("eq", stage.body, own)
            where = best if stage.where is None else g.both(stage.where, best)
            ties = table.value(f"ties_{stage.name}", stage.out, "sum", stage.reduced, where, g.const(1))
            return g.where(best, factor / ties, g.const(0))
        case "logsumexp":
            return product(table, factor, g.apply("softmax_weight", stage.body, own))
        case "norm":
            # a choice, so that the second derivative at 0 is 0 by the same convention
            return product(table, factor, g.where(g.apply("eq", own, g.const(0)), g.const(0), stage.body / own))
        case "prod":
            return product(table, factor, _others(table, stage))
    raise AssertionError(f"no derivative for the reduction {stage.op}: add it to lossdsl/calculus/gradient.py")


def _others(table: StageTable, stage: Stage) -> Node:
    """The product of the other elements: no division by an element that may be 0, and closed under derivation."""
    g = table.graph
    taken = [*stage.out, *stage.reduced]
    renaming: dict[Index, Node] = {}
    for index in stage.reduced:
        fresh = fresh_index(index, taken)
        taken.append(fresh)
        renaming[index] = g.index(fresh)
    memo: dict[int, Node] = {}
    different = g.const(False)
    for index, node in renaming.items():
        different = g.apply("or", different, g.apply("ne", node, g.index(index)))
    where = different
    if stage.where is not None:
        where = g.both(g.substitute(stage.where, renaming, memo), different)
    body = g.substitute(stage.body, renaming, memo)
    reduced = tuple(n.value for n in renaming.values() if isinstance(n.value, Index))
    return table.value(f"others_{stage.name}", (*stage.out, *stage.reduced), "prod", reduced, where, body)


def needed_stages(table: StageTable, roots: Sequence[Node]) -> list[Stage]:
    """The stages that the roots depend on, in order."""
    wanted: set[str] = set()
    pending = _reads(roots)
    while pending:
        name = pending.pop()
        if name in table.stages and name not in wanted:
            wanted.add(name)
            pending |= _reads(table.stages[name].roots)
    return [s for s in table.stages.values() if s.name in wanted]


def _reads(roots: Sequence[Node]) -> set[str]:
    return {str(n.value) for n in reachable(roots) if n.op == "read"}
