"""What the analysis says of losses of a row of scores and a label: constants, calibration, propriety, kinks."""

from __future__ import annotations

import functools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch

import lossdsl
from lossdsl.analysis import Analysis, No, Unknown, Yes, analyze, judge
from lossdsl.analysis.enclosure import enclosed, ends
from lossdsl.analysis.facts import Answer, Fact
from lossdsl.analysis.numbers import Clock, Undecided, x
from lossdsl.analysis.rows import answers
from lossdsl.analysis.simplex import score
from lossdsl.analysis.slopes import Bounds
from lossdsl.analysis.structure import draws
from lossdsl.analysis.tangents import weights_to_zero
from lossdsl.analysis.unrolled import Unrolled, entries, labellings
from lossdsl.analysis.view import view
from lossdsl.analysis.witness import confirmed
from lossdsl.functions.lazy import mpmath

PATIENCE = 60
"""Seconds: what is proved must not depend on the speed of the machine."""
ROW = "loss f(z[n, c] | label[n] in c; tau > 0 = 1):\n    p[n, c] = softmax[c](z)\n    return mean[n]({})"
T = x()


@functools.cache
def analyzed(module: str, name: str) -> Analysis:
    return analyze(lossdsl.catalogue[module][name].program, {}, PATIENCE)


def of_row(formula: str, fact: str) -> Answer:
    """One fact of a loss of probabilities."""
    looked = view(lossdsl.loss(ROW.format(formula)).program, {})
    return answers(looked, judge(looked.program), Clock(PATIENCE), (fact,))[fact]


# ---------------------------------------------------------------- functions of softmax probabilities


@pytest.mark.parametrize(
    ("formula", "expected", "sums"),
    [
        ("logsumexp[c](z) - z[n, label[n]]", -sp.log(T), []),
        ("sum[c]((p - [c == label])^2)", None, [T**2]),
        ("1 - p[n, label[n]]^2", 1 - T**2, []),
        ("sum[c where c != label](p)", 1 - T, []),
        ("-mean[c](log(p))", None, []),
        ("sum[c where c != label](p*log(p))", None, [T * sp.log(T)]),
        ("log(p[n, label[n]])^2", sp.log(T) ** 2, []),
    ],
)
def test_a_formula_as_a_function_of_probabilities(formula: str, expected: sp.Expr | None, sums: list[sp.Expr]) -> None:
    looked = view(lossdsl.loss(ROW.format(formula)).program, {})
    if "mean[c]" in formula:
        with pytest.raises(Undecided, match="the right class"):
            score(looked)
        return
    found = score(looked)
    assert [summand for _, summand in found.sums] == sums
    assert not found.sized
    if expected is not None:
        assert sp.simplify(found.formula - expected) == 0
    p = np.array([0.5, 0.3, 0.2])
    loss = lossdsl.loss(ROW.format(formula))
    values = {symbol: sum(float(b.subs(T, q)) for q in p) for symbol, b in found.sums}
    for label in range(3):
        meant = loss.numpy()(np.log(p)[None] + 2.0, np.array([label]))
        assert float(found.formula.subs(T, p[label]).subs(values)) == pytest.approx(float(meant), rel=1e-12)


@pytest.mark.parametrize("formula", ["z[n, label[n]]^2", "max[c](p)", "sum[c](p*p[n, label[n]]^p)", "log(2*tau) + n"])
def test_what_is_no_function_of_probabilities(formula: str) -> None:
    with pytest.raises(Undecided):
        score(view(lossdsl.loss(ROW.format(formula)).program, {}))


@pytest.mark.parametrize(
    ("formula", "fact", "answer"),
    [
        ("1 - p[n, label[n]]^2", "classification-calibrated", Yes),
        ("1 - p[n, label[n]]^2", "proper", No),  # of two classes (1 - p)*(1 + p): no
        ("p[n, label[n]]", "classification-calibrated", Unknown),  # rises with the probability
        ("(1 - p[n, label[n]])^2*(2*p[n, label[n]] + 1)", "classification-calibrated", Yes),
        ("-2*p[n, label[n]] + sum[c](p^2)", "proper", Yes),  # Brier's score less 1
        ("-3*p[n, label[n]]^2 + 2*sum[c](p^3)", "proper", Yes),  # the power score of order 3
        ("-3*p[n, label[n]]^2 + sum[c](p^3)", "proper", No),
        ("-p[n, label[n]]/sqrt(sum[c](p^2))", "proper", Yes),
        ("p[n, label[n]]/sqrt(sum[c](p^2))", "proper", Unknown),  # stationary, and largest there
        ("-p[n, label[n]]/sqrt(sum[c](p^3))", "proper", No),
        ("log(p[n, label[n]])^2", "saturation", No),
        ("1/(1 + p[n, label[n]])", "saturation", Yes),
        ("p[n, label[n]]*(1 - p[n, label[n]])", "quasi-convex", Unknown),
        ("-log(p[n, label[n]])", "smooth", Yes),
        ("log(p[n, label[n]])^2", "Lipschitz", Unknown),
    ],
)
def test_facts_of_probabilities(formula: str, fact: str, answer: type) -> None:
    found = of_row(formula, fact)
    assert isinstance(found, answer), str(Fact(fact, found))


