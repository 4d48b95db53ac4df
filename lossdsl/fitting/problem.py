"""A loss, data and a linear model as a function of one vector, for `scipy.optimize.minimize`.

What is minimised is the loss of the predictions, plus l1 times the sum of the absolute coefficients and l2/2 times the
sum of their squares.  Gradients and products with the Hessian come from generated code, through the links.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from lossdsl.diagnostics import LossError, Problem
from lossdsl.diagnostics.fitting import CoupledExamples
from lossdsl.fitting.inputs import Inputs, bind
from lossdsl.fitting.layout import Layout, Slot
from lossdsl.fitting.links import link_of
from lossdsl.fitting.model import LinearModel
from lossdsl.fitting.rows import GROUP, coupling, predictions
from lossdsl.fitting.scaling import diagonal, standardisation
from lossdsl.fitting.variant import Code, Variant, compiled, weight_name
from lossdsl.meaning import core


@dataclass(frozen=True)
class Options:
    """What does not come from the loss.

    `penalties` scales the penalty of each feature, shape (features,); `validate` checks that data lie in their domains.
    """

    intercept: bool = True
    l2: float = 0.0
    l1: float = 0.0
    links: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    penalties: Any = None
    validate: bool = True

    def __post_init__(self) -> None:
        for name in ("l1", "l2"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be >= 0 and finite, got {getattr(self, name)}")


class LinearProblem:
    """`problem(x)` is (value, gradient) and `problem.hessp(x, v)` the Hessian times v, for float64 vectors.

    `start` is a vector to begin at, all coefficients 0; `bounds` what `minimize` takes, None without an l1 penalty.
    `unpack(x)` is the model that a vector stands for, `minimize()` the model that fits.
    """

    def __init__(
        self, program: core.Program, X: Any, inputs: Inputs, weights: Any = None, options: Options | None = None
    ) -> None:
        self.program, self.X, self.inputs = program, X, inputs
        self.options = options or Options()
        self.layout = _layout(program, inputs, self.options, X.shape[1])
        links = tuple((slot.name, slot.link) for slot in self.layout.slots)
        self.sample_weight = weights
        self.weights = None if weights is None else self._checked_weights(weights)
        self.code = compiled(program, Variant(links, None if weights is None else inputs.axis))
        self._data = self._keywords(self.code)
        self._scale = 1.0 if weights is None or program.reduction == "sum" else 1.0 / self._total_weight()
        self._wrt = tuple(slot.name for slot in self.layout.slots)
        if self.options.validate:
            self.code.functions(**self._arguments(self._whole(self.start)), validate=True)

    # ------------------------------------------------------------ for minimize

    def __call__(self, x: Any) -> tuple[float, Any]:
        """The value, a float, and the gradient, of the shape of x."""
        params = self._whole(x)
        arguments = self._arguments(params)
        value, grads = self.code.functions.value_and_grad(**arguments, wrt=self._wrt, **self._reduction)
        with np.errstate(all="ignore"):
            gradient = self._scale * self._pulled(grads)
        penalty, slopes = self._penalty(x, params)
        return float(self._scale * value + penalty), self._split_gradient(gradient) + slopes

    def hessp(self, x: Any, v: Any) -> Any:
        """The Hessian at x times v, of the shape of x; at kinks that of the branch taken."""
        return self.loss_hessp(x, v) + self._split_gradient(self._curvature * self._whole(v))

    def loss_hessp(self, x: Any, v: Any) -> Any:
        """The same without the penalty."""
        vector = tuple(self._pushed(self._whole(v)))
        arguments = self._arguments(self._whole(x))
        products = self.code.functions.hvp(**arguments, vector=vector, wrt=self._wrt, **self._reduction)
        with np.errstate(all="ignore"):
            return self._split_gradient(self._scale * self._pulled(products))

    @cached_property
    def start(self) -> Any:
        """All coefficients and linear predictors 0, learned hyperparameters at their starting values or defaults, or
        where a linear predictor of 0 leads.  ValueError for a starting value outside of its domain."""
        learned = {}
        for arg, slot in zip(_learned(self.program), self.layout.learned, strict=True):
            given = self.inputs.starts.get(arg.name, arg.default)
            if given is not None:
                z = slot.link.inverse(np.asarray(given, dtype=float), self.inputs.hyper)
                learned[slot.name] = np.broadcast_to(z, slot.shape)
        x = self.layout.join({}, {}, learned)
        return np.concatenate([x, np.zeros(self._negative.size)])

    @cached_property
    def bounds(self) -> list[tuple[float | None, float | None]] | None:
        """For methods that take bounds: both parts of each coefficient are nonnegative.  None without an l1 penalty."""
        if not self.layout.split:
            return None
        free: tuple[float | None, float | None] = (None, None)
        kept = [(0.0, None) if coefficient else free for coefficient in self.layout.penalised]
        return [*kept, *[(0.0, None)] * self._negative.size]

    def unpack(self, x: Any, **outcome: Any) -> LinearModel:
        """The model that a vector stands for; `outcome` are the fields of how it was found."""
        params = self._whole(x)
        coef, intercept = {}, {}
        for slot, w, b in self.layout.coefficients(params):
            coef[slot.name] = w.reshape(*slot.shape, self.layout.features)
            intercept[slot.name] = b.reshape(slot.shape)[()]
        hyper = self.inputs.hyper
        learn = {slot.name: slot.link.forward(z, hyper) for slot, z in self.layout.learned_values(params)}
        links = {slot.name: slot.link for slot in self.layout.predictions}
        exported = tuple(let.name for let in self.program.lets if let.role == "predict")
        return LinearModel(
            compiled(self.program, Variant()), coef, intercept, learn, hyper, links, exported, parameters=x, **outcome
        )

    def minimize(self, method: str | None = None, tol: float = 1e-10, max_iter: int = 5000) -> LinearModel:
        """The model at the least value found; see `lossdsl.fitting.solve.minimize`."""
        from lossdsl.fitting.solve import minimize

        return minimize(self, method, tol, max_iter)

    def standardised(self) -> tuple[LinearProblem, Callable[[Any], Any]]:
        """The same problem for features of mean 0 and standard deviation 1, and the way back for vectors.

        Sparse features, and those of a model without intercepts, are scaled and not shifted.
        """
        centre, spread = standardisation(self.X, self.sample_weight, self.options.intercept)
        X = self.X @ diagonal(1 / spread) if hasattr(self.X, "tocsr") else (self.X - centre) / spread
        options = replace(self.options, penalties=self._feature_penalties / spread, validate=False)
        inner = LinearProblem(self.program, X, self.inputs, self.sample_weight, options)

        def back(x: Any) -> Any:
            parts = [x[: self.layout.size].copy(), np.zeros(self.layout.size)]
            parts[1][self._negative] = x[self.layout.size :]
            for part in parts:
                for _, w, b in self.layout.coefficients(part):
                    w /= spread
                    b -= w @ centre
            parts[0][~self.layout.penalised] -= parts[1][~self.layout.penalised]
            return np.concatenate([parts[0], parts[1][self._negative]])

        return inner, back

    # ------------------------------------------------------------ the loss

    def _arguments(self, params: Any) -> dict[str, Any]:
        """Everything that the generated functions take, for parameters of shape (size,)."""
        pushed = zip(self.layout.slots, self._pushed(params), strict=True)
        return self._data | self.code.keywords({slot.name: value for slot, value in pushed})

    @property
    def _reduction(self) -> dict[str, str]:
        return {} if self.weights is None else {"reduction": "sum"}

    def _keywords(self, code: Code) -> dict[str, Any]:
        weights = {} if self.weights is None else {weight_name(self.program): self.weights}
        return code.keywords({**self.inputs.data, **self.inputs.hyper, **weights})

    def _pushed(self, params: Any) -> list[Any]:
        """Linear predictors and learned values, in the order of the slots: linear in the parameters."""
        found: dict[str, Any] = {}
        for slot, w, b in self.layout.coefficients(params):
            eta = np.asarray(self.X @ w.T) + b
            found[slot.name] = np.ascontiguousarray(eta).reshape(self.X.shape[0], *slot.shape)
        found |= {slot.name: np.asarray(z) for slot, z in self.layout.learned_values(params)}
        return [found[slot.name] for slot in self.layout.slots]

    def _pulled(self, grads: tuple[Any, ...]) -> Any:
        """The transpose of `_pushed`: gradients by slot become one vector of shape (size,)."""
        coef, intercept, learned = {}, {}, {}
        for slot, grad in zip(self.layout.slots, grads, strict=True):
            if slot.learned:
                learned[slot.name] = grad
            else:
                flat = np.reshape(grad, (self.X.shape[0], slot.count))
                coef[slot.name] = np.asarray(self.X.T @ flat).T
                intercept[slot.name] = flat.sum(axis=0)
        return self.layout.join(coef, intercept, learned)

    # ------------------------------------------------------------ the penalty

    @cached_property
    def _factors(self) -> Any:
        """The factor of the penalty of each parameter, shape (size,): 0 for what is not penalised."""
        each = self._feature_penalties
        rows = {slot.name: np.broadcast_to(each, (slot.count, each.size)) for slot in self.layout.predictions}
        return self.layout.join(rows, {}, {})

    @property
    def _feature_penalties(self) -> Any:
        wanted = self.options.penalties
        return np.ones(self.layout.features) if wanted is None else np.asarray(wanted, dtype=float)

    @property
    def _curvature(self) -> Any:
        return self.options.l2 * self._factors**2

    @cached_property
    def _negative(self) -> Any:
        """Where in the vector of parameters the coefficients with a negative part stand."""
        return np.flatnonzero(self.layout.penalised) if self.layout.split else np.array([], dtype=int)

    def _whole(self, x: Any) -> Any:
        """The parameters, positive less negative parts, shape (size,)."""
        x = np.asarray(x, dtype=float)
        params = x[: self.layout.size].copy()
        params[self._negative] -= x[self.layout.size :]
        return params

    def _split_gradient(self, gradient: Any) -> Any:
        return np.concatenate([gradient, -gradient[self._negative]])

    def _penalty(self, x: Any, params: Any) -> tuple[float, Any]:
        """The penalty and its gradient, for the parts of the coefficients where they are split."""
        value = float(self._curvature @ params**2) / 2
        slopes = self._split_gradient(self._curvature * params)
        if self.layout.split:
            rates = self.options.l1 * self._factors[self._negative]
            value += float(rates @ (x[self._negative] + x[self.layout.size :]))
            slopes[self._negative] += rates
            slopes[self.layout.size :] += rates
        return value, slopes

    # ------------------------------------------------------------ weights

    def _checked_weights(self, weights: Any) -> Any:
        """Weights in the shape of what they multiply.  Raises LossError (E0802), ValueError for what is no weight."""
        span = coupling(self.program, self.inputs.axis)
        if span is not None:
            message = f"weights need a term for each example, but here the examples of {self.program.name} meet"
            raise LossError(CoupledExamples(span, message, "leave out the weights, or declare them in the loss"))
        weights = np.asarray(weights, dtype=float)
        rows = self.X.shape[0]
        if weights.shape != (rows,):
            raise ValueError(f"sample_weight must have shape ({rows},), one weight a row, got {weights.shape}")
        if not np.all(np.isfinite(weights)) or np.any(weights < 0) or not np.any(weights > 0):
            raise ValueError("sample_weight must be finite and >= 0, and not zero throughout")
        if self.inputs.axis != GROUP:
            return weights
        return np.broadcast_to(weights.reshape(-1, *[1] * (len(self.inputs.group) - 1)), self.inputs.group)

    def _total_weight(self) -> float:
        """The weight of all elements of the mean."""
        code = compiled(self.program, Variant((), self.inputs.axis, count=True))
        anywhere = {slot.name: np.zeros((self.X.shape[0], *slot.shape)) for slot in self.layout.predictions}
        learned = {slot.name: np.zeros(slot.shape) for slot in self.layout.learned}
        total = code.functions(**self._keywords(code), **code.keywords({**anywhere, **learned}), reduction="sum")
        if total <= 0:
            raise ValueError("no example that counts has a positive weight")
        return float(total)


def _learned(program: core.Program) -> tuple[core.Arg, ...]:
    return tuple(arg for arg in program.args if arg.role == "learn")


def _layout(program: core.Program, inputs: Inputs, options: Options, features: int) -> Layout:
    unknown = options.links.keys() - {arg.name for arg in program.args if arg.role in ("prediction", "learn")}
    if unknown:
        raise ValueError(f"{program.name} has no prediction {' or '.join(sorted(unknown))} to give a link to")
    slots: list[Slot] = []
    problems: list[Problem] = []
    for arg in (*predictions(program), *_learned(program)):
        try:
            link, shape = link_of(arg, options.links.get(arg.name)), inputs.shape(arg)
        except LossError as error:
            problems += error.problems
            continue
        learned = arg.role == "learn"
        slots.append(Slot(arg.name, shape if learned else shape[1:], link, learned))
    if problems:
        raise LossError(*problems)
    return Layout(tuple(slots), features, options.intercept, options.l1 > 0)


def linear_problem(
    program: core.Program,
    X: Any,
    data: tuple[Any, ...],
    named: Mapping[str, Any],
    sample_weight: Any = None,
    options: Options | None = None,
) -> LinearProblem:
    """The problem for features `X`, of shape (rows, features), dense or a SciPy sparse array.

    `data` and `named` are what the loss takes beside predictions, as for `bind`; `sample_weight` is one weight >= 0 for
    each row.  Raises LossError (E0801 to E0804) for a loss that no linear model fits, or that takes no weights;
    ValueError for data outside of their domains, or of shapes that do not fit.
    """
    options = options or Options()
    X = X if hasattr(X, "tocsr") else np.asarray(X, dtype=float)
    if X.ndim != 2:
        raise ValueError(f"X must have shape (rows, features), got {X.shape}")
    if not np.all(np.isfinite(X.data if hasattr(X, "tocsr") else X)):
        raise ValueError("X has entries that are infinite or NaN")
    inputs = bind(program, X.shape[0], data, named, options.sizes)
    return LinearProblem(program, X, inputs, sample_weight, options)
