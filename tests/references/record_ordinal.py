"""References for the family `ordinal`."""

from __future__ import annotations

import condor_pytorch
import coral_pytorch.losses
import dlordinal.losses
import mord.threshold_based as mord
import numpy as np
import scipy.special
import scoringrules
import sklearn.metrics
import spacecutter.losses
import torch
import torch.nn.functional as F
from recorder import Call, Reference, record
from statsmodels.miscmodels.ordinal_model import OrderedModel

draw = np.random.default_rng(13)
STEPS, CLASSES = 2 * draw.normal(size=(7, 4)), 2 * draw.normal(size=(7, 5))
LABEL = np.array([0, 4, 2, 2, 1, 3, 4])
SCORE = 2 * draw.normal(size=7)
THRESHOLD = np.array([-1.5, -0.25, 0.5, 2.0])
EXTREME = {"logits": [[50.0, -50.0], [-50.0, 50.0], [40.0, 40.0]], "label": [1, 2, 0]}
WEIGHT = np.array([0.5, 1.0, 2.0, 0.0])

STEPPED = [
    Call({"logits": STEPS, "label": LABEL}),
    Call(EXTREME),
    Call({"logits": [[0.7]], "label": [1]}),
]
CLASSED = [
    Call({"logits": CLASSES, "label": LABEL}),
    Call({"logits": [[50.0, -50.0, 0.0], [-50.0, 50.0, 40.0]], "label": [1, 2]}),
    Call({"logits": [[0.3, -1.2]], "label": [1]}),
]
SCORED = [
    Call({"score": SCORE, "label": LABEL, "threshold": THRESHOLD}),
    Call({"score": [40.0, -40.0, 0.25], "label": [0, 2, 1], "threshold": [-1.0, 1.0]}),
]


def with_hyper(calls, **hyper):
    return [Call(call.inputs, hyper, call.reduction) for call in calls]


def with_data(calls, **data):
    return [Call({**call.inputs, **data}, call.hyper, call.reduction) for call in calls]


def levels(label, thresholds):
    return (label[:, None] > torch.arange(thresholds)).double()


def coral(logits, label, importance=None):
    return coral_pytorch.losses.coral_loss(logits, levels(label, logits.shape[1]), importance_weights=importance)


def corn(logits, label):
    return coral_pytorch.losses.corn_loss(logits, label, logits.shape[1] + 1)


def continuation(logits, label):
    return condor_pytorch.condor_negloglikeloss(logits, levels(label, logits.shape[1]))


def condor(logits, label, importance=None):
    known = levels(label, logits.shape[1])
    return condor_pytorch.CondorOrdinalCrossEntropy(logits, known, importance_weights=importance)


def ecoc(logits, label):
    loss = dlordinal.losses.OrdinalECOCDistanceLoss(logits.shape[1] + 1).double()
    return loss(torch.sigmoid(logits), label) / len(label)


BINARY = [
    Reference(
        "coral",
        "coral-pytorch",
        "coral_pytorch.losses.coral_loss",
        coral,
        [*STEPPED, *with_data(STEPPED[:1], importance=WEIGHT)],
        ["logits"],
    ),
    Reference("corn", "coral-pytorch", "coral_pytorch.losses.corn_loss", corn, STEPPED, ["logits"]),
    Reference(
        "corn",
        "dlordinal",
        "dlordinal.losses.CORNLoss",
        lambda logits, label: dlordinal.losses.CORNLoss(logits.shape[1] + 1)(logits, label),
        STEPPED,
        ["logits"],
    ),
    Reference(
        "continuation_ratio",
        "condor-pytorch",
        "condor_pytorch.condor_negloglikeloss",
        continuation,
        STEPPED,
        ["logits"],
    ),
    Reference(
        "condor",
        "condor-pytorch",
        "condor_pytorch.CondorOrdinalCrossEntropy",
        condor,
        [STEPPED[0], STEPPED[2], *with_data(STEPPED[:1], importance=WEIGHT)],
        ["logits"],
        tolerance=1e-6,
        note="the library adds 1.2e-7 in a logarithm",
    ),
    Reference(
        "ordinal_ecoc", "dlordinal", "dlordinal.losses.OrdinalECOCDistanceLoss, averaged", ecoc, STEPPED, ["logits"]
    ),
]


def by_spacecutter(score, label, first, log_step):
    """The library takes the probabilities of the classes; its cut points are sorted thresholds."""
    cut = torch.cat([first[None], first + torch.cumsum(log_step.exp(), 0)])
    below = torch.sigmoid(cut - score[:, None])
    edges = torch.cat([torch.zeros(len(score), 1), below, torch.ones(len(score), 1)], 1)
    return spacecutter.losses.cumulative_link_loss(edges.diff(dim=1), label[:, None])


def by_statsmodels(score, label, first, log_step):
    """The same parameters: a slope of 1, the first threshold and the logarithms of the steps."""
    model = OrderedModel(label, score[:, None], distr="logit")
    return -model.loglike(np.array([1.0, first, *log_step])) / len(label), {}


def by_mord(weights):
    """Scores stand for the weights of examples that are all distinct; thresholds are the cumulated parameters."""

    def function(score, label, threshold):
        n, k = len(score), len(threshold)
        arguments = (np.eye(n), label, 0.0, k + 1, weights(k), np.eye(k), None)
        start = np.concatenate([score, threshold])
        value, gradient = (f(start, *arguments) / n for f in (mord.obj_margin, mord.grad_margin))
        return value, {"score": gradient[:n], "threshold": gradient[n:]}

    return function


def all_thresholds(k):
    return np.ones((k + 1, k))


def neighbours(k):
    label, threshold = np.arange(k + 1)[:, None], np.arange(k)
    return ((label - 1 <= threshold) & (threshold <= label)).astype(float)


