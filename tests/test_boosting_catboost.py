"""CatBoost with several scores a row, several targets, and data beside the label: one column of the label for each."""

from __future__ import annotations

import copy
import pickle
import sys
from typing import Any

import catboost
import numpy as np
import pytest

import lossdsl

pytestmark = pytest.mark.filterwarnings("ignore:Failed to import numba")

N = 300
RNG = np.random.default_rng(11)
X = RNG.normal(size=(N, 4))
REAL = X[:, 0] + 0.5 * X[:, 1] ** 2 + 0.3 * RNG.normal(size=N)
BOTH = np.stack([REAL, 3 * X[:, 2] + 10 + RNG.normal(size=N)], axis=1)
WEIGHT = RNG.uniform(0.2, 3.0, N)
EPS = float(np.finfo(np.float32).eps)
TRAINING = {
    "iterations": 15, "depth": 3, "learning_rate": 0.3, "verbose": False, "thread_count": 1, "bootstrap_type": "No",
    "random_strength": 0, "l2_leaf_reg": 3, "leaf_estimation_method": "Newton", "leaf_estimation_iterations": 1,
    "allow_writing_files": False,
}  # fmt: skip

SQUARED = lossdsl.loss(
    "loss squared(score[n, k] | y[n, k]):\n    return mean[n](sum[k]((score[n, k] - y[n, k])^2)/2)\n"
)
NORMAL = lossdsl.loss(
    "loss normal(mu[n], log_sigma[n] | y[n]):\n"
    "    predict mean_ = mu\n"
    "    predict sigma = exp(log_sigma)\n"
    "    return mean[n](log_sigma + ((y - mu)*exp(-log_sigma))^2/2)\n"
)
CENSORED = lossdsl.loss(
    "loss censored(score[n] | time[n], event[n] in {0, 1}):\n"
    "    r = score - time\n"
    "    return mean[n](r^2 if event == 1 or r < 0 else 0)\n"
)


def trained(objective: Any, labels: Any, settings: dict[str, Any], weight: Any = None) -> Any:
    """The model."""
    model = catboost.CatBoost({**settings, **TRAINING})
    model.fit(catboost.Pool(X, labels, weight=weight))
    return model


def raw(model: Any) -> Any:
    return model.predict(X, prediction_type="RawFormulaVal")


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["unweighted", "weighted"])
def test_several_targets_are_the_built_in_ones(weight: Any) -> None:
    """The same scores as MultiRMSE, which starts at the weighted means of the targets; and the metric is the loss."""
    objective = SQUARED.objective("catboost")
    start = objective.init_score(BOTH, weight)
    np.testing.assert_allclose(start, np.average(BOTH, axis=0, weights=weight), rtol=1e-9)
    model = trained(objective, objective.labels(BOTH), objective.parameters(BOTH, weight), weight)
    ours = start + raw(model)
    built_in = {"loss_function": "MultiRMSE", "boost_from_average": True}
    theirs = raw(trained(None, BOTH, built_in, weight))
    assert np.ptp(ours, axis=0).min() > 1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=15 * EPS * np.abs(theirs).max())
    (history,) = model.get_evals_result()["learn"].values()
    own = np.average(np.sum((ours - BOTH) ** 2, axis=1) / 2, weights=weight, axis=0)
    assert history[-1] == pytest.approx(own, rel=1e-5)
    assert history[-1] < 0.5 * history[0]


def test_several_predictions_of_one_target() -> None:
    """Columns of zeros make the label as wide as the scores; Fisher's information trains, as in the other libraries."""
    objective = NORMAL.objective("catboost")
    y = X[:, 0] + np.exp(X[:, 1] / 2) * RNG.normal(size=N)
    table = objective.labels(y)
    np.testing.assert_array_equal(table, np.stack([y, np.zeros(N)], axis=1))
    settings = objective.parameters(y)
    start = objective.init_score(y)
    scores = start + raw(trained(objective, table, settings))
    assert objective.loss(scores, y) < objective.loss(np.tile(start, (N, 1)), y) - 0.2
    both = objective.predict_transform(scores)
    assert np.corrcoef(both["mean_"], X[:, 0])[0, 1] > 0.8
    assert np.corrcoef(np.log(both["sigma"]), X[:, 1])[0, 1] > 0.5


def test_data_beside_the_label_are_columns_of_it() -> None:
    """One score and two columns: the second score of CatBoost stays 0, and the first is trained with both data."""
    objective = CENSORED.objective("catboost")
    event = (RNG.uniform(size=N) < 0.6).astype(float)
    time = np.where(event == 1, REAL, REAL - 1)
    scores = raw(trained(objective, objective.labels(time, event=event), objective.parameters(time, event=event)))
    assert scores.shape == (N, 2)
    np.testing.assert_array_equal(scores[:, 1], 0)
    start = objective.init_score(time, event=event)
    trained_to = objective.loss(start + scores[:, 0], time, event=event)
    assert trained_to < 0.5 * objective.loss(np.full(N, start), time, event=event)
    without = objective.labels(time, event=np.ones(N))
    ignoring = start + raw(trained(objective, without, objective.parameters(time, event=np.ones(N))))[:, 0]
    assert trained_to < objective.loss(ignoring, time, event=event)


