"""Objectives without their libraries: what the emitted code computes, refuses and says."""

from __future__ import annotations

import ast
import inspect
import itertools
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossdsl
from lossdsl import boosting
from lossdsl.boosting.derivation import derive
from lossdsl.boosting.intervals import Intervals, of_arguments
from lossdsl.boosting.proofs import bounds
from lossdsl.boosting.rows import Roles, check_additive, roles
from lossdsl.meaning.core import Arg, Extent

EPS = float(np.finfo(float).eps)
N, K = 24, 4
REGRESSION = lossdsl.catalogue["regression"]
CLASSIFICATION = lossdsl.catalogue["classification"]
ALL = {f"{family}.{name}": loss for family, losses in lossdsl.catalogue.items() for name, loss in losses.items()}
SHARE = 1 if os.environ.get("LOSSDSL_CHECK_ALL") else 6
"""Which part of the catalogue is looked at: all of it where the environment asks for it."""


def about(objective: Any) -> str:
    return sys.modules[type(objective).__module__].__doc__ or ""


def policy(objective: Any) -> str:
    return about(objective).split("Hessian: ")[1].split(",")[0]


def trained(loss: lossdsl.Loss) -> Roles | None:
    """The roles of a loss that is a sum over rows of raw scores; None for others."""
    try:
        found = roles(loss.program)
        check_additive(loss.program)
    except lossdsl.LossError:
        return None
    return found


# ---------------------------------------------------------------- the whole catalogue


def draw(rng: np.random.Generator, arg: Arg, sizes: dict[str, int]) -> Any:
    """Numbers in the domain of an argument."""

    def length(extent: Extent) -> int:
        return sizes.get(extent.name, K) if extent.op == "size" else extent.value

    shape = tuple(length(extent) for extent in arg.axes)
    if not arg.domain:
        return rng.normal(size=shape)
    part = arg.domain[0]
    if part.kind == "set":
        return rng.choice([float(value) for value in part.values], size=shape)
    if part.kind == "axis":
        return rng.integers(0, sizes.get(part.axis, K), size=shape).astype(float)
    low = float(part.low) if not isinstance(part.low, str) else -np.inf if part.low == "-inf" else 0.0
    high = float(part.high) if not isinstance(part.high, str) else np.inf
    if part.kind == "nonzero" or (np.isinf(low) and np.isinf(high)):
        return rng.normal(size=shape)
    inside = rng.uniform(0.1, 0.9, size=shape)
    if np.isinf(high):
        return low + 3 * inside
    return high - 3 * inside if np.isinf(low) else low + (high - low) * inside


def inputs(loss: lossdsl.Loss, found: Roles) -> tuple[Any, Any, dict[str, Any], dict[str, Any]]:
    """Scores, a target, other data of rows, settings."""
    rng = np.random.default_rng(3)
    sizes = {found.scores[0].axes[0].name: N}
    settings = {a.name: draw(rng, a, sizes) for a in (*found.constants, *found.settings) if a.default is None}
    settings = {name: value if np.ndim(value) else float(value) for name, value in settings.items()}
    columns = [draw(rng, a, sizes) for a in found.scores]
    score = np.stack(columns, axis=1) if len(columns) > 1 else columns[0]
    target = np.zeros(N) if found.target is None else draw(rng, found.target, sizes)
    return score, target, {a.name: draw(rng, a, sizes) for a in found.row_data if a.default is None}, settings


UNFIT = {
    "classification.distribution_focal",  # the label is read at two positions of an axis that it does not bound
    "self_supervision.nwj", "self_supervision.deep_infomax", "generative.mine",  # square matrices of scores
    "ordinal.cumulative_logit", "ordinal.all_threshold", "ordinal.immediate_threshold", "ordinal.ordinal_hinge",
}  # fmt: skip
"""Losses whose inputs `draw` can not make: sizes that no argument here gives."""


@pytest.mark.parametrize("name", [name for k, name in enumerate(ALL) if k % SHARE == 0 and name not in UNFIT])
def test_the_catalogue(name: str) -> None:
    """Refused with a code; or the exact derivatives are those of the NumPy back end, for the sum over rows."""
    loss = ALL[name]
    found = trained(loss)
    if found is None:
        with pytest.raises(lossdsl.LossError) as caught:
            loss.objective("xgboost")
        assert {problem.code for problem in caught.value.problems} <= {"E0701", "E0702", "E0703"}
        return
    score, target, data, settings = inputs(loss, found)
    objective = loss.objective("xgboost", hessian="exact", floor=-np.inf, check=False, **settings)
    grad, hess = objective.derivatives(score, target, **data)
    assert grad.shape == hess.shape == score.shape
    f = loss.numpy()
    names = tuple(a.name for a in found.scores)
    given = dict(zip(names, score.T if len(names) > 1 else (score,), strict=True)) | data | settings
    if found.target is not None:
        given[found.target.name] = target
    sums = {} if loss.program.reduction is None else {"reduction": "sum"}
    ordered = [given.pop(a.name) for a in loss.program.args if a.role in ("prediction", "data") and a.name in given]
    _, gradients = f.value_and_grad(*ordered, wrt=names, **sums, **given)
    diagonals = f.hess_diag(*ordered, wrt=names, **sums, **given)
    wanted = [np.stack(part, axis=1) if len(names) > 1 else part[0] for part in (gradients, diagonals)]
    with np.errstate(all="ignore"):
        factor = N if sums == {} and not np.allclose(grad, wanted[0], equal_nan=True) else 1
        np.testing.assert_allclose(grad, wanted[0] * factor, rtol=1e-9, atol=1e-9 * N)
        np.testing.assert_allclose(hess, wanted[1] * factor, rtol=1e-9, atol=1e-9 * N)


