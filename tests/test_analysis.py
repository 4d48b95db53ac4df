"""The parts of the analysis: certified signs and bounds, pieces, composition, witnesses, and what users call."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import click
import mpmath
import pytest
import sympy as sp
from click.testing import CliRunner

import lossdsl
from lossdsl.analysis import Analysis, No, Unknown, Yes, analyze, judge
from lossdsl.analysis.enclosure import definite_sign, enclose, ends, precision
from lossdsl.analysis.facts import NAMES, Fact
from lossdsl.analysis.limits import limit
from lossdsl.analysis.numbers import Clock, Undecided, sign_of, x
from lossdsl.analysis.signs import signs
from lossdsl.analysis.view import view
from lossdsl.analysis.witness import confirmed
from lossdsl.cli.commands import commands

X = x()
OO = sp.oo
ROOT = Path(__file__).parents[1]


def clock() -> Clock:
    return Clock(20)


PATIENCE = 60
"""Seconds: what is proved must not depend on the speed of the machine."""


def analyzed(text: str, **settings: float) -> Analysis:
    return analyze(lossdsl.loss(text).program, settings, PATIENCE)


# ---------------------------------------------------------------- bounds

EXPRESSIONS = [
    X**2 - 3 * X + sp.exp(-X),
    sp.log(1 + X**2) * sp.cos(X),
    sp.sqrt(1 + X**2) / (2 + sp.atan(X)),
    sp.erf(X) * sp.erfc(X) - sp.pi,
    (1 + X**2) ** sp.Rational(-3, 2),
    sp.exp(-(X**2)) * (1 - 2 * X**2),
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_an_enclosure_holds_every_value(expression: sp.Expr) -> None:
    function = sp.lambdify(X, expression, "mpmath")
    draw = random.Random(3)
    for _ in range(12):
        a = draw.uniform(-4, 4)
        b = a + draw.choice([0.0, 0.01, 3.0])
        with precision() as iv:
            low, high = ends(enclose(expression, X, iv.mpf([a, b])))
            for at in (a, b, (mpmath.mpf(a) + mpmath.mpf(b)) / 2):
                assert low <= function(mpmath.mpf(at)) <= high
            if a == b:
                assert high - low <= abs(high) * mpmath.mpf(2) ** -70 + mpmath.mpf(2) ** -70


def test_enclosures_of_unbounded_boxes() -> None:
    with precision() as iv:
        low, high = ends(enclose(sp.exp(-X) * X, X, iv.mpf([1, "inf"])))
        assert low >= 0 and high == mpmath.inf
        assert ends(enclose(sp.exp(sp.exp(X)), X, iv.mpf([0, 2**60])))[1] == mpmath.inf


def test_a_sign_on_a_box() -> None:
    assert definite_sign(X**2 + X + 1, X, -5, 7, lambda: None) == 1
    assert definite_sign(X**2 - 2, X, 0, 2, lambda: None) is None
    assert definite_sign(-1 - sp.exp(-X), X, 0, mpmath.inf, lambda: None) == -1


# ---------------------------------------------------------------- signs

SIGNS = [
    ((X**2 - 2) * (X - 1) ** 2, -OO, OO, [-(2**0.5), 1.0, 2**0.5], (1, -1, -1, 1)),
    (sp.exp(-X) / (1 + sp.exp(-X)) ** 2, -OO, OO, [], (1,)),
    (sp.exp(2 * X) - 3 * sp.exp(X) + 2, -OO, OO, [0.0, 0.6931471805599453], (1, -1, 1)),
    (sp.exp(X) - 1 - X, -OO, OO, [0.0], (1, 1)),
    (sp.exp(X) - 2 - X, -OO, OO, [-1.8414056604369606, 1.1461932206205825], (1, -1, 1)),
    (
        8 * (1 - X * (2 * sp.atan(X) - 1)) / (1 + X**2) ** 2,
        -OO,
        OO,
        [-0.513247317924982, 1.25557334244727],
        (-1, 1, -1),
    ),
    (sp.cos(X / 2), 0, 4 * sp.pi, [3.141592653589793, 9.42477796076938], (1, -1, 1)),
    (sp.log(X) - 1, 0, OO, [2.718281828459045], (-1, 1)),
    (X**3, 0, OO, [], (1,)),
    (sp.Integer(0) * X, 0, 1, [], (0,)),
]


@pytest.mark.parametrize(("expression", "low", "high", "roots", "between"), SIGNS, ids=lambda v: str(v)[:24])
def test_signs(expression: sp.Expr, low: sp.Expr, high: sp.Expr, roots: list[float], between: tuple[int, ...]) -> None:
    found = signs(expression, sp.sympify(low), sp.sympify(high), clock())
    assert [float(root) for root in found.roots] == pytest.approx(roots, abs=1e-6)
    assert found.between == between


def test_what_can_not_be_decided_is_said() -> None:
    with pytest.raises(Undecided, match="sign"):
        signs(sp.besselj(0, X) - sp.Rational(1, 3), sp.Integer(0), sp.Integer(9), clock())
    with pytest.raises(Undecided, match="time"):
        signs(X**2 + 1, -OO, OO, Clock(-1))
    with pytest.raises(Undecided, match="poles"):
        signs(1 / (X - 1), -OO, OO, clock())


def test_signs_of_numbers() -> None:
    assert sign_of(sp.sqrt(2) + sp.sqrt(3) - sp.sqrt(5 + 2 * sp.sqrt(6))) == 0
    assert sign_of(sp.exp(sp.Integer(-400)) - sp.exp(sp.Integer(-401))) == 1
    assert limit(X * sp.exp(-X), OO) == 0
    assert limit(sp.log(1 + sp.exp(X)) / X, OO) == 1


# ---------------------------------------------------------------- facts about texts

ABSOLUTE = "loss f(pred[n] | target[n]):\n    return mean[n]({})"


@pytest.mark.parametrize(
    ("formula", "fact", "answer"),
    [
        ("sqrt((pred - target)^2)", "differentiable", No),  # the absolute value in disguise
        ("|pred - target|^2", "twice differentiable", Yes),  # ... and none
        ("((pred - target)^2)^(1/3)", "convex", No),
        ("max(pred - target, target - pred)", "convex", Yes),
        ("(pred - target)^3", "quasi-convex", Yes),
        ("-(pred - target)^2", "quasi-convex", No),
        ("((pred - target)^2 - 1)^2", "quasi-convex", No),
        ("[|pred - target| > 1]", "continuous", No),
        ("[|pred - target| > 1]", "quasi-convex", Yes),
        ("0 if pred == target else 1", "continuous", No),
        ("(pred - target)^4", "strictly convex", Yes),  # though its second derivative is 0 at 0
        ("(pred - target)^4", "strongly convex", No),
        ("(pred - target)^4", "smooth", No),
        ("|pred - target| if pred > target else (target - pred)", "Lipschitz", Yes),
        ("log(cosh(pred - target))", "strictly convex", Yes),
        ("(pred - target)^2 if |pred - target| < 1 else 2*|pred - target| - 1", "differentiable", Yes),
        ("(pred - target)^2 if |pred - target| < 1 else 2*|pred - target|", "continuous", No),
        ("(pred - target)^2 + stop_gradient(pred)*0", "convex", Yes),
        ("1 - exp(-(0.9*(target - pred) if pred < target else 0.1*(pred - target)))", "estimates", Yes),
    ],
)
def test_a_formula(formula: str, fact: str, answer: type) -> None:
    found = analyzed(ABSOLUTE.format(formula))[fact]
    assert isinstance(found.answer, answer), str(found)


def test_settings_change_the_facts() -> None:
    text = "loss f(pred[n] | target[n]; level in (0, 1) = 0.5, k > 0 = 1):\n    r = target - pred\n"
    text += "    return mean[n](k*(level*r if r >= 0 else (level - 1)*r))"
    half, most = analyzed(text), analyzed(text, level=0.9, k=2)
    assert half["estimates"].answer.value == "median"  # type: ignore[union-attr]
    assert most["estimates"].answer.value == "quantile at level 0.9"  # type: ignore[union-attr]
    assert most["Lipschitz"].answer.number == pytest.approx(1.8)  # type: ignore[union-attr]
    assert isinstance(half["symmetric"].answer, Yes)
    assert isinstance(most["symmetric"].answer, No)
    assert most.settings == {"level": 0.9, "k": 2.0}
    with pytest.raises(ValueError, match="no hyperparameter 'delta'"):
        analyzed(text, delta=1)
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\)"):
        analyzed(text, level=2)


def test_losses_made_of_losses_are_seen_row_by_row() -> None:
    text = "use regression: mse, mae\nloss f(pred[..] | target[..]; w in [0, 1] = 0.5):\n"
    found = analyzed(text + "    return w*mse(pred | target) + (1 - w)*mae(pred | target)")
    assert found["strongly convex"].answer.number == pytest.approx(1)  # type: ignore[union-attr]
    assert isinstance(found["differentiable"].answer, No)


def test_rows_that_are_also_numbers_are_no_elements() -> None:
    found = analyzed("loss f(pred[n] | target[n]):\n    return 2*sum[n](n*(pred - target)^2)")
    assert not isinstance(found["strongly convex"].answer, Yes)


def test_masked_rows_are_proved_by_composition() -> None:
    found = analyzed("loss f(pred[n] | target[n]):\n    return mean[n where target > 0]((pred - target)^2)")
    assert isinstance(found["convex"].answer, Yes) and "composition" in found["convex"].answer.reason
    assert not isinstance(found["strictly convex"].answer, Yes)  # a row that is left out is constant


def test_learned_arrays_have_their_sizes() -> None:
    found = analyze(lossdsl.catalogue["ordinal"]["cumulative_logit"].program, {}, 1)
    assert isinstance(found["additive"].answer, Yes)


def test_coupled_rows() -> None:
    found = analyzed("loss f(pred[n] | target[n]):\n    return mean[n]((pred - mean[k](pred[k]))^2)")
    answer = found["additive"].answer
    assert isinstance(answer, No) and "line 2" in answer.reason


def test_composition_in_several_predictions() -> None:
    found = analyzed("loss f(a[n, d], b[n, d]):\n    return mean[n](norm[d](a - b) + logsumexp[d](2*a))")
    assert isinstance(found["convex"].answer, Yes) and "composition" in found["convex"].answer.reason
    found = analyzed("loss f(a[n], b[n]):\n    return mean[n](a*b)")
    assert isinstance(found["convex"].answer, No)


def test_data_of_any_kind() -> None:
    """Linear in the data, extreme values decide; otherwise only witnesses can be found."""
    found = analyzed("loss f(s[n] | y[n] in [0, 1]):\n    return mean[n](softplus(s) - y*s)")
    assert found["Lipschitz"].answer.number == pytest.approx(1)  # type: ignore[union-attr]
    found = analyzed("loss f(s[n] | y[n]):\n    return mean[n](cosh(s*y))")
    assert isinstance(found["Lipschitz"].answer, No)
    found = analyzed("loss f(s[n] | y[n]):\n    return mean[n](atan(s*y))")
    assert isinstance(found["Lipschitz"].answer, Unknown)  # of each y, and of all none


def test_propriety() -> None:
    honest = "loss f(p[n] in (0, 1) | y[n] in {0, 1}):\n    return mean[n]((p - y)^2)"
    assert isinstance(analyzed(honest)["proper"].answer, Yes)
    absolute = "loss f(p[n] in (0, 1) | y[n] in {0, 1}):\n    return mean[n](|p - y|)"
    answer = analyzed(absolute)["proper"].answer
    assert isinstance(answer, No) and "mean loss" in answer.witness.text


# ---------------------------------------------------------------- witnesses


def test_a_witness_that_shows_nothing_is_refused() -> None:
    loss = lossdsl.catalogue["regression"]["mse"]
    referee = judge(loss.program)
    points = [{"pred": (Fraction(k),), "target": (Fraction(0),)} for k in (0, 1, 2)]
    assert confirmed(referee, "above chord", *points) is None
    assert confirmed(referee, "on chord", points[0], points[0], points[0]) is None  # one point is no line
    assert confirmed(referee, "peak", points[0], points[2], points[1]) is None  # not halfway
    found = loss.analyze()["Lipschitz"].answer
    assert isinstance(found, No) and found.witness.holds(referee)
    moved = replace(found.witness, points=tuple(points[:2]))
    assert not moved.holds(referee)


def test_witnesses_survive_json() -> None:
    """Kinks are shown by points that are closer together than floats are."""
    found = analyze(lossdsl.catalogue["regression"]["huber"].program, {}, PATIENCE)["twice differentiable"].answer
    assert isinstance(found, No)
    told = json.loads(json.dumps(found.witness.to_json()))
    points = [{name: tuple(map(Fraction, values)) for name, values in point.items()} for point in told["points"]]
    assert any(isinstance(value, str) for point in told["points"] for value in point["pred"])
    referee = judge(lossdsl.catalogue["regression"]["huber"].program)
    assert confirmed(referee, told["claim"], *points) is not None


def test_a_wrong_function_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the analysis takes a loss for is compared with the interpreter."""
    from lossdsl.analysis import operations
    from lossdsl.diagnostics import CompilerBug

    right = operations.definition
    monkeypatch.setattr(operations, "definition", lambda op, args: right("add" if op == "sub" else op, args))
    with pytest.raises(CompilerBug, match="in its analysis"):
        analyzed(ABSOLUTE.format("(2 - (pred - target))^2"))


