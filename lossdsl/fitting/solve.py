"""Minimisation of a linear problem: SciPy's methods, in an order that ends with a good fit for most losses.

Without a method asked for, features are standardised (which changes the way to the minimum, not the minimum), and then
come: the intercepts and learned values alone, the best constant, since far from it many losses are flat or overflow;
everything, by L-BFGS; Newton's method, with products of the Hessian from generated code, if the gradient is not small
yet; where it still is not, as at a kink, BFGS with a weak Wolfe line search.  A loss without curvature goes to the last
at once.  With an l1 penalty there is only L-BFGS-B, which takes bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lossdsl.fitting.nonsmooth import weak_wolfe_bfgs

if TYPE_CHECKING:
    from lossdsl.fitting.model import LinearModel
    from lossdsl.fitting.problem import LinearProblem

DENSE = 2000
"""The most parameters for which the last stage keeps a matrix: 32 MB."""

ROUGH = 1e-5
"""How exact the best constant is: it is a place to start from."""

QUASI_NEWTON = 200
"""Steps of L-BFGS before Newton's method takes over, which is better where features depend on each other."""

POLISHING = 5
"""Steps of Newton's method at the end, each of which squares what is left of the gradient."""

ROUNDING = 1e-12
"""How much a value may seem to rise in a step that is right: what sums over thousands of examples lose."""

NEEDS_HESSIAN = frozenset({"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"})
"""SciPy's methods that take products with the Hessian."""

TAKES_BOUNDS = frozenset({"l-bfgs-b", "tnc", "slsqp", "trust-constr"})
"""SciPy's methods that take bounds and gradients."""

Function = Callable[[Any], tuple[float, Any]]


@dataclass
class _Search:
    """The best point so far; `bounded` are the parameters that may not be negative."""

    problem: Function
    x: Any
    value: float
    gradient: Any
    bounded: Any
    iterations: int = 0
    stalled: bool = False
    unbounded: bool = False

    @property
    def slope(self) -> float:
        """The largest entry of the gradient in a direction that bounds leave open."""
        return float(np.max(np.abs(self.gradient[self.free]), initial=0.0))

    @property
    def free(self) -> Any:
        """The parameters that are not at a bound which they would leave."""
        return ~(self.bounded & (self.x <= 0) & (self.gradient >= 0))

    def offer(self, x: Any, iterations: int) -> None:
        self.iterations += int(iterations)
        value, gradient = self.problem(x)
        if value <= self.value and np.all(np.isfinite(gradient)):
            self.x, self.value, self.gradient = x, value, gradient


def minimize(problem: LinearProblem, method: str | None, tol: float, max_iter: int) -> LinearModel:
    """The model at the least value found.

    It is a success if no entry of the gradient is larger than tol times that at the best constant, or if no step leads
    down from it (a kink, or rounding).  With a method asked for, that one is run from `start`, and success is what it
    says.  Raises ValueError where the loss is not finite at the start.
    """
    if method is not None:
        return _one_method(problem, method, tol, max_iter)
    inner, back = problem.standardised()
    with np.errstate(all="ignore"):
        constant = _best_constant(inner, max_iter)
        search = replace(constant)
        wanted = tol * search.slope
        if not search.unbounded:
            _stages(inner, constant, search, wanted, max_iter)
    success = not search.unbounded and (search.slope <= wanted or search.stalled)
    message = "no step leads down" if search.stalled else f"the largest entry of the gradient is {search.slope:.3g}"
    if not success:
        message += f", not below {wanted:.3g}"
    if search.unbounded:
        message = "the loss falls without end along some direction; a penalty (l2) may bound it"
    x = back(search.x)
    return problem.unpack(x, value=problem(x)[0], iterations=search.iterations, success=success, message=message)


def _stages(problem: LinearProblem, constant: _Search, search: _Search, tol: float, max_iter: int) -> None:
    """The stages, each as long as the gradient is not small, and the last steps of Newton's method, which cost little.

    The search with a dense matrix knows no bounds.
    """
    bounds = problem.bounds is not None
    if bounds or not _piecewise_linear(problem, search.x):
        for stage in (_lbfgs,) if bounds else (_lbfgs, _newton):
            if search.slope > tol and search.iterations < max_iter:
                stage(problem, search, tol, max_iter - search.iterations)
        _polish(problem, search, tol, max_iter - search.iterations)
    for begin in () if bounds else (constant.x, search.x):
        done = search.slope <= tol or search.stalled or search.unbounded
        if not done and search.iterations < max_iter and search.x.size <= DENSE:
            _weak_wolfe(problem, begin, search, tol, max_iter - search.iterations)


def _piecewise_linear(problem: LinearProblem, x: Any) -> bool:
    """Whether the loss has no curvature at all at x, as absolute errors and hinges have none beside their kinks."""
    direction = np.random.default_rng(0).standard_normal(x.size)
    return not np.any(problem.loss_hessp(x, direction))


def _bounded(problem: LinearProblem) -> Any:
    """The parameters with a bound, shape (parameters,)."""
    if problem.bounds is None:
        return np.zeros(problem.start.size, dtype=bool)
    return np.array([low is not None for low, _ in problem.bounds])


