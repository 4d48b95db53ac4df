"""The real libraries: objectives that reproduce those that they have built in, and the traps that are theirs.

What may differ is a rounding error: XGBoost and LightGBM keep gradients and leaves in single precision, so scores agree to
a few units of that, of the largest score there is; trees are the same, or scores would differ in the first digits.
"""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, field
from typing import Any

import catboost
import lightgbm
import numpy as np
import pytest
import xgboost

import lossdsl

ROUNDS = 50
N = 800
EPS = float(np.finfo(np.float32).eps)
RNG = np.random.default_rng(7)
X = RNG.normal(size=(N, 6))
TREND = X[:, 0] + 0.5 * X[:, 1] ** 2 - 0.5
WEIGHT = RNG.uniform(0.2, 3.0, N)
REAL = TREND + RNG.normal(size=N)
BINARY = (RNG.uniform(size=N) < 1 / (1 + np.exp(-TREND))).astype(float)
COUNT = RNG.poisson(np.exp(TREND / 2)).astype(float)
AMOUNT = RNG.gamma(2.0, np.exp(TREND / 2) / 2) + 1e-3
RAIN = np.where(RNG.uniform(size=N) < 0.3, 0.0, AMOUNT)
CLASS = np.digitize(TREND + RNG.normal(size=N), [-0.5, 0.7]).astype(float)

REGRESSION = lossdsl.catalogue["regression"]
CLASSIFICATION = lossdsl.catalogue["classification"]
SQUARED = lossdsl.loss("loss squared(score[n] | y[n]):\n    return mean[n]((score - y)^2/2)\n")
GAMMA = lossdsl.loss(
    "loss gamma(score[n] | y[n] > 0):\n    predict mu = exp(score)\n    return mean[n](score + y*exp(-score))\n"
)


@dataclass(frozen=True)
class Case:
    """A built-in objective and the loss that imitates it."""

    name: str
    loss: lossdsl.Loss
    y: np.ndarray[Any, Any]
    built_in: dict[str, Any] = field(default_factory=dict)
    """Parameters of the built-in objective."""
    options: dict[str, Any] = field(default_factory=dict)
    """Options of ours, where the default policy is not what the library does."""
    both: dict[str, Any] = field(default_factory=dict)
    """Parameters of the training that the built-in objective sets for itself."""


def agree(ours: Any, theirs: Any) -> None:
    """Sums of fifty leaves in single precision, each from sums of gradients in single precision."""
    assert np.ptp(ours) > 1, "the model has learned something"
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=ROUNDS * EPS * np.abs(theirs).max())


WEIGHTED = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["unweighted", "weighted"])


def ids(cases: list[Case]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name.split(":alpha")[0])


# ---------------------------------------------------------------- the same as built in

XGBOOST = [
    Case("reg:squarederror", SQUARED, REAL),
    Case("binary:logistic", CLASSIFICATION["binary_cross_entropy"], BINARY),
    Case("multi:softprob", CLASSIFICATION["cross_entropy"], CLASS, {"num_class": 3}),
    # XGBoost's own bound: exp(score + max_delta_step), with steps cut at max_delta_step
    Case(
        "count:poisson", REGRESSION["poisson_nll"], COUNT, {}, {"hessian_scale": np.exp(0.7)}, {"max_delta_step": 0.7}
    ),
    Case("reg:gamma", GAMMA, AMOUNT),
    Case("reg:tweedie", REGRESSION["tweedie"], RAIN, {"tweedie_variance_power": 1.5}),
    Case("reg:pseudohubererror", REGRESSION["pseudo_huber"], REAL, {}, {"hessian": "exact"}),
]


