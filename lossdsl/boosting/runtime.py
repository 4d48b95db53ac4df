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
    """Scores in double precision: with margins in single precision 1 - sigmoid(17) is 0.

    Columns lie one after another, so that NumPy's loops run along the rows, and not along a handful of scores.
    """
    scores = np.asarray(values, dtype=np.float64, order="F")
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


def _by_blocks(compute: Callable[[Any, Any, Any], Any], scores: Any, target: Any, data: dict[str, Any]) -> Any:
    """The two arrays that `compute` gives, computed for blocks of rows: what lies between stays in the cache."""
    rows = len(scores)
    step = max(2**16 // max(scores.size // max(rows, 1), 1), 1)
    parts = [np.asarray(part) for part in (target, *data.values())]
    if rows <= step or any(part.shape[:1] != (rows,) for part in parts):
        return compute(scores, target, data)
    arrays: list[Any] = []
    try:
        for start in range(0, rows, step):
            at = slice(start, start + step)
            own = dict(zip(data, (part[at] for part in parts[1:]), strict=True))
            found = compute(scores[at], parts[0][at], own)
            arrays = arrays or [np.empty((rows, *part.shape[1:]), order="F") for part in found]
            for array, part in zip(arrays, found, strict=True):
                array[at] = part
    except (ValueError, IndexError):
        return compute(scores, target, data)  # to name the position among all rows
    return tuple(arrays)


def _floored(hess: Any, scale: float, floor: float, block: bool) -> Any:
    """Second derivatives times `scale`, of at least `floor`; of blocks, on their diagonals."""
    if not block:
        return np.maximum(hess if scale == 1 else hess * scale, floor)
    hess = np.multiply(hess, scale)
    diagonal = np.arange(hess.shape[-1])
    hess[:, diagonal, diagonal] = np.maximum(hess[:, diagonal, diagonal], floor)
    return hess


def _symmetric(parts: Any, size: int) -> Any:
    """Blocks from their diagonals and what is above them, row by row."""
    block = np.empty((*np.shape(parts[0]), size, size))
    for k in range(size):
        block[..., k, k] = parts[k]
    for k, (i, j) in enumerate(zip(*np.triu_indices(size, 1), strict=True)):
        block[..., i, j] = block[..., j, i] = parts[size + k]
    return block


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


def _label(dataset: Any) -> Any:
    """The label of a `DMatrix`; before XGBoost 3.2, one with several columns comes flat."""
    label, rows = dataset.get_label(), dataset.num_row()
    return label if len(label) == rows else np.reshape(label, (rows, -1))


def _plain(start: Any) -> Any:
    """A first score as Python numbers."""
    return np.asarray(start, dtype=np.float64).tolist()


def _bounds(group: Any) -> Any:
    """Where each group of rows begins, and the last one ends, from the sizes of the groups; None for no groups."""
    return None if group is None or np.size(group) == 0 else np.concatenate(([0], np.cumsum(group)))


def _every_class(target: Any, columns: int) -> None:
    """CatBoost numbers the classes that occur, and trains as many scores."""
    found = np.unique(target)
    if len(found) != columns or np.any(found != np.arange(columns)):
        missing = np.setdiff1d(np.arange(columns), found)
        what = f"no row has {missing[0]}" if len(missing) else f"a row has {found[-1] if found[0] >= 0 else found[0]:g}"
        raise ValueError(f"CatBoost trains one score for each class that occurs, of {columns} classes, but {what}")


def _row_block(
    grad: Any, hess: Any, weight: Any, full: bool, width: int, check: bool
) -> tuple[list[float], list[list[float]]]:
    """The derivatives of minus the loss in one row, as CatBoost takes them; scores beyond those of the loss stay 0."""
    first = np.reshape(grad, -1) * -weight
    second = hess[0] * -weight if full else np.diag(np.reshape(hess, -1) * -weight)
    if check:
        _finite("gradient", first)
        _finite("second derivative", second)
    own = first.size
    if own == width:
        return first.tolist(), second.tolist()
    wide, block = np.zeros(width), -np.eye(width)
    wide[:own], block[:own, :own] = first, second
    return wide.tolist(), block.tolist()


def _label_table(target: Any, data: dict[str, Any], least: int) -> Any:
    """The target and other data by name as the columns of a label, and zeros until there are enough."""
    table = np.column_stack([np.asarray(part, dtype=np.float64) for part in (target, *(data[n] for n in sorted(data)))])
    return np.pad(table, ((0, 0), (0, max(least - table.shape[1], 0))))


def _table_layout(target: Any, data: dict[str, Any]) -> tuple[tuple[str, int], ...]:
    """The names of what such a label holds, the target without one, and how many columns; 0: without an axis."""
    parts = {"": target, **{name: data[name] for name in sorted(data) if name != "columns"}}
    return tuple((name, np.shape(part)[1] if np.ndim(part) > 1 else 0) for name, part in parts.items())


def _from_table(table: Any, layout: tuple[tuple[str, int], ...]) -> tuple[Any, dict[str, Any]]:
    """The target and the other data, from the columns of a label."""
    parts: dict[str, Any] = {}
    at = 0
    for name, width in layout:
        parts[name] = table[:, at : at + width] if width else table[:, at]
        at += width or 1
    return parts.pop(""), parts
