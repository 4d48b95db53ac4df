"""Patterns over the scalar DAG: a rule is a row of data.

The left side is written with the same operators and names as a derivative in the table of functions; `o.any("x")` is a
variable.  Sums and products match in either order of their two arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lossdsl.ir.graph import Graph, Node
from lossdsl.ir.stage import StageTable

Match = dict[str, Node]
COMMUTATIVE = frozenset({"add", "mul", "max", "min", "eq", "ne", "and", "or", "logaddexp"})


@dataclass(frozen=True)
class Pattern:
    """`op` with patterns as arguments; op "any" is a variable, op "const" a whole number."""

    op: str
    args: tuple[Pattern, ...] = ()
    value: object = None

    def __neg__(self) -> Pattern:
        return Pattern("neg", (self,))

    def __add__(self, other: Pattern | int) -> Pattern:
        return Pattern("add", (self, _pattern(other)))

    def __radd__(self, other: int) -> Pattern:
        return Pattern("add", (_pattern(other), self))

    def __sub__(self, other: Pattern | int) -> Pattern:
        return Pattern("sub", (self, _pattern(other)))

    def __rsub__(self, other: int) -> Pattern:
        return Pattern("sub", (_pattern(other), self))

    def __mul__(self, other: Pattern | int) -> Pattern:
        return Pattern("mul", (self, _pattern(other)))

    def __rmul__(self, other: int) -> Pattern:
        return Pattern("mul", (_pattern(other), self))

    def __truediv__(self, other: Pattern | int) -> Pattern:
        return Pattern("div", (self, _pattern(other)))

    def __rtruediv__(self, other: int) -> Pattern:
        return Pattern("div", (_pattern(other), self))

    def __pow__(self, other: Pattern | int) -> Pattern:
        return Pattern("pow", (self, _pattern(other)))


def _pattern(value: Pattern | int) -> Pattern:
    return value if isinstance(value, Pattern) else Pattern("const", value=value)


class PatternVocabulary:
    """`o` of a left side: `o.log(1 + o.exp(o.x))`; one-letter names are variables."""

    def __getattr__(self, name: str) -> Any:
        if len(name) == 1:
            return Pattern("any", value=name)
        return lambda *args: Pattern(name, tuple(_pattern(a) for a in args))


class Vocabulary:
    """`o` of a right side or of a derivative: builds nodes of a graph."""

    _ALIASES = {"both": "and", "either": "or"}  # noqa: RUF012

    def __init__(self, graph: Graph, match: Match | None = None) -> None:
        self._graph = graph
        self._match = match or {}

    def __getattr__(self, name: str) -> Any:
        if name in self._match:
            return self._match[name]
        if name == "pi":
            return self._graph.const("pi")
        op = self._ALIASES.get(name, name)
        return lambda *args: self._graph.apply(op, *(self._graph.node(a) for a in args))


def matches(pattern: Pattern, node: Node, bound: Match) -> Iterator[Match]:
    """Every way in which the node has the shape of the pattern."""
    if pattern.op == "any":
        name = str(pattern.value)
        if name not in bound:
            yield {**bound, name: node}
        elif bound[name] is node:
            yield bound
    elif pattern.op == "const":
        if isinstance(pattern.value, int) and node.is_value(pattern.value):
            yield bound
    elif node.op == pattern.op and len(node.args) == len(pattern.args):
        yield from _match_args(pattern.args, node.args, bound)
        if pattern.op in COMMUTATIVE and len(node.args) == 2 and node.args[0] is not node.args[1]:
            yield from _match_args(pattern.args, node.args[::-1], bound)


def _match_args(patterns: tuple[Pattern, ...], nodes: tuple[Node, ...], bound: Match) -> Iterator[Match]:
    if not patterns:
        yield bound
        return
    for first in matches(patterns[0], nodes[0], bound):
        yield from _match_args(patterns[1:], nodes[1:], first)


Guard = Callable[[Match, StageTable], bool]


@dataclass(frozen=True)
class Rule:
    """A rewrite: fires on construction of `left`, where the guard holds, and gives `right`."""

    name: str
    left: Callable[[PatternVocabulary], Pattern]
    right: Callable[[Vocabulary], Node]
    reason: str
    guard: Guard | None = None

    def apply(self, table: StageTable, node: Node) -> Node | None:
        for match in matches(self.left(PatternVocabulary()), node, {}):
            if self.guard is None or self.guard(match, table):
                return self.right(Vocabulary(table.graph, match))
        return None
