"""Over a tree without recursion: its nodes, how deep it is, and whether two trees say the same.

A tree is at most `MAX_DEPTH` levels deep, where a left operand of a `Binary` that is a `Binary` itself is no level:
`a + b + c` of ten thousand terms is a chain to the left.  So a pass may recurse, if it walks down `Binary.left` in a
loop; `left_spine` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, TypeAlias

from lossdsl.diagnostics import Source, Span
from lossdsl.syntax.tree import Binary, Expr, Number

Node: TypeAlias = Any
"""Any class of the tree."""


def children(node: Node) -> Iterator[Node]:
    """The nodes that a node holds, in the order of its fields."""
    for name in node.__dataclass_fields__:
        yield from _nodes_in(getattr(node, name))


def _nodes_in(value: object) -> Iterator[Node]:
    if isinstance(value, tuple):
        for item in value:
            yield from _nodes_in(item)
    elif hasattr(value, "__dataclass_fields__") and not isinstance(value, (Span, Source)):
        yield value


def walk(root: Node) -> Iterator[Node]:
    """The node and all nodes below it, each before those that it holds."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(list(children(node)))


def left_spine(node: Expr) -> list[Binary]:
    """The chain `node, node.left, node.left.left, ...` as long as it is made of `Binary`, the innermost last."""
    spine: list[Binary] = []
    while isinstance(node, Binary):
        spine.append(node)
        node = node.left
    return spine


def deeper_than(root: Node, limit: int) -> Node | None:
    """A node that lies more than `limit` levels deep."""
    waiting = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > limit:
            return node
        for child in children(node):
            chained = isinstance(node, Binary) and child is node.left and isinstance(child, Binary)
            waiting.append((child, depth if chained else depth + 1))
    return None


def same(one: Node, other: Node) -> bool:
    """Whether two trees are equal up to where they were written, and how their numbers were spelled."""
    waiting: list[tuple[Any, Any]] = [(one, other)]
    while waiting:
        a, b = waiting.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, tuple):
            if len(a) != len(b):
                return False
            waiting += zip(a, b, strict=True)
        elif isinstance(a, Number):
            if a.value != b.value:
                return False
        elif hasattr(a, "__dataclass_fields__") and not isinstance(a, (Span, Source, Fraction)):
            waiting += [(getattr(a, name), getattr(b, name)) for name in a.__dataclass_fields__]
        elif not isinstance(a, (Span, Source)) and a != b:
            return False
    return True
