"""What differs between the libraries: how each calls an objective and a metric, and what it has to be told.

Read in their sources and run: XGBoost 3.2, LightGBM 4.7, CatBoost 1.2.10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Name = Literal["xgboost", "lightgbm", "catboost"]
Interface = Literal["native", "sklearn"]


@dataclass(frozen=True)
class Facts:
    """What the text of the class depends on, beside the library."""

    loss: str
    """The name of the metric."""
    cls: str
    """The name of the class."""
    module: str
    """The name under which the usage example imports the module."""
    coupled: bool
    columns: bool
    """Whether there are several scores a row."""
    attached: tuple[str, ...]
    """Data beside the label that have to be attached."""
    example: str
    """Arguments of the constructor in the usage example."""
    full: bool
    """Whether second derivatives come as blocks."""
    small: bool
    steep: bool
    """What is known of the sizes of second derivatives: see `Choice`."""


@dataclass(frozen=True)
class Library:
    """One way in which one library calls."""

    title: str
    package: str
    since: str
    """The first version whose calls are these."""
    reason: str
    """What changed in it."""
    attaches: bool
    """Whether other data than labels can reach the objective."""
    label_columns: bool
    """Whether a label may have several columns."""
    whole: bool
    """Whether a call sees all rows."""
    blocks: bool
    """Whether second derivatives of several scores are asked for as blocks."""
    only_classes: bool
    """Whether there are several scores a row only for class labels."""
    methods: Callable[[Facts], str]
    """The methods of the class that the library calls, indented."""
    usage: Callable[[Facts], str]
    """A usage example, for the docstring of the module."""
    notes: str
    """What to know of the library, for the docstring of the module."""
    columns_since: tuple[str, str] | None = None
    """The first version, and what changed in it, where it is another for several scores a row."""

    def version(self, columns: bool) -> tuple[str, str]:
        """The first version that the objective works with, and why."""
        if columns and self.columns_since is not None:
            return self.columns_since
        return self.since, self.reason


def _limits(facts: Facts, least: str | None, penalty: str | None) -> str:
    """Settings that the sizes of the second derivatives ask for: see `Choice`."""
    lines = []
    if facts.small and least is not None:
        lines.append(f'settings["{least}"] = 0.0')
    if facts.small and penalty is not None:
        usual = 3.0 if penalty == "l2_leaf_reg" else 1.0
        lines.append(f'settings["{penalty}"] = {usual} * self._curvature(start, target, weight, **data)')
    if facts.steep and least is not None:
        lines.append(f'settings["max_delta_step"] = {LONGEST_STEP}')
    return "".join(f"        {line}\n" for line in lines)


LONGEST_STEP = 0.7
"""Of a leaf, where the second derivative has no bound: XGBoost's and LightGBM's own number for counts."""


def _width(name: str) -> str:
    """The number of scores a row, where there are several."""
    return f'        return settings | ({{"{name}": len(start)}} if np.ndim(start) else {{}})\n'


def _xgboost_native(facts: Facts) -> str:
    limits, width = _limits(facts, "min_child_weight", "reg_lambda"), _width("num_class")
    group = ', data.get_uint_info("group_ptr")' if facts.coupled else ""
    return f'''
    def __call__(self, predt: Any, dtrain: Any) -> tuple[Any, Any]:
        """The gradient and the Hessian by raw margin: what `xgb.train(..., obj=)` takes."""
        return self.derivatives(predt, *self._given(dtrain), **_attached(dtrain))

    def metric(self, predt: Any, dtrain: Any) -> tuple[str, float]:
        """The name and the value of the loss: what `xgb.train(..., custom_metric=)` takes."""
        return "{facts.loss}", self.loss(predt, *self._given(dtrain), **_attached(dtrain))

    def _given(self, data: Any) -> tuple[Any, ...]:
        return data.get_label(), data.get_weight(){group}

    def parameters(self, target: Any, weight: Any = None, /, **data: Any) -> dict[str, Any]:
        """What `xgb.train` has to be told: the first score, which XGBoost saves, and how many scores a row has."""
        start = self.init_score(target, weight, **data)
        settings: dict[str, Any] = {{"base_score": _plain(start), "disable_default_eval_metric": True}}
{limits}{width}'''


def _xgboost_sklearn(facts: Facts) -> str:
    limits, width = _limits(facts, "min_child_weight", "reg_lambda"), _width("num_class")
    return f'''
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> tuple[Any, Any]:
        """The gradient and the Hessian by raw margin: what `XGBRegressor(objective=)` takes."""
        return self.derivatives(y_pred, y_true, sample_weight)

    def {facts.loss}(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        """The value of the loss: what `XGBRegressor(eval_metric=)` takes, which shows the name of the function."""
        return self.loss(y_pred, y_true, sample_weight)

    @property
    def metric(self) -> Any:
        """The loss as an evaluation metric."""
        return self.{facts.loss}

    def parameters(
        self, target: Any, weight: Any = None, /, *, classifier: bool = False, **data: Any
    ) -> dict[str, Any]:
        """What the constructor has to be told: the objective, the metric, the first score.

        classifier: whether it is `XGBClassifier`, which takes the first score of two classes as a probability.
        """
        start = self.init_score(target, weight, **data)
        base = 1 / (1 + np.exp(-start)) if classifier and not np.ndim(start) else start
        settings: dict[str, Any] = {{
            "objective": self,
            "eval_metric": self.metric,
            "base_score": _plain(base),
            "disable_default_eval_metric": True,
        }}
{limits}{width}'''


def _lightgbm_native(facts: Facts) -> str:
    limits, width = _limits(facts, "min_sum_hessian_in_leaf", None), _width("num_class")
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
{limits}        start = self.init_score(target, weight, **data)
{width}'''


def _lightgbm_sklearn(facts: Facts) -> str:
    limits, width = _limits(facts, "min_child_weight", None), _width("num_class")
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
{limits}        start = self.init_score(target, weight, **data)
{width}'''


def _catboost(facts: Facts) -> str:
    limits, width = _limits(facts, None, "l2_leaf_reg"), _width("classes_count")
    if facts.columns:
        derivatives = '''
    def calc_ders_multi(self, approx: Any, target: Any, weight: Any) -> tuple[Any, Any]:
        """The derivatives of minus the loss in one row: K first ones, K times K second ones."""
        scores, weights = np.reshape(approx, (1, -1)), np.reshape(weight, (1,))
        grad, hess = self.derivatives(scores, np.reshape(target, (1,)), weights)
        return (-grad[0]).tolist(), BLOCK
'''.replace("BLOCK", "(-hess[0]).tolist()" if facts.full else "(-np.diag(hess[0])).tolist()")
    else:
        derivatives = '''
    def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> Any:
        """Rows of (first, second) derivatives of minus the loss, which CatBoost maximises."""
        grad, hess = self.derivatives(approxes, targets, weights)
        return np.stack((-grad, -hess), axis=1)
'''
    return f'''{derivatives}
    @property
    def metric(self) -> {facts.cls}Metric:
        """The loss as an evaluation metric, without which CatBoost does not take an objective."""
        return {facts.cls}Metric(self)

    def parameters(self, target: Any, weight: Any = None, /, **data: Any) -> dict[str, Any]:
        """What the constructor has to be told.  The first score is not among it: pass it to the pool as `baseline`."""
        start = self.init_score(target, weight, **data)
        settings: dict[str, Any] = {{"loss_function": self, "eval_metric": self.metric}}
{limits}{width}

class {facts.cls}Metric:
    """The weighted mean of {facts.loss}, as CatBoost evaluates metrics: lower is better."""

    def __init__(self, objective: {facts.cls}) -> None:
        self.objective = objective

    def is_max_optimal(self) -> bool:
        return False

    def evaluate(self, approxes: Any, target: Any, weight: Any) -> tuple[float, float]:
        """The weighted sum of the losses, and the sum of the weights."""
        scores = np.stack(approxes, axis=1) if len(approxes) > 1 else approxes[0]
        total = float(len(target) if weight is None else np.sum(weight))
        return self.objective.loss(scores, target, weight) * total, total

    def get_final_error(self, error: float, weight: float) -> float:
        return error / weight if weight else 0.0
'''


def _xgboost_usage(facts: Facts) -> str:
    attach = f"objective.attach(train, {', '.join(f'{n}=...' for n in facts.attached)})\n" if facts.attached else ""
    return f"""import xgboost as xgb