@pytest.mark.parametrize("hessian", ["full", "exact"])
def test_blocks_of_several_predictions(hessian: str) -> None:
    """Minus the derivatives, times the weight: of the emitted gradient by differences."""
    objective = NORMAL.objective("catboost", hessian=hessian, floor=-np.inf)
    y = np.array([1.5, -0.3])
    own = objective.parameters(y)["loss_function"]
    approx, target, weight, step = np.array([0.2, -0.4]), np.array([0.7, 0.0]), 2.0, 1e-6
    at = approx + own.start
    grad, _ = objective.derivatives(at[None], target[:1])
    first, second = own.calc_ders_multi(approx, target, weight)
    np.testing.assert_allclose(first, -weight * grad[0], rtol=1e-12)
    for k in range(2):
        ahead, behind = (objective.derivatives((at + s * step * np.eye(2)[k])[None], target[:1])[0] for s in (1, -1))
        column = -weight * (ahead - behind)[0] / (2 * step)
        if hessian == "exact":
            column = column * np.eye(2)[k]
        np.testing.assert_allclose(np.array(second)[:, k], column, rtol=1e-6, atol=1e-8)
    assert np.array(second).shape == (2, 2)


def test_soft_labels_and_other_columns_find_their_places() -> None:
    """Data with columns of their own, in the order of their names, whatever order they are given in."""
    loss = lossdsl.loss(
        "loss soft(score[n, c] | p[n, c] in [0, 1], worth[n] > 0, cost[n, c]):\n"
        "    return mean[n](worth*sum[c]((score[n, c] - p[n, c])^2 + cost[n, c]*score[n, c]))\n"
    )
    p, cost, worth = RNG.uniform(size=(N, 3)), RNG.normal(size=(N, 3)), RNG.uniform(0.5, 2, N)
    objective = loss.objective("catboost")
    table = objective.labels(p, worth=worth, cost=cost)
    np.testing.assert_array_equal(table, np.column_stack([p, cost, worth]))
    own = objective.parameters(p, cost=cost, worth=worth)["loss_function"]
    first, second = own.calc_ders_multi(np.zeros(7), table[5], 1.0)
    grad, _ = objective.derivatives(own.start[None], p[5:6], worth=worth[5:6], cost=cost[5:6])
    np.testing.assert_allclose(first, [*-grad[0], 0, 0, 0, 0], rtol=1e-12)
    np.testing.assert_allclose(second, -np.diag([2 * worth[5]] * 3 + [1] * 4), rtol=1e-12)


def test_blocks_are_the_default_only_where_they_are_positive() -> None:
    """A block with a negative direction ends training with an error in CatBoost; the bound trains."""
    labels = np.digitize(REAL, [0.0, 1.0]).astype(float)[:90]
    pool = catboost.Pool(X[:90], labels)
    loss = lossdsl.catalogue["robust"]["generalized_cross_entropy"]
    cross_entropy = lossdsl.catalogue["classification"]["cross_entropy"]
    for name, own in (("upper_bound", loss), ("full", cross_entropy)):
        objective = own.objective("catboost")
        assert f"Hessian: {name}," in (sys.modules[type(objective).__module__].__doc__ or "")
        model = catboost.CatBoost({**objective.parameters(labels), **TRAINING, "iterations": 10})
        model.fit(pool)
        scores = model.predict(X[:90], prediction_type="RawFormulaVal")
        assert objective.loss(scores, labels) < objective.loss(np.zeros((90, 3)), labels) - 0.05
    full = loss.objective("catboost", hessian="full")
    confident = np.tile([4.0, 0.0, 0.0], (90, 1))
    _, blocks = full.derivatives(confident, np.ones(90))
    assert np.linalg.eigvalsh(blocks[0]).min() < -1e-3


def test_the_magnitude_has_a_floor_where_no_call_sees_all_rows() -> None:
    """A tenth of the mean one at the first score, in place of the mean over the rows of a call."""
    loss = lossdsl.loss("loss wave(score[n] | y[n], worth[n] > 0):\n    return mean[n](-worth*cos(score - y))\n")
    y, worth = RNG.normal(size=N), RNG.uniform(1, 2, N)
    objective = loss.objective("catboost", hessian="abs")
    own = objective.parameters(y, worth=worth)["loss_function"]
    mean = np.mean(np.abs(worth * np.cos(own.start - y)))
    assert own.floor == pytest.approx(mean / 10, rel=1e-9)
    _, second = own.calc_ders_multi([np.pi / 2 - own.start, 0.0], [0.0, 1.0], 1.0)
    assert second[0][0] == pytest.approx(-own.floor)


def test_what_is_forgotten_is_told() -> None:
    objective = NORMAL.objective("catboost")
    with pytest.raises(ValueError, match=r"needs a first score: take it from objective\.parameters\(target, \.\.\.\)"):
        objective.calc_ders_multi(np.zeros(2), np.zeros(2), 1.0)
    classes = lossdsl.catalogue["classification"]["cross_entropy"].objective("catboost")
    with pytest.raises(ValueError, match="one score for each class that occurs, of 5 classes, but no row has 1"):
        classes.parameters(np.array([0.0, 2.0, 4.0, 3.0]))
    assert classes.parameters(np.array([0.0, 2.0, 1.0]))["classes_count"] == 3


def test_objectives_of_columns_can_be_copied_and_pickled() -> None:
    objective = NORMAL.objective("catboost", hessian_scale=2.0)
    own = objective.parameters(REAL)["loss_function"]
    for again in (pickle.loads(pickle.dumps(own)), copy.deepcopy(own)):
        assert isinstance(again, catboost.MultiTargetCustomObjective)
        assert again.calc_ders_multi(np.zeros(2), np.ones(2), 1.0) == own.calc_ders_multi(np.zeros(2), np.ones(2), 1.0)
    assert objective.start is None, "parameters leaves the objective as it was"
