"""LightGBM: how its two interfaces call, and what they have to be told.  Read in its sources and run: 4.7."""

from __future__ import annotations

from lossdsl.boosting.library import Facts, Library, limits, width


def _native(facts: Facts) -> str:
    least, scores = limits(facts, "min_sum_hessian_in_leaf", None), width("num_class")
    group = ", _bounds(data.get_group())" if facts.coupled else ""
    return f'''
    def __call__(self, preds: Any, train_data: Any) -> tuple[Any, Any]:
        """The gradient and the Hessian by raw score: what `lgb.train` takes as `params["objective"]`."""
        return self.derivatives(preds, *self._given(train_data), **_attached(train_data))

    def metric(self, preds: Any, eval_data: Any) -> tuple[str, float, bool]:
        """Name, value, and that higher is not better: what `lgb.train(..., feval=)` takes."""
        return "{facts.loss}", self.loss(preds, *self._given(eval_data), **_attached(eval_data)), False

    def _given(self, data: Any) -> tuple[Any, ...]:
        return data.get_label(), data.get_weight(){group}

    def parameters(self, target: Any, weight: Any = None, /, **data: Any) -> dict[str, Any]:
        """What `lgb.train` has to be told.  The first score is not: it is the `init_score` of the data set."""
        settings: dict[str, Any] = {{"objective": self, "metric": "None"}}
{least}        start = self.init_score(target, weight, **data)
{scores}'''


def _sklearn(facts: Facts) -> str:
    least, scores = limits(facts, "min_child_weight", None), width("num_class")
    group = ", group: Any" if facts.coupled else ""
    bounds = ", _bounds(group)" if facts.coupled else ""
    return f'''
    def __call__(self, y_true: Any, y_pred: Any, weight: Any{group}) -> tuple[Any, Any]:
        """The gradient and the Hessian by raw score: what `LGBMRegressor(objective=)` takes.

        LightGBM looks at the number of parameters, so it must stay as it is.
        """
        return self.derivatives(y_pred, y_true, weight{bounds})

    def metric(self, y_true: Any, y_pred: Any, weight: Any{group}) -> tuple[str, float, bool]:
        """Name, value, and that higher is not better: what `fit(..., eval_metric=)` takes."""
        return "{facts.loss}", self.loss(y_pred, y_true, weight{bounds}), False

    def parameters(self, target: Any, weight: Any = None, /, **data: Any) -> dict[str, Any]:
        """What the constructor has to be told.  The first score is not among it: pass it to `fit` as `init_score`."""
        settings: dict[str, Any] = {{"objective": self, "metric": "None"}}
{least}        start = self.init_score(target, weight, **data)
{scores}'''


def _usage(facts: Facts) -> str:
    attach = f"objective.attach(train, {', '.join(f'{n}=...' for n in facts.attached)})\n" if facts.attached else ""
    return f"""import lightgbm as lgb
import numpy as np
from {facts.module} import {facts.cls}

objective = {facts.cls}({facts.example})
start = objective.init_score(y, w)
train = lgb.Dataset(X, label=y, weight=w, init_score=objective.first_scores(start, len(y)))
{attach}params = {{"learning_rate": 0.1, **objective.parameters(y, w)}}
booster = lgb.train(params, train, 100, valid_sets=[train], feval=objective.metric)
predicted = objective.predict_transform(start + booster.predict(X_new))"""


def _sklearn_usage(facts: Facts) -> str:
    return f"""from lightgbm import LGBMRegressor
from {facts.module} import {facts.cls}

objective = {facts.cls}({facts.example})
start = objective.init_score(y, w)
model = LGBMRegressor(n_estimators=100, learning_rate=0.1, **objective.parameters(y, w))
model.fit(X, y, sample_weight=w, init_score=objective.first_scores(start, len(y)))
predicted = objective.predict_transform(start + model.predict(X_new, raw_score=True))"""


_REASON = "before, objectives were passed as fobj=, and scores of several classes were flat"

_NOTES = """
LightGBM starts at 0 with a custom objective, whatever boost_from_average says, and its predictions leave
init_score out: add it, and call predict_transform."""

NATIVE = Library(
    title="LightGBM",
    package="lightgbm",
    since="4.0",
    reason=_REASON,
    carries="data sets",
    label_columns=False,
    whole=True,
    blocks=False,
    methods=_native,
    usage=_usage,
    notes=_NOTES,
)
SKLEARN = Library(
    title="LightGBM's scikit-learn interface",
    package="lightgbm",
    since="4.0",
    reason=_REASON,
    carries="nothing",
    label_columns=False,
    whole=True,
    blocks=False,
    methods=_sklearn,
    usage=_sklearn_usage,
    notes=_NOTES,
)