from {facts.module} import {facts.cls}

objective = {facts.cls}({facts.example})
train = xgb.DMatrix(X, label=y, weight=w)
{attach}params = {{"learning_rate": 0.1, **objective.parameters(y, w)}}
booster = xgb.train(params, train, 100, obj=objective, custom_metric=objective.metric)
predicted = objective.predict_transform(booster.predict(xgb.DMatrix(X_new), output_margin=True))"""


def _xgboost_sklearn_usage(facts: Facts) -> str:
    return f"""from xgboost import XGBRegressor
from {facts.module} import {facts.cls}

objective = {facts.cls}({facts.example})
model = XGBRegressor(n_estimators=100, learning_rate=0.1, **objective.parameters(y, w))
model.fit(X, y, sample_weight=w)
predicted = objective.predict_transform(model.predict(X_new, output_margin=True))"""


def _lightgbm_usage(facts: Facts) -> str:
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


def _lightgbm_sklearn_usage(facts: Facts) -> str:
    return f"""from lightgbm import LGBMRegressor
from {facts.module} import {facts.cls}

objective = {facts.cls}({facts.example})
start = objective.init_score(y, w)
model = LGBMRegressor(n_estimators=100, learning_rate=0.1, **objective.parameters(y, w))
model.fit(X, y, sample_weight=w, init_score=objective.first_scores(start, len(y)))
predicted = objective.predict_transform(start + model.predict(X_new, raw_score=True))"""


def _catboost_usage(facts: Facts) -> str:
    return f"""from catboost import CatBoost, Pool
