"""The scalar DAG: interned nodes in index notation.

A node is a number at each position of its free indices.  Nodes are hash-consed: equal nodes are the same object, and
ids grow from arguments to users, so that every pass is a loop over sorted ids and depth costs nothing.

Constants are exact fractions.  Constructors fold exact constants and drop neutral elements; they keep the user's
order of operations, never distribute and never flatten, because the rounding error of a formula depends on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import NoneType
from typing import Literal

from lossdsl.meaning.core import Extent, Kind

Special = Literal["inf", "-inf", "pi", "nan"]
Constant = Fraction | bool | Special

INTEGER_OPS = frozenset({"add", "sub", "mul", "neg", "abs", "max", "min", "mod", "clip", "sign", "floor", "round"})
"""Functions whose value is a whole number where all arguments are."""
LARGEST_DEGREE = 2
"""Products of more positions than this are numbers, though whole: 64 bits could overflow."""
BOOLEAN_OPS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"})


@dataclass(frozen=True, slots=True, order=True)
class Index:
    """An index variable: a name, unique where it is used, and its range low <= i < high."""

    name: str
    low: Extent
    high: Extent
    _hash: int = field(init=False, repr=False, compare=False, default=0)
    """Computed once: sets of indices are looked up everywhere."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.name, self.low, self.high)))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return self.name


class Node:
    """One interned node; `value` is the constant, the Index, the Extent or the name of the array that is read.

    `mask` is the set of its free indices as bits, of which each index has its own in the graph.
    """

    __slots__ = ("args", "degree", "free", "graph", "id", "kind", "mask", "op", "value")

    def __init__(self, graph: Graph, op: str, args: tuple[Node, ...], value: object, kind: Kind, mask: int) -> None:
        self.graph, self.id, self.op, self.args, self.value = graph, len(graph.nodes), op, args, value
        self.kind: Kind = kind
        self.mask = mask
        free = graph.indices.get(mask)
        if free is None:
            free = graph.indices[mask] = frozenset((value,) if isinstance(value, Index) else ()).union(
                *[a.free for a in args]
            )
        self.free: frozenset[Index] = free
        self.degree = _degree(op, args)

    def __repr__(self) -> str:
        from lossdsl.ir.show import show

        return show(self)

    def __neg__(self) -> Node:
        return self.graph.apply("neg", self)

    def __add__(self, other: Operand) -> Node:
        return self.graph.apply("add", self, self.graph.node(other))

    def __radd__(self, other: Operand) -> Node:
        return self.graph.apply("add", self.graph.node(other), self)

    def __sub__(self, other: Operand) -> Node:
        return self.graph.apply("sub", self, self.graph.node(other))

    def __rsub__(self, other: Operand) -> Node:
        return self.graph.apply("sub", self.graph.node(other), self)

    def __mul__(self, other: Operand) -> Node:
        return self.graph.apply("mul", self, self.graph.node(other))

    def __rmul__(self, other: Operand) -> Node:
        return self.graph.apply("mul", self.graph.node(other), self)

    def __truediv__(self, other: Operand) -> Node:
        return self.graph.apply("div", self, self.graph.node(other))

    def __rtruediv__(self, other: Operand) -> Node:
        return self.graph.apply("div", self.graph.node(other), self)

    def __pow__(self, other: Operand) -> Node:
        return self.graph.apply("pow", self, self.graph.node(other))

    def __rpow__(self, other: Operand) -> Node:
        return self.graph.apply("pow", self.graph.node(other), self)

    @property
    def is_const(self) -> bool:
        return self.op == "const"

    def is_value(self, value: int) -> bool:
        """Whether this is exactly the constant `value` (False is not 0, True is not 1)."""
        return self.op == "const" and not isinstance(self.value, bool) and self.value == value


Operand = Node | int | float | Fraction