@WEIGHTED
@ids(XGBOOST)
def test_xgboost(case: Case, weight: Any) -> None:
    defaults = {"min_child_weight": 1, "reg_lambda": 1, "max_delta_step": 0}
    params = {"max_depth": 4, "learning_rate": 0.2, "nthread": 1, **defaults, **case.both}
    objective = case.loss.objective("xgboost", **case.options)
    data = xgboost.DMatrix(X, label=case.y, weight=weight)
    own = {**objective.parameters(case.y, weight), **params}
    ours = xgboost.train(own, data, ROUNDS, obj=objective).predict(data, output_margin=True)
    start = np.asarray(own["base_score"])
    base = start.tolist() if start.ndim else float(np.ravel(objective.predict_transform(start[None]))[0])
    theirs = {**params, "objective": case.name, "base_score": base, **case.built_in}
    agree(ours, xgboost.train(theirs, data, ROUNDS).predict(data, output_margin=True))


LIGHTGBM = [
    Case("regression", SQUARED, REAL),
    Case("binary", CLASSIFICATION["binary_cross_entropy"], BINARY),
    # LightGBM's own bound for K classes: K/(K - 1) times p*(1 - p)
    Case(
        "multiclass",
        CLASSIFICATION["cross_entropy"],
        CLASS,
        {"num_class": 3},
        {"hessian": "exact", "hessian_scale": 1.5},
    ),
    # LightGBM's own bound: exp(score + poisson_max_delta_step)
    Case("poisson", REGRESSION["poisson_nll"], COUNT, {}, {"hessian_scale": np.exp(0.7)}),
    Case("gamma", GAMMA, AMOUNT),
    Case("tweedie", REGRESSION["tweedie"], RAIN, {"tweedie_variance_power": 1.5}),
    Case("huber", REGRESSION["huber"], REAL, {"alpha": 0.9}, {"delta": 0.9, "hessian": "constant"}),
    Case("fair", lossdsl.catalogue["robust"]["fair"], REAL, {"fair_c": 1.3998}, {"hessian": "exact"}),
]


@WEIGHTED
@ids(LIGHTGBM)
def test_lightgbm(case: Case, weight: Any) -> None:
    defaults = {"min_sum_hessian_in_leaf": 1e-3, "max_delta_step": 0}
    params = {"max_depth": 4, "learning_rate": 0.2, "num_threads": 1, "verbose": -1, **defaults}
    objective = case.loss.objective("lightgbm", **case.options)
    start = objective.init_score(case.y, weight)

    def data() -> lightgbm.Dataset:
        return lightgbm.Dataset(X, label=case.y, weight=weight, init_score=objective.first_scores(start, N))

    ours = lightgbm.train({**objective.parameters(case.y, weight), **params}, data(), ROUNDS).predict(X)
    theirs = {**params, "objective": case.name, "boost_from_average": False, **case.built_in}
    agree(ours, lightgbm.train(theirs, data(), ROUNDS).predict(X, raw_score=True))


CATBOOST = [
    Case("RMSE", SQUARED, REAL),
    Case("Logloss", CLASSIFICATION["binary_cross_entropy"], BINARY),
    Case("MultiClass", CLASSIFICATION["cross_entropy"], CLASS),
    Case("Poisson", REGRESSION["poisson_nll"], COUNT),
    Case("Tweedie:variance_power=1.5", REGRESSION["tweedie"], RAIN),
    Case("Huber:delta=0.9", REGRESSION["huber"], REAL, {}, {"delta": 0.9, "hessian": "exact"}),
    Case("Expectile:alpha=0.7", REGRESSION["expectile"], REAL, {}, {"level": 0.7}),
    Case(
        "Quantile:alpha=0.7", REGRESSION["quantile"], REAL, {}, {"level": 0.7, "hessian": "constant"},
        {"leaf_estimation_method": "Gradient"},
    ),
]  # fmt: skip


