"""References from packages that serve one field each, for several families."""

from __future__ import annotations

from types import SimpleNamespace

import cpu_torchvision  # noqa: F401  (before the libraries that import torchvision)
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F
from botorch.acquisition.risk_measures import CVaR
from choix.utils import log_likelihood_rankings
from lightly.loss.hypersphere_loss import HypersphereLoss
from recorder import Call, Reference, record
from submodules import bare
from torchsurv.metrics.brier_score import BrierScore
from transformers.models.glpn.modeling_glpn import SiLogLoss
from transformers.models.switch_transformers import modeling_switch_transformers as switch

bare("bmi", "bmi.estimators", "bmi.estimators.neural", "GCL", "GCL.losses")
bare("nnunetv2", "nnunetv2.training", "nnunetv2.training.loss", "pymoo", "pymoo.decomposition", "pythae")
bare("pythae.models", "pythae.models.beta_vae", "pythae.models.vq_vae", "recpack", "recpack.algorithms", "solo")
bare(
    "k_diffusion",
    "solo.losses",
    "torch_em",
    "torch_em.loss",
    "torch_uncertainty",
    "torch_uncertainty.losses",
    "torch_uncertainty.utils",
)

from audmetric.core.api import concordance_cc  # noqa: E402
from bmi.estimators.neural import _backend_quadratic_memory as bmi  # noqa: E402
from GCL.losses.jsd import JSD  # noqa: E402
from k_diffusion.layers import Denoiser  # noqa: E402
from nnunetv2.training.loss.robust_ce_loss import TopKLoss  # noqa: E402
from pymoo.decomposition.tchebicheff import Tchebicheff  # noqa: E402
from pythae.models.beta_vae.beta_vae_model import BetaVAE  # noqa: E402
from pythae.models.vq_vae.vq_vae_utils import Quantizer  # noqa: E402
from recpack.algorithms import loss_functions as recpack  # noqa: E402
from skglm.penalties import separable as skglm  # noqa: E402
from sktime.performance_metrics.forecasting import _functions as sktime  # noqa: E402
from solo.losses.ressl import ressl_loss_func  # noqa: E402
from torch_em.loss.contrastive import ContrastiveLoss  # noqa: E402
from torch_uncertainty.losses.classification import DECLoss  # noqa: E402
from torch_uncertainty.losses.regression import BetaNLL, DERLoss  # noqa: E402
from torch_uncertainty.utils.distributions import NormalInverseGamma  # noqa: E402

draw = np.random.default_rng(43)
PAIR = {"pred": draw.normal(size=7), "target": draw.normal(size=7)}
DEPTH = {
    "pred": draw.gamma(2.0, size=(3, 4)),
    "depth": draw.gamma(2.0, size=(3, 4)) * (draw.uniform(size=(3, 4)) > 0.2),
}
EVIDENCE = {"evidence": draw.gamma(1.0, size=(5, 3)), "label": [0, 2, 1, 1, 0]}
SPREAD = {"mu": draw.normal(size=6), "var": draw.gamma(2.0, size=6), "target": draw.normal(size=6)}
NIG = {"gamma": draw.normal(size=6), "nu": draw.gamma(2.0, size=6), "alpha": 1 + draw.gamma(2.0, size=6),
       "beta": draw.gamma(2.0, size=6), "target": draw.normal(size=6)}  # fmt: skip
X, Y, QUEUE, SQUARE = (draw.normal(size=size) for size in [(6, 4), (6, 4), (5, 4), (5, 5)])
SAMPLED = {"positive": draw.normal(size=5), "negative": draw.normal(size=(5, 3))}
WORDS = {"word": X, "context": Y, "noise": draw.normal(size=(6, 3, 4))}
WEIGHTS = np.array([0.05, -0.2, 0.4, -0.29, 0.31, -0.6, 0.012, 0.9])
ROUTED = {"logits": 2 * draw.normal(size=(7, 3))}
TERMS = {"term": draw.uniform(1, 3, size=4), "weight": draw.uniform(size=4), "ideal": draw.uniform(size=4)}
EACH = np.array([0.3, -1.2, 2.5, 0.9, 1.7, -0.4, 0.1, 3.3, 1.1, -2.0])
PIXELS = {"logits": 2 * draw.normal(size=(20, 3)), "label": draw.integers(3, size=20)}
EMBEDDED = {"embedding": draw.normal(size=(9, 2)), "instance": [0, 1, 2, 0, 1, 2, 0, 1, 1]}
LIVES = {"survival": draw.uniform(0.1, 0.9, size=6), "time": [0.5, 1.0, 1.5, 2.0, 3.0, 4.0], "event": [1, 0, 1, 1, 0, 1],
         "g_time": draw.uniform(0.5, 1.0, size=6), "g_horizon": np.full(6, 0.7)}  # fmt: skip
