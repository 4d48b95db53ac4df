"""What constructors of nodes simplify: exact constants and neutral elements, never the order of operations."""

from __future__ import annotations

from fractions import Fraction

from lossdsl.ir.graph import Graph, Node

MAX_EXACT_BITS = 256
"""Exact folding stops where a constant would grow beyond this many bits."""


def fold(g: Graph, op: str, args: tuple[Node, ...]) -> Node | None:
    """Exact arithmetic on constants."""
    for arg in args:
        if arg.op != "const":
            return None
    if not args:
        return None
    values = [a.value for a in args]
    if all(isinstance(v, bool) for v in values):
        match op:
            case "and":
                return g.const(all(values))
            case "or":
                return g.const(any(values))
            case "not":
                return g.const(not values[0])
        return None
    numbers = [v for v in values if isinstance(v, Fraction)]
    if len(numbers) != len(values):
        return g.const("-inf") if op == "neg" and values == ["inf"] else None
    if any(v.numerator.bit_length() + v.denominator.bit_length() > MAX_EXACT_BITS for v in numbers):
        return None
    match op, numbers:
        case "add", [a, b]:
            return g.const(a + b)
        case "sub", [a, b]:
            return g.const(a - b)
        case "mul", [a, b]:
            return g.const(a * b)
        case "div", [a, b] if b != 0:
            return g.const(a / b)
        case "neg", [a]:
            return g.const(-a)
        case "abs", [a]:
            return g.const(abs(a))
        case "max", _:
            return g.const(max(numbers))
        case "min", _:
            return g.const(min(numbers))
        case "pow", [a, b] if b.denominator == 1 and abs(b) <= 64 and (a != 0 or b >= 0):
            return g.const(a**b.numerator)
        case (("lt" | "le" | "gt" | "ge" | "eq" | "ne"), [a, b]):
            return g.const({"lt": a < b, "le": a <= b, "gt": a > b, "ge": a >= b, "eq": a == b, "ne": a != b}[op])
        case (("stop_gradient" | "floor" | "round"), [a]) if a.denominator == 1:
            return g.const(a)
    return None


def simplify(g: Graph, op: str, args: tuple[Node, ...]) -> Node | None:
    """Neutral elements and signs; each rule is exact in floating point, but for 0 * inf, which is never meant."""
    match op, args:
        case "add", (a, b):
            if a.is_value(0):
                return b
            if b.is_value(0):
                return a
            if b.op == "neg":
                return a - b.args[0]
            if a.op == "neg":
                return b - a.args[0]
            for this, other in ((a, b), (b, a)):  # one form for what is subtracted, for which the rules look
                if _is_negative(this):
                    return other - (-this)
        case "sub", (a, b):
            if b.is_value(0):
                return a
            if a.is_value(0):
                return -b
            if a is b:
                return g.const(0)
            if b.op == "neg":
                return a + b.args[0]
        case "mul", (a, b):
            return _simplify_product(g, a, b)
        case "guarded_mul", (a, b):
            return _simplify_guarded(g, a, b)
        case "div", (a, b):
            if b.is_value(1) or a.is_value(0):
                return a
            if a is b and not b.is_value(0):
                return g.const(1)
            if a.op == "neg":
                return -(a.args[0] / b)
            if b.is_value(-1):
                return -a
        case "neg", (a,) if a.op == "neg":
            return a.args[0]
        case "pow", (a, b):
            if b.is_value(1):
                return a
            if b.is_value(0) or a.is_value(1):
                return g.const(1)
        case "where", (c, a, b):
            if c.is_const:
                return a if c.value else b
            if a is b:
                return a
            if c.op == "not":
                return g.where(c.args[0], b, a)
            if b.op == "where" and b.args[0] is c:
                return g.where(c, a, b.args[2])
            if a.op == "where" and a.args[0] is c:
                return g.where(c, a.args[1], b)
        case (("and" | "or"), (a, b)):
            neutral = op == "and"
            for this, other in ((a, b), (b, a)):
                if this.is_const:
                    return other if this.value is neutral else this
            if a is b:
                return a
        case "not", (a,):
            if a.op == "not":
                return a.args[0]
            opposite = {"eq": "ne", "ne": "eq"}
            if a.op in opposite:
                return g.apply(opposite[a.op], *a.args)
        case (("eq" | "le" | "ge"), (a, b)) if a is b and a.kind == "int":
            return g.const(True)
        case (("ne" | "lt" | "gt"), (a, b)) if a is b and a.kind == "int":
            return g.const(False)
        case (("eq" | "ne" | "le" | "lt" | "ge" | "gt"), (a, b)) if a.kind == b.kind == "int" and not (
            a.is_const or b.is_const
        ):
            difference = g.affine(a - b)
            if not difference or set(difference) == {None}:
                return g.apply(op, g.const(difference.get(None, Fraction(0))), g.const(0))
        case (("max" | "min"), _) if len(set(args)) == 1:
            return args[0]
    return None


def _is_negative(node: Node) -> bool:
    return node.is_const and not isinstance(node.value, bool) and isinstance(node.value, Fraction) and node.value < 0


def _simplify_product(g: Graph, a: Node, b: Node) -> Node | None:
    if a.is_value(0) or b.is_value(0):
        return g.const(0)
    if a.is_value(1):
        return b
    if b.is_value(1):
        return a
    if a.is_value(-1):
        return -b
    if b.is_value(-1):
        return -a
    if a.op == "neg":
        return -(a.args[0] * b)
    if b.op == "neg":
        return -(a * b.args[0])
    if b.op == "div" and b.args[0].is_value(1):
        return a / b.args[1]
    if a.op == "div" and a.args[0].is_value(1):
        return b / a.args[1]
    if a.is_const and b.op == "mul" and b.args[0].is_const:
        return (a * b.args[0]) * b.args[1]
    if b.is_const and not a.is_const:
        return b * a  # one place for constant factors, so that equal products are one node
    return None


def _simplify_guarded(g: Graph, a: Node, b: Node) -> Node | None:
    """A sign is no factor that could be 0, nor is a constant."""
    if a.op == "neg":
        return -g.apply("guarded_mul", a.args[0], b)
    if b.op == "neg":
        return -g.apply("guarded_mul", a, b.args[0])
    return a * b if isinstance(a.value, Fraction) or isinstance(b.value, Fraction) else None