@WEIGHTED
@ids(CATBOOST)
@pytest.mark.filterwarnings("ignore:Failed to import numba")
def test_catboost(case: Case, weight: Any) -> None:
    several = case.name == "MultiClass"  # called row by row
    rows = 100 if several else N
    params = {
        "iterations": ROUNDS, "depth": 4, "learning_rate": 0.2, "verbose": False, "thread_count": 1,
        "bootstrap_type": "No", "random_strength": 0, "l2_leaf_reg": 3, "boost_from_average": False, "boosting_type": "Plain",
        "leaf_estimation_method": "Newton", "leaf_estimation_iterations": 1, "allow_writing_files": False, **case.both,
    }  # fmt: skip
    objective = case.loss.objective("catboost", **case.options)
    w = None if weight is None else weight[:rows]
    # not at a target: which side of a corner that is, is a matter of rounding
    start = np.zeros(3) if several else objective.init_score(case.y[:rows], w) + 1e-3
    pool = catboost.Pool(X[:rows], case.y[:rows], weight=w, baseline=objective.first_scores(start, rows))
    models = []
    for own in (objective.parameters(case.y[:rows], w), {"loss_function": case.name}):
        model = catboost.CatBoost({**own, **params})
        model.fit(pool)
        models.append(model.predict(X[:rows], prediction_type="RawFormulaVal"))
    agree(*models)


# ---------------------------------------------------------------- not quite the same, and why


@pytest.mark.parametrize("name", ["quantile", "mae"])
def test_built_ins_that_move_their_leaves_agree_until_they_do(name: str) -> None:
    """XGBoost and LightGBM replace the leaves of L1 and quantile trees by quantiles of residuals, which no objective can.

    The splits of the first tree are the same, with the constant Hessian that they have.
    """
    loss = REGRESSION[name]
    start = loss.objective("xgboost").init_score(REAL)

    def splits(booster: xgboost.Booster) -> Any:
        frame = booster.trees_to_dataframe()
        return frame[["Feature", "Split"]].to_numpy().tolist()

    built_in = {
        "mae": {"objective": "reg:absoluteerror"},
        "quantile": {"objective": "reg:quantileerror", "quantile_alpha": 0.5},
    }
    data = xgboost.QuantileDMatrix(X, label=REAL)
    params = {"max_depth": 3, "nthread": 1, "base_score": start}
    ours = xgboost.train(params, data, 1, obj=loss.objective("xgboost", hessian="constant"))
    theirs = xgboost.train({**params, **built_in[name]}, data, 1)
    ours_splits, theirs_splits = splits(ours), splits(theirs)
    assert [f for f, _ in ours_splits] == [f for f, _ in theirs_splits]

    own = loss.objective("lightgbm", hessian="constant")

    def light(**more: Any) -> Any:
        dataset = lightgbm.Dataset(X, label=REAL, init_score=own.first_scores(start, N))
        params = {"max_depth": 3, "num_threads": 1, "verbose": -1, **more}
        return lightgbm.train(params, dataset, 1).trees_to_dataframe()[["split_feature", "threshold"]].dropna()

    assert light(objective=own).equals(light(objective={"mae": "l1", "quantile": "quantile"}[name], alpha=0.5))


@pytest.mark.parametrize("name", ["quantile", "mae", "huber"])
def test_flat_losses_train_as_well_as_the_built_in_ones(name: str) -> None:
    """The default policy, the secant, is in the units of the target: a target a thousand times larger trains as well."""
    built_in = {
        "mae": {"objective": "reg:absoluteerror"},
        "quantile": {"objective": "reg:quantileerror", "quantile_alpha": 0.5},
        "huber": {"objective": "reg:pseudohubererror"},
    }[name]
    for scale in (1.0, 1000.0):
        y = REAL * scale
        loss = REGRESSION[name].objective("xgboost", **({"delta": scale} if name == "huber" else {}))
        slope = {"huber_slope": scale} if name == "huber" else {}
        data = xgboost.DMatrix(X[:600], label=y[:600])
        test = xgboost.DMatrix(X[600:])
        params = {"max_depth": 3, "learning_rate": 0.2, "nthread": 1}
        own = {**params, **loss.parameters(y[:600])}
        ours = xgboost.train(own, data, ROUNDS, obj=loss).predict(test, output_margin=True)
        theirs = xgboost.train({**params, **built_in, **slope}, data, ROUNDS).predict(test, output_margin=True)
        constant = loss.loss(np.full(200, own["base_score"]), y[600:])
        assert loss.loss(ours, y[600:]) < 0.75 * constant
        assert loss.loss(ours, y[600:]) < 1.1 * loss.loss(theirs, y[600:])