CODED = {"logits": draw.normal(size=(3, 5)), "mu": draw.normal(size=(3, 2)), "logvar": draw.normal(size=(3, 2)),
         "x": draw.uniform(size=(3, 5))}  # fmt: skip
QUANTISED = {"z": draw.normal(size=(6, 2)), "codebook": draw.normal(size=(4, 2))}
NOISY = {"denoised": draw.normal(size=(3, 4)), "x": draw.normal(size=(3, 4)), "sigma": draw.gamma(2.0, size=3)}


def bare_numpy(function):
    """A function of NumPy without gradients."""
    return lambda *arguments, **hyper: (function(*arguments, **hyper), {})


def linex(pred, target, a=1.0, b=1.0):
    """The library's error is target - pred."""
    return sktime._linex_error(target, pred, a=-a, b=b)


def asymmetric_squared(pred, target, over=1.0, under=2.0):
    """What the library calls left is a target below the prediction."""
    functions = {"left_error_function": "squared", "right_error_function": "squared"}
    penalties = {"left_error_penalty": over, "right_error_penalty": under}
    return sktime._asymmetric_error(target, pred, **functions, **penalties)


def scale_invariant_log(pred, depth, lam=0.5):
    return torch.stack([SiLogLoss(lam)(p, y) ** 2 for p, y in zip(pred, depth, strict=True)]).mean()


def evidential(kind):
    return lambda evidence, label, anneal=0.0: DECLoss(reg_weight=anneal, loss_type=kind)(evidence, label)


def deep_evidential(gamma, nu, alpha, beta, target, lam=0.01):
    made = NormalInverseGamma(*(v[:, None] for v in (gamma, nu, alpha, beta)))
    return DERLoss(reg_weight=lam)(made, target[:, None])


def ressl(student, teacher, queue, student_temp=0.1, teacher_temp=0.04):
    student, teacher, queue = (F.normalize(x, dim=1) for x in (student, teacher, queue))
    return ressl_loss_func(student, teacher, queue, student_temp, teacher_temp)


def information(bound):
    """Minus a bound of the mutual information, whose critic reads the matrix of scores."""

    def function(score):
        places = jnp.arange(len(score))
        return -bound(lambda i, j: jnp.asarray(score)[i, j], places, places)

    return function


def infomax(score):
    """The library leaves out log(2) twice, which makes the bound 0 for a critic that is 0."""
    own = torch.eye(len(score), dtype=score.dtype)
    return JSD(lambda a, b: score).compute(None, None, own, 1 - own) + 2 * np.log(2)


def sampled(function):
    return lambda positive, negative, **hyper: function(positive[:, None], negative, **hyper)


def negative_sampling(word, context, noise):
    true, false = (word * context).sum(1), (word[:, None] * noise).sum(2)
    return recpack.skipgram_negative_sampling_loss(true, false)


def plackett_luce(reward):
    """The order of preference is that of the columns."""
    return np.mean([-log_likelihood_rankings([tuple(range(len(row)))], row) for row in reward])


def load_balancing(logits):
    return switch.load_balancing_loss_func(logits.softmax(1)[None], logits.argmax(1)[None])


def tchebycheff(term, weight, ideal):
    return Tchebicheff().do(term[None], weight[None], utopian_point=ideal).item()


def tail_mean(each, threshold, alpha):
    """The mean of the worst, the same at any threshold between them and the rest.

    The library takes rewards, and counts the quantile itself among the worst, which is one more.
    """
    return -CVaR(alpha + 1 / len(each), len(each))(-each[:, None]).squeeze()


def topk(logits, label, share=0.1):
    return TopKLoss(k=100 * share)(logits.t()[None], label[None, None])


def discriminative(embedding, instance, delta_var=0.5, delta_dist=1.5, gamma=0.001):
    loss = ContrastiveLoss(delta_var, delta_dist, norm=2, gamma=gamma, impl="expand")
    return loss(embedding.t()[None, :, :, None], instance[None, None, :, None]).squeeze()


def ipcw_brier(survival, time, event, g_time, g_horizon, horizon):
    weights = {"weight": 1 / g_time, "weight_new_time": 1 / g_horizon[:1]}
    new_time = torch.tensor([horizon], dtype=torch.float64)
    return BrierScore()(survival[:, None], event.bool(), time, new_time, **weights).squeeze()


def variational(logits, mu, logvar, x, beta=1.0):
    model = SimpleNamespace(model_config=SimpleNamespace(reconstruction_loss="bce"), beta=beta)
    return BetaVAE.loss_function(model, logits.sigmoid(), x, mu, logvar, None)[0]


