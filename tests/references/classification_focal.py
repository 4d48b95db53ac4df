"""References for the focal family, and for several labels at once."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "torch"

import cpu_torchvision  # noqa: F401  (before the libraries that import torchvision)
import keras
import kornia.losses
import numpy as np
import optax
import pytorch_toolbelt.losses as toolbelt
import timm.loss
import torch
import torch.nn.functional as F
import torchvision.ops
from classification_inputs import (
    BINARY,
    COUNTS,
    DEGREE,
    FLOAT32,
    HARD,
    INDEXED,
    LOGITS,
    SCORE,
    SOFT,
    TAGGED,
    TAGS,
    WEIGHT,
    Y,
    with_data,
    with_hyper,
)
from pytorch_toolbelt.losses.soft_f1 import soft_micro_f1
from recorder import Call, Reference
from submodules import bare

bare("mmdet", "mmdet.models", "mmdet.models.losses")
from mmdet.models.losses.gfocal_loss import distribution_focal_loss, quality_focal_loss  # noqa: E402
from mmdet.models.losses.ghm_loss import GHMC  # noqa: E402
from mmdet.models.losses.varifocal_loss import varifocal_loss  # noqa: E402

# The focal family.


def kornia_focal(logits, label, weight, gamma):
    return kornia.losses.focal_loss(logits, label, alpha=None, gamma=gamma, weight=weight).sum(1).mean()


def reduced(logits, y, gamma):
    return toolbelt.functional.focal_loss_with_logits(
        logits, y.double(), alpha=None, gamma=gamma, reduced_threshold=0.5, reduction="mean"
    )


def normalized(logits, y, gamma):
    p = torch.sigmoid(logits)
    focus = torch.where(y == 1, 1 - p, p) ** gamma
    return (
        focus / focus.sum().detach() * F.binary_cross_entropy_with_logits(logits, y.double(), reduction="none")
    ).sum()


def quality_as_loss(logits, quality):
    """mmdet's takes (class, quality); background is the class behind the last."""
    label = torch.where(quality > 0, 0, 1)
    return quality_focal_loss.__wrapped__(logits[:, None], (label, quality)).mean()


def ghm(logits, y, bins=10):
    return GHMC(bins=bins, use_sigmoid=True)(logits[:, None], y[:, None].double(), torch.ones_like(logits)[:, None])


def dual_focal(logits, label, gamma):
    p = logits.softmax(-1)
    right = p.gather(1, label[:, None])
    other = torch.where(p < right, p, 0.0).amax(1, keepdim=True)
    return -((1 - right + other) ** gamma * right.log()).mean()


def focal_star(logits, y, gamma, beta):
    margin = (2 * y - 1) * logits
    return (-F.logsigmoid(gamma * margin + beta) / gamma).mean()


