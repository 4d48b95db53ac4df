"""The stability table: formulas as people write them, and the forms that are accurate over the whole domain.

Every row is an identity of real functions; the right side loses no digits where the left side cancels, overflows or
meets 0 * inf.  They fire while a program is built, before it is differentiated, so that derivatives are those of the
stable form.
"""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.finite import is_one_number, may_be_infinite
from lossdsl.rewrite.pattern import Match, Rule, Vocabulary
from lossdsl.rewrite.signs import sign


def _weight_may_vanish(match: Match, table: StageTable) -> bool:
    """A factor that depends on no input can not vanish where the logarithm is infinite."""
    return any(node.op == "read" for node in reachable([match["w"]]))


def _unbounded_log(match: Match, table: StageTable) -> bool:
    """Logarithms of sigmoids are infinite at infinite arguments only, and there, too, 0*log(0) is 0."""
    unbounded = match["l"].op in ("log_sigmoid", "normal_logcdf") or _adds_logarithm(table, match["l"])
    return unbounded and _weight_may_vanish(match, table)


LOGARITHMS = frozenset({
    "log", "log1p", "log2", "log10", "log1mexp", "log_sigmoid", "normal_logcdf", "logaddexp", "softplus", "xlogy",
    "xlog1py",
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


def _not_exponential(match: Match, table: StageTable) -> bool:
    return match["x"].op != "exp"


def _complements(match: Match, table: StageTable) -> bool:
    """p and q are known to add to one."""
    p, q = match["p"], match["q"]
    return p.op == q.op == "sigmoid" and (p.args[0] is -q.args[0])


def _positive_number(match: Match, table: StageTable) -> bool:
    """A number that is the same for the whole call, so that its root costs nothing and is rounded once."""
    return is_one_number(table, match["c"]) and sign(table, match["c"]) == "positive"


def _number_without_sign(match: Match, table: StageTable) -> bool:
    return is_one_number(table, match["c"]) and sign(table, match["c"]) != "any"


def _root(o: Vocabulary) -> Node:
    """The square root of c: a fraction where it is one."""
    c: Node = o.c
    if isinstance(c.value, Fraction):
        above, below = isqrt(c.value.numerator), isqrt(c.value.denominator)
        if Fraction(above**2, below**2) == c.value:
            return c.graph.const(Fraction(above, below))
    return c.graph.apply("sqrt", c)


def _leg_is_not_negative(match: Match, table: StageTable) -> bool:
    return sign(table, match["y"]) != "any"


def _is_not_negative(match: Match, table: StageTable) -> bool:
    """The sum is 0 only where both are equal: for a negative y there would be no logarithm anyway."""
    return sign(table, match["x"]) != "any"


def _shares(match: Match, table: StageTable) -> bool:
    """Both are at least 0, and the part is differentiated."""
    x, y = match["x"], match["y"]
    known = sign(table, x) != "any" and sign(table, y) != "any"
    return known and any(node.op == "read" for node in reachable([x])) and "extent" not in (x.op, y.op)


def _few_factors(match: Match, table: StageTable) -> bool:
    n = match["n"].value
    return isinstance(n, Fraction) and n.denominator == 1 and 2 <= n <= 8


RULES: tuple[Rule, ...] = (
    Rule(
        "sigmoid",
        lambda o: 1 / (1 + o.exp(o.x)),
        lambda o: o.sigmoid(-o.x),
        "exp overflows and 1 + exp(x) rounds; the sigmoid has all digits in both tails",
    ),
    Rule(
        "sigmoid from a quotient",
        lambda o: o.exp(o.x) / (1 + o.exp(o.x)),
        lambda o: o.sigmoid(o.x),
        "inf/inf beyond x = 710",
    ),
    Rule(
        "sigmoid of a difference",
        lambda o: o.exp(o.x) / (o.exp(o.x) + o.exp(o.y)),
        lambda o: o.sigmoid(o.x - o.y),
        "inf/inf and 0/0 where both exponents are large",
    ),
    Rule(
        "quotient by an exponential",
        lambda o: o.x / o.exp(o.y),
        lambda o: o.x * o.exp(-o.y),
        "exp(y) underflows to 0 in the denominator, and the derivative is 0*inf",
    ),
    Rule(
        "sigmoid complement",
        lambda o: 1 - o.sigmoid(o.x),
        lambda o: o.sigmoid(-o.x),
        "1 - sigmoid(x) cancels to exactly zero for x > 37",
    ),
    Rule(
        "complement of a selection",
        lambda o: 1 - o.where(o.c, o.sigmoid(o.x), o.y),
        lambda o: o.where(o.c, o.sigmoid(-o.x), 1 - o.y),
        "pt = p if y == 1 else 1 - p: the complement is taken on each side, where it does not cancel",
    ),
    Rule(
        "complement of a mixture",
        lambda o: 1 - (o.p * o.y + o.q * (1 - o.y)),
        lambda o: o.q * o.y + o.p * (1 - o.y),
        "1 - pt for soft labels: p and q are complements, so that nothing has to be subtracted",
        _complements,
    ),
    Rule(
        "complement of a softmax",
        lambda o: 1 - o.softmax_weight(o.x, o.y),
        lambda o: -o.expm1(o.x - o.y),
        "1 - p cancels where p is close to one",
    ),
    Rule(
        "expm1",
        lambda o: o.exp(o.x) - 1,
        lambda o: o.expm1(o.x),
        "exp(x) - 1 has no digits left for |x| < 1e-16",
    ),
    Rule(
        "power of a constant, minus one",
        lambda o: o.c**o.x - 1,
        lambda o: o.expm1(o.x * o.log(o.c)),
        "2^x - 1, the gain of a ranking, has no digits left for |x| < 1e-16",
        _positive_number,
    ),
    Rule(
        "expm1, reversed",
        lambda o: 1 - o.exp(o.x),
        lambda o: -o.expm1(o.x),
        "1 - exp(x) has no digits left for |x| < 1e-16",
    ),
    Rule(
        "exponential minus its tangent",
        lambda o: o.expm1(o.x) - o.x,
        lambda o: o.expm1_excess(o.x),
        "LINEX near zero: exp(x) - 1 - x is about x^2/2, a difference of numbers of the size of x",
    ),
    Rule(
        "exponential minus its tangent, x first",
        lambda o: o.exp(o.x) - o.x - 1,
        lambda o: o.expm1_excess(o.x),
        "the same in another order",
    ),
    Rule(
        "exprel",
        lambda o: o.expm1(o.x) / o.x,
        lambda o: o.exprel(o.x),
        "0/0 at the origin, where the value is one",
    ),
    Rule(
        "hypot",
        lambda o: o.sqrt(o.x**2 + o.y**2),
        lambda o: o.hypot(o.x, o.y),
        "squares overflow at the root of the range, and underflow; gradient 0/0 at the origin",
    ),
    Rule(
        "hypot of a constant",
        lambda o: o.sqrt(o.x**2 + o.c),
        lambda o: o.hypot(o.x, _root(o)),
        "x^2 overflows at the root of the range, and 1/h - x^2/h^3, the second derivative, cancels far out",
        _number_without_sign,
    ),
    Rule(
        "hypot, minus a leg",
        lambda o: o.hypot(o.x, o.y) - o.y,
        lambda o: o.hypot_excess(o.x, o.y),
        "pseudo-Huber and Charbonnier near zero: sqrt(x^2 + y^2) - y cancels to zero for x << y",
        _leg_is_not_negative,
    ),
    Rule(
        "root of one plus, minus one",
        lambda o: o.sqrt(1 + o.x) - 1,
        lambda o: o.sqrt1pm1(o.x),
        "sqrt(1 + x) - 1 cancels to zero for x < 1e-16",
    ),
    Rule("logcosh", lambda o: o.log(o.cosh(o.x)), lambda o: o.logcosh(o.x), "cosh overflows beyond 710"),
    Rule(
        "log1p",
        lambda o: o.log(1 + o.x),
        lambda o: o.log1p(o.x),
        "1 + x rounds x away for small x",
        _not_exponential,
    ),
    Rule("log1p of minus", lambda o: o.log(1 - o.x), lambda o: o.log1p(-o.x), "1 - x rounds x away for small x"),
    Rule(
        "logarithm of one plus a square",
        lambda o: o.log1p(o.x**2),
        lambda o: o.log1p_square(o.x),
        "Cauchy: x^2 overflows at the root of the range, where the value is 2 log|x| and the derivative 2/x",
    ),
    Rule(
        "logarithm of one plus a scaled square",
        lambda o: o.log1p(o.x**2 / o.c),
        lambda o: o.log1p_square(o.x / _root(o)),
        "Student's t, for the same reason",
        _positive_number,
    ),
    Rule(
        "share",
        lambda o: o.x / (o.x + o.y),
        lambda o: o.share(o.x, o.y),
        "Geman-McClure: the derivative is the difference of two equal terms for x >> y",
        _shares,
    ),
    Rule(
        "complement of a power of a complement",
        lambda o: 1 - (1 - o.x) ** o.n,
        lambda o: o.power_deficit(o.n, o.x),
        "Tukey near zero: 1 - (1 - x)^3 cancels to zero for x < 1e-16",
        _few_factors,
    ),
    Rule("softplus", lambda o: o.log1p(o.exp(o.x)), lambda o: o.softplus(o.x), "exp overflows beyond 710"),
    Rule(
        "log1mexp",
        lambda o: o.log(-o.expm1(o.x)),
        lambda o: o.log1mexp(o.x),
        "log(1 - exp(x)) near zero and in the tail",
    ),
    Rule(
        "log of the normal distribution",
        lambda o: o.log(o.normal_cdf(o.x)),
        lambda o: o.normal_logcdf(o.x),
        "the distribution function underflows below -38",
    ),
    Rule(
        "xlogy",
        lambda o: o.w * o.log(o.y),
        lambda o: o.xlogy(o.w, o.y),
        "p*log(p) is 0 at p = 0; 0 * -inf is NaN",
        _weight_may_vanish,
    ),
    Rule(
        "xlog1py",
        lambda o: o.w * o.log1p(o.y),
        lambda o: o.xlog1py(o.w, o.y),
        "(1 - y)*log(1 - p) is 0 at y = p = 1; 0 * -inf is NaN",
        _weight_may_vanish,
    ),
    Rule(
        "Poisson deviance",
        lambda o: o.xlogy(o.x, o.x / o.y) - o.x + o.y,
        lambda o: o.kl_div(o.x, o.y),
        "x log(x/y) - x + y is about (x - y)^2/2y where x is close to y, a difference of numbers of the size of x",
        _is_not_negative,
    ),
    Rule(
        "Poisson deviance, y first",
        lambda o: o.xlogy(o.x, o.x / o.y) + o.y - o.x,
        lambda o: o.kl_div(o.x, o.y),
        "the same in another order",
        _is_not_negative,
    ),
    Rule(
        "Poisson deviance, minus a difference",
        lambda o: o.xlogy(o.x, o.x / o.y) - (o.x - o.y),
        lambda o: o.kl_div(o.x, o.y),
        "the same in another order",
        _is_not_negative,
    ),
    Rule(
        "Poisson deviance, plus a difference",
        lambda o: o.xlogy(o.x, o.x / o.y) + (o.y - o.x),
        lambda o: o.kl_div(o.x, o.y),
        "the same in another order",
        _is_not_negative,
    ),
    Rule(
        "gamma deviance",
        lambda o: o.log(o.x / o.y) + o.y / o.x - 1,
        lambda o: o.kl_div(o.x, o.y) / o.x,
        "-log(t) + t - 1 at t = y/x is about (t - 1)^2/2 where t is close to 1",
    ),
    Rule(
        "gamma deviance, quotient first",
        lambda o: o.y / o.x - o.log(o.y / o.x) - 1,
        lambda o: o.kl_div(o.x, o.y) / o.x,
        "the same in another order",
    ),
    Rule(
        "weight of a sum of logarithms",
        lambda o: o.w * o.l,
        lambda o: o.guarded_mul(o.w, o.l),
        "p*(log(p) - log(q)) is 0 at p = 0",
        _unbounded_log,
    ),
    Rule(
        "root of a square",
        lambda o: o.sqrt(o.x**2),
        lambda o: o.abs(o.x),
        "x^2 overflows and underflows",
    ),
    Rule(
        "root of a product with itself",
        lambda o: o.sqrt(o.x * o.x),
        lambda o: o.abs(o.x),
        "x*x overflows and underflows",
    ),
)
