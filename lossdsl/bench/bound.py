"""The memory bound: each input read once, each gradient written once, nothing computed, on one thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def memory_bound(predictions: Sequence[Array], data: Sequence[Array]) -> Callable[[], None]:
    """A call that moves the bytes; gradients have the shapes of the predictions.

    A prediction is read where its gradient is written, together with data of its shape, if there are any: one NumPy
    loop over two inputs and an output is as near to the memory as NumPy gets.  Other data are read by a maximum.
    """
    rest = list(data)
    steps: list[Callable[[], object]] = []
    for prediction in predictions:
        fellow = next(
            (k for k, x in enumerate(rest) if x.shape == prediction.shape and x.dtype == prediction.dtype), None
        )
        steps.append(_moving(prediction, None if fellow is None else rest.pop(fellow)))
    steps += [_reading(array) for array in rest if array.size]

    def call() -> None:
        for step in steps:
            step()

    return call


def bytes_moved(predictions: Sequence[Array], data: Sequence[Array]) -> int:
    """What the bound moves."""
    return sum(2 * array.nbytes for array in predictions) + sum(array.nbytes for array in data)


def _moving(prediction: Array, fellow: Array | None) -> Callable[[], object]:
    out = np.empty_like(prediction)
    if fellow is None:
        return lambda: np.copyto(out, prediction)
    return lambda: np.add(prediction, fellow, out=out)


def _reading(array: Array) -> Callable[[], object]:
    return lambda: array.max()
