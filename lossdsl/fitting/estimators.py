"""Linear estimators for scikit-learn: `LossRegressor` and `LossClassifier`, with any loss that has one target.

Both minimise loss(X @ coef + intercept, y) + l1*sum|coef| + l2/2*sum coef^2, where sample weights repeat examples, and
where predictions with a domain are behind its link.  This module needs scikit-learn 1.6 or newer, and SciPy.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from lossdsl.diagnostics import LossError
from lossdsl.fitting.names import loss_of
from lossdsl.fitting.probabilities import probabilities_of
from lossdsl.fitting.problem import Options, linear_problem
from lossdsl.fitting.rows import GROUP
from lossdsl.fitting.targets import classes_of, positive, target_of

if TYPE_CHECKING:
    from lossdsl.api import Loss
    from lossdsl.meaning import core


class _LinearEstimator(BaseEstimator):  # type: ignore[misc]
    """What both estimators share: parameters, the fit itself, and tags."""

    loss: Loss | str

    def __init__(
        self,
        loss: Loss | str,
        *,
        hyperparameters: Mapping[str, Any] | None = None,
        l2: float = 1e-4,
        l1: float = 0.0,
        fit_intercept: bool = True,
        links: Mapping[str, str] | None = None,
        sizes: Mapping[str, int] | None = None,
        method: str | None = None,
        tol: float = 1e-10,
        max_iter: int = 5000,
    ) -> None:
        self.loss = loss
        self.hyperparameters = hyperparameters
        self.l2 = l2
        self.l1 = l1
        self.fit_intercept = fit_intercept
        self.links = links
        self.sizes = sizes
        self.method = method
        self.tol = tol
        self.max_iter = max_iter

    @property
    def _program(self) -> core.Program:
        return loss_of(self.loss).program

    def _fit(self, X: Any, target: core.Arg, y: Any, sample_weight: Any, sizes: Mapping[str, int]) -> None:
        """Fits and sets what both have fitted: `model_`, `coef_`, `intercept_`, `n_iter_`."""
        options = Options(self.fit_intercept, self.l2, self.l1, self.links or {}, {**sizes, **(self.sizes or {})})
        named = {target.name: y, **(self.hyperparameters or {})}
        problem = linear_problem(self._program, X, (), named, sample_weight, options)
        model = problem.minimize(self.method, self.tol, self.max_iter)
        if not model.success:
            warnings.warn(f"{type(self).__name__} did not converge: {model.message}", ConvergenceWarning, stacklevel=3)
        self.model_ = model
        single = len(model.coef) == 1
        self.coef_ = next(iter(model.coef.values())) if single else dict(model.coef)
        self.intercept_ = next(iter(model.intercept.values())) if single else dict(model.intercept)
        self.n_iter_ = max(model.iterations, 1)

    def _rows(self, X: Any) -> Any:
        check_is_fitted(self)
        return validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class LossRegressor(RegressorMixin, _LinearEstimator):  # type: ignore[misc]
    """A linear regression with any loss whose data are one target.

    loss: a `Loss`, its name in the catalogue ("huber" or "regression: huber"), or the text of one.
    hyperparameters: its hyperparameters, starting values of `learn` ones and data without an axis of examples, by name.
    l2, l1: of the penalty.  links: links other than those that domains ask for.  sizes: of axes that no data have.
    output: the prediction or `predict` binding that `predict` returns; if None the first binding, or else the first
    prediction.  method, tol, max_iter: see `LinearProblem.minimize`.

    Fitted: `coef_` and `intercept_`, arrays for a loss with one prediction of shape (..., features) and (...,), else
    dicts of them; `model_`, a `LinearModel`; `n_iter_`.

    Raises LossError for a loss that it can not give what it needs (E0801 to E0806).
    """

    def __init__(
        self,
        loss: Loss | str = "regression: mse",
        *,
        hyperparameters: Mapping[str, Any] | None = None,
        l2: float = 1e-4,
        l1: float = 0.0,
        fit_intercept: bool = True,
        links: Mapping[str, str] | None = None,
        sizes: Mapping[str, int] | None = None,
        output: str | None = None,
        method: str | None = None,
        tol: float = 1e-10,
        max_iter: int = 5000,
    ) -> None:
        super().__init__(
            loss, hyperparameters=hyperparameters, l2=l2, l1=l1, fit_intercept=fit_intercept, links=links, sizes=sizes,
            method=method, tol=tol, max_iter=max_iter,
        )  # fmt: skip
        self.output = output

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LossRegressor:
        """X of shape (rows, features), dense or sparse; y of the shape that the loss gives its target.

        Weights are those of examples: 2 is the same as having a row twice.
        """
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=np.float64, multi_output=True, y_numeric=True
        )  # fmt: skip
        target = target_of(self._program)
        if len(target.axes) == 1 and target.axes[0].name != GROUP:
            y = column_or_1d(y, warn=True)
        self._fit(X, target, np.asarray(y), sample_weight, {})
        return self

    def predict(self, X: Any) -> Any:
        """What `output` names, with one row for each row of X."""
        return self.predict_all(X)[self._output()]

    def predict_all(self, X: Any) -> dict[str, Any]:
        """Every prediction, behind its link, and every `predict` binding, by name."""
        X = self._rows(X)
        return {**self.model_.predictions(X), **self.model_.report(X)}

    def _output(self) -> str:
        names = [*self.model_.exported, *self.model_.coef]
        if self.output is not None and self.output not in names:
            raise ValueError(f"{self._program.name} predicts {', '.join(names)}, not {self.output!r}")
        return names[0] if self.output is None else self.output

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        target = _found(target_of, self._program)
        if target is not None:
            tags.target_tags.multi_output = any(extent.name == GROUP for extent in target.axes)
            tags.target_tags.single_output = len(target.axes) == 1
            tags.target_tags.positive_only = positive(target)
        return tags


class LossClassifier(ClassifierMixin, _LinearEstimator):  # type: ignore[misc]
    """A linear classifier with any loss whose data are one target that says a class: see `lossdsl.fitting.targets`.

    loss: a `Loss`, its name in the catalogue ("cross_entropy" or "margin: hinge"), or the text of one.  The other
    parameters are those of `LossRegressor`.

    `predict_proba` is there where a `predict` binding of the loss gives probabilities; then the most probable class is
    predicted, otherwise the one with the largest score.  Fitted: `classes_`, and what `LossRegressor` has.

    Raises LossError for a loss that it can not give what it needs (E0801 to E0807).
    """

    def __init__(
        self,
        loss: Loss | str = "classification: cross_entropy",
        *,
        hyperparameters: Mapping[str, Any] | None = None,
        l2: float = 1e-4,
        l1: float = 0.0,
        fit_intercept: bool = True,
        links: Mapping[str, str] | None = None,
        sizes: Mapping[str, int] | None = None,
        method: str | None = None,
        tol: float = 1e-10,
        max_iter: int = 5000,
    ) -> None:
        super().__init__(
            loss, hyperparameters=hyperparameters, l2=l2, l1=l1, fit_intercept=fit_intercept, links=links, sizes=sizes,
            method=method, tol=tol, max_iter=max_iter,
        )  # fmt: skip

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LossClassifier:
        """X of shape (rows, features), dense or sparse; y of shape (rows,), labels of any kind."""
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64)
        check_classification_targets(y)
        wanted = classes_of(self._program)
        self.classes_, positions = np.unique(column_or_1d(y, warn=True), return_inverse=True)
        count = len(self.classes_)
        if count < 2:
            raise ValueError(f"{type(self).__name__} needs at least 2 classes, but y has one class")
        if count > 2 and not wanted.several:
            raise ValueError(
                f"Only binary classification is supported by the loss {self._program.name}, whose prediction is one "
                f"number; y has {count} classes"
            )
        encoded = wanted.encoded(positions, count)
        self._fit(X, wanted.target, encoded, sample_weight, wanted.sizes(count))
        return self

    def decision_function(self, X: Any) -> Any:
        """Scores of classes, shape (rows, classes); for two classes how much the second is ahead, shape (rows,)."""
        X = self._rows(X)
        wanted = classes_of(self._program)
        scores = self.model_.linear(X)[wanted.scores.name]
        return scores[:, 1] - scores[:, 0] if scores.ndim == 2 and len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> Any:
        """The most probable class of each row; without probabilities the one with the largest score."""
        check_is_fitted(self)
        if _has_probabilities(self):
            return self.classes_[np.argmax(self.predict_proba(X), axis=1)]
        scores = self.decision_function(X)
        return self.classes_[(scores > 0).astype(int) if scores.ndim == 1 else np.argmax(scores, axis=1)]

    @available_if(lambda self: _has_probabilities(self))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        """Probabilities of classes, shape (rows, classes); those of one-against-rest fits divided by their sum."""
        X = self._rows(X)
        wanted = probabilities_of(self._program, self.hyperparameters, self.links)
        assert wanted is not None
        found = wanted.of(self.model_, X)
        if found.ndim == 1:
            return np.stack([1 - found, found], axis=1)
        return found / found.sum(axis=1, keepdims=True)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        wanted = _found(classes_of, self._program)
        if wanted is not None:
            tags.classifier_tags.multi_class = wanted.several
        return tags


def _has_probabilities(estimator: LossClassifier) -> bool:
    try:
        return probabilities_of(estimator._program, estimator.hyperparameters, estimator.links) is not None
    except LossError:
        return False


def _found(function: Any, program: core.Program) -> Any:
    """What a function finds out about a loss; None for a loss that `fit` will refuse."""
    try:
        return function(program)
    except LossError:
        return None
