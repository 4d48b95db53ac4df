"""What a formula does when its inputs are moved together: shifted, mirrored or scaled, proved operation by operation.

Three actions on predictions p and the data y that go with them:

* shift: p + h, y + h.  A value that becomes v + c*h has the answer c; 0 is invariant.
* flip:  -p, -y.  A value that stays has the answer 1, one that changes its sign -1.
* scale: k*p, k*y for k > 0.  A value that becomes k^d*v has the answer d.

None: not known.  `NOTHING` is the answer for the constant 0, which does whatever is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Literal

from lossdsl.analysis.view import View
from lossdsl.calculus.gradient import needed_stages
from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import Stage, StageTable
from lossdsl.meaning.core import Arg

Action = Literal["shift", "flip", "scale"]


class Nothing:
    """The behaviour of 0."""


NOTHING = Nothing()
Behaviour = Fraction | Nothing | None

ODD = frozenset({"sin", "tan", "asin", "atan", "sinh", "tanh", "erf", "sign", "round", "neg", "stop_gradient"})
EVEN = frozenset({"cos", "cosh", "logcosh", "abs"})
COMPARISONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
TOGETHER = frozenset({"add", "sub", "max", "min", "clip"})
"""Functions that scale as their arguments do, where all do the same."""


def behaves(view: View, action: Action, moved: frozenset[str] | None = None) -> Fraction | None:
    """What an action does to an element of the loss; `moved` are the arguments that are moved."""
    names = moves(view, action) if moved is None else moved
    found = _Behaviours(view.lowered.table, action, names, view.numbers).of(view.element)
    neutral = {"shift": Fraction(0), "flip": Fraction(1), "scale": Fraction(0)}[action]
    return neutral if isinstance(found, Nothing) else found


def moves(view: View, action: Action) -> frozenset[str]:
    """The predictions, and the data that lie in the same space."""
    data = [a for a in view.data if not (a.whole and action != "flip") and _is_moved(a, action)]
    return frozenset(a.name for a in (*view.predictions, *data))


def _is_moved(arg: Arg, action: Action) -> bool:
    """Whether the action keeps the domain, or, for a shift, most of it."""
    if arg.role != "data" or any(part.kind == "axis" for part in arg.domain):
        return False
    if action == "flip" and arg.domain:
        return all({-v for v in part.values} == set(part.values) and part.kind == "set" for part in arg.domain)
    if action == "scale":
        return all(part.low in (Fraction(0), "-inf") and part.high in (Fraction(0), "inf") for part in arg.domain)
    return all(part.kind == "interval" and part.high == "inf" for part in arg.domain)


class _Behaviours:
    def __init__(
        self, table: StageTable, action: Action, moved: frozenset[str], numbers: Mapping[str, Fraction]
    ) -> None:
        self.table, self.action, self.moved, self.numbers = table, action, moved, numbers
        self.nodes: dict[int, Behaviour] = {}
        self.stages: dict[str, Behaviour] = {}
        self.still = Fraction(1 if action == "flip" else 0)

    def of(self, root: Node) -> Behaviour:
        for stage in needed_stages(self.table, [root]):
            if stage.name not in self.stages:
                self.stages[stage.name] = self._stage(stage)
        return self._node(root)

    def _node(self, root: Node) -> Behaviour:
        for node in reachable([root], stop=lambda n: n.id in self.nodes):
            if node.id not in self.nodes:
                self.nodes[node.id] = self._value(node, [self.nodes[a.id] for a in node.args])
        return self.nodes[root.id]

    def _value(self, node: Node, args: Sequence[Behaviour]) -> Behaviour:
        if node.is_const:
            return NOTHING if node.is_value(0) else self.still
        if node.op == "read":
            return self._read(str(node.value), args)
        if node.op in ("index", "extent"):
            return self.still
        if node.op == "where":
            return self._together(args[1:]) if args[0] == self.still else None
        found = {"shift": self._shift, "flip": self._flip, "scale": self._scale}[self.action](node, args)
        if found is None and all(a == self.still or isinstance(a, Nothing) for a in args):
            return self.still
        return found

    def _read(self, name: str, positions: Sequence[Behaviour]) -> Behaviour:
        if any(p not in (self.still, None) and not isinstance(p, Nothing) for p in positions) or None in positions:
            return None
        if name in self.stages:
            return self.stages[name]
        if name in self.moved:
            return Fraction(-1 if self.action == "flip" else 1)
        return self.still

    def _together(self, args: Sequence[Behaviour]) -> Behaviour:
        """The behaviour that all have."""
        given = [a for a in args if not isinstance(a, Nothing)]
        if not given:
            return NOTHING
        return given[0] if given[0] is not None and all(a == given[0] for a in given) else None

    def _number(self, node: Node) -> Fraction | None:
        """A constant, or a hyperparameter."""
        if node.is_const and isinstance(node.value, Fraction):
            return node.value
        return self.numbers.get(str(node.value)) if node.op == "read" and not node.args else None

    def _shift(self, node: Node, args: Sequence[Behaviour]) -> Behaviour:
        known = [Fraction(0) if isinstance(a, Nothing) else a for a in args]
        if None in known:
            return None
        shifts = [a for a in known if a is not None]
        match node.op:
            case "add":
                return shifts[0] + shifts[1]
            case "sub":
                return shifts[0] - shifts[1]
            case "neg":
                return -shifts[0]
            case "stop_gradient":
                return shifts[0]
            case "mul":
                for factor, other in zip(node.args, shifts[::-1], strict=True):
                    number = self._number(factor)
                    if number is not None:
                        return number * other
            case "div":
                number = self._number(node.args[1])
                return shifts[0] / number if number else None
            case "max" | "min" | "clip" | "logaddexp":
                return shifts[0] if len(set(shifts)) == 1 else None
            case op if op in COMPARISONS:
                return Fraction(0) if len(set(shifts)) == 1 else None
            case "softmax_weight":
                return Fraction(0) if len(set(shifts)) == 1 else None
        return None

    def _flip(self, node: Node, args: Sequence[Behaviour]) -> Behaviour:
        match node.op:
            case "add" | "sub":
                return self._together(args)
            case "mul" | "div":
                return self._signs(args)
            case "pow":
                number = self._number(node.args[1])
                if number is not None and number.denominator == 1 and isinstance(args[0], Fraction):
                    return args[0] ** int(number)
            case op if op in ODD:
                return args[0]
            case op if op in EVEN:
                return None if args[0] is None else Fraction(1)
            case "eq" | "ne":
                return None if self._together(args) is None else Fraction(1)
        return None

    def _signs(self, args: Sequence[Behaviour]) -> Behaviour:
        if any(isinstance(a, Nothing) for a in args):
            return NOTHING
        return None if None in args else args[0] * args[1]  # type: ignore[operator]

    def _scale(self, node: Node, args: Sequence[Behaviour]) -> Behaviour:
        match node.op:
            case op if op in TOGETHER:
                return self._together(args)
            case "neg" | "abs" | "relu" | "stop_gradient":
                return args[0]
            case "sqrt":
                return args[0] / 2 if isinstance(args[0], Fraction) else args[0]
            case "mul" | "div" if None not in args:
                if any(isinstance(a, Nothing) for a in args):
                    return NOTHING
                a, b = (a for a in args if isinstance(a, Fraction))
                return a + b if node.op == "mul" else a - b
            case "pow":
                number = self._number(node.args[1])
                return args[0] * number if number is not None and isinstance(args[0], Fraction) else None
            case "sign":
                return None if args[0] is None else Fraction(0)
            case "xlogy" if args[1] == Fraction(0):
                return args[0]
            case op if op in COMPARISONS:
                return None if self._together(args) is None else Fraction(0)
        return None

    def _stage(self, stage: Stage) -> Behaviour:
        """Of a reduction: where its condition does not change."""
        if stage.positions or any(self._node(r) not in (self.still,) for r in stage.roots[1:]):
            return None
        body = self._node(stage.body)
        if body is None or body == self.still or isinstance(body, Nothing):
            return body if stage.op not in ("prod", "logsumexp") or body is None else self.still
        match self.action, stage.op:
            case "shift", "max" | "min" | "logsumexp":
                return body
            case "shift" | "scale", "argmax" | "argmin":
                return self.still
            case "flip", "sum":
                return body
            case "flip", "norm":
                return Fraction(1)
            case "scale", "sum" | "max" | "min" | "norm":
                return body
        return None
