"""Rows of the stability table for roots, quotients and powers."""

from __future__ import annotations

from lossdsl.rewrite.guards import (
    any_exponent,
    few_factors,
    leg_is_not_negative,
    number_without_sign,
    root,
    shares,
    tuned_exponent,
)
from lossdsl.rewrite.pattern import Rule

ALGEBRAIC: tuple[Rule, ...] = (
    Rule(
        "hypot",
        lambda o: o.sqrt(o.x**2 + o.y**2),
        lambda o: o.hypot(o.x, o.y),
        "squares overflow at the root of the range, and underflow; gradient 0/0 at the origin",
    ),
    Rule(
        "hypot of a constant",
        lambda o: o.sqrt(o.x**2 + o.c),
        lambda o: o.hypot(o.x, root(o)),
        "x^2 overflows at the root of the range, and 1/h - x^2/h^3, the second derivative, cancels far out",
        number_without_sign,
    ),
    Rule(
        "hypot, minus a leg",
        lambda o: o.hypot(o.x, o.y) - o.y,
        lambda o: o.hypot_excess(o.x, o.y),
        "pseudo-Huber and Charbonnier near zero: sqrt(x^2 + y^2) - y cancels to zero for x << y",
        leg_is_not_negative,
    ),
    Rule(
        "root of one plus, minus one",
        lambda o: o.sqrt(1 + o.x) - 1,
        lambda o: o.sqrt1pm1(o.x),
        "sqrt(1 + x) - 1 cancels to zero for x < 1e-16",
    ),
    Rule(
        "scaled share",
        lambda o: o.w * o.x / (o.x + o.y),
        lambda o: o.w * o.share(o.x, o.y),
        "Geman-McClure: the derivative is the difference of two equal terms for x >> y",
        shares,
    ),
    Rule(
        "difference over the sum of sizes",
        lambda o: o.abs(o.x - o.y) / (o.abs(o.x) + o.abs(o.y)),
        lambda o: o.canberra(o.x, o.y),
        "SMAPE: the derivative is exactly 0 where the signs differ, as a difference of equal terms it is noise",
    ),
    Rule(
        "scaled difference over the sum of sizes",
        lambda o: o.c * o.abs(o.x - o.y) / (o.abs(o.x) + o.abs(o.y)),
        lambda o: o.c * o.canberra(o.x, o.y),
        "the same with a factor",
    ),
    Rule(
        "difference over the mean of sizes",
        lambda o: o.abs(o.x - o.y) / ((o.abs(o.x) + o.abs(o.y)) / o.c),
        lambda o: o.c * o.canberra(o.x, o.y),
        "the same with the mean below",
    ),
    Rule(
        "complement of a power of a complement",
        lambda o: 1 - (1 - o.x) ** o.n,
        lambda o: o.power_deficit(o.n, o.x),
        "Tukey near zero: 1 - (1 - x)^3 cancels to zero for x < 1e-16",
        few_factors,
    ),
    Rule(
        "power of one plus, minus one",
        lambda o: (1 + o.x) ** o.c - 1,
        lambda o: o.pow1pm1(o.x, o.c),
        "Barron's general loss near zero: (1 + x)^c - 1 cancels to zero for x < 1e-16 or c < 1e-16",
        any_exponent,
    ),
    Rule(
        "complement of a power of one plus",
        lambda o: 1 - (1 + o.x) ** o.c,
        lambda o: -o.pow1pm1(o.x, o.c),
        "the same in another order",
        any_exponent,
    ),
    Rule(
        "power, minus one",
        lambda o: o.x**o.c - 1,
        lambda o: o.powm1(o.x, o.c),
        "Box-Cox and Tsallis: x^c - 1 is about c log(x) for small c, and cancels to zero for c < 1e-16",
        tuned_exponent,
    ),
    Rule(
        "complement of a power",
        lambda o: 1 - o.x**o.c,
        lambda o: -o.powm1(o.x, o.c),
        "the same in another order",
        tuned_exponent,
    ),
    Rule(
        "complement of a cosine",
        lambda o: 1 - o.cos(o.x),
        lambda o: o.versine(o.x),
        "1 - cos(x) is about x^2/2, and has no digits left for |x| < 1e-8",
    ),
    Rule(
        "cosine, minus one",
        lambda o: o.cos(o.x) - 1,
        lambda o: -o.versine(o.x),
        "the same with its sign turned round",
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