def vector_quantisation(z, codebook, commitment=0.25):
    weights = {"commitment_loss_factor": commitment, "quantization_loss_factor": 1.0}
    quantiser = Quantizer(SimpleNamespace(embedding_dim=z.shape[1], num_embeddings=len(codebook), **weights))
    del quantiser.embeddings  # a module, in whose place stands what has the graph of `codebook`
    quantiser.embeddings = SimpleNamespace(weight=codebook.to(torch.float32))
    return quantiser(z.to(torch.float32)[None, None]).loss


def edm(denoised, x, sigma, sigma_data=0.5):
    """Without noise, and with a network that makes of its input what the preconditioning turns into `denoised`."""
    model = Denoiser(None, sigma_data)
    c_skip, c_out, _ = (c[:, None] for c in model.get_scalings(sigma))
    model.inner_model = lambda scaled, sigma: (denoised - c_skip * x) / c_out
    return model.loss(x, torch.zeros_like(x), sigma).mean()


record("specialists", {
    "regression": [
        Reference("linex", "sktime", "sktime _linex_error(a=-a)", bare_numpy(linex),
                  [Call(PAIR, {"a": 1.5, "b": 0.5}, "none"), Call(PAIR, {"a": -0.7}, "none")], ["pred"], "numpy"),
        Reference("asymmetric_squared", "sktime", "sktime _asymmetric_error, squared on both sides",
                  bare_numpy(asymmetric_squared), [Call(PAIR, {"over": 0.5, "under": 3.0}, "none")], ["pred"], "numpy"),
        Reference("scale_invariant_log", "transformers", "transformers.models.glpn SiLogLoss of each image, squared",
                  scale_invariant_log, [Call(DEPTH), Call(DEPTH, {"lam": 0.9})], ["pred"]),
        Reference("beta_nll", "torch_uncertainty", "torch_uncertainty.losses.BetaNLL",
                  lambda mu, var, target, beta=0.5: BetaNLL(beta)(mu, target, var), [Call(SPREAD), Call(SPREAD, {"beta": 0.9})],
                  ["mu", "var"]),
        Reference("evidential_regression", "torch_uncertainty", "torch_uncertainty.losses.DERLoss", deep_evidential,
                  [Call(NIG), Call(NIG, {"lam": 0.5})], ["gamma", "nu", "alpha", "beta"]),
    ],
    "classification": [
        Reference("evidential", "torch_uncertainty", "torch_uncertainty.losses.DECLoss('mse')", evidential("mse"),
                  [Call(EVIDENCE, {"anneal": 1.0}), Call(EVIDENCE, {"anneal": 0.3})], ["evidence"]),
        Reference("evidential_log", "torch_uncertainty", "torch_uncertainty.losses.DECLoss('log')", evidential("log"),
                  [Call(EVIDENCE)], ["evidence"]),
        Reference("evidential_digamma", "torch_uncertainty", "torch_uncertainty.losses.DECLoss('digamma')",
                  evidential("digamma"), [Call(EVIDENCE)], ["evidence"]),
        Reference("negative_sampling", "recpack", "recpack skipgram_negative_sampling_loss", negative_sampling,
                  [Call(WORDS)], ["word", "context", "noise"]),
    ],
    "self_supervision": [
        Reference("ressl", "solo-learn", "solo.losses.ressl.ressl_loss_func of unit vectors", ressl,
                  [Call({"student": X, "teacher": Y, "queue": QUEUE})], ["student"]),
        Reference("uniformity", "lightly", "lightly.loss.HypersphereLoss of twice the same view",
                  lambda z, t=2.0: HypersphereLoss(t=t)(z, z), [Call({"z": X}), Call({"z": X}, {"t": 0.5})], ["z"]),
        Reference("mine", "benchmark-mi", "bmi donsker_varadhan, negated", information(bmi.donsker_varadhan),
                  [Call({"score": SQUARE})], ["score"], "jax"),
        Reference("nwj", "benchmark-mi", "bmi nwj, negated", information(bmi.nwj), [Call({"score": SQUARE})], ["score"], "jax"),
        Reference("deep_infomax", "PyGCL", "GCL.losses.JSD + 2*log(2)", infomax, [Call({"score": SQUARE})], ["score"]),
    ],
    "ranking": [
        Reference("bpr_max", "recpack", "recpack bpr_max_loss", sampled(recpack.bpr_max_loss),
                  [Call(SAMPLED), Call(SAMPLED, {"reg": 0.2})], ["positive", "negative"]),
        Reference("top1", "recpack", "recpack top1_loss", sampled(recpack.top1_loss), [Call(SAMPLED)], ["positive", "negative"]),
    ],
    "preferences": [
        Reference("plackett_luce", "choix", "choix.log_likelihood_rankings, negated", bare_numpy(plackett_luce),
                  [Call({"reward": SAMPLED["negative"]}), Call({"reward": SQUARE})], ["reward"], "numpy"),
    ],
    "regularisers": [
        Reference("minimax_concave", "skglm", "skglm.penalties.MCPenalty",
                  bare_numpy(lambda w, strength, gamma: skglm.MCPenalty(strength, gamma).value(w)),
                  [Call({"w": WEIGHTS}, {"strength": 0.1, "gamma": 3.0}), Call({"w": WEIGHTS}, {"strength": 0.3, "gamma": 1.5})],
                  ["w"], "numpy"),
        Reference("log_sum", "skglm", "skglm.penalties.LogSumPenalty",
                  bare_numpy(lambda w, strength=0.01, eps=0.1: skglm.LogSumPenalty(strength, eps).value(w)),
                  [Call({"w": WEIGHTS}), Call({"w": WEIGHTS}, {"strength": 1.0, "eps": 0.5})], ["w"], "numpy"),
        Reference("bridge", "skglm", "skglm.penalties.L0_5",
                  bare_numpy(lambda w, q, strength: skglm.L0_5(strength).value(w)),
                  [Call({"w": WEIGHTS}, {"q": 0.5, "strength": 0.3})], ["w"], "numpy"),
        Reference("bridge", "skglm", "skglm.penalties.L2_3",
                  bare_numpy(lambda w, q, strength: skglm.L2_3(strength).value(w)),
                  [Call({"w": WEIGHTS}, {"q": 2 / 3, "strength": 0.3})], ["w"], "numpy"),
        Reference("switch_load_balancing", "transformers", "transformers.models.switch_transformers load_balancing_loss_func",
                  load_balancing, [Call(ROUTED)], ["logits"], tolerance=1e-6, note="the library counts the load in float32"),
        Reference("router_z", "transformers", "transformers.models.switch_transformers router_z_loss_func",
                  lambda logits: switch.router_z_loss_func(logits[None]), [Call(ROUTED)], ["logits"]),
    ],
    "combination": [
        Reference("tchebycheff", "pymoo", "pymoo.decomposition.tchebicheff", bare_numpy(tchebycheff), [Call(TERMS)],
                  ["term"], "numpy"),
        Reference("conditional_value_at_risk", "botorch", "botorch.acquisition.risk_measures.CVaR, of rewards", tail_mean,
                  [Call({"each": EACH, "threshold": 2.0}, {"alpha": 0.8}), Call({"each": EACH, "threshold": 1.4}, {"alpha": 0.7})],
                  ["each"]),
    ],
    "segmentation": [
        Reference("topk_cross_entropy", "nnunetv2", "nnunetv2 TopKLoss(k=100*share)", topk,
                  [Call(PIXELS), Call(PIXELS, {"share": 0.5})], ["logits"]),
        Reference("discriminative", "torch_em", "torch_em.loss.ContrastiveLoss", discriminative,
                  [Call(EMBEDDED), Call(EMBEDDED, {"delta_var": 0.1, "delta_dist": 0.5, "gamma": 0.1})], ["embedding"]),
    ],
    "survival": [
        Reference("ipcw_brier", "torchsurv", "torchsurv.metrics.brier_score.BrierScore", ipcw_brier,
                  [Call(LIVES, {"horizon": 2.0}), Call(LIVES, {"horizon": 1.2})], ["survival"]),
    ],
    "structure": [
        Reference("silog", "transformers", "transformers.models.glpn SiLogLoss, squared",
                  lambda pred, depth, lam=0.5: SiLogLoss(lam)(pred, depth) ** 2, [Call(DEPTH), Call(DEPTH, {"lam": 0.85})], ["pred"]),
        Reference("concordance", "audmetric", "1 - audmetric.concordance_cc",
                  bare_numpy(lambda pred, target: 1 - concordance_cc(target, pred)), [Call(PAIR)], ["pred"], "numpy"),
    ],
    "generative": [
        Reference("elbo_bernoulli", "pythae", "pythae BetaVAE.loss_function, beta 1", variational, [Call(CODED)],
                  ["logits", "mu", "logvar"]),
        Reference("beta_vae", "pythae", "pythae BetaVAE.loss_function", lambda *a, beta=4.0: variational(*a, beta=beta),
                  [Call(CODED), Call(CODED, {"beta": 0.5})], ["logits", "mu", "logvar"]),
        Reference("vq", "pythae", "pythae Quantizer", vector_quantisation, [Call(QUANTISED), Call(QUANTISED, {"commitment": 2.0})],
                  ["z", "codebook"], tolerance=1e-6, note="the library selects codes by a matrix of float32"),
        Reference("edm", "k-diffusion", "k_diffusion.layers.Denoiser.loss", edm, [Call(NOISY), Call(NOISY, {"sigma_data": 1.0})],
                  ["denoised"]),
    ],
})  # fmt: skip
