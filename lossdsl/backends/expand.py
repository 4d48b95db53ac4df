"""Reductions that need care in floating point, spelled out as stages: logsumexp, softmax weights, norms.

logsumexp becomes a peak, a sum of exponentials below it and a logarithm; the weight of a softmax the quotient of such
an exponential and the sum.  The exponentials of the value and of the gradient are then one node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lossdsl.ir.graph import Graph, Node, reachable
from lossdsl.ir.stage import Stage, StageTable


def stage_nodes(table: StageTable, roots: Sequence[Node]) -> list[Node]:
    """Every node that the roots need, through stages too; arguments before users."""
    seen: dict[int, Node] = {}
    pending = list(roots)
    done: set[str] = set()
    while pending:
        for node in reachable(pending, stop=lambda n: n.id in seen):
            seen[node.id] = node
        reads = {str(n.value) for n in seen.values() if n.op == "read"} - done
        done |= reads
        pending = [r for name in reads if name in table.stages for r in table.stages[name].roots]
    return [seen[i] for i in sorted(seen)]


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
        self._parts: dict[str, tuple[Node, Node, Stage]] = {}

    def rewrite(self, roots: Sequence[Node]) -> list[Node]:
        """The roots, rewritten."""
        for node in stage_nodes(self.old, roots):
            if node.id not in self._new:
                self._new[node.id] = self._node(node)
        return [self._new[r.id] for r in roots]

    def _node(self, node: Node) -> Node:
        g = self.graph
        args = [self._new[a.id] for a in node.args]
        if node.op == "read":
            return self._read(str(node.value), args)
        if node.op == "softmax_weight" and self._is_logsumexp(node.args[1]):
            peak, total = self._at(node.args[1])
            safe = g.where(g.apply("eq", total, g.const(0)), g.const(1), total)
            return g.apply("exp", args[0] - peak) / safe
        if node.op == "sub":
            a, b = node.args
            if self._is_logsumexp(b):
                peak, total = self._at(b)
                return (args[0] - peak) - self._log(total)
            if self._is_logsumexp(a):
                peak, total = self._at(a)
                return self._log(total) + (peak - args[1])
        return g.rebuild(node, args)

    def _is_logsumexp(self, node: Node) -> bool:
        stage = self.old.stages.get(str(node.value)) if node.op == "read" else None
        return stage is not None and stage.op == "logsumexp"

    def _at(self, read: Node) -> tuple[Node, Node]:
        """Peak and sum of the logsumexp that is read, at the position of the read."""
        g = self.graph
        self._stage(str(read.value))
        peak, total, stage = self._parts[str(read.value)]
        mapping = {k: self._new[a.id] for k, a in zip(stage.out, read.args, strict=True)}
        return g.substitute(peak, mapping), g.substitute(total, mapping)

    def _read(self, name: str, args: Sequence[Node]) -> Node:
        g = self.graph
        if name in self.old.arrays:
            return g.read(name, args)
        stage = self.old.stages[name]
        self._stage(name)
        if name in self._parts:
            value, total, _ = self._parts[name]
            if stage.op == "logsumexp":
                value = value + self._log(total)
            mapping = {k: a for k, a in zip(stage.out, args, strict=True) if a is not g.index(k)}
            return g.substitute(value, mapping)
        return g.read(self._stages[name], args)

    def _stage(self, name: str) -> None:
        if name in self._stages:
            return
        self._stages[name] = name
        stage = self.old.stages[name]
        where = None if stage.where is None else self._new[stage.where.id]
        body = self._new[stage.body.id]
        if stage.op == "logsumexp":
            self._parts[name] = (*self._logsumexp(stage, where, body), stage)
        elif stage.op == "norm":
            self._parts[name] = (self._norm(stage, where, body), body, stage)
        else:
            positions = tuple((k, self._new[p.id]) for k, p in stage.positions)
            fresh = replace(stage, where=where, body=body, positions=positions)
            self._stages[name] = self.table.add(
                name, fresh.out, fresh.op, fresh.reduced, fresh.where, fresh.body, fresh.positions
            )

    def _logsumexp(self, stage: Stage, where: Node | None, body: Node) -> tuple[Node, Node]:
        g = self.graph
        peak = self.table.value(f"peak_{stage.name}", stage.out, "max", stage.reduced, where, body)
        finite = g.apply("lt", g.apply("abs", peak), g.const("inf"))
        shift = g.where(finite, peak, g.const(0))
        below = g.apply("exp", body - shift)
        return shift, self.table.value(f"total_{stage.name}", stage.out, "sum", stage.reduced, where, below)

    def _log(self, total: Node) -> Node:
        """The logarithm of a sum of exponentials, -inf where nothing was summed."""
        return self.graph.apply("log", total)

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