def test_improper_forecasts_are_confirmed_by_the_interpreter() -> None:
    found = analyzed("robust", "label_mae")["proper"].answer
    assert isinstance(found, No)
    referee = judge(lossdsl.catalogue["robust"]["label_mae"].program)
    points = found.witness.points
    assert confirmed(referee, "improper row", *points) is not None
    assert confirmed(referee, "improper row", *points[3:], *points[:3]) is None  # honest forecasts cost more
    assert confirmed(referee, "improper row", points[1], points[0], points[2], *points[3:]) is None  # labels mixed up


# ---------------------------------------------------------------- constants


@functools.cache
def steepest(module: str, name: str) -> tuple[float, float]:
    """The longest gradient and the largest singular value of the Hessian of one row, among many drawn logits."""
    loss = lossdsl.catalogue[module][name].torch()
    draw = torch.Generator().manual_seed(3)
    longest = largest = 0.0
    for scale in (0.3, 1.0, 3.0, 10.0):
        for k in range(6):
            z = scale * torch.randn(3, generator=draw, dtype=torch.float64)
            z[2] -= 30 * (k % 2)  # next to no probability
            label = torch.tensor([0])
            value = lambda z: loss(z[None], label)  # noqa: E731, B023
            longest = max(longest, float(torch.func.jacrev(value)(z).norm()))
            largest = max(largest, float(torch.linalg.matrix_norm(torch.func.hessian(value)(z), 2)))
    return longest, largest


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("classification", "brier"),
        ("classification", "label_smoothing"),
        ("robust", "label_mae"),
    ],
)
def test_no_gradient_or_hessian_is_larger_than_the_constants(module: str, name: str) -> None:
    """Those of PyTorch's automatic differentiation; and the bounds are not far out."""
    found = analyzed(module, name)
    for fact, most in zip(("Lipschitz", "smooth"), steepest(module, name), strict=True):
        answer = found[fact].answer
        assert isinstance(answer, Yes) and answer.number is not None, str(found[fact])
        assert most <= answer.number * (1 + 1e-12)
        assert answer.number <= 6 * most
    if "at most" not in found["Lipschitz"].answer.value:  # type: ignore[union-attr]
        assert steepest(module, name)[0] >= 0.95 * found["Lipschitz"].answer.number  # type: ignore[union-attr,operator]


COMPOSED = [
    ("sum[c](z^2)", math.inf, 2),
    ("norm[c](z)", 1, math.inf),
    ("max[c](z)", 1, math.inf),
    ("logsumexp[c](z) - z[n, 0]", math.sqrt(2), 0.5),
    ("logsumexp[c](2*z)/2", 1, 1),
    ("sum[c](softplus(z))", math.sqrt(3), 0.25),
    ("sum[c](huber(z))", math.sqrt(3), 1),
    ("z[n, 0]*tanh(z[n, 1])", math.inf, math.inf),
    ("tanh(z[n, 0])*tanh(z[n, 1])", math.sqrt(2), 2 + 2 * 4 / (3 * math.sqrt(3))),
    ("|z[n, 0] - z[n, 1]|", math.sqrt(2), math.inf),
    ("sigmoid(z[n, 0] - 2*z[n, 1])", math.sqrt(5) / 4, 5 / (6 * math.sqrt(3))),
]


@pytest.mark.parametrize(("formula", "length", "hessian"), COMPOSED, ids=[row[0] for row in COMPOSED])
def test_bounds_operation_by_operation(formula: str, length: float, hessian: float) -> None:
    text = "def huber(r) = r^2/2 if |r| <= 1 else |r| - 1/2\n"
    text += f"loss f(z[n, c] | label[n] in c):\n    return mean[n]({formula})"
    looked = view(lossdsl.loss(text).program, {})
    inputs = draws(looked)
    assert inputs is not None
    given = next(labellings(looked, inputs.sizes))
    root = Unrolled(looked, inputs.sizes, given).loss()
    found = Bounds(looked, entries(looked, root), Clock(PATIENCE)).of(root)
    assert float(found.length) == pytest.approx(length)
    assert float(found.hessian) == pytest.approx(hessian)


