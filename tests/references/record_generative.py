"""References for the family `generative`."""

from __future__ import annotations

from types import SimpleNamespace

import cpu_torchvision  # noqa: F401  (before the libraries that import torchvision)
import numpy as np
import torch
import torch.nn.functional as F
from diffusers.training_utils import compute_snr
from recorder import Call, Reference, record
from torch import distributions as dist
from torchcfm.conditional_flow_matching import ConditionalFlowMatcher
from torchgan.losses import functional as gan

draw = np.random.default_rng(15)


def hinge(real, fake):
    """torch's hinge embedding loss is x for the label 1 and the hinge for -1."""
    return F.multi_margin_loss(
        torch.stack([real, torch.zeros_like(real)], 1), torch.zeros(len(real), dtype=torch.long)
    ) * 2 + 2 * F.multi_margin_loss(
        torch.stack([torch.zeros_like(fake), fake], 1), torch.zeros(len(fake), dtype=torch.long)
    )


def gradient_penalty(grad, weight=10.0, target=1.0):
    return weight * F.mse_loss(
        torch.linalg.vector_norm(grad, dim=1), torch.full((len(grad),), target, dtype=grad.dtype)
    )


def r1(grad, gamma=10.0):
    return gamma / 2 * torch.einsum("nd,nd->n", grad, grad).mean()


def relativistic(real, fake):
    return F.soft_margin_loss(real - fake, torch.ones_like(real))


def relativistic_average(real, fake):
    return gan.minimax_discriminator_loss(real - fake.mean(), fake - real.mean())


def feature_matching(fake, real):
    return F.mse_loss(fake.mean(0), real.mean(0), reduction="sum")


def kl(mu, logvar):
    return dist.kl_divergence(dist.Normal(mu, (logvar / 2).exp()), dist.Normal(0.0, 1.0))


def free_bits(mu, logvar, bits=0.25):
    return kl(mu, logvar).mean(0).clamp(min=bits).sum()


def bernoulli(logits, mu, logvar, x, beta=1.0):
    fit = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    return (fit + beta * kl(mu, logvar).sum(1)).mean()


def beta_vae(logits, mu, logvar, x, beta=4.0):
    return bernoulli(logits, mu, logvar, x, beta)


def gaussian(recon, mu, logvar, x, sigma=1.0):
    return (-dist.Normal(recon, sigma).log_prob(x).sum(1) + kl(mu, logvar).sum(1)).mean()


def iwae(log_weight):
    return -log_weight.exp().mean(1).log().mean()


def vq(z, codebook, commitment=0.25):
    nearest = torch.cdist(z, codebook).argmin(1)
    code = F.embedding(nearest, codebook)
    return F.mse_loss(code, z.detach()) + commitment * F.mse_loss(z, code.detach())


def score_matching(score, x, noisy, sigma):
    """With the score of the Gaussian kernel by autograd of torch.distributions."""
    at = noisy.detach().clone().requires_grad_()
    density = dist.Normal(x, sigma[:, None]).log_prob(at).sum()
    (kernel,) = torch.autograd.grad(density, at)
    return (sigma**2 * (score - kernel).square().sum(1) / 2).mean()


def v_prediction(pred, x, noise, alpha, sigma):
    """Through diffusers' DDPM scheduler, whose cumulated alphas are alpha^2."""
    from diffusers import DDPMScheduler

    scheduler = DDPMScheduler(num_train_timesteps=len(x))
    scheduler.alphas_cumprod = alpha**2
    return F.mse_loss(pred, scheduler.get_velocity(x, noise, torch.arange(len(x))))


def min_snr(pred, noise, snr, gamma=5.0):
    """As the training scripts of diffusers weigh the loss, from their compute_snr."""
    schedule = SimpleNamespace(alphas_cumprod=snr / (1 + snr))
    found = compute_snr(schedule, torch.arange(len(snr)))
    weight = torch.stack([found, gamma * torch.ones_like(found)], 1).min(1)[0] / found
    return (F.mse_loss(pred, noise, reduction="none").mean(1) * weight).mean()


def p2(pred, noise, snr, gamma=1.0, k=1.0):
    return (F.mse_loss(pred, noise, reduction="none").mean(1) * torch.pow(k + snr, -gamma)).mean()


def edm(denoised, x, sigma, sigma_data=0.5):
    weight = 1 / sigma_data**2 + 1 / sigma**2
    return (weight[:, None] * (denoised - x) ** 2).mean()


