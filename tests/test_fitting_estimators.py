"""`LossRegressor` and `LossClassifier`: scikit-learn's own checks, and what they find for real data."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import lossdsl
from lossdsl.fitting import LossClassifier, LossRegressor
from lossdsl.fitting.names import loss_of
from lossdsl.fitting.probabilities import probabilities_of
from lossdsl.fitting.targets import classes_of, target_of

KINKS = "kinks leave 5 digits of the coefficients, and this check asks for 7"
EXPECTED = {
    "poisson_deviance": {"check_regressor_multioutput": "the check has negative targets, whatever the tags say"},
    "hinge": {
        "check_sample_weight_equivalence_on_dense_data": KINKS,
        "check_sample_weight_equivalence_on_sparse_data": KINKS,
    },
}
"""Checks that ask for more than there is."""

CHECKED = [LossRegressor(), LossClassifier()]
CHECKED_ON_DEMAND = [
    LossRegressor("robust: cauchy", l2=0.01),
    LossRegressor("poisson_deviance", l2=0.01),
    LossClassifier("binary_cross_entropy", l1=0.01),
    LossClassifier("margin: logistic"),
    LossClassifier("squared_hinge"),
    LossClassifier("hinge", l2=0.1),
]
"""Half a minute more: with LOSSDSL_ALL_CHECKS set in the environment."""


@parametrize_with_checks(
    CHECKED + (CHECKED_ON_DEMAND if os.environ.get("LOSSDSL_ALL_CHECKS") else []),
    expected_failed_checks=lambda estimator: EXPECTED.get(estimator.loss, {}),
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_checks_of_scikit_learn(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


# ---------------------------------------------------------------- data that ship with scikit-learn


def test_squared_error_is_ridge_regression() -> None:
    X, y = load_diabetes(return_X_y=True)
    mine = LossRegressor(l2=1e-3).fit(X, y)
    other = Ridge(alpha=1e-3 * len(y) / 2, tol=1e-12).fit(X, y)
    np.testing.assert_allclose(mine.coef_, other.coef_, rtol=1e-6)
    assert mine.intercept_ == pytest.approx(other.intercept_, rel=1e-8)
    assert mine.score(X, y) == pytest.approx(other.score(X, y), rel=1e-8)


def test_cross_entropy_is_logistic_regression() -> None:
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    mine = LossClassifier(l2=0.01).fit(X, y)
    other = LogisticRegression(C=1 / (0.01 * len(y)), tol=1e-10, max_iter=2000).fit(X, y)
    np.testing.assert_allclose(mine.coef_, other.coef_, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(mine.predict_proba(X), other.predict_proba(X), rtol=1e-5, atol=1e-8)


def test_a_quantile_has_its_share_below() -> None:
    X, y = load_diabetes(return_X_y=True)
    model = LossRegressor("quantile", hyperparameters={"level": 0.9}, l2=0).fit(X, y)
    below = np.mean(y < model.predict(X) - 1e-6)
    assert below <= 0.9 <= below + (X.shape[1] + 1) / len(y) + 1e-9


def test_a_fan_of_quantiles() -> None:
    X, y = load_diabetes(return_X_y=True)
    model = LossRegressor("multi_quantile", hyperparameters={"level": [0.1, 0.5, 0.9]}).fit(X, y)
    assert model.predict(X).shape == (len(y), 3)
    assert model.coef_.shape == (3, X.shape[1])
    assert np.all(np.mean(y[:, None] <= model.predict(X), axis=0) == pytest.approx([0.1, 0.5, 0.9], abs=0.03))


def test_two_predictions_behind_links() -> None:
    X, y = load_diabetes(return_X_y=True)
    model = LossRegressor("gaussian_nll", l2=1e-6).fit(X, y)
    told = model.predict_all(X)
    assert set(model.coef_) == {"mu", "var"}
    assert np.all(told["var"] > 0)
    np.testing.assert_array_equal(model.predict(X), told["mu"])
    np.testing.assert_array_equal(clone(model).set_params(output="var").fit(X, y).predict(X), told["var"])
    with pytest.raises(ValueError, match="gaussian_nll predicts mu, var, not 'sigma'"):
        model.set_params(output="sigma").predict(X)
    assert np.mean((y - told["mu"]) ** 2 / told["var"]) == pytest.approx(1.0, rel=1e-3)  # the score equation of var


def test_predictions_are_what_the_predict_binding_tells() -> None:
    X, y = load_diabetes(return_X_y=True)
    model = LossRegressor("poisson_nll").fit(X, np.round(y))
    assert np.all(model.predict(X) > 0)
    assert np.mean(model.predict(X)) == pytest.approx(np.mean(np.round(y)), rel=1e-8)  # canonical link with intercept


def test_names_of_classes_are_kept() -> None:
    data = load_iris()
    names = data.target_names[data.target]
    model = LossClassifier("crammer_singer", l2=0.01).fit(data.data, names)
    assert set(model.predict(data.data)) <= set(data.target_names)
    assert model.score(data.data, names) > 0.95
    assert not hasattr(model, "predict_proba")


@pytest.mark.parametrize(
    "name",
    [
        "label_smoothing",
        "poly1_cross_entropy",
        "brier",
        "one_vs_all",
        "binary_focal",
        "exponential",
        "one_vs_rest_hinge",
    ],
)
def test_losses_for_classes_separate_real_ones(name: str) -> None:
    X, y = load_wine(return_X_y=True) if name != "exponential" else load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    assert LossClassifier(name, l2=0.01).fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.93


def test_in_a_pipeline_and_a_search() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), LossClassifier("savage", l2=0.01))
    assert np.mean(cross_val_score(pipeline, X, y, cv=3)) > 0.95
    search = GridSearchCV(LossRegressor("huber"), {"hyperparameters": [{"delta": 1.0}, {"delta": 50.0}]}, cv=3)
    X, y = load_diabetes(return_X_y=True)
    assert search.fit(X, y).best_params_["hyperparameters"] in ({"delta": 1.0}, {"delta": 50.0})


@pytest.mark.parametrize("kind", ["object", "name", "text"])
def test_a_fitted_estimator_can_be_pickled(kind: str) -> None:
    huber = lossdsl.catalogue["regression"]["huber"]
    given: Any = {"object": huber, "name": "huber", "text": huber.text}[kind]
    X, y = load_diabetes(return_X_y=True)
    model = LossRegressor(given).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    assert clone(model).loss is given or kind != "object"


# ---------------------------------------------------------------- what a loss says of its target


@pytest.mark.parametrize(
    ("name", "kind", "low", "several"),
    [
        ("classification: cross_entropy", "label", 0, True),
        ("cross_entropy_ignore", "label", 0, True),
        ("deep_gamblers", "label", 0, True),
        ("soft_cross_entropy", "indicator", 0, True),
        ("categorical_hinge", "indicator", 0, True),
        ("probit", "binary", 0, True),
        ("binary_cross_entropy", "binary", 0, True),
        ("margin: hinge", "binary", -1, True),
        ("loss l(s[n] | y[n] in {-1, 1}):\n    return mean[n](exp(-s*y))", "binary", -1, False),
    ],
)
def test_classes(name: str, kind: str, low: int, several: bool) -> None:
    wanted = classes_of(loss_of(name).program)
    assert (wanted.kind, wanted.low, wanted.several) == (kind, low, several)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("cross_entropy", "p"),
        ("temperature_cross_entropy", "p"),
        ("binary_cross_entropy", "p"),
        ("probit", "p"),
        ("complementary_log_log", "p"),
        ("binary_cross_entropy_probability", "p"),
        ("hinge", None),
        ("binary_focal", None),
        ("focal", None),
        ("margin: logistic", "p"),
        (
            "loss l(s[n] | y[n] in {0, 1}):\n    predict doubt = sigmoid(-s)\n    return mean[n](softplus(s) - y*s)",
            None,
        ),
        ("loss l(s[n] | y[n] in {0, 1}):\n    predict odds = exp(s)\n    return mean[n](softplus(s) - y*s)", None),
        ("loss l(s[n, c] | y[n] in c):\n    predict q[n, c] = sigmoid(s)\n    return mean[n](-log(q[n, y[n]]))", None),
    ],
)
def test_probabilities_are_found_where_they_are(name: str, told: str | None) -> None:
    found = probabilities_of(loss_of(name).program, None, None)
    assert (None if found is None else found.name) == told


def test_the_target_is_what_has_no_default() -> None:
    text = "loss l(p[n] | extra[n] = 0, level[q] = 0.5, y[n]):\n    return mean[n](sum[q](level*(p - y - extra)^2))"
    assert (
        target_of(
            lossdsl.loss(
                text.replace("extra[n] = 0, level[q] = 0.5, y[n]", "y[n], extra[n] = 0, level[q] = 0.5")
            ).program
        ).name
        == "y"
    )


def test_binary_losses_say_so() -> None:
    X, y = load_iris(return_X_y=True)
    text = "loss l(s[n] | y[n] in {-1, 1}):\n    return mean[n](exp(-s*y))"
    with pytest.raises(ValueError, match="Only binary classification is supported"):
        LossClassifier(text).fit(X, y)
    assert LossClassifier(text, l2=0.01).fit(X[:100], y[:100]).score(X[:100], y[:100]) == 1.0


def test_a_fit_that_does_not_end_warns() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="LossClassifier did not converge: the largest entry"):
        LossClassifier(max_iter=2).fit(X, y)
    with pytest.raises(NotFittedError):
        LossClassifier().predict(X)


def test_targets_outside_of_the_domain() -> None:
    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(ValueError, match="target must be >= 0"):
        LossRegressor("poisson_nll").fit(X, y - 100)
    with pytest.raises(ValueError, match="delta must be > 0"):
        LossRegressor("huber", hyperparameters={"delta": -1}).fit(X, y)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hubber", "no loss 'hubber'; did you mean huber"),
        ("ranking: huber", "no loss 'ranking: huber'"),
        ("robust/cauchy", None),
        ("regression: huber", None),
    ],
)
def test_losses_by_name(name: str, message: str | None) -> None:
    if message is None:
        assert loss_of(name).name in ("cauchy", "huber")
    else:
        with pytest.raises(ValueError, match=message):
            loss_of(name)


def test_every_name_of_the_catalogue_is_one_loss_or_says_where_they_are() -> None:
    names = [name for module in lossdsl.catalogue.values() for name in module]
    for name in {name for name in names if names.count(name) > 1}:
        with pytest.raises(ValueError, match=r"the catalogue has .* in "):
            loss_of(name)
