"""Pictures of formulas: rows of one width, and what they look like."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from lossdsl.display import boxes, gradient_unicode, loss_unicode
from lossdsl.display.boxes import Box
from lossdsl.display.notation import unicode_name
from lossdsl.meaning import resolve
from lossdsl.syntax import parse
from tests.acceptance_cases import load, names
from tests.display_texts import differentiable, program
from tests.test_language_numpy import PROGRAMS

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.loss"))


def assert_rectangular(box: Box) -> None:
    assert {boxes.width(row) for row in box.rows} == {box.width}
    assert 0 <= box.base < len(box.rows)


@pytest.mark.parametrize("name", names())
def test_acceptance(name: str) -> None:
    case = load(name)
    original = resolve(parse(case.text)).losses[case.entry]
    assert " = " in loss_unicode(original)
    for wrt in case.wrt:
        assert "∂L" in gradient_unicode(original, wrt, simplify=False)


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_constructs(name: str) -> None:
    original = program(PROGRAMS[name][0])
    assert " = " in loss_unicode(original)
    for wrt in differentiable(original):
        assert "∂L" in gradient_unicode(original, wrt, simplify=False)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(path: Path) -> None:
    for original in resolve(parse(path.read_text(encoding="utf-8"))).losses.values():
        picture = loss_unicode(original)
        assert not any(line != line.rstrip() for line in picture.splitlines())


def drawn(text: str) -> str:
    return "\n" + loss_unicode(program(text)) + "\n"


def test_huber() -> None:
    text = "loss f(x[n]; delta > 0 = 1):\n    return mean[n](x^2/2 if |x| <= delta else delta*(|x| - delta/2))\n"
    assert drawn(text) == dedent("""
            ⎛⎧ x[n]²                        ⎞
            ⎜⎪ ─────           if |x[n]| ≤ δ⎟
            ⎜⎪   2                          ⎟
    L = mean⎜⎨   ⎛         δ⎞               ⎟
         n  ⎜⎪ δ·⎜|x[n]| − ─⎟  otherwise    ⎟
            ⎝⎩   ⎝         2⎠               ⎠
    """)


def test_a_conditional_of_two_lines_has_its_brace_between_them() -> None:
    text = "loss f(x[n]):\n    return x if x > 0 else 0 if x < -1 else -x\n"
    assert drawn(text) == dedent("""
           ⎧ x[n]   if x[n] > 0
    ℓ[n] = ⎨ 0      if x[n] < −1
           ⎩ −x[n]  otherwise
    """)


def test_sums_powers_and_norms() -> None:
    text = "loss f(x[n, c] | y[n] in c):\n    return sum[n](log(sum[c](exp(x))) - x[n, y[n]]*norm[c](x)^2)\n"
    assert drawn(text) == dedent("""
          ⎛   ⎛   x[n, c]⎞                         ⎞
    L = ∑ ⎜log⎜∑ e       ⎟ − x[n, y[n]]·‖x[n, c]‖ ²⎟
        n ⎝   ⎝c         ⎠                       c ⎠
    """)


def test_a_gradient_has_a_derivative_on_its_left() -> None:
    text = "loss f(z[n] | y[n]):\n    p = sigmoid(z)\n    return mean[n](-y*log(p) - (1 - y)*log(1 - p))\n"
    assert gradient_unicode(program(text), "z") == dedent("""\
    p[n] = σ(z[n])

     ∂L     p[n] − y[n]
    ───── = ───────────
    ∂z[n]       |n|""")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("alpha", "α"),
        ("x1", "x1"),
        ("log_sigma", "log_σ"),
        ("y_hat", "ŷ"),
        ("pred", "pred"),
        ("lambda_", "λ"),
        ("eps", "ε"),
    ],
)
def test_names(name: str, shown: str) -> None:
    assert unicode_name(name) == shown


def test_boxes_are_rectangles() -> None:
    x, tall = boxes.text("x"), boxes.fraction(boxes.text("a + b"), boxes.text("c"))
    made = [
        boxes.beside(x, tall, x), boxes.fraction(tall, tall), boxes.stacked([x, tall], 1), boxes.under("∑", "n: c > 0"),
        boxes.raised(tall, tall), boxes.bracketed("(", tall, ")"), boxes.bracketed("|", x, "|"),
        boxes.cases([(tall, x), (x, tall)]), boxes.text("ŷ"), boxes.text("y\u0302"),
    ]  # fmt: skip
    for box in made:
        assert_rectangular(box)


def test_combining_accents_take_no_room() -> None:
    assert boxes.width("y\u0302 + 1") == 5
