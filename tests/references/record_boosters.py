"""References from gradient boosting libraries: losses that they have built in, by their evaluation metrics."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
from recorder import Call, Reference, record

draw = np.random.default_rng(47)
SINGLE = {"pred": 2 * draw.normal(size=6).astype(np.float32), "target": draw.normal(size=6).astype(np.float32)}
PAIR = {name: values.astype(np.float64) for name, values in SINGLE.items()}  # the library keeps labels in float32


def metric(name: str, pred: Any, target: Any, **parameters: Any) -> float:
    """What LightGBM says of scores that it starts from, and can not change: no leaf may be that small."""
    data = lightgbm.Dataset(np.zeros((len(pred), 1)), label=target, init_score=pred)
    settings = {"objective": name, "metric": name, "min_data_in_leaf": 1000, "verbose": -1, "num_threads": 1}
    found: dict[str, Any] = {}
    keep = lightgbm.record_evaluation(found)
    lightgbm.train({**settings, **parameters}, data, 1, valid_sets=[data], valid_names=["it"], callbacks=[keep])
    return float(found["it"][name][0])


def fair(pred: Any, target: Any, c: float = 1.3998) -> tuple[float, dict[str, Any]]:
    return metric("fair", np.asarray(pred), np.asarray(target), fair_c=c), {}


record("boosters", {
    "robust": [
        Reference("fair", "lightgbm", 'the metric "fair" of LightGBM', fair, [Call(PAIR), Call(PAIR, {"c": 0.5})], ["pred"], "numpy"),
    ],
})  # fmt: skip
