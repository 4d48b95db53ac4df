"""Quotients and products of exponentials as people type them, where one side overflows or both do.

exp(x)/(2 + cosh(x)) is near 2 at 800, but as typed it is inf/inf; exp(-x)*cosh(x) is near 1/2 and 0*inf.  Both sides
are sums of powers of u = exp(x), times what grows slowly.  Far from 0 the power that wins there is taken out of each,
what is left over is made of exponentials that fall, and the powers meet in one exponent.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.facts import Property
from lossdsl.rewrite.finite import is_one_number
from lossdsl.rewrite.overflow import DEGREE, LIMIT
from lossdsl.rewrite.signs import sign

Powers = dict[Fraction, Node]
"""A sum of powers of exp(x): the coefficient of each."""
MOST_TERMS = 16
HIGHEST = 64
OPEN = frozenset({"exp", "expm1", "cosh", "sinh", "sigmoid"})
"""Functions that are written as powers of exp(x); of others only sums, products, powers and absolute values are."""
HALF = Fraction(1, 2)


def quotient(table: StageTable, numerator: Node, denominator: Node) -> Node | None:
    """a/b where both overflow, or both are rounded to 0, on one side of 0."""
    if not (_has_exponential(table, numerator) and _has_exponential(table, denominator)):
        return None
    return _joined(table, "div", numerator, denominator)


def product(table: StageTable, a: Node, b: Node) -> Node | None:
    """a*b where one overflows and the other is rounded to 0, on one side of 0."""
    if not (_has_exponential(table, a) and _has_exponential(table, b)):
        return None
    return _joined(table, "mul", a, b)


def total(table: StageTable, op: str, a: Node, b: Node) -> Node | None:
    """a + b or a - b where both overflow on one side of 0, with signs that may be opposite."""
    if not (_has_exponential(table, a) and _has_exponential(table, b)):
        return None
    return _joined(table, op, a, b)


def _opens(table: StageTable, node: Node, args: list[bool]) -> bool:
    return (node.op in OPEN and not is_one_number(table, node)) or (node.op in PASSING and any(args))


PASSING = frozenset({"add", "sub", "neg", "mul", "guarded_mul", "div", "pow", "sqrt", "abs", "hypot", "where"})
_EXPONENTIAL: Property[bool] = Property("exponential", _opens, lambda table, stage: False)


def _has_exponential(table: StageTable, node: Node) -> bool:
    return _EXPONENTIAL.of(table, node)


@dataclass(frozen=True)
class _Side:
    """Where x > 1 (`direction` 1), or x < -1."""

    table: StageTable
    x: Node
    direction: int

    @property
    def away(self) -> Node:
        return self.x.graph.apply("abs", self.x)

    def power(self, k: Fraction) -> Node:
        """exp(k*x), by |x| where it falls, so that everyone sees that it does."""
        g = self.x.graph
        return g.apply("exp", -(abs(k) * self.away) if k * self.direction < 0 else k * self.x)

    def leading(self, powers: Powers) -> tuple[Fraction, Node]:
        """The power that wins on this side, and what it is multiplied with."""
        order = sorted(powers, key=lambda k: -k * self.direction)
        top, *others = order
        return top, self.x.graph.total([powers[top], *(powers[k] * self.power(k - top) for k in others)])

    def powers(self, root: Node) -> Powers | None:
        """The expression as a sum of powers of exp(x); None for what is no such sum, or grows as fast otherwise."""
        found: dict[int, Powers | None] = {}
        for node in reachable([root], stop=lambda n: not _has_exponential(self.table, n) or n.op in OPEN):
            if node.op in OPEN and _has_exponential(self.table, node):
                found[node.id] = self._function(node)
            elif not _has_exponential(self.table, node):
                slow = abs(DEGREE.of(self.table, node)) < LIMIT
                found[node.id] = ({Fraction(0): node} if not node.is_value(0) else {}) if slow else None
            elif node.op == "where":
                holds = self._holds(node.args[0])
                found[node.id] = None if holds is None else found[node.args[1 if holds else 2].id]
            else:
                args = [powers for a in node.args if (powers := found.get(a.id)) is not None]
                found[node.id] = self._combined(node, args) if len(args) == len(node.args) else None
        powers = found[root.id]
        return powers if powers and all(abs(k) <= HIGHEST for k in powers) else None

    def _holds(self, condition: Node) -> bool | None:
        """Whether a condition that `_chosen` writes holds on this side; None for any other."""
        g, x, one = self.x.graph, self.x, self.x.graph.const(1)
        return {
            g.apply("le", self.away, one): False,
            g.apply("gt", x, g.const(0)): self.direction > 0,
            g.apply("le", x, one): self.direction < 0,
            g.apply("ge", x, -one): self.direction > 0,
        }.get(condition)

    def _multiple(self, node: Node) -> Fraction | None:
        """k where the node is k*x on this side."""
        k = Fraction(1)
        while node is not self.x:
            if node is self.away:
                return k * self.direction
            inner = _inner(node)
            if inner is None:
                return None
            k, node = k * inner[0], inner[1]
        return k

    def _function(self, node: Node) -> Powers | None:
        k = self._multiple(node.args[0])
        if not k:
            return None
        one, half = self.x.graph.const(1), self.x.graph.const(HALF)
        match node.op:
            case "exp":
                return {k: one}
            case "expm1":
                return {k: one, Fraction(0): -one}
            case "cosh":
                return {k: half, -k: half}
            case "sinh":
                return {k: half, -k: -half}
        if k * self.direction > 0:
            return {Fraction(0): node}
        return {k: self.x.graph.apply("sigmoid", abs(k) * self.away)}

    def combined(self, op: str, terms: list[Powers]) -> Powers | None:
        """The sum of two, or their difference."""
        zero, (result, second) = self.x.graph.const(0), terms
        result = dict(result)
        for k, c in second.items():
            result[k] = self.x.graph.apply(op, result.get(k, zero), c)
        result = {k: c for k, c in result.items() if not c.is_value(0)}
        return result if len(result) <= MOST_TERMS else None

    def _combined(self, node: Node, args: list[Powers]) -> Powers | None:
        g = self.x.graph
        match node.op, args:
            case (("add" | "sub"), _):
                return self.combined(node.op, args)
            case "neg", [a]:
                return {k: -c for k, c in a.items()}
            case (("mul" | "guarded_mul"), [a, b]):
                return _times(a, b)
            case "pow", [a, _] if node.args[1].is_value(2):
                return _times(a, a)
            case "div", [a, b] if a and b:
                (j, c), (k, d) = self.leading(a), self.leading(b)
                return {j - k: _over(c, d)}
            case "pow", [a, _] if isinstance(power := node.args[1].value, Fraction) and a:
                k, c = self.leading(a)
                return {k * power: c**power}
            case "hypot", [a, b] if a and b:
                (j, c), (k, d) = self.leading(a), self.leading(b)
                top = max(j, k, key=lambda power: power * self.direction)
                sides = (each if power == top else each * self.power(power - top) for power, each in ((j, c), (k, d)))
                return {top: g.apply("hypot", *sides)}
            case (("sqrt" | "abs"), [a]) if a:
                k, c = self.leading(a)
                return {k / 2 if node.op == "sqrt" else k: g.apply(node.op, c)}
        return None


def _over(c: Node, d: Node) -> Node:
    """c/d as it is: neither overflows, so that no rule is asked."""
    return c if d.is_value(1) else c.graph.raw("div", c, d)


def _times(a: Powers, b: Powers) -> Powers | None:
    if len(a) * len(b) > MOST_TERMS:
        return None
    result: Powers = {}
    for j, c in a.items():
        for k, d in b.items():
            result[j + k] = result[j + k] + c * d if j + k in result else c * d
    return {k: c for k, c in result.items() if not c.is_value(0)}


def _joined(table: StageTable, op: str, a: Node, b: Node) -> Node | None:
    x = _argument(table, [a, b])
    if x is None or is_one_number(table, x):
        return None
    far: dict[int, Node] = {}
    for direction in (1, -1):
        if sign(table, -direction * x) != "any":
            continue  # there is nothing on this side
        side = _Side(table, x, direction)
        first, second = side.powers(a), side.powers(b)
        if first is None or second is None:
            return None
        found = _far(side, op, first, second)
        if found is not None:
            far[direction] = found
    return _chosen(x, op, a, b, far) if far else None


def _far(side: _Side, op: str, a: Powers, b: Powers) -> Node | None:
    """What the operation is on one side; None where nothing overflows there that it does not, too."""
    (j, c), (k, d) = side.leading(a), side.leading(b)
    if op in ("add", "sub"):
        signs = (sign(side.table, a[j]), sign(side.table, b[k] if op == "add" else -b[k]))
        meet = min(j * side.direction, k * side.direction) > 0 and "any" in signs
        terms = side.combined(op, [a, b]) if meet else None
        if not terms:
            return None
        power, rest = side.leading(terms)
    elif op == "div" and j * k > 0:
        power, rest = j - k, _over(c, d)
    elif op == "mul" and j * k < 0:
        power, rest = j + k, c * d
    else:
        return None
    return rest * side.power(power) if power else rest


def _chosen(x: Node, op: str, a: Node, b: Node, far: dict[int, Node]) -> Node:
    """The operation as typed near 0, and on a side where nothing overflows; else the form for that side."""
    g = x.graph
    if len(far) == 1:
        (direction,) = far
        near = g.apply("le", x, g.const(1)) if direction > 0 else g.apply("ge", x, g.const(-1))
        other = far[direction]
    else:
        near = g.apply("le", g.apply("abs", x), g.const(1))
        other = g.where(g.apply("gt", x, g.const(0)), far[1], far[-1])
    sides = (side.args[1] if side.op == "where" and side.args[0] is near else side for side in (a, b))
    return g.where(near, g.raw(op, *sides), other)


def _argument(table: StageTable, roots: list[Node]) -> Node | None:
    """The x of which all exponentials are taken, as exp(k*x); None where there are several."""
    found = {
        _stripped(n.args[0])
        for n in reachable(roots, stop=lambda n: not _has_exponential(table, n) or n.op in OPEN)
        if n.op in OPEN and _has_exponential(table, n)
    }
    return next(iter(found)) if len(found) == 1 else None


def _stripped(node: Node) -> Node:
    """The node without numbers that it is multiplied with, and without bars."""
    while True:
        inner = _inner(node)
        if inner is None and node.op != "abs":
            return node
        node = node.args[0] if inner is None else inner[1]


def _inner(node: Node) -> tuple[Fraction, Node] | None:
    match node.op, node.args:
        case "neg", (x,):
            return Fraction(-1), x
        case "mul", (c, x) if isinstance(c.value, Fraction):
            return c.value, x
        case "div", (x, c) if isinstance(c.value, Fraction) and c.value:
            return 1 / c.value, x
    return None