FOCAL = [
    Reference(
        "binary_focal",
        "torchvision",
        "torchvision.ops.sigmoid_focal_loss",
        lambda logits, y, **hyper: torchvision.ops.sigmoid_focal_loss(logits, y.double(), reduction="mean", **hyper),
        [*BINARY, *with_hyper(BINARY[:1], alpha=0.6, gamma=0.5), Call({"logits": SCORE, "y": DEGREE})],
        ["logits"],
    ),
    Reference(
        "binary_focal",
        "optax",
        "optax.losses.sigmoid_focal_loss",
        lambda logits, y: optax.losses.sigmoid_focal_loss(logits, y, alpha=0.25, gamma=2.0).mean(),
        BINARY,
        ["logits"],
        "jax",
    ),
    Reference(
        "binary_focal",
        "kornia",
        "kornia.losses.binary_focal_loss_with_logits",
        lambda logits, y: kornia.losses.binary_focal_loss_with_logits(logits, y.double(), reduction="mean"),
        BINARY[:1],
        ["logits"],
    ),
    Reference(
        "focal",
        "kornia",
        "kornia.losses.focal_loss",
        kornia_focal,
        [
            *with_data(with_hyper(INDEXED[:1], gamma=2.0), weight=WEIGHT),
            *with_data(with_hyper(INDEXED[:1], gamma=0.5), weight=np.ones(5)),
            *with_data(with_hyper(INDEXED[1:2], gamma=2.0), weight=np.ones(3)),
        ],
        ["logits"],
    ),
    Reference(
        "soft_focal",
        "keras",
        "keras.losses.CategoricalFocalCrossentropy",
        lambda logits, target, **hyper: keras.losses.categorical_focal_crossentropy(
            target, logits, from_logits=True, **hyper
        ).mean(),
        [SOFT[0], SOFT[2], *with_hyper(SOFT[:1], alpha=0.5, gamma=1.0)],
        ["logits"],
    ),
    Reference(
        "focal_star",
        "torch",
        "torch.nn.functional.logsigmoid in the formula of Lin et al. 2017",
        focal_star,
        with_hyper(BINARY, gamma=2.0, beta=1.0),
        ["logits"],
    ),
    Reference(
        "reduced_focal",
        "pytorch_toolbelt",
        "pytorch_toolbelt focal_loss_with_logits(reduced_threshold=0.5)",
        reduced,
        with_hyper(BINARY, gamma=2.0),
        ["logits"],
    ),
    Reference(
        "normalized_focal",
        "torch",
        "torch.nn.functional.binary_cross_entropy_with_logits, weighted",
        normalized,
        with_hyper(BINARY, gamma=1.5),
        ["logits"],
    ),
    Reference(
        "quality_focal",
        "pytorch_toolbelt",
        "pytorch_toolbelt.losses.QualityFocalLoss",
        toolbelt.QualityFocalLoss(),
        [Call({"logits": SCORE, "quality": DEGREE})],
        ["logits"],
    ),
    Reference(
        "quality_focal",
        "mmdet",
        "mmdet quality_focal_loss",
        quality_as_loss,
        [Call({"logits": SCORE.ravel(), "quality": DEGREE.ravel() * Y.ravel()})],
        ["logits"],
    ),
    Reference(
        "distribution_focal",
        "mmdet",
        "mmdet distribution_focal_loss",
        lambda logits, y: distribution_focal_loss.__wrapped__(logits, y).mean(),
        [Call({"logits": LOGITS, "y": [0.3, 1.0, 2.75, 3.999, 0.0, 2.5]})],
        ["logits"],
    ),
    Reference(
        "varifocal",
        "mmdet",
        "mmdet varifocal_loss",
        varifocal_loss,
        [
            Call({"logits": SCORE, "quality": DEGREE * Y}),
            Call({"logits": HARD[0], "quality": HARD[1]}),
            Call({"logits": SCORE, "quality": DEGREE * Y}, {"alpha": 0.5, "gamma": 1.0}),
        ],
        ["logits"],
    ),
    Reference(
        "dual_focal",
        "torch",
        "torch.softmax in the formula of Tao et al. 2023",
        dual_focal,
        with_hyper([INDEXED[0], INDEXED[2]], gamma=5.0),
        ["logits"],
    ),
    Reference(
        "ghm_classification",
        "mmdet",
        "mmdet GHMC",
        ghm,
        [
            Call({"logits": SCORE.ravel(), "y": Y.ravel()}),
            Call({"logits": SCORE.ravel(), "y": Y.ravel()}, {"bins": 30}),
            Call({"logits": HARD[0], "y": HARD[1]}),
        ],
        ["logits"],
        tolerance=1e-6,
        note=FLOAT32,
    ),
    Reference(
        "poly1_cross_entropy",
        "optax",
        "optax.losses.poly_loss_cross_entropy",
        lambda logits, target, epsilon=2.0: optax.losses.poly_loss_cross_entropy(
            logits, target, epsilon=epsilon
        ).mean(),
        [*SOFT, *with_hyper(SOFT[:1], epsilon=-1.0)],
        ["logits"],
        "jax",
    ),
    Reference(
        "poly1_cross_entropy",
        "timm",
        "timm.loss.PolyCrossEntropy",
        timm.loss.PolyCrossEntropy(),
        SOFT,
        ["logits"],
    ),
    Reference(
        "poly1_focal",
        "timm",
        "timm.loss.PolyBinaryCrossEntropy",
        lambda logits, y, epsilon, gamma: timm.loss.PolyBinaryCrossEntropy(epsilon, gamma)(logits, y),
        [*with_hyper(BINARY, epsilon=-1.0, gamma=2.0), *with_hyper(BINARY[:1], epsilon=2.0, gamma=1.0)],
        ["logits"],
    ),
]

