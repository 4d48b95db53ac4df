"""Choices that one call computes: what is exactly the same, at less cost."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce

from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.simplify import MAX_EXACT_BITS
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.signs import sign

Powers = tuple[int, int, int]
"""Of |r|, of d, and of sign(r), which is 0 or 1: r is |r|*sign(r)."""
Polynomial = dict[Powers, Fraction]
HIGHEST = 8
"""The highest power that is looked at: Huber losses need 2, and those of what they are scaled by."""


def cheaper(table: StageTable, node: Node) -> Node | None:
    """The same value by fewer operations; None where no rule is known.

    With c = clip(r, -d, d), for d >= 0, and for their multiples by numbers and powers of d:
    r^2/2 if |r| <= d else d*|r| - d^2/2  ->  c*(r - c/2): Huber losses;
    r     if |r| <= d else d*sign(r)      ->  c:           their slopes.
    """
    match node.op, node.args:
        case "where", (condition, near, far) if condition.op in ("le", "lt") and condition.args[0].op == "abs":
            r, d = condition.args[0].args[0], condition.args[1]
            if sign(table, d) == "any":
                return None
            inner, outer = _polynomial(near, r, d), _polynomial(far, r, d)
            if inner is None or outer is None or len(inner) != 1:
                return None
            (power, m, odd), k = next(iter(inner.items()))
            clipped = node.graph.apply("clip", r, -d, d)
            if (power, odd) == (1, 1) and outer == _at(d, {(0, m + 1, 1): k}):
                return _scaled(clipped, d, k, m)
            if (power, odd) == (2, 0) and outer == _at(d, {(1, m + 1, 0): 2 * k, (0, m + 2, 0): -k}):
                return _scaled(clipped * (r - clipped / 2), d, 2 * k, m)
    return None


def _at(d: Node, polynomial: Polynomial) -> Polynomial:
    """The polynomial; where d is a number, with its value."""
    value = d.value
    if not isinstance(value, Fraction):
        return polynomial
    return {(a, 0, s): v * value**b for (a, b, s), v in polynomial.items()}


def _scaled(value: Node, d: Node, k: Fraction, m: int) -> Node:
    power = d if abs(m) == 1 else d ** abs(m)
    return k * (value if m == 0 else value * power if m > 0 else value / power)


def _polynomial(root: Node, r: Node, d: Node) -> Polynomial | None:
    """The coefficients of a polynomial in r, |r|, sign(r) and d, divided by powers of d perhaps; else None."""
    known: dict[int, Polynomial | None] = {}
    for node in reachable([root], stop=lambda n: n is r or n is d):
        known[node.id] = _combined(node, r, d, [known.get(a.id) for a in node.args])
    return known[root.id]


def _combined(node: Node, r: Node, d: Node, args: list[Polynomial | None]) -> Polynomial | None:
    one = Fraction(1)
    if isinstance(node.value, Fraction):
        return {(0, 0, 0): node.value} if node.value else {}
    if node is r or node is d:
        return {(1, 0, 1): one} if node is r else {(0, 1, 0): one}
    match node.op, args:
        case (("abs" | "sign"), _) if node.args[0] is r:
            return {(1, 0, 0): one} if node.op == "abs" else {(0, 0, 1): one}
        case "neg", [x]:
            return _product({(0, 0, 0): -one}, x)
        case (("add" | "sub"), [x, y]) if x is not None and y is not None:
            return _sum([*x.items(), *((k, v if node.op == "add" else -v) for k, v in y.items())])
        case "mul", [x, y]:
            return _product(x, y)
        case "pow", [x, _] if node.args[1].value in (2, 3, 4):
            start: Polynomial | None = {(0, 0, 0): one}
            return reduce(_product, [x] * int(str(node.args[1].value)), start)
        case "div", [x, y] if y is not None and [(a, s) for a, _, s in y] == [(0, 0)]:
            return _product(x, {(0, -b, 0): 1 / v for (_, b, _), v in y.items()})
    return None


def _product(first: Polynomial | None, second: Polynomial | None) -> Polynomial | None:
    if first is None or second is None:
        return None
    product = _sum(
        [((a + c, b + e, (s + t) % 2), v * w) for (a, b, s), v in first.items() for (c, e, t), w in second.items()]
    )
    small = all(max(map(abs, powers)) <= HIGHEST and _bits(v) <= MAX_EXACT_BITS for powers, v in product.items())
    return product if small else None


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _sum(terms: list[tuple[Powers, Fraction]]) -> Polynomial:
    total: Polynomial = {}
    for powers, value in terms:
        total[powers] = total.get(powers, Fraction(0)) + value
    return {powers: value for powers, value in total.items() if value}
