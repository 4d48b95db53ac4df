"""References for the family `combination`."""

from __future__ import annotations

import numpy as np
import scipy.special
import sklearn._loss
import torch
import torch.nn.functional as F
from recorder import Call, Reference, record

draw = np.random.default_rng(19)
TERM, WEIGHT = draw.uniform(0.1, 4, size=4), draw.uniform(0.1, 2, size=4)
EACH = draw.gamma(2.0, size=9)
PRED, TARGET = 2 * draw.normal(size=(3, 4)), draw.normal(size=(3, 4))
LOGITS, LABEL = 3 * draw.normal(size=(6, 5)), draw.integers(0, 5, size=6)
EXPERTS = 2 * draw.normal(size=(6, 3, 5))
GATE = draw.normal(size=(6, 3))
SCORE, Y = 2 * draw.normal(size=9), np.array([1, 0, 1, 1, 0, 0, 1, 1, 1])

# Weights for several losses.


def uncertainty(term, log_variance):
    """Each as the negative log-likelihood of an error of that size: gaussian_nll_loss(., 0, variance)."""
    return F.gaussian_nll_loss(term.sqrt(), torch.zeros_like(term), log_variance.exp(), reduction="sum", eps=0)


def uncertainty_two(pred, logits, target, label, s, t):
    return torch.exp(-s) / 2 * F.mse_loss(pred, target) + torch.exp(-t) * F.cross_entropy(logits, label) + (s + t) / 2


def automatic(term, sigma):
    return (term / (2 * sigma**2) + torch.log(1 + sigma**2)).sum()


def dynamic(term, last, before_last, temperature):
    return (len(term) * torch.softmax(last / before_last / temperature, 0) * term).sum()


def smooth_tchebycheff(term, weight, ideal, mu):
    return mu * torch.logsumexp(weight * (term - ideal) / mu, 0)


def lagrangian(objective, violation, multiplier, rho):
    """The square is completed: f + rho/2*|c + l/rho|^2 - |l|^2/(2*rho)."""
    shifted = (violation + multiplier / rho).square().sum()
    return objective + rho / 2 * shifted - multiplier.square().sum() / (2 * rho)


TERMS = [
    Reference("weighted_sum", "torch", "torch.dot", torch.dot, [Call({"term": TERM, "weight": WEIGHT})], ["term"]),
    Reference(
        "uncertainty_weighting",
        "torch",
        "torch.nn.functional.gaussian_nll_loss of the roots",
        uncertainty,
        [Call({"term": TERM, "log_variance": WEIGHT - 1}), Call({"term": [4.0], "log_variance": [0.0]})],
        ["term", "log_variance"],
    ),
    Reference(
        "uncertainty_regression_classification",
        "torch",
        "torch.nn.functional.mse_loss and cross_entropy",
        uncertainty_two,
        [Call({"pred": SCORE[:6], "logits": LOGITS, "target": EACH[:6], "label": LABEL, "s": 0.3, "t": -0.5})],
        ["pred", "logits", "s", "t"],
    ),
    Reference(
        "automatic_weighting",
        "torch",
        "the formula of Liebel and Koerner 2018 in PyTorch",
        automatic,
        [Call({"term": TERM, "sigma": WEIGHT}), Call({"term": [0.5, 2.0], "sigma": [1.0, -2.0]})],
        ["term", "sigma"],
    ),
    Reference(
        "geometric_mean",
        "torch",
        "torch.prod to the power 1/k",
        lambda term: torch.prod(term) ** (1 / len(term)),
        [Call({"term": TERM}), Call({"term": [3.0]})],
        ["term"],
    ),
    Reference(
        "dynamic_weight_average",
        "torch",
        "torch.softmax in the formula of Liu et al. 2019",
        dynamic,
        [Call({"term": TERM, "last": WEIGHT, "before_last": WEIGHT[::-1]}, {"temperature": 2.0})],
        ["term"],
    ),
    Reference(
        "tchebycheff",
        "torch",
        "torch.amax",
        lambda term, weight, ideal: (weight * (term - ideal)).amax(),
        [
            Call({"term": TERM, "weight": WEIGHT, "ideal": WEIGHT[::-1] - 1}),
            Call({"term": [2.0, 2.0, 1.0], "weight": [1.0, 1.0, 1.0], "ideal": [0.0, 0.0, 0.0]}),
        ],
        ["term"],
    ),
    Reference(
        "smooth_tchebycheff",
        "torch",
        "torch.logsumexp in the formula of Lin et al. 2024",
        smooth_tchebycheff,
        [Call({"term": TERM, "weight": WEIGHT, "ideal": WEIGHT[::-1] - 1}, {"mu": mu}) for mu in (0.1, 5.0)],
        ["term"],
    ),
    Reference(
        "augmented_lagrangian",
        "torch",
        "the completed square in PyTorch",
        lagrangian,
        [Call({"objective": 1.5, "violation": TERM - 2, "multiplier": WEIGHT}, {"rho": 3.0})],
        ["objective", "violation"],
    ),
]

