"""Linear models with any loss: gradients, products with Hessians, weights and links, against what others compute.

Fits are compared with closed forms and with the linear models of scikit-learn, which share nothing with this package.
Both sides stop when gradients are small, so that coefficients agree to about the square root of what values do.
"""

from __future__ import annotations

import itertools
import math
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from scipy import optimize, sparse
from sklearn import linear_model

import lossdsl
from lossdsl.fitting.links import Link, link_of
from lossdsl.fitting.rows import coupling, example_axis
from lossdsl.fitting.variant import Variant, compiled, rewritten
from tests.core_invariants import assert_invariants

CATALOGUE = lossdsl.catalogue
REGRESSION = CATALOGUE["regression"]

ROWS, FEATURES = 120, 3
RNG = np.random.default_rng(7)
X = RNG.normal(size=(ROWS, FEATURES))
NUMBERS = X @ [1.0, -2.0, 0.5] + 0.3 + RNG.standard_t(3, size=ROWS)
COUNTS = RNG.poisson(np.exp(X @ [0.3, -0.4, 0.0] + 0.5)).astype(float)
AMOUNTS = np.exp(X @ [0.3, -0.4, 0.0]) * RNG.gamma(2.0, size=ROWS)
SHARES = 1 / (1 + np.exp(-NUMBERS))
BITS = (NUMBERS > 0.3).astype(float)
LABELS = RNG.integers(0, 3, ROWS)
REPEATS = RNG.integers(0, 4, ROWS)

FIT = {"rtol": 1e-6, "atol": 1e-7}
"""Both minimisers stop at relative gradients of 1e-10 or so, and neither Hessian here has a condition above 1e3."""


def coefficients(model: Any) -> Any:
    (name,) = model.coef
    return np.append(model.coef[name], model.intercept[name])


def reference(estimator: Any, y: Any, **fit: Any) -> Any:
    estimator.fit(X, y, **fit)
    return np.append(estimator.coef_, estimator.intercept_)


# ---------------------------------------------------------------- derivatives