# Several labels at once.


def lsep(logits, y):
    """log(1 + the sum over pairs), pair by pair (Li, Song and Luo 2017)."""
    rows = []
    for z, tags in zip(logits, y == 1, strict=True):
        rows.append(torch.log1p(torch.exp(z[~tags][:, None] - z[tags]).sum()))
    return torch.stack(rows).mean()


def bp_mll(logits, y):
    rows = [
        torch.exp(z[~tags][:, None] - z[tags]).mean() if 0 < tags.sum() < len(tags) else z.sum() * 0
        for z, tags in zip(logits, y == 1, strict=True)
    ]
    return torch.stack(rows).mean()


def hill(logits, y):
    p, q = torch.sigmoid(logits), torch.sigmoid(logits - 1)
    return torch.where(y == 1, -((1 - q) ** 2) * torch.log(q), (1.5 - p) * p**2).sum(-1).mean()


def distribution_balanced(logits, y, counts, total):
    return timm.loss.DistributionBalancedLoss(counts.tolist(), int(total), focal_balance=1)(logits, y)


MULTILABEL = [
    Reference(
        "asymmetric",
        "timm",
        "timm.loss.AsymmetricLossMultiLabel",
        timm.loss.AsymmetricLossMultiLabel(),
        TAGGED,
        ["logits"],
    ),
    Reference(
        "asymmetric_softmax",
        "timm",
        "timm.loss.AsymmetricLossSingleLabel",
        lambda logits, label, gamma_pos: timm.loss.AsymmetricLossSingleLabel(gamma_pos)(logits, label),
        [*with_hyper(INDEXED, gamma_pos=1.0), *with_hyper(INDEXED[:1], gamma_pos=2.0)],
        ["logits"],
    ),
    Reference(
        "multilabel_soft_margin",
        "torch",
        "torch.nn.functional.multilabel_soft_margin_loss",
        F.multilabel_soft_margin_loss,
        [*TAGGED, *with_data(TAGGED[:1], weight=WEIGHT)],
        ["logits"],
    ),
    Reference(
        "two_way",
        "timm",
        "timm.loss.TwoWayLoss",
        lambda logits, y, tau_pos=4.0, tau_neg=1.0: timm.loss.TwoWayLoss(tau_pos, tau_neg)(logits, y),
        [*TAGGED, *with_hyper(TAGGED[:1], tau_pos=1.0, tau_neg=2.0)],
        ["logits"],
    ),
    Reference("zlpr", "timm", "timm.loss.ZlprLoss", timm.loss.ZlprLoss(), TAGGED, ["logits"]),
    Reference("lsep", "torch", "torch.exp in the formula of Li, Song and Luo 2017", lsep, TAGGED, ["logits"]),
    Reference("bp_mll", "torch", "torch.exp in the formula of Zhang and Zhou 2006", bp_mll, TAGGED, ["logits"]),
    Reference("hill", "torch", "torch.sigmoid in the formula of Zhang et al. 2021", hill, TAGGED, ["logits"]),
    Reference(
        "distribution_balanced",
        "timm",
        "timm.loss.DistributionBalancedLoss(focal_balance=1)",
        distribution_balanced,
        [Call({"logits": LOGITS, "y": TAGS, "counts": COUNTS}, {"total": 600})],
        ["logits"],
        tolerance=1e-6,
        note=FLOAT32,
    ),
    Reference(
        "soft_f1",
        "pytorch_toolbelt",
        "pytorch_toolbelt soft_micro_f1 of sigmoids",
        lambda logits, y: soft_micro_f1(torch.sigmoid(logits), y),
        TAGGED,
        ["logits"],
    ),
]
