"""Rules that make stages: logarithms and roots of sums over an index.

`logarithm(x)` says what log(x) is for an x that is made of exponentials, so that no exponential is ever computed:
products become sums, sums become logsumexp, quotients differences.
"""

from __future__ import annotations

from fractions import Fraction

from lossdsl.ir.graph import Graph, Node
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.facts import remembered
from lossdsl.rewrite.finite import is_one_number
from lossdsl.rewrite.greatest_exponent import has_exponential
from lossdsl.rewrite.overflow import is_steep
from lossdsl.rewrite.signs import has_logarithm, sign

PRODUCTS = ("mul", "guarded_mul")


@remembered
def logarithm(table: StageTable, node: Node) -> Node | None:
    """log(node) where node is an exponential or is made of some; None for anything else."""
    g = table.graph
    match node.op, node.args:
        case "exp", (x,):
            return x
        case "softmax_weight", (e, s):
            return e - s
        case "softmax_complement", (e, s):
            return g.apply("log1mexp", e - s)
        case "sigmoid", (x,):
            return g.apply("log_sigmoid", x)
        case (("mul" | "guarded_mul"), (a, b)):
            return _joined(table, "add", a, b)
        case "div", (a, b):
            return _joined(table, "sub", a, b)
        case "pow", (a, p):
            inner = logarithm(table, a)
            return None if inner is None else p * inner
        case "add", (a, b):
            return _log_of_sum(table, a, b)
        case "where", (c, a, b):
            then, otherwise = logarithm(table, a), logarithm(table, b)
            if then is None and otherwise is None:
                return None
            return g.where(c, _or_log(g, then, a), _or_log(g, otherwise, b))
        case (("max" | "min"), args):
            return _log_of_extreme(table, node.op, args)
        case "clip", (x, low, high):
            inner = logarithm(table, x)
            bounded = inner is not None and all(
                is_one_number(table, b) and has_logarithm(table, b) for b in (low, high)
            )
            return g.apply("clip", inner, _log_of_bound(low), _log_of_bound(high)) if inner and bounded else None
        case "read", _:
            return _log_of_stage(table, node)
    return None


def _log_of_extreme(table: StageTable, op: str, args: tuple[Node, ...]) -> Node | None:
    """log(max(p, eps)) as the greater of the logarithms: log(p) keeps its digits where p is close to 1."""
    inner = [logarithm(table, a) for a in args]
    known = [
        i is not None or (is_one_number(table, a) and has_logarithm(table, a)) for i, a in zip(inner, args, strict=True)
    ]
    if not all(known) or all(i is None for i in inner):
        return None
    g = table.graph
    return g.apply(op, *(_log_of_bound(a) if i is None else i for i, a in zip(inner, args, strict=True)))


def _log_of_bound(number: Node) -> Node:
    return number.graph.const("-inf") if number.is_value(0) else number.graph.apply("log", number)


def _or_log(g: Graph, logarithm: Node | None, node: Node) -> Node:
    return g.apply("log", node) if logarithm is None else logarithm


def _joined(table: StageTable, op: str, a: Node, b: Node) -> Node | None:
    """The logarithm of a product or quotient, where its other factors are known to have one."""
    first, second = logarithm(table, a), logarithm(table, b)
    if first is None and second is None:
        return None
    if first is None and a.is_value(1) and op == "sub":
        assert second is not None
        return -second
    if any(inner is None and not has_logarithm(table, x) for inner, x in ((first, a), (second, b))):
        return None
    return table.graph.apply(op, _or_log(table.graph, first, a), _or_log(table.graph, second, b))


def _log_of_sum(table: StageTable, a: Node, b: Node) -> Node | None:
    g = table.graph
    first, second = logarithm(table, a), logarithm(table, b)
    if first is not None and second is not None:
        return g.apply("logaddexp", first, second)
    for one, other in ((a, second), (b, first)):
        if other is None or _at_most_one(b if one is a else a):
            continue
        if one.is_value(1):
            return g.apply("softplus", other)
        if is_one_number(table, one) and sign(table, one) == "positive":
            return g.apply("logaddexp", g.apply("log", one), other)
    return None


