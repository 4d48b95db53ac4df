"""References for the family `survival`."""

from __future__ import annotations

import warnings

import cpu_torchvision  # noqa: F401
import numpy as np
import scipy.stats
import torch
import torch.distributions as D
from pycox.models import loss as pycox
from pycox.models.data import pair_rank_mat
from recorder import Call, Reference, record
from torchsurv.loss import cox, weibull

warnings.simplefilter("ignore")

draw = np.random.default_rng(3)
N, T = 9, 5
RISK, EVENT = draw.normal(size=N), np.array([1, 0, 1, 1, 0, 1, 1, 0, 1])
TIME, ROUNDED = (
    draw.uniform(0.2, 5.0, size=N),
    np.array([1, 2, 2, 3, 3, 3, 3, 5, 5], float),
)
PHI, INTERVAL = draw.normal(size=(N, T)), np.array([0, 1, 1, 2, 3, 4, 4, 2, 0])
COX = [Call({"risk": RISK, "time": TIME, "event": EVENT}), Call({"risk": RISK, "time": ROUNDED, "event": EVENT}),
       Call({"risk": [50.0, -50.0, 0.0], "time": [1.0, 2.0, 2.0], "event": [1, 1, 1]})]  # fmt: skip
# Without tied events, torchsurv leaves who is censored at the time of an event out of its risk set: no such ties here.
STRATA = {
    "risk": RISK,
    "time": [1.0, 2.5, 2.0, 3.0, 3.0, 3.0, 3.0, 5.0, 6.0],
    "event": EVENT,
    "stratum": [0, 0, 0, 1, 1, 1, 1, 0, 0],
}
BINS = {"phi": PHI, "interval": INTERVAL, "event": EVENT}
# pycox also ranks an event before a censoring in the same interval, which the paper does not: there are none here.
PAIRED = BINS | {"interval": np.array([0, 1, 2, 2, 3, 4, 4, 1, 0])}
CURVES = [Call(BINS), Call({"phi": [[50.0, -50.0], [-8.0, 3.0]], "interval": [0, 1], "event": [1, 0]}),
          Call({"phi": [[0.3]], "interval": [0], "event": [0]})]  # fmt: skip


def partial(ties):
    """The sum over the number of events: the mean of torchsurv is over distinct times, or strata."""

    def function(risk, time, event, stratum=None):
        total = cox.neg_partial_log_likelihood(
            risk, event.bool(), time, ties_method=ties, reduction="sum", strata=stratum
        )
        return total / event.sum()

    return function


def steck(risk, time, event):
    """Equation 11 of the paper: 1 minus the mean of 1 + log(sigmoid)/log(2) over comparable pairs."""
    pairs = [(i, j) for i in range(len(time)) for j in range(len(time)) if event[i] and time[i] < time[j]]
    bound = [1 + np.log(1 / (1 + np.exp(-(risk[i] - risk[j])))) / np.log(2) for i, j in pairs]
    return 1 - np.mean(bound), {}


def case_control(risk_case, risk_control):
    return pycox.cox_cc_loss(risk_case, list(risk_control.T))


def ranking(phi, interval, event, sigma=0.1):
    pairs = torch.tensor(pair_rank_mat(interval.numpy(), event.numpy(), dtype="float64"))
    pmf = torch.cat([phi, torch.zeros_like(phi[:, :1])], 1).softmax(1)
    one_hot = torch.nn.functional.one_hot(interval, pmf.shape[1]).double()
    difference = (pmf.cumsum(1) @ one_hot.T).T
    return (pairs * torch.exp(-(difference.diag()[:, None] - difference) / sigma)).mean()


def deephit(phi, interval, event, alpha=0.2, sigma=0.1):
    nll = pycox.nll_pmf(phi, interval, event.double(), epsilon=0.0)
    return alpha * nll + (1 - alpha) * ranking(phi, interval, event, sigma)


def by_hand(distribution):
    """Density for events, survival for the rest, by SciPy."""

    def function(mu, sigma, time, event):
        made = distribution(mu, sigma)
        return np.where(event == 1, -made.logpdf(time), -made.logsf(time)), {}

    return function


