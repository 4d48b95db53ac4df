"""CatBoost: its three ways of calling.  Read in its sources and run: 1.2 and 1.2.10.

One score and one label a row: ranges of rows.  Classes: row by row, with as many scores as the labels have values.
Everything else: row by row, with as many scores as the label has columns; so other data of the rows travel as columns
of the label, and columns of zeros are added until there are as many as scores.  CatBoost then wants a class derived
from its own, and takes no baseline: the objective itself adds the first score.
"""

from __future__ import annotations

from dataclasses import replace

from lossdsl.boosting.library import Facts, Library, limits, width

_LOWEST = "        started.floor = max(self.floor, 0.1 * self._curvature(start, target, weight, **data))\n"


def _of_ranges(facts: Facts) -> str:
    derivatives = '''
    def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> Any:
        """Rows of (first, second) derivatives of minus the loss, which CatBoost maximises."""
        grad, hess = self.derivatives(approxes, targets, weights)
        return np.stack((-grad, -hess), axis=1)
'''
    return derivatives + _parameters(facts, "") + _metric(facts)


def _of_classes(facts: Facts) -> str:
    derivatives = f'''
    def calc_ders_multi(self, approx: Any, target: Any, weight: Any) -> tuple[Any, Any]:
        """The derivatives of minus the loss in one row: K first ones, K times K second ones.

        Labels are not checked here, row by row, but by `parameters` and by the metric.
        """
        grad, hess = self._of_rows(np.reshape(approx, (1, -1)), np.reshape(target, (1,)), {{}}, False)
        return _row_block(grad, hess, weight, {facts.full}, np.size(grad), self.check)
'''
    every = "        _every_class(target, len(start))\n"
    return derivatives + _parameters(facts, every + width("classes_count")) + _metric(facts)


def _parameters(facts: Facts, scores: str) -> str:
    least = limits(facts, None, "l2_leaf_reg")
    start = "        start = self.init_score(target, weight, **data)\n" if least or scores or facts.lowest else ""
    own = "started" if facts.lowest else "self"
    lowest = f"        started = copy.copy(self)\n{_LOWEST}" if facts.lowest else ""
    return f'''
    @property
    def metric(self) -> {facts.cls}Metric:
        """The loss as an evaluation metric, without which CatBoost does not take an objective."""
        return {facts.cls}Metric(self)

    def parameters(self, target: Any, weight: Any = None, /, **data: Any) -> dict[str, Any]:
        """What the constructor has to be told.  The first score is not among it: pass it to the pool as `baseline`."""
{start}{lowest}        settings: dict[str, Any] = {{"loss_function": {own}, "eval_metric": self.metric}}
{least}{scores or "        return settings"}
'''


_EVALUATE = """\
        scores = np.stack(approxes, axis=1) if len(approxes) > 1 else approxes[0]
        total = float(len(target) if weight is None else np.sum(weight))
        return self.objective.loss(scores, target, weight) * total, total
"""
_EVALUATE_COLUMNS = """\
        scores = self.objective.from_start(np.stack(approxes, axis=1))
        label, data = _from_table(np.stack(target, axis=1), self.objective.layout)
        total = float(len(scores) if weight is None else np.sum(weight))
        return self.objective.loss(scores, label, weight, **data) * total, total
"""


def _metric(facts: Facts, base: str = "", evaluate: str = _EVALUATE) -> str:
    untyped = "  # type: ignore[misc]" if base else ""
    return f'''

class {facts.cls}Metric{base}:{untyped}
    """The weighted mean of {facts.loss}, as CatBoost evaluates metrics: lower is better."""

    def __init__(self, objective: {facts.cls}) -> None:
        self.objective = objective

    def is_max_optimal(self) -> bool:
        return False

    def evaluate(self, approxes: Any, target: Any, weight: Any) -> tuple[float, float]:
        """The weighted sum of the losses, and the sum of the weights."""
{evaluate}
    def get_final_error(self, error: float, weight: float) -> float:
        return error / weight if weight else 0.0
'''


