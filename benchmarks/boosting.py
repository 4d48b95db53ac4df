"""Boosting: what a custom objective costs, against the built-in one and against one typed in NumPy.

    python benchmarks/boosting.py [--rows 200000] [--features 20] [--rounds 100] [--threads 1] [--library xgboost]
                                  [--case logistic]

For each library and loss: the time of a training with the objective that the library has built in; with the emitted
one, and the share of that time that was spent in it; and with the same formulas typed in NumPy, as they stand in
tutorials.  Times are ratios to the built-in one of the same run.  Trainings take turns; figures are medians of
`--repeat` runs.  The losses of the three models on the training data are compared before anything is printed.
CatBoost calls for one row at a time where a row has several scores: a hundredth of the rows is enough to see what
that costs.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import lossdsl

Array = np.ndarray[Any, Any]
LEAVES = {"max_depth": 6, "learning_rate": 0.1}


@dataclass(frozen=True)
class Case:
    """A loss, its data, the names of the built-in objectives, and the derivatives as one would type them."""

    name: str
    loss: lossdsl.Loss
    labels: Callable[[Array, np.random.Generator], Array]
    built_in: dict[str, dict[str, Any]]
    typed: Callable[[Array, Array], tuple[Array, Array]]
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of the emitted objective, by library, where the library's own Hessian is not the default."""
    fewer: dict[str, int] = field(default_factory=dict)
    """By library: which part of the rows is trained with."""


def typed_logistic(score: Array, y: Array) -> tuple[Array, Array]:
    p = 1 / (1 + np.exp(-score))
    return p - y, p * (1 - p)