def log_normal(mu, sigma, time, event):
    made = D.LogNormal(mu, sigma)
    return torch.where(event == 1, -made.log_prob(time), -torch.log(1 - made.cdf(time))).mean()


def exponential(log_rate, time, event):
    made = D.Exponential(log_rate.exp())
    return torch.where(event == 1, -made.log_prob(time), -torch.log(1 - made.cdf(time))).mean()


def gompertz(log_rate, growth, time, event):
    """SciPy's shape is the rate over the growth, its scale one over the growth."""
    made = scipy.stats.gompertz(np.exp(log_rate) / growth, scale=1 / growth)
    return np.where(event == 1, -made.logpdf(time), -made.logsf(time)), {}


def weighted_quantile(pred, time, event, weight, level=0.5):
    """Equation 1.7 of Koenker and Bassett 1978: level times what lies above, 1 - level times what lies below."""
    above, below = (
        np.maximum(np.log(time) - pred, 0),
        np.maximum(pred - np.log(time), 0),
    )
    slope = np.where(np.log(time) > pred, -level, 1 - level)
    return event * weight * (level * above + (1 - level) * below), {"pred": event * weight * slope}


def powell(pred, time, limit, level=0.5):
    """The objective of Powell 1986 with censoring from above."""
    y, fit = np.log(time), np.minimum(pred, np.log(limit))
    return (level - (y < fit)) * (y - fit), {}


def graf(survival, time, event, g_time, g_horizon, horizon=1.0):
    """Equation 6 of Graf et al. 1999."""
    first = (0 - survival) ** 2 * ((time <= horizon) & (event == 1)) / g_time
    return first + (1 - survival) ** 2 * (time > horizon) / g_horizon, {}


SCALE = draw.uniform(0.3, 2.0, size=N)
LIMIT = np.add(TIME, [0, 1, 0, 2, 0, 1, 0, 2, 0])
AFT = {"mu": RISK, "sigma": SCALE, "time": TIME, "event": EVENT}
LIFE = [Call(AFT, reduction="none"), Call({"mu": [0.0, 2.0], "sigma": [0.5, 3.0], "time": [4.0, 1e-3], "event": [0, 1]},
                                          reduction="none")]  # fmt: skip
RATE = {"log_rate": RISK, "time": TIME, "event": EVENT}
GRAF = {"survival": draw.uniform(0.1, 0.9, size=N), "time": TIME, "event": EVENT, "g_time": draw.uniform(0.5, 1.0, size=N),
        "g_horizon": draw.uniform(0.5, 1.0, size=N)}  # fmt: skip

