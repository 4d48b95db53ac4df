"""The class of an objective, as text with gaps: what is the same for all libraries."""

from __future__ import annotations

CLASS = '''
class {cls}{base}:{untyped}
    """The loss {loss} as an objective for {title}; can be copied and pickled.

    floor: the least second derivative, before weights.
    hessian_scale: a factor of the second derivative; above 1, steps are smaller.
    check: whether the domains of data are checked, and that derivatives are finite, at every call.
    """

    def __init__(
        self,
        *,
{signature}        floor: float = {floor},
        hessian_scale: float = 1.0,
        check: bool = True,
    ) -> None:
{checks}        self.settings: dict[str, Any] = {settings}
        self.floor = floor
        self.hessian_scale = hessian_scale
        self.check = check
'''

DERIVATIVES = '''
    def derivatives(self, score: Any, target: Any, weight: Any = None, /, **data: Any) -> tuple[Any, Any]:
        """The gradient by score, in its shape, and {hessian_is}, both times the weights.

        {arguments}
        """
        scores = _scores(score, {columns})
        weights = _row_weights(weight, len(scores))
        grad, hess = {compute}
        if weights is not None:
            grad, hess = grad * _by_row(weights, grad), hess * _by_row(weights, hess)
        if self.check:
            _finite("gradient", grad)
            _finite("second derivative", hess)
        return grad, hess

    def _of_rows(self, scores: Any, target: Any, data: Any, validate: bool | None = None) -> tuple[Any, Any]:
        """The derivatives, without weights."""
        parts = _derivatives({call}, validate=self.check if validate is None else validate)
        grad = np.reshape({gradients}, scores.shape)
        return grad, _floored({hessians}, self.hessian_scale, self.floor, {block})

    def loss(self, score: Any, target: Any, weight: Any = None, /, **data: Any) -> float:
        """The {reduction} of the loss over rows, with the weights: the metric."""
        scores = _scores(score, {columns})
        weights = _row_weights(weight, len(scores))
        losses, kept = _losses({call}, validate=self.check)
        return _total(losses, kept, weights, len(scores), {mean})
'''

COUPLED = '''
    def derivatives(
        self, score: Any, target: Any, weight: Any = None, bounds: Any = None, /, **data: Any
    ) -> tuple[Any, Any]:
        """The gradient by score of the whole loss, in its shape, and the diagonal of its Hessian.

        {arguments}
        bounds: where each group of rows begins, and the last one ends; None for one group.
        weight: one number a group, or one a row that is the same within each group.
        """
        scores = _scores(score, {columns})
        weights = _group_weights(weight, bounds, len(scores))
        grads, hessians = [], []
        for start, end in _slices(bounds, len(scores)):
            own = {own}
            parts = _derivatives({piece}, validate=self.check)
            grads.append(np.reshape({gradients}, scores[start:end].shape))
            hessians.append(np.reshape({diagonals}, scores[start:end].shape))
        grad = np.concatenate(grads)
        hess = np.maximum(np.concatenate(hessians) * self.hessian_scale, self.floor)
        if weights is not None:
            grad, hess = grad * _by_row(weights, grad), hess * _by_row(weights, hess)
        if self.check:
            _finite("gradient", grad)
            _finite("second derivative", hess)
        return grad, hess

    def loss(
        self, score: Any, target: Any, weight: Any = None, bounds: Any = None, /, **data: Any
    ) -> float:
        """The loss of each group, averaged over groups with their weights: the metric."""
        scores = _scores(score, {columns})
        weights = _group_weights(weight, bounds, len(scores))
        values, shares = [], []
        for start, end in _slices(bounds, len(scores)):
            own = {own}
            losses, kept = _losses({piece}, validate=self.check)
            values.append(_total(losses, kept, None, 1, {mean}))
            shares.append(1.0 if weights is None else weights[start])
        return float(np.average(values, weights=shares)) if sum(shares) > 0 else 0.0
'''

START = '''
    def init_score(self, target: Any, weight: Any = None, /{bounds_parameter}, **data: Any) -> Any:
        """The best constant score, where boosting should start: {start_is}."""
{closed}        rows = len(target)

        def slopes(constant: Any) -> tuple[Any, Any]:
            scores = np.array(np.broadcast_to(constant, (rows, *np.shape(constant))))
            grad, hess = self.derivatives(scores, target, weight{bounds}, **data)
            total = np.sum(grad, axis=0)
            noise = 1e-12 * np.sum(np.abs(grad), axis=0)
            return np.where(np.abs(total) <= noise, 0.0, total), np.sum({bent}, axis=0)
{solve}
    def first_scores(self, start: Any, rows: int) -> Any:
        """The first score of every row, as data sets take it."""
        return np.array(np.broadcast_to(start, (rows, *np.shape(start))))

    def predict_transform(self, score: Any) -> Any:
        """{predicted_is}"""
{predicted}
'''

SOLVE_ONE = """
        return _root(lambda constant: tuple(map(float, slopes(constant))), {first})
"""

SOLVE_WITHIN_REACH = """
        start = _root(lambda constant: tuple(map(float, slopes(constant))), {first})

        def steepness(constant: float) -> float:
            grad, _ = self.derivatives(self.first_scores(constant, rows), target, weight{bounds}, **data)
            return float(np.sum(np.abs(grad)))

        return start if steepness(start) > 0.01 * steepness(0.0) else 0.0
"""

SOLVE_SEVERAL = """
        def value(constant: Any) -> float:
            scores = np.array(np.broadcast_to(constant, (rows, *np.shape(constant))))
            return self.loss(scores, target, weight{bounds}, **data)

        return _minimum(slopes, value, {first})
"""

ATTACH = '''
    def attach(self, dataset: Any, /, **data: Any) -> Any:
        """Keep data that the loss needs beside the label on a data set, one element a row; gives the data set back.

        {arguments}
        """
        dataset.objective_data = {{name: np.asarray(values) for name, values in data.items()}}
        return dataset
'''

CURVATURE = '''
    def _curvature(self, start: Any, target: Any, weight: Any = None, /{bounds_parameter}, **data: Any) -> float:
        """The mean second derivative at the first score: what a penalty that is meant for 1 has to be multiplied by."""
        scores = self.first_scores(start, len(target))
        _, hess = self.derivatives(scores, target, weight{bounds}, **data)
        weights = _row_weights(weight, len(target))
        total = float(len(target) if weights is None else np.sum(weights))
        return float(np.sum(hess) / max(total * max(hess.size // max(len(hess), 1), 1), 1e-300))
'''
