"""References for the family `robust`."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import scipy.integrate
import scipy.special
import scipy.stats
import statsmodels.robust.norms as norms
import torch
import torch.nn.functional as F
from kornia import losses as kornia
from recorder import Call, Reference, record
from scipy.optimize._lsq.least_squares import IMPLEMENTED_LOSSES

keras.config.set_floatx("float64")

draw = np.random.default_rng(2)
PRED, TARGET = draw.normal(size=(3, 4)), 3 * draw.normal(size=(3, 4))
PAIR = {"pred": PRED, "target": TARGET}
FAR = {"pred": [50.0, -1e3, 1e-6, 0.5], "target": [-50.0, 1e3, 0.0, 0.5]}
LOGITS, LABEL = 2 * draw.normal(size=(5, 4)), np.array([0, 3, 1, 2, 2])
SURE = {"logits": [[50.0, -50.0], [50.0, -50.0]], "label": [0, 1]}
LABELLED = {"logits": LOGITS, "label": LABEL}
TRANSITION = np.array([[0.7, 0.1, 0.1, 0.1], [0.2, 0.8, 0.0, 0.0], [0.0, 0.1, 0.9, 0.0], [0.1, 0.1, 0.1, 0.7]])


def calls(**hyper):
    return [Call(PAIR, reduction="none"), Call(FAR, reduction="none"), Call(PAIR, hyper, "none")]


def norm(made):
    """A norm of statsmodels: rho, and its derivative psi."""

    def function(pred, target, **hyper):
        norm = made(**hyper)
        return norm.rho(pred - target), {"pred": norm.psi(pred - target)}

    return function


def least_squares(name):
    """A loss of scipy.optimize.least_squares: c^2/2*rho((r/c)^2) and its derivative r*rho'."""

    def function(pred, target, c):
        r, rho = (pred - target).ravel(), np.empty((3, pred.size))
        IMPLEMENTED_LOSSES[name]((r / c) ** 2, rho, False)
        return (c**2 / 2 * rho[0]).reshape(pred.shape), {"pred": (r * rho[1]).reshape(pred.shape)}

    return function


def kornia_loss(loss, name, function, **hyper):
    """Kornia fixes the constants, so that ours are set to match."""
    return Reference(loss, "kornia", f"kornia.losses.{name}",
                     lambda pred, target, **_: function(pred, target, reduction="mean"),
                     [Call(PAIR, hyper), Call({"pred": [0.0, 20.0], "target": [0.0, -7.0]}, hyper)], ["pred"])  # fmt: skip


def fair(pred, target, c=1.3998):
    """Value by integrating the influence r/(1 + |r|/c), which is the gradient."""
    influence = np.vectorize(lambda r: scipy.integrate.quad(lambda u: u / (1 + u / c), 0, abs(r), epsabs=1e-12)[0])
    r = pred - target
    return influence(r), {"pred": r / (1 + np.abs(r) / c)}


def charbonnier(pred, target, eps=0.001):
    """The length of the complex number r + i*eps."""
    return np.abs((pred - target) + 1j * eps), {"pred": np.cos(np.angle((pred - target) + 1j * eps))}


def trimmed(pred, target, keep=0.75):
    squares = np.sort((pred - target) ** 2)
    return np.mean(squares[: max(1, round(keep * len(squares)))]), {}


def density_power(mu, sigma, target, beta=0.2):
    """The integral of the density to the power 1 + beta, by quadrature, and its mean at the data (Basu et al. 1998)."""
    value = np.empty(target.shape)
    for i in np.ndindex(target.shape):
        density = scipy.stats.norm(mu[i], sigma[i])
        lo, hi = mu[i] - 12 * sigma[i], mu[i] + 12 * sigma[i]
        area = scipy.integrate.quad(lambda x, d=density: d.pdf(x) ** (1 + beta), lo, hi, epsabs=1e-13)[0]
        value[i] = area - (1 + 1 / beta) * density.pdf(target[i]) ** beta
    return value, {}


