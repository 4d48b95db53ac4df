"""Inputs that the references of the family `classification` share."""

from __future__ import annotations

import numpy as np
import torch.nn.functional as F
from recorder import Call

FLOAT32 = "the library computes in float32"

draw = np.random.default_rng(7)
LOGITS, LABEL = 3 * draw.normal(size=(6, 5)), draw.integers(0, 5, size=6)
EXTREME, EXTREME_LABEL = [[50.0, -50.0, 0.0], [-50.0, 50.0, 50.0], [0.0, 0.0, 0.0]], [1, 2, 0]
ONE, ONE_LABEL = [[0.3, -1.2]], [1]
TARGET = draw.dirichlet(np.ones(5), size=6)
P = draw.dirichlet(2 * np.ones(5), size=6)
WEIGHT = draw.uniform(0.2, 3, size=5)
COUNTS = np.array([500.0, 120.0, 40.0, 11.0, 3.0])
SCORE, Y = 2 * draw.normal(size=(4, 3)), draw.integers(0, 2, size=(4, 3))
DEGREE = draw.uniform(size=(4, 3))
HARD = [50.0, -50.0, 30.0, -30.0, 0.0, 2.0], [0, 1, 1, 0, 1, 0]
TAGS = np.array([[1, 0, 1, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 1, 0, 0, 1], [0, 0, 0, 1, 0], [1, 0, 0, 0, 0]])
OUT = np.array([3, -1, 0, 2, -1, 4])

INDEXED = [
    Call({"logits": LOGITS, "label": LABEL}),
    Call({"logits": EXTREME, "label": EXTREME_LABEL}),
    Call({"logits": ONE, "label": ONE_LABEL}),
]
EACH = Call({"logits": LOGITS, "label": LABEL}, reduction="none")
SOFT = [
    Call({"logits": LOGITS, "target": TARGET}),
    Call({"logits": EXTREME, "target": np.eye(3)[EXTREME_LABEL]}),
    Call({"logits": ONE, "target": [[0.25, 0.75]]}),
]
BINARY = [Call({"logits": SCORE, "y": Y}), Call({"logits": HARD[0], "y": HARD[1]}), Call({"logits": [0.7], "y": [1]})]
TAGGED = [Call({"logits": LOGITS, "y": TAGS}), Call({"logits": ONE, "y": [[1, 0]]})]


def with_hyper(calls, **hyper):
    return [Call(call.inputs, hyper, call.reduction) for call in calls]


def with_data(calls, **data):
    return [Call({**call.inputs, **data}, call.hyper, call.reduction) for call in calls]


def one_hot(label, classes):
    return F.one_hot(label, classes).double()