def hinge(score, label, threshold):
    side = 1 - 2 * levels(label, len(threshold))
    return torch.relu(1 - side * (threshold - score[:, None])).sum(1).mean()


def binomial(score, label, steps):
    return -torch.distributions.Binomial(int(steps), logits=score).log_prob(label.double()).mean()


LINKED = {"score": SCORE, "label": LABEL, "first": -1.5, "log_step": np.log(np.diff(THRESHOLD))}
ONE_SCORE = [
    Reference(
        "cumulative_logit",
        "spacecutter",
        "spacecutter.losses.cumulative_link_loss",
        by_spacecutter,
        [Call(LINKED), Call({"score": [0.3], "label": [1], "first": 0.5, "log_step": [-2.0]})],
        ["score", "first", "log_step"],
    ),
    Reference(
        "cumulative_logit",
        "statsmodels",
        "statsmodels OrderedModel(distr='logit').loglike",
        by_statsmodels,
        [Call(LINKED)],
        through="numpy",
    ),
    Reference("all_threshold", "mord", "mord.LogisticAT", by_mord(all_thresholds), SCORED, through="numpy"),
    Reference("immediate_threshold", "mord", "mord.LogisticIT", by_mord(neighbours), SCORED, through="numpy"),
    Reference(
        "ordinal_hinge",
        "torch",
        "torch.relu in the formula of Chu and Keerthi 2007",
        hinge,
        SCORED,
        ["score", "threshold"],
    ),
    Reference(
        "binomial_unimodal",
        "torch",
        "torch.distributions.Binomial",
        binomial,
        [Call({"score": SCORE, "label": LABEL}, {"steps": 4}), Call({"score": [30.0], "label": [0]}, {"steps": 1})],
        ["score"],
    ),
]


def kappa(logits, label, power=2.0, logarithm=False):
    kind = "quadratic" if power == 2 else "linear"
    loss = dlordinal.losses.WKLoss(logits.shape[1], kind, use_logits=True, use_logarithm=logarithm, epsilon=1e-300)
    return loss(logits.float(), label).double()


def cohen(logits, label, power):
    """Of predictions that are certain, where the soft statistic is the hard one."""
    weights = "quadratic" if power == 2 else "linear"
    return 1 - sklearn.metrics.cohen_kappa_score(logits.argmax(1), label, weights=weights), {}


def squared_emd(logits, label):
    return dlordinal.losses.EMDLoss(logits.shape[1])(logits, label)


def rps(logits, label):
    return scoringrules.rps_score(label + 1, scipy.special.softmax(logits, axis=1)).mean(), {}


def class_distance(logits, label, alpha):
    return dlordinal.losses.CDWCELoss(logits.shape[1], alpha=alpha)(logits, label)


def soft_labels(logits, label, alpha):
    return dlordinal.losses.SORDLoss(alpha, logits.shape[1], None)(logits, label)


def mean_variance(logits, label, share_mean=0.2, share_variance=0.05):
    p, rank = logits.softmax(1), torch.arange(logits.shape[1])
    mean = (p * rank).sum(1)
    variance = (p * rank**2).sum(1) - mean**2
    bias = F.mse_loss(mean, label.double()) / 2
    return F.cross_entropy(logits, label) + share_mean * bias + share_variance * variance.mean()


CERTAIN = {"logits": 2000 * np.eye(5)[[0, 3, 2, 1, 1, 3, 4]], "label": LABEL}
SOFTMAX = [
    Reference(
        "weighted_kappa",
        "dlordinal",
        "dlordinal.losses.WKLoss(epsilon=1e-300)",
        kappa,
        [CLASSED[0], *with_hyper(CLASSED[:1], power=1.0)],
        ["logits"],
    ),
    Reference(
        "weighted_kappa",
        "scikit-learn",
        "1 - sklearn.metrics.cohen_kappa_score",
        cohen,
        [Call(CERTAIN, {"power": 2.0}), Call(CERTAIN, {"power": 1.0})],
        through="numpy",
    ),
    Reference(
        "log_weighted_kappa",
        "dlordinal",
        "dlordinal.losses.WKLoss(use_logarithm=True, epsilon=1e-300)",
        lambda logits, label, power=2.0: kappa(logits, label, power, True),
        [CLASSED[0], *with_hyper(CLASSED[:1], power=1.0)],
        ["logits"],
    ),
    Reference("ranked_probability_score", "dlordinal", "dlordinal.losses.EMDLoss", squared_emd, CLASSED, ["logits"]),
    Reference("ranked_probability_score", "scoringrules", "scoringrules.rps_score", rps, CLASSED[:2], through="numpy"),
    Reference(
        "class_distance_cross_entropy",
        "dlordinal",
        "dlordinal.losses.CDWCELoss",
        class_distance,
        [*with_hyper([CLASSED[0], CLASSED[2]], alpha=5.0), *with_hyper(CLASSED[:1], alpha=0.5)],
        ["logits"],
        tolerance=1e-6,
        note="the library adds 1e-8 in logarithms",
    ),
    Reference(
        "soft_ordinal_labels",
        "dlordinal",
        "dlordinal.losses.SORDLoss",
        soft_labels,
        [*with_hyper(CLASSED, alpha=1.0), *with_hyper(CLASSED[:1], alpha=3.0)],
        ["logits"],
    ),
    Reference(
        "mean_variance",
        "torch",
        "torch.nn.functional.cross_entropy and moments, as in Pan et al. 2018",
        mean_variance,
        [*CLASSED, *with_hyper(CLASSED[:1], share_mean=1.0, share_variance=0.5)],
        ["logits"],
    ),
]

record("ordinal", [*BINARY, *ONE_SCORE, *SOFTMAX])
