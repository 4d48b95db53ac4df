"""XGBoost: how its two interfaces call, and what they have to be told.  Read in its sources and run: 3.2."""

from __future__ import annotations

from lossdsl.boosting.library import Facts, Library, limits, width


def _native(facts: Facts) -> str:
    least, scores = limits(facts, "min_child_weight", "reg_lambda"), width("num_class")
    group = ', data.get_uint_info("group_ptr")' if facts.coupled else ""
    return f'''
    def __call__(self, predt: Any, dtrain: Any) -> tuple[Any, Any]:
        """The gradient and the Hessian by raw margin: what `xgb.train(..., obj=)` takes."""
        return self.derivatives(predt, *self._given(dtrain), **_attached(dtrain))

    def metric(self, predt: Any, dtrain: Any) -> tuple[str, float]:
        """The name and the value of the loss: what `xgb.train(..., custom_metric=)` takes."""
        return "{facts.loss}", self.loss(predt, *self._given(dtrain), **_attached(dtrain))

    def _given(self, data: Any) -> tuple[Any, ...]:
        return _label(data), data.get_weight(){group}

    def parameters(self, target: Any, weight: Any = None, /, **data: Any) -> dict[str, Any]:
        """What `xgb.train` has to be told: the first score, which XGBoost saves, and how many scores a row has."""
        start = self.init_score(target, weight, **data)
        settings: dict[str, Any] = {{"base_score": _plain(start), "disable_default_eval_metric": True}}
{least}{scores}'''


def _sklearn(facts: Facts) -> str:
    least, scores = limits(facts, "min_child_weight", "reg_lambda"), width("num_class")
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
{least}{scores}'''


def _usage(facts: Facts) -> str:
    attach = f"objective.attach(train, {', '.join(f'{n}=...' for n in facts.attached)})\n" if facts.attached else ""
    return f"""import xgboost as xgb
from {facts.module} import {facts.cls}

objective = {facts.cls}({facts.example})
train = xgb.DMatrix(X, label=y, weight=w)
{attach}params = {{"learning_rate": 0.1, **objective.parameters(y, w)}}
booster = xgb.train(params, train, 100, obj=objective, custom_metric=objective.metric)
predicted = objective.predict_transform(booster.predict(xgb.DMatrix(X_new), output_margin=True))"""


def _sklearn_usage(facts: Facts) -> str:
    return f"""from xgboost import XGBRegressor
from {facts.module} import {facts.cls}

objective = {facts.cls}({facts.example})
model = XGBRegressor(n_estimators=100, learning_rate=0.1, **objective.parameters(y, w))
model.fit(X, y, sample_weight=w)
predicted = objective.predict_transform(model.predict(X_new, output_margin=True))"""


_REASON = "before, gradients of several scores a row were flat"
_COLUMNS = ("3.1", "before, the scores of a row had one base_score together")
_NOTES = """
XGBoost starts at 0.5 unless base_score says otherwise, hands over margins in single precision, and shows predictions of
a custom objective untransformed: ask for output_margin=True and call predict_transform."""
_SKLEARN_NOTES = (
    _NOTES
    + """
XGBClassifier.predict_proba applies a sigmoid or softmax whatever the link of the loss is."""
)

NATIVE = Library(
    title="XGBoost",
    package="xgboost",
    since="2.1",
    reason=_REASON,
    carries="data sets",
    label_columns=True,
    whole=True,
    blocks=False,
    methods=_native,
    usage=_usage,
    notes=_NOTES,
    columns_since=_COLUMNS,
)
SKLEARN = Library(
    title="XGBoost's scikit-learn interface",
    package="xgboost",
    since="2.1",
    reason=_REASON,
    carries="nothing",
    label_columns=True,
    whole=True,
    blocks=False,
    methods=_sklearn,
    usage=_sklearn_usage,
    notes=_SKLEARN_NOTES,
    columns_since=_COLUMNS,
)
