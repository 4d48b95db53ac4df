"""Derivatives of two functions at once, where link by link they cancel or overflow though the whole does neither.

A quotient by a power, x/y^n, falls by n (x/y^n)/y: link by link that is (x/y^n)/y^n times n y^(n-1), whose first factor
is infinite for y = 1e-13 in single precision.  The logarithm of a product has the derivative n/y by each of its
factors.  The slope of the sigmoid, s(x) s(-x), is even: link by link its derivative is a difference, which has no
digits left near 0.  And (x - y)/y falls by x/y^2 in y, of which the links make 1/y + (x - y)/y^2;
likewise the deviance of the gamma law, log(x/y) + y/x - 1, written as a quotient by x.  The derivative of x log(x) is
log(x) + 1, where the links say log(x) + x/x.
"""

from __future__ import annotations

from fractions import Fraction

from lossdsl.ir.graph import Node
from lossdsl.ir.opened import opened
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.overflow import is_steep

Link = tuple[Node, Node]
"""Something below a node, and the derivative by it."""
Power = tuple[Node, Fraction]
POWERS = ("mul", "pow", "neg")
MOST_FACTORS = 8


def compound(table: StageTable, node: Node) -> tuple[Link, ...] | None:
    """The derivatives of a node by what lies below its arguments; None where those by its arguments serve."""
    match node.op, node.args:
        case "mul", (a, b) if a.op == b.op == "sigmoid":
            return _of_slope(node, a.args[0], b.args[0])
        case "div", (a, b) if a.op == "sub" and b in a.args:
            x, y = a.args
            return _of_relative_difference(x, y, b)
        case "xlogy", (x, y) if x is y:
            return ((x, table.graph.apply("log", x) + 1),)
        case "div", (a, b) if a.op == "kl_div" and a.args[0] is b:
            return _of_gamma_deviance(b, a.args[1])
        case "div", (a, b) if b.op in POWERS:
            factors = _factors(table, b)
            return factors and ((a, 1 / b), *((y, -(n * (node / y))) for y, n in factors))
        case "log", (x,) if x.op in POWERS:
            factors = _factors(table, x)
            return factors and tuple((y, n / y) for y, n in factors)
    return None


def _of_slope(node: Node, x: Node, y: Node) -> tuple[Link, ...] | None:
    """s(x) s(-x) has the derivative -s(x) s(-x) tanh(x/2)."""
    if x is not -y:
        return None
    x = y if x.op == "neg" else x
    return ((x, -(node * node.graph.apply("tanh", x / 2))),)


def _of_relative_difference(x: Node, y: Node, by: Node) -> tuple[Link, ...]:
    """(x - y)/y and (x - y)/x, which are x/y and -y/x but for a constant."""
    if by is y:
        return ((x, 1 / y), (y, -(x / y / y)))
    return ((y, -1 / x), (x, y / x / x))


def _of_gamma_deviance(x: Node, y: Node) -> tuple[Link, ...]:
    """log(x/y) + y/x - 1, whose logarithm cancels from its derivative in x."""
    return ((x, (x - y) / x / x), (y, (y - x) / x / y))


def _factors(table: StageTable, product: Node) -> tuple[tuple[Node, Node], ...] | None:
    """The factors of a product of powers, each with its exponent; None where one of them overflows by itself."""
    found = opened((product, Fraction(1)), _powers, MOST_FACTORS + 1)
    if len(found) > MOST_FACTORS or any(is_steep(table, y) for y, _ in found):
        return None
    return tuple((y, product.graph.const(n)) for y, n in found)


def _powers(factor: Power) -> list[Power] | None:
    node, exponent = factor
    match node.op, node.args:
        case (("neg" | "mul"), args):
            return [(a, exponent) for a in args]
        case "pow", (a, p) if isinstance(p.value, Fraction):
            return [(a, exponent * p.value)]
        case "const", _:
            return []
    return None
