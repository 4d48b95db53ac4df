"""The stability table: formulas as people write them, and the forms that are accurate over the whole domain.

Every row is an identity of real functions; the right side loses no digits where the left side cancels, overflows or
meets 0 * inf.  They fire while a program is built, before it is differentiated, so that derivatives are those of the
stable form.
"""

from __future__ import annotations

from lossdsl.ir.graph import Node, reachable
from lossdsl.rewrite.pattern import Match, Rule


def _weight_may_vanish(match: Match) -> bool:
    """A factor that depends on no input can not vanish where the logarithm is infinite."""
    return any(node.op == "read" for node in reachable([match["w"]]))


def _unbounded_log(match: Match) -> bool:
    return _weight_may_vanish(match) and _adds_logarithm(match["l"])


def _adds_logarithm(node: Node, depth: int = 8) -> bool:
    """Whether a sum contains a logarithm that can be infinite."""
    if depth == 0:
        return False
    if node.op in ("log", "log1p", "log2", "log10", "log1mexp"):
        return not node.args[0].is_const
    if node.op == "const":
        return node.value == "-inf"
    if node.op == "where":  # a log_softmax is -inf where its mask leaves out
        return any(_adds_logarithm(a, depth - 1) for a in node.args[1:])
    if node.op in ("add", "sub", "neg", "min", "max"):
        return any(_adds_logarithm(a, depth - 1) for a in node.args)
    return False


def _not_exponential(match: Match) -> bool:
    return match["x"].op != "exp"


def _complements(match: Match) -> bool:
    """p and q are known to add to one."""
    p, q = match["p"], match["q"]
    return p.op == q.op == "sigmoid" and (p.args[0] is -q.args[0])


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
        "expm1, reversed",
        lambda o: 1 - o.exp(o.x),
        lambda o: -o.expm1(o.x),
        "1 - exp(x) has no digits left for |x| < 1e-16",
    ),
    Rule(
        "exprel",
        lambda o: o.expm1(o.x) / o.x,
        lambda o: o.exprel(o.x),
        "0/0 at the origin, where the value is one",
    ),
    Rule(
        "root of one plus, minus one",
        lambda o: o.sqrt(1 + o.x) - 1,
        lambda o: o.sqrt1pm1(o.x),
        "pseudo-Huber and Charbonnier near zero: sqrt(1 + x) - 1 cancels to zero for x < 1e-16",
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
