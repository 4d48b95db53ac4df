"""Rows of the stability table for exponentials, sigmoids, softmax weights and their complements."""

from __future__ import annotations

from lossdsl.rewrite.guards import (
    complements,
    divisor_has_indices,
    is_label,
    number_without_sign,
    of_nothing,
    one_has_all_indices,
    positive_number,
    unchanged,
)
from lossdsl.rewrite.pattern import Rule

SATURATED = -40
"""Below it 1 + exp(x) is 1 in double precision."""

EXPONENTIAL: tuple[Rule, ...] = (
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
        "product of exponentials",
        lambda o: o.exp(o.x) * o.exp(o.y),
        lambda o: o.exp(o.x + o.y),
        "inf*0 where one of them overflows; the sum of the exponents is rounded once",
        one_has_all_indices,
    ),
    Rule(
        "exponential times a sigmoid",
        lambda o: o.exp(o.x) * o.sigmoid(o.y),
        lambda o: o.where(o.lt(o.y, SATURATED), o.exp(o.x + o.y), unchanged(o.exp(o.x), o.sigmoid(o.y))),
        "inf*0 where the exponential overflows; below -40, sigmoid(y) is exp(y) to the last digit",
        one_has_all_indices,
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
        complements,
    ),
    Rule(
        "complement of a softmax",
        lambda o: 1 - o.softmax_weight(o.x, o.y),
        lambda o: o.softmax_complement(o.x, o.y),
        "1 - p cancels where p is close to one",
    ),
    Rule(
        "softmax, minus one",
        lambda o: o.softmax_weight(o.x, o.y) - 1,
        lambda o: -o.softmax_complement(o.x, o.y),
        "p - 1, the error of the probability of the right class, cancels where p is close to one",
    ),
    Rule(
        "softmax minus an indicator",
        lambda o: o.softmax_weight(o.x, o.y) - o.where(o.c, 1, 0),
        lambda o: o.where(o.c, -o.softmax_complement(o.x, o.y), o.softmax_weight(o.x, o.y)),
        "Brier score: p - [c == label] cancels for the right class where p is close to one",
    ),
    Rule(
        "indicator minus a softmax",
        lambda o: o.where(o.c, 1, 0) - o.softmax_weight(o.x, o.y),
        lambda o: o.where(o.c, o.softmax_complement(o.x, o.y), -o.softmax_weight(o.x, o.y)),
        "the same in another order",
    ),
    Rule(
        "softmax minus a label",
        lambda o: o.softmax_weight(o.x, o.y) - o.t,
        lambda o: (1 - o.t) * o.softmax_weight(o.x, o.y) - o.t * o.softmax_complement(o.x, o.y),
        "p - t cancels where both are close to one",
        is_label,
    ),
    Rule(
        "label minus a softmax",
        lambda o: o.t - o.softmax_weight(o.x, o.y),
        lambda o: o.t * o.softmax_complement(o.x, o.y) - (1 - o.t) * o.softmax_weight(o.x, o.y),
        "the same in another order",
        is_label,
    ),
    Rule(
        "sigmoid minus an indicator",
        lambda o: o.sigmoid(o.x) - o.where(o.c, 1, 0),
        lambda o: o.where(o.c, -o.sigmoid(-o.x), o.sigmoid(o.x)),
        "the error of a probability cancels where it is close to one, and rightly so",
    ),
    Rule(
        "indicator minus a sigmoid",
        lambda o: o.where(o.c, 1, 0) - o.sigmoid(o.x),
        lambda o: o.where(o.c, o.sigmoid(-o.x), -o.sigmoid(o.x)),
        "the same in another order",
    ),
    Rule(
        "sigmoid minus a label",
        lambda o: o.sigmoid(o.x) - o.t,
        lambda o: (1 - o.t) * o.sigmoid(o.x) - o.t * o.sigmoid(-o.x),
        "sigmoid(x) - 1 cancels to exactly zero for x > 37",
        is_label,
    ),
    Rule(
        "label minus a sigmoid",
        lambda o: o.t - o.sigmoid(o.x),
        lambda o: o.t * o.sigmoid(-o.x) - (1 - o.t) * o.sigmoid(o.x),
        "the same in another order",
        is_label,
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
        positive_number,
    ),
    Rule(
        "complement of a power of a constant",
        lambda o: 1 - o.c**o.x,
        lambda o: -o.expm1(o.xlogy(o.x, o.c)),
        "1 - beta^n, the effective number of n examples, cancels where beta^n is close to one",
        number_without_sign,
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
        "exponential minus its tangent, added to something",
        lambda o: o.a + o.exp(o.x) - o.x - 1,
        lambda o: o.a + o.expm1_excess(o.x),
        "divergence of a Gaussian from the standard one, (m^2 + exp(s) - s - 1)/2: s^2/2 is lost beside 1",
    ),
    Rule(
        "exponential minus its tangent, added to something, 1 first",
        lambda o: o.a + o.exp(o.x) - 1 - o.x,
        lambda o: o.a + o.expm1_excess(o.x),
        "the same in another order",
    ),
    Rule(
        "tangent minus something and an exponential",
        lambda o: 1 + o.x - o.a - o.exp(o.x),
        lambda o: -(o.a + o.expm1_excess(o.x)),
        "the same with its sign turned round, as Kingma and Welling write it",
    ),
    Rule(
        "distribution of two exponential times",
        lambda o: 1 - o.exp(-o.x) * (1 + o.x),
        lambda o: o.erlang_cdf(o.x),
        "Ramsay's loss near zero: 1 - exp(-x)*(1 + x) is about x^2/2, a difference of numbers of the size of 1",
    ),
    Rule(
        "distribution of two exponential times, in two terms",
        lambda o: -o.expm1(-o.x) - o.x * o.exp(-o.x),
        lambda o: o.erlang_cdf(o.x),
        "the same, multiplied out",
    ),
    Rule(
        "exprel, reversed",
        lambda o: o.expm1(-o.x) / o.x,
        lambda o: -o.exprel(-o.x),
        "0/0 at the origin; the second derivative of log((1 - exp(-x))/x), 1/12 there, has no digits left below 1e-7",
    ),
    Rule(
        "exprel",
        lambda o: o.expm1(o.x) / o.x,
        lambda o: o.exprel(o.x),
        "0/0 at the origin, where the value is one",
    ),
    Rule(
        "exprel of a product",
        lambda o: o.expm1(o.x * o.y) / o.x,
        lambda o: o.y * o.exprel(o.x * o.y),
        "Gompertz: 0/0 for a growth of zero, by which the derivative has no digits left below 1e-8",
        divisor_has_indices,
    ),
    Rule(
        "exprel of a product, with a factor",
        lambda o: o.w * o.expm1(o.x * o.y) / o.x,
        lambda o: o.w * (o.y * o.exprel(o.x * o.y)),
        "the same with a factor",
        divisor_has_indices,
    ),
    Rule(
        "nothing times an exponential",
        lambda o: o.w * o.exp(o.x),
        lambda o: o.guarded_mul(o.w, o.exp(o.x)),
        "survival without exposure: 0*exp(710) is 0*inf",
        of_nothing,
    ),
)
