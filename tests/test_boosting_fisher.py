"""Second derivatives averaged over targets, where formulas have pieces; and what follows for losses of two labels."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import lossdsl
from lossdsl.boosting.derivation import derive
from lossdsl.boosting.fisher import expected
from lossdsl.boosting.intervals import Intervals, of_arguments
from lossdsl.boosting.proofs import is_negative_somewhere
from lossdsl.boosting.rows import roles

MARGIN = lossdsl.catalogue["margin"]
S = np.linspace(-4, 4, 33)


def about(objective: Any) -> str:
    return sys.modules[type(objective).__module__].__doc__ or ""


def slopes(loss: lossdsl.Loss, score: Any, label: float) -> tuple[Any, Any]:
    """The gradient and the second derivative at one label, by the NumPy back end."""
    f = loss.numpy()
    y = np.full(len(score), label)
    return f.value_and_grad(score, y, reduction="sum")[1], f.hess_diag(score, y, reduction="sum")


@pytest.mark.parametrize("name", ["savage", "exponential", "logistic", "squared_hinge", "large_margin_unified"])
def test_two_labels_are_as_probable_as_makes_the_mean_slope_0(name: str) -> None:
    """Conditions on the label included: at each label the formula is one number."""
    loss = MARGIN[name]
    _, hess = loss.objective("xgboost", hessian="expected", floor=-np.inf).derivatives(S, np.ones(len(S)))
    (g0, h0), (g1, h1) = slopes(loss, S, -1), slopes(loss, S, 1)
    share = np.clip(-g0 / np.where(g1 == g0, 1, g1 - g0), 0, 1)
    np.testing.assert_allclose(hess, (1 - share) * h0 + share * h1, rtol=1e-9, atol=1e-15)
    _, other = loss.objective("xgboost", hessian="expected", floor=-np.inf).derivatives(S, -np.ones(len(S)))
    np.testing.assert_array_equal(hess, other, "whatever the label is")


def test_far_out_the_mean_is_finite() -> None:
    far = np.array([-700.0, -50.0, 0.0, 50.0, 700.0])
    for name in ("savage", "logistic", "exponential"):
        _, hess = MARGIN[name].objective("xgboost", hessian="expected", floor=0.0).derivatives(far, np.ones(5))
        assert np.all(np.isfinite(hess)), name
        np.testing.assert_allclose(hess, hess[::-1], rtol=1e-9)
    brier = lossdsl.catalogue["classification"]["binary_brier"].objective("xgboost", hessian="expected", floor=0.0)
    _, hess = brier.derivatives(far, np.ones(5))
    np.testing.assert_allclose(hess[2:4], [1 / 8, 2 * np.exp(-100.0)], rtol=1e-12)


MIXED = lossdsl.loss(
    "loss mixed(s[n] | y[n] > 0, kind[n] in {0, 1, 2}):\n"
    "    return mean[n](s + y*exp(-s) if kind == 1 else exp(s) - y*s if s > 0 or kind == 2 else (s - y)^2*3)\n"
)


def test_conditions_on_data_and_scores_are_told_apart() -> None:
    """Of gamma, Poisson and squared losses: 1, exp(s) and 6."""
    s = np.array([-0.5, 0.5, -0.5, 0.5, -0.5])
    kind = np.array([1.0, 1.0, 2.0, 0.0, 0.0])
    objective = MIXED.objective("xgboost", hessian="expected", floor=0.0)
    _, hess = objective.derivatives(s, np.array([3.0, 0.1, 2.0, 5.0, 1.0]), kind=kind)
    np.testing.assert_allclose(hess, [1, 1, np.exp(-0.5), np.exp(0.5), 6], rtol=1e-12)


def test_pieces_that_the_target_does_not_choose_are_one_number() -> None:
    """clip(s) and |s| are the same for all targets, so the mean of what is linear in the target is known."""
    loss = lossdsl.loss("loss f(s[n] | y[n] > 0):\n    return mean[n]((1 + |s|)*(s + y*exp(-s)))\n")
    _, hess = loss.objective("xgboost", hessian="expected", floor=-np.inf).derivatives(S, np.ones(len(S)))
    # at the target for which the slope is 0
    a = 1 + np.abs(S)
    at = (np.sign(S) * S + a) / (a - np.sign(S)) * np.exp(S)
    f = loss.numpy()
    wanted = f.hess_diag(S, at, reduction="sum")
    np.testing.assert_allclose(f.value_and_grad(S, at, reduction="sum")[1], 0, atol=1e-12)
    np.testing.assert_allclose(hess, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "negative"), [("savage", False), ("logistic", False), ("correntropy_margin", True)])
def test_a_negative_mean_is_known_by_a_witness(name: str, negative: bool) -> None:
    program = MARGIN[name].program
    derivation = derive(program, roles(program))
    node = expected(derivation)[derivation.only].node
    assert is_negative_somewhere(derivation, node) == negative
    assert Intervals(derivation.table, of_arguments(program)).of(node).high > 0


def test_a_first_score_where_nothing_moves_is_left() -> None:
    """Of a bounded loss the best constant may be far out, flat for both labels; a convex one moves from everywhere."""
    y = np.where(np.arange(100) < 75, 1.0, -1.0)
    objective = MARGIN["correntropy_margin"].objective("xgboost")
    assert "0 if all slopes there are under a hundredth of those at 0" in about(objective)
    assert objective.init_score(y) == 0.0
    best = np.linspace(-3, 3, 601)
    values = [objective.loss(np.full(100, c), y) for c in best]
    grad, _ = objective.derivatives(np.full(100, best[np.argmin(values)]), y)
    at_0, _ = objective.derivatives(np.zeros(100), y)
    assert np.abs(grad).sum() < 0.01 * np.abs(at_0).sum(), "the best constant is such a score"
    savage = MARGIN["savage"].objective("xgboost")
    assert savage.init_score(y) == pytest.approx(np.log(3) / 2, rel=1e-6)
    assert "hundredth" not in about(MARGIN["logistic"].objective("xgboost"))


def test_closed_forms_of_two_labels() -> None:
    """The logit of the rate, though the formula has conditions or reads the label inside of functions."""
    y, w = np.array([1.0, -1.0, 1.0, 1.0]), np.array([1.0, 2.0, 0.5, 3.0])
    rate = np.average(y > 0, weights=w)
    for loss, factor in (
        (MARGIN["logistic"], 1.0),
        (MARGIN["exponential"], 0.5),
        (
            lossdsl.loss(
                "loss f(s[n] | y[n] in {-1, 1}):\n    return mean[n](softplus(-s) if y > 0 else softplus(s))\n"
            ),
            1.0,
        ),
    ):
        objective = loss.objective("lightgbm")
        assert "in closed form, from the mean of the target" in about(objective)
        assert objective.init_score(y, w) == pytest.approx(factor * np.log(rate / (1 - rate)), rel=1e-12)
        assert -100 < objective.init_score(-np.ones(5)) < -3, "no logit of 0"
