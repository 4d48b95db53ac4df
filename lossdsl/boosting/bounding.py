"""The least number that a node never exceeds, whatever the scores are, as a node of data and hyperparameters."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from lossdsl.boosting.derivation import Derivation
from lossdsl.boosting.interval import INF, Interval
from lossdsl.boosting.intervals import Intervals, of_arguments
from lossdsl.boosting.substitution import reads
from lossdsl.ir.graph import Graph, Node, reachable

Ends = tuple[Node | None, Node | None]
"""A lower and an upper end, free of scores; None: there is none."""


def upper_bound(derivation: Derivation, node: Node) -> Node | None:
    """A bound of the node over all scores; None if none is found."""
    return _Bounds(derivation).of(node)[1]


class _Bounds:
    def __init__(self, derivation: Derivation) -> None:
        self.table, self.graph = derivation.table, derivation.graph
        self.names = frozenset(a.name for a in derivation.roles.scores)
        self.intervals = Intervals(derivation.table, of_arguments(derivation.program))
        self._known: dict[int, Ends] = {}

    def of(self, root: Node) -> Ends:
        self.intervals.of(root)
        for node in reachable([root]):
            if node.kind != "bool" and node.id not in self._known:
                self._known[node.id] = self._ends(node)
        return self._known[root.id]

    def _ends(self, node: Node) -> Ends:
        if not reads(self.table, node, self.names):
            return node, node
        found = self._structural(node, [self._known.get(a.id, (None, None)) for a in node.args])
        around = self.intervals.of(node)
        low, high = (_constant(self.graph, e) for e in (around.low, around.high))
        return found[0] if found[0] is not None else low, found[1] if found[1] is not None else high

    def _structural(self, node: Node, args: Sequence[Ends]) -> Ends:
        g = self.graph
        match node.op:
            case "neg":
                return _negated(args[0])
            case "add":
                return _sum(args[0], args[1])
            case "sub":
                return self._difference(node) or _sum(args[0], _negated(args[1]))
            case "mul" | "guarded_mul":
                return self._product(node, args)
            case "div" | "guarded_div" if not reads(self.table, node.args[1], self.names):
                return self._scaled(g.const(1) / node.args[1], args[0], self.intervals.of(node.args[1]))
            case "where":
                return self._chosen(node, args)
        return None, None

    def _difference(self, node: Node) -> Ends | None:
        """p - p*p is at most 1/4 for p in [0, 1]."""
        p, square = node.args
        around = self.intervals.of(p)
        if square.op == "mul" and all(a is p for a in square.args) and around.nonnegative and around.high <= 1:
            return self.graph.const(0), self.graph.const(Fraction(1, 4))
        return None

    def _product(self, node: Node, args: Sequence[Ends]) -> Ends:
        a, b = node.args
        g = self.graph
        if {a.op, b.op} == {"sigmoid"} and (a.args[0] is -b.args[0] or b.args[0] is -a.args[0]):
            return g.const(0), g.const(Fraction(1, 4))
        for this, other, ends in ((a, b, args[1]), (b, a, args[0])):
            if not reads(self.table, this, self.names):
                return self._scaled(this, ends, self.intervals.of(this))
            del other
        if all(self.intervals.of(x).nonnegative for x in (a, b)):
            highs = [e[1] for e in args]
            return g.const(0), None if None in highs else g.product(h for h in highs if h is not None)
        return None, None

    def _scaled(self, factor: Node, ends: Ends, around: Interval) -> Ends:
        low, high = (None if e is None else factor * e for e in ends)
        if around.nonnegative:
            return low, high
        if (-around).nonnegative:
            return high, low
        if low is None or high is None:
            return None, None
        return self.graph.apply("min", low, high), self.graph.apply("max", low, high)

    def _chosen(self, node: Node, args: Sequence[Ends]) -> Ends:
        g = self.graph
        condition = node.args[0]
        if not reads(self.table, condition, self.names):
            both = [None if None in ends else g.where(condition, *(e for e in ends if e is not None))
                    for ends in zip(args[1], args[2], strict=True)]  # fmt: skip
            return both[0], both[1]
        lows, highs = zip(args[1], args[2], strict=True)
        low = None if None in lows else g.apply("min", *(e for e in lows if e is not None))
        return low, None if None in highs else g.apply("max", *(e for e in highs if e is not None))


def _constant(graph: Graph, end: Fraction | float) -> Node | None:
    return None if end in (INF, -INF) else graph.const(Fraction(end))


def _negated(ends: Ends) -> Ends:
    low, high = (None if e is None else -e for e in ends)
    return high, low


def _sum(a: Ends, b: Ends) -> Ends:
    low, high = (None if x is None or y is None else x + y for x, y in zip(a, b, strict=True))
    return low, high
