"""From the nodes of the compiler to nodes that the loss language can write.

On the way out: every function is one of the language, every stage is a reduction without positions to scatter to,
means and softmaxes are stages of their own again, and the weight of each element of the loss is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from lossdsl.calculus.gradient import SEED
from lossdsl.display.guards import Hazards, axis_ranges, choice, guarded_sum
from lossdsl.display.instances import instance
from lossdsl.display.rewriter import Rewriter, end_of, reduction, volume
from lossdsl.display.tidy import MIRRORED
from lossdsl.display.vocabulary import in_words, never_zero
from lossdsl.ir.bounds import nonnegative, plus, position_bounds
from lossdsl.ir.graph import Index, Node, conjuncts, reachable
from lossdsl.ir.stage import Stage, StageTable, fresh_index
from lossdsl.meaning.core import Extent
from lossdsl.rewrite.finite import may_be_infinite, may_be_steep, may_vanish

MINUS = Fraction(-1)


class Plain(Rewriter):
    """With `exact`, products and quotients that stop infinities keep their conditions; else they are for people."""

    def __init__(self, table: StageTable, exact: bool, derived_from: int = 0) -> None:
        """Nodes from the id `derived_from` on are those of the derivative."""
        super().__init__(table)
        self.exact = exact
        self.derived_from = derived_from
        self.hazards = Hazards(table)
        self.axis_range = axis_ranges(self.table)

    # ------------------------------------------------------------ nodes

    def node(self, node: Node, args: Sequence[Node]) -> Node:
        g = self.graph
        match node.op, args:
            case (("le" | "lt" | "ge" | "gt" | "eq" | "ne"), (a, b)) if a.kind == b.kind == "int":
                return self._comparison(node.op, a, b)
            case "and", _:
                return self._both(node, args)
            case "where", (c, a, b):
                return choice(g, self.axis_range, c, a, b)
            case "mul", (a, b) if node.id >= self.derived_from and self.exact and self.hazards.in_product(node):
                return self._masked(a, b)
            case "div", (a, b):
                return self.divided(a, b)
            case "sub", (a, b) if (found := self._normalised("log_softmax", a, b)) is not None:
                return found
            case "softmax_weight", (e, s):
                found = self._normalised("softmax", e, s)
                return found if found is not None else g.apply("exp", e - s)
            case "exp", (x,) if (found := self._exponential(x)) is not None:
                return found
            case "exp", (x,) if x.op == "mul" and (found := self._exponential(x.args[1])) is not None:
                return found ** x.args[0]  # a power, as people write it
            case "expm1", (x,) if (found := self._exponential(x)) is not None:
                return found - 1
            case (("guarded_mul" | "guarded_div"), (a, b)):
                value = a * b if node.op == "guarded_mul" else a / b
                return g.where(self._stops(node, a, b), g.const(0), value) if self.exact else value
            case "guarded_sub", (a, b) if self.exact and self._may_be_empty(a) and self._may_be_empty(b):
                return g.where(g.apply("eq", a, b), g.const(0), a - b)
        return in_words(g, node, args, self.exact)

    def _stops(self, node: Node, a: Node, b: Node) -> Node:
        """Where a guarded product or quotient of a and b is 0, though the other factor be infinite."""
        g = self.graph
        outer, inner = node.args
        harmless = (
            node.op == "guarded_mul" and not may_be_infinite(self.old, inner) and not self.hazards.in_product(node)
        )
        stops = g.const(False) if harmless or never_zero(a) else g.apply("eq", a, g.const(0))
        if node.op == "guarded_mul" and may_be_steep(self.old, outer) and may_vanish(self.old, inner):
            factor = b.args[1] if b.op == "mul" and never_zero(b.args[0]) else b
            if not never_zero(factor) and not self._is_softmax(factor):
                stops = g.apply("or", stops, g.apply("eq", factor, g.const(0)))
        return stops

    def _is_softmax(self, node: Node) -> bool:
        """Whether it is a weight of a softmax without a condition: small, but not 0."""
        stage = self.table.stages.get(str(node.value)) if node.op == "read" else None
        return stage is not None and stage.op == "softmax" and stage.where is None

    def _masked(self, adjoint: Node, partial: Node) -> Node:
        """A product whose second factor can be read only where the first is not 0."""
        g = self.graph
        if adjoint.op == "where" and adjoint.args[2].is_value(0):
            return choice(g, self.axis_range, adjoint.args[0], adjoint.args[1] * partial, g.const(0))
        if never_zero(adjoint):
            return adjoint * partial
        return g.where(g.apply("eq", adjoint, g.const(0)), g.const(0), adjoint * partial)

    def _both(self, node: Node, args: Sequence[Node]) -> Node:
        """low <= v and v < max(low, high) is low <= v and v < high."""
        g, last = self.graph, node.args[1]
        if last.op == "lt" and isinstance(last.args[1].value, Extent) and last.args[1].value.op == "max":
            for extent in last.args[1].value.operands:
                if g.apply("le", g.extent(extent), last.args[0]) in conjuncts(node.args[0]):
                    end = next((e for e in last.args[1].value.operands if e != extent), extent)
                    return g.both(args[0], self._comparison("lt", self.new[last.args[0].id], g.extent(end)))
        return g.both(*args)

    def _comparison(self, op: str, a: Node, b: Node) -> Node:
        """Decided where the ranges decide it; else with an index alone on the left, as in `t >= 1`."""
        g = self.graph
        bounds = position_bounds(g, g.position(b - a))
        if bounds is not None:
            at_least, at_most = bounds[0], plus({}, bounds[1], MINUS)
            above, below = plus(at_least, {None: MINUS}), plus(at_most, {None: MINUS})
            holds, fails = {
                "le": (at_least, below), "lt": (above, at_most), "ge": (at_most, above), "gt": (below, at_least),
            }.get(op, (None, None))  # fmt: skip
            if holds is not None and nonnegative(holds):
                return g.const(True)
            if fails is not None and nonnegative(fails):
                return g.const(False)
        return self._solved(op, a, b)

    def _solved(self, op: str, a: Node, b: Node) -> Node:
        g = self.graph
        terms = g.affine(a - b)
        indices = [n for n in terms if n is not None and n.op == "index"]
        if len(indices) != 1 or abs(terms[indices[0]]) != 1 or any(n.op == "read" for n in terms if n is not None):
            return g.apply(op, a, b)
        index = indices[0]
        rest = {n: -f * terms[index] for n, f in terms.items() if n is not index}
        return g.apply(op if terms[index] > 0 else MIRRORED[op], index, g.from_affine(rest))

    def _may_be_empty(self, node: Node) -> bool:
        """Whether a reduction over a part of its range is in it: of nothing, it is infinite."""
        reads = [n for n in reachable([node]) if n.op == "read" and str(n.value) in self.table.stages]
        stages = [self.table.stages[str(n.value)] for n in reads]
        return any(s.op in ("logsumexp", "max", "min") for s in stages)

    # ------------------------------------------------------------ reductions

    def read(self, node: Node, args: Sequence[Node]) -> Node:
        return self.graph.const(1) if node.value == SEED else super().read(node, args)

    def stage(self, stage: Stage) -> Node:
        g = self.graph
        where = g.const(True) if stage.where is None else self.new[stage.where.id]
        body, reduced = self.new[stage.body.id], list(stage.reduced)
        outside = g.const(True)
        places = [(k, self.new[place.id]) for k, place in stage.positions]
        while places:
            k, place = places.pop(0)
            solution = self._solution(k, place, reduced)
            if solution is None:
                where = g.both(where, g.apply("eq", g.index(k), place))
                continue
            index, value = solution
            reduced.remove(index)
            body, where, *rest = (g.substitute(n, {index: value}) for n in (body, where, *(p for _, p in places)))
            places = [(other, moved) for (other, _), moved in zip(places, rest, strict=True)]
            within = self._within(value, index)
            if within.free.isdisjoint(reduced):  # before the sum, so that what is read in its conditions is in range
                outside = g.both(outside, within)
            else:
                where = g.both(within, where)
        if not reduced:
            return choice(g, self.axis_range, g.both(outside, where), body, g.const(0))
        solved = replace(stage, reduced=tuple(reduced), where=where, body=body, positions=())
        if stage.op == "sum":
            solved = guarded_sum(g, self.axis_range, solved)
        return g.where(outside, reduction(self.table, solved), g.const(0))

    def _solution(self, k: Index, place: Node, reduced: Sequence[Index]) -> tuple[Index, Node] | None:
        """An index that `place == k` determines, and its value."""
        g = self.graph
        if place.kind != "int":
            return None
        terms = g.affine(place)
        for index in reduced:
            factor = terms.pop(g.index(index), Fraction(0))
            if abs(factor) == 1 and all(n is None or index not in n.free for n in terms):
                rest = {n: -f * factor for n, f in terms.items()}
                rest[g.index(k)] = factor
                return index, g.from_affine(rest)
            if factor:
                terms[g.index(index)] = factor
        return None

    def _within(self, value: Node, index: Index) -> Node:
        """Whether the value is one that the index takes."""
        g = self.graph
        low = self._comparison("ge", value, g.extent(index.low))
        return g.both(low, self._comparison("lt", value, g.extent(end_of(index))))

    def divided(self, numerator: Node, count: Node, depth: int = 4) -> Node:
        """The quotient; a mean where it is a sum over the number of its terms."""
        g = self.graph
        match numerator.op, numerator.args:
            case _ if not depth:
                pass
            case "read", _:
                stage = self.table.stages.get(str(numerator.value))
                if stage is not None and stage.op == "sum" and self._counts(stage, numerator.args, count):
                    name = self.table.add(
                        stage.name.replace("sum", "mean"), stage.out, "mean", stage.reduced, stage.where, stage.body
                    )
                    return self.table.read(name, numerator.args)
            case "neg", (a,):
                return -self.divided(a, count, depth - 1)
            case "mul", (a, b) if (found := self._mean(b, count, depth)) is not None:
                return a * found
            case "mul", (a, b) if (found := self._mean(a, count, depth)) is not None:
                return found * b
            case (("add" | "sub"), (a, b)):
                first, second = self._mean(a, count, depth), self._mean(b, count, depth)
                if first is not None and second is not None:
                    return g.apply(numerator.op, first, second)
        return numerator / count

    def _mean(self, node: Node, count: Node, depth: int) -> Node | None:
        """node/count if that becomes a mean."""
        found = self.divided(node, count, depth - 1)
        return None if found.op == "div" else found

    def _counts(self, stage: Stage, at: Sequence[Node], count: Node) -> bool:
        """Whether `count` is max(1, the number of terms of the stage), where the stage is read at `at`."""
        g = self.graph
        counted = g.const(1) if stage.where is not None else None
        number = volume(g, stage.reduced)
        if counted is not None:
            assert stage.where is not None
            out = tuple(i for i in stage.out if i in stage.where.free)
            number = self.table.value("count", out, "sum", stage.reduced, stage.where, counted)
            number = g.substitute(number, dict(zip(stage.out, at, strict=True)))
        return count is g.apply("max", number, g.const(1)) or count is number

    def _exponential(self, node: Node) -> Node | None:
        """exp(node) where it is a softmax or a sigmoid."""
        if node.op == "log_sigmoid":
            return self.graph.apply("sigmoid", *node.args)
        stage = self.table.stages.get(str(node.value)) if node.op == "read" else None
        if stage is None or stage.op != "log_softmax":
            return None
        label = stage.name.replace("log_", "", 1)
        name = self.table.add(label, stage.out, "softmax", stage.reduced, stage.where, stage.body)
        return self.table.read(name, node.args)

    def _normalised(self, op: str, e: Node, total: Node) -> Node | None:
        """softmax or log_softmax, where `total` is the logsumexp of what `e` is an element of."""
        stage = self.table.stages.get(str(total.value)) if total.op == "read" else None
        if stage is None or stage.op != "logsumexp" or stage.where is not None or len(stage.reduced) != 1:
            return None
        (along,) = stage.reduced
        if along.high.name == "..":  # a softmax runs along one axis
            return None
        found = instance(self.graph, stage.body, e, dict(zip(stage.out, total.args, strict=True)))
        if found is None or along not in found:
            return None
        at = fresh_index(along, [*stage.out, along])
        label = stage.name.replace("logsumexp", op) if "logsumexp" in stage.name else op
        name = self.table.add(label, (*stage.out, at), op, (along,), None, stage.body)
        return self.table.read(name, (*total.args, found[along]))
