"""Random texts: each resolves to a program that keeps its promises, or ends in a located error."""

from __future__ import annotations

import re
from random import Random

import pytest
from acceptance_cases import load, names
from core_invariants import assert_invariants
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lossdsl.diagnostics import LossError
from lossdsl.meaning import resolve
from lossdsl.syntax import parse

SIGNATURE = "x[n], y[m], z[n, m], b[n, 3] | t[n], u[m], w[k], l[n] in n, c[m] in {0, 1}; s > 0 = 1, h in {1, 2} = 1"
RANKS = {"x": 1, "y": 1, "z": 2, "b": 2, "t": 1, "u": 1, "w": 1, "l": 1, "c": 1}
DEFS = """
def half(p) = p/2
def pick(p, q) = p if q > 0 else 0
def twice(p; q = 2) = p*q if p > 0 else p + q
def unit(v[d])[d] = v/norm(v)
def total(v[d]) = sum(v)
def centred(v[r, d])[r, d] = v - mean[a](v[a, d])
def pairs(v[d])[d, e] = v[d] - v[e]
def scaled(v[d]; q)[d] = q*v
def steps(p):
    power[a in 3] = p^a
    return sum[a](power[a])
"""
SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


class Writer:
    """Writes a random loss: most of what it writes makes sense."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.ranks = dict(RANKS)
        self.fresh = iter(f"v{k}" for k in range(100))

    def text(self) -> str:
        lines = []
        for k in range(self.random.randint(0, 3)):
            lines.append(self.binding(f"a{k}"))
        head = self.random.choice(["", "mean", "sum"])
        lines.append(f"return {head}({self.expr(3, [])})" if head else f"return {self.expr(3, [])}")
        return f"{DEFS}\nloss f({SIGNATURE}):\n" + "".join(f"    {line}\n" for line in lines)

    def binding(self, name: str) -> str:
        match self.random.randint(0, 2):
            case 0:
                rank = self.random.randint(1, 2)
                left = [self.random.choice(["n", "m", next(self.fresh)]) for _ in range(rank)]
                line = f"{name}[{', '.join(left)}] = {self.expr(3, left)}"
            case 1:
                rank = self.random.randint(0, 2)
                line = f"{name} = {self.expr(3, [])}"
            case _:
                rank = 0
                line = f"{name} = sum({self.expr(2, [])})"
        self.ranks[name] = rank
        return line

    def expr(self, depth: int, scope: list[str]) -> str:
        choice = self.random.random()
        if depth == 0 or choice < 0.3:
            return self.leaf(scope)
        if choice < 0.5:
            return f"({self.expr(depth - 1, scope)} {self.random.choice('+-*/')} {self.expr(depth - 1, scope)})"
        if choice < 0.6:
            return f"({self.expr(depth - 1, scope)} if {self.condition(scope)} else {self.expr(depth - 1, scope)})"
        if choice < 0.82:
            return self.reduction(depth, scope)
        return self.call(depth, scope)

    def leaf(self, scope: list[str]) -> str:
        choice = self.random.random()
        if choice < 0.1:
            return self.random.choice(["2", "1/3", "s", "h", *scope])
        name = self.random.choice(list(self.ranks))
        if choice < 0.35:
            return name
        rank = self.ranks[name]
        return f"{name}[{', '.join(self.index(scope) for _ in range(rank))}]" if rank else name

    def index(self, scope: list[str]) -> str:
        pool = scope or ["n", "m"]
        i, j = self.random.choice(pool), self.random.choice(pool)
        forms = [
            i,
            i,
            i,
            i,
            f"{i}+1",
            f"{i}-1",
            f"{i}+{j}",
            f"{i}-{j}+1",
            f"2*{i}",
            f"{i}+h",
            "0",
            "-1",
            f"l[{i}]",
            f"c[{i}]",
        ]
        return self.random.choice(forms)

    def condition(self, scope: list[str]) -> str:
        if scope and self.random.random() < 0.5:
            i, j = self.random.choice(scope), self.random.choice(scope)
            return self.random.choice([f"{i} > 0", f"{i} < {j}", f"{i} + {j} < size(n)", f"{i} != {j}", f"{i} in n"])
        return f"{self.leaf(scope)} > {self.random.choice(['0', 's'])}"

    def reduction(self, depth: int, scope: list[str]) -> str:
        op = self.random.choice(["sum", "mean", "max", "logsumexp", "norm", "softmax", "cumsum"])
        name = next(self.fresh)
        if op in ("softmax", "cumsum") and scope:
            name = self.random.choice(scope)
        inner = [*scope, name]
        given = self.random.choice(["", "", "", " in 3", " in n"])
        where = f" where {self.condition(inner)}" if self.random.random() < 0.3 else ""
        return (
            f"{op}[{name}{given}{where}]({self.expr(depth - 1, inner)}*{self.random.choice(['x', 'y', 'w'])}[{name}])"
        )

    def call(self, depth: int, scope: list[str]) -> str:
        i = self.random.choice(scope or ["n", "m"])
        inner = self.expr(depth - 1, scope)
        forms = [
            f"half({inner})", f"pick({inner}, {self.leaf(scope)})", f"twice({inner}; {self.leaf(scope)})",
            f"steps({inner})", f"twice({inner})", f"unit({self.random.choice('xyw')})[{i}]", f"total({inner})",
            f"total(z[{i}, :])", f"unit(z[:, {i}])", f"centred(z)[{i}, {i}]", "centred(z)", f"pairs(x)[{i}, {i}]",
            f"scaled(x; {inner})[{i}]", f"scaled(y; {inner})", f"unit(b[{i}, :])[0]",
        ]  # fmt: skip
        return self.random.choice(forms)


def outcome(text: str) -> str:
    """What becomes of a text: its programs keep their promises, or the error can be shown."""
    try:
        programs = resolve(parse(text)).losses.values()
    except LossError as error:
        assert error.problems, text
        assert str(error)
        return "error"
    for program in programs:
        assert_invariants(program)
    return "program"


@SETTINGS
@given(st.randoms(use_true_random=False))
def test_random_losses(random: Random) -> None:
    outcome(Writer(random).text())


def test_the_writer_writes_programs() -> None:
    """The property above would be empty if nothing resolved."""
    outcomes = [outcome(Writer(Random(seed)).text()) for seed in range(300)]
    assert outcomes.count("program") > 30


TOKEN = re.compile(r"[^\W\d]\w*|\d+(?:\.\d+)?|\.\.|[<>=!]=|\s+|.")


@SETTINGS
@given(st.sampled_from(names()), st.randoms(use_true_random=False))
def test_real_losses_with_one_word_changed(name: str, random: Random) -> None:
    words = TOKEN.findall(load(name).text)
    places = [k for k, word in enumerate(words) if word.isalnum()]
    words[random.choice(places)] = words[random.choice(places)]
    outcome("".join(words))


@pytest.mark.parametrize("name", names())
def test_the_acceptance_losses_keep_the_promises(name: str) -> None:
    assert outcome(load(name).text) == "program"
