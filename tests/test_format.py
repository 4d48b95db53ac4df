"""The formatter: one style, nothing lost, nothing changed, and nothing left to do the second time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_text import expression

from lossdsl.diagnostics import LossError, Source, Span
from lossdsl.syntax import parse
from lossdsl.syntax import tree as t
from lossdsl.syntax.breaking import WIDTH
from lossdsl.syntax.format import format_expr, format_text
from lossdsl.syntax.scan import Scanner
from lossdsl.syntax.walk import same

TEXTS = [path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "acceptance").glob("*.loss"))]

# ---------------------------------------------------------------- expressions


@pytest.mark.parametrize(
    "text",
    [
        "a + b - c*d/e",
        "-x^2",
        "2^-x",
        "a^b^c",
        "(a^b)^c",
        "(-a)^2",
        "a - (b - c)",
        "a/(b/c)",
        "a/(b*c)",
        "(a + b)*(c - d)",
        "a - -b",
        "a*-b",
        "--a",
        "-(a + b)",
        "-a*b",
        "-(a*b)",
        "not a and b or c",
        "not (a and b)",
        "(a or b) and c",
        "a < b <= c",
        "(a < b) == (c < d)",
        "a == (not b)",
        "x + 1 in {0, 1}",
        "(x in {0, 1}) == y",
        "x in [0, 1)",
        "k in c",
        "a if c else b if d else e",
        "(a if c else b) if d else e",
        "a if (c if d else e) else b",
        "(a if c else b) + 1",
        "[x > 0]*y",
        "|x - |y||",
        "|x|^2",
        "√x",
        "√(x + 1)",
        "√(x^2)",
        "√x^2",
        "√√x",
        "(-√x)^2",
        "x[i+1, 2*i-a, label[n], :, ..]",
        "x[-1]",
        "x[(i + 1)*2]",
        "x[min(i + 1, k)]",
        "x[i+j if i < j else 0]",
        "f(x)[i, j]",
        "f(a, b = 1 | c; d = e + 1)",
        "f(; d)",
        "f()",
        "f(|a| | |b|)",
        "sum[i, b in 10 where i < b](x[i])",
        "count[i where x[i] > 0]",
        "mean(x)",
        "max(a, b)",
        "max[i](x)",
        "mean[..](x) + size(..)",
        "inf + pi",
        "1_000*1e-7",
    ],
)
def test_expressions_in_the_one_style(text: str) -> None:
    assert format_expr(expression(text)) == text


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a·b − c×d", "a*b - c*d"),
        ("x² + x³", "x^2 + x^3"),
        ("√x²", "√x^2"),
        ("a ≤ b ≠ c ≥ d", "a <= b != c >= d"),
        ("x ∈ {0, ∞}", "x in {0, inf}"),
        ("Σ[i](x) + ∑(y)", "sum[i](x) + sum(y)"),
        ("a**b", "a^b"),
        ("((a)) + (b*c)", "a + b*c"),
        ("(a + b) + (c + d)", "a + b + (c + d)"),
        ("ｘ+y\u0302", "x + ŷ"),
        ("f(a,b,;c,)", "f(a, b; c)"),
    ],
)
def test_expressions_brought_to_the_one_style(text: str, printed: str) -> None:
    assert format_expr(expression(text)) == printed


def test_a_long_sum() -> None:
    text = " + ".join(["a"] * 9_000)
    assert format_expr(expression(text)) == text


SPAN = Span(Source("drawn", ""), 0, 0)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (Fraction(3), "3"),
        (Fraction(1, 4), "0.25"),
        (Fraction(-5, 2), "-2.5"),
        (Fraction(1, 3), "1/3"),
        (Fraction(1, 10**7), "0.0000001"),
    ],
)
def test_numbers_that_nobody_wrote(value: Fraction, printed: str) -> None:
    """Computed numbers have no text of their own."""
    assert format_expr(t.Number(SPAN, value, "")) == printed
    power = t.Binary(SPAN, "^", t.Number(SPAN, value, ""), t.Name(SPAN, "x"))
    assert format_expr(power) == (f"{printed}^x" if printed[0] != "-" and "/" not in printed else f"({printed})^x")


# ---------------------------------------------------------------- trees drawn at random

NAMES = st.sampled_from(("a", "b", "x", "y_1", "ŷ", "α", "class")).map(lambda word: t.Name(SPAN, word))
NUMBERS = st.sampled_from(("0", "1", "2.5", "1e-7", "1_000")).map(
    lambda text: t.Number(SPAN, Fraction(text.replace("_", "")), text)
)
LEAVES = st.one_of(NAMES, NUMBERS, st.sampled_from(("inf", "pi")).map(lambda word: t.Constant(SPAN, word)))  # type: ignore[arg-type]
OPERATORS = st.sampled_from(("+", "-", "*", "/", "^", "and", "or"))
COMPARISONS = st.sampled_from(("<", "<=", ">", ">=", "==", "!="))
BINDERS = st.lists(
    st.builds(
        lambda name, bounds: t.Binder(SPAN, name, bounds),
        NAMES,
        st.none() | NAMES | NUMBERS.filter(lambda n: n.value in (1, 1000)),
    ),
    min_size=1,
    max_size=2,
).map(tuple)


def sets(inner: st.SearchStrategy[t.Expr]) -> st.SearchStrategy[t.DomainSet]:
    return st.one_of(
        st.builds(
            lambda low, high, a, b: t.Interval(SPAN, low, high, a, b), inner, inner, st.booleans(), st.booleans()
        ),
        st.lists(inner, min_size=1, max_size=2).map(lambda values: t.FiniteSet(SPAN, tuple(values))),
        NAMES.map(lambda name: t.AxisSet(SPAN, name)),
    )


def arguments(
    inner: st.SearchStrategy[t.Expr], smallest: int
) -> st.SearchStrategy[tuple[t.Expr | t.NamedArgument, ...]]:
    named = st.builds(lambda name, value: t.NamedArgument(SPAN, name, value), NAMES, inner)
    return st.lists(inner | named, min_size=smallest, max_size=2).map(tuple)


def calls(inner: st.SearchStrategy[t.Expr]) -> st.SearchStrategy[t.Call]:
    with_data = st.builds(
        lambda name, one, two, three: t.Call(SPAN, name, one, two, three),
        NAMES, arguments(inner, 1), arguments(inner, 1), st.none() | arguments(inner, 1),
    )  # fmt: skip
    without = st.builds(
        lambda name, one, two: t.Call(SPAN, name, one, None, two),
        NAMES, arguments(inner, 0), st.none() | arguments(inner, 1),
    )  # fmt: skip
    return with_data | without


def larger(inner: st.SearchStrategy[t.Expr]) -> st.SearchStrategy[t.Expr]:
    indices = st.lists(inner | st.just(t.Slice(SPAN)), min_size=1, max_size=2).map(tuple)
    return st.one_of(
        st.builds(lambda op, left, right: t.Binary(SPAN, op, left, right), OPERATORS, inner, inner),
        st.builds(lambda op, x: t.Unary(SPAN, op, x), st.sampled_from(("-", "+", "not", "abs", "sqrt")), inner),
        st.builds(
            lambda ops, first, rest: t.Comparison(SPAN, tuple(ops[: len(rest)]), (first, *rest)),
            st.lists(COMPARISONS, min_size=2, max_size=2), inner, st.lists(inner, min_size=1, max_size=2),
        ),
        st.builds(lambda x, values: t.Membership(SPAN, x, values), inner, sets(inner)),
        st.builds(lambda c, a, b: t.Conditional(SPAN, c, a, b), inner, inner, inner),
        inner.map(lambda condition: t.Iverson(SPAN, condition)),
        st.builds(lambda base, each: t.Indexed(SPAN, base, each), NAMES | calls(inner), indices),
        calls(inner),
        st.builds(
            lambda op, binders, where, body: t.Reduction(SPAN, op, SPAN, binders, where, body),
            st.sampled_from((*t.REDUCTIONS, *t.NORMALISERS)), BINDERS, st.none() | inner, inner,
        ),
        inner.map(lambda body: t.Reduction(SPAN, "mean", SPAN, None, None, body)),
        st.builds(lambda b, c: t.Reduction(SPAN, "count", SPAN, b, c, None), BINDERS, inner),
    )  # fmt: skip


EXPRESSIONS = st.recursive(LEAVES, larger, max_leaves=12)


@given(EXPRESSIONS)
@settings(max_examples=500, deadline=None)
def test_what_is_printed_is_parsed_again(expr: t.Expr) -> None:
    assert same(expression(format_expr(expr)), expr)


@given(EXPRESSIONS)
@settings(max_examples=200, deadline=None)
def test_the_formatter_agrees_with_the_printer(expr: t.Expr) -> None:
    """Both know the one style: what the printer writes, the formatter leaves alone where it is not too long."""
    text = f"def f() = {format_expr(expr)}\n"
    if len(text) <= WIDTH:
        assert format_text(text) == text


# ---------------------------------------------------------------- whole texts


def test_a_text_in_all_its_parts() -> None:
    untidy = '''
"A file."
#comment
use   regression : huber,mse   as  squared,
use "./mine.loss": foo
def rho(r; delta>0)=r²/2 if |r|≤delta else delta·(|r|-delta/2)
loss f(pred[n,]|target[n],;delta>0=1.0,alpha in[0,1]=0.7 ,):   # head

  """A loss.

     More.
  """


  r=pred-target


  # about
  q[ i , j ] = Σ[ d where 0<=i+a -1<size(i)and j!=-1 ](a[ i,d ]*b[j,d+ 1]) / tau
# about the next line
  x1,  = box[n,:]
  predict  mu=√x² - - x + g(x)[i,j]
  z = mean[n]( alpha*rho( r ; delta ) # why
        + (1-alpha)*r**2,
     )
  return z if z in(0,1)or z in{1,2} else -inf
  # the end
# about g
def g(x , y)[i,..]:
     return x-y if(x>0)else[x<y]*2^-x
'''
    tidy = '''"A file."
# comment
use regression: huber, mse as squared
use "./mine.loss": foo
def rho(r; delta > 0) = r^2/2 if |r| <= delta else delta*(|r| - delta/2)

loss f(pred[n] | target[n]; delta > 0 = 1.0, alpha in [0, 1] = 0.7):  # head
    """A loss.

    More.
    """

    r = pred - target

    # about
    q[i, j] = sum[d where 0 <= i + a - 1 < size(i) and j != -1](a[i, d]*b[j, d+1])/tau
    # about the next line
    x1, = box[n, :]
    predict mu = √x^2 - -x + g(x)[i, j]
    z = mean[n](alpha*rho(r; delta)  # why
                + (1 - alpha)*r^2,
               )
    return z if z in (0, 1) or z in {1, 2} else -inf
    # the end

# about g
def g(x, y)[i, ..]:
    return x - y if (x > 0) else [x < y]*2^-x
'''
    assert format_text(untidy) == tidy
    assert format_text(tidy) == tidy


@pytest.mark.parametrize(
    ("text", "formatted"),
    [
        ("", ""),
        ("\n\n", ""),
        ("\ufeffdef f(x)=x\r\n", "def f(x) = x\n"),
        ("#a\n\n\n#b", "# a\n\n# b\n"),
        ("#!x\n##y\n#: z  \n", "#!x\n##y\n#: z\n"),
        ("def f(x)=x\ndef g(x)=x\n\n\n\ndef h(x)=x", "def f(x) = x\ndef g(x) = x\n\ndef h(x) = x\n"),
        ("def f(x):\n return x\ndef g(x)=x", "def f(x):\n    return x\n\ndef g(x) = x\n"),
        ("def f(x) = x\nloss g(x):\n return x", "def f(x) = x\n\nloss g(x):\n    return x\n"),
        ('"doc"\ndef f(x)=x', '"doc"\n\ndef f(x) = x\n'),
        ("def f(x):\n\n\n  y=x\n\n\n  return y", "def f(x):\n    y = x\n\n    return y\n"),
        ("def f(x):\n  # first\n  return x\n# top\n", "def f(x):\n    # first\n    return x\n\n# top\n"),
        ("def f(x) = (x\n+ 1)", "def f(x) = (x\n            + 1)\n"),
        ("def f(x) = g(\nx,\ny,\n)", "def f(x) = g(\n    x,\n    y,\n)\n"),
        ("def f(x) = (\n# why\nx)", "def f(x) = (\n    # why\n    x)\n"),
        ("def f(x):  \n  return x  #why\t\n", "def f(x):\n    return x  # why\n"),
        ("def f(x) = √( x )+x ²", "def f(x) = √(x) + x^2\n"),
        ("loss f(a,|b,;c,):\n  return a", "loss f(a | b; c):\n    return a\n"),
        ("def f(x) = [x∈{0,1}]*f(|x|,y|-x;k=-1)", "def f(x) = [x in {0, 1}]*f(|x|, y | -x; k = -1)\n"),
        ("def f(x) = x[- 1]+x[i - 1,k(i - 1)]", "def f(x) = x[-1] + x[i-1, k(i - 1)]\n"),
        ('def f(x):\n  """a\n  b"""   # why\n  return x', 'def f(x):\n    """a\n    b"""  # why\n    return x\n'),
    ],
)
def test_small_texts(text: str, formatted: str) -> None:
    assert format_text(text) == formatted
    assert format_text(text.encode()) == formatted
    assert format_text(formatted) == formatted


@pytest.mark.parametrize(
    ("text", "formatted"),
    [
        pytest.param(
            "loss kto(logp[n] | ref_logp[n], good[n] in {0, 1}, kl_logp[n], kl_ref[n]; "
            "beta > 0 = 0.1, desirable > 0 = 1.0):\n"
            "    return 1\n",
            "loss kto(\n"
            "    logp[n] | ref_logp[n], good[n] in {0, 1}, kl_logp[n], kl_ref[n];\n"
            "    beta > 0 = 0.1, desirable > 0 = 1.0\n"
            "):\n"
            "    return 1\n",
            id="a signature",
        ),
        pytest.param(
            "def f(x) = mean[q](sum[i where real[q, i] == 1](rel[q, i]*"
            "(logsumexp[j where real[q, j] == 1](score[q, j]) - score[q, i])))\n",
            "def f(x) = mean[q](\n"
            "    sum[i where real[q, i] == 1](\n"
            "        rel[q, i]*(logsumexp[j where real[q, j] == 1](score[q, j]) - score[q, i])\n"
            "    )\n"
            ")\n",
            id="reductions",
        ),
        pytest.param(
            "def f(x) = first_of_many_terms[i, j]*exp(-x) - second_of_many_terms[i, j]*exp(x) + the_third_of_them[i]\n",
            "def f(x) = (\n"
            "    first_of_many_terms[i, j]*exp(-x) - second_of_many_terms[i, j]*exp(x) + the_third_of_them[i]\n"
            ")\n",
            id="a sum outside brackets",
        ),
        pytest.param(
            f"def f(x) = x if {'very_' * 8}long_condition else {'other_' * 10}value  # why\n",
            f"def f(x) = (\n    x if {'very_' * 8}long_condition\n    else {'other_' * 10}value\n)  # why\n",
            id="a choice",
        ),
        pytest.param(f"def f(x) = {'a' * 120}\n", f"def f(x) = {'a' * 120}\n", id="a name too long for any line"),
        pytest.param(
            f"def f(x) = {'a' * 60}[{'b' * 30}, {'c' * 30}]\n",
            f"def f(x) = {'a' * 60}[\n    {'b' * 30}, {'c' * 30}\n]\n",
            id="indices, where there is nothing else",
        ),
    ],
)
def test_long_lines(text: str, formatted: str) -> None:
    assert format_text(text) == formatted
    assert format_text(formatted) == formatted


def test_a_very_long_line() -> None:
    formatted = format_text("def f(x) = " + " + ".join(["x"] * 3_000))
    assert max(map(len, formatted.splitlines())) <= WIDTH
    assert format_text(formatted) == formatted


def test_a_text_that_does_not_parse() -> None:
    with pytest.raises(LossError):
        format_text("def f(x) = 2x")


def comments_of(text: str) -> list[str]:
    scanner, offset, found = Scanner(parse(text).source), 0, list[str]()
    while offset < len(scanner.source.text):
        line = scanner.line_at(offset)
        found += ["".join(comment.text.split()) for comment in line.comments]
        offset = line.next
    return found


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_the_acceptance_losses(text: str) -> None:
    formatted = format_text(text)
    assert format_text(formatted) == formatted
    assert same(parse(text), parse(formatted))
    assert comments_of(text) == comments_of(formatted)
    assert all(len(line) <= WIDTH or "#" in line or '"' in line for line in formatted.splitlines())


@st.composite
def untidy(draw: st.DrawFn) -> str:
    """An acceptance loss with other spaces, line breaks, comments and blank lines."""
    scanner = Scanner(parse(draw(st.sampled_from(TEXTS))).source)
    outside = st.sampled_from(("", " ", "   "))
    inside = st.sampled_from(("", "", "", " ", "\n", "\n  ", " # why\n", "\n# a line of its own\n   "))
    between = st.sampled_from(("", "", "\n", "  # between\n", "# in the first column\n", "\n\n\n"))
    lines: list[str] = []
    offset = 0
    while (line := scanner.next_line(offset)) is not None:
        offset = line.next
        pieces = [draw(between), " " * (2 if line.indent else 0)]
        for before, lexeme in zip((None, *line.lexemes), line.lexemes, strict=False):
            gap = "" if before is None else draw(inside if lexeme.parent >= 0 else outside)
            words = before is not None and before.text[-1:].isalnum() and lexeme.text[:1].isalnum()
            dots = before is not None and before.text[-1:] + lexeme.text[:1] in (
                "**",
                "==",
                "<=",
                ">=",
                "!=",
                "//",
                "||",
                "..",
            )
            pieces.append((gap or " " if words or dots else gap) + lexeme.text)
        lines.append("".join(pieces) + draw(st.sampled_from(("", "  ", " #behind"))))
    return "\n".join(lines)


@given(untidy())
@settings(max_examples=150, deadline=None)
def test_untidy_losses(text: str) -> None:
    formatted = format_text(text)
    assert format_text(formatted) == formatted
    assert same(parse(text), parse(formatted))
    assert comments_of(text) == comments_of(formatted)