def rectified_flow(velocity, x, noise):
    return F.mse_loss(velocity, ConditionalFlowMatcher(sigma=0.0).compute_conditional_flow(noise, x, None, None))


def consistency(online, target, c=0.00054):
    gap = torch.linalg.vector_norm(online - target, dim=1)
    return (torch.hypot(gap, torch.tensor(c, dtype=gap.dtype)) - c).mean()


def flow_nll(z, log_det):
    base = dist.MultivariateNormal(torch.zeros(z.shape[1], dtype=z.dtype), torch.eye(z.shape[1], dtype=z.dtype))
    return -(base.log_prob(z) + log_det).mean()


REAL, FAKE = draw.normal(size=5), draw.normal(size=5)
BOTH = {"real": REAL, "fake": FAKE}
SURE = {"real": [50.0, -50.0], "fake": [-50.0, 50.0]}
GENERATED = [Call({"fake": FAKE}), Call({"fake": [-50.0, 50.0]}), Call({"fake": [0.0]})]
SCORES = [Call(BOTH), Call(SURE)]
GRAD = {"grad": draw.normal(size=(4, 3))}
POSTERIOR = {"mu": draw.normal(size=(3, 2)), "logvar": draw.normal(size=(3, 2))}
PRIOR = {"mu": np.zeros((1, 2)), "logvar": np.zeros((1, 2))}
PIXELS = {"logits": draw.normal(size=(3, 4)), **POSTERIOR, "x": draw.uniform(size=(3, 4))}
CONTINUOUS = {"recon": draw.normal(size=(3, 4)), **POSTERIOR, "x": draw.normal(size=(3, 4))}
CODES = {"z": draw.normal(size=(4, 2)), "codebook": draw.normal(size=(3, 2))}
NOISE = {"pred": draw.normal(size=(3, 4)), "noise": draw.normal(size=(3, 4))}
SNR = {**NOISE, "snr": [0.1, 5.0, 40.0]}
ALPHA = np.array([0.9, 0.6, 0.1])
VELOCITY = {"pred": NOISE["pred"], "x": draw.normal(size=(3, 4)), "noise": NOISE["noise"],
            "alpha": ALPHA, "sigma": np.sqrt(1 - ALPHA**2)}  # fmt: skip
NOISY = {"score": NOISE["pred"], "x": VELOCITY["x"], "noisy": draw.normal(size=(3, 4)), "sigma": [0.1, 1.0, 3.0]}
DENOISED = {"denoised": NOISE["pred"], "x": VELOCITY["x"], "sigma": [0.1, 1.0, 30.0]}
FLOW = {"velocity": NOISE["pred"], "x": VELOCITY["x"], "noise": NOISE["noise"]}
STEPS = {"online": NOISE["pred"], "target": NOISE["noise"]}


def torchgan(loss, name, function, calls, wrt):
    return Reference(loss, "torchgan", f"torchgan.losses.functional.{name}", function, calls, wrt)


def torch_reference(loss, name, function, calls, wrt, **options):
    return Reference(loss, "torch", name, function, calls, wrt, **options)


