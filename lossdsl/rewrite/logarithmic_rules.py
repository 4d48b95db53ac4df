"""Rows of the stability table for logarithms, products with them, and deviances."""

from __future__ import annotations

from lossdsl.rewrite.guards import (
    is_label,
    is_not_negative,
    is_one_factor,
    positive_number,
    root,
    unbounded_log,
    weight_may_vanish,
)
from lossdsl.rewrite.pattern import Rule

LOGARITHMIC: tuple[Rule, ...] = (
    Rule("logcosh", lambda o: o.log(o.cosh(o.x)), lambda o: o.logcosh(o.x), "cosh overflows beyond 710"),
    Rule(
        "log1p",
        lambda o: o.log(1 + o.x),
        lambda o: o.log1p(o.x),
        "1 + x rounds x away for small x",
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
        lambda o: o.log1p_square(o.x / root(o)),
        "Student's t, for the same reason",
        positive_number,
    ),
    Rule("softplus", lambda o: o.log1p(o.exp(o.x)), lambda o: o.softplus(o.x), "exp overflows beyond 710"),
    Rule(
        "softplus, minus its argument",
        lambda o: o.softplus(o.x) - o.x,
        lambda o: o.softplus(-o.x),
        "log(1 + exp(x)) - x cancels to exactly zero for x > 37",
    ),
    Rule(
        "logaddexp, minus a part",
        lambda o: o.logaddexp(o.x, o.y) - o.x,
        lambda o: o.softplus(o.y - o.x),
        "the price of abstaining: log(e^x + e^y) - x cancels where x is the larger by far",
    ),
    Rule(
        "a part, minus logaddexp",
        lambda o: o.x - o.logaddexp(o.x, o.y),
        lambda o: o.log_sigmoid(o.x - o.y),
        "the same in another order",
    ),
    Rule(
        "cross-entropy of a logit, of an indicator",
        lambda o: o.softplus(o.x) - o.where(o.c, 1, 0) * o.x,
        lambda o: o.where(o.c, -o.log_sigmoid(o.x), -o.log_sigmoid(-o.x)),
        "the same where the condition holds",
    ),
    Rule(
        "cross-entropy of a logit",
        lambda o: o.softplus(o.x) - o.t * o.x,
        lambda o: -(o.t * o.log_sigmoid(o.x)) - (1 - o.t) * o.log_sigmoid(-o.x),
        "binary cross-entropy: softplus(x) - x and its gradient cancel to exactly zero for a right answer with x > 37",
        is_label,
    ),
    Rule(
        "log1mexp",
        lambda o: o.log(-o.expm1(o.x)),
        lambda o: o.log1mexp(o.x),
        "log(1 - exp(x)) near zero and in the tail",
    ),
    Rule(
        "log of the complementary log-log link",
        lambda o: o.log1mexp(-o.exp(o.x)),
        lambda o: o.gumbel_logcdf(o.x),
        "exp(x) underflows below -745, where the value is x; its second derivative cancels below 0",
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
        weight_may_vanish,
    ),
    Rule(
        "xlog1py",
        lambda o: o.w * o.log1p(o.y),
        lambda o: o.xlog1py(o.w, o.y),
        "(1 - y)*log(1 - p) is 0 at y = p = 1; 0 * -inf is NaN",
        weight_may_vanish,
    ),
    Rule(
        "Poisson deviance",
        lambda o: o.xlogy(o.x, o.x / o.y) - o.x + o.y,
        lambda o: o.kl_div(o.x, o.y),
        "x log(x/y) - x + y is about (x - y)^2/2y where x is close to y, a difference of numbers of the size of x",
        is_not_negative,
    ),
    Rule(
        "Poisson deviance, y first",
        lambda o: o.xlogy(o.x, o.x / o.y) + o.y - o.x,
        lambda o: o.kl_div(o.x, o.y),
        "the same in another order",
        is_not_negative,
    ),
    Rule(
        "Poisson deviance, minus a difference",
        lambda o: o.xlogy(o.x, o.x / o.y) - (o.x - o.y),
        lambda o: o.kl_div(o.x, o.y),
        "the same in another order",
        is_not_negative,
    ),
    Rule(
        "Poisson deviance, plus a difference",
        lambda o: o.xlogy(o.x, o.x / o.y) + (o.y - o.x),
        lambda o: o.kl_div(o.x, o.y),
        "the same in another order",
        is_not_negative,
    ),
    Rule(
        "integral of log1p",
        lambda o: o.xlog1py(o.a / o.b * (o.b * o.x + 1), o.b * o.x) - o.a * o.x,
        lambda o: o.a / o.b * o.log1p_integral(o.b * o.x),
        "balanced L1 near zero: (1 + u) log(1 + u) - u is about u^2/2, a difference of numbers of the size of u",
        is_one_factor,
    ),
    Rule(
        "integral of log1p, as it stands",
        lambda o: o.xlog1py(o.x + 1, o.x) - o.x,
        lambda o: o.log1p_integral(o.x),
        "the same without factors",
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
        unbounded_log,
    ),
)