# ---------------------------------------------------------------- what users see


def test_names_of_facts() -> None:
    with pytest.raises(ValueError, match="no fact"):
        Fact("beautiful", Unknown(()))
    looked = view(lossdsl.catalogue["regression"]["huber"].program, {})
    assert looked.subject == "the loss of one element, as a function of pred"


def test_the_page_has_a_section_for_each_fact() -> None:
    page = (ROOT / "docs" / "theory.md").read_text(encoding="utf-8")
    assert re.findall(r"^### (.+)$", page, flags=re.MULTILINE) == list(NAMES)
    for section in page.split("\n### ")[1:]:
        text = " ".join(section.split())
        assert "Source: " in text and text.count(". ") >= 2, section.splitlines()[0]


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "f.loss"
    file.write_text(
        "loss f(pred[n] | target[n]; k > 0 = 1):\n    return mean[n](k*|pred - target|)\n", encoding="utf-8"
    )
    run = CliRunner().invoke(commands, ["analyze", str(file), "--set", "k=3"])
    assert run.exit_code == 0 and run.output.startswith("f: the loss of one element, as a function of pred, with k = 3")
    assert "  Lipschitz: yes, constant 3\n" in run.output
    assert "  differentiable: no\n      at 0 the slope goes from -3 to 3\n      witness: from (pred = " in run.output
    run = CliRunner().invoke(commands, ["analyze", str(file), "--json"])
    (found,) = json.loads(run.output)
    assert found["loss"] == "f" and found["settings"] == {"k": 1}
    assert found["facts"]["convex"]["answer"] == "yes"
    witness = found["facts"]["smooth"]["witness"]
    assert witness["claim"] == "gradient steep" and len(witness["points"]) == 2


@pytest.mark.parametrize("options", [["--set", "k=one"], ["--set", "z=1"], ["--set", "k=-1"], ["--loss", "g"]])
def test_mistakes_on_the_command_line(tmp_path: Path, options: list[str]) -> None:
    file = tmp_path / "f.loss"
    file.write_text("loss f(pred[n]; k > 0 = 1):\n    return mean[n](k*pred)\n", encoding="utf-8")
    result = CliRunner().invoke(commands, ["analyze", str(file), *options])
    assert result.exit_code == 2 and "Error: " in result.output
    assert isinstance(result.exception, SystemExit | click.ClickException)


def test_an_axis_that_only_hyperparameters_have_gets_a_size() -> None:
    loss = lossdsl.loss("loss f(x[n]; w[k] > 0 = 1):\n    return mean[n](x^2)*mean[k](w)")
    assert loss.analyze()["convex"].answer.word == "yes"