@pytest.mark.parametrize("name", [name for k, name in enumerate(ALL) if k % SHARE == 1 % SHARE and name not in UNFIT])
def test_what_is_proved_of_the_hessian_holds(name: str) -> None:
    """Every interval that the policies rest on holds the numbers that the emitted code gives."""
    loss = ALL[name]
    found = trained(loss)
    if found is None:
        return
    score, target, data, settings = inputs(loss, found)
    derivation = derive(loss.program, found)
    names = [a.name for a in found.scores]
    given = dict(zip(names, score.T if len(names) > 1 else (score,), strict=True)) | data | settings
    if found.target is not None:
        given[found.target.name] = target
    if loss.program.reduction is None:
        return
    ordered = [given.pop(a.name) for a in loss.program.args if a.role in ("prediction", "data") and a.name in given]
    for k in (0.1, 1.0, 30.0):
        scaled = [k * x if j < len(names) else x for j, x in enumerate(ordered)]
        for prediction in names:
            values = loss.numpy().hess_diag(*scaled, wrt=prediction, reduction="sum", **given)
            proved = bounds(derivation, prediction)
            rounding = 1e-9 * (1 + np.nanmax(np.abs(values[np.isfinite(values)]), initial=0.0))
            seen = values[np.isfinite(values)]
            assert np.all(seen >= float(proved.low) - rounding), (prediction, proved)
            assert np.all(seen <= float(proved.high) + rounding), (prediction, proved)


# ---------------------------------------------------------------- policies

POLICIES = {
    "regression.mse": "exact",
    "regression.poisson_nll": "exact",
    "regression.tweedie": "exact",
    "regression.expectile": "exact",
    "classification.binary_cross_entropy": "exact",
    "classification.probit": "exact",
    "margin.exponential": "expected",
    "margin.logistic": "exact",
    "regression.quantile": "secant",
    "regression.mae": "secant",
    "regression.mape": "secant",
    "regression.huber": "secant",
    "regression.log_cosh": "secant",
    "regression.epsilon_insensitive": "secant",
    "robust.cauchy": "secant",
    "robust.tukey_biweight": "secant",
    "margin.hinge": "constant",
    "margin.squared_hinge": "expected",
    "margin.smoothed_hinge": "expected",
    "regression.squared_epsilon_insensitive": "upper_bound",
    "regression.berhu": "secant",
    "classification.binary_brier": "expected",
    "margin.savage": "expected",
    "margin.tangent": "abs",
    "margin.correntropy_margin": "abs",
    "classification.cross_entropy": "upper_bound",
    "classification.binary_focal": "abs",
}


@pytest.mark.parametrize("name", POLICIES)
def test_the_policy_that_is_chosen_and_said(name: str) -> None:
    objective = ALL[name].objective("xgboost")
    assert policy(objective) == POLICIES[name]
    assert any(
        word in about(objective) for word in ("it is proved", "the exact one", "tied together", "a positive constant")
    )
    score, target, data, settings = inputs(ALL[name], roles(ALL[name].program))
    _, hess = objective.derivatives(score, target, **data, **settings)
    assert np.all(hess > 0)


def derivatives(text: str, hessian: str, score: Any, target: Any, **options: Any) -> tuple[Any, Any]:
    return (
        lossdsl.loss(text)
        .objective("xgboost", **{"hessian": hessian, "floor": 0.0, **options})
        .derivatives(score, target)
    )


LOGISTIC = (
    "loss f(s[n] | y[n] in [0, 1]):\n    predict p = sigmoid(s)\n    return mean[n](-y*log(p) - (1 - y)*log(1 - p))\n"
)
CLOGLOG = "loss f(s[n] | y[n] in [0, 1]):\n    predict p = 1 - exp(-exp(s))\n    return mean[n](-y*log(p) - (1 - y)*log(1 - p))\n"
GAMMA = "loss f(s[n] | y[n] > 0):\n    predict mu = exp(s)\n    return mean[n](s + y*exp(-s))\n"
SQUARED_LINK = "loss f(s[n] | y[n]):\n    predict mu = exp(s)\n    return mean[n]((mu - y)^2/2)\n"
S = np.array([-40.0, -2.0, 0.0, 0.5, 3.0, 40.0])
Y = np.array([0.0, 1.0, 0.5, 0.0, 1.0, 1.0])


def sigmoid(x: Any) -> Any:
    return np.exp(-np.logaddexp(0, -x))


def test_exact_keeps_its_digits_where_the_probability_is_1() -> None:
    _, hess = derivatives(LOGISTIC, "exact", S, Y)
    np.testing.assert_allclose(hess, sigmoid(S) * sigmoid(-S), rtol=8 * EPS)


def test_a_logistic_loss_takes_one_exponential() -> None:
    """For the gradient of both labels and the Hessian, each to its last digits."""
    text = CLASSIFICATION["binary_cross_entropy"].source("xgboost")
    body = text[text.index("def _derivatives(") : text.index("def _constant(")]
    assert body.count("np.exp(") == 1
    assert "_sigmoid(" not in body
    x = np.array([-700.0, -40.0, -1.0, -0.0, 0.0, 1e-300, 2.0, 40.0, 700.0])
    objective = CLASSIFICATION["binary_cross_entropy"].objective("xgboost", floor=0.0)
    for label in (0.0, 1.0):
        grad, hess = objective.derivatives(x, np.full(9, label))
        np.testing.assert_allclose(grad, -sigmoid(-x) if label else sigmoid(x), rtol=1e-12)
        np.testing.assert_allclose(hess, sigmoid(x) * sigmoid(-x), rtol=1e-12)


