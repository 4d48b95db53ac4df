"""Linear models with any loss: a function for `scipy.optimize.minimize`, and estimators for scikit-learn.

SciPy and scikit-learn are imported by what needs them, not by this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossdsl.fitting.model import LinearModel
from lossdsl.fitting.problem import LinearProblem, Options, linear_problem

if TYPE_CHECKING:
    from lossdsl.fitting.estimators import LossClassifier, LossRegressor

__all__ = ["LinearModel", "LinearProblem", "LossClassifier", "LossRegressor", "Options", "linear_problem"]


def __getattr__(name: str) -> Any:
    """The estimators, imported with scikit-learn when they are asked for."""
    if name in ("LossClassifier", "LossRegressor"):
        from lossdsl.fitting import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
