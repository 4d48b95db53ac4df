"""References for the family `regression`."""

from __future__ import annotations

import numpy as np
import torch.nn.functional as F
from recorder import Call, Reference, record

draw = np.random.default_rng(1)
PRED, TARGET = draw.normal(size=(3, 4)), draw.normal(size=(3, 4))
PAIRS = [
    Call({"pred": PRED, "target": TARGET}),
    Call({"pred": [2.0], "target": [-1.0]}),
    Call({"pred": PRED, "target": TARGET}, reduction="none"),
]


def reduced(function, reduction):
    return lambda pred, target, **hyper: function(pred, target, reduction=reduction, **hyper)


record("regression", [
    Reference("mse", "torch", "torch.nn.functional.mse_loss", F.mse_loss, PAIRS[:2], ["pred"]),
])  # fmt: skip
