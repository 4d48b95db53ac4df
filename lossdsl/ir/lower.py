"""From the checked tree to stages: bindings become nodes, reductions become stages.

A binding is lowered once, over its own indices, and read by substitution; a reduction becomes a stage over the indices
that are free in it.  `mean` becomes a sum over a count, `softmax` an exponential weight of a logsumexp, `cumsum` a sum
over the positions before: what the calculus has to know stays small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from lossdsl.diagnostics import CompilerBug
from lossdsl.ir.bounds import clamped, in_range
from lossdsl.ir.graph import Graph, Index, Node
from lossdsl.ir.stage import Array, BoundRead, StageTable, fresh_index
from lossdsl.meaning import core
from lossdsl.meaning.core import Extent, Kind, Var
from lossdsl.rewrite.singularities import removed
from lossdsl.rewrite.unit import UNIT_ARRAYS

Scope = dict[Var, Index]


@dataclass
class Lowered:
    """A loss as a program: the element at each position of `free`, under `mask`, and what is exported beside it."""

    source: core.Program
    graph: Graph
    table: StageTable
    free: tuple[Index, ...]
    element: Node
    mask: Node | None
    terms: dict[str, Node] = field(default_factory=dict)
    predictions: dict[str, tuple[tuple[Index, ...], Node]] = field(default_factory=dict)
    names: dict[str, Node] = field(default_factory=dict)
    """Bindings by the names that users gave them, for readable code."""
    parts: dict[str, frozenset[int]] = field(default_factory=dict)
    """For each exported binding, and "" for the element, the ids of the bindings that it is made of."""

    @property
    def reduction(self) -> str | None:
        return self.source.reduction

    def differentiable(self) -> list[str]:
        """The arguments that gradients are taken with respect to, predictions first."""
        return [a.name for a in self.source.args if a.role == "prediction"] + [
            a.name for a in self.source.args if a.role == "learn"
        ]


def length(index: Index) -> Extent:
    if index.low == core.ZERO:
        return index.high
    return Extent("sub", (index.high, index.low))


def lower(program: core.Program, rewrite: bool = True) -> Lowered:
    """The program of a checked loss; with `rewrite`, the stability rules fire on the way."""
    graph = Graph()
    table = StageTable(graph)
    if rewrite:
        from lossdsl.rewrite import stabiliser

        graph.rewrites = stabiliser(table)
    lowering = _Lowering(program, graph, table, rewrite)
    for arg in program.args:
        table.add_array(Array(arg.name, arg.axes, arg.role, _array_kind(arg), _sign(arg), _is_bounded(arg)))
        if _is_unit(arg):
            table.facts.setdefault(UNIT_ARRAYS, {})[arg.name] = True
    for let in program.lets:
        lowering.binding(let)
    scope: Scope = {}
    free = tuple(lowering.bind(var, scope) for var in program.free)
    element = lowering.settled(lowering.expression(program.element, scope))
    mask = None if program.mask is None else lowering.expression(program.mask, scope)
    lowered = Lowered(program, graph, table, free, element, mask)
    lowered.parts[""] = lowering.parts[0]
    for let in program.lets:
        indices, node = lowering.bindings[id(let)]
        lowered.parts[let.name] = lowering.parts[id(let)]
        if let.role == "term" and let.kind != "bool":
            lowered.terms[let.name] = lowering.settled(node)
        elif let.role == "predict":
            lowered.predictions[let.name] = (indices, lowering.settled(node))
        if not let.name.startswith("_"):
            lowered.names.setdefault(let.name, node)
    graph.rewrites = None
    return lowered


def _array_kind(arg: core.Arg) -> Kind:
    """Labels are whole numbers, so that they can be positions; {0, 1} and {-1, 1} stay numbers, as they are weights."""
    return "int" if arg.whole and any(a.kind == "axis" for a in arg.domain) else "real"


def _sign(arg: core.Arg) -> Literal["positive", "nonnegative", "any"]:
    """The sign that the domain promises for every element."""
    lows = [_lowest(a) for a in arg.domain]
    if not lows or any(low is None or low < 0 for low, _ in lows):
        return "any"
    return "positive" if all(low > 0 or is_open for low, is_open in lows if low is not None) else "nonnegative"


def _is_bounded(arg: core.Arg) -> bool:
    return bool(arg.domain) and all(
        a.kind != "interval" or (isinstance(a.low, Fraction) and isinstance(a.high, Fraction)) for a in arg.domain
    )


def _is_unit(arg: core.Arg) -> bool:
    """Whether every element lies in [0, 1]."""

    def inside(alternative: core.Alternative) -> bool:
        match alternative.kind:
            case "set":
                return all(0 <= value <= 1 for value in alternative.values)
            case "interval":
                low, high = alternative.low, alternative.high
                return isinstance(low, Fraction) and isinstance(high, Fraction) and low >= 0 and high <= 1
        return False

    return bool(arg.domain) and all(inside(alternative) for alternative in arg.domain)


def _lowest(alternative: core.Alternative) -> tuple[Fraction | None, bool]:
    """The least value of one set (None: not known, or unbounded), and whether it is left out."""
    match alternative.kind:
        case "set":
            return min(alternative.values), False
        case "axis":
            return Fraction(0), False
        case "interval" if isinstance(alternative.low, Fraction):
            return alternative.low, alternative.low_open
    return None, False


class _Lowering:
    def __init__(self, program: core.Program, graph: Graph, table: StageTable, rewrite: bool) -> None:
        self.program, self.graph, self.table, self.rewrite = program, graph, table, rewrite
        self.bindings: dict[int, tuple[tuple[Index, ...], Node]] = {}
        self.owner = 0
        self.parts: dict[int, frozenset[int]] = {0: frozenset({0})}

    def settled(self, node: Node) -> Node:
        """A whole formula, with its limits at the removable singularities of hyperparameters."""
        return removed(self.table, self.program.args, node) if self.rewrite else node

    def bind(self, var: Var, scope: Scope) -> Index:
        index = fresh_index(Index(var.name, var.low, clamped(var.low, var.high)), scope.values())
        scope[var] = index
        return index

    def binding(self, let: core.Let) -> None:
        scope: Scope = {}
        indices = tuple(self.bind(var, scope) for var in let.vars)
        self.hint = let.name
        self.owner, self.parts[id(let)] = id(let), frozenset({id(let)})
        self.bindings[id(let)] = (indices, self.expression(let.expr, scope))
        self.owner = 0

    def expression(self, root: core.Expr, scope: Scope) -> Node:
        """The node of an expression; a loop over an explicit stack, since sums of thousands of terms are deep."""
        done: dict[int, Node] = {}
        stack: list[core.Expr] = [root]
        while stack:
            expr = stack[-1]
            if id(expr) in done:
                stack.pop()
                continue
            missing = [e for e in _children(expr) if id(e) not in done]
            if missing:
                stack.extend(reversed(missing))
                continue
            stack.pop()
            done[id(expr)] = self._node(expr, scope, done)
        return done[id(root)]

    def _node(self, expr: core.Expr, scope: Scope, done: dict[int, Node]) -> Node:
        g = self.graph
        match expr:
            case core.Num(value=value):
                return g.const(value)
            case core.Index(var=var):
                return g.index(scope[var])
            case core.Size(extent=extent):
                return g.extent(extent)
            case core.Read(array=array, indices=indices):
                positions = [done[id(i)] for i in indices]
                if isinstance(array, core.Arg):
                    return self._argument(array, positions)
                return self._read(array, positions, self._guard(expr, scope))
            case core.Apply(function=function, args=args):
                return g.apply(function, *(done[id(a)] for a in args))
            case core.If(condition=condition, then=then, otherwise=otherwise):
                return g.where(done[id(condition)], done[id(then)], done[id(otherwise)])
            case core.Reduce():
                return self._reduce(expr, scope)
            case core.Along():
                return self._along(expr, scope, done[id(expr.at)])
        raise CompilerBug(f"no lowering for {type(expr).__name__}")

    def _argument(self, arg: core.Arg, positions: Sequence[Node]) -> Node:
        return self.graph.read(arg.name, [_whole(self.graph, p) for p in positions])

    def _guard(self, read: core.Read, scope: Scope) -> Node:
        """The condition under which the read is made."""
        g = self.graph
        conditions = [(self.expression(condition, scope), truth) for condition, truth in read.guards]
        return g.both(*(c if truth else g.apply("not", c) for c, truth in conditions))

    def _read(self, let: core.Let, positions: Sequence[Node], guard: Node) -> Node:
        indices, node = self.bindings[id(let)]
        self.parts[self.owner] |= self.parts[id(let)]
        mapping = {
            i: _whole(self.graph, p) for i, p in zip(indices, positions, strict=True) if p is not self.graph.index(i)
        }
        memo: dict[int, Node] = {}
        result = self.graph.substitute(node, mapping, memo)
        self._check_again(mapping, memo)
        for axis, (index, position) in enumerate(zip(indices, positions, strict=True)):
            whole = _whole(self.graph, position)
            if not result.is_const and not in_range(self.graph, whole, index.low, index.high):
                self._check(result, BoundRead(let.name, axis, whole, index.low, index.high, guard, self.owner))
        return result

    def _check(self, node: Node, read: BoundRead) -> None:
        known = self.table.bound_reads.setdefault(node.id, [])
        if read not in known:
            known.append(read)

    def _check_again(self, mapping: Mapping[Index, Node], memo: dict[int, Node]) -> None:
        """Reads of other bindings in the one that was inlined, at the positions where they are now."""
        g = self.graph
        for number, reads in [(n, list(r)) for n, r in self.table.bound_reads.items() if n in memo]:
            for read in reads:
                position, where = (g.substitute(n, mapping, memo) for n in (read.position, read.where))
                if position is not read.position and not in_range(g, position, read.low, read.high):
                    self._check(memo[number], replace(read, position=position, where=where, owner=self.owner))

    def _free(self, scope: Scope, nodes: Sequence[Node | None], bound: Sequence[Index]) -> tuple[Index, ...]:
        free = frozenset().union(*(n.free for n in nodes if n is not None)) - frozenset(bound)
        return tuple(i for i in scope.values() if i in free)

    def _reduce(self, expr: core.Reduce, scope: Scope) -> Node:
        g = self.graph
        inner = dict(scope)
        bound = tuple(self.bind(var, inner) for var in expr.vars)
        body = self.settled(self.expression(expr.body, inner))
        where = None if expr.where is None else self.expression(expr.where, inner)
        out = self._free(scope, (body, where), bound)

        def stage(op: str, what: Node) -> Node:
            return self.table.value(_hint(op, self.hint), out, op, bound, where, what)

        match expr.op:
            case "count":
                return stage("sum", g.const(1)) if where is not None else _volume(g, bound)
            case "mean":
                count = stage("sum", g.const(1)) if where is not None else _volume(g, bound)
                return stage("sum", body) / g.apply("max", count, g.const(1))
            case "sum" if where is None and not (body.free & frozenset(bound)) and body.is_const:
                return body * _volume(g, bound)
            case _:
                return stage(expr.op, body)

    def _along(self, expr: core.Along, scope: Scope, at: Node) -> Node:
        g = self.graph
        inner = dict(scope)
        index = self.bind(expr.var, inner)
        body = self.expression(expr.body, inner)
        where = None if expr.where is None else self.expression(expr.where, inner)
        out = self._free(scope, (body, where), (index,))
        here = {index: at}
        if expr.op == "cumsum":
            last = fresh_index(index, inner.values())
            before = g.both(g.apply("le", g.index(index), g.index(last)), *([where] if where is not None else []))
            name = self.table.add(_hint("cumsum", self.hint), (*out, last), "sum", (index,), before, body)
            return self.table.read(name, (*(g.index(i) for i in out), at))
        total = self.table.value(_hint("logsumexp", self.hint), out, "logsumexp", (index,), where, body)
        body_here = g.substitute(body, here)
        if expr.op == "softmax":
            value, left_out = g.apply("softmax_weight", body_here, total), g.const(0)
        else:
            value, left_out = body_here - total, g.const("-inf")
        return value if where is None else g.where(g.substitute(where, here), value, left_out)

    hint: str = "value"


def _hint(op: str, binding: str) -> str:
    """A name for the stage: that of the binding it stands in, and what it does."""
    return f"{op}_{binding}" if binding and not binding.startswith("_") else op


def _whole(g: Graph, position: Node) -> Node:
    """A position as a whole number; data that the formula indexes with is checked to be whole at the call."""
    return position if position.kind == "int" else g.raw("whole", position)


def _volume(g: Graph, indices: Sequence[Index]) -> Node:
    return g.product(g.extent(length(i)) for i in indices)


def _children(expr: core.Expr) -> tuple[core.Expr, ...]:
    """Sub-expressions in the same scope."""
    match expr:
        case core.Read(indices=indices):
            return indices
        case core.Apply(args=args):
            return args
        case core.If(condition=condition, then=then, otherwise=otherwise):
            return (condition, then, otherwise)
        case core.Along(at=at):
            return (at,)
    return ()
