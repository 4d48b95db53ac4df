"""What has to hold for a rule to fire, beyond the shape of the formula: domains, signs, what is one number."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.finite import adds_log_probability, is_one_number, may_be_infinite, may_vanish
from lossdsl.rewrite.pattern import Match, Vocabulary
from lossdsl.rewrite.signs import sign
from lossdsl.rewrite.unit import in_unit_interval


def weight_may_vanish(match: Match, table: StageTable) -> bool:
    """A factor that depends on no input can not vanish where the logarithm is infinite."""
    return any(node.op == "read" for node in reachable([match["w"]]))


def unbounded_log(match: Match, table: StageTable) -> bool:
    """Logarithms of sigmoids are infinite at infinite arguments only, and there, too, 0*log(0) is 0."""
    return (adds_log_probability(match["l"]) or _adds_logarithm(table, match["l"])) and weight_may_vanish(match, table)


LOGARITHMS = frozenset({
    "log", "log1p", "log2", "log10", "log1mexp", "log_sigmoid", "normal_logcdf", "logaddexp", "softplus", "xlogy",
    "xlog1py", "gumbel_logcdf",
})  # fmt: skip


def _adds_logarithm(table: StageTable, node: Node, depth: int = 8) -> bool:
    """Whether a sum contains a logarithm that can be infinite."""
    if depth == 0 or not may_be_infinite(table, node):
        return False
    if node.op == "read":  # a sum of exponentials over nothing
        return table.stages[str(node.value)].op == "logsumexp"
    if node.op in LOGARITHMS or node.op == "const":
        return True
    if node.op == "where":  # a log_softmax is -inf where its mask leaves out
        return any(_adds_logarithm(table, a, depth - 1) for a in node.args[1:])
    if node.op in ("add", "sub", "neg", "min", "max", "mul"):
        return any(_adds_logarithm(table, a, depth - 1) for a in node.args)
    return False


def complements(match: Match, table: StageTable) -> bool:
    """p and q are known to add to one."""
    p, q = match["p"], match["q"]
    return p.op == q.op == "sigmoid" and (p.args[0] is -q.args[0])


def is_label(match: Match, table: StageTable) -> bool:
    """t depends on an input and lies in [0, 1]: beside 0 and 1 nothing cancels that the formula does not cancel."""
    return not match["t"].is_const and in_unit_interval(table, match["t"])


def positive_number(match: Match, table: StageTable) -> bool:
    """A number that is the same for the whole call, so that its root costs nothing and is rounded once."""
    return is_one_number(table, match["c"]) and sign(table, match["c"]) == "positive"


def is_one_factor(match: Match, table: StageTable) -> bool:
    return is_one_number(table, match["b"])


def number_without_sign(match: Match, table: StageTable) -> bool:
    return is_one_number(table, match["c"]) and sign(table, match["c"]) != "any"


def opposites_and_a_size(match: Match, table: StageTable) -> bool:
    """x and y are each other's negative, and u is at least 0."""
    return match["y"] is -match["x"] and sign(table, match["u"]) != "any"


def mixed_with_certainty(o: Vocabulary) -> Node:
    """log(p + (1 - p) exp(-u)) by log1p for a small u, and as it is for others, where p may underflow."""
    near: Node = o.log1p(o.sigmoid(o.y) * o.expm1(-o.u))
    g = near.graph
    far = g.raw("logaddexp", o.log_sigmoid(o.x), o.log_sigmoid(o.y) - o.u)
    return g.where(o.lt(o.u, 1), near, far)


def of_nothing(match: Match, table: StageTable) -> bool:
    """The domain of an argument ends with 0, and that of the exponent does not keep the exponential finite.

    Arguments only: what is computed is 0 where something else underflows, and a log_softmax is at most 0.
    """
    w, x = match["w"], match["x"]
    if is_one_number(table, w) or sign(table, w) != "nonnegative" or not (w.free <= x.free or x.free <= w.free):
        return False
    below = reachable([w, x])
    if any(n.op == "read" and str(n.value) in table.stages for n in below):
        return False
    simple = all(n.op in ("read", "index", "mul", "exprel", "const") for n in reachable([w]))
    return simple and may_vanish(table, w) and may_be_infinite(table, w.graph.raw("exp", x))


def divisor_has_indices(match: Match, table: StageTable) -> bool:
    """A hyperparameter is not differentiated, and where it is 0 the formula has its limit."""
    return not is_one_number(table, match["x"])


def one_has_all_indices(match: Match, table: StageTable) -> bool:
    """A product over indices of both, as in sum[d](exp(a[i, d])*exp(b[j, d])), is better left to a matrix product."""
    x, y = match["x"].free, match["y"].free
    return x <= y or y <= x


def unchanged(a: Node, b: Node) -> Node:
    """The product as it is, where it is a part of what replaces it."""
    return a.graph.raw("mul", a, b)


def root(o: Vocabulary) -> Node:
    """The square root of c: a fraction where it is one."""
    c: Node = o.c
    if isinstance(c.value, Fraction):
        above, below = isqrt(c.value.numerator), isqrt(c.value.denominator)
        if Fraction(above**2, below**2) == c.value:
            return c.graph.const(Fraction(above, below))
    return c.graph.apply("sqrt", c)


def leg_is_not_negative(match: Match, table: StageTable) -> bool:
    return sign(table, match["y"]) != "any"


def is_not_negative(match: Match, table: StageTable) -> bool:
    """The sum is 0 only where both are equal: for a negative y there would be no logarithm anyway."""
    return sign(table, match["x"]) != "any"


def shares(match: Match, table: StageTable) -> bool:
    """Both are at least 0, and the part is differentiated."""
    x, y = match["x"], match["y"]
    known = sign(table, x) != "any" and sign(table, y) != "any"
    return known and any(node.op == "read" for node in reachable([x])) and "extent" not in (x.op, y.op)


def tuned_exponent(match: Match, table: StageTable) -> bool:
    """The exponent is a number that may come close to 0, and the base a number that has such powers."""
    c, base = match["c"], match["x"]
    return not c.is_const and is_one_number(table, c) and sign(table, base) != "any" and not base.is_const


def any_exponent(match: Match, table: StageTable) -> bool:
    """The exponent is one number, and no root or small whole number, which have forms of their own."""
    c, x = match["c"], match["x"]
    return is_one_number(table, c) and sign(table, x) != "any" and any(n.op == "read" for n in reachable([x]))


def few_factors(match: Match, table: StageTable) -> bool:
    n = match["n"].value
    return isinstance(n, Fraction) and n.denominator == 1 and 2 <= n <= 8
