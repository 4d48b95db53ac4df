"""References for scoring rules, outliers, words and unlabelled examples."""

from __future__ import annotations

import cpu_torchvision  # noqa: F401  (before the libraries that import torchvision)
import entmax
import numpy as np
import optax
import pytorch_ood.loss
import scipy.special
import sklearn._loss
import sklearn.metrics
import torch
import torch.nn.functional as F
from classification_inputs import (
    BINARY,
    INDEXED,
    LABEL,
    LOGITS,
    OUT,
    SCORE,
    P,
    one_hot,
    with_hyper,
)
from recorder import Call, Reference

draw = np.random.default_rng(7421)

# Scoring rules and other outputs than softmax.


def brier(logits, label):
    p = scipy.special.softmax(logits, axis=-1)
    classes = logits.shape[-1]
    return sklearn.metrics.brier_score_loss(label, p, labels=range(classes), scale_by_half=False), {}


def spherical(logits, label):
    p = logits.softmax(-1)
    return (1 - p.gather(1, label[:, None])[:, 0] / p.norm(dim=-1)).mean()


def evidential(evidence, label, anneal):
    """The Dirichlet's moments and divergence by torch.distributions."""
    alpha = evidence + 1
    dirichlet = torch.distributions.Dirichlet(alpha)
    y = one_hot(label, alpha.shape[-1])
    error = ((y - dirichlet.mean) ** 2 + dirichlet.variance).sum(-1)
    wrong = torch.distributions.Dirichlet(y + (1 - y) * alpha)
    uniform = torch.distributions.Dirichlet(torch.ones_like(alpha))
    return (error + anneal * torch.distributions.kl_divergence(wrong, uniform)).mean()


def evidential_digamma(evidence, label):
    alpha = evidence + 1
    right = alpha.gather(1, label[:, None])[:, 0]
    return (torch.digamma(alpha.sum(-1)) - torch.digamma(right)).mean()


def evidential_log(evidence, label):
    mean = torch.distributions.Dirichlet(evidence + 1).mean
    return F.nll_loss(mean.log(), label)


def deep_gamblers(logits, reserve, label, payoff):
    p = torch.cat([logits, reserve[:, None]], 1).softmax(-1)
    return -(p.gather(1, label[:, None])[:, 0] + p[:, -1] / payoff).log().mean()


def deep_abstaining(logits, abstain, label, alpha):
    p = torch.cat([logits, abstain[:, None]], 1).softmax(-1)
    stay = 1 - p[:, -1]
    right = p.gather(1, label[:, None])[:, 0]
    return (-stay * (right / stay).log() - alpha * stay.log()).mean()


EVIDENCE = [
    Call({"evidence": 5 * draw.uniform(size=(6, 5)), "label": LABEL}),
    Call({"evidence": [[0.0, 0.0, 0.0], [40.0, 0.0, 0.5]], "label": [1, 2]}),
]
RESERVE = {"logits": LOGITS, "reserve": SCORE.ravel()[:6], "label": LABEL}
ABSTAIN = {"logits": LOGITS, "abstain": SCORE.ravel()[:6], "label": LABEL}
SCORING = [
    Reference("brier", "scikit-learn", "sklearn.metrics.brier_score_loss", brier, INDEXED[:2], through="numpy"),
    Reference(
        "brier",
        "torch",
        "torch.nn.functional.mse_loss of the softmax",
        lambda logits, label: F.mse_loss(logits.softmax(-1), one_hot(label, logits.shape[-1])) * logits.shape[-1],
        INDEXED,
        ["logits"],
    ),
    Reference(
        "binary_brier",
        "scikit-learn",
        "sklearn.metrics.brier_score_loss",
        lambda logits, y: (sklearn.metrics.brier_score_loss(y, scipy.special.expit(logits)), {}),
        BINARY[1:2],
        through="numpy",
    ),
    Reference(
        "binary_brier",
        "torch",
        "torch.nn.functional.mse_loss of the sigmoid",
        lambda logits, y: F.mse_loss(torch.sigmoid(logits), y.double()),
        BINARY,
        ["logits"],
    ),
    Reference(
        "spherical",
        "torch",
        "torch.softmax in the formula of Gneiting and Raftery 2007",
        spherical,
        INDEXED,
        ["logits"],
    ),
    Reference("sparsemax", "entmax", "entmax.SparsemaxLoss", entmax.SparsemaxLoss(), INDEXED, ["logits"]),
    Reference(
        "sparsemax",
        "optax",
        "optax.losses.multiclass_sparsemax_loss",
        lambda logits, label: optax.losses.multiclass_sparsemax_loss(logits, label).mean(),
        INDEXED,
        ["logits"],
        "jax",
    ),
    Reference(
        "evidential",
        "torch",
        "torch.distributions.Dirichlet and kl_divergence",
        evidential,
        [*with_hyper(EVIDENCE, anneal=1.0), *with_hyper(EVIDENCE[:1], anneal=0.3)],
        ["evidence"],
    ),
    Reference("evidential_log", "torch", "torch.distributions.Dirichlet.mean", evidential_log, EVIDENCE, ["evidence"]),
    Reference(
        "evidential_digamma",
        "torch",
        "torch.digamma in eq. 4 of Sensoy et al. 2018",
        evidential_digamma,
        EVIDENCE,
        ["evidence"],
    ),
    Reference(
        "deep_gamblers",
        "torch",
        "torch.softmax in the formula of Ziyin et al. 2019",
        deep_gamblers,
        [Call(RESERVE, {"payoff": 2.2}), Call(RESERVE, {"payoff": 4.0})],
        ["logits", "reserve"],
    ),
    Reference(
        "deep_abstaining",
        "torch",
        "torch.softmax in the formula of Thulasidasan et al. 2019",
        deep_abstaining,
        [Call(ABSTAIN, {"alpha": 1.0}), Call(ABSTAIN, {"alpha": 0.2})],
        ["logits", "abstain"],
    ),
]

