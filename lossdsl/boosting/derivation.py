"""The programs behind an objective: the loss of each element, its gradient and its Hessian by score, for one row.

Derivatives are those of the sum over rows, each row with weight 1: never divided by the number of rows, so that limits
on the sum of the Hessian in a leaf mean what they mean for the objectives that a library has built in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lossdsl.boosting.rows import Roles, is_average
from lossdsl.boosting.substitution import Substitution, arrays_as, reads, same
from lossdsl.calculus.gradient import SEED, gradient, needed_stages
from lossdsl.calculus.hessian import hessian_diagonal
from lossdsl.calculus.partials import Differentiator
from lossdsl.diagnostics import Span
from lossdsl.ir.graph import Graph, Index, Node, reachable
from lossdsl.ir.lower import Lowered, lower
from lossdsl.ir.stage import StageTable, fresh_index
from lossdsl.meaning.core import ZERO, Arg, Extent, Program
from lossdsl.rewrite.finite import may_be_infinite


@dataclass(frozen=True)
class Output:
    """A node and the indices of the array that it fills."""

    node: Node
    indices: tuple[Index, ...]


class NotDerivable(Exception):
    """A second derivative does not fit the loss; says why, and where in the formula if it is one place."""

    def __init__(self, message: str, span: Span | None = None) -> None:
        super().__init__(message)
        self.span = span


@dataclass
class Derivation:
    """The lowered loss, and its derivatives by the name of each prediction."""

    program: Program
    roles: Roles
    lowered: Lowered
    gradient: dict[str, Output]
    diagonal: dict[str, Output]
    """The exact diagonal of the Hessian."""

    @property
    def table(self) -> StageTable:
        return self.lowered.table

    @property
    def graph(self) -> Graph:
        return self.lowered.graph

    @property
    def only(self) -> str:
        """The name of the prediction, where there is one."""
        return self.roles.scores[0].name

    @property
    def rows(self) -> Extent:
        return self.roles.scores[0].axes[0]

    def depends(self, node: Node, *names: str) -> bool:
        """Whether a node reads one of these arguments."""
        return reads(self.table, node, frozenset(names))

    def is_local(self, outputs: Sequence[Output]) -> bool:
        """Whether what the outputs hold for a row is made of that row alone."""
        roots = [output.node for output in outputs]
        stages = needed_stages(self.table, roots)
        nodes = reachable([*roots, *(root for stage in stages for root in stage.roots)])
        if any(index.high == self.rows for stage in stages for index in stage.reduced):
            return False
        return not any(node.op == "extent" and node.value == self.rows for node in nodes)

    def derivative(self, node: Node, name: str) -> Node | None:
        """d node / d array at the same position, of an elementwise node; None if it is read at several."""
        partials = Differentiator(self.table, {name}).partials(node)
        if len(partials) > 1:
            return None
        return next(iter(partials.values()), self.graph.const(0))


def derive(program: Program, roles: Roles, additive: bool = True) -> Derivation:
    """The gradient and the diagonal of the Hessian with respect to each prediction."""
    lowered = lower(program)
    if additive and program.reduction is None:
        lowered = _by_rows(lowered, roles)
    table, graph = lowered.table, lowered.graph
    names = [a.name for a in roles.scores]
    seeded = gradient(lowered, names).by_name
    weight = graph.const(1)
    if lowered.reduction is None and is_average(program):
        weight = graph.extent(roles.scores[0].axes[0])
    unweighted = arrays_as(table, {SEED: lambda _: weight})
    tidy = Tidy(table, roles.target)
    grads = {name: Output(tidy.of(unweighted.of(node)), at) for name, (at, node) in seeded.items()}
    exact = {
        name: Output(tidy.of(hessian_diagonal(table, name, output.indices, output.node)), output.indices)
        for name, output in grads.items()
    }
    return Derivation(lowered.source, roles, lowered, grads, exact)


class Tidy:
    """Exact simplifications that need to know what is data."""

    def __init__(self, table: StageTable, target: Arg | None) -> None:
        self.table, self.target = table, target
        self._unguarded = Substitution(table, self._product)

    def of(self, node: Node) -> Node:
        return self._without_target(self._unguarded.of(node))

    def _product(self, node: Node, args: Sequence[Node]) -> Node | None:
        """A product of numbers that are finite needs no guard."""
        if node.op != "guarded_mul" or any(may_be_infinite(self.table, a) for a in args):
            return None
        return args[0] * args[1]

    def _without_target(self, node: Node) -> Node:
        """y*h + (1 - y)*h is h: the node at one target, where it is affine in the target and the same at two."""
        target = self.target
        if target is None or not target.axes or not reads(self.table, node, frozenset({target.name})):
            return node
        graph = self.table.graph
        if self.table.arrays[target.name].kind != "real":
            return node
        first, second = {0, 1} if not _is_sign(target) else {-1, 1}
        at = [arrays_as(self.table, {target.name: lambda _, v=v: graph.const(v)}).of(node) for v in (first, second)]  # type: ignore[misc]
        if not same(*at) or not (_is_sign(target) or self._is_affine(node, target.name)):
            return node
        return at[0]

    def _is_affine(self, node: Node, name: str) -> bool:
        partials = Differentiator(self.table, {name}).partials(node)
        if len(partials) == 1:
            return not reads(self.table, next(iter(partials.values())), frozenset({name}))
        return not partials and self._is_polynomial(node, name)

    def _is_polynomial(self, node: Node, name: str) -> bool:
        """Whether the derivative says all: nothing that is flat in between, such as a condition, reads the array."""
        reading = [n for n in reachable([node]) if reads(self.table, n, frozenset({name}))]
        return all(n.op in POLYNOMIAL or n.value == name for n in reading)


POLYNOMIAL = frozenset({"add", "sub", "neg", "mul", "guarded_mul"})


def _is_sign(arg: Arg) -> bool:
    """Whether the domain is {-1, 1}."""
    return len(arg.domain) == 1 and set(arg.domain[0].values) == {-1, 1}


# ---------------------------------------------------------------- sums over rows


def _by_rows(lowered: Lowered, roles: Roles) -> Lowered:
    """A loss made of sums over rows as a loss with one element a row: `mean[n](a) + 2*mean[n](b)` as a[n] + 2*b[n]."""
    splitting = _Split(lowered, roles)
    row = splitting.of(lowered.element)
    if row is None:
        return lowered
    average = is_average(lowered.source)
    element = lowered.graph.extent(splitting.row.high) * row if average else row
    source = replace(lowered.source, reduction="mean" if average else "sum")
    return replace(lowered, source=source, element=element, free=(splitting.row,), mask=None)


class _Split:
    """The share of one row in a number that is linear in sums over rows."""

    def __init__(self, lowered: Lowered, roles: Roles) -> None:
        self.lowered, self.table, self.graph = lowered, lowered.table, lowered.graph
        self.names = frozenset(a.name for a in roles.scores)
        rows = roles.scores[0].axes[0]
        taken = [i for stage in self.table.stages.values() for i in (*stage.out, *stage.reduced)]
        self.row = fresh_index(Index("rest" if rows.name == ".." else rows.name, ZERO, rows), taken)

    def of(self, node: Node) -> Node | None:
        if not reads(self.table, node, self.names):
            return node / self.graph.extent(self.row.high)
        match node.op:
            case "add" | "sub" | "neg":
                parts = [self.of(a) for a in node.args]
                return None if None in parts else self.graph.apply(node.op, *(p for p in parts if p is not None))
            case "mul" | "guarded_mul" | "div":
                return self._scaled(node)
            case "where" if not reads(self.table, node.args[0], self.names):
                sides = [self.of(a) for a in node.args[1:]]
                return None if None in sides else self.graph.where(node.args[0], *(s for s in sides if s is not None))
            case "read":
                return self._summand(node)
        return None

    def _scaled(self, node: Node) -> Node | None:
        which = [reads(self.table, a, self.names) for a in node.args]
        if all(which) or (node.op == "div" and which[1]):
            return None
        args = [self.of(a) if dependent else a for a, dependent in zip(node.args, which, strict=True)]
        return None if None in args else self.graph.apply(node.op, *(a for a in args if a is not None))

    def _summand(self, read: Node) -> Node | None:
        stage = self.table.stages.get(str(read.value))
        if stage is None or stage.op != "sum" or stage.out or stage.positions:
            return None
        along = [i for i in stage.reduced if (i.low, i.high) == (ZERO, self.row.high)]
        if len(along) != 1:
            return None
        mapping = {along[0]: self.graph.index(self.row)}
        body = self.graph.substitute(stage.body, mapping)
        where = self.graph.const(True) if stage.where is None else self.graph.substitute(stage.where, mapping)
        rest = tuple(i for i in stage.reduced if i is not along[0])
        if rest:
            return self.table.value(f"{stage.name}_row", (self.row,), "sum", rest, where, body)
        return self.graph.where(where, body, self.graph.const(0))
