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
from lossdsl.rewrite.greatest_exponent import TYPED
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
    return _joined(table, "div", numerator, denominator)


def product(table: StageTable, a: Node, b: Node) -> Node | None:
    """a*b where one overflows and the other is rounded to 0, on one side of 0."""
    return _joined(table, "mul", a, b)


def total(table: StageTable, op: str, a: Node, b: Node) -> Node | None:
    """a + b or a - b where both overflow on one side of 0, with signs that may be opposite."""
    return _joined(table, op, a, b)


def _exponents(table: StageTable, node: Node, args: list[tuple[Node, ...]]) -> tuple[Node, ...]:
    """What the exponentials in a sum of powers are taken of, without the numbers that it is multiplied with.

    At most two, which is one too many.
    """
    if node.id in table.facts.get(TYPED, {}):
        return EXPONENTS.of(table, table.facts[TYPED][node.id])
    if node.op in OPEN and not is_one_number(table, node):
        return (_stripped(node.args[0]),)
    return tuple(dict.fromkeys(x for found in args for x in found))[:2] if node.op in PASSING else ()


PASSING = frozenset({"add", "sub", "neg", "mul", "guarded_mul", "div", "pow", "sqrt", "abs", "hypot"})
EXPONENTS: Property[tuple[Node, ...]] = Property("exponents", _exponents, lambda table, stage: ())


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

    def top(self, powers: Powers) -> Fraction:
        """The power that wins on this side."""
        return max(powers, key=lambda k: k * self.direction)

    def rest(self, powers: Powers) -> Node:
        """What it is multiplied with."""
        top, *others = sorted(powers, key=lambda k: -k * self.direction)
        result = powers[top]
        for k in others:
            result = _plain("add", result, _plain("mul", powers[k], self.power(k - top)))
        return result

    def powers(self, root: Node) -> Powers | None:
        """The expression as a sum of powers of exp(x); None for what is no such sum, or grows as fast otherwise.

        Remembered for every node, so that a sum that grows term by term costs no more than its terms.
        """
        key = ("powers of exponentials", f"{self.x.id} {self.direction}")
        found: dict[int, Powers | None] = self.table.facts.setdefault(key, {})
        for node in reachable([root], stop=lambda n: n.id in found or n.op in OPEN or not self._exponents(n)):
            if node.id in found:
                continue
            typed = self.table.facts.get(TYPED, {}).get(node.id)
            if typed is not None:
                found[node.id] = self.powers(typed)
            elif not self._exponents(node):
                slow = abs(DEGREE.of(self.table, node)) < LIMIT
                found[node.id] = ({Fraction(0): node} if not node.is_value(0) else {}) if slow else None
            elif node.op in OPEN:
                found[node.id] = self._function(node)
            else:
                args = [powers for a in node.args if (powers := found.get(a.id)) is not None]
                powers = self._combined(node, args) if len(args) == len(node.args) else None
                found[node.id] = powers if powers and all(abs(k) <= HIGHEST for k in powers) else None
        return found[root.id]

    def _exponents(self, node: Node) -> tuple[Node, ...]:
        return EXPONENTS.of(self.table, node)

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
            result[k] = _plain(op, result.get(k, zero), c)
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
                return {self.top(a) - self.top(b): _plain("div", self.rest(a), self.rest(b))}
            case "pow", [a, _] if isinstance(power := node.args[1].value, Fraction) and a:
                return {self.top(a) * power: self.rest(a) ** power}
            case "hypot", [a, b] if a and b:
                top = self.top({**a, **b})
                sides = (_plain("mul", self.rest(each), self.power(self.top(each) - top)) for each in (a, b))
                return {top: g.apply("hypot", *sides)}
            case (("sqrt" | "abs"), [a]) if a:
                top = self.top(a)
                return {top / 2 if node.op == "sqrt" else top: g.apply(node.op, self.rest(a))}
        return None


def _plain(op: str, a: Node, b: Node) -> Node:
    """The operation without any rule but those for numbers: what is left of a sum neither overflows nor cancels."""
    return a.graph.apply(op, a, b) if a.is_const or b.is_const else a.graph.raw(op, a, b)


def _times(a: Powers, b: Powers) -> Powers | None:
    if len(a) * len(b) > MOST_TERMS:
        return None
    result: Powers = {}
    for j, c in a.items():
        for k, d in b.items():
            both = _plain("mul", c, d)
            result[j + k] = _plain("add", result[j + k], both) if j + k in result else both
    return {k: c for k, c in result.items() if not c.is_value(0)}


def _joined(table: StageTable, op: str, a: Node, b: Node) -> Node | None:
    found = [EXPONENTS.of(table, side) for side in (a, b)]
    if len(found[0]) != 1 or found[0] != found[1]:
        return None
    (x,) = found[0]
    far: dict[int, Node] = {}
    for direction in (1, -1):
        if sign(table, -direction * x) != "any":
            continue  # there is nothing on this side
        side = _Side(table, x, direction)
        first, second = side.powers(a), side.powers(b)
        if not first or not second:
            return None
        form = _far(side, op, first, second)
        if form is not None:
            far[direction] = form
    if not far:
        return None
    result = _chosen(x, op, a, b, far)
    table.facts.setdefault(TYPED, {})[result.id] = table.graph.raw(op, a, b)
    return result


def _far(side: _Side, op: str, a: Powers, b: Powers) -> Node | None:
    """What the operation is on one side; None where nothing overflows there that it does not, too."""
    j, k = side.top(a), side.top(b)
    if op in ("add", "sub"):
        signs = (sign(side.table, a[j]), sign(side.table, b[k] if op == "add" else -b[k]))
        meet = min(j * side.direction, k * side.direction) > 0 and "any" in signs
        terms = side.combined(op, [a, b]) if meet else None
        if not terms:
            return None
        power, rest = side.top(terms), side.rest(terms)
    elif op == "div" and j * k > 0:
        power, rest = j - k, _plain("div", side.rest(a), side.rest(b))
    elif op == "mul" and j * k < 0:
        power, rest = j + k, _plain("mul", side.rest(a), side.rest(b))
    else:
        return None
    return _plain("mul", rest, side.power(power)) if power else rest


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