DERIVATIVES: dict[str, tuple[lossdsl.Loss, tuple[Any, ...], dict[str, Any]]] = {
    "one prediction": (REGRESSION["huber"], (NUMBERS,), {}),
    "penalties": (REGRESSION["log_cosh"], (NUMBERS,), {"l2": 0.3, "l1": 0.1}),
    "no intercept": (REGRESSION["mse"], (NUMBERS,), {"intercept": False}),
    "weights": (REGRESSION["expectile"], (NUMBERS,), {"level": 0.2, "sample_weight": REPEATS}),
    "weights of a sum": (lossdsl.loss("loss s(p[n] | y[n]):\n    return sum[n]((p - y)^4)"), (NUMBERS,), {"sample_weight": REPEATS}),
    "links": (REGRESSION["gaussian_nll"], (NUMBERS,), {}),
    "other links": (REGRESSION["gaussian_nll"], (NUMBERS,), {"links": {"var": "softplus"}}),
    "interval": (REGRESSION["beta_density_nll"], (SHARES,), {"sample_weight": REPEATS}),
    "several outputs": (REGRESSION["mse"], (np.stack([NUMBERS, COUNTS], axis=1),), {"sample_weight": REPEATS}),
    "levels": (REGRESSION["expectile"], (NUMBERS,), {"level": 0.9}),
    "classes": (CATALOGUE["classification"]["cross_entropy"], (LABELS,), {"sample_weight": REPEATS}),
    "a mask": (CATALOGUE["classification"]["cross_entropy_ignore"], (np.where(REPEATS > 0, LABELS, -100),), {"sample_weight": REPEATS, "sizes": {"c": 3}}),
    "learned": (CATALOGUE["ordinal"]["cumulative_logit"], (LABELS,), {"sizes": {"k": 1}, "sample_weight": REPEATS}),
    "learned behind links": (CATALOGUE["robust"]["adaptive_robust"], (NUMBERS,), {}),
    "coupled": (CATALOGUE["survival"]["cox_breslow"], (AMOUNTS, BITS), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_by_the_rate_of_the_taylor_remainder(name: str) -> None:
    """value(x + h v) - value(x) - h g.v falls like h^2, and the gradient's remainder with the Hessian too: by 4 for each
    halving of h, and by less than 3 only for a wrong derivative, whose remainder falls by 2."""
    loss, data, options = DERIVATIVES[name]
    problem = loss.scipy_objective(X, *data, **options)
    rng = np.random.default_rng(1)
    x, v = problem.start + 0.3 * np.abs(rng.normal(size=problem.start.size)), rng.normal(size=problem.start.size)
    value, gradient = problem(x)
    product = problem.hessp(x, v)
    assert gradient.shape == product.shape == x.shape
    first, second = [], []
    for h in (2.0**-9, 2.0**-10, 2.0**-11):
        there, slope = problem(x + h * v)
        first.append(abs(there - value - h * (gradient @ v)))
        second.append(float(np.linalg.norm(slope - gradient - h * product)))
    for remainders in (first, second):
        noise = 1e-13 * max(1.0, abs(value), float(np.linalg.norm(gradient)))
        assert all(late < early / 3 + noise for early, late in itertools.pairwise(remainders)), remainders


def test_gradients_are_those_of_the_loss_through_the_chain_rule() -> None:
    loss = REGRESSION["gaussian_nll"]
    problem = loss.scipy_objective(X, NUMBERS)
    x = np.random.default_rng(2).normal(size=problem.start.size)
    eta = [X @ x[:3] + x[3], X @ x[4:7] + x[7]]
    value, (of_mu, of_var) = loss.numpy().value_and_grad(eta[0], np.exp(eta[1]), NUMBERS, wrt=("mu", "var"))
    rows = [of_mu, of_var * np.exp(eta[1])]
    wanted = np.concatenate([part for row in rows for part in (row @ X, [row.sum()])])
    assert problem(x)[0] == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(problem(x)[1], wanted, rtol=1e-11)


# ---------------------------------------------------------------- fits


def test_least_squares() -> None:
    wanted = np.linalg.lstsq(np.column_stack([X, np.ones(ROWS)]), NUMBERS, rcond=None)[0]
    np.testing.assert_allclose(
        coefficients(REGRESSION["mse"].scipy_objective(X, NUMBERS).minimize()), wanted, rtol=1e-10
    )


OTHERS = {
    "ridge": ("mse", NUMBERS, {"l2": 0.5}, linear_model.Ridge(alpha=0.5 * ROWS / 2, tol=1e-12)),
    "lasso": ("mse", NUMBERS, {"l1": 0.5}, linear_model.Lasso(alpha=0.25, tol=1e-12)),
    "elastic net": ("mse", NUMBERS, {"l1": 0.3, "l2": 0.4}, linear_model.ElasticNet(alpha=0.35, l1_ratio=3 / 7, tol=1e-12)),
    "poisson": ("poisson_nll", COUNTS, {"l2": 0.1}, linear_model.PoissonRegressor(alpha=0.1, tol=1e-10)),
    "poisson, through the link": ("poisson_deviance", COUNTS, {"l2": 0.2}, linear_model.PoissonRegressor(alpha=0.1, tol=1e-10)),
    "gamma": ("gamma_deviance", AMOUNTS, {"l2": 0.2}, linear_model.GammaRegressor(alpha=0.1, tol=1e-10)),
    "tweedie": ("tweedie", AMOUNTS, {"l2": 0.1}, linear_model.TweedieRegressor(power=1.5, alpha=0.1, tol=1e-10)),
    "absolute error": ("mae", NUMBERS, {}, linear_model.QuantileRegressor(alpha=0)),
    "quantile": ("quantile", NUMBERS, {"level": 0.8}, linear_model.QuantileRegressor(quantile=0.8, alpha=0)),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_fits_are_those_of_scikit_learn(name: str) -> None:
    loss, y, options, other = OTHERS[name]
    model = REGRESSION[loss].scipy_objective(X, y, **options).minimize()
    assert model.success, model.message
    np.testing.assert_allclose(coefficients(model), reference(other, y), **FIT)


@pytest.mark.parametrize("name", ["ridge", "poisson", "tweedie"])
def test_weighted_fits_are_those_of_scikit_learn(name: str) -> None:
    loss, y, options, other = OTHERS[name]
    if name == "ridge":  # the penalty of Ridge is not divided by the weights
        other = linear_model.Ridge(alpha=0.5 * REPEATS.sum() / 2, tol=1e-12)
    model = REGRESSION[loss].scipy_objective(X, y, sample_weight=REPEATS, **options).minimize()
    np.testing.assert_allclose(coefficients(model), reference(other, y, sample_weight=REPEATS), **FIT)


def test_classes_are_those_of_scikit_learn() -> None:
    """scikit-learn centres coefficients over classes as the penalty does, and leaves intercepts open by a constant."""
    other = linear_model.LogisticRegression(C=1 / (0.1 * ROWS), tol=1e-10, max_iter=1000).fit(X, LABELS)
    model = CATALOGUE["classification"]["cross_entropy"].scipy_objective(X, LABELS, l2=0.1).minimize()
    np.testing.assert_allclose(model.coef["logits"], other.coef_, **FIT)
    np.testing.assert_allclose(model.report(X)["p"], other.predict_proba(X), **FIT)


def test_an_l1_penalty_gives_exact_zeros() -> None:
    model = REGRESSION["huber"].scipy_objective(X, NUMBERS, l1=0.4).minimize()
    assert model.success
    assert np.count_nonzero(model.coef["pred"]) < FEATURES


def test_learned_values_have_their_closed_form() -> None:
    text = "loss g(mu[n] | y[n]; learn sigma > 0 = 2):\n    return mean[n](((y - mu)/sigma)^2/2 + log(sigma))"
    model = lossdsl.loss(text).scipy_objective(X, NUMBERS).minimize()
    residual = NUMBERS - model.predictions(X)["mu"]
    assert model.learn["sigma"] == pytest.approx(math.sqrt(np.mean(residual**2)), rel=1e-8)


def test_learned_values_between_bounds_that_are_hyperparameters() -> None:
    text = "loss m(p[n] | y[n]; low, high > low, learn at in (low, high)):\n    return mean[n](p^2 + (y - at)^2)"
    loss = lossdsl.loss(text)
    inside = loss.scipy_objective(X, NUMBERS, low=-50, high=50).minimize()
    assert inside.learn["at"] == pytest.approx(NUMBERS.mean(), rel=1e-8)
    beyond = loss.scipy_objective(X, NUMBERS, low=-50, high=-40, at=-45).minimize()
    assert -41 < beyond.learn["at"] <= -40
    with pytest.raises(ValueError, match=r"between -50\.0 and -40\.0, got 1"):
        loss.scipy_objective(X, NUMBERS, low=-50.0, high=-40.0, at=1.0)


def test_thresholds_are_learned() -> None:
    """Proportional odds for classes that do not depend on features: thresholds are the log odds of the shares."""
    loss = CATALOGUE["ordinal"]["cumulative_logit"]
    model = loss.scipy_objective(np.zeros((ROWS, 1)), LABELS, sizes={"k": 1}, intercept=False).minimize()
    shares = np.cumsum(np.bincount(LABELS) / ROWS)[:2]
    thresholds = np.cumsum([model.learn["first"], np.exp(model.learn["log_step"][0])])
    np.testing.assert_allclose(thresholds, np.log(shares / (1 - shares)), rtol=1e-7)


def test_a_coupled_loss_without_weights() -> None:
    """Cox: the gradient at the fit is 0, by the formula of the partial likelihood written out."""
    model = CATALOGUE["survival"]["cox_breslow"].scipy_objective(X, AMOUNTS, BITS, intercept=False).minimize()
    risk = np.exp(X @ model.coef["risk"])
    at_risk = AMOUNTS[None, :] >= AMOUNTS[:, None]
    means = (at_risk * risk) @ X / (at_risk * risk).sum(axis=1)[:, None]
    assert np.max(np.abs((X - means)[BITS == 1].sum(axis=0))) < 1e-7


def test_a_loss_without_data() -> None:
    from sklearn.svm import OneClassSVM

    loss = CATALOGUE["margin"]["one_class_svm"]
    model = loss.scipy_objective(X + 3, l2=1.0, intercept=False, nu=0.21).minimize()
    dual = OneClassSVM(kernel="linear", nu=0.21, tol=1e-10).fit(X + 3)
    # the dual is solved for coefficients nu*n times as large; were nu*n whole, rho would not be unique
    np.testing.assert_allclose(model.coef["score"] * 0.21 * ROWS, dual.coef_[0], rtol=1e-4)
    assert model.learn["rho"] * 0.21 * ROWS == pytest.approx(dual.offset_[0], rel=1e-4)


# ---------------------------------------------------------------- weights

WEIGHTED = [
    ("regression", "huber", (NUMBERS,), {}),
    ("regression", "mse", (np.stack([NUMBERS, COUNTS], axis=1),), {}),
    ("regression", "multi_quantile", (NUMBERS, np.array([0.2, 0.7])), {}),
    ("regression", "gaussian_nll", (NUMBERS,), {}),
    ("classification", "focal", (LABELS,), {"l2": 0.01}),
    ("classification", "weighted_binary_cross_entropy", (np.stack([BITS, 1 - BITS], axis=1),), {"l2": 0.01}),
    ("ordinal", "cumulative_logit", (LABELS,), {"sizes": {"k": 1}}),
    ("ordinal", "corn", (LABELS,), {"sizes": {"k": 2}, "l2": 0.01}),
    ("robust", "adaptive_robust", (NUMBERS,), {}),
]


@pytest.mark.parametrize(
    ("family", "name", "data", "options"), WEIGHTED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_weights_repeat_examples(family: str, name: str, data: tuple[Any, ...], options: dict[str, Any]) -> None:
    """Value and gradient, at any parameters; learned ones included."""
    loss = CATALOGUE[family][name]
    weighted = loss.scipy_objective(X, *data, sample_weight=REPEATS, **options)
    rows = np.repeat(np.arange(ROWS), REPEATS)
    repeated = loss.scipy_objective(X[rows], *(d[rows] if len(d) == ROWS else d for d in data), **options)
    x = weighted.start + 0.3 * np.random.default_rng(3).normal(size=weighted.start.size)
    assert weighted(x)[0] == pytest.approx(repeated(x)[0], rel=1e-12)
    np.testing.assert_allclose(weighted(x)[1], repeated(x)[1], rtol=1e-9, atol=1e-12)


def test_the_name_of_the_weights_gives_way() -> None:
    text = "loss l(p[n] | y[n], sample_weight[n] = 1, sample_weight_[n] = 2):\n    return mean[n](sample_weight*sample_weight_*(p - y)^2)"
    one = lossdsl.loss(text).scipy_objective(X, NUMBERS, sample_weight=REPEATS)
    other = REGRESSION["mse"].scipy_objective(X, NUMBERS, sample_weight=REPEATS)
    x = np.ones(4)
    assert one(x)[0] == pytest.approx(2 * other(x)[0], rel=1e-13)


# ---------------------------------------------------------------- methods


@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "CG", "trust-ncg", "Newton-CG", "trust-constr", "SLSQP", "TNC"])
def test_methods_of_scipy(method: str) -> None:
    problem = REGRESSION["pseudo_huber"].scipy_objective(X, NUMBERS, l2=0.01)
    best = problem.minimize()
    takes_products = method in ("trust-ncg", "Newton-CG", "trust-constr")
    more = {"hessp": problem.hessp} if takes_products else {}
    result = optimize.minimize(problem, problem.start, jac=True, method=method, bounds=problem.bounds, **more)
    assert problem.bounds is None
    np.testing.assert_allclose(coefficients(problem.unpack(result.x)), coefficients(best), rtol=1e-3, atol=1e-3)
    assert problem.minimize(method).value == pytest.approx(best.value, rel=1e-6)


def test_products_with_the_hessian_save_steps() -> None:
    """A wrong product would cost steps or the minimum: Newton's method takes few."""
    problem = REGRESSION["poisson_nll"].scipy_objective(X, COUNTS)
    result = optimize.minimize(problem, problem.start, jac=True, hessp=problem.hessp, method="trust-ncg", tol=1e-9)
    assert result.success
    assert result.nit <= 8


def test_l1_needs_a_method_with_bounds() -> None:
    problem = REGRESSION["mse"].scipy_objective(X, NUMBERS, l1=0.1)
    assert problem.bounds is not None
    result = optimize.minimize(problem, problem.start, jac=True, bounds=problem.bounds, method="L-BFGS-B", tol=1e-12)
    np.testing.assert_allclose(coefficients(problem.unpack(result.x)), coefficients(problem.minimize()), rtol=1e-4)
    with pytest.raises(ValueError, match=r"takes bounds .*not BFGS"):
        problem.minimize("BFGS")


def test_scales_of_features_do_not_matter() -> None:
    """Features of very different sizes, far from 0, with a penalty in their own units."""
    scales, shifts = np.array([1e-3, 1.0, 1e4]), np.array([5.0, -300.0, 1e6])
    raw = X * scales + shifts
    wanted = linear_model.Ridge(alpha=1e-4 * ROWS / 2, solver="svd").fit(raw, NUMBERS)
    model = REGRESSION["mse"].scipy_objective(raw, NUMBERS, l2=1e-4).minimize()
    assert model.success
    assert model.iterations < 20  # as for features of one size, where plain L-BFGS takes a hundred and more
    np.testing.assert_allclose(model.predictions(raw)["pred"], wanted.predict(raw), rtol=1e-6, atol=1e-6)
    assert model.value == pytest.approx(REGRESSION["mse"].scipy_objective(raw, NUMBERS, l2=1e-4)(model.parameters)[0])


def test_flat_directions_are_followed_to_their_end() -> None:
    """More features than examples: the curvature is that of a small penalty, and gradients are small far from the end."""
    rng = np.random.default_rng(5)
    features, y, weights = rng.random((15, 30)), rng.integers(0, 4, 15).astype(float), rng.integers(0, 4, 15)
    rows = np.repeat(np.arange(15), weights)
    loss, options = REGRESSION["poisson_deviance"], {"l2": 1e-4, "intercept": False}
    one = loss.scipy_objective(features, y, sample_weight=weights, **options).minimize()
    other = loss.scipy_objective(features[rows], y[rows], **options).minimize()
    np.testing.assert_allclose(one.predictions(features)["rate"], other.predictions(features)["rate"], rtol=1e-9)


@pytest.mark.parametrize("options", [{"l2": 0.1}, {"l1": 0.1}, {"l2": 0.1, "intercept": False}])
def test_sparse_features(options: dict[str, Any]) -> None:
    dense = np.where(np.abs(X) > 0.8, X, 0.0)
    one = REGRESSION["log_cosh"].scipy_objective(dense, NUMBERS, sample_weight=REPEATS, **options)
    other = REGRESSION["log_cosh"].scipy_objective(sparse.csr_array(dense), NUMBERS, sample_weight=REPEATS, **options)
    x = np.abs(np.random.default_rng(4).normal(size=one.start.size))
    np.testing.assert_allclose(one(x)[1], other(x)[1], rtol=1e-12)
    np.testing.assert_allclose(coefficients(one.minimize()), coefficients(other.minimize()), rtol=1e-5, atol=1e-7)


# ---------------------------------------------------------------- links and the rewritten tree

LINKS = [
    ("p[n]", Link()),
    ("p[n] > 0", Link("exp", 0)),
    ("p[n] >= 2", Link("exp", 2)),
    ("p[n] < 3", Link("exp", None, 3)),
    ("p[n] in (0, 1)", Link("sigmoid", 0, 1)),
    ("p[n] in [-1, 4]", Link("sigmoid", -1, 4)),
    ("p[n] in [0, 5]", Link("sigmoid", 0, 5)),
]


@pytest.mark.parametrize(("argument", "link"), LINKS, ids=[text for text, _ in LINKS])
@pytest.mark.parametrize("wanted", [None, "softplus", "identity"])
def test_links(argument: str, link: Link, wanted: str | None) -> None:
    """The link of a domain; forward and back; the same in generated code."""
    loss = lossdsl.loss(f"loss l({argument}):\n    return mean[n](p)")
    arg = next(a for a in loss.program.args if a.name == "p")
    if wanted == "softplus":
        if link.kind != "exp":
            with pytest.raises(ValueError, match="link"):
                link_of(arg, wanted)
            return
        link = Link("softplus", link.low, link.high)
    elif wanted == "identity":
        link = Link()
    assert link_of(arg, wanted) == link
    z = np.array([-30.0, -1.0, 0.0, 0.5, 2.0, 45.0 if link.kind == "softplus" else 3.0])
    value = link.forward(z, {})
    code = compiled(loss.program, Variant((("p", link),)))
    np.testing.assert_allclose(
        code.functions(p=z, reduction="none"), value, rtol=1e-15 if link.kind == "identity" else 1e-14
    )
    np.testing.assert_allclose(link.inverse(value, {})[1:], z[1:], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("family", ["regression", "classification", "ordinal", "survival", "robust"])
def test_rewritten_programs_keep_the_promises_of_the_checked_tree(family: str) -> None:
    for loss in CATALOGUE[family].values():
        program = loss.program
        axis = example_axis(program)
        links = tuple((a.name, link_of(a)) for a in program.args if a.role in ("prediction", "learn"))
        weights = axis if coupling(program, axis) is None else None
        made = rewritten(program, Variant(links, weights))
        assert_invariants(made)
        assert not any(a.domain for a in made.args if a.role == "prediction")
        assert len(made.args) == len(program.args) + (weights is not None)


def test_a_program_is_compiled_once() -> None:
    links = (("mu", Link()), ("var", Link("exp", 0)))
    program = REGRESSION["gaussian_nll"].program
    assert compiled(program, Variant(links)) is compiled(program, Variant(links))


# ---------------------------------------------------------------- models


def test_what_a_model_tells() -> None:
    model = REGRESSION["zero_inflated_poisson"].scipy_objective(X, COUNTS, l2=1e-3).minimize()
    told = model.report(X)
    linear = model.linear(X)
    np.testing.assert_allclose(told["rate"], np.exp(linear["log_rate"]), rtol=1e-13)
    np.testing.assert_allclose(told["gate"], 1 / (1 + np.exp(-linear["gate_logit"])), rtol=1e-12)
    assert REGRESSION["mse"].scipy_objective(X, NUMBERS).minimize().report(X) == {}


def test_models_can_be_pickled_and_names_may_be_keywords() -> None:
    text = "loss l(lambda[n] > 0 | class[n]; learn print > 0 = 1):\n    predict yield = lambda*print\n    return mean[n]((lambda*print - class)^2 + log(print)^2)"
    model = lossdsl.loss(text).scipy_objective(X, AMOUNTS, l2=0.1).minimize()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.report(X)["yield"], model.report(X)["yield"])
    np.testing.assert_allclose(model.report(X)["yield"], model.predictions(X)["lambda"] * model.learn["print"])


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    check = "import sys, lossdsl, lossdsl.fitting; print([m for m in ('torch', 'sklearn', 'scipy', 'sympy') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
