"""Size, depth and time are bounded, and what is linear in the text stays so."""

from __future__ import annotations

import sys

import pytest
from checked_text import bounds
from effort import calls
from resolved import checked, codes, loss

from lossdsl.diagnostics import LossError
from lossdsl.meaning import core
from lossdsl.meaning.resolution.build import children

TERM = "huber(x | t; {}) + mean[n](logsumexp[c](y) - y[n, k[n]])"
HUBER = """
loss huber(p[n] | t[n]; d > 0 = 1):
    r = |p - t|
    return mean[n](r^2/2 if r <= d else d*(r - d/2))
"""


def composite(terms: int) -> core.Program:
    lines = [f"    t{k} = {TERM.format(k + 1)}\n" for k in range(terms)]
    total = " + ".join(f"t{k}" for k in range(terms))
    return checked(f"{HUBER}\nloss l(x[n], y[n, c] | t[n], k[n] in c):\n{''.join(lines)}    return {total}\n")


def chain(count: int, step: str, first: str = "x + 1", head: str = "(x)") -> str:
    defs = [f"def f0{head} = {first}\n"] + [f"def f{k}{head} = {step.format(k - 1)}\n" for k in range(1, count)]
    return "".join(defs)


def test_a_composite_of_a_thousand_terms() -> None:
    program = composite(1000)
    assert sum(let.role == "term" for let in program.lets) == 1000


def test_the_nodes_of_a_composite_grow_with_its_terms() -> None:
    assert len(composite(200).kinds) < 4.1 * len(composite(50).kinds)


def test_the_work_of_a_composite_grows_with_its_terms() -> None:
    assert calls(lambda: composite(200)) < 4.1 * calls(lambda: composite(50))


def test_long_sums() -> None:
    program = checked("loss l(x[n]):\n    return mean[n](" + " + ".join(["x"] * 10_000) + ")\n")
    depth, node = 0, program.element
    while isinstance(node, core.Apply):
        depth, node = depth + 1, children(node)[0]
    assert depth == 9999


def test_long_conjunctions_and_positions() -> None:
    conjunction = " and ".join(["x > 0"] * 3000)
    assert checked(f"loss l(x[n]):\n    return mean[n where {conjunction}](x)\n").mask is not None
    position = "n" + " + 1" * 3000
    (var,) = checked(f"loss l(x[n]):\n    return mean[n](x[{position}])\n").free
    assert bounds(var) == "n in -3000..n - 3000"


@pytest.mark.parametrize("step", ["f{0}(f{0}(x))", "f{0}(x) + f{0}(x)", "f{0}(x)*f{0}(x + 1)"])
def test_defs_that_double_forty_times(step: str) -> None:
    assert codes("x[n]", "mean[n](f40(x))", before=chain(41, step)) == ["E0504"]


def test_defs_with_axes_that_double_forty_times() -> None:
    assert codes("x[n]", "mean(f40(x))", before=chain(41, "f{0}(f{0}(x))", head="(x[n])[n]")) == ["E0504"]


def test_a_shared_call_does_not_double() -> None:
    program = loss("x[n]", "mean(f40(x))", before=chain(41, "f{0}(x) + f{0}(x)", head="(x[n])[n]"))
    assert len(program.splitlines()) == 42


def test_a_chain_of_defs() -> None:
    assert loss("x[n]", "mean[n](f99(x))", before=chain(100, "f{0}(x) + 1"))
    assert codes("x[n]", "mean[n](f999(x))", before=chain(1000, "f{0}(x) + 1")) == ["E0505"]


def test_a_shared_value_under_forty_conditions() -> None:
    """Each step uses its argument on both sides of a branch: a tree of it would have 2^40 leaves."""
    before = "def step(x) = x if x > 0 else x + 1"
    nested = "step(" * 40 + "z[k[n]]" + ")" * 40
    program = checked(f"{before}\nloss l(z[c] | k[n] in c):\n    return mean[n]({nested})\n")
    assert len(program.kinds) < 500


def test_problems_are_not_listed_without_end() -> None:
    found = codes("x[n]", " + ".join(f"u{k}" for k in range(3000)))
    assert found == ["E0201"] * 20


def test_the_limit_on_recursion_is_given_back() -> None:
    before = sys.getrecursionlimit()
    loss("x[n]", "mean(x)")
    with pytest.raises(LossError):
        loss("x[n]", "mean(y)")
    assert sys.getrecursionlimit() == before


def test_nesting_as_deep_as_the_parser_allows() -> None:
    assert loss("x[n]", "mean[n](" + "exp(" * 190 + "x" + ")" * 191)


def test_constants_of_many_digits() -> None:
    assert codes("x[n]", "mean[n](x)*9^9^9^9") == ["E0406"]
    assert codes("x[n]", "mean[n](x)*10^-100_000") == ["E0406"]
    assert loss("x[n]", "mean[n](x)*2^1000") == "value: (mean[n in 0..n](x[n]) * (2 ^ 1000))"
    assert loss("x[n]", "mean[n](x)*(2^1024/2^1020)") == "value: (mean[n in 0..n](x[n]) * 16)"
    assert loss("x[n]", "mean[n](x)*(0.1 + 0.2 - 0.3)") == "value: (mean[n in 0..n](x[n]) * 0)"
    assert codes("x[n]", "mean[n](x)*2^1024/2^1020") == codes("x[n]", "y = 2^-1100", "mean[n](x)*y") == ["E0406"]