def test_float32_margins_are_computed_in_double_precision() -> None:
    """1 - sigmoid(20) is 0 in single precision, and with it the Hessian and the gradient."""
    grad, hess = derivatives(LOGISTIC, "exact", np.float32([20.0, 20.0]), np.float32([1.0, 0.0]))
    assert hess == pytest.approx([np.exp(-20.0)] * 2, rel=1e-8)
    assert grad[0] == pytest.approx(-np.exp(-20.0), rel=1e-8)


def test_constant_abs_and_scale() -> None:
    np.testing.assert_array_equal(derivatives(LOGISTIC, "constant", S, Y)[1], np.ones(6))
    np.testing.assert_array_equal(derivatives(LOGISTIC, "constant", S, Y, hessian_scale=2.5)[1], np.full(6, 2.5))
    bent = "loss f(s[n] | y[n]):\n    return mean[n](cos(s - y))\n"
    size = np.abs(np.cos(S - Y))
    np.testing.assert_allclose(derivatives(bent, "abs", S, Y)[1], np.maximum(size, size.mean() / 10), rtol=1e-12)
    half = np.array([-5.0, 5.0, 5.0])
    relu = "loss f(s[n] | y[n]):\n    return mean[n](max(s - y, 0)^2)\n"
    np.testing.assert_allclose(derivatives(relu, "abs", half, np.zeros(3))[1], [2 / 15, 2.0, 2.0])


def test_expected() -> None:
    np.testing.assert_allclose(derivatives(GAMMA, "expected", S, Y + 1)[1], np.ones(6), rtol=1e-12)
    np.testing.assert_allclose(derivatives(GAMMA, "exact", S, Y + 1)[1], (Y + 1) * np.exp(-S), rtol=1e-12)
    tweedie = REGRESSION["tweedie"].objective("xgboost", hessian="expected", power=1.3, floor=0.0)
    np.testing.assert_allclose(tweedie.derivatives(S, Y)[1], np.exp(0.7 * S), rtol=1e-12)
    np.testing.assert_allclose(derivatives(SQUARED_LINK, "expected", S, Y)[1], np.exp(2 * S), rtol=1e-12)


def test_gauss_newton_leaves_out_the_curvature_of_the_link() -> None:
    np.testing.assert_allclose(derivatives(SQUARED_LINK, "gauss_newton", S, Y)[1], np.exp(2 * S), rtol=1e-12)
    brier = CLASSIFICATION["binary_brier"].objective("xgboost", hessian="gauss_newton", floor=0.0)
    np.testing.assert_allclose(brier.derivatives(S, Y)[1], 2 * (sigmoid(S) * sigmoid(-S)) ** 2, rtol=1e-12)
    p = sigmoid(S[1:5])
    wanted = (Y[1:5] / p**2 + (1 - Y[1:5]) / (1 - p) ** 2) * (p * (1 - p)) ** 2
    np.testing.assert_allclose(derivatives(LOGISTIC, "gauss_newton", S[1:5], Y[1:5])[1], wanted, rtol=1e-12)
    assert np.all(np.isfinite(derivatives(CLOGLOG, "gauss_newton", S[1:5], Y[1:5])[1]))


def test_secant_touches_the_loss_at_the_score_from_above() -> None:
    """The parabola with that second derivative lies above the loss wherever psi(r)/r falls with |r|."""
    for name in ("huber", "log_cosh", "pseudo_huber"):
        objective = REGRESSION[name].objective("xgboost")
        assert policy(objective) == "secant"
        target = np.zeros(6)
        score = np.array([-30.0, -2.0, -0.3, 0.0, 1.5, 9.0])
        grad, hess = objective.derivatives(score, target)
        value = REGRESSION[name].numpy()
        at = value(score, target, reduction="none")
        for step in np.linspace(-40, 40, 81):
            above = at + grad * step + hess * step**2 / 2
            assert np.all(value(score + step, target, reduction="none") <= above + 1e-9 * (1 + above))
        np.testing.assert_allclose(-grad[score != 0] / hess[score != 0], -score[score != 0], rtol=1e-12)


def test_secant_knows_corners_by_the_neighbourhood_of_the_target() -> None:
    """Linear near the target and quadratic far out: at the target itself the ratio is bounded, and training moves."""
    for name in ("berhu", "wing", "quantile", "lp_error"):
        score = np.array([0.0, 1e-12, -1.0, 2.0])
        _, hess = REGRESSION[name].objective("xgboost").derivatives(score, np.zeros(4))
        assert hess.max() < 100 * hess[2], name


def test_secant_at_a_corner_is_bounded_in_units_of_the_residuals() -> None:
    score, target = np.array([0.0, 1e-9, -1.0, 3.0]), np.zeros(4)
    for scale in (1.0, 1e6):
        grad, hess = REGRESSION["mae"].objective("xgboost").derivatives(scale * score, target)
        np.testing.assert_array_equal(grad, [0.0, 1.0, -1.0, 1.0])
        np.testing.assert_allclose(hess[1:] * scale, [10.0, 1.0, 1 / 3], rtol=1e-6)
    _, hess = REGRESSION["mae"].objective("xgboost").derivatives(target, target)
    assert np.all(np.isfinite(hess)), "every residual 0"


