"""Gradients of functions that have none of their own: central differences of order 8, with an estimate of their error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.differentiate import derivative

STEPS = (0.05, 0.05 / 8, 0.05 / 64)
"""First steps to try: the small ones for points near a kink."""
ACCURACY = 1e-9
"""The largest estimate of the error, relative to the largest component: a tenth of what the tests allow gradients."""


class InaccurateGradient(ValueError):
    """The differences do not settle, as at a kink: that point is to be recorded without a gradient."""


def gradient(function: Callable[..., Any], inputs: dict[str, np.ndarray], name: str) -> np.ndarray:
    """The gradient of the sum of `function(*inputs)` with respect to the array `name`.

    A positive array stays positive, since 0 may be the end of its domain.
    Raises InaccurateGradient where scipy.differentiate estimates an error above ACCURACY.
    """
    point = np.asarray(inputs[name], dtype=float)
    lowest = 0.0 if (point > 0).all() else -np.inf
    slopes = [_partial(function, inputs, name, place, lowest) for place in np.ndindex(point.shape)]
    found, errors = np.array(slopes).reshape(-1, 2).T
    allowed = ACCURACY * max(np.abs(found).max(initial=0.0), 1e-3)
    if not errors.max(initial=0.0) <= allowed:
        raise InaccurateGradient(f"{name}: the error is {errors.max():.1g}, more than {allowed:.1g}")
    return found.reshape(point.shape)


def _partial(
    function: Callable[..., Any], inputs: dict[str, np.ndarray], name: str, place: Any, lowest: float
) -> tuple[float, float]:
    """The derivative with respect to one coordinate, and the estimate of its error."""
    start, value = float(inputs[name][place]), np.asarray(function(*inputs.values()))

    def along(coordinate: float) -> float:
        moved = np.array(inputs[name], dtype=float)
        moved[place] = coordinate
        # Less the value at the start before the sum, so that elements that do not change add no rounding.
        return float(np.sum(function(*(inputs | {name: moved}).values()) - value))

    tries = []
    for step in STEPS:
        first = min(step, (start - lowest) / 2)
        tolerances = {"atol": 0.0, "rtol": 1e-11}
        tried = derivative(np.vectorize(along, otypes=[float]), start, initial_step=first, tolerances=tolerances)
        tries.append((float(tried.df), float(tried.error)))
        if tried.success:
            break
    return min(tries, key=lambda pair: np.inf if np.isnan(pair[1]) else pair[1])