def density_power_torch(mu, sigma, target, beta=0.2):
    """The same, by the trapezoidal rule, whose error for a Gaussian falls faster than any power of the step."""
    density = torch.distributions.Normal(mu, sigma)
    places = mu + 30 * sigma * torch.linspace(-1, 1, 1001, dtype=torch.float64)[:, None, None]
    area = torch.trapezoid(density.log_prob(places).exp() ** (1 + beta), places, dim=0)
    return (area - (1 + 1 / beta) * density.log_prob(target).exp() ** beta).mean()


def general(pred, target, alpha=1.0, scale=1.0):
    """Equation 8 of Barron 2019, and the derivative, equation 9."""
    x, b = (pred - target) / scale, abs(alpha - 2)
    slope = (pred - target) / scale**2 * (x**2 / b + 1) ** (alpha / 2 - 1)
    return b / alpha * ((x**2 / b + 1) ** (alpha / 2) - 1), {"pred": slope}


def adaptive(pred, target, alpha_logit, log_scale):
    """Equation 16 of Barron 2019, its partition function by quadrature."""
    alpha, scale = 2 / (1 + np.exp(-alpha_logit)), np.exp(log_scale)
    rho = lambda x: general(x, 0.0, alpha)[0]  # noqa: E731
    area = 2 * scipy.integrate.quad(lambda t: np.exp(-rho(np.sinh(t))) * np.cosh(t), 0, 60, epsabs=1e-13, limit=500)[0]
    return rho((pred - target) / scale) + np.log(scale) + np.log(area), {}


def bessel(pred, target, alpha_logit, log_scale):
    """alpha = 1: the partition function is 2*e*K1(1) (Barron 2019, appendix)."""
    x = (pred - target) / np.exp(log_scale)
    return np.sqrt(x**2 + 1) - 1 + log_scale + np.log(2 * np.e * scipy.special.k1(1.0)), {}


def probabilities(logits, label):
    p = logits.softmax(1)
    return p, F.one_hot(label, logits.shape[1]).double()


def keras_gce(logits, label, q=0.7):
    return keras.losses.categorical_generalized_cross_entropy(label, logits.softmax(1), q).mean()


def label_mae(logits, label):
    p, one_hot = probabilities(logits, label)
    return (p - one_hot).abs().sum(1).mean()


def truncated(logits, label, q=0.7, k=0.5):
    p, one_hot = probabilities(logits, label)
    own = (p * one_hot).sum(1)
    return ((1 - own.clamp(min=k) ** q) / q).mean()


def symmetric(logits, label, alpha=0.1, beta=1.0, log_zero=-4.0):
    """The reverse term is a cross-entropy with the clipped label, as in the common code."""
    p, one_hot = probabilities(logits, label)
    reverse = -(p * torch.clamp(one_hot, min=np.exp(log_zero)).log()).sum(1).mean()
    return alpha * F.cross_entropy(logits, label) + beta * reverse


def soft_bootstrap(logits, label, beta=0.95):
    p, one_hot = probabilities(logits, label)
    return F.cross_entropy(logits, beta * one_hot + (1 - beta) * p)


def hard_bootstrap(logits, label, beta=0.8):
    _, one_hot = probabilities(logits, label)
    return F.cross_entropy(logits, beta * one_hot + (1 - beta) * probabilities(logits, logits.argmax(1))[1])


def normalized(logits, label):
    _, one_hot = probabilities(logits, label)
    log_p = F.log_softmax(logits, 1)
    return ((one_hot * log_p).sum(1) / log_p.sum(1)).mean()


def taylor(logits, label, order=2):
    p, one_hot = probabilities(logits, label)
    return sum((1 - (p * one_hot).sum(1)) ** k / k for k in range(1, int(order) + 1)).mean()


def huberised(logits, label, tau=10.0):
    p, one_hot = probabilities(logits, label)
    own = (p * one_hot).sum(1)
    return torch.where(own <= 1 / tau, -tau * own + np.log(tau) + 1, -own.log()).mean()


