"""Partial derivatives of a scalar expression with respect to every element that it reads, in one reverse pass.

Three things must not happen (each turns a finite derivative into NaN): an adjoint 0 that meets an infinite local
derivative behind a condition; a condition written as a multiplication; a product of a vanishing weight and a
derivative that is infinite there.  So a branch is differentiated with seed 1 and selected last.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from functools import cache
from typing import Any

from lossdsl.calculus.compounds import compound
from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import Graph, Node, reachable
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.finite import adds_log_probability, product
from lossdsl.rewrite.pattern import Vocabulary

Partials = dict[Node, Node]
"""Read -> derivative of the expression with respect to that element."""

FLAT = frozenset({"stop_gradient", "floor", "round", "sign", "whole"})
"""Functions with derivative 0 everywhere, by convention."""


class Differentiator:
    """Partials of expressions of one graph, for one set of active arrays (arguments and stages that depend on them)."""

    def __init__(self, table: StageTable, active: Set[str]) -> None:
        self.table = table
        self.graph: Graph = table.graph
        self.active = active
        self._depends: dict[int, bool] = {}
        self._memo: dict[int, Partials] = {}

    def depends(self, root: Node) -> bool:
        """Whether the derivative of the node with respect to some active array can differ from 0."""
        for node in reachable([root], stop=lambda n: n.id in self._depends):
            if node.id not in self._depends:
                self._depends[node.id] = self._depends_on_args(node)
        return self._depends[root.id]

    def _depends_on_args(self, node: Node) -> bool:
        if node.op == "read":
            return node.kind == "real" and node.value in self.active
        if node.kind == "bool" or node.op in FLAT:
            return False
        args = node.args[1:] if node.op == "where" else node.args
        return any(self._depends[a.id] for a in args)

    def partials(self, root: Node) -> Partials:
        """The derivative of `root` with respect to each active read in it."""
        known = self._memo.get(root.id)
        if known is None:
            known = self._memo[root.id] = self._sweep(root) if self.depends(root) else {}
        return known

    def _sweep(self, root: Node) -> Partials:
        g = self.graph
        order = [n for n in reachable([root], stop=lambda n: not self.depends(n)) if self.depends(n)]
        self._branches(order)
        adjoint: dict[int, Node] = {root.id: g.const(1)}
        result: Partials = {}
        for node in reversed(order):
            seed = adjoint.pop(node.id, None)
            if seed is None:
                continue
            if node.op == "read":
                _accumulate(result, node, seed)
            elif node.op == "where":
                for read, partial in self._selected(node).items():
                    _accumulate(result, read, self.times(seed, partial))
            elif node.op == "guarded_mul":
                weight, value = node.args
                for read, partial in self.partials(value).items():
                    _accumulate(result, read, self.times(seed, g.apply("guarded_mul", weight, partial)))
                if adds_log_probability(value):  # the slope of the weight is 0 where the value is infinite
                    for read, partial in self.partials(weight).items():
                        _accumulate(result, read, self.times(seed, g.apply("guarded_mul", partial, value)))
                elif self.depends(weight):
                    adjoint[weight.id] = _plus(adjoint.get(weight.id), self.times(seed, value))
            else:
                for below, local in compound(self.table, node) or zip(node.args, derivative(g, node), strict=True):
                    if self.depends(below):
                        adjoint[below.id] = _plus(adjoint.get(below.id), self.times(seed, local))
        return result

    def times(self, seed: Node, local: Node) -> Node:
        """A link of the chain; what is exactly 0 stops what is infinite."""
        return product(self.table, seed, local)

    def _branches(self, order: list[Node]) -> None:
        """Differentiate branches from the inside out, so that nesting costs no recursion."""
        for node in order:
            if node.op in ("where", "guarded_mul"):
                both = node.op == "guarded_mul" and adds_log_probability(node.args[1])
                for branch in node.args if both else node.args[1:]:
                    if branch.id not in self._memo:
                        self.partials(branch)

    def _selected(self, node: Node) -> Partials:
        condition, then, otherwise = node.args
        first, second = self.partials(then), self.partials(otherwise)
        zero = self.graph.const(0)
        return {
            read: self.graph.where(condition, first.get(read, zero), second.get(read, zero))
            for read in dict.fromkeys((*first, *second))
        }


def _accumulate(result: Partials, read: Node, value: Node) -> None:
    result[read] = _plus(result.get(read), value)


def _plus(total: Node | None, value: Node) -> Node:
    return value if total is None else total + value


def derivative(graph: Graph, node: Node) -> tuple[Node, ...]:
    """The local partial derivatives of a scalar function, from its row of the table."""
    match node.op, node.args:
        case "mul", (a, b):
            return (b, a)
        case "pow", (a, p) if p.is_const and not p.is_value(0):
            return (p * a ** (p - 1), graph.const(0))
    rule = _rule(node.op, len(node.args))
    values = rule(Vocabulary(graph), *node.args)
    return tuple(graph.node(v) for v in values)


@cache
def _rule(name: str, arity: int) -> Callable[..., tuple[Any, ...]]:
    row = TABLE[name]
    if row.derivative is not None:
        return row.derivative
    from lossdsl.functions.derived import partials

    return partials(name, arity)


def may_be_masked(root: Node, masked_arrays: Set[str], memo: dict[int, bool]) -> bool:
    """Whether an adjoint can be exactly 0 because what it belongs to was not evaluated."""
    for node in reachable([root], stop=lambda n: n.id in memo):
        if node.id not in memo:
            own = node.op == "where" or (node.op == "read" and node.value in masked_arrays)
            memo[node.id] = own or any(memo[a.id] for a in node.args)
    return memo[root.id]
