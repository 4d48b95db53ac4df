"""Losses of the catalogue that no boosting library has, trained with the real libraries on real data.

    python benchmarks/boosting_catalogue.py [--output docs/boosting_catalogue.md] [--only NAME ...]

The metric is the loss itself on rows that training has not seen, by five-fold cross-validation.  It is compared with

* the best constant: the first score that the objective finds on the training rows, or a better one on a grid;
* the library's own objective for such a target (squared error, logistic, softmax), with the same trees.  Its scores are
  taken as they are, or times the factor that is best for the loss on the training rows, whichever turns out better on
  the rows held out: that favours this baseline.  Where the loss has a `predict` binding for a probability, its scores
  are those that give the same probabilities.

All trees have depth 3, the learning rate is 0.1, there are 60 rounds.  Data are those that ship with scikit-learn;
targets that are numbers are standardised with the training rows.  Nothing is tuned for any loss: the Hessian is the one
that the objective chooses, and so are the settings that `objective.parameters` gives.

A win is a smaller mean over all rows held out.  With five folds of some hundred rows, small differences are luck: look
at the number of folds.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.model_selection import KFold, StratifiedKFold

import lossdsl

FOLDS, ROUNDS, DEPTH, RATE = 5, 60, 3, 0.1
PAGE = Path(__file__).parent.parent / "docs" / "boosting_catalogue.md"
LIBRARIES = ("xgboost", "lightgbm")
ALL = (*LIBRARIES, "catboost")

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Data:
    """Features and a target that is numbers, bits or classes (whole numbers from 0)."""

    X: Array
    y: Array
    kind: str


@dataclass(frozen=True)
class Case:
    """A loss ("family: name"), the data it is trained on, and how bits are written for it."""

    loss: str
    data: str
    hyper: dict[str, Any] = field(default_factory=dict)
    low: float = 0.0
    libraries: Sequence[str] = LIBRARIES

    @property
    def name(self) -> str:
        return self.loss.split(": ")[1]

    def fetch(self) -> lossdsl.Loss:
        family, name = self.loss.split(": ")
        return lossdsl.catalogue[family][name]


@dataclass(frozen=True)
class Result:
    """Means over all rows held out, and in how many folds this objective was better than the better baseline."""

    case: Case
    library: str
    hessian: str
    constant: float
    default: float
    ours: float
    folds: int

    @property
    def beats(self) -> bool:
        return bool(self.ours < min(self.constant, self.default))


ROBUST = ("cauchy", "welsch", "geman_mcclure", "tukey_biweight", "andrews", "hampel", "ramsay", "arctan",
          "truncated_squared")  # fmt: skip

CASES = (
    *(
        Case(f"robust: {name}", where)
        for name in ROBUST
        for where in ("diabetes: progression", "breast cancer: area error")
    ),
    Case("robust: general_robust", "wine: alcohol", {"alpha": -1.0}),
    Case("regression: berhu", "wine: alcohol"),
    Case("regression: wing", "breast cancer: worst area", {"omega": 1.0, "epsilon": 0.2}),
    Case("regression: linex", "breast cancer: worst area", libraries=ALL),
    Case("regression: linex", "diabetes: progression", {"a": -1.0}, libraries=ALL),
    Case("regression: epsilon_insensitive", "diabetes: progression"),
    Case("regression: squared_epsilon_insensitive", "diabetes: progression", {"epsilon": 0.5}),
    Case("regression: squared_epsilon_insensitive", "wine: alcohol", {"epsilon": 0.5}),
    Case("classification: probit", "breast cancer: benign"),
    Case("classification: complementary_log_log", "digits: eight"),
    Case("classification: focal_star", "breast cancer: benign", libraries=ALL),
    Case("classification: poly1_focal", "digits: eight", libraries=ALL),
    Case("classification: reduced_focal", "digits: eight"),
    Case("classification: binary_brier", "digits: eight"),
    Case("margin: squared_hinge", "breast cancer: benign", low=-1.0, libraries=ALL),
    Case("margin: smoothed_hinge", "breast cancer: benign", low=-1.0),
    Case("margin: modified_huber", "digits: eight", low=-1.0),
    Case("margin: exponential", "breast cancer: benign", low=-1.0),
    Case("margin: savage", "digits: eight", low=-1.0),
    Case("margin: tangent", "breast cancer: benign", low=-1.0),
    Case("margin: distance_weighted_discrimination", "breast cancer: benign", low=-1.0),
    Case("margin: large_margin_unified", "digits: eight", low=-1.0),
    Case("margin: correntropy_margin", "breast cancer: benign", low=-1.0),
    Case("classification: label_smoothing", "wine: cultivar"),
    Case("classification: focal", "digits: all ten", libraries=("xgboost",)),
    Case("classification: brier", "wine: cultivar"),
    Case("classification: squentropy", "wine: cultivar"),
    Case("classification: z_loss_cross_entropy", "iris: species", {"z": 0.01}),
    Case("robust: generalized_cross_entropy", "wine: cultivar"),
    Case("margin: crammer_singer", "wine: cultivar"),
    Case("margin: weston_watkins", "iris: species"),
    Case("ordinal: ranked_probability_score", "diabetes: quarter"),
    Case("ordinal: class_distance_cross_entropy", "diabetes: quarter", {"alpha": 1.0}),
    Case("ordinal: soft_ordinal_labels", "diabetes: quarter"),
)
"""None of these is an objective of XGBoost 3.2, LightGBM 4.7 or CatBoost 1.2.10 under another name, or for targets
written otherwise, as `squared_margin` (squared error) and `quality_focal` of whole labels (CatBoost's Focal) are."""


@cache
def data(name: str) -> Data:
    """A data set that ships with scikit-learn, or a part of one."""
    source, _, what = name.partition(": ")
    if source == "diabetes":
        X, y = load_diabetes(return_X_y=True)
        if what == "quarter":
            return Data(X, np.searchsorted(np.quantile(y, [0.25, 0.5, 0.75]), y), "classes")
        return Data(X, y, "numbers")
    if source == "wine":
        X, y = load_wine(return_X_y=True)
        return Data(X, y, "classes") if what == "cultivar" else Data(X[:, 1:], X[:, 0], "numbers")
    if source == "breast cancer":
        X, y = load_breast_cancer(return_X_y=True)
        column = {"worst area": 23, "area error": 13}
        return Data(X, y, "bits") if what == "benign" else Data(X[:, :10], X[:, column[what]], "numbers")
    if source == "iris":
        return Data(*load_iris(return_X_y=True), "classes")
    X, y = load_digits(return_X_y=True)
    return Data(X[:900], y[:900], "classes") if what == "all ten" else Data(X[:900], (y[:900] == 8).astype(int), "bits")


# ---------------------------------------------------------------- training


def train(
    library: str, X: Array, y: Array, settings: dict[str, Any], objective: Any = None
) -> Callable[[Array], Array]:
    """Trees for an objective, or for the one that `settings` names; what comes back gives raw scores."""
    first = None if objective is None else objective.init_score(y)
    if library == "xgboost":
        import xgboost as xgb

        own = {"max_depth": DEPTH, "eta": RATE, "nthread": 1, "verbosity": 0, **settings}
        booster = xgb.train(own, xgb.DMatrix(X, label=y), ROUNDS, obj=objective)
        return lambda Z: booster.predict(xgb.DMatrix(Z), output_margin=True).astype(float)
    if library == "lightgbm":
        import lightgbm as lgb

        own = {"num_leaves": 2**DEPTH, "max_depth": DEPTH, "learning_rate": RATE, "num_threads": 1, "verbose": -1}
        start = None if objective is None else objective.first_scores(first, len(y))
        try:
            booster = lgb.train({**own, **settings}, lgb.Dataset(X, label=y, init_score=start), ROUNDS)
        except lgb.basic.LightGBMError as error:  # second derivatives that have become 0 end in a failed check
            raise FloatingPointError(str(error)) from error
        shift = 0.0 if first is None else first
        return lambda Z: shift + booster.predict(Z, raw_score=True)
    if library == "catboost":
        import catboost

        own = {"depth": DEPTH, "learning_rate": RATE, "iterations": ROUNDS, "thread_count": 1, "verbose": False}
        start = None if objective is None else objective.first_scores(first, len(y))
        model = catboost.CatBoost({**own, "allow_writing_files": False, **settings})
        model.fit(catboost.Pool(X, y, baseline=start))
        shift = 0.0 if first is None else first
        return lambda Z: shift + model.predict(Z, prediction_type="RawFormulaVal")
    raise ValueError(f"no library {library!r}, only {', '.join(ALL)}")


DEFAULTS: dict[tuple[str, str], dict[str, Any]] = {
    ("xgboost", "numbers"): {"objective": "reg:squarederror"},
    ("xgboost", "bits"): {"objective": "binary:logistic"},
    ("xgboost", "classes"): {"objective": "multi:softprob"},
    ("lightgbm", "numbers"): {"objective": "regression"},
    ("lightgbm", "bits"): {"objective": "binary"},
    ("lightgbm", "classes"): {"objective": "multiclass"},
    ("catboost", "numbers"): {"loss_function": "RMSE"},
    ("catboost", "bits"): {"loss_function": "Logloss"},
}


@cache
def default_scores(library: str, name: str, fold: int) -> tuple[Array, Array]:
    """Raw scores of the library's own objective on the rows of training and on those held out."""
    found = data(name)
    rows, out = splits(name)[fold]
    settings = dict(DEFAULTS[library, found.kind])
    if found.kind == "classes":
        settings["num_class"] = int(found.y.max()) + 1
    predict = train(library, found.X[rows], standardised(found, rows)[rows], settings)
    return predict(found.X[rows]), predict(found.X[out])


@cache
def splits(name: str) -> list[tuple[Array, Array]]:
    found = data(name)
    kind = KFold if found.kind == "numbers" else StratifiedKFold
    return list(kind(FOLDS, shuffle=True, random_state=0).split(found.X, found.y))


def standardised(found: Data, rows: Array) -> Array:
    """Targets: numbers with mean 0 and deviation 1 over the rows of training, others as they are."""
    if found.kind != "numbers":
        return found.y
    return (found.y - found.y[rows].mean()) / found.y[rows].std()


# ---------------------------------------------------------------- scores for the loss


def translated(loss: lossdsl.Loss, hyper: dict[str, Any], kind: str, scores: Array) -> Array:
    """Log odds as scores of a loss that tells a probability: those with the same probability; others as they are."""
    if kind != "bits" or not any(let.role == "predict" for let in loss.program.lets):
        return scores
    f = loss.numpy()
    taken = {a.name for a in loss.program.args if a.role == "hyper"}
    known = {name: value for name, value in hyper.items() if name in taken}

    def gap(s: float, p: float) -> float:
        return float(f.predict(np.array([s]), **known)[0]) - p

    return np.array([brentq(gap, -30.0, 30.0, args=(p,)) for p in 1 / (1 + np.exp(-scores))])


def best_factor(value: Callable[[Array], Array], scores: Array) -> float:
    """The factor of scores that is best for the loss on these rows."""
    found = minimize_scalar(
        lambda log: float(np.mean(value(np.exp(log) * scores))), bounds=(-5.0, 3.0), method="bounded"
    )
    return float(np.exp(found.x))


def best_constant(objective: Any, first: float, y: Array) -> float:
    """The first score, or a better one on a grid."""
    return float(min((first, *np.linspace(-3.0, 3.0, 121)), key=lambda c: float(objective.loss(np.full(len(y), c), y))))


# ---------------------------------------------------------------- results


def run(case: Case, library: str) -> Result:
    """One loss with one library: five folds."""
    loss, found = case.fetch(), data(case.data)
    f = loss.numpy()
    totals: list[tuple[float, float, float, float]] = []
    hessian = ""
    for fold, (rows, out) in enumerate(splits(case.data)):
        y = standardised(found, rows)
        y = np.where(y == 1, 1.0, case.low) if found.kind == "bits" else y

        def value(scores: Array, at: Array, y: Array = y) -> Array:
            return np.asarray(f(scores, y[at], reduction="none", **case.hyper))

        objective = loss.objective(library, **case.hyper)
        hessian = policy(objective)
        first = objective.init_score(y[rows])
        if found.kind == "bits":  # an objective may start elsewhere, where the best constant is a trap
            first = best_constant(objective, first, y[rows])
        constant = np.broadcast_to(first, (len(out), *np.shape(first))).astype(float)
        try:
            ours = train(library, found.X[rows], y[rows], objective.parameters(y[rows]), objective)(found.X[out])
        except FloatingPointError:  # what the objective raises when scores have run away
            ours = np.full_like(constant, np.nan)
        inside, outside = (
            translated(loss, case.hyper, found.kind, s) for s in default_scores(library, case.data, fold)
        )
        factor = best_factor(lambda s, rows=rows, value=value: value(s, rows), inside)  # type: ignore[misc]
        scores = (constant, outside, factor * outside, ours)
        totals.append(tuple(float(np.sum(value(s, out))) for s in scores))  # type: ignore[arg-type]
    sums = np.array(totals)
    means = sums.sum(axis=0) / len(found.y)
    default = 1 if means[1] <= means[2] else 2
    better = int(np.sum(sums[:, 3] < np.minimum(sums[:, 0], sums[:, default])))
    return Result(case, library, hessian, means[0], means[default], means[3], better)


def policy(objective: Any) -> str:
    """The Hessian that an objective has chosen, as its module says."""
    text = inspect.getdoc(sys.modules[type(objective).__module__]) or ""
    told = re.search(r"^Hessian: (\w+)", text, flags=re.MULTILINE)
    return told[1] if told else "?"


def results(cases: Iterable[Case]) -> list[Result]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LightGBM: scikit-learn's names of features; predictions of custom objectives
        found = []
        for case in cases:
            for library in case.libraries:
                found.append(run(case, library))
                print(row(found[-1]), file=sys.stderr)
        return found


# ---------------------------------------------------------------- the page


def number(value: float) -> str:
    if np.isnan(value):
        return "diverged"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.1f}"


