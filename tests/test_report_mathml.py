"""MathML of losses and gradients: well-formed, of MathML Core, and the formula that LaTeX shows."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lossdsl.display import gradient_latex, gradient_mathml, loss_latex, loss_mathml
from lossdsl.display.mathml_lines import MOST, lines_of, width
from lossdsl.display.mathml_notation import named, notation_mathml, place
from lossdsl.functions.table import TABLE
from lossdsl.meaning import resolve
from lossdsl.syntax import parse
from tests.display_texts import differentiable, program
from tests.test_language_numpy import PROGRAMS

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.loss"))
CHILDREN = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2}
TOKENS = {"mi", "mn", "mo", "mtext", "mspace"}
GROUPS = {"math", "mrow", "msqrt", "mtable", "mtr", "mtd"}
ATTRIBUTES = {
    "display", "class", "columnalign", "displaystyle", "mathvariant", "accent", "width", "movablelimits", "form",
    "lspace", "rspace",
}  # fmt: skip


def assert_is_mathml(text: str) -> ElementTree.Element:
    """Elements and attributes of MathML Core only, each with as many children as it takes; only tokens hold text."""
    root = ElementTree.fromstring(text)
    for element in root.iter():
        tag = element.tag.rpartition("}")[2]
        assert tag in CHILDREN or tag in TOKENS or tag in GROUPS, tag
        assert len(element) == CHILDREN.get(tag, len(element)), ElementTree.tostring(element)
        assert set(element.attrib) <= ATTRIBUTES
        assert tag in TOKENS or not (element.text or "").strip()
        assert tag not in TOKENS or not len(element)
        assert not (element.tail or "").strip()
        assert tag not in ("mi", "mn") or element.text
    return root


def shown(text: str) -> str:
    """The characters of a formula in order, without those that are invisible."""
    characters = "".join(ElementTree.fromstring(f"<x>{text}</x>").itertext())
    return re.sub("[\u2061\u2062\u00a0\u2003]", "", characters)


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_constructs(name: str) -> None:
    original = program(PROGRAMS[name][0])
    assert_is_mathml(loss_mathml(original))
    for wrt in differentiable(original):
        assert_is_mathml(gradient_mathml(original, wrt, simplify=False))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_brackets_are_those_of_latex(path: Path) -> None:
    """Both printers know the same precedences: a bracket is missing in neither."""
    for original in resolve(parse(path.read_text(encoding="utf-8"))).losses.values():
        text = loss_mathml(original)
        assert_is_mathml(text)
        powers = len(re.findall(r"\\right\)\^", loss_latex(original)))  # sigma(x)^2 has a pair of brackets more
        assert 0 <= shown(text).count("(") - loss_latex(original).count("(") <= powers
        for wrt in differentiable(original)[:1]:
            gradient = gradient_mathml(original, wrt, simplify=False)
            assert_is_mathml(gradient)
            latex = gradient_latex(original, wrt, simplify=False)
            powers = len(re.findall(r"\\right\)\^", latex))
            assert 0 <= shown(gradient).count("(") - latex.count("(") <= powers


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"where"}))
def test_every_function_of_the_table_has_a_notation(name: str) -> None:
    """`where` is a conditional, which is written with a brace."""
    count = TABLE[name].arity or 3
    written = TABLE[name].text("latex", [place(k) for k in range(count)])
    text = notation_mathml(written, [f"<mi>{letter}</mi>" for letter in "xyzuv"[:count]])
    assert_is_mathml(f"<math>{text}</math>")
    assert not re.search(r"[\\{}\ue000-\ue0ff]", shown(text))
    assert set("xyzuv"[:count]) <= set(shown(text))


@pytest.mark.parametrize(
    ("latex", "characters", "tags"),
    [
        (r"\log\sigma\left(x\right)", "logσ(x)", "mi mo mspace mi mo mrow mo mi mo"),
        (r"\frac{2 x}{1 + x^2}", "2x1+x2", "mfrac mrow mn mo mi mrow mn mo msup mi mn"),
        (r"\int_0^1 t^{x} dt", "∫01txdt", "msubsup mo mn mn msup mi mi mo mi mi"),
        (r"\left\lfloor x \right\rfloor", "⌊x⌋", "mrow mo mi mo"),
    ],
)
def test_fragments(latex: str, characters: str, tags: str) -> None:
    text = notation_mathml(latex)
    assert shown(text) == characters
    assert [element.tag for element in ElementTree.fromstring(f"<x>{text}</x>").iter()][1:] == tags.split()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("alpha", "<mi>α</mi>"),
        ("x1", "<msub><mi>x</mi><mn>1</mn></msub>"),
        ("y_hat", '<mrow><mover accent="true"><mi>y</mi><mo>^</mo></mover></mrow>'),
        ("pred", "<mi>pred</mi>"),
        ("日", '<mi mathvariant="normal">日</mi>'),
    ],
)
def test_names(name: str, text: str) -> None:
    assert named(name) == text


def body(text: str) -> str:
    (found,) = re.findall(r"<mo>=</mo>(.*)</math>", loss_mathml(program(text)))
    return str(found)


def test_cases_stand_in_one_table() -> None:
    text = loss_mathml(program("loss f(x[n]):\n    return x if x > 0 else 0 if x < -1 else -x\n"))
    root = assert_is_mathml(text)
    (table,) = [element for element in root.iter() if element.get("class") == "cases"]
    assert ["".join(row.itertext()) for row in table] == ["xnif\xa0xn>0", "0if\xa0xn<−1", "−xnotherwise"]


def test_a_power_stands_above_the_index() -> None:
    entry = "<msubsup><mi>x</mi><mi>n</mi><mn>2</mn></msubsup>"
    assert body("loss f(x[n]):\n    return x^2\n") == entry


def test_differences_keep_their_brackets_and_products_an_invisible_sign() -> None:
    text = body("loss f(x[n] | y[n]):\n    return x*y - (x - y)\n")
    assert shown(text) == "xnyn−(xn−yn)"
    assert text.count("<mo>&#x2062;</mo>") == 1
    assert shown(body("loss f(x[n]):\n    return 1 - (-x)\n")) == "1−(−xn)"
    assert shown(body("loss f(x[n]):\n    return 1 + (-x)\n")) == "1−xn"


def test_a_sum_has_its_range_below() -> None:
    root = ElementTree.fromstring(loss_mathml(program("loss f(x[n] | k[n]):\n    return sum[n where k > 0](x)\n")))
    (under,) = [element for element in root.iter() if element.tag.endswith("munder")]
    assert ["".join(child.itertext()) for child in under] == ["∑", "n:kn>0"]


def test_long_sums_take_several_lines_and_lose_nothing() -> None:
    terms = [f"(alpha{k}*x - beta{k})^2" for k in range(12)]
    names = ", ".join(f"alpha{k} = 1, beta{k} = 0" for k in range(12))
    text = loss_mathml(program(f"loss f(x[n]; {names}):\n    return {' + '.join(terms)} - x\n"))
    root = assert_is_mathml(text)
    rows = ["".join(row.itertext()) for row in root.iter() if row.tag.endswith("mtr")]
    assert len(rows) > 2
    assert rows[0].startswith("ℓn=(") and all(row[0] in "+−" for row in rows[1:])
    assert max(map(len, rows)) < MOST + 20
    one = shown(text).removeprefix("ℓn=")
    assert one == "+".join(f"(α{k}\u2062xn−β{k})2".replace("\u2062", "") for k in range(12)) + "−xn"


def test_signs_inside_of_brackets_break_no_line() -> None:
    long = "<mrow>" + "<mi>x</mi><mo>+</mo>" * 60 + "<mi>x</mi></mrow>"
    assert lines_of(long) == [long]
    assert lines_of(f"<mi>y</mi><mo>−</mo>{long}") == [
        "<mi>y</mi>",
        f'<mspace width="1.5em"/><mo form="infix">−</mo>{long}',
    ]
    assert lines_of(f'<mo form="prefix">−</mo>{long}') == [f'<mo form="prefix">−</mo>{long}']


def test_the_width_of_a_fraction_is_that_of_its_wider_part() -> None:
    assert width("<mi>ab</mi><mfrac><mn>1</mn><mi>abcd</mi></mfrac><mspace width='1em'/><mo>&#x3C;</mo>") == 7
