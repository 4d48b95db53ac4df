"""References for the family `divergences`."""

from __future__ import annotations

import cpu_torchvision  # noqa: F401  (before the libraries that import torchvision)
import kornia
import numpy as np
import scipy.linalg
import scipy.special
import scipy.stats
import torch
import torch.nn.functional as F
from recorder import Call, Reference, record
from scipy.spatial import distance
from sklearn.decomposition._nmf import _beta_divergence
from torch import distributions as dist
from torchnmf import metrics as nmf
from trl.experimental.gkd import GKDTrainer

draw = np.random.default_rng(13)


def rows(n, k):
    return draw.dirichlet(np.ones(k), size=n)


P, Q = rows(4, 5), rows(4, 5)
PAIR = Call({"p": P, "q": Q})
SAME = Call({"p": P[:1], "q": P[:1]}, smooth=False)
ENDS = [[0.0, 0.25, 0.75], [1.0, 0.0, 0.0]]
ZEROS = Call({"p": ENDS, "q": [[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]}, smooth=False)
DISJOINT = Call({"p": [[1.0, 0.0]], "q": [[0.0, 1.0]]}, smooth=False)
SPECTRA = {"q": draw.gamma(1.0, size=(3, 4)), "p": draw.gamma(1.0, size=(3, 4))}
LOGITS, OTHER = draw.normal(size=(3, 4)), draw.normal(size=(3, 4))
FAR = 50.0 * np.eye(3, 4)
LOG_Q, LOG_P = np.log(Q), np.log(P)


def per_row(function):
    """A function of two rows, over the rows, averaged; without gradients."""

    def value(p, q, **hyper):
        return np.mean([function(a, b, **hyper) for a, b in zip(p, q, strict=True)]), {}

    return value


def batch_mean(log_q, p):
    return F.kl_div(log_q, p, reduction="batchmean")


def reverse_kl(log_q, log_p):
    return F.kl_div(log_p, log_q, reduction="batchmean", log_target=True)


def categorical(p, q):
    return dist.kl_divergence(dist.Categorical(probs=p), dist.Categorical(probs=q)).mean()


def jeffreys(p, q):
    return batch_mean(q.log(), p) + batch_mean(p.log(), q)


def jensen_shannon(p, q):
    return kornia.losses.js_div_loss_2d(p[:, None, None, :], q[:, None, None, :])


def hellinger(p, q):
    return torch.linalg.vector_norm(p.sqrt() - q.sqrt(), dim=1).mean() / 2**0.5


def squared_hellinger(p, q):
    return ((p + q) / 2 - (p * q).sqrt()).sum(1).mean()


def bhattacharyya(p, q):
    return -torch.log((p * q).sqrt().sum(1)).mean()


def chi_square(p, q):
    return (p**2 / q - 2 * p + q).sum(1).mean()


def triangular(p, q):
    return (p + q - 4 * p * q / (p + q)).sum(1).mean()


def renyi(p, q, alpha=0.5):
    return ((q * (p / q) ** alpha).sum(1).log() / (alpha - 1)).mean()


def tsallis(p, q, alpha=0.5):
    return ((q * ((p / q) ** alpha - 1)).sum(1) / (alpha - 1)).mean()


def alpha_divergence(p, q, alpha=0.5):
    t = p / q
    return (q * (t**alpha - 1 - alpha * (t - 1)) / (alpha * (alpha - 1))).sum(1).mean()


def beta_divergence(q, p, beta=0.5):
    return nmf.beta_div(q, p, beta) / len(q)


def wasserstein(p, q):
    places = np.arange(p.shape[1])
    return per_row(lambda a, b: scipy.stats.wasserstein_distance(places, places, a, b))(p, q)


def squared_emd(p, q):
    return (torch.cumsum(p, 1) - torch.cumsum(q, 1)).square().mean()


def gaussians(mu, log_sigma, mu_prior, log_sigma_prior):
    a, b = dist.Normal(mu, log_sigma.exp()), dist.Normal(mu_prior, log_sigma_prior.exp())
    return dist.kl_divergence(a, b).sum(1).mean()


def wasserstein_gaussian(mu_a, sigma_a, mu_b, sigma_b):
    """By the Bures metric of the full covariance matrices."""
    total = 0.0
    for a, s, b, t in zip(mu_a, sigma_a, mu_b, sigma_b, strict=True):
        left, right = np.diag(s**2), np.diag(t**2)
        root = scipy.linalg.sqrtm(scipy.linalg.sqrtm(left) @ right @ scipy.linalg.sqrtm(left))
        total += np.sum((a - b) ** 2) + np.trace(left + right - 2 * root).real
    return total / len(mu_a), {}


def bernoulli(logit, p):
    return dist.kl_divergence(dist.Bernoulli(probs=p), dist.Bernoulli(logits=logit)).sum(1).mean()


def dirichlet(a, b):
    return dist.kl_divergence(dist.Dirichlet(a), dist.Dirichlet(b)).mean()


FORMULA = {"library": "torch", "wrt": ["p"]}
SCIPY = {"library": "scipy", "through": "numpy"}
GAUSSIANS = {
    "mu": draw.normal(size=(3, 2)), "log_sigma": draw.normal(size=(3, 2)),
    "mu_prior": draw.normal(size=(3, 2)), "log_sigma_prior": draw.normal(size=(3, 2)),
}  # fmt: skip
EQUAL = {"mu": [[1.0]], "log_sigma": [[0.5]], "mu_prior": [[1.0]], "log_sigma_prior": [[0.5]]}
DEVIATIONS = {
    "mu_a": draw.normal(size=(3, 2)), "sigma_a": draw.gamma(2.0, size=(3, 2)),
    "mu_b": draw.normal(size=(3, 2)), "sigma_b": draw.gamma(2.0, size=(3, 2)),
}  # fmt: skip

record("divergences", [
    Reference("kl_divergence", "torch", "torch.nn.functional.kl_div(reduction='batchmean')", batch_mean,
              [Call({"log_q": LOG_Q, "p": P}), Call({"log_q": np.log(ZEROS.inputs["q"]), "p": ZEROS.inputs["p"]}),
               Call({"log_q": [[0.0]], "p": [[1.0]]})], ["log_q"]),
    Reference("reverse_kl", "torch", "torch.nn.functional.kl_div(log_p, log_q, log_target=True)", reverse_kl,
              [Call({"log_q": LOG_Q, "log_p": LOG_P}), Call({"log_q": [[-50.0, 0.0]], "log_p": [[0.0, -50.0]]})],
              ["log_q"]),
    Reference("kl_probabilities", name="scipy.special.rel_entr", wrt=["p"], calls=[PAIR, ZEROS, DISJOINT, SAME],
              function=per_row(lambda a, b: scipy.special.rel_entr(a, b).sum()), **SCIPY),
    Reference("generalized_kl", name="scipy.special.kl_div", calls=[Call(SPECTRA)],
              function=per_row(lambda b, a: scipy.special.kl_div(a, b).sum()), **SCIPY),
    Reference("generalized_kl", "torchnmf", "torchnmf.metrics.kl_div", lambda q, p: nmf.kl_div(q, p) / len(q),
              [Call(SPECTRA)], ["q"], tolerance=1e-6, note="the library adds 1.2e-7 inside a logarithm"),
    Reference("jeffreys", name="torch.nn.functional.kl_div, both ways", function=jeffreys, calls=[PAIR, SAME], **FORMULA),
    Reference("jensen_shannon", name="kornia.losses.js_div_loss_2d", function=jensen_shannon, calls=[PAIR, SAME],
              **{**FORMULA, "library": "kornia"}),
    Reference("jensen_shannon", name="scipy.spatial.distance.jensenshannon, squared", calls=[PAIR, ZEROS, DISJOINT],
              function=per_row(lambda a, b: distance.jensenshannon(a, b) ** 2), **SCIPY),
    Reference("generalized_jensen_shannon", "trl", "GKDTrainer.generalized_jsd_loss",
              lambda a, b, beta=0.5: GKDTrainer.generalized_jsd_loss(a, b, beta=beta),
              [Call({"a": LOGITS, "b": OTHER}), Call({"a": LOGITS, "b": OTHER}, {"beta": 0.1}),
               Call({"a": FAR, "b": -FAR}, {"beta": 0.9})], ["a", "b"]),
    Reference("total_variation_distance", name="scipy.spatial.distance.cityblock / 2", wrt=["p"], calls=[PAIR, ZEROS, DISJOINT],
              function=per_row(lambda a, b: distance.cityblock(a, b) / 2), **SCIPY),
    Reference("hellinger", name="formula of Hellinger 1909", function=hellinger, calls=[PAIR], **FORMULA),
    Reference("squared_hellinger", name="formula of Hellinger 1909", function=squared_hellinger,
              calls=[PAIR], **FORMULA),
    Reference("bhattacharyya", name="formula of Bhattacharyya 1943", function=bhattacharyya, calls=[PAIR], **FORMULA),
    Reference("chi_square", name="scipy.stats.chisquare", calls=[PAIR, ZEROS],
              function=per_row(lambda a, b: scipy.stats.chisquare(a, b, sum_check=False).statistic), **SCIPY),
    Reference("chi_square", name="formula of Pearson 1900", function=chi_square, calls=[PAIR], **FORMULA),
    Reference("triangular_discrimination", name="p + q - 4 p q/(p + q), summed", function=triangular, calls=[PAIR], **FORMULA),
    Reference("renyi", name="formula of Renyi 1961", function=renyi,
              calls=[PAIR, Call(PAIR.inputs, {"alpha": 2.0}), Call(PAIR.inputs, {"alpha": 0.1})], **FORMULA),
    Reference("tsallis", name="formula of Tsallis 1998", function=tsallis,
              calls=[PAIR, Call(PAIR.inputs, {"alpha": 2.0})], **FORMULA),
    Reference("alpha_divergence", name="formula of Cichocki and Amari 2010", function=alpha_divergence,
              calls=[PAIR, Call(PAIR.inputs, {"alpha": 2.0}), Call(PAIR.inputs, {"alpha": -1.0})], **FORMULA),
    Reference("beta_divergence", "torchnmf", "torchnmf.metrics.beta_div", beta_divergence,
              [Call(SPECTRA, {"beta": beta}) for beta in (0.5, 2.0, 3.0, -1.0)], ["q"], tolerance=1e-4,
              note="the library adds 1.2e-7 to what it raises to powers"),
    Reference("beta_divergence", "scikit-learn", "sklearn.decomposition._nmf._beta_divergence",
              lambda q, p, beta: (_beta_divergence(p, q, np.eye(q.shape[1]), beta) / len(q), {}),
              [Call(SPECTRA, {"beta": beta}) for beta in (0.5, 2.0, 3.0, -1.0)], through="numpy"),
    Reference("itakura_saito", "torch", "formula of Itakura and Saito 1968",
              lambda q, p: (p / q - (p.log() - q.log()) - 1).sum(1).mean(), [Call(SPECTRA)], ["q"]),
    Reference("itakura_saito", "torchnmf", "torchnmf.metrics.is_div", lambda q, p: nmf.is_div(q, p) / len(q),
              [Call(SPECTRA)], ["q"], tolerance=1e-5, note="the library adds 1.2e-7 inside logarithms and quotients"),
    Reference("wasserstein_1d", name="scipy.stats.wasserstein_distance", function=wasserstein,
              calls=[PAIR, ZEROS, DISJOINT, Call(SPECTRA, smooth=False)], wrt=["p"], **SCIPY),
    Reference("wasserstein_samples", name="scipy.stats.wasserstein_distance",
              function=lambda x, y: (scipy.stats.wasserstein_distance(x, y), {}),
              calls=[Call({"x": draw.normal(size=6), "y": draw.normal(size=6)}), Call({"x": [1.0], "y": [3.0]}),
                     Call({"x": [1.0, 1.0, 2.0], "y": [2.0, 0.0, 2.0]}, smooth=False)], wrt=["x"], **SCIPY),
    Reference("squared_emd", name="formula of Hou et al. 2016", function=squared_emd, calls=[PAIR, DISJOINT], **FORMULA),
    Reference("kl_gaussian", "torch", "torch.distributions.kl_divergence (Normal)", gaussians,
              [Call(GAUSSIANS), Call(EQUAL)], ["mu", "log_sigma"]),
    Reference("wasserstein_gaussian", name="Bures metric by scipy.linalg.sqrtm", function=wasserstein_gaussian,
              calls=[Call(DEVIATIONS)], wrt=["mu_a", "sigma_a"], **SCIPY),
    Reference("kl_bernoulli", "torch", "torch.distributions.kl_divergence (Bernoulli)", bernoulli,
              [Call({"logit": LOGITS, "p": draw.uniform(size=(3, 4))}), Call({"logit": [[0.0]], "p": [[0.5]]})],
              ["logit"]),
    Reference("kl_dirichlet", "torch", "torch.distributions.kl_divergence (Dirichlet)", dirichlet,
              [Call({"a": draw.gamma(2.0, size=(3, 4)), "b": np.ones((3, 4))}),
               Call({"a": draw.gamma(2.0, size=(2, 3)), "b": draw.gamma(2.0, size=(2, 3))})], ["a"]),
])  # fmt: skip