def jensen_shannon(logits, label, weight=0.5):
    """Entropy of the mixture less the mixture of entropies, over -(1 - weight)*log(1 - weight)."""
    p, one_hot = probabilities(logits, label)
    mixture = weight * one_hot + (1 - weight) * p
    value = torch.special.entr(mixture).sum(1) - (1 - weight) * torch.special.entr(p).sum(1)
    return (value / (-(1 - weight) * np.log(1 - weight))).mean()


def forward(logits, label, transition):
    return F.nll_loss((logits.softmax(1) @ transition).log(), label)


def backward(logits, label, inverse):
    return (inverse * -F.log_softmax(logits, 1)[:, None, :]).sum(2).gather(1, label[:, None]).mean()


def early(logits, label, memory, lam=3.0):
    p, _ = probabilities(logits, label)
    return F.cross_entropy(logits, label) + lam * (1 - (p * memory).sum(1)).log().mean()


def noisy(loss, authors, function, *hypers, name="the published formula on torch.nn.functional", more=()):
    given = [Call(LABELLED), *(Call(LABELLED, h) for h in hypers), *more]
    return Reference(loss, "torch", f"{name} ({authors})", function, given, ["logits"])


ROOT = 2.0**0.5
MEMORY = {**LABELLED, "memory": draw.dirichlet(np.ones(4), size=5)}
SPREAD = {"mu": PRED, "sigma": draw.uniform(0.5, 2.0, size=(3, 4)), "target": TARGET}
LEARNED = [Call({**PAIR, "alpha_logit": a, "log_scale": s}, reduction="none") for a, s in [(-1.0, 0.5), (1.5, -0.3)]]
record("robust", [
    Reference("cauchy", "scipy", 'scipy.optimize.least_squares(loss="cauchy")', least_squares("cauchy"),
              [Call(PAIR, {"c": 2.385}, "none"), Call(FAR, {"c": 0.5}, "none")], through="numpy"),
    kornia_loss("cauchy", "cauchy_loss", kornia.cauchy_loss, c=ROOT),
    kornia_loss("welsch", "welsch_loss", kornia.welsch_loss, c=ROOT),
    kornia_loss("geman_mcclure", "geman_mcclure_loss", kornia.geman_mcclure_loss, c=2.0),
    Reference("charbonnier", "numpy", "length of a complex number", charbonnier, calls(eps=0.5), through="numpy"),
    Reference("fair", "numpy", "integral of the influence function", fair, calls(c=0.5)[::2], through="numpy"),
    Reference("tukey_biweight", "statsmodels", "statsmodels.robust.norms.TukeyBiweight", norm(norms.TukeyBiweight),
              calls(c=2.0), through="numpy"),
    Reference("andrews", "statsmodels", "statsmodels.robust.norms.AndrewWave", norm(norms.AndrewWave), calls(a=0.5),
              through="numpy"),
    Reference("hampel", "statsmodels", "statsmodels.robust.norms.Hampel", norm(norms.Hampel), calls(a=0.5, b=1.0, c=3.0),
              through="numpy"),
    Reference("ramsay", "statsmodels", "statsmodels.robust.norms.RamsayE", norm(norms.RamsayE), calls(a=1.5),
              through="numpy"),
    Reference("arctan", "scipy", 'scipy.optimize.least_squares(loss="arctan")', least_squares("arctan"),
              [Call(PAIR, {"c": 1.0}, "none"), Call(FAR, {"c": 0.5}, "none")], through="numpy"),
    Reference("truncated_squared", "statsmodels", "statsmodels.robust.norms.TrimmedMean",
              norm(lambda c=2.795: norms.TrimmedMean(c)), calls(c=1.0), through="numpy"),
    Reference("least_trimmed_squares", "numpy", "mean of the first squares in order", trimmed,
              [Call({"pred": PRED.ravel(), "target": TARGET.ravel()}), Call(FAR, {"keep": 0.1}, smooth=False),
               Call({"pred": [1.0, -1.0, 1.0], "target": [0.0, 0.0, 0.0]}, {"keep": 0.5}, smooth=False)], ["pred"],
              through="numpy"),
    Reference("density_power", "scipy", "scipy.stats.norm, integrated by scipy.integrate.quad", density_power,
              [Call(SPREAD, reduction="none"), Call(SPREAD, {"beta": 1.0}, "none")], through="numpy"),
    Reference("density_power", "torch", "torch.distributions.Normal, integrated by torch.trapezoid", density_power_torch,
              [Call(SPREAD), Call(SPREAD, {"beta": 1.0})], ["mu", "sigma"]),
    kornia_loss("general_robust", "charbonnier_loss", kornia.charbonnier_loss, alpha=1.0),
    kornia_loss("general_robust", "cauchy_loss", kornia.cauchy_loss, alpha=0.0),
    kornia_loss("general_robust", "geman_mcclure_loss", kornia.geman_mcclure_loss, alpha=-2.0),
    kornia_loss("general_robust", "welsch_loss", kornia.welsch_loss, alpha=-np.inf),
    Reference("general_robust", "numpy", "formula of Barron 2019", general,
              [Call(PAIR, {"alpha": 1.5, "scale": 2.0}, "none"), Call(PAIR, {"alpha": -4.0}, "none")], through="numpy"),
    Reference("adaptive_robust", "scipy", "formula of Barron 2019, integrated by scipy.integrate.quad", adaptive, LEARNED,
              ["pred", "alpha_logit", "log_scale"], through="numpy"),
    Reference("adaptive_robust", "scipy", "scipy.special.k1, for alpha = 1", bessel,
              [Call({**PAIR, "alpha_logit": 0.0, "log_scale": 0.7}, reduction="none")], through="numpy"),
    noisy("label_mae", "Ghosh et al. 2017", label_mae, more=[Call(SURE)]),
    Reference("generalized_cross_entropy", "keras", "keras.losses.categorical_generalized_cross_entropy", keras_gce,
              [Call(LABELLED), Call(LABELLED, {"q": 0.3})], ["logits"]),
    noisy("truncated_cross_entropy", "Zhang and Sabuncu 2018", truncated, {"q": 0.4, "k": 0.2}),
    noisy("symmetric_cross_entropy", "Wang et al. 2019", symmetric, {"alpha": 1.0, "beta": 0.5, "log_zero": -6.0},
          more=[Call(SURE)]),
    noisy("soft_bootstrap", "Reed et al. 2015", soft_bootstrap, {"beta": 0.5}, name="torch.nn.functional.cross_entropy"),
    noisy("hard_bootstrap", "Reed et al. 2015", hard_bootstrap, {"beta": 0.5}, name="torch.nn.functional.cross_entropy",
          more=[Call(SURE)]),
    noisy("normalized_cross_entropy", "Ma et al. 2020", normalized, more=[Call(SURE)]),
    noisy("active_passive", "Ma et al. 2020",
          lambda logits, label, alpha=1.0, beta=1.0: alpha * normalized(logits, label) + beta * label_mae(logits, label),
          {"alpha": 0.5, "beta": 2.0}),
    noisy("taylor_cross_entropy", "Feng et al. 2020", taylor, {"order": 5}),
    noisy("partially_huberised_cross_entropy", "Menon et al. 2020", huberised, {"tau": 2.0}),
    noisy("jensen_shannon_labels", "Englesson and Azizpour 2021", jensen_shannon, {"weight": 0.1}, {"weight": 0.9}),
    Reference("forward_correction", "torch", "torch.nn.functional.nll_loss (Patrini et al. 2017)", forward,
              [Call({**LABELLED, "transition": TRANSITION})], ["logits"]),
    Reference("backward_correction", "torch", "torch.nn.functional.log_softmax (Patrini et al. 2017)", backward,
              [Call({**LABELLED, "inverse": np.linalg.inv(TRANSITION)})], ["logits"]),
    Reference("early_learning", "torch", "torch.nn.functional.cross_entropy, as in Liu et al. 2020", early,
              [Call(MEMORY), Call(MEMORY, {"lam": 1.0})], ["logits"]),
])  # fmt: skip
