"""BFGS with a weak Wolfe line search (Lewis and Overton 2013, "Nonsmooth optimization via quasi-Newton methods").

For losses with kinks, such as absolute error, quantiles and hinges: at a minimum on a kink no gradient is small, and
line searches that wait for one fail.  The weak Wolfe conditions can be met along any direction of descent, by doubling
and bisection, whatever the function does there; values that are not finite count as too high.

Where no direction of descent is left, gradients are sampled around the point, and the shortest vector of their convex
hull is tried (Burke, Lewis and Overton 2005, "A robust gradient sampling algorithm"): a point on a kink, where the one
gradient leads nowhere, is left so.  What comes out is a point where neither leads down, to rounding.  The matrix takes
size^2 numbers: for up to some thousand parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

ARMIJO, WOLFE = 1e-4, 0.5
"""The share of the promised decrease that a step has to bring, and the share of the slope that may be left."""

MOST_TRIALS = 60
"""Of a line search: doubling and halving that often goes through all magnitudes of a double that matter here."""

RADII = (1e-3, 1e-6, 1e-9)
"""How far around a point gradients are sampled, relative to its largest entry."""

MOST_SAMPLES = 200

Function = Callable[[Any], tuple[float, Any]]


@dataclass(frozen=True)
class Outcome:
    """The best point, its value and gradient, the number of steps, and how the search ended.

    `stalled`: no further step led down; `unbounded`: along some direction the function fell without end.
    """

    x: Any
    fun: float
    jac: Any
    nit: int
    stalled: bool = False
    unbounded: bool = False


class Unbounded(ArithmeticError):
    """Along a direction, a function falls at least as fast as a line, as far as doubling a step leads."""


def weak_wolfe_bfgs(fun: Function, x: Any, tol: float, max_iter: int, sampling: bool = True) -> Outcome:
    """A local minimiser of fun(x) = (value, gradient), for a vector x at which it is finite.

    Ends where no entry of the gradient exceeds tol, where no step leads down, where steps of any length do, or after
    max_iter steps.  Without `sampling` it may end on a kink that can be left.
    """
    x = np.array(x, dtype=float)
    value, gradient = fun(x)
    inverse, fresh = _first(gradient), True
    for step in range(max_iter):
        if np.max(np.abs(gradient), initial=0.0) <= tol:
            return Outcome(x, value, gradient, step)
        direction = -inverse @ gradient
        try:
            found = line_search(fun, x, direction, value, float(gradient @ direction))
            if found is None and fresh and sampling:
                found = _escape(fun, x, value)
        except Unbounded:
            return Outcome(x, value, gradient, step, unbounded=True)
        if found is None and fresh:
            return Outcome(x, value, gradient, step, stalled=True)
        if found is None or fresh:
            inverse, fresh = _first(gradient), found is None
        if found is None:
            continue
        new_x, new_value, new_gradient = found
        s, y = new_x - x, new_gradient - gradient
        x, value, gradient = new_x, new_value, new_gradient
        if s @ y > 0:
            inverse = _updated(inverse, s, y)
    return Outcome(x, value, gradient, max_iter)


def _first(gradient: Any) -> Any:
    """The first matrix: a step of length 1.  Scaling by the first change of the gradient, which at a kink is a jump,
    would make all steps tiny."""
    length = float(np.linalg.norm(gradient))
    return np.eye(gradient.size) / (length if length > 0 else 1.0)


def _escape(fun: Function, x: Any, value: float) -> tuple[Any, float, Any] | None:
    """A lower point along the shortest convex combination of gradients around x; None where none is found.

    The samples are the same in every call: a fit can be repeated.
    """
    rng = np.random.default_rng(x.size)
    for radius in RADII:
        reach = radius * max(1.0, float(np.max(np.abs(x), initial=0.0)))
        points = [x + reach * rng.uniform(-1, 1, x.size) for _ in range(min(2 * x.size + 1, MOST_SAMPLES))]
        gradients = np.array([fun(point)[1] for point in points])
        if not np.all(np.isfinite(gradients)):
            continue
        shortest = _shortest(gradients)
        length = float(np.linalg.norm(shortest))
        if length > 0:
            found = line_search(fun, x, -shortest / length, value, -length)
            if found is not None:
                return found
    return None


def _shortest(vectors: Any) -> Any:
    """The shortest vector of the convex hull of the rows, by nonnegative least squares."""
    from scipy.optimize import nnls

    size = float(np.max(np.linalg.norm(vectors, axis=1)))
    if size == 0:
        return vectors[0]
    system = np.vstack([vectors.T / size, np.ones(len(vectors))])
    shares, _ = nnls(system, np.append(np.zeros(vectors.shape[1]), 1.0))
    return shares @ vectors / max(float(np.sum(shares)), np.finfo(float).tiny)


def line_search(fun: Function, x: Any, direction: Any, value: float, slope: float) -> tuple[Any, float, Any] | None:
    """A point along a direction of descent that meets the weak Wolfe conditions, with its value and gradient.

    If they are never met at once, the best point that decreases enough; None where there is none.  Raises Unbounded
    where every step is good, and a longer one better.
    """
    if not slope < 0:
        return None
    low, high, step = 0.0, float("inf"), 1.0
    best: tuple[Any, float, Any] | None = None
    for _ in range(MOST_TRIALS):
        trial = x + step * direction
        if np.array_equal(trial, x):
            break
        new_value, new_gradient = fun(trial)
        if not new_value < value + ARMIJO * step * slope or not np.all(np.isfinite(new_gradient)):
            high = step
        else:
            best = trial, new_value, new_gradient
            if new_gradient @ direction >= WOLFE * slope:
                return best
            low = step
        step = (low + high) / 2 if high < float("inf") else 2 * low
    if low > 0 and high == float("inf"):
        raise Unbounded
    return best


def _updated(inverse: Any, s: Any, y: Any) -> Any:
    """The BFGS update of the inverse of the Hessian, in the form that costs size^2."""
    rho = 1.0 / (s @ y)
    hy = inverse @ y
    outer = np.outer(s, hy)
    return inverse - rho * (outer + outer.T) + rho * (1.0 + rho * (y @ hy)) * np.outer(s, s)