# Mixtures of losses and of models.


def huber_mse(pred, target, delta=1.0, alpha=0.7):
    return alpha * F.huber_loss(pred, target, delta=delta) + (1 - alpha) * F.mse_loss(pred, target)


def mse_mae(pred, target, alpha=0.5):
    return alpha * F.mse_loss(pred, target) + (1 - alpha) * F.l1_loss(pred, target)


def experts(gate, mu, target):
    """torch.distributions.MixtureSameFamily, less the constant of the Gaussian."""
    parts = torch.distributions.Independent(torch.distributions.Normal(mu, torch.ones_like(mu)), 1)
    mixture = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(logits=gate), parts)
    return -mixture.log_prob(target).mean() - mu.shape[-1] * np.log(2 * np.pi) / 2


def softmaxes(gate, logits, label):
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(logits=gate), torch.distributions.Categorical(logits=logits)
    )
    return -mixture.log_prob(label).mean()


def product(logits, label, weight):
    return F.cross_entropy(torch.einsum("nkc,k->nc", logits, weight), label)


PAIR = {"pred": PRED, "target": TARGET}
MIXTURES = [
    Reference(
        "huber_mse_mixture",
        "torch",
        "torch.nn.functional.huber_loss and mse_loss",
        huber_mse,
        [Call(PAIR), Call(PAIR, {"delta": 0.3, "alpha": 0.2})],
        ["pred"],
    ),
    Reference(
        "mse_mae_mixture",
        "torch",
        "torch.nn.functional.mse_loss and l1_loss",
        mse_mae,
        [Call(PAIR), Call(PAIR, {"alpha": 0.1}), Call({"pred": [1.0], "target": [1.0]})],
        ["pred"],
    ),
    Reference(
        "mixture_of_experts",
        "torch",
        "torch.distributions.MixtureSameFamily of Normals",
        experts,
        [Call({"gate": GATE, "mu": EXPERTS, "target": LOGITS})],
        ["gate", "mu"],
    ),
    Reference(
        "mixture_of_softmaxes",
        "torch",
        "torch.distributions.MixtureSameFamily of Categoricals",
        softmaxes,
        [Call({"gate": GATE, "logits": EXPERTS, "label": LABEL})],
        ["gate", "logits"],
    ),
    Reference(
        "product_of_experts",
        "torch",
        "torch.nn.functional.cross_entropy of added logits",
        product,
        [Call({"logits": EXPERTS, "label": LABEL, "weight": [1.0, 0.5, 2.0]})],
        ["logits"],
    ),
]

# Calibration after training.


def temperature(logits, label, temperature):
    return F.cross_entropy(logits / temperature, label)


def vector(logits, label, scale, bias):
    return F.cross_entropy(logits * scale + bias, label)


def platt(score, y, a, b):
    """The objective of sklearn.calibration: HalfBinomialLoss of the line, with Platt's targets."""
    ones, zeros = y.sum(), (1 - y).sum()
    target = np.where(y == 1, (ones + 1) / (ones + 2), 1 / (zeros + 2))
    value, slope = sklearn._loss.HalfBinomialLoss().loss_gradient(y_true=target, raw_prediction=a * score + b)
    return value.mean(), {"a": (slope * score).mean(), "b": slope.mean(), "score": a * slope / len(y)}


def beta(q, y, a, b, bias):
    return F.binary_cross_entropy_with_logits(a * q.log() - b * torch.log(1 - q) + bias, y.double())


