"""Programs with few nodes and very many paths: whatever opens a product, a sum or a condition opens a part of it."""

from __future__ import annotations

from itertools import product

import mpmath
import pytest

import lossdsl
from lossdsl.analysis.normal import normal
from lossdsl.analysis.numbers import Undecided, x
from lossdsl.functions import oracles
from lossdsl.ir.graph import Graph, Index, Node, conjuncts
from lossdsl.ir.opened import opened
from lossdsl.meaning import core
from lossdsl.meaning.reference import scalars

LEVELS = 32
STEPS = {
    "a product": "{a}*(2*{a})",
    "a square with a sign": "{a}*-{a}",
    "a sum": "{a} + sin({a})",
    "a quotient": "{a}/(1 + {a}^2)",
    "a choice": "({a} if {a} > 0 else 2*{a})",
    "a tower": "{a}^(1 + {a}^2)",
}
USES = {
    "a sum": "mean[n](sum[k](tanh(z[k])*{a}))",
    "a logarithm of a sum": "mean[n](log(sum[k](exp(z[k])*{a})))",
    "a weight": "mean[n]({a}*exp(x[n])/sum[k](exp(z[k])))",
    "a divisor": "mean[n](1/{a})",
    "a logarithm": "mean[n](log({a}))",
    "a quotient of sums": "sum[n]({a}*x[n])/sum[n]({a})",
}
CHEAP = ("a product", "a square with a sign")


def text(step: str, use: str, levels: int = LEVELS) -> str:
    lines = "".join(f"    a{k}[n] = " + step.format(a=f"a{k - 1}[n]") + "\n" for k in range(1, levels + 1))
    body = use.format(a=f"a{levels}[n]")
    return f"loss f(x[n], y[n], z[k]):\n    a0[n] = x[n]*y[n]\n{lines}    return {body}\n"


@pytest.mark.parametrize(
    "step, use", [*product(CHEAP, USES), *((step, "a sum") for step in STEPS if step not in CHEAP)]
)
def test_compiles(step: str, use: str) -> None:
    """A hang is the failure; the source grows with a small power of the levels, not with 2^32."""
    loss = lossdsl.loss(text(STEPS[step], USES[use]))
    assert len(loss.source("numpy")) < 2_000_000


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("use", ["a sum", "a quotient of sums"])
def test_compiles_in_the_other_back_ends(backend: str, use: str) -> None:
    assert len(lossdsl.loss(text(STEPS["a product"], USES[use])).source(backend)) < 2_000_000


@pytest.mark.parametrize(
    "joined, term",
    [
        (" + ", "exp({k}*x/99)"),
        (" - ", "cosh({k}*x/99)"),
        ("*", "(1 + exp({k}*x/99))"),
        (" + ", "exp(x)/({k} + cosh(x))"),
    ],
)
def test_many_powers_of_one_exponential(joined: str, term: str) -> None:
    """Each sum looks at what it adds up, and what is taken out of it is a sum: once, not again for every term."""
    text = joined.join(term.format(k=k) for k in range(1, 100))
    assert len(lossdsl.loss(f"loss f(x):\n    return {text}\n").source("numpy")) < 500_000


def test_hyperparameters_that_are_doubled() -> None:
    """By which something is divided, and to which something is raised: their values are asked for."""
    lines = "".join(f"    a{k} = a{k - 1}*(2*a{k - 1})\n" for k in range(1, LEVELS + 1))
    head = f"loss f(x[n] > 0; g > 0 = 2):\n    a0 = g\n{lines}"
    assert lossdsl.loss(f"{head}    return mean[n](x^a{LEVELS})\n").source("native")
    lines = "".join(f"    a{k} = a{k - 1} - (g + a{k - 1}*3)\n" for k in range(1, LEVELS + 1))
    head = f"loss f(x[n] > 0; g > 0 = 2):\n    a0 = g\n{lines}"
    assert lossdsl.loss(f"{head}    return mean[n](x/a{LEVELS})\n").source("numpy")


def test_few_levels_are_right() -> None:
    report = lossdsl.loss(text(STEPS["a product"], USES["a quotient of sums"], levels=2)).check()
    assert report.ok, str(report)


def test_opened_in_order_and_no_further_than_asked() -> None:
    def halves(number: int) -> list[int] | None:
        return [number // 2, number - number // 2] if number > 1 else None

    assert opened(5, halves) == [1, 1, 1, 1, 1]
    assert opened(8, halves, most=3) == [2, 2, 4]
    assert sum(opened(10**6, halves, most=100)) == 10**6
    assert len(opened(10**6, halves, most=100)) <= 100
    assert opened(3, lambda n: [] if n == 1 else halves(n)) == []


def test_conjuncts_once_each() -> None:
    g = Graph()
    i = g.index(Index("i", core.ZERO, core.Extent("size", "n")))

    def below(number: int) -> Node:
        return g.apply("lt", i, g.const(number))

    condition = g.apply("and", below(3), g.apply("gt", i, g.const(0)))
    for _ in range(LEVELS):
        condition = g.raw("and", condition, g.raw("and", condition, below(2)))
    assert [str(c.op) for c in conjuncts(condition)] == ["lt", "gt", "lt"]


def test_powers_that_no_memory_holds() -> None:
    """The interpreter's numbers have exponents of any size; beyond VAST they are infinite, or 0."""
    vast = mpmath.mpf("1e500")
    assert scalars.power(mpmath.mpf(2), vast) == mpmath.inf
    assert scalars.power(mpmath.mpf(2), -vast) == 0
    assert scalars.power(mpmath.mpf("0.5"), vast) == 0
    assert scalars.power(mpmath.mpf("0.5"), -vast) == mpmath.inf
    assert scalars.power(mpmath.mpf(-2), mpmath.floor(vast)) == mpmath.inf
    assert scalars.power(mpmath.mpf(10), mpmath.mpf(10**7)) == mpmath.mpf(10) ** (10**7)


@pytest.mark.parametrize("body", ["x^4294967296", "(3*x)^1000000000", "exp(x*3^100*x^1500)"])
def test_analysis_of_high_powers(body: str) -> None:
    """A hang is the failure: SymPy would write out 3^(2^32), and factor polynomials of degree 1000."""
    assert "convex" in str(lossdsl.loss(f"loss f(x[n]):\n    return mean[n]({body})\n").analyze())


def test_polynomials_of_a_high_degree_are_not_factored() -> None:
    for expression in ((1 + x()) ** 500, 500 * x() ** 500 + 499, (1 + x() ** 70) / (2 + x())):
        with pytest.raises(Undecided, match="degree"):
            normal(expression)
    assert normal(3 * x() ** 500)[0] == 3 * x() ** 500


def test_powers_of_the_oracle() -> None:
    """The functions' own values, by which displayed formulas are compared, end as the interpreter's do."""
    vast = mpmath.ldexp(1, 10**9) + 0
    assert oracles.pow(mpmath.mpf(3), vast) == mpmath.inf
    assert oracles.pow(mpmath.mpf(-3), vast) == mpmath.inf
    assert oracles.pow(mpmath.mpf(3), -vast) == 0
    assert oracles.pow(mpmath.mpf(-2), mpmath.mpf(3)) == -8
    assert oracles.pow(mpmath.mpf(-1), vast) == 1