def test_upper_bound_of_one_score() -> None:
    np.testing.assert_array_equal(derivatives(LOGISTIC, "upper_bound", S, Y)[1], np.full(6, 0.25))
    expectile = REGRESSION["expectile"].objective("xgboost", hessian="upper_bound", level=0.8)
    np.testing.assert_allclose(expectile.derivatives(S, Y)[1], np.full(6, 1.6))
    huber = REGRESSION["huber"].objective("xgboost", hessian="upper_bound", delta=3.0)
    np.testing.assert_array_equal(huber.derivatives(S, Y)[1], np.ones(6))


@pytest.mark.parametrize("name", ["cross_entropy", "brier", "squentropy", "label_smoothing"])
def test_upper_bound_of_several_scores_is_nowhere_below_the_hessian(name: str) -> None:
    loss = CLASSIFICATION[name]
    objective = loss.objective("xgboost", hessian="upper_bound")
    found = roles(loss.program)
    score, target, _, _ = inputs(loss, found)
    _, hess = objective.derivatives(2 * score, target)
    _, blocks = loss.objective("catboost", hessian="full", floor=-np.inf).derivatives(2 * score, target)
    for row in range(N):
        assert np.linalg.eigvalsh(np.diag(hess[row]) - blocks[row]).min() > -1e-12
    if name == "cross_entropy":
        p = objective.predict_transform(2 * score)
        np.testing.assert_allclose(hess, 2 * p * (1 - p), rtol=1e-9, atol=1e-16)
        np.testing.assert_allclose(blocks, p[:, :, None] * np.eye(K) - p[:, :, None] * p[:, None, :], atol=1e-15)


@pytest.mark.parametrize("name", ["cross_entropy", "brier", "label_smoothing"])
def test_full_is_the_jacobian_of_the_gradient(name: str) -> None:
    objective = CLASSIFICATION[name].objective("catboost", hessian="full", floor=-np.inf)
    score, target, _, _ = inputs(CLASSIFICATION[name], roles(CLASSIFICATION[name].program))
    _, blocks = objective.derivatives(score, target)
    for k in range(K):
        step = np.zeros(K)
        step[k] = 1e-6
        up, down = (objective.derivatives(score + s * step, target)[0] for s in (1, -1))
        np.testing.assert_allclose(blocks[:, :, k], (up - down) / 2e-6, atol=1e-8)


# ---------------------------------------------------------------- weights, floors, checks


def test_weights_multiply_after_the_floor() -> None:
    """A row of weight 0 takes no part, not even with the floor; the floor is that of weight 1."""
    objective = CLASSIFICATION["binary_cross_entropy"].objective("xgboost", floor=0.01)
    weight = np.array([0.0, 1.0, 5.0, 2.0, 1.0, 3.0])
    plain, weighted = (objective.derivatives(S, Y, w) for w in (None, weight))
    np.testing.assert_array_equal(weighted[0], plain[0] * weight)
    np.testing.assert_array_equal(weighted[1], plain[1] * weight)
    assert weighted[1][0] == 0
    assert weighted[1][5] == 0.03


def test_derivatives_are_not_divided_by_the_number_of_rows() -> None:
    """Libraries compare the sum of the Hessian in a leaf with limits that are meant for sums."""
    objective = REGRESSION["mse"].objective("xgboost")
    for rows in (1, 1000):
        grad, hess = objective.derivatives(np.ones(rows), np.zeros(rows))
        assert grad.tolist() == hess.tolist() == [2.0] * rows
    mixture = lossdsl.loss("loss f(s[n] | y[n]):\n    return mean[n]((s - y)^2) + 2*mean[n](logcosh(s - y))\n")
    grad, _ = mixture.objective("xgboost").derivatives(np.ones(7), np.zeros(7))
    np.testing.assert_allclose(grad, np.full(7, 2 + 2 * np.tanh(1.0)), rtol=1e-12)


def test_what_is_not_finite_is_an_error_that_names_the_row() -> None:
    objective = REGRESSION["mse"].objective("xgboost")
    with pytest.raises(FloatingPointError, match="the gradient is nan in row 2"):
        objective.derivatives([0.0, 1.0, np.nan], np.zeros(3))
    objective = REGRESSION["poisson_nll"].objective("xgboost")
    with pytest.raises(FloatingPointError, match="the gradient is inf in row 1"):
        objective.derivatives([0.0, 1000.0], np.zeros(2))
    unchecked = REGRESSION["poisson_nll"].objective("xgboost", check=False)
    assert unchecked.derivatives([0.0, 1000.0], np.zeros(2))[0][1] == np.inf


BLOCKED = ("classification.cross_entropy", "regression.tweedie", "margin.squared_hinge")


@pytest.mark.parametrize("name", BLOCKED)
def test_blocks_of_rows_give_what_all_rows_give(name: str) -> None:
    """More rows than a block has: the same numbers, and errors that name the position among all rows."""
    loss = ALL[name]
    objective = loss.objective("xgboost")
    score, target, _, _ = inputs(loss, roles(loss.program))
    times = 70_000 // N + 1
    many, labels = np.concatenate([score] * times), np.concatenate([target] * times)
    small, large = objective.derivatives(score, target), objective.derivatives(many, labels)
    for few, all_ in zip(small, large, strict=True):
        np.testing.assert_array_equal(all_, np.concatenate([few] * times))
    labels[69_999] = -7.0
    with pytest.raises(ValueError, match=r"got -7(\.0)? at position \[69999\]"):
        objective.derivatives(many, labels)
    with pytest.raises(ValueError, match=r"has size \d+ in \w+ but \d+ in|have shape"):
        objective.derivatives(many, labels[:-1])