record("survival", [
    Reference("cox_breslow", "torchsurv", 'torchsurv.loss.cox.neg_partial_log_likelihood(ties_method="breslow", reduction="sum")',
              partial("breslow"), COX, ["risk"]),
    Reference("cox_breslow", "pycox", "pycox.models.loss.cox_ph_loss_sorted(eps=0)",
              lambda risk, time, event: pycox.cox_ph_loss_sorted(risk[time.argsort(descending=True)],
                                                                 event[time.argsort(descending=True)].double(), eps=0.0),
              COX[:1], ["risk"]),
    Reference("cox_efron", "torchsurv", 'torchsurv.loss.cox.neg_partial_log_likelihood(ties_method="efron", reduction="sum")',
              partial("efron"), COX[:2], ["risk"]),
    Reference("cox_stratified", "torchsurv", 'torchsurv.loss.cox.neg_partial_log_likelihood(reduction="sum", strata=...)',
              partial("breslow"), [Call(STRATA)], ["risk"]),
    Reference("cox_case_control", "pycox", "pycox.models.loss.cox_cc_loss", case_control,
              [Call({"risk_case": RISK[:4], "risk_control": PHI[:4]}), Call({"risk_case": [50.0], "risk_control": [[-50.0]]})],
              ["risk_case", "risk_control"]),
    Reference("survival_ranking", "numpy", "formula of Steck et al. 2007", steck, COX[:2], ["risk"], through="numpy"),
    Reference("logistic_hazard", "pycox", "pycox.models.loss.nll_logistic_hazard",
              lambda phi, interval, event: pycox.nll_logistic_hazard(phi, interval, event.double()), CURVES, ["phi"]),
    Reference("survival_pmf", "pycox", "pycox.models.loss.nll_pmf(epsilon=0)",
              lambda phi, interval, event: pycox.nll_pmf(phi, interval, event.double(), epsilon=0.0), CURVES[:1] + CURVES[2:], ["phi"]),
    Reference("mtlr", "pycox", "pycox.models.loss.nll_mtlr(epsilon=0)",
              lambda phi, interval, event: pycox.nll_mtlr(phi, interval, event.double(), epsilon=0.0), CURVES[:1] + CURVES[2:], ["phi"]),
    Reference("deephit_ranking", "torch", "the pairs of pycox.models.data.pair_rank_mat, cumulated as in DeepHit", ranking,
              [Call(PAIRED), Call(PAIRED, {"sigma": 0.5})], ["phi"]),
    Reference("deephit", "pycox", "pycox.models.loss.nll_pmf(epsilon=0), and the ranking as in DeepHit", deephit,
              [Call(PAIRED), Call(PAIRED, {"alpha": 0.7, "sigma": 0.5})], ["phi"]),
    Reference("pc_hazard", "pycox", "pycox.models.loss.nll_pc_hazard_loss",
              lambda phi, interval, event, fraction: pycox.nll_pc_hazard_loss(phi, interval, event.double(), fraction),
              [Call({**BINS, "fraction": draw.uniform(size=N)}),
               Call({"phi": [[2.0]], "interval": [0], "event": [1], "fraction": [1.0]})], ["phi"]),
    Reference("binary_survival", "pycox", "pycox.models.loss.bce_surv_loss",
              lambda phi, interval, event: pycox.bce_surv_loss(phi, interval, event.double()), CURVES, ["phi"]),
    Reference("exponential_survival", "torch", "torch.distributions.Exponential", exponential, [Call(RATE)], ["log_rate"]),
    Reference("weibull_aft", "scipy", "scipy.stats.weibull_min",
              by_hand(lambda mu, sigma: scipy.stats.weibull_min(1 / sigma, scale=np.exp(mu))), LIFE, through="numpy"),
    Reference("weibull_aft", "torchsurv", "torchsurv.loss.weibull.neg_log_likelihood_weibull",
              lambda mu, sigma, time, event:
              weibull.neg_log_likelihood_weibull(torch.stack([mu, -sigma.log()], 1), event.bool(), time),
              [Call(AFT)], ["mu", "sigma"]),
    Reference("log_normal_aft", "torch", "torch.distributions.LogNormal", log_normal, [Call(AFT)], ["mu", "sigma"]),
    Reference("log_normal_aft", "scipy", "scipy.stats.lognorm",
              by_hand(lambda mu, sigma: scipy.stats.lognorm(sigma, scale=np.exp(mu))), LIFE, through="numpy"),
    Reference("log_logistic_aft", "scipy", "scipy.stats.fisk",
              by_hand(lambda mu, sigma: scipy.stats.fisk(1 / sigma, scale=np.exp(mu))), LIFE, ["mu", "sigma"],
              through="numpy"),
    Reference("gompertz", "scipy", "scipy.stats.gompertz", gompertz,
              [Call({"log_rate": RISK, "growth": SCALE, "time": TIME, "event": EVENT}, reduction="none")],
              ["log_rate", "growth"], through="numpy"),
    Reference("aft_quantile", "numpy", "formula of Koenker and Bassett 1978", weighted_quantile,
              [Call({"pred": RISK, "time": TIME, "event": EVENT, "weight": SCALE}, {"level": 0.3}, "none")], through="numpy"),
    Reference("censored_quantile", "numpy", "formula of Powell 1986", powell,
              [Call({"pred": RISK, "time": TIME, "limit": LIMIT}, {"level": 0.7}, "none")],
              ["pred"], through="numpy"),
    Reference("ipcw_brier", "numpy", "formula of Graf et al. 1999", graf,
              [Call(GRAF, {"horizon": 2.0}, "none"), Call(GRAF, {"horizon": 0.1}, "none")], ["survival"],
              through="numpy"),
])  # fmt: skip