def _at_most_one(node: Node) -> bool:
    """Whether 1 + node is harmless: log1p serves better than the way through logarithms."""
    return node.op in ("sigmoid", "softmax_weight", "softmax_complement")


def _log_of_stage(table: StageTable, node: Node) -> Node | None:
    stage = table.stages.get(str(node.value))
    if stage is None or stage.op != "sum" or stage.positions:
        return None
    inner = logarithm(table, stage.body)
    if inner is None:
        return None
    name = table.add(f"log_{stage.name}", stage.out, "logsumexp", stage.reduced, stage.where, inner)
    return table.read(name, node.args)


@remembered
def quotient(table: StageTable, numerator: Node, denominator: Node) -> Node | None:
    """exp(x)/sum(exp(...)) as the weight of a softmax, so that it neither overflows nor divides 0 by 0."""
    if denominator.op != "read":
        return None
    below = _log_of_stage(table, denominator)
    if below is None:
        return None
    above = logarithm(table, numerator)
    if above is not None:
        return table.graph.apply("softmax_weight", above, below)
    if numerator.op in PRODUCTS:  # a weight of any sign stays outside
        a, b = numerator.args
        for weight, rest in ((a, b), (b, a)):
            inner = quotient(table, rest, denominator)
            if inner is not None:
                return weight * inner
    return None


def over_product(table: StageTable, numerator: Node, denominator: Node) -> Node | None:
    """x^2/(1 + x^2)^2 as one quotient after the other: the square would overflow long before the quotient vanishes."""
    if not is_steep(table, numerator) or not is_steep(table, denominator):
        return None
    match denominator.op, denominator.args:
        case "mul", (a, b):
            return numerator / a / b
        case "pow", (a, p) if isinstance(p.value, Fraction) and p.value > 1:
            return numerator / a / a ** (p - 1)
    return None


@remembered
def over_power(table: StageTable, numerator: Node, denominator: Node) -> Node | None:
    """x^n/y^n as (x/y)^n, with what weighs it left outside: powers overflow where that of the ratio does not."""
    n = _whole_exponent(denominator)
    if n is None or is_steep(table, denominator.args[0]):
        return None
    match numerator.op, numerator.args:
        case "pow", (x, _) if numerator.args[1] is n:
            return (x / denominator.args[0]) ** n
        case "div", (x, z) if (inner := over_power(table, x, denominator)) is not None:
            return inner / z
        case "mul", (w, x) if (inner := over_power(table, x, denominator)) is not None:
            return w * inner
    return None


def _whole_exponent(node: Node) -> Node | None:
    """The exponent of a power that is defined for negative numbers too."""
    match node.op, node.args:
        case "pow", (_, n) if isinstance(n.value, Fraction) and n.value.denominator == 1 and n.value >= 2:
            return n
    return None


def over_exponential(table: StageTable, numerator: Node, denominator: Node) -> Node | None:
    """x/(c + exp(y)) by a sigmoid: none of it inf/inf."""
    if denominator.op != "add" or _has_rule(numerator, denominator):
        return None
    for exponential, rest in (denominator.args, denominator.args[::-1]):
        if exponential.op == "exp" and sign(table, rest) == "positive" and is_one_number(table, rest):
            return _over_shifted(table, numerator, exponential, rest)
    return None


def over_exponentials(table: StageTable, numerator: Node, denominator: Node) -> Node | None:
    """exp(x)/(exp(y) + sum(exp(...))) as an exponential."""
    if denominator.op != "add" or _has_rule(numerator, denominator):
        return None
    above, below = logarithm(table, numerator), logarithm(table, denominator)
    if above is None or below is None:
        return None
    return table.graph.apply("exp", above - below)