def test_what_depends_on_all_rows_is_not_cut_into_blocks() -> None:
    """At least a tenth of the mean of all rows, though the first block has larger residuals than the others."""
    score = np.concatenate([np.full(66_000, 1.0), np.full(66_000, 0.01)])
    _, hess = REGRESSION["mae"].objective("xgboost").derivatives(score, np.zeros(132_000))
    np.testing.assert_allclose(hess[[0, -1]], [1.0, 1 / (0.1 * 0.505)], rtol=1e-9)


def test_scores_of_a_row_lie_in_columns() -> None:
    """LightGBM reads gradients column by column; rows first would cost it another copy."""
    grad, hess = (
        CLASSIFICATION["cross_entropy"].objective("lightgbm").derivatives(np.zeros((70_000, 3)), np.zeros(70_000))
    )
    assert grad.flags.f_contiguous
    assert hess.flags.f_contiguous


def test_labels_outside_of_their_domain_are_an_error() -> None:
    """0 and 1 for a loss that wants -1 and 1: the mistake that trains a worse model and says nothing."""
    objective = lossdsl.catalogue["margin"]["hinge"].objective("xgboost")
    with pytest.raises(ValueError, match=r"y must be in \{-1, 1\}, got 0.0 at position \[1\]"):
        objective.derivatives(np.zeros(2), np.array([1.0, 0.0]))
    with pytest.raises(ValueError, match=r"target must be >= 0, got -1\.0"):
        REGRESSION["poisson_nll"].objective("lightgbm").init_score(np.array([1.0, -1.0]))
    with pytest.raises(ValueError, match="weight must have shape"):
        objective.derivatives(np.zeros(2), np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="weight must not be negative"):
        objective.derivatives(np.zeros(2), np.ones(2), -np.ones(2))


def test_rows_that_a_mask_leaves_out() -> None:
    loss = lossdsl.loss("loss f(s[n] | y[n]):\n    return mean[n where y[n] >= 0]((s - y)^2)\n")
    y = np.array([1.0, -5.0, 2.0])
    for hessian in (None, "constant"):
        objective = loss.objective("xgboost", hessian=hessian, floor=0.0)
        grad, hess = objective.derivatives(np.zeros(3), y)
        np.testing.assert_array_equal(grad, [-2.0, 0.0, -4.0])
        assert hess[1] == 0 < hess[0]
    assert objective.loss(np.zeros(3), y) == 2.5
    assert objective.loss(np.zeros(3), y, np.array([3.0, 100.0, 1.0])) == (3 * 1 + 4) / 4
    assert objective.init_score(y) == pytest.approx(1.5)


def test_the_metric_is_the_weighted_mean_or_sum() -> None:
    mean = lossdsl.loss("loss f(s[n] | y[n]):\n    return mean[n]((s - y)^2)\n").objective("xgboost")
    total = lossdsl.loss("loss f(s[n] | y[n]):\n    return sum[n]((s - y)^2)\n").objective("xgboost")
    weight = np.array([1.0, 3.0])
    assert mean.loss([1.0, 2.0], [0.0, 0.0], weight) == 13 / 4
    assert total.loss([1.0, 2.0], [0.0, 0.0], weight) == 13
    composite = lossdsl.loss("loss f(s[n] | y[n]):\n    return mean[n]((s - y)^2) + mean[n](|s - y|)/2\n")
    assert composite.objective("xgboost").loss([1.0, 2.0], [0.0, 0.0], weight) == pytest.approx((1.5 + 3 * 5) / 4)


# ---------------------------------------------------------------- the first score


def slope_at(objective: Any, constant: Any, target: Any, weight: Any) -> Any:
    grad, _ = objective.derivatives(objective.first_scores(constant, len(target)), target, weight)
    return np.abs(grad.sum(axis=0)) / np.abs(grad).sum(axis=0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("name", "closed"),
    [
        ("regression.mse", "from the mean of the target"),
        ("classification.binary_cross_entropy", "from the mean of the target"),
        ("regression.poisson_nll", "from the mean of the target"),
        ("regression.tweedie", "from the mean of the target"),
        ("regression.huber", "Newton"),
        ("regression.expectile", "Newton"),
        ("margin.logistic", "from the mean of the target"),
        ("margin.exponential", "from the mean of the target"),
        ("margin.savage", "Newton"),
        ("classification.probit", "Newton"),
        ("classification.cross_entropy", "scaled descent"),
        ("classification.label_smoothing", "scaled descent"),
    ],
)
def test_the_first_score_is_where_the_weighted_slope_vanishes(name: str, closed: str, weighted: bool) -> None:
    loss = ALL[name]
    objective = loss.objective("xgboost")
    assert closed in about(objective)
    rng = np.random.default_rng(1)
    target = draw(rng, roles(loss.program).target, {"..": 500, "n": 500})  # type: ignore[arg-type]
    weight = rng.uniform(0.1, 3, size=500) if weighted else None
    start = objective.init_score(target, weight)
    assert np.all(slope_at(objective, start, target, weight) < 1e-7)


