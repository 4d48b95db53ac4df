"""The passes behind a printed gradient, one by one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction

import pytest

from lossdsl.calculus.gradient import SEED
from lossdsl.display import gradient_text, program_text
from lossdsl.display.algebra import Relations, to_nodes, to_sympy
from lossdsl.display.boxes import text as box
from lossdsl.display.conjunction import conjunction
from lossdsl.display.formula import (
    Apply,
    Binder,
    Chain,
    Choice,
    Element,
    Number,
    Reduction,
    Size,
    Symbol,
    extent_formula,
    one_fraction,
    shifted,
)  # fmt: skip
from lossdsl.display.guards import choice, unproved
from lossdsl.display.instances import Shapes, instance
from lossdsl.display.items import signature
from lossdsl.display.numeric import agree
from lossdsl.display.plain import Plain, never_zero
from lossdsl.display.regions import leaves_of, operations
from lossdsl.display.rewriter import reduction
from lossdsl.display.text import expression_text, number_text, wrapped
from lossdsl.display.tidy import exclusive, factored, moved_condition, without_difference
from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import Graph, Index, Node, conjuncts
from lossdsl.ir.show import show
from lossdsl.ir.stage import Array, Stage, StageTable
from lossdsl.meaning.core import ZERO, Extent
from tests.display_texts import program

N, M = Extent("size", name="n"), Extent("size", name="m")
I, J = Index("i", ZERO, N), Index("j", ZERO, N)


@pytest.fixture
def table() -> StageTable:
    made = StageTable(Graph())
    for name in ("x", "y", "z"):
        made.add_array(Array(name, (N,), "data", "real"))
    for name in ("a", "b", "c"):
        made.add_array(Array(name, (), "hyper", "real"))
    return made


def number(value: int | str) -> Number:
    return Number(Fraction(value))


# ---------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2", "2"), ("-3", "-3"), ("1/2", "0.5"), ("7/10", "0.7"), ("1/3", "1/3"), ("-2/3", "-2/3"), ("1e-7", "1e-7"),
        ("1000000", "1e6"), ("0.0001", "0.0001"), ("2.6592", "2.6592"), ("1200000", "1200000"), ("0.00002", "2e-5"),
    ],
)  # fmt: skip
def test_numbers_are_exact_and_short(value: str, text: str) -> None:
    assert number_text(Fraction(value)) == text
    assert Fraction(text) == Fraction(value)


A, B, C = Element("a"), Element("b"), Element("c")


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (Apply("sub", (A, Apply("sub", (B, C)))), "a - (b - c)"),
        (Apply("sub", (Apply("sub", (A, B)), C)), "a - b - c"),
        (Apply("div", (A, Apply("mul", (B, C)))), "a/(b*c)"),
        (Apply("mul", (A, Apply("neg", (B,)))), "a*(-b)"),
        (Apply("add", (A, Apply("neg", (B,)))), "a - b"),
        (Apply("pow", (Apply("neg", (A,)), number(2))), "(-a)^2"),
        (Apply("neg", (Apply("pow", (A, number(2))),)), "-a^2"),
        (Apply("pow", (A, number("1/2"))), "a^0.5"),
        (Apply("pow", (A, Apply("pow", (B, C)))), "a^b^c"),
        (Apply("pow", (Apply("pow", (A, B)), C)), "(a^b)^c"),
        (Apply("mul", (number(-2), A)), "-2*a"),
        (Apply("abs", (Apply("abs", (A,)),)), "abs(|a|)"),
        (Choice(Apply("lt", (A, B)), number(1), number(0)), "[a < b]"),
        (Apply("add", (Choice(Apply("lt", (A, B)), A, B), C)), "(a if a < b else b) + c"),
        (Choice(Apply("lt", (A, B)), A, Choice(Apply("gt", (A, B)), B, C)), "a if a < b else b if a > b else c"),
        (Apply("not", (Apply("and", (Apply("lt", (A, B)), Apply("eq", (A, C)))),)), "not (a < b and a == c)"),
        (Apply("or", (Apply("and", (Apply("lt", (A, B)), Apply("eq", (A, C)))), Apply("ne", (A, C)))),
         "a < b and a == c or a != c"),
        (Apply("and", (Apply("or", (Apply("lt", (A, B)), Apply("eq", (A, C)))), Apply("ne", (A, C)))),
         "(a < b or a == c) and a != c"),
        (Element("x", (Symbol("i"), Apply("add", (Symbol("j"), number(1))))), "x[i, j + 1]"),
        (Reduction("sum", (Binder("i", ZERO, N),), Apply("gt", (A, B)), A), "sum[i where a > b](a)"),
        (Reduction("count", (Binder("i", ZERO, N, "n"),), Apply("gt", (A, B)), number(1)), "count[i in n where a > b]"),
        (Apply("atan2", (A, B)), "atan2(a, b)"),
        (Size("n"), "size(n)"),
    ],
)  # fmt: skip
def test_expressions(formula: Apply, text: str) -> None:
    assert expression_text(formula) == text


def test_two_comparisons_of_one_thing_are_a_chain() -> None:
    low, high = Apply("ge", (Symbol("i"), number(1))), Apply("lt", (Symbol("i"), Size("n")))
    other = Apply("gt", (A, B))
    assert isinstance(conjunction(low, high), Chain)
    assert expression_text(conjunction(low, high)) == "1 <= i < size(n)"
    assert expression_text(conjunction(conjunction(low, other), high)) == "1 <= i < size(n) and a > b"
    assert expression_text(conjunction(low, other)) == "i >= 1 and a > b"


def test_constants_of_positions_are_put_together() -> None:
    place = shifted("sub", shifted("add", Symbol("i"), number(2)), number(1))
    assert expression_text(place) == "i + 1"
    assert expression_text(shifted("add", place, number(-1))) == "i"
    extent = Extent("sub", (Extent("sub", (N, Extent("const", value=1))), Extent("const", value=1)))
    assert expression_text(extent_formula(extent)) == "size(n) - 2"


def test_fractions_of_fractions_are_one_for_people() -> None:
    assert expression_text(one_fraction(Apply("div", (Apply("div", (A, B)), C)))) == "a/(b*c)"


def test_long_lines_break_inside_brackets_at_operators() -> None:
    line = "g[n] = " + " + ".join(f"first_factor{k}*second_factor{k}" for k in range(8))
    lines = wrapped(line, "    ").splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 110
    assert lines[0].startswith("    g[n] = (first_factor0*second_factor0 + ")
    assert all(part.startswith("        + ") for part in lines[1:])
    assert lines[-1].endswith(")")


def test_signatures_are_those_of_the_loss() -> None:
    text = "p[n, 4], q[..] in [0, 1] | t[n] in c or {-100}, w[c] >= 0 = 1; learn s[k] = 0.5, d > 0 = 1e-7"
    original = program(f"loss f({text}):\n    return sum[n](w[t]) + sum[n, i in 4](p[n, i]) + sum(q)*d + sum[k](s)\n")
    assert signature(original) == text


# ---------------------------------------------------------------- nodes


def test_an_instance_is_found_at_other_positions(table: StageTable) -> None:
    g = table.graph
    i, j = g.index(I), g.index(J)

    def difference(at: Node, to: Node) -> Node:
        return g.read("x", [at]) - g.read("x", [to])

    pattern = difference(i, j)
    found = instance(g, pattern, difference(j, i))
    assert found == {I: j, J: i}
    assert instance(g, pattern, difference(i, g.const(0))) == {I: i, J: g.const(0)}
    assert instance(g, pattern, g.read("x", [i]) - g.read("y", [j])) is None
    shapes = Shapes(table)
    assert shapes.key(pattern) == shapes.key(difference(j, i)) != shapes.key(g.read("x", [i]) - g.read("y", [j]))


def test_an_index_that_is_only_a_number_must_stay_in_its_range(table: StageTable) -> None:
    g = table.graph
    pattern = g.apply("sqrt", g.index(I))
    beyond = g.apply("sqrt", g.index(J) + 1)
    assert instance(g, pattern, g.apply("sqrt", g.index(J))) is not None
    assert instance(g, pattern, beyond) is None


def test_a_difference_that_is_compared_with_zero_is_a_comparison(table: StageTable) -> None:
    g = table.graph
    a, b = g.read("a", []), g.read("b", [])
    assert without_difference(g, g.apply("gt", a - b, g.const(0))) is g.apply("gt", a, b)
    assert without_difference(g, g.apply("eq", g.const(0), a - b)) is g.apply("eq", a, b)
    assert without_difference(g, g.apply("gt", g.const(1), a)) is g.apply("lt", a, g.const(1))
    kept = g.apply("gt", a + b, g.const(0))
    assert without_difference(g, kept) is kept


def test_terms_for_different_positions_are_one_conditional(table: StageTable) -> None:
    g = table.graph
    i = g.index(I)

    def case(at: int, value: Node) -> Node:
        return g.where(g.apply("eq", i, g.const(at)), value, g.const(0))

    a, b, c = (g.read(name, []) for name in "abc")
    total = exclusive(g, case(1, a) + case(0, b))
    assert show(total) == "(b if i == 0 else (a if i == 1 else 0))"
    assert show(exclusive(g, c + total)) == show(c + total)
    same = case(1, a) + case(1, b)
    assert exclusive(g, same) is same


def test_what_is_the_same_for_every_term_stands_before_the_sum(table: StageTable) -> None:
    g = table.graph
    a, x = g.read("a", []), g.read("x", [g.index(I)])
    factor, rest = factored(g, -(2 * x) / a)
    assert show(factor) == "-2 / a"
    assert rest is x
    factor, rest = factored(g, x * x)
    assert factor.is_value(1)
    assert rest is x * x


def test_conditions_move_to_where_unless_they_guard_a_read(table: StageTable) -> None:
    g = table.graph
    i, true = g.index(I), g.const(True)
    x, y = g.read("x", [i]), g.read("y", [i])
    positive = g.apply("gt", x, g.const(0))
    assert moved_condition(g, g.where(positive, y, g.const(0)), true) == (y, positive)
    assert moved_condition(g, g.where(positive, g.const(1), g.const(0)) * y, true) == (y, positive)
    behind = g.where(positive, g.read("x", [i - 1]), g.const(0))
    assert moved_condition(g, behind, true) == (behind, true)


def test_a_guard_stands_before_what_it_guards(table: StageTable) -> None:
    g, axes = table.graph, lambda name, axis: (ZERO, N)
    i, x = g.index(I), g.read("x", [g.index(I)])
    before = g.read("x", [i - 1])
    inside, positive = g.apply("ge", i, g.const(1)), g.apply("gt", before, g.const(0))
    assert unproved(g, axes, positive) == [before.args[0]]
    assert unproved(g, axes, x) == []
    chosen = choice(g, axes, g.both(positive, inside), x, g.const(0))
    assert show(chosen) == "((x[i] if x[i - 1] > 0 else 0) if i >= 1 else 0)"
    assert conjuncts(g.both(positive, inside)) == [positive, inside]


def test_reductions_of_constants(table: StageTable) -> None:
    g = table.graph
    a, never = g.read("a", []), g.const(False)

    def reduced(op: str, where: Node | None = None) -> str:
        return show(reduction(table, Stage("s", (), op, (I,), where, a)))

    assert reduced("sum") == "a * size(n)"
    assert reduced("max") == "s"
    assert str(table.stages["s"]) == "s = max[i where i >= 0](a)"
    assert [reduced(op, never) for op in ("sum", "prod", "max", "min")] == ["0", "1", "-inf", "inf"]


def test_nonzero_values_are_known(table: StageTable) -> None:
    g = table.graph
    a = g.read("a", [])
    assert never_zero(-g.const(2) / g.apply("max", a, g.const(1)))
    assert never_zero(g.apply("exp", a) * 3)
    assert not never_zero(a)
    assert not never_zero(g.apply("max", a, g.const(0)))


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if not row.surface and row.precedence == 100])
def test_internal_functions_have_a_form_in_the_language(name: str, table: StageTable) -> None:
    """Every internal row but `polygamma` can be written; the form has the value of the row."""
    if name in ("polygamma", "where", "not", "mod"):
        return
    g = table.graph
    order = [g.const(1)] if name == "exp_moment" else []
    reads = [g.read(letter, []) for letter in "ab"]
    node = g.raw(name, *order, *reads[: (TABLE[name].arity or 2) - len(order)])
    plain = Plain(table, exact=True).rewrite(node)
    written = [n.op for n in _below(plain)]
    assert all(TABLE[op].surface or TABLE[op].precedence < 100 or op == "where" for op in written if op in TABLE)
    assert agree(g, plain, node, {})


def _below(root: Node) -> Iterator[Node]:
    yield root
    for arg in root.args:
        yield from _below(arg)


# ---------------------------------------------------------------- algebra


def test_a_region_survives_the_way_through_sympy(table: StageTable) -> None:
    g = table.graph
    draw = random.Random(3)
    leaves = [g.read(name, []) for name in "abc"]
    for _ in range(40):
        node = draw.choice(leaves)
        for _ in range(6):
            other = draw.choice([*leaves, g.const(draw.randint(1, 4))])
            operation = draw.choice(["add", "sub", "mul", "div"])
            pair = (node, other) if draw.random() < 0.5 else (other, node)
            node = g.apply(operation, *pair)
        meaning = Relations(g).independent(leaves_of(node))
        back = to_nodes(g, to_sympy(node, meaning), meaning)
        assert back is not None
        assert back is node or agree(g, node, back, {}), f"{show(node)} became {show(back)}"


def test_disagreement_is_seen(table: StageTable) -> None:
    g = table.graph
    a, b = g.read("a", []), g.read("b", [])
    assert agree(g, a * (b + 1), a * b + a, {})
    assert not agree(g, a * (b + 1), a * b - a, {})
    assert not agree(g, g.apply("exp", a), g.apply("exp", a) + g.const(Fraction(1, 10**9)), {})
    nowhere = g.apply("log", -g.apply("exp", a))
    assert not agree(g, nowhere, nowhere, {})


def test_fewer_operations_cost_less(table: StageTable) -> None:
    g = table.graph
    a, b = g.read("a", []), g.read("b", [])
    assert operations(a * (b + a)) < operations(a * b + a * a)
    assert operations(2 * a * b) < operations(g.raw("mul", g.const(2), g.raw("mul", a, b)))
    known: dict[int, int] = {}
    assert operations(a * b + a, known) == operations(a * b + a, known) == operations(a * b + a)


@pytest.mark.parametrize(
    ("returned", "line"),
    [
        ("x*y/y + x", "g[n] = 2/size(n)"),
        ("log(cosh(x))*3 - 2*log(cosh(x))", "g[n] = tanh(x)/size(n)"),
        ("tanh(x)", "g[n] = (1 - tanh(x)^2)/size(n)"),
        ("exp(x - y)", "g[n] = exp(x - y)/size(n)"),
        ("x^3/3 - x^2*y + x*y^2", "g[n] = (y - x)^2/size(n)"),
        ("(x if y > 0 else 2*x) + (x if y > 0 else 0)", "g[n] = 2/size(n)"),
    ],
)
def test_shorter_forms(returned: str, line: str) -> None:
    text = gradient_text(program(f"loss f(x[n] | y[n]):\n    return {returned}\n"), "x")
    assert text.splitlines()[-2].strip() == line


def test_definitions_of_the_author_are_not_rearranged() -> None:
    text = gradient_text(program("loss f(x[n] | y[n]):\n    s = y*x + x*x - (-y)\n    return s^3\n"), "x")
    assert "s = y*x + x*x + y" in text


def test_programs_as_stages() -> None:
    original = program("loss f(x[n] | y[n]):\n    return mean[n where y > 0](x^2)\n")
    assert program_text(original) == "f[n] = x[n] ^ 2 where y[n] > 0"
    assert program_text(original, ("x",)) == f"grad_x[n] = ({SEED}[n] * (2 * x[n]) if y[n] > 0 else 0)"
    stages = program_text(program("loss f(x[n, c]):\n    return logsumexp[c](x)\n"), ("x",)).splitlines()
    assert stages[0] == "logsumexp_value[n] = logsumexp[c](x[n, c])"
    assert stages[-1].startswith("grad_x[n, c] = ")


def test_a_picture_is_text() -> None:
    assert str(box("x ")) == "x"


def test_infinities_are_left_alone() -> None:
    text = gradient_text(
        program("loss f(x[n] | y[n]):\n    return x*y*max(-inf, 2) + x*(0 if y < 0 else -inf)*0 + x\n"), "x"
    )
    assert text.splitlines()[-1].strip() == "return g[n]"
