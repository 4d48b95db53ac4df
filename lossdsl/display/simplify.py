"""Shorter forms of scalar expressions, by SymPy: for people to read, never on the way to code.

A region is arithmetic down to what is not: reads, functions, conditionals.  These become symbols, so that SymPy can
neither split `exp(a - b)` nor look into a reduction; what it finds is taken if it has fewer operations and if it
agrees with the form that was derived at numeric points.  Comparisons, and what `max` and `min` choose among, stay as
they are: which of two rounded values is the larger one must not depend on how they are written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from lossdsl.display.algebra import Meaning, Relations, to_nodes, to_sympy
from lossdsl.display.draft import Draft
from lossdsl.display.numeric import agree
from lossdsl.display.regions import ARITHMETIC, inside, is_arithmetic, is_whole_power, leaves_of, operations
from lossdsl.display.rewriter import NORMALISED, Let, Rewriter
from lossdsl.display.tidy import exclusive, factored, moved_condition, without_difference
from lossdsl.functions.lazy import sympy
from lossdsl.ir.graph import Graph, Node
from lossdsl.ir.stage import Stage

SECONDS = 5.0
"""What a whole sheet may take, of the time of this process."""
BUDGET = 500
"""And how many parts the regions may have that are tried, so that fast and slow machines stop at the same place."""
MOST_PARTS = 60
MOST_SYMBOLS = 10
"""Larger regions are left as they are: what SymPy does with them may take long and is rarely shorter."""
MOST_TERMS = 8
"""Of a sum in which terms with a common factor are collected."""
CHOOSING = frozenset({"max", "min", "argmax", "argmin"})


class Simplifying(Rewriter):
    def __init__(self, draft: Draft) -> None:
        super().__init__(draft.table)
        self.budget = BUDGET
        self.until = time.process_time() + SECONDS
        self.shorter: dict[int, Node] = {}
        self.relations = Relations(self.graph)
        self.result = draft.lets[-1].name
        self.written_by_user = False
        """Whether the definition at hand is one of the author of the loss, to be left as it is."""

    def finish(self, let: Let) -> Let:
        self.written_by_user = not let.nameless and let.name != self.result
        result = replace(let, node=self._region(self.rewrite(let.node)))
        self.relations.define(result)
        return result

    def node(self, node: Node, args: Sequence[Node]) -> Node:
        if node.kind == "bool":
            return without_difference(self.graph, super().node(node, args))
        if node.op == "where":
            args = [args[0], *map(self._region, args[1:])]
        elif node.op == "add":
            return exclusive(self.graph, super().node(node, args))
        elif node.op not in ARITHMETIC and node.kind == "real" and not is_whole_power(node):
            args = [self._region(a) for a in args]
        return super().node(node, args)

    def stage(self, stage: Stage) -> Node:
        body = self.new[stage.body.id]
        if stage.op in CHOOSING or stage.op in NORMALISED:
            return super().stage(stage)
        body = self._region(body)
        if stage.op not in ("sum", "mean") or self.written_by_user:
            self.new[stage.body.id] = body
            return super().stage(stage)
        factor, body = factored(self.graph, body)
        where = self.graph.const(True) if stage.where is None else self.new[stage.where.id]
        if stage.op == "sum":
            body, where = moved_condition(self.graph, body, where)
        return self._region(factor * self.reduced(replace(stage, body=body, where=where)))

    def _region(self, root: Node) -> Node:
        if self.written_by_user:
            return self._kept(root)
        if root.id not in self.shorter:
            self.shorter[root.id] = self._shortest(root)
        return self.shorter[root.id]

    def _kept(self, root: Node) -> Node:
        """What the user wrote, but for what the stable forms made of it: sigmoid(-x) is 1 - p again."""
        leaves = leaves_of(root) if is_arithmetic(root) or root.op == "sigmoid" else []
        complements = {leaf.id: self.relations.complement(leaf) for leaf in leaves}
        return _replaced(self.graph, root, {key: node for key, node in complements.items() if node is not None})

    def _shortest(self, root: Node) -> Node:
        if not is_arithmetic(root) or not all(_is_finite(part) for part in inside(root)):
            return root
        leaves = leaves_of(root)
        parts = len(inside(root))
        if self.budget < 0 or time.process_time() > self.until:
            return root
        if parts > MOST_PARTS or len(leaves) > MOST_SYMBOLS:
            return self._kept(root) if root.op in ("add", "sub") else self._by_argument(root)
        self.budget -= parts
        best, cost = root, operations(root)
        for candidate in self._candidates(root, leaves):
            shorter = candidate is not None and operations(candidate) < cost
            if candidate is not None and shorter and agree(self.graph, root, candidate, self.relations.lets):
                best, cost = candidate, operations(candidate)
            if time.process_time() > self.until:
                break
        return best

    def _by_argument(self, root: Node) -> Node:
        return self.graph.apply(root.op, *map(self._region, root.args))

    def _candidates(self, root: Node, leaves: Sequence[Node]) -> Iterator[Node | None]:
        yield from self._by_case(root, leaves)
        if root.op in ("div", "mul", "neg"):
            yield self._by_argument(root)
        sp = sympy()
        forms: tuple[Callable[[Any], Any], ...] = (lambda e: e, sp.factor, sp.cancel, sp.together, sp.expand)
        relations = self.relations
        for meaning in (relations.independent(leaves), relations.related(leaves), relations.expanded(leaves)):
            if meaning is None:
                continue
            expression = to_sympy(root, meaning)
            seen = set()
            for form in forms:
                found = form(expression)
                if found not in seen:
                    seen.add(found)
                    yield to_nodes(self.graph, found, meaning)
                    yield from self._collected(found, meaning)

    def _collected(self, expression: Any, meaning: Meaning) -> Iterator[Node | None]:
        sp = sympy()
        if isinstance(expression, sp.Add) and len(expression.args) <= MOST_TERMS:
            for symbol in sorted(expression.free_symbols, key=str)[:4]:
                yield to_nodes(self.graph, sp.collect(expression, symbol), meaning)

    def _by_case(self, root: Node, leaves: Sequence[Node]) -> Iterator[Node]:
        """Conditionals with one condition as one conditional, each branch by itself."""
        conditions = [leaf.args[0] for leaf in leaves if leaf.op == "where"]
        for condition in dict.fromkeys(conditions):
            if conditions.count(condition) > 1:
                alike = [leaf for leaf in leaves if leaf.op == "where" and leaf.args[0] is condition]
                chosen = [{leaf.id: leaf.args[branch] for leaf in alike} for branch in (1, 2)]
                branches = [self._region(_replaced(self.graph, root, those)) for those in chosen]
                yield self.graph.where(condition, *branches)


def _is_finite(node: Node) -> bool:
    """Constants with which SymPy calculates as with any other number."""
    return not node.is_const or isinstance(node.value, Fraction) or node.value == "pi"


def _replaced(graph: Graph, root: Node, chosen: dict[int, Node]) -> Node:
    """The region with other leaves."""
    done = dict(chosen)
    for node in inside(root):
        if node.id not in done:
            done[node.id] = graph.rebuild(node, [done[a.id] for a in node.args]) if is_arithmetic(node) else node
    return done[root.id]
