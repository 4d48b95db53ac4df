"""How fast an expression grows, and where it is rounded to 0: where a chain of derivatives is 0 times infinity.

The derivative of 1/(1 + x^4) is -1/(1 + x^4)^2 times 4x^3: far out the first factor is 0 and the second one infinite,
while the derivative itself is a small number.  Two factors meet so only where one of them is steep (a product of at
least two numbers without bounds, so that it is infinite long before the inputs are) and the other decays.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import Stage, StageTable
from lossdsl.rewrite.facts import Property
from lossdsl.rewrite.signs import sign

LIMIT = 10**6
"""Degrees beyond this one are not told apart; exponentials have it."""
FAR = 2
"""From this degree on, an expression is infinite, or 0, at inputs that are still far from the largest number."""

SATURATED = frozenset({
    "sigmoid", "tanh", "sin", "cos", "atan", "atan2", "erf", "erfc", "normal_cdf", "softmax_weight", "asin", "acos",
    "sign", "index", "extent", "hypot_slope", "share", "log", "log2", "log10", "log1p", "log1p_square", "logit",
    "log1p_square_slope", "power_deficit", "normal_hazard", "softmax_complement", "fraction", "gumbel_hazard",
    "versine",
})  # fmt: skip
"""Functions with values between bounds, or as good as that: a logarithm stays below 800."""
EXPONENTIAL = frozenset({"exp", "expm1", "sinh", "cosh", "exprel", "exp_moment", "expm1_excess", "hypot_excess"})
ONE_SIDED = frozenset({"exp", "sigmoid", "softmax_weight", "erfc", "normal_cdf", "softplus", "relu", "normal_hazard"})
"""Functions that are rounded to 0 on one side."""


def clash_by_overflow(table: StageTable, a: Node, b: Node) -> bool:
    """Whether one of two factors can be 0 because the inputs are large, while the other one is infinite."""
    return any(
        (is_steep(table, one) and decays(table, other)) or _clash_at_infinity(table, one, other)
        for one, other in ((a, b), (b, a))
    )


def _clash_at_infinity(table: StageTable, growing: Node, decaying: Node) -> bool:
    """The same where inputs are infinite themselves, as a residual is, of a loss that forgets outliers."""
    if DEGREE.of(table, growing) < 1 or DEGREE.of(table, decaying) > -FAR:
        return False
    inputs = _elements(table, growing)
    return inputs is not None and inputs == _elements(table, decaying)


def _elements(table: StageTable, node: Node) -> frozenset[Node] | None:
    """The elements of arguments in an expression; None for one that reads stages."""
    reads = [n for n in reachable([node]) if n.op == "read"]
    roles = {n: table.arrays[str(n.value)].role if str(n.value) in table.arrays else "stage" for n in reads}
    if "stage" in roles.values():
        return None
    return frozenset(n for n, role in roles.items() if role not in ("seed", "hyper"))


def is_steep(table: StageTable, node: Node) -> bool:
    """Whether the expression is infinite at inputs that are still far from the largest number."""
    return DEGREE.of(table, node) >= FAR


def decays(table: StageTable, node: Node) -> bool:
    """Whether the expression is rounded to 0, or is set to 0, where its inputs are large."""
    return DEGREE.of(table, node) <= -FAR or FADING.of(table, node)


def _degree(table: StageTable, node: Node, args: Sequence[int]) -> int:
    """How fast an expression grows, in all of its inputs together, as a polynomial of this degree.

    An estimate: sums grow as their fastest term, and a quotient is taken to grow with the same inputs as its divisor.
    """
    if node.kind != "real" or node.op in SATURATED:
        return 0
    match node.op, node.args:
        case "read", _:
            array = table.arrays[str(node.value)]
            return 0 if array.bounded or array.role in ("hyper", "seed") else 1
        case "where", _:
            return max(args[1:])
        case "clip", _:
            return min(args[0], max(args[1:]))
        case (("mul" | "guarded_mul"), _):
            return _limited(sum(args))
        case (("div" | "guarded_div"), _):
            return _limited(args[0] - args[1])
        case "sqrt", _:
            return (args[0] + 1) // 2
        case "pow", (_, p) if isinstance(p.value, Fraction):
            return _limited(ceil(args[0] * p.value))
        case "pow", _:
            return LIMIT if any(d > 0 for d in args) else 0
        case op, (*_, x) if op in EXPONENTIAL:
            return 0 if args[-1] <= 0 else LIMIT if sign(table, -x) == "any" else -LIMIT
    return max(args, default=0)


def _limited(degree: int) -> int:
    return max(-LIMIT, min(degree, LIMIT))


def _degree_of_stage(table: StageTable, stage: Stage) -> int:
    own = 0 if stage.kind != "real" else DEGREE.of(table, stage.body)
    return LIMIT if stage.op == "prod" and own > 0 else own


def _fades(table: StageTable, node: Node, args: Sequence[bool]) -> bool:
    match node.op, node.args:
        case "where", (_, a, b):
            return a.is_value(0) or b.is_value(0) or args[1] or args[2]
        case (("mul" | "guarded_mul" | "neg" | "abs" | "sqrt" | "stop_gradient"), _):
            return any(args)
        case (("div" | "guarded_div" | "pow"), _):
            return args[0]
        case (("add" | "sub"), _):
            return all(args)
        case (("max" | "min" | "clip"), _):
            return any(a.is_value(0) for a in node.args)
        case op, _ if op in ONE_SIDED:
            return any(DEGREE.of(table, a) > 0 for a in node.args)
    return False


DEGREE: Property[int] = Property("degree", _degree, _degree_of_stage)
FADING: Property[bool] = Property("fading", _fades, lambda table, stage: FADING.of(table, stage.body))
"""Whether an expression is 0 on one side of something: a branch, or a function that is rounded to 0."""
