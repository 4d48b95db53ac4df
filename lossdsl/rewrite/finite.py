"""What the shape of an expression, and the domains of what it reads, say about infinity and about 0.

Derivatives are products, and in a product 0 must win: what a mask, a flat branch or a weight of 0 has stopped stays
stopped, though the next factor be infinite.  Such products cost time and make code harder to read, so they are
written only where one factor may be 0 and the other infinite.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from lossdsl.ir.graph import Node, conjuncts, reachable
from lossdsl.ir.opened import opened
from lossdsl.ir.stage import Stage, StageTable
from lossdsl.rewrite.facts import Property, remembered
from lossdsl.rewrite.overflow import DEGREE, FADING, clash_by_overflow, is_steep
from lossdsl.rewrite.signs import sign

FINITE_OPS = frozenset({
    "index", "extent", "whole", "add", "sub", "mul", "neg", "abs", "sign", "max", "min", "clip", "relu", "sigmoid",
    "tanh", "sin", "cos", "atan", "atan2", "erf", "erfc", "normal_cdf", "softplus", "log_sigmoid", "logcosh",
    "normal_logcdf", "normal_hazard", "normal_residual", "logaddexp", "softmax_weight", "floor", "round",
    "stop_gradient", "guarded_mul", "hypot", "hypot_slope", "hypot_excess", "log1p_square", "log1p_square_slope",
    "power_deficit", "softmax_complement", "fraction", "gumbel_logcdf", "gumbel_hazard", "versine",
})  # fmt: skip
"""Functions with finite values at finite arguments (short of overflow)."""
SCALED_SUMS = ("sums scaled by their greatest exponent", "nodes")
"""Where the table keeps them: a term of each is away from 0, and none of them is negative."""
UNDERFLOWING = frozenset({"softmax_weight", "exp", "sigmoid"})
"""Functions that round to 0 where their logarithm, in the seed of an entropy, is still finite in exact arithmetic."""


def product(table: StageTable, outer: Node, inner: Node) -> Node:
    """Two links of a chain of derivatives, the outer function's first: 0 where one is, though the other be infinite.

    Where the outer derivative is infinite because the value is (a quotient by 0, an overflow), nothing is lost by NaN.
    """
    g = table.graph
    if isinstance(outer.value, Fraction) or isinstance(inner.value, Fraction):
        return outer * inner
    if outer.op == "neg":
        return -product(table, outer.args[0], inner)
    if inner.op == "neg":
        return -product(table, outer, inner.args[0])
    cancelled = _cancelled(outer, inner)
    if cancelled is not None:
        return product(table, *cancelled)
    balanced = _balanced(table, outer, inner)
    if balanced is not None:
        return balanced
    if not clash(table, outer, inner):
        return outer * inner
    for one, other in ((inner, outer), (outer, inner)):
        if one.op == "div" and one.args[0].is_value(1) and _is_mean_probability(table, one.args[1]):
            return g.apply("guarded_div", other, one.args[1])  # 1/p overflows where q/p does not
    return g.apply("guarded_mul", outer, inner)


def _cancelled(outer: Node, inner: Node) -> tuple[Node, Node] | None:
    """The two links without a divisor of the inner one that is a factor of the outer one: s*f(x/s) by x is f'(x/s).

    The quotient of a product by its factor is rounded twice, overflows, and hides what cancels.
    """
    if inner.op != "div" or inner.args[1].is_const:
        return None
    number, divisor = inner.args
    rest = _divided(outer, divisor)
    return None if rest is None else (rest, number)


def _divided(node: Node, divisor: Node, depth: int = 6) -> Node | None:
    """node/divisor, where the divisor or a power of it is a factor of the node; else None."""
    match node.op, node.args:
        case _ if node is divisor:
            return node.graph.const(1)
        case "pow", (base, p) if base is divisor and isinstance(p.value, Fraction) and p.value >= 1:
            return divisor ** (p.value - 1)
        case (("mul" | "guarded_mul"), (a, b)) if depth:
            if (rest := _divided(a, divisor, depth - 1)) is not None:
                return node.graph.apply(node.op, rest, b)
            if (rest := _divided(b, divisor, depth - 1)) is not None:
                return node.graph.apply(node.op, a, rest)
    return None


def _is_mean_probability(table: StageTable, node: Node) -> bool:
    """Whether a divisor is a sum of exponentials, or their mean."""
    total = node.args[0] if node.op == "div" else node
    return total.op == "read" and str(total.value) in table.stages and FADING.of(table, total)


@remembered
def _balanced(table: StageTable, outer: Node, inner: Node, depth: int = 6) -> Node | None:
    """(x/y)/y times what grows, as x/y times a ratio: 1/y^2 underflows where the product still does not.

    Where y is infinite, 1/y is 0, which stops the infinity of what grows.
    """
    if depth == 0 or DEGREE.of(table, inner) < 1:
        return None
    match outer.op, outer.args:
        case "div", (quotient, y) if (
            is_steep(table, y) and quotient.op == "share" and set(quotient.args) == set(y.args)
        ):
            return quotient * (inner / y)
        case "div", (quotient, y) if is_steep(table, y) and quotient.op == "div" and quotient.args[1] is y:
            if is_steep(table, inner):
                return quotient * table.graph.apply("guarded_mul", 1 / y, inner)
        case (("mul" | "guarded_mul"), (a, b)):
            for part, rest in ((b, a), (a, b)):
                balanced = _balanced(table, part, inner, depth - 1)
                if balanced is not None:
                    return product(table, rest, balanced)
        case "neg", (a,):
            balanced = _balanced(table, a, inner, depth - 1)
            return None if balanced is None else -balanced
        case (("add" | "sub"), sides):
            terms = [each for side in sides if (each := _balanced(table, side, inner, depth - 1)) is not None]
            return table.graph.apply(outer.op, *terms) if len(terms) == len(sides) else None
    return None


def clash(table: StageTable, outer: Node, inner: Node) -> bool:
    """Whether one link of a chain may be 0 where the other is infinite."""
    if may_be_infinite(table, inner) and may_vanish(table, outer):
        return True
    underflows = inner.op in UNDERFLOWING and may_be_infinite(table, outer)
    if underflows or (may_be_steep(table, outer) and may_vanish(table, inner)):
        return True
    return clash_by_overflow(table, outer, inner)


# ---------------------------------------------------------------- infinite


def may_be_infinite(table: StageTable, root: Node) -> bool:
    """Whether an expression can be infinite or NaN at finite inputs, as far as its shape and domains tell.

    Sums and products of finite numbers count as finite; exponentials do not, unless they are known to be at most 1.
    """
    return INFINITE.of(table, root)


def may_be_steep(table: StageTable, root: Node) -> bool:
    """The same, but for what makes the value infinite too: quotients by 0 and exponentials.

    What stays are logarithms, extrema of nothing, and the slopes of roots.
    """
    return STEEP.of(table, root)


def _is_infinite(table: StageTable, node: Node, args: Sequence[bool], steep: bool) -> bool:
    if node.kind == "bool":
        return False
    match node.op:
        case "const":
            return node.value in ("inf", "-inf", "nan")
        case "read":
            return False
        case "where":
            return args[1] or (args[2] and not _leaves_out_its_pole(table, node, steep))
        case "div":  # a divisor that is infinite does no harm
            harmless = steep and not _is_root(node.args[1])
            return args[0] or not (harmless or is_away_from_zero(table, node.args[1]))
        case "share":
            return args[0] or not (is_away_from_zero(table, node.args[0]) or is_away_from_zero(table, node.args[1]))
        case "clip":
            return args[1] or args[2]
        case "softmax_weight":
            return args[0]
    return any(args) or not _is_finite(table, node, steep)


def _is_root(node: Node) -> bool:
    """Whether a divisor contains a root: its quotient may be the derivative of what is finite at 0."""
    factors = reachable([node], stop=lambda n: n.op not in ("mul", "neg", "div"))
    return any(f.op == "sqrt" or (f.op == "pow" and not _is_whole(f.args[1])) for f in factors)


def _is_whole(exponent: Node) -> bool:
    return isinstance(exponent.value, Fraction) and exponent.value.denominator == 1


def _leaves_out_its_pole(table: StageTable, node: Node, steep: bool) -> bool:
    """0 if y == 0 else x/y."""
    condition, _, otherwise = node.args
    if otherwise.op != "div" or condition.op != "eq" or condition.args[0] is not otherwise.args[1]:
        return False
    above = (STEEP if steep else INFINITE).of(table, otherwise.args[0])
    return condition.args[1].is_value(0) and not above


def _has_infinite_elements(table: StageTable, stage: Stage, steep: bool) -> bool:
    """Extrema of nothing are infinite."""
    if stage.op in ("any", "all", "argmax", "argmin"):
        return False
    if stage.op in ("max", "min", "logsumexp") and stage.where is not None:
        return True
    return (STEEP if steep else INFINITE).of(table, stage.body)


INFINITE = Property(
    "infinite",
    lambda table, node, args: _is_infinite(table, node, args, False),
    lambda table, stage: _has_infinite_elements(table, stage, False),
)
STEEP = Property(
    "steep",
    lambda table, node, args: _is_infinite(table, node, args, True),
    lambda table, stage: _has_infinite_elements(table, stage, True),
)


def _is_finite(table: StageTable, node: Node, steep: bool) -> bool:
    """Whether the function is finite where its arguments are (short of overflow)."""
    if node.op in FINITE_OPS or is_one_number(table, node):
        return True
    match node.op, node.args:
        case "pow", (a, p) if p.is_const and isinstance(p.value, Fraction):
            return p.value >= 0 or (steep and p.value <= -1) or is_away_from_zero(table, a)
        case "exp", (x,):
            return steep or sign(table, -x) != "any"
        case (("sqrt" | "sqrt1pm1" | "log1p"), (x,)):
            return sign(table, x) != "any"
        case (("log" | "log2" | "log10"), (x,)):
            return is_away_from_zero(table, x)
    return False


def is_one_number(table: StageTable, node: Node) -> bool:
    """Whether the node depends on hyperparameters only, so that it is the same for the whole call."""
    return not node.free and not any(n.op == "read" and _is_array(table, n) for n in reachable([node]))


def _is_array(table: StageTable, read: Node) -> bool:
    array = table.arrays.get(str(read.value))
    return array is None or array.role != "hyper"


@remembered
def is_away_from_zero(table: StageTable, node: Node) -> bool:
    """Whether the expression is bounded away from 0: a positive constant plus something that is not negative."""
    match node.op, node.args:
        case "const", ():
            return isinstance(node.value, Fraction) and node.value != 0
        case "add", _ if node.id in table.facts.get(SCALED_SUMS, {}):
            return True
        case "add", (a, b):
            signs = sign(table, a), sign(table, b)
            return "any" not in signs and (is_away_from_zero(table, a) or is_away_from_zero(table, b))
        case "max", args:
            return any(is_away_from_zero(table, a) and sign(table, a) == "positive" for a in args)
        case "mul", (a, b):
            return is_away_from_zero(table, a) and is_away_from_zero(table, b)
        case (("sqrt" | "abs" | "neg"), (a,)):
            return is_away_from_zero(table, a)
        case "hypot", args:
            return any(is_away_from_zero(table, a) for a in args)
    return is_one_number(table, node)


def adds_log_probability(node: Node) -> bool:
    """Whether a sum contains the logarithm of a probability by its logit, infinite at infinite logits only."""
    terms = opened(node, lambda n: n.args if n.op in ("add", "sub", "neg") else None)
    return any(term.op in ("log_sigmoid", "normal_logcdf", "gumbel_logcdf") for term in terms)


# ---------------------------------------------------------------- 0


def may_vanish(table: StageTable, root: Node) -> bool:
    """Whether an expression can be exactly 0; an exponential can underflow.

    The weights of the elements of the loss do not count: that one of them is 0 says nothing about its derivative.
    """
    return VANISHING.of(table, root)


def _vanishes(table: StageTable, node: Node, args: Sequence[bool]) -> bool:
    match node.op:
        case "extent":
            return False
        case "mul" | "guarded_mul" | "neg" | "abs" | "sqrt" | "stop_gradient":
            return any(args)
        case "div":
            return args[0] or may_be_infinite(table, node.args[1])
        case "where":
            condition, then, otherwise = node.args
            kept = _is_not_zero(condition, then), condition.op == "eq" and _compares_with_zero(condition, otherwise)
            return (args[1] and not kept[0]) or (args[2] and not kept[1])
        case "exp" | "exprel" | "pow":
            return not (node.op == "pow" and is_away_from_zero(table, node))
        case "read":
            if table.arrays[str(node.value)].role == "seed":
                return False
    return sign(table, node) != "positive" and not is_away_from_zero(table, node)


VANISHING = Property("vanishing", _vanishes, lambda table, stage: True)


def _is_not_zero(condition: Node, node: Node) -> bool:
    """Whether the condition says that a node is not 0."""
    return any(part.op in ("ne", "gt") and _compares_with_zero(part, node) for part in conjuncts(condition))


def _compares_with_zero(condition: Node, node: Node) -> bool:
    return condition.args[0] is node and condition.args[1].is_value(0)
