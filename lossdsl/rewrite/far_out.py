"""Products and quotients as people type them, at inputs so large that their parts overflow.

x^3*exp(-x) and (x^3 + x)/(1 + x^4) are tiny at 1e200, but as typed they are inf*0 and inf/inf.  An exponential falls
faster than any power grows, so there its 0 wins; a quotient of polynomials in x is, for |x| > 1, one of polynomials in
1/x times a power of x, and none of these overflows before the quotient does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import Stage, StageTable
from lossdsl.rewrite.facts import Property
from lossdsl.rewrite.finite import is_one_number
from lossdsl.rewrite.overflow import DEGREE, EXPONENTIAL, LIMIT, is_steep

VANISHING = frozenset({"exp", "sigmoid", "erfc", "normal_cdf", "normal_hazard", "softplus"})
"""Functions that fall exponentially on one side at least, and are rounded to 0 there."""
LARGEST_POWER = 64


def fading_product(table: StageTable, a: Node, b: Node) -> Node | None:
    """A product in which the 0 of one factor wins: where it is rounded to 0, the other one is only a power of x."""
    for growing, fading in ((a, b), (b, a)):
        if is_steep(table, growing) and POLYNOMIAL.of(table, growing):
            if _inputs(table, growing) <= _fades_in(table, fading):
                return table.graph.raw("guarded_mul", a, b)
    return None


def _is_polynomial(table: StageTable, node: Node, args: list[bool]) -> bool:
    """Whether an expression grows as some power of its inputs at most."""
    if node.op == "pow" and not is_one_number(table, node.args[1]):
        return False
    return node.op not in EXPONENTIAL and all(args)


def _is_polynomial_stage(table: StageTable, stage: Stage) -> bool:
    return stage.op != "prod" and POLYNOMIAL.of(table, stage.body)


POLYNOMIAL: Property[bool] = Property("polynomial", _is_polynomial, _is_polynomial_stage)


def _inputs(table: StageTable, node: Node) -> frozenset[Node]:
    return frozenset(n for n in reachable([node]) if n.op == "read" and not is_one_number(table, n))


def _fades_in(table: StageTable, root: Node) -> frozenset[Node]:
    """The inputs in which a product falls exponentially; those of exponentials that are terms of a sum are not."""
    found: frozenset[Node] = frozenset()
    pending, seen = [root], set[int]()
    while pending:
        node = pending.pop()
        if node.id in seen:  # a product that is doubled k times has 2^k factors, and k nodes
            continue
        seen.add(node.id)
        match node.op, node.args:
            case (("mul" | "guarded_mul"), (a, b)):
                pending += [a, b]
            case (("neg" | "abs" | "sqrt"), (a,)):
                pending.append(a)
            case (("div" | "pow"), (a, _)):
                pending.append(a)
            case op, args if op in VANISHING and any(DEGREE.of(table, a) > 0 for a in args):
                found |= _inputs(table, node)
    return found


# ---------------------------------------------------------------- quotients of polynomials


@dataclass(frozen=True)
class _Scaled:
    """A polynomial as x^degree times a polynomial in 1/x, which is near its leading coefficient for large x."""

    degree: int
    rest: Node


def rational(table: StageTable, numerator: Node, denominator: Node) -> Node | None:
    """p(x)/q(x) where p overflows before the quotient does: for |x| > 1 by 1/x, in the order of operations as typed."""
    if not is_steep(table, numerator) or not 1 <= DEGREE.of(table, denominator) < LIMIT:
        return None
    g = table.graph
    for x in _bases(numerator):
        t = g.const(1) / x
        above, below = _scaled(table, numerator, x, t), _scaled(table, denominator, x, t)
        if above is None or below is None or min(above.degree, below.degree) < 1:
            continue
        excess = above.degree - below.degree
        factor = x**excess if excess >= 0 else t**-excess
        near = g.apply("le", g.apply("abs", x), g.const(1))
        return g.where(near, g.raw("div", numerator, denominator), above.rest / below.rest * factor)
    return None


def _bases(node: Node) -> Iterator[Node]:
    """What powers are taken of in a polynomial, each once."""
    powers = [n for n in reachable([node]) if n.op == "pow" or (n.op == "mul" and n.args[0] is n.args[1])]
    yield from dict.fromkeys(n.args[0] for n in powers)


def _scaled(table: StageTable, root: Node, x: Node, t: Node) -> _Scaled | None:
    """The polynomial by its degree in x and the rest in t = 1/x; None for what is no polynomial in x alone."""
    found: dict[int, _Scaled | None] = {}
    for node in reachable([root], stop=lambda n: n is x or is_one_number(table, n)):
        if node is x:
            found[node.id] = _Scaled(1, x.graph.const(1))
        elif is_one_number(table, node):
            found[node.id] = _Scaled(0, node)
        else:
            parts = [part for a in node.args if (part := found.get(a.id)) is not None]
            found[node.id] = _combined(node, parts, t) if len(parts) == len(node.args) > 0 else None
    return found[root.id]


def _combined(node: Node, parts: list[_Scaled], t: Node) -> _Scaled | None:
    match node.op, parts:
        case (("add" | "sub"), [a, b]):
            degree = max(a.degree, b.degree)
            sides = (part.rest * t ** (degree - part.degree) for part in parts)
            return _Scaled(degree, node.graph.apply(node.op, *sides))
        case "neg", [a]:
            return _Scaled(a.degree, -a.rest)
        case "mul", [a, b]:
            return _Scaled(a.degree + b.degree, a.rest * b.rest)
        case "div", [a, _Scaled(degree=0, rest=number)]:
            return _Scaled(a.degree, a.rest / number)
        case "pow", [a, _] if isinstance(power := node.args[1].value, Fraction) and power.denominator == 1:
            whole = power.numerator
            return _Scaled(a.degree * whole, a.rest**whole) if 0 < whole <= LARGEST_POWER else None
    return None
