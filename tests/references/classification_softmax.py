"""References for softmax and binary cross-entropy."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "torch"

import cpu_torchvision  # noqa: F401  (before the libraries that import torchvision)
import keras
import numpy as np
import optax
import pytorch_ood.loss
import scipy.special
import segmentation_models_pytorch as smp
import sklearn._loss
import sklearn.metrics
import statsmodels.api as sm
import timm.loss
import torch
import torch.nn.functional as F
from classification_inputs import (
    BINARY,
    DEGREE,
    EACH,
    EXTREME,
    EXTREME_LABEL,
    FLOAT32,
    HARD,
    INDEXED,
    LABEL,
    LOGITS,
    ONE,
    SCORE,
    SOFT,
    TAGS,
    TARGET,
    WEIGHT,
    P,
    Y,
    one_hot,
    with_hyper,
)
from pytorch_toolbelt.losses.balanced_bce import balanced_binary_cross_entropy_with_logits
from recorder import Call, Reference

# Softmax cross-entropy.


def mixup(logits, label, other, lam):
    one, two = (F.cross_entropy(logits, index, reduction="none") for index in (label, other))
    return (lam * one + (1 - lam) * two).mean()


def weighted(logits, label, weight=None, smoothing=0.0):
    return F.cross_entropy(logits, label, weight=weight, label_smoothing=smoothing)


def smoothing_others(logits, label, smoothing):
    classes = logits.shape[-1]
    soft = torch.full_like(logits, smoothing / (classes - 1)).scatter(1, label[:, None], 1 - smoothing)
    return F.cross_entropy(logits, soft)


def z_loss(logits, label, z):
    return F.cross_entropy(logits, label) + z * torch.logsumexp(logits, -1).square().mean()


def squentropy(logits, label):
    wrong = ~one_hot(label, logits.shape[-1]).bool()
    return F.cross_entropy(logits, label) + logits[wrong].reshape(len(logits), -1).square().mean(1).mean()


def complement_entropy(logits, label):
    wrong = ~one_hot(label, logits.shape[-1]).bool()
    return -torch.distributions.Categorical(logits=logits[wrong].reshape(len(logits), -1)).entropy().mean()


SOFTMAX = [
    Reference("cross_entropy", "torch", "torch.nn.functional.cross_entropy", F.cross_entropy, INDEXED, ["logits"]),
    Reference(
        "cross_entropy",
        "torch",
        "torch.nn.functional.cross_entropy",
        lambda logits, label: F.cross_entropy(logits, label, reduction="none"),
        [EACH],
        ["logits"],
    ),
    Reference(
        "cross_entropy",
        "torch",
        "torch.nn.functional.cross_entropy",
        lambda logits, label: F.cross_entropy(logits.movedim(-1, 1), label),
        [Call({"logits": LOGITS.reshape(2, 3, 5), "label": LABEL.reshape(2, 3)})],
        ["logits"],
    ),
    Reference(
        "cross_entropy",
        "optax",
        "optax.losses.softmax_cross_entropy_with_integer_labels",
        lambda logits, label: optax.losses.softmax_cross_entropy_with_integer_labels(logits, label).mean(),
        INDEXED,
        ["logits"],
        "jax",
    ),
    Reference(
        "cross_entropy",
        "keras",
        "keras.losses.SparseCategoricalCrossentropy",
        lambda logits, label: keras.losses.sparse_categorical_crossentropy(label, logits, from_logits=True).mean(),
        INDEXED,
        ["logits"],
    ),
    Reference("soft_cross_entropy", "torch", "torch.nn.functional.cross_entropy", F.cross_entropy, SOFT, ["logits"]),
    Reference(
        "soft_cross_entropy",
        "optax",
        "optax.losses.softmax_cross_entropy",
        lambda logits, target: optax.losses.softmax_cross_entropy(logits, target).mean(),
        SOFT,
        ["logits"],
        "jax",
    ),
    Reference(
        "soft_cross_entropy",
        "timm",
        "timm.loss.SoftTargetCrossEntropy",
        timm.loss.SoftTargetCrossEntropy(),
        SOFT,
        ["logits"],
    ),
    Reference(
        "categorical_cross_entropy",
        "keras",
        "keras.losses.CategoricalCrossentropy",
        lambda p, target: keras.losses.categorical_crossentropy(target, p).mean(),
        [Call({"p": P, "target": TARGET}), Call({"p": [[0.25, 0.75]], "target": [[0.0, 1.0]]})],
    ),
    Reference(
        "categorical_cross_entropy",
        "torch",
        "torch.nn.functional.kl_div and torch.special.entr",
        lambda p, target: F.kl_div(p.log(), target, reduction="batchmean") + torch.special.entr(target).sum(1).mean(),
        [Call({"p": P, "target": TARGET})],
        ["p"],
    ),
    Reference(
        "negative_log_likelihood",
        "torch",
        "torch.nn.functional.nll_loss",
        F.nll_loss,
        [
            Call({"log_p": np.log(P), "label": LABEL, "weight": WEIGHT}),
            Call({"log_p": np.log(P), "label": LABEL}),
            Call({"log_p": [[-0.1, -40.0]], "label": [1], "weight": [0.5, 2.0]}),
        ],
        ["log_p"],
    ),
    Reference(
        "weighted_cross_entropy",
        "torch",
        "torch.nn.functional.cross_entropy(weight=, label_smoothing=)",
        weighted,
        [
            Call({"logits": LOGITS, "label": LABEL, "weight": WEIGHT}),
            Call({"logits": LOGITS, "label": LABEL, "weight": WEIGHT}, {"smoothing": 0.3}),
            Call({"logits": LOGITS, "label": [1, -100, 4, -100, 0, 2], "weight": WEIGHT}, {"smoothing": 0.1}),
            Call({"logits": EXTREME, "label": EXTREME_LABEL, "weight": [1.0, 0.0, 3.0]}),
        ],
        ["logits"],
    ),
    Reference(
        "cross_entropy_ignore",
        "torch",
        "torch.nn.functional.cross_entropy(ignore_index=-100)",
        F.cross_entropy,
        [Call({"logits": LOGITS, "label": [1, -100, 4, -100, 0, 2]}), *INDEXED],
        ["logits"],
    ),
    Reference(
        "cross_entropy_ignore",
        "torch",
        "torch.nn.functional.cross_entropy(ignore_index=-100)",
        lambda logits, label: F.cross_entropy(logits, label, reduction="sum"),
        [Call({"logits": LOGITS, "label": [-100] * 6}, reduction="sum")],
        ["logits"],
    ),
    Reference(
        "label_smoothing",
        "torch",
        "torch.nn.functional.cross_entropy(label_smoothing=)",
        lambda logits, label, smoothing: F.cross_entropy(logits, label, label_smoothing=smoothing),
        with_hyper(INDEXED, smoothing=0.2),
        ["logits"],
    ),
    Reference(
        "label_smoothing",
        "timm",
        "timm.loss.LabelSmoothingCrossEntropy",
        timm.loss.LabelSmoothingCrossEntropy(0.1),
        INDEXED,
        ["logits"],
    ),
    Reference(
        "label_smoothing",
        "segmentation-models-pytorch",
        "segmentation_models_pytorch SoftCrossEntropyLoss",
        smp.losses.SoftCrossEntropyLoss(smooth_factor=0.1),
        INDEXED,
        ["logits"],
    ),
    Reference(
        "label_smoothing",
        "optax",
        "optax.losses.softmax_cross_entropy(., smooth_labels)",
        lambda logits, label: optax.losses.softmax_cross_entropy(
            logits, optax.losses.smooth_labels(np.eye(logits.shape[-1])[label], 0.1)
        ).mean(),
        INDEXED,
        ["logits"],
        "jax",
    ),
    Reference(
        "label_smoothing_others",
        "torch",
        "torch.nn.functional.cross_entropy with smoothed targets",
        smoothing_others,
        with_hyper(INDEXED, smoothing=0.2),
        ["logits"],
    ),
    Reference(
        "z_loss_cross_entropy",
        "torch",
        "torch.nn.functional.cross_entropy + torch.logsumexp^2",
        z_loss,
        with_hyper(INDEXED, z=0.01),
        ["logits"],
    ),
    Reference(
        "temperature_cross_entropy",
        "torch",
        "torch.nn.functional.cross_entropy of logits/tau",
        lambda logits, label, tau: F.cross_entropy(logits / tau, label),
        with_hyper(INDEXED, tau=0.3),
        ["logits"],
    ),
    Reference(
        "mixup",
        "torch",
        "torch.nn.functional.cross_entropy of both labels",
        mixup,
        [
            Call({"logits": LOGITS, "label": LABEL, "other": LABEL[::-1], "lam": DEGREE.ravel()[:6]}),
            Call({"logits": ONE, "label": [0], "other": [0], "lam": [0.5]}),
        ],
        ["logits"],
    ),
    Reference(
        "logit_norm",
        "pytorch-ood",
        "pytorch_ood.loss.LogitNorm",
        lambda logits, label, tau: pytorch_ood.loss.LogitNorm(t=tau)(logits, label),
        [*with_hyper(INDEXED[:1], tau=0.04), *with_hyper(INDEXED[:1], tau=1.0)],
        ["logits"],
        tolerance=1e-6,
        note="the library adds 1e-7 to the length",
    ),
    Reference(
        "squentropy",
        "torch",
        "torch.nn.functional.cross_entropy + squares of wrong logits",
        squentropy,
        INDEXED,
        ["logits"],
    ),
    Reference(
        "complement_entropy",
        "torch",
        "torch.distributions.Categorical.entropy",
        complement_entropy,
        INDEXED,
        ["logits"],
    ),
    Reference(
        "one_vs_all",
        "timm",
        "timm.loss.BinaryCrossEntropy",
        lambda logits, label, smoothing: timm.loss.BinaryCrossEntropy(smoothing)(logits, label),
        [*with_hyper(INDEXED, smoothing=0.1), *with_hyper(INDEXED, smoothing=0.0)],
        ["logits"],
    ),
]

# Binary cross-entropy.


def half_binomial(logits, y):
    loss = sklearn._loss.HalfBinomialLoss()
    value, gradient = loss.loss_gradient(y_true=y.astype(float), raw_prediction=logits)
    return value.mean(), {"logits": gradient / len(y)}


def bernoulli_model(link):
    def function(score, y):
        family = sm.families.Binomial(link=link)
        model = sm.GLM(y, np.eye(len(y)), family=family)
        return -model.loglike(score, scale=1.0) / len(y), {"score": -model.score(score, scale=1.0) / len(y)}

    return function


SCORES = [Call({"score": SCORE.ravel(), "y": Y.ravel()}), Call({"score": [1.2], "y": [0]})]
CERTAIN = Call({"p": [1.0, 0.0, 0.5, 0.25], "y": [1.0, 0.0, 0.5, 1.0]})
BCE = [
    Reference(
        "binary_cross_entropy",
        "torch",
        "torch.nn.functional.binary_cross_entropy_with_logits",
        lambda logits, y: F.binary_cross_entropy_with_logits(logits, y.double()),
        [*BINARY, Call({"logits": SCORE, "y": DEGREE})],
        ["logits"],
    ),
    Reference(
        "binary_cross_entropy",
        "torch",
        "torch.nn.functional.binary_cross_entropy_with_logits",
        lambda logits, y: F.binary_cross_entropy_with_logits(logits, y.double(), reduction="none"),
        [Call({"logits": SCORE, "y": Y}, reduction="none")],
        ["logits"],
    ),
    Reference(
        "binary_cross_entropy",
        "optax",
        "optax.losses.sigmoid_binary_cross_entropy",
        lambda logits, y: optax.losses.sigmoid_binary_cross_entropy(logits, y).mean(),
        BINARY,
        ["logits"],
        "jax",
    ),
    Reference(
        "binary_cross_entropy",
        "scikit-learn",
        "sklearn._loss.HalfBinomialLoss",
        half_binomial,
        BINARY[1:],
        through="numpy",
    ),
    Reference(
        "binary_cross_entropy_probability",
        "torch",
        "torch.nn.functional.binary_cross_entropy",
        lambda p, y: F.binary_cross_entropy(p, y.double()),
        [Call({"p": DEGREE, "y": Y}), Call({"p": DEGREE, "y": DEGREE[::-1]})],
        ["p"],
    ),
    Reference(
        "binary_cross_entropy_probability",
        "torch",
        "torch.nn.functional.binary_cross_entropy",
        lambda p, y: F.binary_cross_entropy(p, y),
        [CERTAIN],
    ),
    Reference(
        "weighted_binary_cross_entropy",
        "torch",
        "torch.nn.functional.binary_cross_entropy_with_logits(weight=, pos_weight=)",
        lambda logits, y, pos_weight, weight: F.binary_cross_entropy_with_logits(
            logits, y.double(), weight=weight, pos_weight=pos_weight
        ),
        [
            Call({"logits": LOGITS, "y": TAGS, "pos_weight": WEIGHT, "weight": WEIGHT[::-1]}),
            Call(
                {"logits": [HARD[0]], "y": [HARD[1]], "pos_weight": [3.0] * 6, "weight": [1.0, 0.0, 1.0, 1.0, 1.0, 1.0]}
            ),
        ],
        ["logits"],
    ),
    Reference(
        "balanced_binary_cross_entropy",
        "pytorch_toolbelt",
        "pytorch_toolbelt.losses.balanced_binary_cross_entropy_with_logits",
        lambda logits, y: balanced_binary_cross_entropy_with_logits(logits, y.double()),
        BINARY,
        ["logits"],
        tolerance=1e-6,
        note="the library adds 1e-7 to the number of examples, in float32",
    ),
    Reference(
        "binary_label_smoothing",
        "keras",
        "keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=)",
        lambda logits, y, smoothing: keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=smoothing)(
            y, logits
        ),
        [*with_hyper(BINARY, smoothing=0.1), *with_hyper(BINARY[:1], smoothing=0.4)],
        ["logits"],
        tolerance=1e-6,
        note=FLOAT32,
    ),
    Reference(
        "probit",
        "statsmodels",
        "statsmodels GLM(family=Binomial(link=Probit)).loglike",
        bernoulli_model(sm.families.links.Probit()),
        SCORES,
        through="numpy",
    ),
    Reference(
        "probit",
        "scipy",
        "scipy.special.log_ndtr",
        lambda score, y: (-scipy.special.log_ndtr((2 * y - 1) * score).mean(), {}),
        [Call({"score": HARD[0], "y": HARD[1]})],
        through="numpy",
    ),
    Reference(
        "complementary_log_log",
        "statsmodels",
        "statsmodels GLM(family=Binomial(link=CLogLog)).loglike",
        bernoulli_model(sm.families.links.CLogLog()),
        SCORES,
        through="numpy",
    ),
]
