"""A fitted linear model: coefficients, intercepts and learned values, and what it predicts.

A model can be pickled: it holds arrays, links, and the generated code of the loss as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lossdsl.fitting.links import Link
from lossdsl.fitting.variant import Code


@dataclass(frozen=True)
class LinearModel:
    """Coefficients by prediction: shape (..., features), where ... is the shape of the prediction of one example.

    `intercept` has the shape of one prediction, `learn` the learned hyperparameters as the loss takes them.  `value` is
    what was minimised, the penalty included; `success` and `message` say how the minimisation ended.
    """

    code: Code
    coef: Mapping[str, Any]
    intercept: Mapping[str, Any]
    learn: Mapping[str, Any]
    hyper: Mapping[str, Any]
    links: Mapping[str, Link]
    exported: tuple[str, ...] = ()
    """The names of the `predict` bindings."""
    value: float = float("nan")
    iterations: int = 0
    success: bool = True
    message: str = ""
    parameters: Any = field(default=None, repr=False)

    def linear(self, X: Any) -> dict[str, Any]:
        """The linear predictors by prediction, shape (rows, ...) with ... as in `coef`; X of shape (rows, features)."""
        found = {}
        for name, coef in self.coef.items():
            flat = np.asarray(X @ coef.reshape(-1, coef.shape[-1]).T)
            found[name] = flat.reshape(-1, *coef.shape[:-1]) + self.intercept[name]
        return found

    def predictions(self, X: Any) -> dict[str, Any]:
        """The predictions as the loss takes them: linear predictors behind their links."""
        given = {**self.hyper, **self.learn}
        return {name: self.links[name].forward(z, given) for name, z in self.linear(X).items()}

    def report(self, X: Any) -> dict[str, Any]:
        """What the `predict` bindings of the loss make of the predictions, by name; empty where it has none."""
        if not self.exported:
            return {}
        given = {**self.predictions(X), **self.hyper, **self.learn}
        told = self.code.functions.predict(**self.code.keywords(given))
        return dict(told) if len(self.exported) > 1 else {self.exported[0]: told}
