"""A gradient as bindings over stages: what is printed, before it is put into words.

Bindings are arrays of the graph whose names start with `BINDING`, so that no stage or argument is mistaken for one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from lossdsl.calculus.gradient import gradient
from lossdsl.display.formula import NotExpressible
from lossdsl.display.instances import Mapped, Shapes, instance
from lossdsl.display.plain import NORMALISED, Plain, Rewriter, reduction, stage_nodes, volume
from lossdsl.ir.graph import Graph, Index, Node, reachable
from lossdsl.ir.lower import Lowered, lower
from lossdsl.ir.stage import Stage, StageTable, fresh_index
from lossdsl.meaning import core

BINDING = "="
"""What the array of a binding is called: this, and its name."""
FROM_SHARED = 4
"""A sub-expression of this many operations gets a name of its own if it occurs twice."""
FROM_LONG = 24
"""One of this many gets a name in any case, so that lines stay short."""


@dataclass
class Let:
    """`name[indices] = node`."""

    name: str
    indices: tuple[Index, ...]
    node: Node


@dataclass
class Draft:
    program: core.Program
    table: StageTable
    lets: list[Let]
    """In an order in which each uses earlier ones; the last is the result."""
    taken: set[str] = field(default_factory=set)

    @property
    def graph(self) -> Graph:
        return self.table.graph


def drafted(program: core.Program, wrt: str, exact: bool) -> Draft:
    """The gradient of the loss, reduced as it is by default, with the bindings that its author named."""
    lowered = lower(program)
    target, node = gradient(lowered, [wrt]).by_name[wrt]
    plain = Plain(lowered.table, exact)
    result = plain.rewrite(node)
    if program.reduction == "mean":
        result = plain.divided(result, _count(lowered, plain, target))
    named = [Let(name, indices, plain.rewrite(found)) for name, indices, found in _bindings(lowered)]
    naming = _Naming(plain.table, named)
    value = naming.rewrite(result)
    return Draft(program, naming.table, [*naming.lets, Let(f"grad_{wrt}", target, value)])


def _count(lowered: Lowered, plain: Plain, target: Sequence[Index]) -> Node:
    """The number of elements of the loss, at least one."""
    g = lowered.graph
    if lowered.mask is None:
        number = volume(g, lowered.free)
        axes = {(i.low, i.high) for i in target}
        return number if all((i.low, i.high) in axes for i in lowered.free) else g.apply("max", number, g.const(1))
    mask = plain.rewrite(lowered.mask)
    number = reduction(plain.table, Stage("count", (), "sum", lowered.free, mask, g.const(1)))
    return g.apply("max", number, g.const(1))


def _bindings(lowered: Lowered) -> list[tuple[str, tuple[Index, ...], Node]]:
    """The bindings with a name, each over its own indices."""
    result = []
    for let in lowered.source.lets:
        node = lowered.names.get(let.name)
        if node is None or any(name == let.name for name, _, _ in result):
            continue
        indices: list[Index] = []
        for var in let.vars:
            indices.append(fresh_index(Index(var.name, var.low, var.high), indices))
        if node.free <= set(indices) and not _is_trivial(node):
            result.append((str(let.name), tuple(indices), node))
    return result


def _is_trivial(node: Node) -> bool:
    return node.kind == "int" or node.is_const or (node.op == "read" and all(a.op == "index" for a in node.args))


class _Naming(Rewriter):
    """Nodes that are a named binding at some position become reads of it."""

    def __init__(self, table: StageTable, named: Sequence[Let]) -> None:
        super().__init__(table)
        self.shapes = Shapes()
        self.known: dict[int, list[Let]] = {}
        for let in named:
            key = self.shapes.key(let.node)
            if all(other.node is not let.node for other in self.known.get(key, [])):
                self.known.setdefault(key, []).append(let)
        self.lets: list[Let] = []

    def rewrite(self, root: Node) -> Node:
        value = super().rewrite(root)
        used = used_lets(self.table, self.lets, [value])
        self.lets = [let for let in self.lets if let.name in used]
        return value

    def node(self, node: Node, args: Sequence[Node]) -> Node:
        return self._named(node, super().node(node, args))

    def read(self, node: Node, args: Sequence[Node]) -> Node:
        return self._named(node, super().read(node, args))

    def _named(self, node: Node, value: Node) -> Node:
        if node.kind == "int" or node.is_const:
            return value
        for let in self.known.get(self.shapes.key(node), []):
            found = instance(self.graph, let.node, node)
            if found is not None:
                return self._occurrence(let, node, value, found)
        return value

    def _occurrence(self, let: Let, node: Node, value: Node, found: Mapped) -> Node:
        """Its definition is what the first occurrence came to, moved back to the indices of the binding."""
        g = self.graph
        places = [self.new[found[i].id] if found.get(i) is not None and found[i].id in self.new else found.get(i, g.index(i))
                  for i in let.indices]
        if all(known.name != let.name for known in self.lets):
            if node is not let.node:
                return self._via_definition(let, places)
            self._define(let, value)
        return g.read(BINDING + let.name, places)

    def _via_definition(self, let: Let, places: Sequence[Node]) -> Node:
        self.new[let.node.id] = super().rewrite(let.node)
        return self.graph.read(BINDING + let.name, places)

    def _define(self, let: Let, value: Node) -> None:
        self.graph.array_kinds[BINDING + let.name] = let.node.kind
        self.lets.append(Let(let.name, let.indices, value))