# ---------------------------------------------------------------- each library's traps


def pair(objective: Any) -> Any:
    return pickle.loads(pickle.dumps(objective)), copy.deepcopy(objective)


def test_xgboost_saves_the_first_score_with_the_model() -> None:
    objective = CLASSIFICATION["cross_entropy"].objective("xgboost")
    data = xgboost.DMatrix(X, label=CLASS)
    params = {"nthread": 1, **objective.parameters(CLASS)}
    assert params["num_class"] == 3
    np.testing.assert_allclose(
        np.exp(params["base_score"]) / np.exp(params["base_score"]).sum(), np.bincount(CLASS.astype(int)) / N
    )
    booster = xgboost.train(params, data, 2, obj=objective)
    loaded = xgboost.Booster()
    loaded.load_model(booster.save_raw())
    np.testing.assert_array_equal(loaded.predict(data, output_margin=True), booster.predict(data, output_margin=True))
    assert objective.predict_transform(loaded.predict(data, output_margin=True)).sum(axis=1) == pytest.approx(
        np.ones(N)
    )


def test_the_first_score_is_what_makes_custom_and_built_in_differ() -> None:
    """The most repeated complaint: with the same first score the trees are the same, without it they are not."""
    objective = SQUARED.objective("xgboost")
    y = REAL + 50
    data = xgboost.DMatrix(X, label=y)
    params = {"nthread": 1, "max_depth": 3}
    built_in = xgboost.train({**params, "base_score": float(np.mean(y))}, data, 10).predict(data)
    with_start = xgboost.train({**params, **objective.parameters(y)}, data, 10, obj=objective).predict(data)
    without = xgboost.train(params, data, 10, obj=objective).predict(data)
    np.testing.assert_allclose(with_start, built_in, atol=10 * EPS * 55)
    assert np.abs(without - built_in).max() > 0.5


def test_a_zero_or_negative_hessian_trains_nothing_and_says_nothing() -> None:
    """What XGBoost and LightGBM do with the exact Hessian of a quantile loss; ours has a policy, so that it trains."""

    def exact(predt: Any, data: Any) -> Any:
        return np.where(data.get_label() > predt, -0.5, 0.5), np.zeros(N)

    data = xgboost.DMatrix(X, label=REAL)
    assert np.ptp(xgboost.train({"nthread": 1, "base_score": 0.0}, data, 10, obj=exact).predict(data)) == 0
    dataset = lightgbm.Dataset(X, label=REAL)
    flat = lightgbm.train({"objective": exact, "verbose": -1, "num_threads": 1}, dataset, 10).predict(X)
    assert np.ptp(flat) == 0
    objective = REGRESSION["quantile"].objective("xgboost")
    assert np.ptp(xgboost.train(objective.parameters(REAL), data, 10, obj=objective).predict(data)) > 1


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_scikit_learn_interfaces(library: str) -> None:
    """Weights reach the objective, `clone` copies it, the metric shows its name; each library looks at the signature."""
    from sklearn.base import clone

    objective = REGRESSION["poisson_nll"].objective(library, api="sklearn")
    start = objective.init_score(COUNT, WEIGHT)
    if library == "xgboost":
        model = xgboost.XGBRegressor(n_estimators=20, n_jobs=1, **objective.parameters(COUNT, WEIGHT))
        model = clone(model).fit(
            X, COUNT, sample_weight=WEIGHT, eval_set=[(X, COUNT)], sample_weight_eval_set=[WEIGHT], verbose=False
        )
        scores = model.predict(X, output_margin=True)
        history = model.evals_result()["validation_0"]["poisson_nll"]
    else:
        model = lightgbm.LGBMRegressor(n_estimators=20, n_jobs=1, verbose=-1, **objective.parameters(COUNT, WEIGHT))
        first = objective.first_scores(start, N)
        model = clone(model).fit(
            X, COUNT, sample_weight=WEIGHT, init_score=first, eval_set=[(X, COUNT)], eval_metric=objective.metric,
            eval_sample_weight=[WEIGHT], eval_init_score=[first],
        )  # fmt: skip
        scores = start + model.predict(X, raw_score=True)
        history = next(iter(model.evals_result_.values()))["poisson_nll"]
    own = np.average(np.exp(scores) - COUNT * scores, weights=WEIGHT)
    assert history[-1] == pytest.approx(own, abs=1e-5)
    assert history[-1] < history[0]
    assert objective.predict_transform(scores) == pytest.approx(np.exp(scores))


