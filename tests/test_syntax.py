"""What each construct of the language is parsed into."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest
from tree_text import block, expression, loss, names, show, show_argument, shown, signature

from lossdsl.diagnostics import LossError
from lossdsl.syntax import parse
from lossdsl.syntax.tree import Binding, Comparison, Def, Loss, Name, Number, Unpacking, Use
from lossdsl.syntax.walk import same, walk

ACCEPTANCE = sorted((Path(__file__).parent / "acceptance").glob("*.loss"))

# ---------------------------------------------------------------- expressions


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a + b - c", "(- (+ a b) c)"),
        ("a - b*c/d", "(- a (/ (* b c) d))"),
        ("a*-b", "(* a (- b))"),
        ("a - -b", "(- a (- b))"),
        ("+a", "(+ a)"),
        ("-a + b", "(+ (- a) b)"),
        ("-a*b", "(* (- a) b)"),
        ("-x^2", "(- (^ x 2))"),
        ("2^-x", "(^ 2 (- x))"),
        ("a^b^c", "(^ a (^ b c))"),
        ("a**b", "(^ a b)"),
        ("-a^-b^c", "(- (^ a (- (^ b c))))"),
        ("(a + b)*c", "(* (+ a b) c)"),
        ("a or b and not c", "(or a (and b (not c)))"),
        ("a or b or c", "(or (or a b) c)"),
        ("not a == b", "(not (a == b))"),
        ("a < b <= c", "(a < b <= c)"),
        ("a + 1 < b", "((+ a 1) < b)"),
        ("(a < b) < c", "((a < b) < c)"),
        ("a == b != c > d >= e", "(a == b != c > d >= e)"),
        ("x in {0, 1}", "(x in {0,1})"),
        ("x + 1 in {-1,}", "((+ x 1) in {(- 1)})"),
        ("x in [0, 1)", "(x in [0,1))"),
        ("x in (0, inf)", "(x in (0,inf))"),
        ("x in (0, 1]", "(x in (0,1])"),
        ("x in [-1, a + b]", "(x in [(- 1),(+ a b)])"),
        ("k in c", "(k in c)"),
        ("k in 10", "(k in 10)"),
        ("x in {0, 1} or y > 0", "(or (x in {0,1}) (y > 0))"),
        ("not x in {0, 1}", "(not (x in {0,1}))"),
        ("a if c else b", "(if c a b)"),
        ("a if c else b if d else e", "(if c a (if d b e))"),
        ("a if c or d else b + 1", "(if (or c d) a (+ b 1))"),
        ("(a if c else b)*2", "(* (if c a b) 2)"),
        ("[x > 0]", "[(x > 0)]"),
        ("a*[i == j]", "(* a [(i == j)])"),
        ("[x > 0] - [x < 0]", "(- [(x > 0)] [(x < 0)])"),
        ("inf", "inf"),
        ("-inf", "(- inf)"),
        ("2*pi", "(* 2 pi)"),
    ],
)
def test_operators(text: str, tree: str) -> None:
    assert shown(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("|x|", "(abs x)"),
        ("|x - y|", "(abs (- x y))"),
        ("||a| - |b||", "(abs (- (abs a) (abs b)))"),
        ("|a*|b||", "(abs (* a (abs b)))"),
        ("||a||", "(abs (abs a))"),
        ("|x|^2", "(^ (abs x) 2)"),
        ("|x|*|y|", "(* (abs x) (abs y))"),
        ("-|x|", "(- (abs x))"),
        ("[|x| < 1]", "[((abs x) < 1)]"),
        ("|x[i]| + |f(x)|", "(+ (abs x[i]) (abs f(x)))"),
        ("|x| if |x| < 1 else |y|", "(if ((abs x) < 1) (abs x) (abs y))"),
        ("f(|a| | |b|)", "f((abs a)|(abs b))"),
        ("f(|a|, |b| | |c|; |d|)", "f((abs a),(abs b)|(abs c);(abs d))"),
        ("f(|a| | |b| - |c|)", "f((abs a)|(- (abs b) (abs c)))"),
        ("f(a | b)", "f(a|b)"),
        ("|f(a | b)|", "(abs f(a|b))"),
        ("f(|g(a | b)| | c)", "f((abs g(a|b))|c)"),
        ("|[x > 0]|", "(abs [(x > 0)])"),
        ("(|a|)", "(abs a)"),
    ],
)
def test_bars(text: str, tree: str) -> None:
    """After an operand a bar closes or separates; elsewhere it opens."""
    assert shown(text) == tree


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a ≤ b", "a <= b"),
        ("a ≥ b", "a >= b"),
        ("a ≠ b", "a != b"),
        ("a·b", "a*b"),
        ("a×b", "a*b"),
        ("a − b", "a - b"),
        ("−a", "-a"),
        ("x²", "x^2"),
        ("x³", "x^3"),
        ("-x²", "-(x^2)"),
        ("2^x²", "2^(x^2)"),
        ("(a + b)²", "(a + b)^2"),
        ("|x|²", "|x|^2"),
        ("x[i]²", "x[i]^2"),
        ("f(x)²", "f(x)^2"),
        ("sum[i](x)²", "(sum[i](x))^2"),
        ("x ∈ {0, 1}", "x in {0, 1}"),
        ("x ∈ (0, ∞)", "x in (0, inf)"),
        ("∞", "inf"),
        ("Σ[i](x[i])", "sum[i](x[i])"),
        ("∑[i ∈ n](x[i])", "sum[i in n](x[i])"),
        ("Σ(x)", "sum(x)"),
        ("√x²", "(√x)^2"),
        ("√(x)", "√x"),
        ("√x*y", "(√x)*y"),
        ("√|x|", "√(|x|)"),
        ("√f(x)[i]", "√(f(x)[i])"),
        ("√√x", "√(√x)"),
        ("-√x", "-(√x)"),
        ("2^√x", "2^(√x)"),
        ("√2^x", "(√2)^x"),
    ],
)
def test_spellings(text: str, plain: str) -> None:
    assert same(expression(text), expression(plain))


def test_a_root_takes_the_next_atom() -> None:
    assert shown("√x²") == "(^ (sqrt x) 2)"


@pytest.mark.parametrize("text", ["a ifc else b", "a if c elseb", "a andb", "a orb", "a inc", "x if y > 0 els e z"])
def test_words_are_whole(text: str) -> None:
    """Where no name can stand, the contextual lexer alone would find `if` in `ifc`."""
    with pytest.raises(LossError):
        expression(text)


def test_words_and_numbers_may_touch() -> None:
    assert shown("1if x>0else 2") == "(if (x > 0) 1 2)"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("1_000", 1000),
        ("1_0.0_1", Fraction(1001, 100)),
        ("0.1", Fraction(1, 10)),
        (".5", Fraction(1, 2)),
        ("1.", 1),
        ("1e-7", Fraction(1, 10**7)),
        ("1E3", 1000),
        ("2.5e+1_0", 25 * 10**9),
        ("1e308", 10**308),
        ("5e-324", Fraction(5, 10**324)),
        ("0e999999999", 0),
        ("0.0e-999999999", 0),
        ("007", 7),
    ],
)
def test_numbers_are_exact(text: str, value: Fraction | int) -> None:
    number = expression(text)
    assert isinstance(number, Number)
    assert number.value == value and isinstance(number.value, Fraction)
    assert number.text == text


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("x[i]", "x[i]"),
        ("x[i, j,]", "x[i,j]"),
        ("x[i + 1]", "x[(+ i 1)]"),
        ("x[2*i + a - 1]", "x[(- (+ (* 2 i) a) 1)]"),
        ("x[-1]", "x[(- 1)]"),
        ("x[n, label[n]]", "x[n,label[n]]"),
        ("x[n, :]", "x[n,:]"),
        ("x[:, :]", "x[:,:]"),
        ("x[.., c]", "x[..,c]"),
        ("f(x)[i, j]", "f(x)[i,j]"),
        ("f(w[c, k, :])", "f(w[c,k,:])"),
        ("f()", "f()"),
        ("f(a, b,)", "f(a,b)"),
        ("f(a; b)", "f(a;b)"),
        ("f(; b)", "f(;b)"),
        ("f(a | b; c, d = 1,)", "f(a|b;c,d=1)"),
        ("f(a = 1 | b = 2)", "f(a=1|b=2)"),
        ("f(a, | b |)", "f(a,(abs b))"),
        ("f(a,; b,)", "f(a;b)"),
        ("f(a if c else b, d)", "f((if c a b),d)"),
        ("f(g(h(x)))", "f(g(h(x)))"),
        ("size(n)", "size(n)"),
        ("size(..)", "size(..)"),
        ("max(a, b)", "max(a,b)"),
        ("min(a, b, c,)", "min(a,b,c)"),
        ("logit(p) + logit", "(+ logit(p) logit)"),
    ],
)
def test_reads_and_calls(text: str, tree: str) -> None:
    assert shown(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("sum[i](x[i])", "sum<i>(x[i])"),
        ("sum[i, j,](x)", "sum<i,j>(x)"),
        ("sum[i where i > 0](x)", "sum<i where (i > 0)>(x)"),
        ("sum[i, j where i < j and j != 3](x)", "sum<i,j where (and (i < j) (j != 3))>(x)"),
        ("sum[b in 10](b)", "sum<b in 10>(b)"),
        ("sum[b in bins, i](b)", "sum<b in bins,i>(b)"),
        ("sum[b in bins where b > 0](b)", "sum<b in bins where (b > 0)>(b)"),
        ("mean(x^2)", "mean<>((^ x 2))"),
        ("mean[..](x)", "mean<..>(x)"),
        ("max[i](x)", "max<i>(x)"),
        ("max(x)", "max<>(x)"),
        ("min(x,)", "min<>(x)"),
        ("count[j where x[j] > 0]", "count<j where (x[j] > 0)>()"),
        ("1 + count[j where x[j] > 0] - y", "(- (+ 1 count<j where (x[j] > 0)>()) y)"),
        ("count[j](x[j] > 0)", "count<j>((x[j] > 0))"),
        ("count(x > 0)", "count<>((x > 0))"),
        ("any[i](x[i] > 0)", "any<i>((x[i] > 0))"),
        ("softmax[c](x)", "softmax<c>(x)"),
        ("log_softmax[c where m[c] > 0](x)", "log_softmax<c where (m[c] > 0)>(x)"),
        ("cumsum[t](x)", "cumsum<t>(x)"),
        ("argmax[c](x)", "argmax<c>(x)"),
        ("logsumexp[c](x) - norm[d](x)", "(- logsumexp<c>(x) norm<d>(x))"),
        ("sum[i](sum[j](x[i, j]))", "sum<i>(sum<j>(x[i,j]))"),
        ("-mean[n](x)^2", "(- (^ mean<n>(x) 2))"),
    ],
)
def test_reductions(text: str, tree: str) -> None:
    assert shown(text) == tree


def test_a_long_sum_is_a_chain_to_the_left() -> None:
    node = expression(" + ".join(["a"] * 10_000))
    assert sum(1 for _ in walk(node)) == 19_999


# ---------------------------------------------------------------- signatures


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", "x[]"),
        ("x[n]", "x[n]"),
        ("x[n, 4,]", "x[n,4]"),
        ("x[..]", "x[..]"),
        ("x[.., c]", "x[..,c]"),
        ("x > 0", "x[] >0"),
        ("x[n] >= 0 = 1", "x[n] >=0 = 1"),
        ("x != 0", "x[] !=0"),
        ("x ≤ 1", "x[] <=1"),
        ("x < y + 1 = 2", "x[] <(+ y 1) = 2"),
        ("x in (0, 1) = 0.5", "x[] (0,1) = 1/2"),
        ("x in [0, inf)", "x[] [0,inf)"),
        ("x in {-1, 1}", "x[] {(- 1),1}"),
        ("x in c", "x[] c"),
        ("x in 10", "x[] 10"),
        ("x in c or {-100}", "x[] c or {(- 100)}"),
        ("x in c or in {-100}", "x[] c or {(- 100)}"),
        ("x < 0 or > 1", "x[] <0 or >1"),
        ("x in (0, 1] or [2, 3) or {5} = 1", "x[] (0,1] or [2,3) or {5} = 1"),
        ("x ∈ {0, 1}", "x[] {0,1}"),
        ("x > -|y|", "x[] >(- (abs y))"),
        ("x = 1 if a else 2", "x[] = (if a 1 2)"),
    ],
)
def test_arguments(text: str, expected: str) -> None:
    assert [show_argument(argument) for argument in signature(text).predictions] == [expected]


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("a", (["a"], [], [])),
        ("a, b,", (["a", "b"], [], [])),
        ("a | b", (["a"], ["b"], [])),
        ("a, | b, ; c,", (["a"], ["b"], ["c"])),
        ("a; c", (["a"], [], ["c"])),
        ("a > 0 | b > 0; c > 0", (["a"], ["b"], ["c"])),
        ("a\n| b,\n  c;\n d", (["a"], ["b", "c"], ["d"])),
    ],
)
def test_groups(text: str, groups: tuple[list[str], list[str], list[str]]) -> None:
    made = signature(text)
    assert tuple([each.name.id for each in group] for group in (made.predictions, made.data, made.hyper)) == groups


def test_learn() -> None:
    hyper = signature("x; learn s = 2.66, learn w[k] = 0, t").hyper
    assert [(each.name.id, each.learn) for each in hyper] == [("s", True), ("w", True), ("t", False)]


def test_axes_of_whole_size() -> None:
    (box,) = signature("box[n, 4]").predictions
    assert [(axis.name, axis.size) for axis in box.axes] == [("n", None), (None, 4)]


# ---------------------------------------------------------------- items


def test_definitions() -> None:
    module = parse("def f(x, y; p > 0)[n, ..] = x\n\ndef g():\n    return 1\n")
    f, g = module.items
    assert isinstance(f, Def) and isinstance(g, Def)
    assert f.one_line and not g.one_line
    assert [each.name.id for each in (*f.arguments, *f.hyper)] == ["x", "y", "p"]
    assert f.indices is not None and [name.id for name in f.indices] == ["n", ".."]
    assert g.indices is None and g.arguments == ()


def test_a_definition_with_only_parameters() -> None:
    (f,) = parse("def f(; p) = p^2\n").items
    assert isinstance(f, Def) and f.arguments == () and [each.name.id for each in f.hyper] == ["p"]


def test_uses() -> None:
    module = parse('use regression: huber, mse as squared\nuse "./mine.loss": foo,\n')
    catalogue, file = module.items
    assert isinstance(catalogue, Use) and isinstance(file, Use)
    assert (catalogue.module, catalogue.path, file.module, file.path) == ("regression", None, None, "./mine.loss")
    assert [(there.id, here.id) for there, here in catalogue.names] == [("huber", "huber"), ("mse", "squared")]
    assert file.origin.text == '"./mine.loss"'


def test_docstrings() -> None:
    module = parse('"The file."\nloss f(x):\n    """The loss.\n\n    It is\n      more.\n    """\n    return x\n')
    assert module.doc is not None and module.doc.text == "The file."
    (item,) = module.items
    assert isinstance(item, Loss) and item.body.doc is not None
    assert item.body.doc.text == "The loss.\n\nIt is\n  more."


def test_a_docstring_has_no_escapes() -> None:
    doc = parse('"a \\ b \\n # no comment"\n').doc
    assert doc is not None and doc.text == "a \\ b \\n # no comment"


def test_an_empty_docstring_and_quotes_inside() -> None:
    assert parse('""\n').doc is not None
    doc = parse('"""say "no" to ""\nx"""\n').doc
    assert doc is not None and doc.text == 'say "no" to ""\nx'


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "\ufeff", "  \n\t\n  # comment\n", '"doc"'])
def test_files_without_items(text: str) -> None:
    assert parse(text).items == ()


# ---------------------------------------------------------------- blocks


def test_statements() -> None:
    made = block("r = x", "s[i, j] = x[i]", "predict mu = r", "predict p[n, c] = r", "edge[b in bins] = b", "return r")
    described = [
        (each.name.id, each.predict, None if each.indices is None else len(each.indices))
        for each in made.statements
        if isinstance(each, Binding)
    ]
    assert described == [("r", False, None), ("s", False, 2), ("mu", True, None), ("p", True, 2), ("edge", False, 1)]
    assert show(made.result) == "r"


def test_the_range_of_a_binding() -> None:
    (edge,) = block("edge[b in bins, c] = b", "return 1").statements
    assert isinstance(edge, Binding) and edge.indices is not None
    assert [each.range and show(each.range) for each in edge.indices] == ["bins", None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a, b", ["a", "b"]), ("a, b,", ["a", "b"]), ("a,", ["a"]), ("x1, y1, x2, y2", ["x1", "y1", "x2", "y2"])],
)
def test_unpacking(text: str, expected: list[str]) -> None:
    (unpacking,) = block(f"{text} = box[n, :]", "return 1").statements
    assert isinstance(unpacking, Unpacking)
    assert [name.id for name in unpacking.names] == expected


def test_a_condition_can_be_bound() -> None:
    (kept,) = block("kept[n] = p[n] > 0.5", "return 1").statements
    assert isinstance(kept, Binding) and isinstance(kept.value, Comparison)


# ---------------------------------------------------------------- layout


@pytest.mark.parametrize(
    "text",
    [
        "def f(x) = (x\n+ 1)\n",
        "def f(x) = |x\n  +\n1|\n",
        "def f(x) = [x\n# comment\n\n> 0]\n",
        "def f(\n    x,\n) = x\n",
        "def f(x):\n  y = x\n\n# comment in the first column\n  return y\n",
        "def f(x):\n        return x\n\n\n",
        "def f(x):   # comment\n    # comment\n    return x # comment",
        "def f(x):\r\n    y = (x +\r\n 1)\r\n    return y\r\n",
        "def f(x):\r    return x\r",
        "def f(x) = g(x;\n    delta = 1)\n",
        "def f(x) = [x in {0,\n1}]\n",
        "def f(x):\n    return (x +\n  1)\n",
        "\n\ndef f(x) = x",
        "def f(x) = [x in [0,\n 1)] # comment\n",
        'def f(x):\n    """doc\nin the first column\n\tand a tab"""\n    return x\n',
        "def f(x) = x # \t a tab in a comment\n",
        "def f(x) = x  \n \t \n",
    ],
)
def test_lines_break_freely_inside_brackets(text: str) -> None:
    assert len(parse(text).items) == 1


def test_items_need_no_blank_lines() -> None:
    assert names(parse("def f(x) = x\ndef g(x):\n    return x\nloss h(x):\n    return x\ndef k(x) = x")) == [*"fghk"]


def test_bytes_and_text_are_alike() -> None:
    text = "\ufeffdef f(α) = α²\r\n"
    one, other = parse(text), parse(text.encode())
    assert same(one, other) and one.source.text == other.source.text == "def f(α) = α²\n"


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("α", "α"),
        ("ŷ", "ŷ"),
        ("y\u0302", "ŷ"),
        ("δ_1", "δ_1"),
        ("ﬁt", "fit"),
        ("ｘ", "x"),
        ("_x", "_x"),
        ("_", "_"),
        ("class", "class"),
        ("lambda", "lambda"),
        ("ℝ", "R"),
        ("変数", "変数"),
        ("Σx", "Σx"),
        ("μΣ", "μΣ"),
        ("x٣", "x٣"),
        ("inf_", "inf_"),
        ("summary", "summary"),
        ("iffy", "iffy"),
        ("logit", "logit"),
        ("reducer", "reducer"),
    ],
)
def test_names(text: str, name: str) -> None:
    """Names are XID, normalised by NFKC; a word of the language may start one."""
    (f,) = parse(f"def f({text}) = 2*{text}\n").items
    assert isinstance(f, Def) and f.arguments[0].name.id == name
    assert name in {node.id for node in walk(f.body) if isinstance(node, Name)}
    assert all(type(node.id) is str for node in walk(f) if isinstance(node, Name))


@pytest.mark.parametrize(
    "text", ["x²", "x₁", "x⁴", "Σ", "__x", "＿_x", "x♥", "1x", "x-y", "①", "ｓｕｍ", "ｉｎ", "𝐢𝐟", "ſum"]
)
def test_no_names(text: str) -> None:
    with pytest.raises(LossError):
        parse(f"def f({text}) = 1\n")


WORDS = re.findall(
    r"\w+",
    """
    loss def use as return learn where if else and or not in mean sum max min prod logsumexp softmax
    log_softmax count norm argmax argmin any all cumsum size stop_gradient predict inf pi abs sign sqrt exp
    log log1p expm1 log2 log10 mod sin cos tan asin acos atan atan2 sinh cosh tanh sigmoid log_sigmoid
    softplus relu erf erfc lgamma digamma normal_cdf normal_logcdf logaddexp xlogy logcosh clip floor round
    """,
)

PLACES = (
    "def {}(x) = 1",
    "def f({}) = 1",
    "def f({}[n]) = 1",
    "def f(x[{}]) = 1",
    "def f(x)[{}] = 1",
    "loss {}(x):\n    return x",
    "loss f(x; {}):\n    return x",
    "loss f(x):\n    {} = x\n    return x",
    "loss f(x):\n    {}[i] = x\n    return x",
    "loss f(x):\n    y[{}] = x\n    return x",
    "loss f(x):\n    predict {} = x\n    return x",
    "loss f(x):\n    a, {} = x[:]\n    return x",
    "loss f(x):\n    {}, a = x[:]\n    return x",
    "def f(x) = sum[{}](x)",
    "def f(x) = sum[i, {} in 3](x)",
    "def f(x) = g(x; {} = 1)",
    "use m: {}",
    "use m: a as {}",
)


@pytest.mark.parametrize("place", PLACES)
def test_reserved_words_are_reserved_everywhere(place: str) -> None:
    """Also where the contextual lexer takes them for names, and also in other letters."""
    for word in WORDS:
        wide = "".join(chr(ord(letter) + 0xFEE0) if letter.isalnum() else letter for letter in word)
        for spelling in (word, wide):
            with pytest.raises(LossError) as caught:
                parse(place.format(spelling) + "\n")
            assert "E0109" in {problem.code for problem in caught.value.problems}, spelling


# ---------------------------------------------------------------- spans


def test_every_node_knows_where_it_was_written() -> None:
    text = (
        "loss f(pred[n] | target[n]; k > 0 = 1):\n"
        "    r = (pred - target)^2\n"
        "    return mean[n](k*r if |r| < 1 else r)\n"
    )
    module = parse(text)
    written = {node.span.text for node in walk(module) if hasattr(node, "span")}
    for part in (
        "pred[n]", "k > 0 = 1", "> 0", "r = (pred - target)^2", "(pred - target)", "(pred - target)^2", "|r|",
        "|r| < 1", "k*r if |r| < 1 else r", "mean[n](k*r if |r| < 1 else r)",
    ):  # fmt: skip
        assert part in written


def test_the_acceptance_losses_parse() -> None:
    assert len(ACCEPTANCE) == 141
    for path in ACCEPTANCE:
        module = parse(path.read_bytes(), path.name)
        assert module.source.path == path.name and any(isinstance(item, Loss) for item in module.items)


def test_one_loss_in_full() -> None:
    made = loss(
        "loss info_nce(a[i, d], b[j, d]; tau > 0 = 0.07):\n"
        '    "Contrastive."\n'
        "    s[i, j] = sum[d](a[i, d]*b[j, d]) / tau\n"
        "    return mean[i](logsumexp[j](s[i, j]) - s[i, i])\n"
    )
    assert [show_argument(each) for each in (*made.predictions, *made.hyper)] == [
        "a[i,d]",
        "b[j,d]",
        "tau[] >0 = 7/100",
    ]
    (s,) = made.body.statements
    assert isinstance(s, Binding) and show(s.value) == "(/ sum<d>((* a[i,d] b[j,d])) tau)"
    assert show(made.body.result) == "mean<i>((- logsumexp<j>(s[i,j]) s[i,i]))"
