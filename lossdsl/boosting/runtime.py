"""Functions that every emitted objective carries: their text is copied into it, so they use nothing but NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def _old_version(library: str, since: str, reason: str) -> None:
    """Importing the objective beside a version of the library that calls it in another way is an error."""
    from importlib.metadata import PackageNotFoundError, version

    for package in (library, f"{library}-cpu"):
        try:
            installed = version(package)
        except PackageNotFoundError:
            continue
        parts = [int(part) for part in installed.split(".")[:2] if part.isdigit()]
        if parts < [int(part) for part in since.split(".")]:
            raise ImportError(f"{library} {installed} is too old for this objective, it needs {since}: {reason}")


def _scores(values: Any, columns: int | None) -> Any:
    """Scores in double precision: with margins in single precision 1 - sigmoid(17) is 0."""
    scores = np.asarray(values, dtype=np.float64)
    if columns is not None and (scores.ndim != 2 or scores.shape[1] != columns):
        raise ValueError(f"the loss has {columns} scores a row, so their shape is (n, {columns}), not {scores.shape}")
    return scores


def _by_row(array: Any, like: Any) -> Any:
    """One number a row, to be multiplied with an array of scores."""
    return np.reshape(array, (-1,) + (1,) * (np.ndim(like) - 1))


def _row_weights(weight: Any, rows: int) -> Any:
    """Weights in double precision; None for none, or for an empty array (XGBoost's way of saying none)."""
    if weight is None or np.size(weight) == 0:
        return None
    weights = np.asarray(weight, dtype=np.float64)
    if weights.shape != (rows,):
        raise ValueError(f"there are {rows} rows, so weight must have shape ({rows},), not {weights.shape}")
    if not np.all(weights >= 0):
        raise ValueError("weight must not be negative, nor NaN")
    return weights


def _slices(bounds: Any, rows: int) -> list[tuple[int, int]]:
    """The rows of each group; all rows where there are no groups."""
    if bounds is None or np.size(bounds) == 0:
        return [(0, rows)]
    ends = [int(bound) for bound in bounds]
    if ends[0] != 0 or ends[-1] != rows:
        raise ValueError(f"the groups have {ends[-1] - ends[0]} rows, but there are {rows}")
    return [(ends[k], ends[k + 1]) for k in range(len(ends) - 1) if ends[k + 1] > ends[k]]


def _group_weights(weight: Any, bounds: Any, rows: int) -> Any:
    """One weight a row, from one a group or one a row; a loss that couples rows has none that differ in a group."""
    if weight is None or np.size(weight) == 0:
        return None
    weights = np.asarray(weight, dtype=np.float64)
    slices = _slices(bounds, rows)
    if weights.shape == (len(slices),) != (rows,):
        weights = np.repeat(weights, [end - start for start, end in slices])
    weights = _row_weights(weights, rows)
    for start, end in slices:
        if np.any(weights[start:end] != weights[start]):
            raise ValueError(
                f"the loss couples rows {start} to {end - 1}, so they can not have different weights; "
                "make weights an argument of the loss"
            )
    return weights


def _floored(hess: Any, floor: float, block: bool) -> Any:
    """Second derivatives of at least `floor`; of blocks, on their diagonals."""
    if not block:
        return np.maximum(hess, floor)
    hess = np.array(hess)
    diagonal = np.arange(hess.shape[-1])
    hess[:, diagonal, diagonal] = np.maximum(hess[:, diagonal, diagonal], floor)
    return hess


def _finite(what: str, array: Any) -> None:
    """A booster turns one NaN into leaves of NaN without a word."""
    with np.errstate(all="ignore"):
        suspicious = not np.isfinite(np.sum(array))
    if suspicious and not np.all(np.isfinite(array)):
        at = np.argwhere(~np.isfinite(array))[0]
        raise FloatingPointError(f"the {what} is {array[tuple(at)]} in row {at[0]}")


def _total(losses: Any, kept: Any, weight: Any, rows: int, mean: bool) -> float:
    """The weighted mean, or sum, of the elements that are kept; 0 of nothing."""
    losses = np.reshape(losses, (rows, -1))
    share = np.reshape(np.broadcast_to(kept, np.shape(kept) or losses.shape), losses.shape)
    if weight is not None:
        share = share * _by_row(weight, losses)
    with np.errstate(all="ignore"):
        total = float(np.sum(losses * share))
    if not mean:
        return total
    weights = float(np.sum(share))
    return total / weights if weights > 0 else 0.0


def _quantile(values: Any, weight: Any, level: float) -> float:
    """The weighted quantile of numbers: the middle of all minimisers of the check loss."""
    order = np.argsort(values, kind="stable")
    ordered = np.asarray(values, dtype=np.float64)[order]
    weights = np.ones(len(order)) if weight is None else np.asarray(weight, dtype=np.float64)[order]
    below = np.cumsum(weights)
    wanted = level * below[-1]
    tolerance = 1e-12 * below[-1]
    low = np.searchsorted(below, wanted - tolerance)
    high = np.searchsorted(below, wanted + tolerance)
    last = len(order) - 1
    return float((ordered[min(low, last)] + ordered[min(high, last)]) / 2)


def _class_rates(target: Any, weight: Any, columns: int | None) -> Any:
    """The logarithm of the share of each class, less their mean; of classes without rows, far below."""
    labels = np.asarray(target).astype(np.intp)
    labels = np.where(labels < 0, 0, labels)
    counts = np.bincount(labels, weights=weight, minlength=columns or 0).astype(np.float64)
    logs = np.log(np.maximum(counts / max(np.sum(counts), 1e-300), 1e-9))
    return logs - np.mean(logs)


def _zeros(columns: int | None, known: int | None) -> Any:
    """As many zeros as a row has scores."""
    count = known if columns is None else columns
    if count is None:
        raise ValueError("the data do not say how many scores a row has: pass columns=")
    return np.zeros(count)


def _root(slope: Callable[[float], Any], start: float) -> float:
    """The number where a nondecreasing slope is 0, or changes its sign; `slope` gives the slope and its derivative.

    Newton's method, kept within a bracket and replaced by bisection where it is slow.  Where the slope never changes
    its sign (labels of one class), the number is one where it has become a billion times flatter.
    """
    low, high = _bracket(slope, start)
    if low == high:
        return low
    x = start if low < start < high else (low + high) / 2
    width = high - low
    for _ in range(200):
        g, h = slope(x)
        if g == 0:
            return x
        low, high = (low, x) if g > 0 else (x, high)
        step = x - g / h if h > 0 else low
        slow = high - low > width / 2
        width = high - low
        following = step if low < step < high and not slow else (low + high) / 2
        if abs(following - x) <= 1e-12 * (1 + abs(x)) or following in (low, high):
            return following
        x = following
    return x


def _bracket(slope: Callable[[float], Any], start: float) -> tuple[float, float]:
    """Two numbers between which the slope changes its sign; one and the same where it is 0, or gets flat."""
    g, h = slope(start)
    if g == 0:
        return start, start
    flat = abs(g) * 1e-9
    direction = -1.0 if g > 0 else 1.0
    step = min(max(abs(g) / h, 1e-3), 1e3) if h > 0 else 1.0
    before, x = start, start
    for _ in range(120):
        before, x = x, start + direction * step
        g, h = slope(x)
        if g * direction >= 0:
            return min(before, x), max(before, x)
        if abs(g) <= flat or step > 1e15:
            return x, x
        step *= 2
    return start, start


def _minimum(slopes: Callable[[Any], Any], value: Callable[[Any], float], start: Any) -> Any:
    """The scores, several a row, at which the slopes are 0: scaled descent, each step halved until the value falls."""
    point = np.array(start, dtype=np.float64)
    best = value(point)
    flat: Any = None
    for _ in range(200):
        g, h = slopes(point)
        flat = 1e-9 * (np.abs(g) + 1e-300) if flat is None else flat
        step = np.where(g == 0, 0.0, -g / np.maximum(np.abs(h), 1e-12))
        step = np.clip(step, -10.0 - np.abs(point), 10.0 + np.abs(point))
        if np.all(np.abs(g) <= flat) or np.all(np.abs(step) <= 1e-10 * (1 + np.abs(point))):
            return point
        for _halving in range(30):
            new = value(point + step)
            if new <= best:
                break
            step = step / 2
        else:
            return point
        point, best = point + step, new
    return point


def _attached(dataset: Any) -> dict[str, Any]:
    """The data that were attached to a data set."""
    data: dict[str, Any] = getattr(dataset, "objective_data", {})
    return data


def _plain(start: Any) -> Any:
    """A first score as Python numbers."""
    return np.asarray(start, dtype=np.float64).tolist()


def _bounds(group: Any) -> Any:
    """Where each group of rows begins, and the last one ends, from the sizes of the groups; None for no groups."""
    return None if group is None or np.size(group) == 0 else np.concatenate(([0], np.cumsum(group)))