from {facts.module} import {facts.cls}

objective = {facts.cls}({facts.example})
start = objective.init_score(y, w)
train = Pool(X, y, weight=w, baseline=objective.first_scores(start, len(y)))
model = CatBoost({{"iterations": 100, "learning_rate": 0.1, **objective.parameters(y, w)}})
model.fit(train)
predicted = objective.predict_transform(start + model.predict(X_new, prediction_type="RawFormulaVal"))"""


_XGBOOST_REASON = "before, gradients of several scores a row were flat"
_XGBOOST_COLUMNS = ("3.1", "before, the scores of a row had one base_score together")
_LIGHTGBM_REASON = "before, objectives were passed as fobj=, and scores of several classes were flat"
_CATBOOST_REASON = "before, NumPy arrays were not passed to objectives"

_XGBOOST_NOTES = """
XGBoost starts at 0.5 unless base_score says otherwise, hands over margins in single precision, and shows predictions of
a custom objective untransformed: ask for output_margin=True and call predict_transform."""
_XGBOOST_SKLEARN_NOTES = (
    _XGBOOST_NOTES
    + """
XGBClassifier.predict_proba applies a sigmoid or softmax whatever the link of the loss is."""
)
_LIGHTGBM_NOTES = """
LightGBM starts at 0 with a custom objective, whatever boost_from_average says, and its predictions leave
init_score out: add it, and call predict_transform."""
_CATBOOST_NOTES = """
CatBoost starts at 0, and its predictions leave the baseline out: add it, and call predict_transform."""

LIBRARIES: dict[tuple[str, str], Library] = {
    ("xgboost", "native"): Library(
        title="XGBoost",
        package="xgboost",
        since="2.1",
        reason=_XGBOOST_REASON,
        attaches=True,
        label_columns=True,
        whole=True,
        blocks=False,
        only_classes=False,
        methods=_xgboost_native,
        usage=_xgboost_usage,
        notes=_XGBOOST_NOTES,
        columns_since=_XGBOOST_COLUMNS,
    ),
    ("xgboost", "sklearn"): Library(
        title="XGBoost's scikit-learn interface",
        package="xgboost",
        since="2.1",
        reason=_XGBOOST_REASON,
        attaches=False,
        label_columns=True,
        whole=True,
        blocks=False,
        only_classes=False,
        methods=_xgboost_sklearn,
        usage=_xgboost_sklearn_usage,
        notes=_XGBOOST_SKLEARN_NOTES,
        columns_since=_XGBOOST_COLUMNS,
    ),
    ("lightgbm", "native"): Library(
        title="LightGBM",
        package="lightgbm",
        since="4.0",
        reason=_LIGHTGBM_REASON,
        attaches=True,
        label_columns=False,
        whole=True,
        blocks=False,
        only_classes=False,
        methods=_lightgbm_native,
        usage=_lightgbm_usage,
        notes=_LIGHTGBM_NOTES,
    ),
    ("lightgbm", "sklearn"): Library(
        title="LightGBM's scikit-learn interface",
        package="lightgbm",
        since="4.0",
        reason=_LIGHTGBM_REASON,
        attaches=False,
        label_columns=False,
        whole=True,
        blocks=False,
        only_classes=False,
        methods=_lightgbm_sklearn,
        usage=_lightgbm_sklearn_usage,
        notes=_LIGHTGBM_NOTES,
    ),
}
CATBOOST = Library(
    title="CatBoost",
    package="catboost",
    since="1.2",
    reason=_CATBOOST_REASON,
    attaches=False,
    label_columns=False,
    whole=False,
    blocks=True,
    only_classes=True,
    methods=_catboost,
    usage=_catboost_usage,
    notes=_CATBOOST_NOTES,
)
LIBRARIES |= {("catboost", "native"): CATBOOST, ("catboost", "sklearn"): CATBOOST}
"""By name and interface.  CatBoost has one interface, of scikit-learn's kind."""