def test_closed_forms() -> None:
    y, w = np.array([0.0, 1.0, 5.0, 2.0]), np.array([1.0, 2.0, 1.0, 4.0])
    mean = np.average(y, weights=w)
    assert REGRESSION["mse"].objective("xgboost").init_score(y, w) == pytest.approx(mean, rel=1e-15)
    assert REGRESSION["poisson_nll"].objective("xgboost").init_score(y, w) == pytest.approx(np.log(mean), rel=1e-14)
    rate = np.average(y > 0, weights=w)
    logistic = CLASSIFICATION["binary_cross_entropy"].objective("xgboost")
    assert logistic.init_score((y > 0).astype(float), w) == pytest.approx(np.log(rate / (1 - rate)), rel=1e-14)
    log_normal = lossdsl.loss("loss f(s[n] | y[n] > 0):\n    return mean[n]((s - log(y))^2)\n").objective("xgboost")
    assert "from the mean of log(target)" in about(log_normal)
    assert log_normal.init_score(y + 1, w) == pytest.approx(np.average(np.log(y + 1), weights=w), rel=1e-14)
    one_level = REGRESSION["mae"].objective("lightgbm")
    assert one_level.init_score(np.array([3.0, 1.0, 2.0])) == 2.0
    assert one_level.init_score(np.array([3.0, 1.0, 2.0, 10.0])) == 2.5, "the middle of all minimisers"
    assert one_level.init_score(np.array([3.0, 1.0, 2.0]), np.array([5.0, 1.0, 1.0])) == 3.0


@pytest.mark.parametrize("level", [0.05, 0.5, 0.9])
def test_weighted_quantiles_minimise_the_weighted_loss(level: float) -> None:
    rng = np.random.default_rng(0)
    for rows in (1, 2, 3, 10, 40):
        y = rng.integers(0, 8, size=rows).astype(float)
        w = rng.integers(0, 4, size=rows).astype(float) + (np.arange(rows) == 0)
        objective = REGRESSION["quantile"].objective("xgboost", level=level)
        start = objective.init_score(y, w)
        best = min(objective.loss(np.full(rows, c), y, w) for c in y)
        assert objective.loss(np.full(rows, start), y, w) <= best + 1e-12


def test_a_single_class_has_a_finite_first_score() -> None:
    for name in ("classification.binary_cross_entropy", "classification.probit", "regression.poisson_nll"):
        start = ALL[name].objective("xgboost").init_score(np.zeros(50))
        assert -100 < start < -3, name
    start = CLASSIFICATION["cross_entropy"].objective("xgboost").init_score(np.zeros(50), None, columns=3)
    assert start.shape == (3,)
    assert start[0] > start[1] + 5
    assert np.all(np.isfinite(start))


def test_the_first_score_of_each_column() -> None:
    target = np.array([[1.0, 10.0], [3.0, 30.0], [8.0, 20.0]])
    np.testing.assert_allclose(REGRESSION["mse"].objective("xgboost").init_score(target), [4.0, 20.0])
    np.testing.assert_allclose(REGRESSION["mae"].objective("xgboost").init_score(target), [3.0, 20.0])
    each = lossdsl.loss("loss f(s[n, k] | y[n, k]):\n    return mean[n](sum[k](|s[n, k] - y[n, k]|))\n")
    np.testing.assert_allclose(each.objective("xgboost").init_score(target), [3.0, 20.0])
    each = lossdsl.loss("loss f(s[n, k] | y[n, k] > 0):\n    return mean[n](sum[k](exp(s[n, k]) - y[n, k]*s[n, k]))\n")
    np.testing.assert_allclose(each.objective("xgboost").init_score(target), np.log([4.0, 20.0]))
    soft = np.array([[0.2, 0.8], [0.6, 0.4]])
    start = CLASSIFICATION["soft_cross_entropy"].objective("xgboost").init_score(soft)
    np.testing.assert_allclose(np.exp(start) / np.exp(start).sum(), [0.4, 0.6], atol=1e-7)
    with pytest.raises(ValueError, match="pass columns="):
        ALL["ordinal.coral"].objective("xgboost").init_score(np.array([0.0, 1.0]))


# ---------------------------------------------------------------- rows that are coupled, and groups

SURVIVAL = lossdsl.catalogue["survival"]
RANKING = lossdsl.catalogue["ranking"]