def row(result: Result) -> str:
    case = result.case
    hyper = ", ".join(f"{name}={value:g}" for name, value in case.hyper.items())
    numbers = [number(value) for value in (result.constant, result.default, result.ours)]
    verdict = [f"{result.folds} of {FOLDS}", "yes" if result.beats else "no"]
    hessian = result.hessian.replace("_", " ")
    cells = [
        escaped(case.loss) + (f" ({hyper})" if hyper else ""),
        case.data,
        result.library,
        hessian,
        *numbers,
        *verdict,
    ]
    return f"| {' | '.join(cells)} |"


def escaped(name: str) -> str:
    return name.replace("_", "\\_")


HEAD = """\
| loss | data | library | Hessian | best constant | own objective | with the loss | folds won | beats both |
|---|---|---|---|---:|---:|---:|---:|---|"""


def page(found: Sequence[Result]) -> str:
    """The page of documentation."""
    names = {r.case.loss for r in found}
    everywhere = {name for name in names if all(r.beats for r in found if r.case.loss == name)}
    somewhere = {r.case.loss for r in found if r.beats}
    clearly = {r.case.loss for r in found if r.beats and r.folds >= 4}
    failed = [r for r in found if not r.beats]
    about = inspect.cleandoc(__doc__ or "").split("\n\n")
    lines = [
        "# Boosting with losses that the libraries do not have",
        "This page is written by `python benchmarks/boosting_catalogue.py`, which trains each loss with the objective "
        "that `loss.objective(...)` makes of it; see [boosting.md](boosting.md).",
        *about[2:],
        f"Of {len(names)} losses, {len(everywhere)} beat both baselines wherever they were trained, "
        f"{len(somewhere)} at least once, {len(clearly)} of these in four folds of five or more. Of {len(found)} rows, "
        f"{len(found) - len(failed)} beat both. Versions: {versions()}.",
        "\n".join([HEAD, *map(row, found)]),
        "## Where the loss does not win",
        explained(failed),
    ]
    return "\n\n".join(lines) + "\n"