# What is none of the classes, words, unlabelled examples.


def negative_sampling(word, context, noise):
    true = torch.einsum("nd,nd->n", word, context)
    false = torch.einsum("nd,nkd->nk", word, noise)
    return (-F.logsigmoid(true) - F.logsigmoid(-false).sum(-1)).mean()


def noise_contrastive(score, noise_score, log_q, noise_log_q):
    k = noise_score.shape[1]
    true = torch.sigmoid(score - log_q - np.log(k))
    false = torch.sigmoid(noise_score - noise_log_q - np.log(k))
    return -(true.log() + (1 - false).log().sum(-1)).mean()


def fixmatch(strong, weak, threshold):
    sure, guess = weak.softmax(-1).max(-1)
    return (F.cross_entropy(strong, guess, reduction="none") * (sure >= threshold)).mean()


OPEN = [Call({"logits": LOGITS, "label": OUT}), Call({"logits": LOGITS, "label": LABEL})]
OTHERS = [
    Reference(
        "outlier_exposure",
        "pytorch-ood",
        "pytorch_ood.loss.OutlierExposureLoss",
        lambda logits, label, alpha=0.5: pytorch_ood.loss.OutlierExposureLoss(alpha)(logits.float(), label).double(),
        [*OPEN, *with_hyper(OPEN[:1], alpha=2.0)],
        ["logits"],
    ),
    Reference(
        "entropic_open_set",
        "pytorch-ood",
        "pytorch_ood.loss.EntropicOpenSetLoss",
        lambda logits, label: pytorch_ood.loss.EntropicOpenSetLoss()(logits.float(), label).double(),
        OPEN,
        ["logits"],
    ),
    Reference(
        "objectosphere",
        "pytorch-ood",
        "pytorch_ood.loss.ObjectosphereLoss",
        lambda logits, feature, label, xi=1.0, alpha=1.0: pytorch_ood.loss.ObjectosphereLoss(alpha, xi)(
            logits.float(), feature.float(), label
        ).double(),
        [
            Call({"logits": LOGITS, "feature": 0.5 * P, "label": OUT}),
            Call({"logits": LOGITS, "feature": SCORE.reshape(6, 2), "label": OUT}, {"xi": 2.0, "alpha": 0.5}),
        ],
        ["logits", "feature"],
    ),
    Reference(
        "energy_bounded",
        "pytorch-ood",
        "pytorch_ood.loss.EnergyRegularizedLoss",
        lambda logits, label, alpha=0.1, low=-25.0, high=-7.0: pytorch_ood.loss.EnergyRegularizedLoss(alpha, low, high)(
            logits, label
        ),
        [*OPEN, *with_hyper(OPEN[:1], alpha=0.5, low=-5.0, high=-1.0)],
        ["logits"],
    ),
    Reference(
        "negative_sampling",
        "torch",
        "torch.nn.functional.logsigmoid in the formula of Mikolov et al. 2013",
        negative_sampling,
        [
            Call(
                {
                    "word": draw.normal(size=(4, 3)),
                    "context": draw.normal(size=(4, 3)),
                    "noise": draw.normal(size=(4, 5, 3)),
                }
            )
        ],
        ["word", "context", "noise"],
    ),
    Reference(
        "noise_contrastive_estimation",
        "torch",
        "torch.sigmoid in the formula of Gutmann and Hyvarinen 2010",
        noise_contrastive,
        [
            Call(
                {
                    "score": draw.normal(size=4),
                    "noise_score": draw.normal(size=(4, 3)),
                    "log_q": draw.normal(size=4),
                    "noise_log_q": draw.normal(size=(4, 3)),
                }
            )
        ],
        ["score", "noise_score"],
    ),
    Reference(
        "fixmatch",
        "torch",
        "torch.nn.functional.cross_entropy with guessed labels",
        fixmatch,
        [
            Call({"strong": LOGITS, "weak": LOGITS[::-1]}, {"threshold": 0.7}),
            Call({"strong": LOGITS, "weak": LOGITS[::-1]}, {"threshold": 1.0}),
        ],
        ["strong"],
    ),
]