def typed_softmax(score: Array, y: Array) -> tuple[Array, Array]:
    e = np.exp(score - score.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p - np.eye(score.shape[1])[y.astype(int)], 2 * p * (1 - p)


def typed_tweedie(score: Array, y: Array) -> tuple[Array, Array]:
    a, b = np.exp(-0.5 * score), np.exp(0.5 * score)
    return -y * a + b, 0.5 * y * a + 0.5 * b


def typed_squared(score: Array, y: Array) -> tuple[Array, Array]:
    return score - y, np.ones_like(score)


def typed_pseudo_huber(score: Array, y: Array) -> tuple[Array, Array]:
    r = score - y
    root = np.sqrt(1 + r**2)
    return r / root, 1 / root**3


def typed_huber(score: Array, y: Array) -> tuple[Array, Array]:
    r = score - y
    return np.clip(r, -1, 1), np.ones_like(r)


def typed_exact_huber(score: Array, y: Array) -> tuple[Array, Array]:
    r = score - y
    return np.clip(r, -1, 1), (np.abs(r) <= 1).astype(float)


HALF_SQUARE = lossdsl.loss("loss squared(score[n] | y[n]):\n    return mean[n]((score - y)^2/2)\n")
CASES = [
    Case(
        "squared error",
        HALF_SQUARE,
        lambda trend, rng: trend + rng.normal(size=len(trend)),
        {
            "xgboost": {"objective": "reg:squarederror"},
            "lightgbm": {"objective": "regression"},
            "catboost": {"loss_function": "RMSE"},
        },
        typed_squared,
    ),
    Case(
        "logistic",
        lossdsl.catalogue["classification"]["binary_cross_entropy"],
        lambda trend, rng: (rng.uniform(size=len(trend)) < 1 / (1 + np.exp(-trend))).astype(float),
        {
            "xgboost": {"objective": "binary:logistic"},
            "lightgbm": {"objective": "binary"},
            "catboost": {"loss_function": "Logloss"},
        },
        typed_logistic,
    ),
    Case(
        "softmax, 5 classes",
        lossdsl.catalogue["classification"]["cross_entropy"],
        lambda trend, rng: np.digitize(trend + rng.normal(size=len(trend)), [-1.0, -0.3, 0.3, 1.0]).astype(float),
        {
            "xgboost": {"objective": "multi:softprob", "num_class": 5},
            "lightgbm": {"objective": "multiclass", "num_class": 5},
            "catboost": {"loss_function": "MultiClass"},
        },
        typed_softmax,
        {"lightgbm": {"hessian": "exact", "hessian_scale": 1.25}},
        {"catboost": 100},
    ),
    Case(
        "Tweedie",
        lossdsl.catalogue["regression"]["tweedie"],
        lambda trend, rng: np.where(rng.uniform(size=len(trend)) < 0.3, 0.0, rng.gamma(2.0, np.exp(trend / 2) / 2)),
        {
            "xgboost": {"objective": "reg:tweedie", "tweedie_variance_power": 1.5},
            "lightgbm": {"objective": "tweedie", "tweedie_variance_power": 1.5},
            "catboost": {"loss_function": "Tweedie:variance_power=1.5"},
        },
        typed_tweedie,
    ),
    Case(
        "Huber",
        lossdsl.catalogue["regression"]["huber"],
        lambda trend, rng: trend + rng.standard_t(3, size=len(trend)),
        {"lightgbm": {"objective": "huber", "alpha": 1.0}},
        typed_huber,
        {"lightgbm": {"hessian": "constant"}},
    ),
    Case(
        "Huber",
        lossdsl.catalogue["regression"]["huber"],
        lambda trend, rng: trend + rng.standard_t(3, size=len(trend)),
        {"catboost": {"loss_function": "Huber:delta=1.0"}},
        typed_exact_huber,
        {"catboost": {"hessian": "exact"}},
    ),
    Case(
        "pseudo-Huber",
        lossdsl.catalogue["regression"]["pseudo_huber"],
        lambda trend, rng: trend + rng.standard_t(3, size=len(trend)),
        {"xgboost": {"objective": "reg:pseudohubererror"}},
        typed_pseudo_huber,
        {"xgboost": {"hessian": "exact"}},
    ),
]


class Clock:
    """Adds up the time that is spent in what it wraps."""

    def __init__(self) -> None:
        self.spent = 0.0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            start = time.perf_counter()
            result = function(*args)
            self.spent += time.perf_counter() - start
            return result

        return run


@dataclass(frozen=True)
class Run:
    """One training: how long it took, how long the objective, and raw scores of the training data."""

    total: float
    inside: float
    scores: Array


def with_xgboost(case: Case, kind: str, x: Array, y: Array, rounds: int, threads: int) -> Run:
    import xgboost

    objective = case.loss.objective("xgboost", **case.options.get("xgboost", {}))
    clock = Clock()
    data = xgboost.QuantileDMatrix(x, label=y)
    own = objective.parameters(y)
    start = np.atleast_1d(own["base_score"])
    params = {**LEAVES, "nthread": threads, "min_child_weight": 1, "reg_lambda": 1, "max_delta_step": 0}
    if kind == "built-in":
        params |= {**case.built_in["xgboost"], "base_score": own["base_score"]}
        if len(start) == 1:
            params["base_score"] = float(objective.predict_transform(start)[0])
        function = None
    else:
        params = {**own, **params}
        function = clock.timed(objective if kind == "emitted" else lambda s, d: case.typed(s, d.get_label()))
    begin = time.perf_counter()
    booster = xgboost.train(params, data, rounds, obj=function)
    total = time.perf_counter() - begin
    return Run(total, clock.spent, booster.predict(data, output_margin=True))


def with_lightgbm(case: Case, kind: str, x: Array, y: Array, rounds: int, threads: int) -> Run:
    import lightgbm

    objective = case.loss.objective("lightgbm", **case.options.get("lightgbm", {}))
    clock = Clock()
    start = objective.init_score(y)
    params: dict[str, Any] = {**LEAVES, "num_threads": threads, "verbose": -1, "min_sum_hessian_in_leaf": 1e-3}
    if kind == "built-in":
        params |= {**case.built_in["lightgbm"], "boost_from_average": False}
    else:
        params = {**objective.parameters(y), **params}
        factor = case.options.get("lightgbm", {}).get("hessian_scale", 2.0) / 2
        typed = case.typed if factor == 1 or "softmax" not in case.name else _scaled(case.typed, factor)
        params["objective"] = clock.timed(objective if kind == "emitted" else lambda s, d: typed(s, d.get_label()))
    data = lightgbm.Dataset(x, label=y, init_score=objective.first_scores(start, len(y)), params={"verbose": -1})
    data.construct()
    begin = time.perf_counter()
    booster = lightgbm.train(params, data, rounds)
    total = time.perf_counter() - begin
    return Run(total, clock.spent, start + booster.predict(x, raw_score=True))


def _scaled(typed: Callable[[Array, Array], tuple[Array, Array]], factor: float) -> Any:
    def scaled(score: Array, y: Array) -> tuple[Array, Array]:
        grad, hess = typed(score, y)
        return grad, hess * factor

    return scaled


class Typed:
    """What the documentation of CatBoost shows, with NumPy: derivatives of minus the loss, as pairs."""

    def __init__(self, case: Case) -> None:
        self.case = case

    def calc_ders_range(self, approxes: Array, targets: Array, weights: Array | None) -> list[tuple[float, float]]:
        grad, hess = self.case.typed(np.asarray(approxes), np.asarray(targets))
        if weights is not None:
            grad, hess = grad * weights, hess * weights
        return list(zip(-grad, -hess, strict=True))

    def calc_ders_multi(self, approx: Array, target: float, weight: float) -> tuple[list[float], list[list[float]]]:
        p = np.exp(approx - np.max(approx))
        p /= p.sum()
        grad = p - (np.arange(len(p)) == target)
        return (-weight * grad).tolist(), (-weight * (np.diag(p) - np.outer(p, p))).tolist()


def with_catboost(case: Case, kind: str, x: Array, y: Array, rounds: int, threads: int) -> Run:
    import catboost

    objective = case.loss.objective("catboost", **case.options.get("catboost", {}))
    clock = Clock()
    start = objective.init_score(y)
    params: dict[str, Any] = {
        "iterations": rounds, "depth": 6, "learning_rate": 0.1, "thread_count": threads, "verbose": False,
        "bootstrap_type": "No", "random_strength": 0, "boosting_type": "Plain", "boost_from_average": False,
        "leaf_estimation_method": "Newton", "leaf_estimation_iterations": 1, "l2_leaf_reg": 3,
        "allow_writing_files": False, "metric_period": rounds,
    }  # fmt: skip
    if kind == "built-in":
        params |= case.built_in["catboost"]
    else:
        called = objective if kind == "emitted" else Typed(case)
        method = "calc_ders_multi" if np.ndim(start) else "calc_ders_range"
        setattr(called, method, clock.timed(getattr(called, method)))
        params |= {**objective.parameters(y), "loss_function": called, **params}
    pool = catboost.Pool(x, y, baseline=objective.first_scores(start, len(y)))
    model = catboost.CatBoost(params)
    begin = time.perf_counter()
    model.fit(pool)
    total = time.perf_counter() - begin
    return Run(total, clock.spent, start + model.predict(x, prediction_type="RawFormulaVal"))


TRAINERS = {"xgboost": with_xgboost, "lightgbm": with_lightgbm, "catboost": with_catboost}
KINDS = ("built-in", "emitted", "typed")


def data(case: Case, rows: int, features: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, features)).astype(np.float32)
    trend = x[:, 0] + x[:, 1] * x[:, 2] / 2 + np.sin(2 * x[:, 3])
    return x, np.float32(case.labels(trend.astype(float), rng)).astype(float)