def test_coupled_rows_have_the_gradient_and_the_diagonal_of_the_whole() -> None:
    rng = np.random.default_rng(2)
    risk, time, event = rng.normal(size=N), rng.exponential(size=N), (rng.uniform(size=N) < 0.6).astype(float)
    loss = SURVIVAL["cox_breslow"]
    objective = loss.objective("xgboost", coupled=True, hessian="exact", floor=0.0)
    grad, hess = objective.derivatives(risk, time, event=event)
    _, wanted = loss.numpy().value_and_grad(risk, time, event, reduction="sum")
    np.testing.assert_allclose(grad, wanted, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(hess, loss.numpy().hess_diag(risk, time, event, reduction="sum"), rtol=1e-9, atol=1e-12)
    assert objective.loss(risk, time, event=event) == pytest.approx(loss.numpy()(risk, time, event))
    assert objective.init_score(time, event=event) == 0.0, "adding a number to all risks changes nothing"


def test_groups_are_computed_apart() -> None:
    rng = np.random.default_rng(4)
    bounds_ = np.array([0, 3, 10, N])
    score, rel = rng.normal(size=N), rng.integers(0, 4, size=N).astype(float)
    loss = RANKING["listnet"]
    objective = loss.objective("lightgbm", coupled=True, floor=0.0)
    grad, _ = objective.derivatives(score, rel, None, bounds_)
    value = 0.0
    for start, end in itertools.pairwise(bounds_):
        part, wanted = loss.numpy().value_and_grad(score[None, start:end], rel[None, start:end], reduction="sum")
        np.testing.assert_allclose(grad[start:end], wanted[0], rtol=1e-12, atol=1e-15)
        value += float(part) / 3
    assert objective.loss(score, rel, None, bounds_) == pytest.approx(value)
    doubled, _ = objective.derivatives(score, rel, np.array([1.0, 2.0, 1.0]), bounds_)
    np.testing.assert_array_equal(doubled, grad * np.repeat([1.0, 2.0, 1.0], [3, 7, N - 10]))
    with pytest.raises(ValueError, match="couples rows 0 to 2, so they can not have different weights"):
        objective.derivatives(score, rel, np.arange(N) + 1.0, bounds_)
    with pytest.raises(ValueError, match="the groups have 10 rows, but there are 24"):
        objective.derivatives(score, rel, None, bounds_[:3])


# ---------------------------------------------------------------- the text

LIBRARY = pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
API = pytest.mark.parametrize("api", ["native", "sklearn"])


@LIBRARY
@API
def test_the_signatures_that_the_libraries_look_at(library: str, api: str) -> None:
    objective = REGRESSION["huber"].objective(library, api=api)
    if library == "catboost":
        assert list(inspect.signature(objective.calc_ders_range).parameters) == ["approxes", "targets", "weights"]
        grad, hess = objective.derivatives(np.array([3.0]), np.array([1.0]))
        np.testing.assert_array_equal(objective.calc_ders_range([3.0], [1.0], None), [[-grad[0], -hess[0]]])
        assert not objective.metric.is_max_optimal()
        return
    names = list(inspect.signature(objective).parameters)
    wanted = {
        ("xgboost", "native"): ["predt", "dtrain"],
        ("xgboost", "sklearn"): ["y_true", "y_pred", "sample_weight"],
        ("lightgbm", "native"): ["preds", "train_data"],
        ("lightgbm", "sklearn"): ["y_true", "y_pred", "weight"],
    }[library, api]
    assert names == wanted
    if api == "sklearn" and library == "lightgbm":
        ranking = RANKING["listnet"].objective(library, api=api, coupled=True)
        assert list(inspect.signature(ranking).parameters) == ["y_true", "y_pred", "weight", "group"]
        assert objective.metric(np.ones(2), np.zeros(2), None) == ("huber", 0.5, False)
    if api == "sklearn" and library == "xgboost":
        assert objective.metric.__name__ == "huber"
        assert objective.metric(np.ones(2), np.zeros(2)) == 0.5


def test_catboost_gets_blocks_of_minus_the_derivatives() -> None:
    objective = CLASSIFICATION["cross_entropy"].objective("catboost")
    assert policy(objective) == "full"
    first, second = objective.calc_ders_multi([0.0, 1.0, 2.0], 1.0, 2.0)
    p = np.exp([0.0, 1.0, 2.0]) / np.exp([0.0, 1.0, 2.0]).sum()
    np.testing.assert_allclose(first, -2 * (p - [0, 1, 0]), rtol=1e-12)
    np.testing.assert_allclose(second, -2 * (np.diag(p) - np.outer(p, p)), rtol=1e-12)
    diagonal = CLASSIFICATION["cross_entropy"].objective("catboost", hessian="exact")
    np.testing.assert_allclose(
        diagonal.calc_ders_multi([0.0, 1.0, 2.0], 1.0, 1.0)[1], -np.diag(p * (1 - p)), atol=1e-15
    )


TEXTS = ("regression.quantile", "classification.cross_entropy", "regression.tweedie", "margin.squared_hinge")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with objectives for each library and interface."""
    folder = tmp_path_factory.mktemp("written")
    for name in TEXTS:
        for library in boosting.NAMES:
            for api in ("native", "sklearn"):
                path = folder / f"{name.partition('.')[2]}_{library}_{api}.py"
                path.write_text(ALL[name].source(library, api=api), encoding="utf-8")
    (folder / "columns").mkdir()
    columns = ALL["classification.soft_cross_entropy"].source("catboost")
    (folder / "columns" / "soft_catboost.py").write_text(columns, encoding="utf-8")
    (folder / "cox_xgboost_native.py").write_text(
        SURVIVAL["cox_breslow"].source("xgboost", coupled=True), encoding="utf-8"
    )
    (folder / "listnet_lightgbm_sklearn.py").write_text(
        RANKING["listnet"].source("lightgbm", api="sklearn", coupled=True), encoding="utf-8"
    )
    return folder


def test_the_text_is_clean(written: Path) -> None:
    lint = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "E,F,W,B,I",
        "--ignore",
        "E501",
        str(written),
    ]
    done = subprocess.run(lint, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_the_text_has_strict_types(written: Path) -> None:
    checked = sorted(str(path) for path in (*written.glob("[clqs]*_native.py"), *written.glob("columns/*.py")))
    typed = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-error-summary",
        "--cache-dir",
        str(written / ".mypy"),
        *checked,
    ]
    done = subprocess.run(typed, cwd=written, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout


def test_the_text_is_the_same_every_time_and_needs_only_numpy(written: Path) -> None:
    for name in TEXTS:
        path = written / f"{name.partition('.')[2]}_xgboost_native.py"
        text = path.read_text(encoding="utf-8")
        assert text == pickle.loads(pickle.dumps(ALL[name])).source("xgboost")
        tree = ast.parse(text)
        imported = {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
                    for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)}  # fmt: skip
        assert imported <= {"__future__", "collections.abc", "typing", "numpy", "importlib.metadata"}


def test_standalone_objectives_can_be_pickled(written: Path) -> None:
    code = (
        "import glob, importlib, pickle, sys, numpy as np\n"
        "for path in sorted(glob.glob('*.py')):\n"
        "    module = importlib.import_module(path[:-3])\n"
        "    (name,) = [n for n in vars(module) if n.endswith('Objective')]\n"
        "    again = pickle.loads(pickle.dumps(getattr(module, name)()))\n"
        "    if 'cox' not in path and 'listnet' not in path and 'hinge' not in path:\n"
        "        again.init_score(np.array([0.0, 1.0, 1.0, 0.0]))\n"
        "assert not {'lossdsl', 'xgboost', 'lightgbm', 'catboost'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=written, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_objectives_can_be_pickled_with_their_settings() -> None:
    objective = REGRESSION["huber"].objective("xgboost", delta=2.0, hessian_scale=3.0)
    again = pickle.loads(pickle.dumps(objective))
    assert again.settings == {"delta": 2.0}
    for got, wanted in zip(again.derivatives(S, Y), objective.derivatives(S, Y), strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_an_old_version_of_the_library_is_explained(tmp_path: Path) -> None:
    """Looked up at import, without importing the library."""
    (tmp_path / "objective.py").write_text(CLASSIFICATION["cross_entropy"].source("xgboost"), encoding="utf-8")
    old = tmp_path / "xgboost-3.0.2.dist-info"
    old.mkdir()
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: xgboost\nVersion: 3.0.2\n")
    done = subprocess.run(
        [sys.executable, "-c", "import objective"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert "ImportError: xgboost 3.0.2 is too old for this objective, it needs 3.1: before, the scores" in done.stderr


def test_names_of_the_loss_that_are_names_of_the_class() -> None:
    """Data are called by their names; hyperparameters that are options of the class get an underscore."""
    text = (
        "loss metric(score[n] | target[n], weight[n] >= 0 = 1; data = 2, check = 1, hessian_scale = 1):\n"
        "    return mean[n](weight*data*check*hessian_scale*(score - target)^2)\n"
    )
    objective = lossdsl.loss(text).objective("xgboost", api="sklearn", data=3.0, check_=2.0, hessian_scale=0.5)
    grad, hess = objective(np.zeros(2), np.ones(2), None)
    np.testing.assert_array_equal(grad, [12.0, 12.0])
    np.testing.assert_array_equal(hess, [6.0, 6.0])
    assert objective.metric(np.zeros(2), np.ones(2)) == 6.0
    grad, _ = objective.derivatives(np.zeros(2), np.ones(2), np.array([1.0, 2.0]), weight=np.array([3.0, 1.0]))
    np.testing.assert_array_equal(grad, [-36.0, -24.0])


def test_constants_of_the_loss_are_arguments_of_the_class() -> None:
    objective = CLASSIFICATION["balanced_softmax"].objective("xgboost", counts=[10.0, 1.0, 1.0])
    grad, _ = objective.derivatives(np.zeros((1, 3)), np.array([1.0]))
    np.testing.assert_allclose(grad, [[10 / 12, 1 / 12 - 1, 1 / 12]], rtol=1e-12)
    with pytest.raises(TypeError, match="counts"):
        CLASSIFICATION["balanced_softmax"].objective("xgboost")


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from lossdsl import cli

    file = tmp_path / "two.loss"
    file.write_text(LOGISTIC + "\n" + GAMMA.replace("loss f", "loss g"))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lossdsl", "compile", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    status, out, _ = run(str(file), "--backend", "lightgbm", "--api", "sklearn", "--hessian", "abs")
    assert status == 0
    assert {"FObjective", "GObjective"} <= {n.name for n in ast.parse(out).body if isinstance(n, ast.ClassDef)}
    assert run(str(file), "-b", "catboost", "-o", f"{tmp_path}/")[0] == 0
    assert "calc_ders_range" in (tmp_path / "two_catboost.py").read_text()
    assert run(str(file), "--coupled")[0] == 2
    assert "hessian must be among" in run(str(file), "-b", "xgboost", "--hessian", "newton")[2]
    status, _, err = run(str(Path(__file__).parent / "bad/boosting/couples_rows_by_a_root.loss"), "-b", "xgboost")
    assert status == 2
    assert "E0701" in err


def test_importing_and_compiling_imports_no_boosting_library() -> None:
    code = (
        "import sys, lossdsl\n"
        "assert 'lossdsl.boosting' not in sys.modules\n"
        "lossdsl.catalogue['regression']['huber'].objective('xgboost')\n"
        "assert not {'xgboost', 'lightgbm', 'catboost', 'torch', 'sklearn'} & set(sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


def test_intervals_know_signs() -> None:
    """Near misses too: what is not true must not be proved."""
    for name, positive in {
        "regression.poisson_nll": True, "regression.tweedie": True, "margin.logistic": True,
        "classification.binary_cross_entropy": True, "regression.huber": False, "margin.squared_hinge": False,
        "robust.cauchy": False, "classification.binary_focal": False, "classification.binary_brier": False,
    }.items():  # fmt: skip
        loss = ALL[name]
        derivation = derive(loss.program, roles(loss.program))
        assert bounds(derivation, derivation.only).positive == positive, name
    loss = lossdsl.loss(
        "loss f(s[n] | y[n] >= 0; p in (1, 2) = 1.5):\n    return mean[n](exp((2 - p)*s)*y - (p - 1)*s)\n"
    )
    derivation = derive(loss.program, roles(loss.program))
    around = Intervals(derivation.table, of_arguments(loss.program)).of(derivation.diagonal["s"].node)
    assert (around.low, around.positive) == (0, False), "y may be 0"