def _of_columns(facts: Facts) -> str:
    least = limits(facts, None, "l2_leaf_reg")
    own = "table[:, : len(self.start)]" if facts.columns else "table[:, 0]"
    metric = _metric(facts, "(MultiTargetCustomMetric)", _EVALUATE_COLUMNS)
    columns = '        columns = data.pop("columns", None)\n' if "columns" in facts.scores else ""
    return f'''
    start: Any = None
    layout: Any = None

    def calc_ders_multi(self, approx: Any, target: Any, weight: Any) -> tuple[Any, Any]:
        """The derivatives of minus the loss in one row: first ones, and the block of second ones.

        Data are not checked here, row by row, but by the metric.
        """
        scores = self.from_start(np.reshape(approx, (1, -1)))
        label, data = _from_table(np.reshape(target, (1, -1)), self.layout)
        grad, hess = self._of_rows(scores, label, data, False)
        return _row_block(grad, hess, weight, {facts.full}, len(approx), self.check)

    def from_start(self, table: Any) -> Any:
        """Scores: what CatBoost adds up, from the first score on."""
        if self.start is None:
            raise ValueError("the objective needs a first score: take it from objective.parameters(target, ...)")
        return {own} + self.start

    def labels(self, target: Any, /, **data: Any) -> Any:
        """The label of the pool: the target, other data, and zeros, at least as many columns as a row has scores."""
{columns}        return _label_table(target, data, {facts.scores})

    @property
    def metric(self) -> {facts.cls}Metric:
        """The loss as an evaluation metric, without which CatBoost does not take an objective."""
        return {facts.cls}Metric(self)

    def parameters(self, target: Any, weight: Any = None, /, **data: Any) -> dict[str, Any]:
        """What the constructor has to be told: an objective that adds the first score, and its metric."""
        start = self.init_score(target, weight, **data)
        started = copy.copy(self)
        started.start = start
{_LOWEST if facts.lowest else ""}        started.layout = _table_layout(target, data)
        settings: dict[str, Any] = {{
            "loss_function": started,
            "eval_metric": started.metric,
            "allow_const_label": True,
        }}
{least}        return settings
{metric}'''


def _usage(facts: Facts) -> str:
    return f"""from catboost import CatBoost, Pool
from {facts.module} import {facts.cls}

objective = {facts.cls}({facts.example})
start = objective.init_score(y, w)
train = Pool(X, y, weight=w, baseline=objective.first_scores(start, len(y)))
model = CatBoost({{"iterations": 100, "learning_rate": 0.1, **objective.parameters(y, w)}})
model.fit(train)
predicted = objective.predict_transform(start + model.predict(X_new, prediction_type="RawFormulaVal"))"""


def _columns_usage(facts: Facts) -> str:
    data = "".join(f", {name}=..." for name in facts.attached)
    own = "" if facts.columns and not facts.attached else "[:, : np.size(start)]" if facts.columns else "[:, 0]"
    numpy = "import numpy as np\n" if "np." in own else ""
    return f"""{numpy}from catboost import CatBoost, Pool
from {facts.module} import {facts.cls}

objective = {facts.cls}({facts.example})
start = objective.init_score(y, w{data})
train = Pool(X, objective.labels(y{data}), weight=w)
model = CatBoost({{"iterations": 100, "learning_rate": 0.1, **objective.parameters(y, w{data})}})
model.fit(train)
raw = model.predict(X_new, prediction_type="RawFormulaVal"){own}
predicted = objective.predict_transform(start + raw)"""


_NOTES = """
CatBoost starts at 0, and its predictions leave the baseline out: add it, and call predict_transform."""
_CLASSES_NOTES = (
    _NOTES
    + """
CatBoost trains one score for each class that occurs, so labels must leave none out.  It calls for each row, which is
slow."""
)
_COLUMNS_NOTES = """
CatBoost trains as many scores as the label has columns: give it `labels(...)`, which adds columns for the data that the
loss needs, and zeros.  It takes no baseline then, so the objective that is among `parameters` adds the first score;
predictions leave it out: add it, and call predict_transform.  CatBoost calls for each row, which is slow."""

RANGES = Library(
    title="CatBoost",
    package="catboost",
    since="1.2",
    reason="before, NumPy arrays were not passed to objectives",
    carries="nothing",
    label_columns=False,
    whole=False,
    blocks=False,
    methods=_of_ranges,
    usage=_usage,
    notes=_NOTES,
)
"""One score and one label a row."""
CLASSES = replace(RANGES, blocks=True, methods=_of_classes, notes=_CLASSES_NOTES)
"""Labels that are positions of scores."""
COLUMNS = replace(
    CLASSES,
    carries="labels",
    label_columns=True,
    methods=_of_columns,
    usage=_columns_usage,
    notes=_COLUMNS_NOTES,
    imports="from catboost import MultiTargetCustomMetric, MultiTargetCustomObjective  # type: ignore[import-untyped]",
    base="(MultiTargetCustomObjective)",
)
"""Several targets, several predictions, and data beside the label."""