def measured(case: Case, library: str, arguments: argparse.Namespace) -> list[str]:
    rows = arguments.rows // case.fewer.get(library, 1)
    x, y = data(case, rows, arguments.features)
    runs: dict[str, list[Run]] = {kind: [] for kind in KINDS}
    for _ in range(arguments.repeat):
        for kind in KINDS:
            runs[kind].append(TRAINERS[library](case, kind, x, y, arguments.rounds, arguments.threads))
    losses = {kind: case.loss.objective("xgboost").loss(np.float64(runs[kind][0].scores), y) for kind in KINDS}
    if max(losses.values()) > 1.02 * min(losses.values()) + 1e-3:
        raise SystemExit(f"{case.name} with {library}: the models are not the same: {losses}")
    total = {kind: statistics.median(run.total for run in runs[kind]) for kind in KINDS}
    share = {kind: statistics.median(run.inside / run.total for run in runs[kind]) for kind in KINDS}
    return [
        case.name if rows == arguments.rows else f"{case.name}, {rows:,} rows",
        library,
        f"{1e3 * total['built-in'] / arguments.rounds:.1f} ms",
        f"{total['emitted'] / total['built-in']:.2f}",
        f"{share['emitted']:.0%}",
        f"{total['typed'] / total['built-in']:.2f}",
        f"{share['typed']:.0%}",
    ]


def main() -> None:
    warnings.filterwarnings("ignore", message="Failed to import numba")
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--features", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--library", choices=list(TRAINERS), action="append")
    parser.add_argument("--case", help="part of the name of a loss")
    arguments = parser.parse_args()
    table = Table(title=f"{arguments.rows:,} rows, {arguments.features} features, {arguments.rounds} rounds")
    for heading in ("loss", "library", "built-in, a round", "emitted", "share", "typed", "share"):
        table.add_column(heading, justify="left" if heading in ("loss", "library") else "right")
    for case in CASES:
        for library in arguments.library or TRAINERS:
            if library in case.built_in and (arguments.case or "").lower() in case.name.lower():
                table.add_row(*measured(case, library, arguments))
    Console().print(table)


if __name__ == "__main__":
    main()