CALIBRATED = {"q": scipy.special.expit(SCORE), "y": Y}
CALIBRATION = [
    Reference(
        "temperature_scaling",
        "torch",
        "torch.nn.functional.cross_entropy of logits/temperature",
        temperature,
        [
            Call({"logits": LOGITS, "label": LABEL, "temperature": 1.7}),
            Call({"logits": [[50.0, -50.0, 0.0]], "label": [1], "temperature": 0.5}),
        ],
        ["logits", "temperature"],
    ),
    Reference(
        "vector_scaling",
        "torch",
        "torch.nn.functional.cross_entropy of scaled logits",
        vector,
        [Call({"logits": LOGITS, "label": LABEL, "scale": GATE[:5, 0], "bias": GATE[:5, 1]})],
        ["logits", "scale", "bias"],
    ),
    Reference(
        "platt_scaling",
        "scikit-learn",
        "sklearn.calibration (HalfBinomialLoss with Platt's targets)",
        platt,
        [Call({"score": SCORE, "y": Y, "a": 0.8, "b": -0.3}), Call({"score": [2.0], "y": [1], "a": 1.0, "b": 0.0})],
        through="numpy",
    ),
    Reference(
        "beta_calibration",
        "torch",
        "torch.nn.functional.binary_cross_entropy_with_logits",
        beta,
        [Call({**CALIBRATED, "a": 1.0, "b": 1.0, "bias": 0.0}), Call({**CALIBRATED, "a": 0.4, "b": 2.0, "bias": -0.5})],
        ["q", "a", "b", "bias"],
    ),
]

# What a batch adds up to.


def tail(each, threshold, alpha):
    return threshold + torch.relu(each - threshold).mean() / (1 - alpha)


def worst_tail(each, threshold, alpha):
    """With the threshold at the quantile: the mean of the worst, by sorting."""
    worst = each.sort(descending=True).values[: round(len(each) * (1 - alpha))]
    return worst.mean() + 0 * threshold


def tilted(each, t):
    return torch.log(torch.exp(t * each).mean()) / t


def self_paced(each, age):
    """The weights at their best, by trying 0 and 1 for each (Kumar et al. 2010)."""
    return torch.stack([torch.zeros_like(each), each - age]).amin(0).mean()


def worst_group(each, group, adjust):
    means = [each[group == g].mean() + adjust[g] for g in group.unique()]
    return torch.stack(means).amax()


def extrapolation(risk, beta):
    return risk.sum() + beta * risk.var(correction=0)


QUANTILE = float(np.sort(EACH)[-4])
GROUPED = {"each": EACH, "group": [0, 1, 1, 3, 0, 3, 3, 1, 0]}
BATCH = [
    Reference(
        "conditional_value_at_risk",
        "torch",
        "torch.relu in the formula of Rockafellar and Uryasev 2000",
        tail,
        [Call({"each": EACH, "threshold": 1.0}, {"alpha": 0.9})],
        ["each", "threshold"],
    ),
    Reference(
        "conditional_value_at_risk",
        "torch",
        "torch.sort: the mean of the worst third",
        worst_tail,
        [Call({"each": EACH, "threshold": QUANTILE}, {"alpha": 2 / 3})],
        ["each"],
    ),
    Reference(
        "average_top_k",
        "torch",
        "torch.topk",
        lambda each, k: each.topk(int(k)).values.mean(),
        [Call({"each": EACH}, {"k": 3}), Call({"each": EACH}, {"k": 9}), Call({"each": [2.0]}, {"k": 1})],
        ["each"],
    ),
    Reference(
        "tilted",
        "torch",
        "torch.exp in the formula of Li et al. 2021",
        tilted,
        [Call({"each": EACH}, {"t": t}) for t in (1.0, -2.0, 5.0)],
        ["each"],
    ),
    Reference(
        "flooding",
        "torch",
        "torch.abs in the formula of Ishida et al. 2020",
        lambda each, level: (each.mean() - level).abs() + level,
        [Call({"each": EACH}, {"level": 0.05}), Call({"each": 0.1 * EACH}, {"level": 3.0})],
        ["each"],
    ),
    Reference(
        "self_paced",
        "torch",
        "torch.amin over the weights 0 and 1",
        self_paced,
        [Call({"each": EACH}, {"age": 1.0}), Call({"each": EACH}, {"age": 3.0})],
        ["each"],
    ),
    Reference(
        "worst_group",
        "torch",
        "torch.mean of each group (Sagawa et al. 2020)",
        worst_group,
        [Call({**GROUPED, "adjust": [0.0, 0.0, 0.0, 0.0]}), Call({**GROUPED, "adjust": [0.5, 1.0, 9.0, -0.5]})],
        ["each"],
    ),
    Reference(
        "risk_extrapolation",
        "torch",
        "torch.var(correction=0)",
        extrapolation,
        [Call({"risk": TERM}, {"beta": 10.0}), Call({"risk": [2.0]}, {"beta": 1.0})],
        ["risk"],
    ),
]

record("combination", [*TERMS, *MIXTURES, *CALIBRATION, *BATCH])