record("generative", [
    torchgan("gan_discriminator", "minimax_discriminator_loss", gan.minimax_discriminator_loss, SCORES, ["real", "fake"]),
    torchgan("gan_nonsaturating", "minimax_generator_loss", gan.minimax_generator_loss, GENERATED, ["fake"]),
    torchgan("gan_saturating", "minimax_generator_loss(nonsaturating=False)",
             lambda fake: gan.minimax_generator_loss(fake, nonsaturating=False), GENERATED, ["fake"]),
    torchgan("lsgan_discriminator", "least_squares_discriminator_loss", gan.least_squares_discriminator_loss,
             [*SCORES, Call(BOTH, {"a": -1.0, "b": 0.5})], ["real", "fake"]),
    torchgan("lsgan_generator", "least_squares_generator_loss", gan.least_squares_generator_loss,
             [*GENERATED, Call({"fake": FAKE}, {"c": 0.0})], ["fake"]),
    torch_reference("gan_hinge_discriminator", "torch.nn.functional.multi_margin_loss, two classes", hinge, SCORES,
                    ["real", "fake"]),
    torchgan("wgan_critic", "wasserstein_discriminator_loss", gan.wasserstein_discriminator_loss, SCORES,
             ["real", "fake"]),
    torchgan("wgan_generator", "wasserstein_generator_loss", gan.wasserstein_generator_loss, GENERATED, ["fake"]),
    torch_reference("gradient_penalty", "formula of Gulrajani et al. 2017", gradient_penalty,
                    [Call(GRAD), Call(GRAD, {"weight": 1.0, "target": 0.0}), Call({"grad": [[0.0, 0.0]]})], ["grad"]),
    torch_reference("r1_penalty", "formula of Mescheder et al. 2018", r1, [Call(GRAD), Call(GRAD, {"gamma": 1.0})],
                    ["grad"]),
    torch_reference("relativistic_discriminator", "torch.nn.functional.soft_margin_loss of differences", relativistic,
                    SCORES, ["real", "fake"]),
    torchgan("relativistic_average", "minimax_discriminator_loss of centred scores", relativistic_average, SCORES,
             ["real", "fake"]),
    torchgan("ebgan_discriminator", "energy_based_discriminator_loss",
             lambda real, fake, margin=1.0: gan.energy_based_discriminator_loss(real, fake, margin),
             [Call({"real": REAL**2, "fake": FAKE**2}), Call({"real": REAL**2, "fake": FAKE**2}, {"margin": 0.2})],
             ["real", "fake"]),
    torch_reference("feature_matching", "torch.nn.functional.mse_loss of means", feature_matching,
                    [Call({"fake": draw.normal(size=(3, 2)), "real": draw.normal(size=(4, 2))})], ["fake"]),
    torch_reference("kl_standard_normal", "torch.distributions.kl_divergence (Normal)",
                    lambda mu, logvar: kl(mu, logvar).sum(1).mean(), [Call(POSTERIOR), Call(PRIOR)], ["mu", "logvar"]),
    torch_reference("free_bits", "torch.distributions.kl_divergence (Normal), clamped", free_bits,
                    [Call(POSTERIOR), Call(POSTERIOR, {"bits": 1.0}), Call(POSTERIOR, {"bits": 0.0})], ["mu", "logvar"]),
    torch_reference("elbo_bernoulli", "binary_cross_entropy_with_logits and kl_divergence", bernoulli,
                    [Call(PIXELS), Call({**PIXELS, "logits": 50 * np.eye(3, 4)})], ["logits", "mu", "logvar"]),
    torch_reference("elbo_gaussian", "torch.distributions.Normal and kl_divergence", gaussian,
                    [Call(CONTINUOUS), Call(CONTINUOUS, {"sigma": 0.1})], ["recon", "mu", "logvar"]),
    torch_reference("beta_vae", "binary_cross_entropy_with_logits and kl_divergence", beta_vae,
                    [Call(PIXELS), Call(PIXELS, {"beta": 0.0})], ["logits", "mu", "logvar"]),
    torch_reference("iwae", "formula of Burda et al. 2016", iwae,
                    [Call({"log_weight": draw.normal(size=(3, 4))}), Call({"log_weight": [[-3.0]]})], ["log_weight"]),
    torch_reference("vq", "formula of van den Oord et al. 2017 by cdist and embedding", vq,
                    [Call(CODES), Call(CODES, {"commitment": 1.0})], ["z", "codebook"]),
    torch_reference("ddpm", "torch.nn.functional.mse_loss", F.mse_loss, [Call(NOISE)], ["pred"]),
    torch_reference("denoising_score_matching", "score of torch.distributions.Normal", score_matching, [Call(NOISY)],
                    ["score"]),
    Reference("v_prediction", "diffusers", "DDPMScheduler.get_velocity", v_prediction, [Call(VELOCITY)], ["pred"]),
    Reference("min_snr", "diffusers", "diffusers.training_utils.compute_snr", min_snr,
              [Call(SNR), Call(SNR, {"gamma": 1.0})], ["pred"]),
    torch_reference("p2_weighting", "formula of Choi et al. 2022", p2, [Call(SNR), Call(SNR, {"gamma": 0.5, "k": 2.0})],
                    ["pred"]),
    torch_reference("edm", "formula of Karras et al. 2022", edm, [Call(DENOISED), Call(DENOISED, {"sigma_data": 1.0})],
                    ["denoised"]),
    Reference("rectified_flow", "torchcfm", "ConditionalFlowMatcher.compute_conditional_flow", rectified_flow,
              [Call(FLOW)], ["velocity"]),
    torch_reference("consistency", "formula of Song and Dhariwal 2024", consistency, [Call(STEPS), Call(STEPS, {"c": 0.5})],
                    ["online"]),
    torch_reference("flow_nll", "torch.distributions.MultivariateNormal", flow_nll,
                    [Call({"z": draw.normal(size=(3, 2)), "log_det": draw.normal(size=3)})], ["z", "log_det"]),
])  # fmt: skip
