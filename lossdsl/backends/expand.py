"""Reductions that need care in floating point, spelled out as stages: logsumexp, softmax weights, norms.

logsumexp becomes a peak, a sum of exponentials below it and a logarithm; the weight of a softmax the quotient of such
an exponential and the sum.  The exponentials of the value and of the gradient are then one node.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

from lossdsl.backends.averages import number_of_terms
from lossdsl.backends.certainty import by_complements
from lossdsl.backends.complements import complemented
from lossdsl.ir.graph import Graph, Index, Node, reachable
from lossdsl.ir.stage import Stage, StageTable
from lossdsl.rewrite.overflow import is_steep


def stage_nodes(table: StageTable, roots: Sequence[Node], known: Container[int] = ()) -> list[Node]:
    """Every node that the roots need, through stages too; arguments before users.  Nothing that is `known`, nor what is
    behind it.
    """
    seen: dict[int, Node] = {}
    pending = list(roots)
    done: set[str] = set()

    def stop(node: Node) -> bool:
        return node.id in seen or node.id in known

    while pending:
        found = reachable(pending, stop)
        fresh = {node.id: node for node in found if node.id not in seen and node.id not in known}
        seen |= fresh
        reads = {str(n.value) for n in fresh.values() if n.op == "read"} - done
        done |= reads
        pending = [r for name in reads if name in table.stages for r in table.stages[name].roots]
    return [seen[i] for i in sorted(seen)]


@dataclass(frozen=True)
class Exponentials:
    """The parts of a logsumexp, as nodes over its out indices.

    peak: the greatest element, -inf of nothing; shift: the same, or 0 where it is not finite.
    total: the sum of exp(element - shift): 0 of nothing, otherwise at least 1, since the greatest element gives 1.
    others: the sum of those below 1: total - 1 with all its digits, where the total is less than 2.
    lack: the sum of exp(element - shift) - 1: total less the number of terms, with all its digits.
    """

    peak: Node
    shift: Node
    total: Node
    others: Node
    lack: Node

    def at(self, graph: Graph, mapping: Mapping[Index, Node]) -> Exponentials:
        """The parts at other positions."""
        memo: dict[int, Node] = {}
        parts = (self.peak, self.shift, self.total, self.others, self.lack)
        return Exponentials(*(graph.substitute(part, mapping, memo) for part in parts))


class Expansion:
    """Rewrites nodes of one table into nodes without logsumexp, softmax weights and norms, in a table of their own."""

    def __init__(self, table: StageTable) -> None:
        self.old = table
        self.graph: Graph = table.graph
        self.table = StageTable(self.graph)
        for array in table.arrays.values():
            self.table.add_array(array)
        self._new: dict[int, Node] = {}
        self._stages: dict[str, str] = {}
        self._exponentials: dict[str, Exponentials] = {}
        self._norms: dict[str, Node] = {}
        self._sums: set[int] = set()
        """Ids of the sums that were looked at as a whole."""
        self._has_weights = any(stage.op == "logsumexp" for stage in table.stages.values())

    def rewrite(self, roots: Sequence[Node]) -> list[Node]:
        """The roots, rewritten."""
        # what is rewritten stays so, unless a sum may be looked at as a whole now
        nodes = stage_nodes(self.old, roots, () if self._has_weights else self._new)
        whole = self._whole_sums(nodes, roots) if self._has_weights else set()
        for node in nodes:
            if node.id in whole and node.id not in self._sums:
                self._sums.add(node.id)
                stable = by_complements(self.old, node)
                self._new[node.id] = self._node(node) if stable is None else self.rewrite([stable])[0]
            elif node.id not in self._new:
                self._new[node.id] = self._node(node)
        return [self._new[r.id] for r in roots]

    def _whole_sums(self, nodes: Sequence[Node], roots: Sequence[Node]) -> set[int]:
        """Sums and differences that are used as more than a part of another one."""
        used = {r.id for r in roots}
        for node in reversed(nodes):
            stage = self.old.stages.get(str(node.value)) if node.op == "read" else None
            used.update(r.id for r in (stage.roots if stage is not None else ()))
            if node.op not in ("add", "sub") and (node.op != "neg" or node.id in used):
                used.update(a.id for a in node.args)
        return {node.id for node in nodes if node.op in ("add", "sub") and node.id in used}

    def _node(self, node: Node) -> Node:
        g = self.graph
        args = [self._new[a.id] for a in node.args]
        if (product := complemented(self.old, node)) is not None:
            return self.rewrite([product])[0]
        match node.op, node.args:
            case "read", _:
                return self._read(str(node.value), args)
            case "softmax_weight", (_, s) if self._is_logsumexp(s):
                return self._weight(args[0], self._at(s))
            case "softmax_weight", (e, s) if s.op == "stop_gradient":  # the greatest of some
                return g.apply("exp", g.apply("guarded_sub" if is_steep(self.old, e) else "sub", *args))
            case "softmax_complement", (_, s) if self._is_logsumexp(s):
                return self._complement(args[0], self._at(s))
            case "sub", (s, b) if self._is_logsumexp(s) and (number := number_of_terms(self.old, b, s)):
                parts = self._at(s)
                return parts.peak + self._log_mean(parts, self._new[number.id])
            case "sub", (b, s) if self._is_logsumexp(s) and (number := number_of_terms(self.old, b, s)):
                parts = self._at(s)
                return -self._log_mean(parts, self._new[number.id]) - parts.peak
            case "sub", (_, s) if self._is_logsumexp(s):
                parts = self._at(s)
                return (args[0] - parts.peak) - self._log(parts)
            case "sub", (s, _) if self._is_logsumexp(s):
                parts = self._at(s)
                return self._log(parts) + (parts.peak - args[1])
        return g.rebuild(node, args)

    # ------------------------------------------------------------ logsumexp

    def _is_logsumexp(self, node: Node) -> bool:
        stage = self.old.stages.get(str(node.value)) if node.op == "read" else None
        return stage is not None and stage.op == "logsumexp"

    def _at(self, read: Node) -> Exponentials:
        """The parts of the logsumexp that is read, at the position of the read."""
        self._stage(str(read.value))
        out = self.old.stages[str(read.value)].out
        mapping = {k: self._new[a.id] for k, a in zip(out, read.args, strict=True)}
        return self._exponentials[str(read.value)].at(self.graph, mapping)

    def _logsumexp(self, stage: Stage, where: Node | None, body: Node) -> Exponentials:
        g = self.graph
        peak = self.table.value(f"peak_{stage.name}", stage.out, "max", stage.reduced, where, body)
        finite = g.apply("lt", g.apply("abs", peak), g.const("inf"))
        shift = self._without_gradient(g.where(finite, peak, g.const(0)))
        below = g.apply("exp", body - shift)
        total = self.table.value(f"total_{stage.name}", stage.out, "sum", stage.reduced, where, below)
        smaller = g.apply("fraction", self._without_gradient(below))
        others = self.table.value(f"others_{stage.name}", stage.out, "sum", stage.reduced, where, smaller)
        less = g.apply("expm1", body - shift)
        lack = self.table.value(f"lack_{stage.name}", stage.out, "sum", stage.reduced, where, less)
        return Exponentials(self._without_gradient(peak), shift, total, others, lack)

    def _without_gradient(self, node: Node) -> Node:
        """What autograd is to take for a constant."""
        return node

    def _rest(self, parts: Exponentials) -> Node:
        """The total without the greatest element; 0 of nothing."""
        g = self.graph
        return g.where(self._is_certain(parts), parts.others, parts.total - g.const(1))

    def _is_certain(self, parts: Exponentials) -> Node:
        """Whether the greatest element has more than half of the total, or there is none."""
        return self.graph.apply("lt", parts.total, self.graph.const(2))

    def _log(self, parts: Exponentials) -> Node:
        """The logsumexp minus its peak: 0 of nothing, whose peak is -inf."""
        return self.graph.apply("log1p", self._rest(parts))

    def _log_mean(self, parts: Exponentials, number: Node) -> Node:
        """The logarithm of the mean of the exponentials; 0 of nothing, whose peak is -inf."""
        g = self.graph
        near = g.apply("gt", 2 * parts.total, number)
        return g.where(near, g.apply("log1p", parts.lack / number), g.apply("log", self._divisor(parts) / number))

    def _divisor(self, parts: Exponentials) -> Node:
        g = self.graph
        return g.where(g.apply("eq", parts.total, g.const(0)), g.const(1), parts.total)

    def _weight(self, element: Node, parts: Exponentials) -> Node:
        return self.graph.apply("exp", element - parts.shift) / self._divisor(parts)

    def _complement(self, element: Node, parts: Exponentials) -> Node:
        """1 - weight, as the weight of all but the greatest, plus what the element lacks to the greatest."""
        g = self.graph
        divisor = self._divisor(parts)
        others = g.where(self._is_certain(parts), parts.others / divisor, g.const(1) - g.const(1) / divisor)
        return others + (g.const(1) - g.apply("exp", element - parts.shift)) / divisor

    # ------------------------------------------------------------ stages

    def _read(self, name: str, args: Sequence[Node]) -> Node:
        g = self.graph
        if name in self.old.arrays:
            return g.read(name, args)
        stage = self.old.stages[name]
        self._stage(name)
        if name in self._exponentials:
            parts = self._exponentials[name]
            value = parts.peak + self._log(parts)
        elif name in self._norms:
            value = self._norms[name]
        else:
            return g.read(self._stages[name], args)
        mapping = {k: a for k, a in zip(stage.out, args, strict=True) if a is not g.index(k)}
        return g.substitute(value, mapping)

    def _stage(self, name: str) -> None:
        if name in self._stages:
            return
        self._stages[name] = name
        stage = self.old.stages[name]
        where = None if stage.where is None else self._new[stage.where.id]
        body = self._new[stage.body.id]
        if stage.op == "logsumexp":
            self._exponentials[name] = self._logsumexp(stage, where, body)
        elif stage.op == "norm":
            self._norms[name] = self._norm(stage, where, body)
        else:
            positions = tuple((k, self._new[p.id]) for k, p in stage.positions)
            fresh = replace(stage, where=where, body=body, positions=positions)
            self._stages[name] = self.table.add(
                name, fresh.out, fresh.op, fresh.reduced, fresh.where, fresh.body, fresh.positions
            )

    def _norm(self, stage: Stage, where: Node | None, body: Node) -> Node:
        g = self.graph
        size = g.apply("abs", body)
        peak = self.table.value(f"peak_{stage.name}", stage.out, "max", stage.reduced, where, size)
        usable = g.both(g.apply("gt", peak, g.const(0)), g.apply("lt", peak, g.const("inf")))
        scale = g.where(usable, peak, g.const(1))
        ratio = body / scale
        total = self.table.value(f"squares_{stage.name}", stage.out, "sum", stage.reduced, where, ratio * ratio)
        return scale * g.apply("sqrt", total)


def expand(table: StageTable, roots: Mapping[str, Node]) -> tuple[StageTable, dict[str, Node]]:
    """The same values, by stages that every back end can print as they stand."""
    expansion = Expansion(table)
    rewritten = expansion.rewrite(list(roots.values()))
    return expansion.table, dict(zip(roots, rewritten, strict=True))
