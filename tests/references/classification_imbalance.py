"""References for long tails and unequal classes."""

from __future__ import annotations

import cpu_torchvision  # noqa: F401  (before the libraries that import torchvision)
import numpy as np
import torch
import torch.nn.functional as F
from balanced_loss import Loss as BalancedLoss
from classification_inputs import (
    COUNTS,
    INDEXED,
    SCORE,
    WEIGHT,
    Y,
    one_hot,
    with_data,
    with_hyper,
)
from recorder import Call, Reference
from submodules import bare

bare("mmdet", "mmdet.models", "mmdet.models.losses")
from mmdet.models.losses.seesaw_loss import seesaw_ce_loss  # noqa: E402

draw = np.random.default_rng(4808)

# Long tails and unequal classes.


def class_balanced(kind):
    def function(logits, label, counts, beta=0.999):
        loss = BalancedLoss(kind, beta=beta, samples_per_class=counts.numpy(), class_balanced=True)
        return loss(logits.float(), label).double()

    return function


def balanced_softmax(logits, label, counts):
    return F.cross_entropy(logits + counts.log(), label)


def logit_adjustment(logits, label, prior, tau):
    return F.cross_entropy(logits + tau * prior.log(), label)


def vector_scaling(logits, label, factor, offset, weight):
    return (weight[label] * F.cross_entropy(factor * logits + offset, label, reduction="none")).mean()


def class_dependent_temperature(logits, label, counts, gamma):
    return F.cross_entropy(logits / (counts.max() / counts) ** gamma, label)


def ldam(logits, label, counts, s=30.0, max_margin=0.5):
    margin = counts**-0.25
    margin = max_margin * margin / margin.max()
    return F.cross_entropy(s * (logits - margin * one_hot(label, logits.shape[-1])), label)


def equalization(logits, label, frequency, foreground, threshold):
    y = one_hot(label, logits.shape[-1]) * foreground[:, None]
    weight = 1 - foreground[:, None] * (frequency < threshold) * (1 - y)
    return F.binary_cross_entropy_with_logits(logits, y, weight=weight, reduction="sum") / len(logits)


def seesaw(logits, label, counts, p=0.8, q=2.0):
    return seesaw_ce_loss(logits, label, None, counts, logits.shape[-1], p, q, 0.01)


def expected_cost(logits, label, cost):
    return (cost[label] * logits.softmax(-1)).sum(-1).mean()


def pu_risks(score, labelled, loss):
    positive, other = score[labelled == 1], score[labelled == 0]
    return loss(positive).mean(), loss(-positive).mean(), loss(-other).mean()


def pu_unbiased(score, labelled, prior):
    positive, negative, unlabelled = pu_risks(score, labelled, lambda z: F.softplus(-z))
    return prior * positive - prior * negative + unlabelled


def pu_nonnegative(score, labelled, prior):
    positive, negative, unlabelled = pu_risks(score, labelled, lambda z: torch.sigmoid(-z))
    return prior * positive + torch.relu(unlabelled - prior * negative)


COUNTED = with_data(INDEXED[:1], counts=COUNTS)
UNLABELLED = [
    Call({"score": SCORE.ravel(), "labelled": Y.ravel()}, {"prior": 0.3}),
    Call({"score": [-3.0, 2.0, -4.0], "labelled": [1, 1, 0]}, {"prior": 0.6}),
]
IMBALANCED = [
    Reference(
        "class_balanced",
        "balanced-loss",
        "balanced_loss.Loss(class_balanced=True)",
        class_balanced("cross_entropy"),
        [*COUNTED, *with_hyper(COUNTED, beta=0.9)],
        ["logits"],
    ),
    Reference(
        "class_balanced_focal",
        "balanced-loss",
        'balanced_loss.Loss("focal_loss", class_balanced=True)',
        class_balanced("focal_loss"),
        [*COUNTED, *with_hyper(COUNTED, beta=0.9)],
        ["logits"],
    ),
    Reference(
        "balanced_softmax",
        "torch",
        "torch.nn.functional.cross_entropy of shifted logits",
        balanced_softmax,
        COUNTED,
        ["logits"],
    ),
    Reference(
        "logit_adjustment",
        "torch",
        "torch.nn.functional.cross_entropy of shifted logits",
        logit_adjustment,
        with_data(with_hyper(INDEXED[:1], tau=1.5), prior=COUNTS / COUNTS.sum()),
        ["logits"],
    ),
    Reference(
        "vector_scaling_loss",
        "torch",
        "torch.nn.functional.cross_entropy of scaled logits",
        vector_scaling,
        with_data(INDEXED[:1], factor=WEIGHT, offset=np.log(COUNTS), weight=WEIGHT[::-1]),
        ["logits"],
    ),
    Reference(
        "class_dependent_temperature",
        "torch",
        "torch.nn.functional.cross_entropy of scaled logits",
        class_dependent_temperature,
        with_hyper(COUNTED, gamma=0.3),
        ["logits"],
    ),
    Reference(
        "ldam",
        "torch",
        "torch.nn.functional.cross_entropy of shifted logits",
        ldam,
        [*COUNTED, *with_hyper(COUNTED, s=5.0, max_margin=0.3)],
        ["logits"],
    ),
    Reference(
        "equalization",
        "torch",
        "torch.nn.functional.binary_cross_entropy_with_logits(weight=)",
        equalization,
        with_data(with_hyper(INDEXED[:1], threshold=0.05), frequency=COUNTS / 600, foreground=[1, 1, 0, 1, 0, 1]),
        ["logits"],
    ),
    Reference(
        "seesaw",
        "mmdet",
        "mmdet seesaw_ce_loss",
        seesaw,
        [*COUNTED, *with_hyper(COUNTED, p=0.4, q=1.0), *with_data(INDEXED[1:2], counts=[5.0, 0.0, 2.0])],
        ["logits"],
    ),
    Reference(
        "expected_cost",
        "torch",
        "torch.softmax times the costs of Elkan 2001",
        expected_cost,
        with_data(INDEXED[:1], cost=draw.uniform(size=(5, 5))),
        ["logits"],
    ),
    Reference(
        "pu_unbiased",
        "torch",
        "torch.nn.functional.softplus in the formula of du Plessis et al. 2015",
        pu_unbiased,
        UNLABELLED,
        ["score"],
    ),
    Reference(
        "pu_nonnegative",
        "torch",
        "torch.sigmoid in the formula of Kiryo et al. 2017",
        pu_nonnegative,
        UNLABELLED,
        ["score"],
    ),
]