def _best_constant(problem: LinearProblem, max_iter: int) -> _Search:
    """The search at the best intercepts and learned values for coefficients of 0."""
    start = problem.start
    value, gradient = problem(start)
    if not np.isfinite(value) or not np.all(np.isfinite(gradient)):
        raise ValueError(
            f"{problem.program.name} is {value} where all linear predictors are 0, and its gradient "
            f"{'finite' if np.all(np.isfinite(gradient)) else 'not'}; look at the data with validate=True"
        )
    free = np.flatnonzero(~np.concatenate([problem.layout.penalised, np.ones(start.size - problem.layout.size, bool)]))

    def constant(z: Any) -> tuple[float, Any]:
        x = start.copy()
        x[free] = z
        value, gradient = problem(x)
        return value, gradient[free]

    search = _Search(problem, start, value, gradient, _bounded(problem))
    if free.size:
        if free.size <= DENSE:
            slope = float(np.max(np.abs(gradient[free])))
            outcome = weak_wolfe_bfgs(constant, start[free], ROUGH * slope, max_iter, sampling=False)
            found, search.unbounded = outcome.x, outcome.unbounded
        else:
            from scipy.optimize import minimize as scipy_minimize

            found = scipy_minimize(constant, start[free], jac=True, method="L-BFGS-B").x
        x = start.copy()
        x[free] = found
        search.offer(x, 0)
    return search


def _lbfgs(problem: LinearProblem, search: _Search, tol: float, max_iter: int) -> None:
    from scipy.optimize import minimize as scipy_minimize

    steps = max_iter if problem.bounds is not None else min(max_iter, QUASI_NEWTON)
    options = {"maxiter": steps, "maxfun": 10 * steps, "gtol": tol, "ftol": 1e-15, "maxcor": 20}
    result = scipy_minimize(problem, search.x, jac=True, method="L-BFGS-B", bounds=problem.bounds, options=options)
    search.offer(result.x, result.nit)


def _newton(problem: LinearProblem, search: _Search, tol: float, max_iter: int) -> None:
    from scipy.optimize import minimize as scipy_minimize

    if not np.all(np.isfinite(problem.hessp(search.x, search.gradient))):
        return
    options = {"maxiter": min(max_iter, 50), "gtol": tol / 2}
    result = scipy_minimize(problem, search.x, jac=True, hessp=problem.hessp, method="trust-ncg", options=options)
    search.offer(result.x, result.nit)


def _polish(problem: LinearProblem, search: _Search, tol: float, max_iter: int) -> None:
    """Newton steps that are judged by the gradient: close to a minimum, differences of values are lost in rounding.

    Parameters at bounds stay there.  One step is always tried: flat directions need gradients far below the tolerance.
    """
    from scipy.sparse.linalg import LinearOperator, minres

    for step in range(min(POLISHING, max_iter)):
        if search.slope <= tol and step > 0:
            return
        free = search.free
        where = np.flatnonzero(free)

        def product(v: Any, x: Any = search.x, where: Any = where) -> Any:
            whole = np.zeros(x.size)
            whole[where] = np.ravel(v)
            return problem.hessp(x, whole)[where]

        hessian = LinearOperator((where.size, where.size), matvec=product, dtype=float)
        change, _ = minres(hessian, -search.gradient[where], rtol=1e-10, maxiter=2 * where.size)
        x = search.x.copy()
        x[where] += change
        value, gradient = problem(x)
        tried = replace(search, x=x, value=value, gradient=gradient)
        inside = not np.any(x[search.bounded] < 0)
        if not (inside and tried.slope < search.slope and value <= search.value + ROUNDING * abs(search.value)):
            return
        search.x, search.value, search.gradient = x, value, gradient
        search.iterations += 1


def _weak_wolfe(problem: LinearProblem, begin: Any, search: _Search, tol: float, max_iter: int) -> None:
    """From `begin`, which is not the end of L-BFGS: close to a kink the matrix would be slow to find its scale."""
    outcome = weak_wolfe_bfgs(problem, begin, tol, max_iter)
    search.stalled = outcome.stalled and outcome.fun <= search.value
    search.unbounded = outcome.unbounded
    search.offer(outcome.x, outcome.nit)


def _one_method(problem: LinearProblem, method: str, tol: float, max_iter: int) -> LinearModel:
    """SciPy's own minimiser, from `start`, with what it can use."""
    from scipy.optimize import minimize as scipy_minimize

    name = method.lower()
    if problem.bounds is not None and name not in TAKES_BOUNDS:
        raise ValueError(
            f"an l1 penalty needs a method that takes bounds ({', '.join(sorted(TAKES_BOUNDS))}), not {method}"
        )
    more = {"hessp": problem.hessp} if name in NEEDS_HESSIAN else {}
    limit = "maxfun" if name == "tnc" else "maxiter"
    result = scipy_minimize(
        problem, problem.start, jac=True, method=method, tol=tol, bounds=problem.bounds,
        options={limit: max_iter}, **more,
    )  # fmt: skip
    outcome = {"value": float(result.fun), "iterations": int(result.nit), "success": bool(result.success)}
    return problem.unpack(result.x, **outcome, message=str(result.message))