class Graph:
    """The table of interned nodes, and their constructors."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._table: dict[tuple[object, ...], Node] = {}
        self.array_kinds: dict[str, Kind] = {}
        self.rewrites: Callable[[Graph, str, tuple[Node, ...]], Node | None] | None = None
        """The stability rules, where they are to fire on construction."""
        self.in_range: dict[tuple[int, Extent, Extent], bool] = {}
        """What `lossdsl.ir.bounds` has found: whether the position of that id is in that range."""

        self._bits: dict[Index, int] = {}
        self.indices: dict[int, frozenset[Index]] = {}
        """Sets of free indices by their bits: each set is one object."""

    def _intern(self, op: str, args: tuple[Node, ...], value: object, kind: Kind, mask: int) -> Node:
        key = (op, tuple([a.id for a in args]), type(value), value)
        node = self._table.get(key)
        if node is None:
            node = Node(self, op, args, value, kind, mask)
            self.nodes.append(node)
            self._table[key] = node
        return node

    # ------------------------------------------------------------ leaves

    def const(self, value: Constant | int) -> Node:
        if isinstance(value, bool):
            return self._intern("const", (), value, "bool", 0)
        if isinstance(value, int):
            value = Fraction(value)
        whole = isinstance(value, Fraction) and value.denominator == 1
        return self._intern("const", (), value, "int" if whole else "real", 0)

    def node(self, value: Operand) -> Node:
        if isinstance(value, Node):
            return value
        if isinstance(value, float):
            if value in (float("inf"), float("-inf")):
                return self.const("inf" if value > 0 else "-inf")
            if value != value:
                return self.const("nan")
            return self.const(Fraction(value))
        return self.const(value)

    def index(self, index: Index) -> Node:
        return self._intern("index", (), index, "int", self._bits.setdefault(index, 1 << len(self._bits)))

    def extent(self, extent: Extent) -> Node:
        if extent.op == "const":
            return self.const(extent.value)
        return self._intern("extent", (), extent, "int", 0)

    def read(self, array: str, indices: Iterable[Node]) -> Node:
        args = tuple([self.position(i) for i in indices])
        return self._intern("read", args, array, self.array_kinds[array], _mask(args))

    # ------------------------------------------------------------ functions

    def apply(self, op: str, *args: Node) -> Node:
        """The value of a function of the table, folded and simplified where that is exact."""
        from lossdsl.ir.simplify import fold, simplify

        folded = fold(self, op, args)
        if folded is None:
            folded = simplify(self, op, args)
        if folded is None and self.rewrites is not None:
            folded = self.rewrites(self, op, args)
        return folded if folded is not None else self.raw(op, *args)

    def raw(self, op: str, *args: Node) -> Node:
        """The node itself, without simplification."""
        known = self._table.get((op, tuple([a.id for a in args]), NoneType, None))
        if known is not None:
            return known
        return self._intern(op, args, None, _kind(op, args), _mask(args))

    def where(self, condition: Node, then: Node, otherwise: Node) -> Node:
        return self.apply("where", condition, then, otherwise)

    def both(self, *conditions: Node) -> Node:
        result = self.const(True)
        for condition in conditions:
            result = self.apply("and", result, condition)
        return result

    def total(self, nodes: Iterable[Node]) -> Node:
        """The sum; 0 of nothing."""
        result = self.const(0)
        for node in nodes:
            result = result + node
        return result

    def product(self, nodes: Iterable[Node]) -> Node:
        result = self.const(1)
        for node in nodes:
            result = result * node
        return result

    # ------------------------------------------------------------ whole-number expressions

    def affine(self, node: Node) -> dict[Node | None, Fraction]:
        """A whole-number expression as coefficients of its non-affine parts; the key None is the constant."""
        if node.is_const and isinstance(node.value, Fraction):
            return {None: node.value} if node.value else {}
        if node.kind == "int":
            match node.op, node.args:
                case "add", (a, b):
                    return _combine(self.affine(a), self.affine(b), Fraction(1))
                case "sub", (a, b):
                    return _combine(self.affine(a), self.affine(b), Fraction(-1))
                case "neg", (a,):
                    return _combine({}, self.affine(a), Fraction(-1))
                case "mul", (a, b) if a.is_const and isinstance(a.value, Fraction):
                    return _combine({}, self.affine(b), a.value)
                case "mul", (a, b) if b.is_const and isinstance(b.value, Fraction):
                    return _combine({}, self.affine(a), b.value)
        return {node: Fraction(1)}

    def from_affine(self, terms: Mapping[Node | None, Fraction]) -> Node:
        result: Node | None = None
        for node in sorted((n for n in terms if n is not None), key=lambda n: (terms[n] < 0, n.id)):
            factor = terms[node]
            part = node if abs(factor) == 1 else self.raw("mul", self.const(abs(factor)), node)
            if result is None:
                result = part if factor > 0 else self.apply("neg", part)
            else:
                result = self.raw("add" if factor > 0 else "sub", result, part)
        constant = terms.get(None, Fraction(0))
        if result is None:
            return self.const(constant)
        if constant:
            return self.raw("add" if constant > 0 else "sub", result, self.const(abs(constant)))
        return result

    def position(self, node: Node) -> Node:
        """An index expression in its normal form, so that equal positions are the same node."""
        if node.op in ("index", "const", "read"):
            return node
        return self.from_affine(self.affine(node))

    # ------------------------------------------------------------ traversal

    def substitute(self, node: Node, mapping: Mapping[Index, Node], memo: dict[int, Node] | None = None) -> Node:
        """The node with indices replaced; `memo` may be shared between calls with the same mapping."""
        bits = self._bits
        replaced = sum([bits[index] for index in mapping if index in bits])
        if not node.mask & replaced:
            return node
        memo = {} if memo is None else memo
        seen: dict[int, Node] = {}
        pending = [node]
        while pending:
            current = pending.pop()
            if current.mask & replaced and current.id not in seen and current.id not in memo:
                seen[current.id] = current
                pending.extend(current.args)
        for number in sorted(seen):
            current = seen[number]
            if current.op == "index":
                assert isinstance(current.value, Index)
                memo[current.id] = mapping[current.value]
                continue
            args = [memo[a.id] if a.mask & replaced else a for a in current.args]
            memo[current.id] = self.rebuild(current, args)
        return memo[node.id]

    def rebuild(self, node: Node, args: Iterable[Node]) -> Node:
        """The same operation on other arguments."""
        if node.op == "read":
            assert isinstance(node.value, str)
            return self.read(node.value, args)
        return self.apply(node.op, *args) if node.args else node


def conjuncts(condition: Node) -> list[Node]:
    """What `and` joins, each once, in order."""
    seen: dict[Node, None] = {}
    stack = [condition]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen[node] = None
            if node.op == "and":
                stack.extend(reversed(node.args))
    return [node for node in seen if node.op != "and"]


def reachable(roots: Iterable[Node], stop: Callable[[Node], bool] | None = None) -> list[Node]:
    """All nodes below the roots, arguments before users; below a node for which `stop` holds nothing is visited."""
    seen: dict[int, Node] = {}
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node.id in seen:
            continue
        seen[node.id] = node
        if stop is None or not stop(node):
            stack.extend(node.args)
    return [seen[i] for i in sorted(seen)]


def _combine(
    left: Mapping[Node | None, Fraction], right: Mapping[Node | None, Fraction], factor: Fraction
) -> dict[Node | None, Fraction]:
    result = dict(left)
    for node, value in right.items():
        result[node] = result.get(node, Fraction(0)) + factor * value
    return {node: value for node, value in result.items() if value}


def _mask(args: Iterable[Node]) -> int:
    mask = 0
    for node in args:
        mask |= node.mask
    return mask


def _degree(op: str, args: tuple[Node, ...]) -> int:
    """How many positions a whole number is a product of, at most."""
    if op == "const":
        return 0
    if op == "read" or not args:
        return 1
    degrees = [a.degree for a in args]
    return sum(degrees) if op == "mul" else max(degrees)


def _kind(op: str, args: tuple[Node, ...]) -> Kind:
    if op in BOOLEAN_OPS:
        return "bool"
    values = args[1:] if op == "where" else args
    if op == "where" and all(a.kind == "bool" for a in values):
        return "bool"
    if op == "mod" and not (args[1].is_const and not args[1].is_value(0)):
        return "real"  # whole numbers have no remainder by 0, numbers have NaN
    if op == "mul" and _degree(op, args) > LARGEST_DEGREE:
        return "real"
    if (op == "where" or op in INTEGER_OPS) and all(a.kind == "int" for a in values):
        return "int"
    if op == "whole":
        return "int"
    if op == "stop_gradient":
        return args[0].kind
    return "real"
