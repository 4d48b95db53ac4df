"""Partial derivatives of a scalar expression with respect to every element that it reads, in one reverse pass.

Three things must not happen (each turns a finite derivative into NaN): an adjoint 0 that meets an infinite local
derivative behind a condition; a condition written as a multiplication; a product of a vanishing weight and a
derivative that is infinite there.  So a branch is differentiated with seed 1 and selected last.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from fractions import Fraction
from functools import cache
from typing import Any

from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import Graph, Node, reachable
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.pattern import Vocabulary
from lossdsl.rewrite.signs import sign

Partials = dict[Node, Node]
"""Read -> derivative of the expression with respect to that element."""

UNDERFLOWING = frozenset({"softmax_weight", "exp", "sigmoid"})
"""Functions that round to 0 where their logarithm, in the seed of an entropy, is still finite in exact arithmetic."""

FLAT = frozenset({"stop_gradient", "floor", "round", "sign", "whole"})
"""Functions with derivative 0 everywhere, by convention."""


class Differentiator:
    """Partials of expressions of one graph, for one set of active arrays (arguments and stages that depend on them)."""

    def __init__(self, table: StageTable, active: Set[str]) -> None:
        self.table = table
        self.graph: Graph = table.graph
        self._infinite: dict[int, bool] = {}
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
                    _accumulate(result, read, seed * partial)
            elif node.op == "guarded_mul":
                weight, value = node.args
                for read, partial in self.partials(value).items():
                    _accumulate(result, read, seed * g.apply("guarded_mul", weight, partial))
                if self.depends(weight):
                    adjoint[weight.id] = _plus(adjoint.get(weight.id), seed * value)
            else:
                for arg, local in zip(node.args, derivative(g, node), strict=True):
                    if self.depends(arg):
                        adjoint[arg.id] = _plus(adjoint.get(arg.id), self._times(seed, local))
        return result

    def _times(self, seed: Node, local: Node) -> Node:
        """A link of the chain; a seed that can be exactly 0 stops a local derivative that can be infinite."""
        if local.is_const:
            return local * seed
        if local.op == "neg":
            return -self._times(seed, local.args[0])
        if local.op in UNDERFLOWING and self.can_be_infinite(seed):
            return self.graph.apply("guarded_mul", local, seed)
        if seed.is_const or not self.can_be_infinite(local) or self.never_zero(seed):
            return seed * local
        return self.graph.apply("guarded_mul", seed, local)

    def can_be_infinite(self, node: Node) -> bool:
        """Whether a derivative may be infinite or NaN at finite inputs, as far as its shape and domains tell."""
        return may_be_infinite(node, self._infinite, self.table)

    def never_zero(self, node: Node) -> bool:
        """Whether an adjoint is known to differ from 0; an exponential can underflow."""
        if node.op in ("neg", "mul", "div"):
            return all(self.never_zero(a) for a in node.args)
        return sign(self.table, node) == "positive" and not any(n.op == "exp" for n in reachable([node]))

    def _branches(self, order: list[Node]) -> None:
        """Differentiate branches from the inside out, so that nesting costs no recursion."""
        for node in order:
            if node.op in ("where", "guarded_mul"):
                for branch in node.args[1:]:
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


def may_be_infinite(root: Node, memo: dict[int, bool], table: StageTable) -> bool:
    """Whether an expression can be infinite or NaN at finite arguments, as far as its shape and domains tell."""
    for node in reachable([root], stop=lambda n: n.id in memo):
        if node.id not in memo:
            memo[node.id] = any(memo[a.id] for a in node.args) or not _is_finite(node, table)
    return memo[root.id]


def _is_finite(node: Node, table: StageTable) -> bool:
    """Whether the function is finite where its arguments are (short of overflow)."""
    if node.op in FINITE_OPS:
        return True
    if node.op == "read":  # extrema and logsumexp of nothing are infinite
        stage = table.stages.get(str(node.value))
        return stage is None or stage.where is None or stage.op not in ("max", "min", "logsumexp")
    if _is_one_number(node, table):
        return True
    match node.op, node.args:
        case "div", (_, b):
            return _at_least_some(node=b, table=table)
        case "pow", (a, p) if p.is_const and isinstance(p.value, Fraction):
            return p.value >= 0 or _at_least_some(a, table)
        case "exp", (x,):
            return sign(table, -x) != "any"
        case (("sqrt" | "sqrt1pm1"), (x,)):
            return sign(table, x) != "any"
        case ("log1p", (x,)):
            return sign(table, x) != "any"
        case ("log", (x,)):
            return _at_least_some(x, table)
    return False


def _is_one_number(node: Node, table: StageTable) -> bool:
    """Whether the node depends on hyperparameters only, so that it is the same for the whole call."""
    return not node.free and not any(n.op == "read" and _is_array(table, n) for n in reachable([node]))


def _is_array(table: StageTable, read: Node) -> bool:
    array = table.arrays.get(str(read.value))
    return array is None or array.role != "hyper"


def _at_least_some(node: Node, table: StageTable) -> bool:
    """Whether the expression is bounded away from 0: a positive constant plus something that is not negative."""
    match node.op, node.args:
        case "const", ():
            return isinstance(node.value, Fraction) and node.value != 0
        case "add", (a, b):
            signs = sign(table, a), sign(table, b)
            return "any" not in signs and (_at_least_some(a, table) or _at_least_some(b, table))
        case "max", args:
            return any(_at_least_some(a, table) and sign(table, a) == "positive" for a in args)
        case "mul", (a, b):
            return _at_least_some(a, table) and _at_least_some(b, table)
        case (("sqrt" | "abs"), (a,)):
            return _at_least_some(a, table)
    return _is_one_number(node, table)


FINITE_OPS = frozenset({
    "const", "index", "extent", "whole", "add", "sub", "mul", "neg", "abs", "sign", "max", "min", "clip",
    "relu", "sigmoid", "tanh", "sin", "cos", "atan", "erf", "erfc", "normal_cdf", "softplus", "log_sigmoid", "logcosh",
    "logaddexp", "softmax_weight", "where", "floor", "round", "stop_gradient", "lt", "le", "gt", "ge", "eq", "ne",
    "and", "or", "not", "guarded_mul",
})  # fmt: skip
"""Functions with finite values at finite arguments (short of overflow)."""


def may_be_masked(root: Node, masked_arrays: Set[str], memo: dict[int, bool]) -> bool:
    """Whether an adjoint can be exactly 0 because what it belongs to was not evaluated."""
    for node in reachable([root], stop=lambda n: n.id in memo):
        if node.id not in memo:
            own = node.op == "where" or (node.op == "read" and node.value in masked_arrays)
            memo[node.id] = own or any(memo[a.id] for a in node.args)
    return memo[root.id]
