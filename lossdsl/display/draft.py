"""A gradient as bindings over stages: what is printed, before it is put into words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lossdsl.calculus.gradient import gradient
from lossdsl.display.instances import Mapped, Shapes, instance
from lossdsl.display.names import Names
from lossdsl.display.plain import Plain
from lossdsl.display.rewriter import BINDING, Let, Rewriter, end_of, reduction, stage_nodes, volume
from lossdsl.ir.graph import Graph, Index, Node
from lossdsl.ir.lower import Lowered, lower
from lossdsl.ir.stage import Stage, StageTable, fresh_index
from lossdsl.meaning import core


@dataclass
class Draft:
    program: core.Program
    table: StageTable
    lets: list[Let]
    """In an order in which each uses earlier ones; the last is the result."""

    @property
    def graph(self) -> Graph:
        return self.table.graph

    def by(self, rewriter: Rewriter) -> Draft:
        """The same, with every definition rewritten; the rewriter may put bindings of its own before each."""
        lets: list[Let] = []
        for let in self.lets:
            finished = rewriter.finish(let)
            lets += [*rewriter.lets, *([] if finished is None else [finished])]
            rewriter.lets = []
        return Draft(self.program, rewriter.table, lets)


@dataclass
class Occurrences:
    """How often each node is written and each array is read, and the nodes that are at home in a long line.

    These are terms of sums, later cases of conditionals, and what a whole definition divides or multiplies.
    """

    uses: Counter[int]
    reads: Counter[str]
    spines: set[int]


def occurrences(draft: Draft) -> Occurrences:
    roots = [let.node for let in draft.lets]
    nodes = stage_nodes(draft.table, roots)
    stages = {str(n.value) for n in nodes if n.op == "read" and str(n.value) in draft.table.stages}
    uses = Counter(a.id for n in nodes for a in n.args)
    uses.update(r.id for r in roots)
    uses.update(r.id for s in stages for r in draft.table.stages[s].roots)
    reads: Counter[str] = Counter()
    for node in nodes:
        if node.op == "read":
            reads[str(node.value)] += uses[node.id]
    terms = {a.id for n in nodes if n.op in ("add", "sub") for a in n.args if a.op in ("add", "sub")}
    cases = {n.args[2].id for n in nodes if n.op == "where" and n.args[2].op == "where"}
    tops = {r.args[0].id for r in roots if r.op in ("div", "mul", "neg")}
    return Occurrences(uses, reads, terms | cases | tops)


def drafted(program: core.Program, wrt: str, exact: bool, names: Names) -> Draft:
    """The gradient of the loss, reduced as it is by default, with the bindings that its author named."""
    lowered = lower(program)
    derived_from = len(lowered.graph.nodes)
    target, node = gradient(lowered, [wrt]).by_name[wrt]
    plain = Plain(lowered.table, exact, derived_from)
    result = plain.rewrite(node)
    if program.reduction == "mean":
        result = plain.divided(result, _count(lowered, plain, target))
    named = [Let(name, indices, plain.rewrite(found)) for name, indices, found in _bindings(lowered)]
    naming = _Naming(plain.table, named, names)
    value = naming.rewrite(result)
    needed = _needed(naming.table, naming.lets, value)
    result_name = names.fresh("g" if "g" not in names.bound | names.sizes else f"grad_{wrt}")
    return Draft(program, naming.table, [*needed, Let(result_name, target, value)])


def _count(lowered: Lowered, plain: Plain, target: Sequence[Index]) -> Node:
    """The number of elements of the loss, at least one."""
    g = lowered.graph
    if lowered.mask is None:  # of an empty range nothing is divided, so that any number does
        number = volume(g, [Index(i.name, i.low, end_of(i)) for i in lowered.free])
        axes = {(i.low, i.high) for i in target}
        return number if all((i.low, i.high) in axes for i in lowered.free) else g.apply("max", number, g.const(1))
    mask = plain.rewrite(lowered.mask)
    number = reduction(plain.table, Stage("count", (), "sum", lowered.free, mask, g.const(1)))
    return g.apply("max", number, g.const(1))


def _bindings(lowered: Lowered) -> list[tuple[str, tuple[Index, ...], Node]]:
    """The bindings that have a name, each over its own indices."""
    result: dict[str, tuple[tuple[Index, ...], Node]] = {}
    shapes = Shapes(lowered.table)
    for let in lowered.source.lets:
        node = lowered.names.get(let.name)
        if node is None or let.name in result:
            continue
        indices: list[Index] = []
        for var in let.vars:
            indices.append(fresh_index(Index(var.name, var.low, var.high), indices))
        if node.free <= set(indices) and not _is_trivial(lowered.table, shapes, node):
            result[str(let.name)] = tuple(i for i in indices if i in node.free), node
    return [(name, indices, node) for name, (indices, node) in result.items()]


def _is_trivial(table: StageTable, shapes: Shapes, node: Node) -> bool:
    """A constant, a position, or an argument under another name."""
    if node.op == "read" and node.value in table.arrays:
        return all(a.op == "index" for a in node.args)
    return node.is_const or shapes.is_position(node)


def _needed(table: StageTable, lets: Sequence[Let], result: Node) -> list[Let]:
    """Those that the result uses, directly or through others."""
    used = _reads(table, [result])
    needed: list[Let] = []
    for let in reversed(lets):
        if BINDING + let.name in used:
            needed.append(let)
            used |= _reads(table, [let.node])
    return needed[::-1]


def _reads(table: StageTable, roots: Sequence[Node]) -> set[str]:
    return {str(n.value) for n in stage_nodes(table, roots) if n.op == "read"}


class _Naming(Rewriter):
    """Nodes that are a named binding at some position become reads of it."""

    def __init__(self, table: StageTable, named: Iterable[Let], names: Names) -> None:
        super().__init__(table)
        self.shapes = Shapes(table)
        self.names = names
        self.known: dict[int, list[Let]] = {}
        for let in named:
            known = self.known.setdefault(self.shapes.key(let.node), [])
            if all(other.node is not let.node for other in known):
                known.append(let)
        self.defined: dict[int, str] = {}
        """id of the node of a binding -> its name in the output."""

    def node(self, node: Node, args: Sequence[Node]) -> Node:
        return self._named(node, super().node(node, args))

    def read(self, node: Node, args: Sequence[Node]) -> Node:
        return self._named(node, super().read(node, args))

    def _named(self, node: Node, value: Node) -> Node:
        if node.is_const or self.shapes.is_position(node):
            return value
        for let in self.known.get(self.shapes.key(node), []):
            found = instance(self.graph, let.node, node)
            if found is not None:
                return self._occurrence(let, node, value, found)
        return value

    def _occurrence(self, let: Let, node: Node, value: Node, found: Mapped) -> Node:
        if let.node.id not in self.defined:
            if node is let.node:
                self._define(let, value)
            else:  # first met at another position: its definition is rewritten on the way
                self.rewrite(let.node)
        places = [self.rewrite(found.get(i, self.graph.index(i))) for i in let.indices]
        return self.graph.read(BINDING + self.defined[let.node.id], places)

    def _define(self, let: Let, value: Node) -> None:
        name = self.names.fresh(let.name)
        self.defined[let.node.id] = name
        self.graph.array_kinds[BINDING + name] = let.node.kind
        self.lets.append(Let(name, let.indices, value))
