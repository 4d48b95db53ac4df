"""LaTeX of losses and gradients: well-formed, in commands that KaTeX and MathJax know, and as a paper would have it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lossdsl.display import gradient_latex, loss_latex
from lossdsl.display.notation import CAPITALS, GREEK, latex_name, size_name
from lossdsl.functions.table import TABLE
from lossdsl.meaning import resolve
from lossdsl.syntax import parse
from tests.acceptance_cases import load, names
from tests.display_texts import differentiable, program
from tests.test_language_numpy import PROGRAMS

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.loss"))
COMMANDS = {
    "frac", "sum", "prod", "log", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan",
    "max", "min", "sqrt", "left", "right", "begin", "end", "text", "mathrm", "mathcal", "mathbb", "operatorname",
    "partial", "ell", "infty", "pi", "cdot", "le", "ge", "ne", "land", "lor", "lnot", "lVert", "rVert", "bmod",
    "exists", "forall", "lfloor", "rfloor", "int", "quad", "hat", "bar", "tilde", "dot", "ddot", "vec", "check",
    "acute", "grave", "breve", "varepsilon", "varphi", "sigma", "psi", "Phi", "Gamma", *GREEK, *CAPITALS,
}  # fmt: skip
"""What may be written: all of it is in KaTeX's and MathJax's lists of supported commands."""


def assert_well_formed(latex: str) -> None:
    plain = latex.replace("\\{", "").replace("\\}", "")
    depth = 0
    for character in plain:
        depth += (character == "{") - (character == "}")
        assert depth >= 0, latex
    assert depth == 0, latex
    assert len(re.findall(r"\\left(?![a-zA-Z])", latex)) == len(re.findall(r"\\right(?![a-zA-Z])", latex)), latex
    assert nested(re.findall(r"\\(begin|end)\{(\w+)\}", latex)), latex
    unknown = set(re.findall(r"\\([a-zA-Z]+)\*?", latex)) - COMMANDS
    assert not unknown, unknown
    assert not re.search(r"[_^]\s*[_^]", latex), latex
    assert not re.search(r"_\{[^{}]*\}_", latex), f"two subscripts: {latex}"
    assert "\n\n" not in latex


def nested(environments: list[tuple[str, str]]) -> bool:
    opened: list[str] = []
    for word, name in environments:
        if word == "begin":
            opened.append(name)
        elif not opened or opened.pop() != name:
            return False
    return not opened


@pytest.mark.parametrize("name", names())
def test_acceptance(name: str) -> None:
    case = load(name)
    original = resolve(parse(case.text)).losses[case.entry]
    assert_well_formed(loss_latex(original))
    for wrt in case.wrt:
        assert_well_formed(gradient_latex(original, wrt, simplify=False))


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_constructs(name: str) -> None:
    original = program(PROGRAMS[name][0])
    assert_well_formed(loss_latex(original))
    for wrt in differentiable(original):
        assert_well_formed(gradient_latex(original, wrt, simplify=False))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(path: Path) -> None:
    for original in resolve(parse(path.read_text(encoding="utf-8"))).losses.values():
        assert_well_formed(loss_latex(original))
        for wrt in differentiable(original):
            assert_well_formed(gradient_latex(original, wrt))


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_function_of_the_table(name: str) -> None:
    row = TABLE[name]
    assert_well_formed(row.text("latex", ["x", "y", "z"][: row.arity or 3]))


def loss(text: str) -> str:
    return loss_latex(program(text))


def test_a_mean_is_one_over_the_number() -> None:
    text = "loss f(pred[n] | target[n]):\n    return mean[n]((pred - target)^2)\n"
    assert loss(text) == (
        r"\mathcal{L} = \frac{1}{N} \sum_{n} \left(\mathrm{pred}_{n} - \mathrm{target}_{n}\right)^{2}"
    )
    assert gradient_latex(program(text), "pred") == (
        r"\frac{\partial \mathcal{L}}{\partial \mathrm{pred}_{n}} = "
        r"\frac{2 \, \left(\mathrm{pred}_{n} - \mathrm{target}_{n}\right)}{N}"
    )


def test_a_loss_of_each_element_has_an_index() -> None:
    assert loss("loss f(x[n, c]):\n    return |x|\n") == r"\ell_{n, c} = \left|x_{n, c}\right|"


def test_where_stands_under_the_operator() -> None:
    text = "loss f(x[n] | m[n]):\n    return mean[n where m > 0](x^2)\n"
    assert loss(text) == r"\mathcal{L} = \operatorname*{mean}_{n \,:\, m_{n} > 0} x_{n}^{2}"


def test_conditionals_are_cases() -> None:
    text = "loss f(x[n]; delta > 0 = 1):\n    return x^2 if |x| <= delta else 0 if x < 0 else delta\n"
    assert loss(text) == (
        r"\ell_{n} = \begin{cases} x_{n}^{2} & \text{if } \left|x_{n}\right| \le \delta \\ "
        r"0 & \text{if } x_{n} < 0 \\ \delta & \text{otherwise} \end{cases}"
    )


def test_brackets_are_indicators() -> None:
    text = "loss f(x[n, c] | y[n] in c):\n    return sum[c]([c == y[n]]*x)\n"
    assert loss(text) == r"\ell_{n} = \sum_{c} \mathbb{1}\left[c = y_{n}\right] x_{n, c}"


def test_bindings_have_a_line_each() -> None:
    text = "loss f(x[n] | y[n]):\n    r = x - y\n    s = sum[n](r)\n    return s^2\n"
    rows = [r"\begin{aligned}", r"r_{n} &= x_{n} - y_{n} \\", r"s &= \sum_{n} r_{n} \\", r"\mathcal{L} &= s^{2}"]
    assert loss(text) == "\n".join([*rows, r"\end{aligned}"])


def test_sums_of_sums_keep_their_brackets() -> None:
    text = "loss f(x[n] | y[n]; a = 2):\n    return -(x - (y - a))*(a + 1)/(x*y)^2 - (-a)\n"
    assert loss(text) == (
        r"\ell_{n} = \frac{-\left(x_{n} - \left(y_{n} - a\right)\right) \left(a + 1\right)}"
        r"{\left(x_{n} y_{n}\right)^{2}} - \left(-a\right)"
    )


def test_functions_that_are_called_are_written_out() -> None:
    text = "def rho(r; d > 0) = d*r^2\n\nloss f(x[n]; delta > 0 = 1):\n    return rho(x; delta)\n"
    assert loss(text) == r"\ell_{n} = \delta x_{n}^{2}"


@pytest.mark.parametrize(
    ("name", "base", "below"),
    [
        ("x", "x", ""), ("x1", "x", "1"), ("x_1", "x", "1"), ("pred", r"\mathrm{pred}", ""), ("alpha", r"\alpha", ""),
        ("log_sigma", r"\mathrm{log\_sigma}", ""), ("y_hat", r"\hat{y}", ""), ("ŷ", r"\hat{y}", ""),
        ("α", r"\alpha", ""), ("δ", r"\delta", ""), ("lambda_", r"\lambda", ""), ("p_true", "p", r"\mathrm{true}"),
        ("conv1", r"\mathrm{conv1}", ""), ("Σ1", r"\Sigma", "1"), ("eps", r"\varepsilon", ""),
        ("mu_bar", r"\bar{\mu}", ""), ("ж", r"\mathrm{ж}", ""),
    ],
)  # fmt: skip
def test_names(name: str, base: str, below: str) -> None:
    assert latex_name(name) == (base, below)


def test_the_length_of_an_axis_is_a_capital_unless_that_is_taken() -> None:
    assert size_name("n", set()) == "N"
    assert size_name("n", {"N"}) == ""
    assert size_name("bins", set()) == ""
    text = "loss f(x[n]; N > 0 = 2):\n    return mean[n](x)*N\n"
    assert loss(text) == r"\mathcal{L} = \left(\frac{1}{\left|n\right|} \sum_{n} x_{n}\right) N"