def test_metrics_see_raw_scores_and_weights() -> None:
    objective = REGRESSION["poisson_nll"].objective("xgboost")
    data = xgboost.DMatrix(X, label=COUNT, weight=WEIGHT)
    seen: dict[str, Any] = {}
    params = {"nthread": 1, **objective.parameters(COUNT, WEIGHT)}
    booster = xgboost.train(
        params,
        data,
        5,
        obj=objective,
        custom_metric=objective.metric,
        evals=[(data, "t")],
        evals_result=seen,
        verbose_eval=False,
    )
    assert list(seen["t"]) == ["poisson_nll"], "and no default metric beside it"
    score = booster.predict(data, output_margin=True).astype(float)
    assert seen["t"]["poisson_nll"][-1] == pytest.approx(
        np.average(np.exp(score) - COUNT * score, weights=WEIGHT), rel=1e-5
    )

    light = REGRESSION["poisson_nll"].objective("lightgbm")
    start = light.init_score(COUNT, WEIGHT)
    dataset = lightgbm.Dataset(X, label=COUNT, weight=WEIGHT, init_score=light.first_scores(start, N))
    results: dict[str, Any] = {}
    model = lightgbm.train(
        {"verbose": -1, "num_threads": 1, **light.parameters(COUNT, WEIGHT)}, dataset, 5, valid_sets=[dataset],
        feval=light.metric, callbacks=[lightgbm.record_evaluation(results)],
    )  # fmt: skip
    raw = start + model.predict(X)
    (values,) = results["training"].values()
    assert values[-1] == pytest.approx(np.average(np.exp(raw) - COUNT * raw, weights=WEIGHT), abs=1e-5)


@pytest.mark.filterwarnings("ignore:Failed to import numba")
def test_catboost_takes_the_metric_and_reports_its_mean() -> None:
    objective = REGRESSION["poisson_nll"].objective("catboost")
    start = objective.init_score(COUNT, WEIGHT)
    pool = catboost.Pool(X, COUNT, weight=WEIGHT, baseline=objective.first_scores(start, N))
    params = {"iterations": 5, "verbose": False, "thread_count": 1, "allow_writing_files": False}
    model = catboost.CatBoost({**params, **objective.parameters(COUNT, WEIGHT)})
    model.fit(pool)
    raw = start + model.predict(X, prediction_type="RawFormulaVal")
    (values,) = model.get_evals_result()["learn"].values()
    assert values[-1] == pytest.approx(np.average(np.exp(raw) - COUNT * raw, weights=WEIGHT), abs=N * EPS)


