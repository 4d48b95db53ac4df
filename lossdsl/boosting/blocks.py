"""The second derivatives between the scores of one row, and what is known of them without computing them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from lossdsl.boosting.derivation import Derivation, Output
from lossdsl.boosting.intervals import Intervals, of_arguments
from lossdsl.boosting.substitution import Substitution
from lossdsl.calculus.gradient import needed_stages
from lossdsl.calculus.hessian import Entry, Jacobian, simplified
from lossdsl.calculus.terms import Term, collect
from lossdsl.ir.graph import Index, Node, reachable
from lossdsl.ir.stage import Stage


def block(derivation: Derivation) -> tuple[Output, Index]:
    """d gradient[n, c] / d score[n, d] over (n, c, d), of one prediction with several scores a row; and d."""
    table, g = derivation.table, derivation.graph
    output = derivation.gradient[derivation.only]
    jacobian = Jacobian(table, derivation.only, output.indices, output.node)
    row, column = jacobian.at
    onto = {row: g.index(output.indices[0])}
    target = (*output.indices, column)
    terms: list[Term] = []
    for entry in jacobian.of(output.node):
        memo: dict[int, Node] = {}
        pairs = tuple((g.substitute(a, onto, memo), g.substitute(b, onto, memo)) for a, b in entry.pairs)
        where, coefficient = g.substitute(entry.where, onto, memo), g.substitute(entry.coefficient, onto, memo)
        final = simplified(table, Entry(coefficient, entry.reduced, where, pairs))
        condition = g.both(final.where, *(g.apply("eq", a, b) for a, b in final.pairs))
        terms.append(Term(final.coefficient, final.reduced, condition, ()))
    return Output(collect(table, f"block_{derivation.only}", target, terms), target), column


def cross(derivation: Derivation, first: str, second: str) -> Node | None:
    """d gradient of one prediction / d another, in the same row; None where rows or elements are mixed."""
    return derivation.derivative(derivation.gradient[first].node, second)


def is_mixed(derivation: Derivation) -> bool:
    """Whether the scores of a row are tied together, so that the diagonal is not the whole Hessian."""
    names = [a.name for a in derivation.roles.scores]
    if len(names) > 1:
        found = [cross(derivation, a, b) for a in names for b in names if a != b]
        return any(node is None or not node.is_value(0) for node in found)
    if not derivation.roles.columns:
        return False
    return not _off_diagonal(derivation, *block(derivation)).is_value(0)


def _off_diagonal(derivation: Derivation, output: Output, column: Index) -> Node:
    """The block where its two columns differ."""
    g = derivation.graph
    own = g.index(output.indices[1])
    other = g.index(column)

    def replace(node: Node, args: Sequence[Node]) -> Node | None:
        if node.op in ("eq", "ne") and set(node.args) == {own, other}:
            return g.const(node.op == "ne")
        return None

    return Substitution(derivation.table, replace).of(output.node)


def is_softmax_like(derivation: Derivation) -> bool:
    """Whether the rows of the block add up to 0 and its off-diagonal is never positive, as with a softmax.

    The sum of the magnitudes along a row of the block is then twice the diagonal.
    """
    if len(derivation.roles.scores) != 1 or not derivation.roles.columns:
        return False
    if _Shift(derivation).of(derivation.lowered.element) != 0:
        return False
    apart = _off_diagonal(derivation, *block(derivation))
    around = Intervals(derivation.table, of_arguments(derivation.program)).of(apart)
    return around.high <= 0


class _Shift:
    """How fast numbers grow when one number is added to all scores of a row; None where it is no constant."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation, self.table = derivation, derivation.table
        self.names = {a.name for a in derivation.roles.scores}
        self._nodes: dict[int, Fraction | None] = {}
        self._stages: dict[str, Fraction | None] = {}

    def of(self, root: Node) -> Fraction | None:
        for stage in needed_stages(self.table, [root]):
            if stage.name not in self._stages:
                self._stages[stage.name] = self._stage(stage)
        return self._node(root)

    def _node(self, root: Node) -> Fraction | None:
        for node in reachable([root], stop=lambda n: n.id in self._nodes):
            if node.id not in self._nodes:
                self._nodes[node.id] = self._value(node)
        return self._nodes[root.id]

    def _value(self, node: Node) -> Fraction | None:
        if node.op == "read":
            name = str(node.value)
            return Fraction(1) if name in self.names else self._stages.get(name, Fraction(0))
        args = [self._nodes[a.id] for a in node.args]
        if any(a is None for a in args):
            return None
        rates = [a for a in args if a is not None]
        match node.op:
            case "add":
                return rates[0] + rates[1]
            case "sub":
                return rates[0] - rates[1]
            case "neg":
                return -rates[0]
            case "where" if rates[0] == 0 and rates[1] == rates[2]:
                return rates[1]
            case "max" | "min" if len(set(rates)) == 1:
                return rates[0]
            case "softmax_weight" | "lt" | "le" | "gt" | "ge" | "eq" | "ne" if rates[0] == rates[1]:
                return Fraction(0)
            case "mul" if node.args[0].is_const and isinstance(node.args[0].value, Fraction):
                return node.args[0].value * rates[1]
        return Fraction(0) if not any(rates) else None

    def _stage(self, stage: Stage) -> Fraction | None:
        rates = {self._node(r) for r in (stage.body, *([stage.where] if stage.where is not None else []))}
        body = self._node(stage.body)
        if stage.where is not None and self._node(stage.where) != 0:
            return None
        if stage.op in ("logsumexp", "max", "min"):
            return body
        return Fraction(0) if rates == {Fraction(0)} else None
