"""Hyperparameters of losses, and weights of their terms, chosen by what they give on rows that training has not seen.

    from lossdsl.tuning import tune
    found = tune("huber", "diabetes", outliers=0.05)
    print(found)
    print(found.text.text)  # the loss with its new defaults

Optuna, PyTorch, scikit-learn and matplotlib are imported by what needs them, not by this package.
"""

from __future__ import annotations

from lossdsl.tuning.errors import TuningError
from lossdsl.tuning.ranges import Choices, Range
from lossdsl.tuning.result import Search, Tuned
from lossdsl.tuning.run import tune
from lossdsl.tuning.space import Space, space_of
from lossdsl.tuning.study import Trial

__all__ = ["Choices", "Range", "Search", "Space", "Trial", "Tuned", "TuningError", "space_of", "tune"]