def test_steps_have_no_constant() -> None:
    found = analyze(lossdsl.loss(ROW.format("[z[n, 0] > 1] + 0*label")).program, {}, PATIENCE)
    assert isinstance(found["Lipschitz"].answer, No) and isinstance(found["smooth"].answer, No)


def test_a_loss_without_a_scale_has_no_constant() -> None:
    text = "loss f(pred[n] | target[n]):\n    return sum[n](|pred - target|)/sum[n](|target|)"
    found = analyze(lossdsl.loss(text).program, {}, PATIENCE)["Lipschitz"].answer
    assert isinstance(found, No) and "homogeneous of degree 0" in found.reason


def test_real_roots_of_polynomials_are_enclosed() -> None:
    root = sp.CRootOf(32 * T**3 - 60 * T**2 + 30 * T - 3, 0)
    low, high = ends(enclosed(root))
    assert low <= mpmath().mpf(str(root.evalf(30))) <= high
    assert high - low < 1e-30


# ---------------------------------------------------------------- scores without probabilities


def test_hinges_of_several_classes_are_not_calibrated() -> None:
    """Tewari and Bartlett 2007; the certificate is confirmed from its points alone, and does not fit other losses."""
    other = judge(lossdsl.catalogue["margin"]["multiclass_squared_hinge"].program)
    for name, cost in (("crammer_singer", "1"), ("weston_watkins", "1.75")):
        answer = analyzed("margin", name)["classification-calibrated"].answer
        assert isinstance(answer, No)
        assert "0.4, 0.35, 0.25" in answer.witness.text and f"has the mean loss {cost}, " in answer.witness.text
        referee = judge(lossdsl.catalogue["margin"][name].program)
        assert answer.witness.holds(referee)
        moved = [dict(point) for point in answer.witness.points]
        for point in moved[:3]:
            point["score"] = ((Fraction(-1), Fraction(3), Fraction(0)),)
        assert confirmed(referee, "tied minimum", *moved) is None  # no minimiser
        assert not answer.witness.holds(other)


def test_a_minimum_that_is_not_found_is_unknown() -> None:
    answer = analyzed("margin", "lee_lin_wahba")["classification-calibrated"].answer
    assert isinstance(answer, Unknown) and "grid" in answer.tried[1]


def test_kinks_along_lines() -> None:
    found = analyzed("margin", "weston_watkins")
    answer = found["differentiable"].answer
    assert isinstance(answer, No) and answer.reason == "along a line: at -1 the slope goes from 0 to 1"
    assert found["Lipschitz"].answer.number == pytest.approx(math.sqrt(6))  # type: ignore[union-attr]


def test_weights_that_bring_vectors_to_zero() -> None:
    mp = mpmath().mpf
    found = weights_to_zero([[mp(1), mp(0)], [mp(0), mp(1)], [mp(-1), mp(-1)]])
    assert found is not None and [round(float(w), 9) for _, w in found] == [round(1 / 3, 9)] * 3
    assert weights_to_zero([[mp(1), mp(0)], [mp(0), mp(1)]]) is None
    assert weights_to_zero([[mp(1)], [mp(0)]]) == [(1, 1)]


@pytest.mark.parametrize(
    ("formula", "answer"),
    [
        ("min(2, max(0, 1 - y*score))", Yes),
        ("2*min(1, max(0, 1 - y*score))", Yes),  # bends down at 0
        ("2*min(1, max(0, -y*score))", Unknown),  # flat to the right of 0
        ("[y*score < 0]", Unknown),
    ],
)
def test_margin_losses_in_pieces(formula: str, answer: type[Any]) -> None:
    text = f"loss f(score[n] | y[n] in {{-1, 1}}):\n    return mean[n]({formula})"
    found = analyze(lossdsl.loss(text).program, {}, PATIENCE)["classification-calibrated"]
    assert isinstance(found.answer, answer), str(found)


@pytest.mark.parametrize(
    ("formula", "answer"),
    [
        ("max(0, 1 - (2*y - 1)*s)^2", Yes),  # mirror images
        ("max(0, -(2*y - 1)*s)", No),
        ("softplus(s) - y*s", Yes),  # proper
        ("softplus(s) - y*s + y*softplus(-s)", Unknown),  # prices differ
    ],
)
def test_labels_of_zero_and_one(formula: str, answer: type[Any]) -> None:
    text = f"loss f(s[n] | y[n] in {{0, 1}}):\n    predict p[n] = sigmoid(s)\n    return mean[n]({formula})"
    program = lossdsl.loss(text).program
    found = analyze(program, {}, PATIENCE)["classification-calibrated"]
    assert isinstance(found.answer, answer), str(found)
    if isinstance(found.answer, No):
        assert {point["y"] for point in found.answer.witness.points} == {(Fraction(0),), (Fraction(1),)}
        assert found.answer.witness.holds(judge(program))
