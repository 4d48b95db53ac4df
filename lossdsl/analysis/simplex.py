"""Losses of a row of logits that are functions of softmax probabilities: of the right class's, and of sums over all.

With p = softmax(logits) and k the label, such a loss is F(p[k], B1, B2, ...) with each B a sum of b(p[c]) over classes.
It is found by walking the formula with log(p[c]) + s for the logits, s their logsumexp; s has to cancel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lossdsl.analysis.labelled import CLASSES, labelled
from lossdsl.analysis.numbers import Undecided, x
from lossdsl.analysis.operations import definition
from lossdsl.analysis.view import View
from lossdsl.functions.lazy import sympy
from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import Stage
from lossdsl.meaning.core import Extent

LONGEST = 60
"""Operations of a formula that is still worked on."""


@dataclass(frozen=True)
class Score:
    """F(t, B...): `formula` in `x`, the probability of the right class, and in the symbols of the sums.

    `sums` has each symbol with the function of one probability, again of `x`, that is summed over all classes.
    """

    formula: Any
    sums: tuple[tuple[Any, Any], ...]
    sized: bool
    """Whether the number of classes entered, so that it is about three."""

    @property
    def local(self) -> bool:
        """Whether only the probability of the right class counts."""
        return not self.sums

    @property
    def slope(self) -> Any:
        """dF/dt."""
        return sympy().diff(self.formula, x())

    def summed(self, expression: Any) -> Any:
        """The sum over all classes of an expression in x, in terms of the sums that there are."""
        sp = sympy()
        known = {b: symbol for symbol, b in self.sums}
        total = sp.Integer(0)
        for term in sp.Add.make_args(sp.expand(expression)):
            factor, part = term.as_independent(x(), as_Add=False)
            if part == 1:
                raise Undecided("a sum with as many ones as there are classes")
            value = sp.Integer(1) if part == x() else known.get(part)
            if value is None:
                raise Undecided(f"the sum of {part} over the classes")
            total += factor * value
        return total


def score(view: View) -> Score:
    """The function of probabilities; Undecided where the loss is none."""
    sp = sympy()
    walk = _Walk(view)
    formula = _tidy(walk.loss())
    sized = formula.has(walk.count)
    formula = formula.subs(walk.count, CLASSES)
    if formula.has(walk.shift) or formula.has(walk.each) or sp.count_ops(formula) > LONGEST:
        raise Undecided("a function of softmax probabilities")
    used = tuple((symbol, b.subs(walk.each, x())) for b, symbol in walk.sums.items() if formula.has(symbol))
    found = formula.subs(walk.right, x())
    if not found.has(x()):
        raise Undecided("a function of the probability of the right class")
    return Score(found, used, sized)


def _tidy(expression: Any) -> Any:
    sp = sympy()
    expanded = sp.expand(expression)
    return expanded if sp.count_ops(expanded) <= sp.count_ops(expression) else expression


@dataclass(frozen=True)
class Pair:
    """A number at the class of the label, and at any other class; without a class in sight, both are the same."""

    own: Any
    other: Any

    @property
    def alone(self) -> bool:
        return bool(self.own == self.other)


class _Walk:
    """The values of nodes as functions of probabilities."""

    def __init__(self, view: View) -> None:
        sp = sympy()
        self.view, self.table = view, view.lowered.table
        self.right, self.each = sp.Symbol("t", positive=True), sp.Symbol("q", positive=True)
        self.shift, self.count = sp.Symbol("s", real=True), sp.Symbol("c", integer=True, positive=True)
        self.sums: dict[Any, Any] = {}
        self.nodes: dict[int, Pair] = {}
        self.stages: dict[str, Any] = {}
        self.row = labelled(view)
        self.logits, self.label = self.row.scores.name, self.row.label.name
        self.free = tuple(view.lowered.graph.index(i) for i in view.lowered.free)

    def loss(self) -> Any:
        """The loss of one row."""
        found = self._of(self.view.lowered.element)
        if not found.alone:
            raise Undecided("a class outside of a sum")
        return found.own

    def _of(self, root: Node) -> Pair:
        for node in reachable([root], stop=lambda n: n.id in self.nodes):
            if node.id not in self.nodes and not self._is_position(node):
                self.nodes[node.id] = self._value(node)
        return self.nodes[root.id]

    def _is_position(self, node: Node) -> bool:
        """Whether a node only says where something is read: an index, or the label."""
        return node.op == "index" or (node.op == "read" and node.value == self.label)

    def _value(self, node: Node) -> Pair:
        sp = sympy()
        match node.op:
            case "const" if isinstance(node.value, Fraction):
                return _alone(sp.Rational(node.value.numerator, node.value.denominator))
            case "extent" if isinstance(node.value, Extent) and node.value == self._axis:
                return _alone(self.count)
            case "read":
                return self._read(node)
            case "eq" | "ne" if all(map(self._is_position, node.args)) and len({a.op for a in node.args}) == 2:
                return Pair(node.op == "eq", node.op == "ne")
        if any(map(self._is_position, node.args)):
            raise Undecided("a class as a number")
        args = [self.nodes[a.id] for a in node.args]
        if node.op == "where":
            return Pair(
                args[1].own if args[0].own is True else args[2].own,
                args[1].other if args[0].other is True else args[2].other,
            )
        if node.kind == "bool":
            raise Undecided("a condition on probabilities")
        return Pair(self._apply(node.op, [a.own for a in args]), self._apply(node.op, [a.other for a in args]))

    @property
    def _axis(self) -> Extent:
        return self.row.scores.axes[-1]

    def _apply(self, op: str, args: Sequence[Any]) -> Any:
        sp = sympy()
        if op in ("max", "min") and all(a.is_number or not a.free_symbols - {self.count} for a in args):
            return (sp.Max if op == "max" else sp.Min)(*args)
        if op not in TABLE or op in ("max", "min", "abs", "sign", "clip", "relu"):
            raise Undecided(f"{op} of probabilities")
        if op == "pow":
            return args[0] ** args[1]
        return sp.powdenest(definition(op, args))

    def _read(self, node: Node) -> Pair:
        name = str(node.value)
        if name in self.view.numbers:
            value = self.view.numbers[name]
            return _alone(sympy().Rational(value.numerator, value.denominator))
        if name in self.table.stages:
            if node.args != self.free:
                raise Undecided(f"where {name} is read")
            if name not in self.stages:
                self.stages[name] = self._stage(self.table.stages[name])
            return _alone(self.stages[name])
        if name != self.logits or node.args[:-1] != self.free:
            raise Undecided(f"the value of {name}")
        sp = sympy()
        own, other = (sp.log(p) + self.shift for p in (self.right, self.each))
        return Pair(own, other) if node.args[-1].op == "index" else _alone(own)

    def _stage(self, stage: Stage) -> Any:
        sp = sympy()
        indices = tuple(self.view.lowered.graph.index(i) for i in stage.out)
        over = stage.reduced[0].high if len(stage.reduced) == 1 else None
        if indices != self.free or stage.positions or over != self._axis or stage.op not in ("sum", "logsumexp"):
            raise Undecided(f"{stage.op} of probabilities")
        body = self._of(stage.body)
        where = Pair(True, True) if stage.where is None else self._of(stage.where)
        if stage.op == "sum":
            return self._sum(body, where)
        inside = Pair(sp.exp(body.own), sp.exp(body.other))
        total = sp.powsimp(sp.factor_terms(self._sum(inside, where)))
        return sp.expand_log(sp.log(total), force=True)

    def _sum(self, body: Pair, where: Pair) -> Any:
        """Over the classes for which the condition holds: those of the others are all, less the one at the label."""
        sp = sympy()
        total = body.own if where.own is True else sp.Integer(0)
        if where.other is not True:
            return total
        missing = body.other.subs(self.each, self.right)
        return sp.expand(total - missing) + self._over_all(body.other)

    def _over_all(self, expression: Any) -> Any:
        """The sum over all classes: of probabilities themselves 1."""
        sp = sympy()
        found = sp.Integer(0)
        for term in sp.Add.make_args(sp.expand(expression, power_base=False)):
            factor, part = term.as_independent(self.each, as_Add=False)
            if part == 1:
                found += factor * self.count
            elif part == self.each:
                found += factor
            elif part.free_symbols != {self.each}:
                raise Undecided("a sum over the classes in which two things are mixed")
            else:
                found += factor * self.sums.setdefault(
                    part, sp.Symbol(f"b{len(self.sums)}", real=True, positive=part.is_positive)
                )
        return found


def _alone(value: Any) -> Pair:
    return Pair(value, value)