def test_data_beside_the_label_are_attached_to_the_data_set() -> None:
    loss = lossdsl.loss(
        "loss censored(score[n] | time[n], event[n] in {0, 1}):\n"
        "    r = score - time\n"
        "    return mean[n](r^2 if event == 1 or r < 0 else 0)\n"
    )
    event = (RNG.uniform(size=N) < 0.7).astype(float)
    objective = loss.objective("xgboost")
    data = objective.attach(xgboost.DMatrix(X, label=REAL), event=event)
    grad, _hess = objective(np.zeros(N, np.float32), data)
    expected = np.where((event == 1) | (-REAL < 0), -2 * REAL, 0)
    np.testing.assert_allclose(grad, expected, atol=1e-6)
    params = {"nthread": 1, **objective.parameters(REAL, event=event)}
    trained = xgboost.train(
        params, data, 20, obj=objective, custom_metric=objective.metric, evals=[(data, "t")], verbose_eval=False
    )
    assert objective.metric(trained.predict(data), data)[1] < 0.6 * objective.loss(
        np.full(N, params["base_score"]), REAL, event=event
    )
    with pytest.raises(TypeError, match="event"):
        objective(np.zeros(N), xgboost.DMatrix(X, label=REAL))
    light = loss.objective("lightgbm")
    dataset = light.attach(lightgbm.Dataset(X, label=REAL, free_raw_data=False).construct(), event=event)
    np.testing.assert_allclose(light(np.zeros(N), dataset)[0], expected, atol=1e-6)


def test_several_targets() -> None:
    """Labels with columns in XGBoost: one score and one target a column."""
    both = np.stack([REAL, 3 * REAL + 10], axis=1)
    objective = REGRESSION["mse"].objective("xgboost")
    data = xgboost.DMatrix(X, label=both)
    start = objective.init_score(both)
    np.testing.assert_allclose(start, both.mean(axis=0), rtol=1e-9)
    booster = xgboost.train({"nthread": 1, "base_score": start.tolist()}, data, 20, obj=objective)
    np.testing.assert_allclose(
        objective.loss(booster.predict(data), both), np.mean((booster.predict(data) - both) ** 2), rtol=1e-5
    )
    assert np.mean((booster.predict(data) - both) ** 2) < 0.3 * np.mean((both - start) ** 2)


def test_labels_with_columns_that_come_flat() -> None:
    """As XGBoost 3.1 hands them over."""

    class Flat:
        def get_label(self) -> Any:
            return np.arange(6.0)

        def get_weight(self) -> Any:
            return np.array([])

        def num_row(self) -> int:
            return 3

    grad, _ = REGRESSION["mse"].objective("xgboost")(np.zeros((3, 2)), Flat())
    np.testing.assert_array_equal(grad, -2 * np.arange(6.0).reshape(3, 2))


def test_several_predictions_are_the_columns_of_the_scores() -> None:
    """Location and scale of a normal distribution, boosted together by the Fisher information."""
    loss = lossdsl.loss(
        "loss normal(mu[n], log_sigma[n] | y[n]):\n"
        "    predict mean_ = mu\n"
        "    predict sigma = exp(log_sigma)\n"
        "    return mean[n](log_sigma + ((y - mu)*exp(-log_sigma))^2/2)\n"
    )
    y = TREND + np.exp(X[:, 2] / 2) * RNG.normal(size=N)
    objective = loss.objective("xgboost")
    grad, hess = objective.derivatives(np.zeros((N, 2)), y)
    np.testing.assert_allclose(grad, np.stack([-y, 1 - y**2], axis=1), atol=1e-12)
    np.testing.assert_allclose(hess, np.tile([1.0, 2.0], (N, 1)), atol=1e-12)
    params = {"nthread": 1, "max_depth": 3, "learning_rate": 0.1, **objective.parameters(y)}
    np.testing.assert_allclose(params["base_score"], [np.mean(y), np.log(np.std(y))], atol=1e-6)
    data = xgboost.DMatrix(X, label=y)
    scores = xgboost.train(params, data, ROUNDS, obj=objective).predict(data, output_margin=True)
    assert objective.loss(scores, y) < objective.loss(np.tile(params["base_score"], (N, 1)), y) - 0.2
    assert set(objective.predict_transform(scores)) == {"mean_", "sigma"}
    assert np.corrcoef(scores[:, 1], X[:, 2])[0, 1] > 0.5