def _has_rule(numerator: Node, denominator: Node) -> bool:
    """Whether the quotient is a sigmoid in a shape that has a row of the table."""
    return all(a.op == "exp" or a.is_value(1) for a in (numerator, *denominator.args))


def _over_shifted(table: StageTable, numerator: Node, exponential: Node, c: Node) -> Node | None:
    g = table.graph
    (y,) = exponential.args
    excess = y if c.is_value(1) else y - g.apply("log", c)
    if numerator is exponential:
        return g.apply("sigmoid", excess)
    if numerator.op in PRODUCTS and exponential in numerator.args:
        weight = numerator.args[numerator.args[0] is exponential]
        return weight * g.apply("sigmoid", excess)
    if has_exponential(table, numerator):
        return None  # 0*inf
    return numerator * g.apply("sigmoid", -excess) / c


def power(table: StageTable, base: Node, exponent: Node) -> Node | None:
    """sigmoid(x)^g as exp(g*log_sigmoid(x)): the derivative has no negative power of a number that underflows."""
    if exponent.is_const:
        return _squared_norm(table, base) if exponent.is_value(2) else _power_of_root(base, exponent)
    if base.op == "where":
        c, a, b = base.args
        if any(logarithm(table, x) is not None for x in (a, b)):
            g = table.graph
            return g.where(c, g.apply("pow", a, exponent), g.apply("pow", b, exponent))
        return None
    if base.op not in ("sigmoid", "softmax_weight", "exp"):
        return None
    inner = logarithm(table, base)
    return None if inner is None else table.graph.apply("exp", exponent * inner)


def _power_of_root(base: Node, exponent: Node) -> Node | None:
    """(a^2 + b^2)^p with 0 < p < 1 as hypot(a, b)^2p: the squares would overflow, their power does not."""
    if not (isinstance(exponent.value, Fraction) and 0 < exponent.value < 1 and base.op == "add"):
        return None
    inner = base.graph.apply("sqrt", base)
    return inner ** (2 * exponent) if inner.op == "hypot" else None


def _squared_norm(table: StageTable, node: Node) -> Node | None:
    """norm[d](x)^2 as a sum of squares: its derivatives at 0 are those of a polynomial."""
    stage = table.stages.get(str(node.value)) if node.op == "read" else None
    if stage is None or stage.op != "norm":
        return None
    square = stage.body * stage.body
    name = table.add(f"squared_{stage.name}", stage.out, "sum", stage.reduced, stage.where, square)
    return table.read(name, node.args)


def root(table: StageTable, node: Node) -> Node | None:
    """sqrt(sum[d](x^2)) as the Euclidean norm, which neither overflows nor underflows and has gradient 0 at 0.

    The root of a mean of squares is a norm over the root of the count.  Exponentials are squares, too.
    """
    if node.op == "div" and sign(table, node.args[1]) != "any":
        norm = root(table, node.args[0])
        return None if norm is None else norm / table.graph.apply("sqrt", node.args[1])
    if node.op == "add":
        return _root_with_exponential(table, node)
    stage = table.stages.get(str(node.value)) if node.op == "read" else None
    if stage is None or stage.op != "sum" or stage.positions:
        return None
    base = _square_root(stage.body)
    if base is None:
        return None
    name = table.add(f"norm_{stage.name}", stage.out, "norm", stage.reduced, stage.where, base)
    return table.read(name, node.args)


def _root_with_exponential(table: StageTable, node: Node) -> Node | None:
    """sqrt(a + exp(x)) as hypot(sqrt(a), exp(x/2)): finite for x twice as large."""
    for exponential, rest in (node.args, node.args[::-1]):
        if exponential.op == "exp" and sign(table, rest) == "positive":
            g = table.graph
            return g.apply("hypot", g.apply("sqrt", rest), g.apply("exp", exponential.args[0] / 2))
    return None


def _square_root(node: Node) -> Node | None:
    if node.op == "pow" and node.args[1].is_value(2):
        return node.args[0]
    if node.op == "mul" and node.args[0] is node.args[1]:
        return node.args[0]
    return None
