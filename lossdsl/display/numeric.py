"""Whether two nodes have the same value, tried at numeric points."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from lossdsl.display.rewriter import Let
from lossdsl.functions.lazy import mpmath
from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import Graph, Node, reachable

POINTS = 6
DIGITS = 30
AGREEING = 18
"""Digits that must agree; the rest is for what the formulas themselves lose."""


def agree(graph: Graph, one: Node, other: Node, lets: Mapping[str, Let]) -> bool:
    """True if both are finite and equal at two points or more, and nowhere different.

    `lets` are the bindings that may be read in them, by the names of their arrays.
    """
    mp = mpmath()
    compared = 0
    one, other = (_written_out(graph, node, lets) for node in (one, other))
    with mp.workdps(DIGITS):
        for point in range(POINTS):
            first, second = _values([one, other], random.Random(point), positive=point % 2 == 0)
            if not mp.isfinite(first):
                continue
            if not mp.isfinite(second) or abs(first - second) > mp.mpf(10) ** -AGREEING * max(1, abs(first)):
                return False
            compared += 1
    return compared >= 2


def _written_out(graph: Graph, root: Node, lets: Mapping[str, Let]) -> Node:
    """The node with what bindings stand for."""
    done: dict[int, Node] = {}
    pending = [root]
    while pending:
        top = pending.pop()
        for node in reachable([top], stop=lambda n: n.id in done):
            if node.id in done:
                continue
            args = [done[a.id] for a in node.args]
            let = lets.get(str(node.value)) if node.op == "read" else None
            if let is None:
                done[node.id] = graph.rebuild(node, args)
                continue
            here = let.at(graph, args)
            if here.id not in done:
                pending += [top, here]
                break
            done[node.id] = done[here.id]
    return done[root.id]


def _values(roots: list[Node], draw: random.Random, positive: bool) -> list[Any]:
    """The values at a point where every read is a number of its own; positive ones lie between 0 and 1."""
    mp = mpmath()
    values: dict[int, Any] = {}
    for node in reachable(roots):
        match node.op:
            case "const":
                values[node.id] = _constant(node.value)
            case "index" | "extent":
                values[node.id] = mp.mpf(draw.randint(2, 9))
            case "read":
                values[node.id] = _drawn(node, draw, positive)
            case "whole":
                values[node.id] = mp.floor(values[node.args[0].id])
            case _:
                values[node.id] = TABLE[node.op].oracle(*(values[a.id] for a in node.args))
    return [values[root.id] for root in roots]


def _drawn(node: Node, draw: random.Random, positive: bool) -> Any:
    mp = mpmath()
    if node.kind == "bool":
        return draw.random() < 0.5
    if node.kind == "int":
        return mp.mpf(draw.randint(0, 5))
    number = draw.uniform(0.05, 0.95) if positive else draw.uniform(-3, 3)
    return mp.mpf(number)


def _constant(value: object) -> Any:
    mp = mpmath()
    match value:
        case bool():
            return value
        case "pi":
            return +mp.pi
        case "inf" | "-inf" | "nan":
            return mp.mpf(value)
    return mp.mpf(value.numerator) / value.denominator  # type: ignore[attr-defined]
