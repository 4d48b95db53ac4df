"""Losses compared by training: several losses, real data, several seeds, small models, and what can be said of it.

    from lossdsl.comparison import compare
    print(compare(["mse", "huber:delta=0.5"], "diabetes", models=["linear", "mlp"], outliers=0.05))

scikit-learn, SciPy, PyTorch, boosting libraries and matplotlib are imported by what needs them, not by this package.
"""

from __future__ import annotations

from lossdsl.comparison.datasets import SHIPPED, Dataset, dataset
from lossdsl.comparison.errors import ComparisonError
from lossdsl.comparison.models import Training
from lossdsl.comparison.result import Comparison, Run
from lossdsl.comparison.run import compare
from lossdsl.comparison.splits import Disturbance

__all__ = [
    "SHIPPED",
    "Comparison",
    "ComparisonError",
    "Dataset",
    "Disturbance",
    "Run",
    "Training",
    "compare",
    "dataset",
]