# ---------------------------------------------------------------- silent failures of the libraries, and ours that are not


def test_dividing_by_the_number_of_rows_gives_trees_of_one_leaf() -> None:
    """`min_child_weight` acts on the sum of the Hessian: a mean over rows has a sum of 1, which no leaf can share."""
    objective = SQUARED.objective("xgboost")
    data = xgboost.DMatrix(X, label=REAL)
    params = {"nthread": 1, "base_score": 0.0}

    def divided(predt: Any, dtrain: Any) -> Any:
        grad, hess = objective(predt, dtrain)
        return grad / N, hess / N

    assert xgboost.train(params, data, 3, obj=divided).trees_to_dataframe()["Feature"].eq("Leaf").all()
    assert not xgboost.train(params, data, 3, obj=objective).trees_to_dataframe()["Feature"].eq("Leaf").all()


def test_xgboost_does_not_clip_negative_hessians() -> None:
    """Rows with h < 0 cancel those with h > 0; the policies leave none."""

    def bent(predt: Any, dtrain: Any) -> Any:
        return predt - dtrain.get_label(), np.where(np.arange(N) % 2 == 0, 1.0, -1.0)

    data = xgboost.DMatrix(X, label=REAL)
    params = {"nthread": 1, "base_score": 0.0, "max_depth": 3}
    assert np.ptp(xgboost.train(params, data, 5, obj=bent).predict(data)) < 0.1 * np.ptp(REAL)
    robust = lossdsl.catalogue["robust"]["welsch"]
    assert robust.objective("xgboost", hessian="exact", floor=-np.inf).derivatives(np.zeros(N), 3 * REAL)[1].min() < 0
    objective = robust.objective("xgboost")
    assert objective.derivatives(np.zeros(N), 3 * REAL)[1].min() > 0
    assert np.ptp(xgboost.train({**params, **objective.parameters(REAL)}, data, 20, obj=objective).predict(data)) > 2


def test_nan_in_a_gradient_gives_leaves_of_nan_and_here_an_error() -> None:
    loss = lossdsl.loss("loss f(s[n] | y[n] > 0):\n    return mean[n]((s - log(y))^2)\n")
    y = AMOUNT.copy()
    y[5] = 0.0
    data = xgboost.DMatrix(X, label=y)
    params = {"nthread": 1, "base_score": 0.0, "max_depth": 2}
    with np.errstate(divide="ignore"):
        silent = loss.objective("xgboost", check=False)
        assert not np.all(np.isfinite(xgboost.train(params, data, 2, obj=silent).predict(data)))
    with pytest.raises(ValueError, match=r"y must be > 0, got 0\.0 at position \[5\]"):
        xgboost.train(params, data, 2, obj=loss.objective("xgboost"))
    unbounded = lossdsl.loss("loss f(s[n] | y[n]):\n    return mean[n]((s - log(y))^2)\n").objective("xgboost")
    with pytest.raises(FloatingPointError, match="the gradient is inf in row 5"):
        xgboost.train(params, data, 2, obj=unbounded)


def test_probabilities_of_classifiers_are_not_those_of_the_loss() -> None:
    """XGBoost applies a sigmoid whatever the link is; LightGBM gives raw scores."""
    probit = CLASSIFICATION["probit"]
    objective = probit.objective("xgboost", api="sklearn")
    settings = objective.parameters(BINARY, classifier=True)
    model = xgboost.XGBClassifier(n_estimators=10, n_jobs=1, **settings).fit(X, BINARY.astype(int))
    regressor = xgboost.XGBRegressor(n_estimators=10, n_jobs=1, **objective.parameters(BINARY)).fit(X, BINARY)
    np.testing.assert_allclose(
        model.predict(X, output_margin=True), regressor.predict(X, output_margin=True), atol=1e-5
    )
    score = model.predict(X, output_margin=True).astype(float)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], 1 / (1 + np.exp(-score)), atol=1e-6)
    normal_cdf = objective.predict_transform(score)
    assert np.abs(normal_cdf - model.predict_proba(X)[:, 1]).max() > 0.05
    light = probit.objective("lightgbm", api="sklearn")
    classifier = lightgbm.LGBMClassifier(n_estimators=10, n_jobs=1, verbose=-1, **light.parameters(BINARY))
    classifier.fit(X, BINARY.astype(int))
    raw = classifier.predict(X, raw_score=True)
    np.testing.assert_array_equal(classifier.predict_proba(X), raw)
    assert light.predict_transform(raw).min() > 0
    assert raw.min() < 0


