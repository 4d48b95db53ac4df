"""Rows of the stability table for ratios of gamma functions, by the asymptotic series of their logarithms."""

from __future__ import annotations

from fractions import Fraction

from lossdsl.ir.graph import Graph, Node
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.pattern import Match, Rule, Vocabulary
from lossdsl.rewrite.signs import sign

LARGE = 10
"""From here on the next term of the series is less than 1e-16."""
SERIES = (
    Fraction(1, 12), Fraction(-1, 360), Fraction(1, 1260), Fraction(-1, 1680), Fraction(1, 1188),
    Fraction(-691, 360360), Fraction(1, 156),
)  # fmt: skip
"""lgamma(x) - (x - 1/2) log x + x - log(2 pi)/2 in powers of 1/x, 1/x^3, ...: DLMF 5.11.1."""


def _remainder(x: Node) -> Node:
    """The series at x: as it stands, so that equal arguments give equal digits."""
    g = x.graph
    inverse = g.raw("div", g.const(1), x)
    square = g.raw("mul", inverse, inverse)
    total: Node = g.const(SERIES[-1])
    for coefficient in SERIES[-2::-1]:
        total = g.raw("mul", square, total) + coefficient
    return g.raw("mul", inverse, total)


def _rising(o: Vocabulary) -> Node:
    """lgamma(x + y) - lgamma(x), for large x without the logarithms that cancel."""
    x, y = o.x, o.y
    g: Graph = x.graph
    total = g.apply("add", x, y)
    growth = g.raw("mul", x - Fraction(1, 2), g.apply("log1p", g.raw("div", y, x)))
    far = growth + y * g.apply("log", total) - y + (_remainder(total) - _remainder(x))
    plain = g.raw("sub", g.apply("lgamma", total), g.apply("lgamma", x))
    return g.where(g.apply("ge", x, g.const(LARGE)), far, plain)


def _both_positive(match: Match, table: StageTable) -> bool:
    return sign(table, match["x"]) == "positive" and sign(table, match["y"]) != "any"


GAMMA: tuple[Rule, ...] = (
    Rule(
        "ratio of gamma functions",
        lambda o: o.lgamma(o.x + o.y) - o.lgamma(o.x),
        _rising,
        "negative binomial: for x > 1e7 both have the same digits, and so do their derivatives",
        _both_positive,
    ),
    Rule(
        "ratio of gamma functions, reversed",
        lambda o: o.lgamma(o.x) - o.lgamma(o.x + o.y),
        lambda o: -_rising(o),
        "the same in another order",
        _both_positive,
    ),
)