def explained(failed: Sequence[Result]) -> str:
    if not failed:
        return "Nowhere."
    lines = []
    for r in failed:
        best = min(r.constant, r.default)
        winner = "the library's own objective" if r.default <= r.constant else "the best constant"
        by = "training diverged"
        if np.isfinite(r.ours):
            by = f"{winner} is better by {100 * (r.ours - best) / abs(best):.1f} %"
        lines.append(f"- {escaped(r.case.loss)}, {r.case.data}, {r.library}: {by}.")
    return "\n".join(lines)


def versions() -> str:
    from importlib.metadata import PackageNotFoundError, version

    names = {"xgboost-cpu": "XGBoost", "lightgbm": "LightGBM", "catboost": "CatBoost", "scikit-learn": "scikit-learn"}
    told = []
    for package, name in names.items():
        try:
            told.append(f"{name} {version(package)}")
        except PackageNotFoundError:  # XGBoost has two packages
            told.append(f"{name} {version('xgboost')}")
    return ", ".join(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--output", type=Path, default=PAGE)
    parser.add_argument("--only", nargs="*", default=None, help="names of losses; the rows go to standard output")
    arguments = parser.parse_args()
    if arguments.only is not None:
        print("\n".join([HEAD, *map(row, results(c for c in CASES if c.name in arguments.only))]))
        return
    arguments.output.write_text(page(results(CASES)), encoding="utf-8")


if __name__ == "__main__":
    main()