@pytest.mark.filterwarnings("ignore:Failed to import numba")
def test_where_a_custom_objective_starts() -> None:
    """XGBoost at 0.5, LightGBM and CatBoost at 0: what the first call is given."""
    seen: dict[str, float] = {}

    def first(library: str, scores: Any) -> None:
        seen.setdefault(library, float(np.ravel(scores)[0]))

    def xgb_objective(predt: Any, data: Any) -> Any:
        first("xgboost", predt)
        return predt - data.get_label(), np.ones(N)

    def lgb_objective(preds: Any, data: Any) -> Any:
        first("lightgbm", preds)
        return preds - data.get_label(), np.ones(N)

    class CatObjective:
        def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> Any:
            first("catboost", approxes)
            return np.stack((np.asarray(targets) - approxes, -np.ones(len(targets))), axis=1)

    xgboost.train({"nthread": 1}, xgboost.DMatrix(X, label=REAL + 9), 1, obj=xgb_objective)
    params = {"objective": lgb_objective, "verbose": -1, "num_threads": 1, "boost_from_average": True}
    lightgbm.train(params, lightgbm.Dataset(X, label=REAL + 9), 1)
    model = catboost.CatBoost({"loss_function": CatObjective(), "eval_metric": "RMSE", "iterations": 1, "verbose": False,
                               "thread_count": 1, "allow_writing_files": False})  # fmt: skip
    model.fit(X, REAL + 9)
    assert seen == {"xgboost": 0.5, "lightgbm": 0.0, "catboost": 0.0}


def test_coupled_losses_train() -> None:
    """Cox over all rows, a ranking within groups: the metric falls."""
    time, event = RNG.exponential(np.exp(-X[:, 0])), (RNG.uniform(size=N) < 0.7).astype(float)
    cox = lossdsl.catalogue["survival"]["cox_breslow"].objective("xgboost", coupled=True)
    rows = slice(0, 300)
    data = cox.attach(xgboost.DMatrix(X[rows], label=time[rows]), event=event[rows])
    params = {"nthread": 1, "max_depth": 2, **cox.parameters(time[rows], event=event[rows])}
    booster = xgboost.train(params, data, 20, obj=cox)
    assert cox.metric(booster.predict(data), data)[1] < cox.loss(np.zeros(300), time[rows], event=event[rows]) - 0.1
    relevance = np.digitize(TREND + RNG.normal(size=N), [0.0, 1.0]).astype(float)
    listnet = lossdsl.catalogue["ranking"]["listnet"]
    for library in ("xgboost", "lightgbm"):
        objective = listnet.objective(library, coupled=True)
        bounds = np.arange(0, N + 1, 10)
        own = {"max_depth": 3, **objective.parameters(relevance, bounds=bounds)}
        if library == "xgboost":
            data = xgboost.DMatrix(X, label=relevance, qid=np.repeat(np.arange(N // 10), 10))
            scores = xgboost.train({"nthread": 1, **own}, data, 20, obj=objective).predict(data)
        else:
            dataset = lightgbm.Dataset(X, label=relevance, group=np.full(N // 10, 10))
            scores = lightgbm.train({"verbose": -1, "num_threads": 1, **own}, dataset, 20).predict(X)
        start = objective.loss(np.zeros(N), relevance, None, bounds)
        assert objective.loss(scores, relevance, None, bounds) < start - 0.02, library
