"""Minimisers at kinks: BFGS with a weak Wolfe line search, and what the fit of a linear model makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import linear_model

import lossdsl
from lossdsl.fitting.nonsmooth import Unbounded, line_search, weak_wolfe_bfgs

REGRESSION = lossdsl.catalogue["regression"]
RNG = np.random.default_rng(11)
X = RNG.normal(size=(150, 4))
Y = X @ [2.0, 0.0, -1.0, 0.5] + RNG.standard_t(2, size=150)


def rosenbrock(x: Any) -> tuple[float, Any]:
    """With an absolute value in the valley (Lewis and Overton 2013): the minimiser (1, 1) lies on the kink."""
    bend = x[1] - x[0] ** 2
    slope = np.array([-2 * x[0], 1.0]) * np.sign(bend)
    return 8 * abs(bend) + (1 - x[0]) ** 2, 8 * slope + np.array([-2 * (1 - x[0]), 0.0])


def test_a_valley_with_a_kink() -> None:
    outcome = weak_wolfe_bfgs(rosenbrock, np.array([-1.0, 2.0]), 1e-10, 1000)
    np.testing.assert_allclose(outcome.x, [1, 1], atol=1e-6)
    assert outcome.stalled or np.max(np.abs(outcome.jac)) <= 1e-10


def test_a_smooth_minimum_ends_by_its_gradient() -> None:
    target = np.array([1.0, -2.0, 3.0])
    outcome = weak_wolfe_bfgs(lambda x: (float(np.sum((x - target) ** 2)), 2 * (x - target)), np.zeros(3), 1e-9, 100)
    assert not outcome.stalled
    np.testing.assert_allclose(outcome.x, target, atol=1e-9)


def test_a_kink_that_the_gradient_does_not_lead_away_from_is_left() -> None:
    """|x| + 10|x - y|: on x = y the gradient (1, 0) is no descent direction, but the minimum is elsewhere."""

    def fun(x: Any) -> tuple[float, Any]:
        kink = 10 * np.sign(x[0] - x[1])
        return abs(x[0]) + 10 * abs(x[0] - x[1]), np.array([np.sign(x[0]) + kink, -kink])

    start = np.array([3.0, 3.0])
    assert weak_wolfe_bfgs(fun, start, 1e-12, 200, sampling=False).stalled
    outcome = weak_wolfe_bfgs(fun, start, 1e-12, 200)
    assert outcome.fun < 1e-6


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_line_search_meets_the_weak_wolfe_conditions(scale: float) -> None:
    def fun(x: Any) -> tuple[float, Any]:
        r = x / scale - 5
        return float(np.sum(np.log(np.cosh(r)))), np.tanh(r) / scale

    x, direction = np.zeros(2), np.ones(2)
    value, gradient = fun(x)
    found = line_search(fun, x, direction, value, float(gradient @ direction))
    assert found is not None
    assert found[1] < value
    assert found[2] @ direction >= 0.5 * (gradient @ direction)


def test_line_search_refuses_what_does_not_lead_down() -> None:
    assert line_search(rosenbrock, np.ones(2), np.ones(2), 0.0, 1.0) is None
    assert line_search(lambda x: (float("inf"), x), np.ones(2), -np.ones(2), 2.0, -2.0) is None
    assert line_search(lambda x: (float("nan"), x), np.ones(2), -np.ones(2), 2.0, -2.0) is None


def test_values_that_are_not_finite_are_too_high() -> None:
    """-log(x): along the direction it is infinite and then NaN, but there is a good step before."""

    def fun(x: Any) -> tuple[float, Any]:
        with np.errstate(all="ignore"):
            return float(-np.log(x[0]) + x[0]), -1 / x + 1

    outcome = weak_wolfe_bfgs(fun, np.array([50.0]), 1e-9, 100)
    assert outcome.x[0] == pytest.approx(1.0, rel=1e-8)


def test_a_function_without_a_minimum() -> None:
    with pytest.raises(Unbounded):
        line_search(lambda x: (float(x[0]), np.ones(1)), np.zeros(1), -np.ones(1), 0.0, -1.0)
    assert weak_wolfe_bfgs(lambda x: (float(x[0]), np.ones(1)), np.zeros(1), 1e-9, 100).unbounded


# ---------------------------------------------------------------- fits


@pytest.mark.parametrize("level", [0.1, 0.5, 0.95])
def test_quantiles_are_the_optimum_of_the_linear_program(level: float) -> None:
    """The value of the linear program, to the digits that HiGHS promises, although no gradient is small there."""
    model = REGRESSION["quantile"].scipy_objective(X, Y, level=level).minimize()
    assert model.success
    assert model.message == "no step leads down"
    other = linear_model.QuantileRegressor(quantile=level, alpha=0, solver="highs").fit(X, Y)
    best = REGRESSION["quantile"].numpy()(other.predict(X), Y, level=level)
    assert model.value == pytest.approx(float(best), rel=1e-9)


def test_a_start_on_a_heavy_kink() -> None:
    """The best constant of MAPE is one of the targets; the gradient there does not lead down."""
    model = REGRESSION["mape"].scipy_objective(X, Y).minimize()
    weights = 100 / np.abs(Y)
    other = linear_model.QuantileRegressor(alpha=0, solver="highs").fit(X, Y, sample_weight=weights)
    assert model.value == pytest.approx(float(np.mean(weights * np.abs(other.predict(X) - Y))), rel=1e-9)


def test_several_quantiles_at_once() -> None:
    levels = np.array([0.1, 0.5, 0.9])
    model = REGRESSION["multi_quantile"].scipy_objective(X, Y, levels).minimize()
    apart = [REGRESSION["quantile"].scipy_objective(X, Y, level=float(level)).minimize() for level in levels]
    assert model.value == pytest.approx(np.mean([each.value for each in apart]), rel=1e-9)
    np.testing.assert_allclose(model.coef["pred"], [each.coef["pred"] for each in apart], atol=1e-4)


def test_hinge() -> None:
    """Against the dual problem, solved by liblinear, whose intercept is penalised: without one the two agree."""
    from sklearn.svm import LinearSVC

    y = np.where(Y > 0, 1.0, -1.0)
    model = lossdsl.catalogue["margin"]["hinge"].scipy_objective(X, y, l2=0.02, intercept=False).minimize()
    dual = LinearSVC(loss="hinge", C=1 / (0.02 * 150), fit_intercept=False, tol=1e-10, max_iter=100000).fit(X, y)
    np.testing.assert_allclose(model.coef["score"], dual.coef_[0], rtol=1e-4)


def test_a_loss_that_falls_without_end() -> None:
    model = lossdsl.loss("loss l(p[n] | y[n]):\n    return mean[n](p - y)").scipy_objective(X, Y).minimize()
    assert not model.success
    assert "without end" in model.message


def test_too_few_steps_are_no_success() -> None:
    model = REGRESSION["quantile"].scipy_objective(X, Y).minimize(max_iter=3)
    assert not model.success
    assert "not below" in model.message
