"""What the shape of an expression, and the domains of what it reads, say about its sign."""

from __future__ import annotations

from fractions import Fraction

from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import Sign, Stage, StageTable
from lossdsl.rewrite.facts import Property

POSITIVE = frozenset({"exp", "cosh", "exprel"})
NONNEGATIVE = frozenset({
    "abs", "sigmoid", "softmax_weight", "softmax_complement", "normal_cdf", "erfc", "relu", "softplus", "logcosh",
    "extent", "hypot", "hypot_excess", "log1p_square", "kl_div", "expm1_excess", "gumbel_hazard", "canberra",
    "log1p_integral", "log1p_deficit", "erlang_cdf", "versine",
})  # fmt: skip


def sign(table: StageTable, root: Node) -> Sign:
    """Positive, at least 0, or not known."""
    return SIGN.of(table, root)


def _sign(table: StageTable, node: Node, args: list[Sign]) -> Sign:
    known = all(s != "any" for s in args)
    positive = all(s == "positive" for s in args)
    match node.op:
        case "const":
            if node.value in ("inf", "pi"):
                return "positive"
            if not isinstance(node.value, Fraction):
                return "any"
            return "positive" if node.value > 0 else "nonnegative" if node.value == 0 else "any"
        case "read":
            return table.arrays[str(node.value)].sign
        case "stop_gradient":
            return args[0]
        case "add":
            return "any" if not known else "positive" if "positive" in args else "nonnegative"
        case "hypot" if "positive" in args:
            return "positive"
        case "mul" | "guarded_mul" | "div" | "share" | "sqrt" | "min" if known:
            return "positive" if positive and node.op not in ("div", "share") else "nonnegative"
        case "max" if any(s != "any" for s in args):
            return "positive" if "positive" in args else "nonnegative"
        case "where":
            sides = args[1:]
            return "any" if "any" in sides else "positive" if "nonnegative" not in sides else "nonnegative"
        case "pow" if node.args[1].is_const and _even(node.args[1]):
            return "nonnegative"
        case "pow" if args[0] != "any":
            return "nonnegative"
        case "mul" if node.args[0] is node.args[1]:
            return "nonnegative"
    return "positive" if node.op in POSITIVE else "nonnegative" if node.op in NONNEGATIVE else "any"


def _even(exponent: Node) -> bool:
    return isinstance(exponent.value, Fraction) and exponent.value % 2 == 0


def _sign_of_stage(table: StageTable, stage: Stage) -> Sign:
    if stage.op == "norm":
        return "nonnegative"
    if stage.op in ("sum", "prod") and sign(table, stage.body) != "any":
        return "nonnegative"
    return "any"


SIGN = Property("sign", _sign, _sign_of_stage)


def has_logarithm(table: StageTable, node: Node) -> bool:
    """Whether log(node) is a number for all inputs, and its derivative finite where it is taken.

    A factor that can be 0 is allowed only where nothing is differentiated with respect to it.
    """
    found = sign(table, node)
    if found == "positive":
        return True
    return found == "nonnegative" and not _is_differentiated(table, node)


def _is_differentiated(table: StageTable, root: Node) -> bool:
    for node in reachable([root]):
        if node.op == "read":
            array = table.arrays.get(str(node.value))
            if array is None or array.role in ("prediction", "learn"):
                return True
    return False
