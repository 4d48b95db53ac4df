"""References for the family `structure`."""

from __future__ import annotations

import auraloss
import cpu_torchvision  # noqa: F401  (before the libraries that import torchvision)
import kornia.losses
import monai.losses
import numpy as np
import piqa.ssim
import piqa.tv
import scipy.stats
import torch
import torch.nn.functional as F
import torchmetrics.functional as metrics
import torchmetrics.functional.image as image_metrics
from focal_frequency_loss import FocalFrequencyLoss
from pytorch_msssim import ssim as msssim
from recorder import Call, Reference, record

draw = np.random.default_rng(11)
IMAGES = draw.random(size=(2, 3, 4, 5))
OTHERS = draw.random(size=(2, 3, 4, 5))
FLAT = np.full((1, 1, 3, 3), 0.25)
WINDOW = np.exp(-((np.arange(3) - 1.0) ** 2) / (2 * 1.5**2))
WINDOW /= WINDOW.sum()
SIGNALS = {"pred": draw.normal(size=(3, 8)), "target": draw.normal(size=(3, 8))}
SPECTRA = {"pred": draw.random(size=(4, 5)) + 0.1, "target": draw.random(size=(4, 5)) + 0.1}
LINES = {"pred": draw.normal(size=9), "target": draw.normal(size=9)}
PAIR = {"pred": IMAGES, "target": OTHERS}


def isotropic(x, eps=0.0):
    down, across = x.diff(dim=2)[..., :-1], x.diff(dim=3)[..., :-1, :]
    return (down.square() + across.square() + eps).sqrt().sum((1, 2, 3)).mean()


def gradient_difference(pred, target, alpha=1.0):
    parts = [(target.diff(dim=d).abs() - pred.diff(dim=d).abs()).abs().pow(alpha).sum((1, 2, 3)) for d in (2, 3)]
    return sum(parts).mean()


def piqa_ssim(pred, target, window, peak=1.0, k1=0.01, k2=0.03):
    kernel = window.repeat(1, 1, 1)
    return 1 - piqa.ssim.ssim(pred[:, None], target[:, None], kernel, value_range=peak, k1=k1, k2=k2)[0].mean()


def msssim_ssim(pred, target, window, peak=1.0, k1=0.01, k2=0.03):
    kernel = window.repeat(1, 1, 1, 1)
    return 1 - msssim(pred[:, None], target[:, None], data_range=peak, win=kernel, K=(k1, k2))


def psnr(pred, target, peak=1.0):
    return kornia.losses.psnr_loss(pred, target, peak)


def smoothness(depth, image):
    return kornia.losses.inverse_depth_smoothness_loss(depth[:, None], image)


def pearson(pred, target):
    return 1 - torch.corrcoef(torch.stack([pred, target]))[0, 1]


def concordance(pred, target):
    moments = torch.cov(torch.stack([pred, target]), correction=0)
    return 1 - 2 * moments[0, 1] / (moments[0, 0] + moments[1, 1] + (pred.mean() - target.mean()) ** 2)


def scipy_pearson(pred, target):
    return 1 - scipy.stats.pearsonr(pred, target).statistic, {}


def inner_correlation(pred, target, window=9, eps=1e-5):
    """Without the border, where MONAI pads."""
    edge, width = window // 2, pred.shape[1] - window + 1
    loss = monai.losses.LocalNormalizedCrossCorrelationLoss(2, window, reduction="none", smooth_dr=eps)
    return loss(pred[:, None], target[:, None])[
        :, :, edge : edge + width, edge : edge + pred.shape[2] - window + 1
    ].mean()


def log_spectral(pred, target):
    return (20 * torch.log10(pred / target)).square().mean(0).sqrt().mean()


def si_sdr(pred, target, eps=1e-8):
    return auraloss.time.SISDRLoss(eps=eps)(pred, target)


def si_snr(pred, target, eps=1e-8):
    return -metrics.audio.scale_invariant_signal_noise_ratio(pred, target).mean()


def snr(pred, target, eps=1e-8):
    return auraloss.time.SNRLoss(eps=eps)(pred, target)


def error_to_signal(pred, target, eps=1e-8):
    return auraloss.time.ESRLoss(eps=eps)(pred, target)


def focal_frequency(pred, target, alpha=1.0):
    # The library has an axis of patches behind the first.
    return FocalFrequencyLoss(alpha=alpha).loss_formulation(pred[:, None], target[:, None])


def endpoint_error(flow, target, valid=None):
    length = (flow - target).square().sum(1).sqrt()
    return length.mean() if valid is None else length[valid == 1].mean()


def silog(pred, depth, lam=0.5):
    ratio = (pred / depth.clamp(min=1e-9))[depth > 0].log()
    return ratio.var(correction=0) + (1 - lam) * ratio.mean() ** 2


def style(pred, target):
    grams = [torch.einsum("ncp,ndp->ncd", x, x) for x in (pred, target)]
    return (grams[0] - grams[1]).square().sum((1, 2)).mean() / (4 * pred.shape[1] ** 2 * pred.shape[2] ** 2)


def chamfer(x, y):
    square = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist") ** 2
    return square.min(1).values.mean() + square.min(0).values.mean()


PICTURES = {"pred": draw.random(size=(2, 5, 6)), "target": draw.random(size=(2, 5, 6)), "window": WINDOW}
COEFFICIENTS = {name: draw.normal(size=(2, 3, 4, 5, 2)) for name in ("pred", "target")}
FLOWS = {"flow": draw.normal(size=(2, 2, 3, 4)), "target": draw.normal(size=(2, 2, 3, 4))}
DEPTHS = {"pred": draw.random(size=(2, 3)) + 0.1, "depth": np.array([[0.0, 1.0, 2.0], [0.5, 0.0, 3.0]])}
BOTH = [{"x": IMAGES}, {"x": FLAT}]

record("structure", [
    Reference("total_variation_1d", "kornia", "kornia.losses.total_variation of one row",
              lambda x: kornia.losses.total_variation(x[:, None]).mean(), [Call({"x": SIGNALS["pred"]}), Call({"x": [[1.0]]})], ["x"]),
    Reference("total_variation", "torchmetrics", 'torchmetrics.functional.image.total_variation(reduction="mean")',
              lambda x: image_metrics.total_variation(x, "mean"), [Call(x) for x in BOTH], ["x"]),
    Reference("total_variation", "piqa", "piqa.tv.tv", lambda x: piqa.tv.tv(x).mean(), [Call(BOTH[0])], ["x"]),
    Reference("total_variation_isotropic", "torch", "formula of Rudin et al. 1992", isotropic,
              [Call(BOTH[0]), Call(BOTH[0], {"eps": 0.01}), Call(BOTH[1], {"eps": 0.01})], ["x"]),
    Reference("total_variation_squared", "piqa", 'piqa.tv.tv(norm="L2_squared")',
              lambda x: piqa.tv.tv(x, norm="L2_squared").mean(), [Call(x) for x in BOTH], ["x"]),
    Reference("gradient_difference", "torch", "formula of Mathieu et al. 2016", gradient_difference,
              [Call(PAIR), Call(PAIR, {"alpha": 2.0})], ["pred"]),
    Reference("ssim", "piqa", "piqa.ssim.ssim", piqa_ssim,
              [Call(PICTURES), Call(PICTURES, {"peak": 2.0, "k1": 0.02}), Call(PICTURES | {"window": [1.0]})], ["pred"]),
    Reference("ssim", "pytorch-msssim", "pytorch_msssim.ssim", msssim_ssim, [Call(PICTURES)], ["pred"]),
    Reference("psnr", "kornia", "kornia.losses.psnr_loss", psnr, [Call(PAIR), Call(PAIR, {"peak": 255.0})], ["pred"]),
    Reference("edge_aware_smoothness", "kornia", "kornia.losses.inverse_depth_smoothness_loss", smoothness,
              [Call({"depth": OTHERS[:, 0], "image": IMAGES}), Call({"depth": OTHERS[:, 0], "image": 0 * IMAGES})], ["depth"]),
    Reference("cosine", "torch", "torch.nn.functional.cosine_similarity",
              lambda pred, target: (1 - F.cosine_similarity(pred, target, dim=1)).mean(),
              [Call(SIGNALS), Call({"pred": [[2.0, 0.0]], "target": [[-1.0, 0.0]]})], ["pred"]),
    Reference("spectral_angle", "torchmetrics", "torchmetrics.functional.image.spectral_angle_mapper",
              image_metrics.spectral_angle_mapper, [Call(PAIR)], ["pred"]),
    Reference("pearson", "torch", "1 - torch.corrcoef", pearson, [Call(LINES)], ["pred"]),
    Reference("pearson", "scipy", "1 - scipy.stats.pearsonr", scipy_pearson,
              [Call(LINES), Call({"pred": [1.0, 2.0], "target": [5.0, 3.0]})], through="numpy"),
    Reference("concordance", "torch", "formula of Lin 1989 (torch.cov)", concordance,
              [Call(LINES), Call({"pred": LINES["pred"], "target": LINES["pred"] + 1})], ["pred"]),
    Reference("local_cross_correlation", "monai", "monai.losses.LocalNormalizedCrossCorrelationLoss", inner_correlation,
              [Call({name: PICTURES[name] for name in ("pred", "target")}, {"window": 3})], ["pred"]),
    Reference("bending_energy", "monai", "monai.losses.BendingEnergyLoss", monai.losses.BendingEnergyLoss(), [
        Call({"u": draw.normal(size=(2, 2, 4, 5))}), Call({"u": draw.normal(size=(1, 2, 3, 3))}),
    ], ["u"]),
    Reference("log_spectral_distance", "torch", "formula of Gray and Markel 1976", log_spectral, [Call(SPECTRA)], ["pred"]),
    Reference("log_magnitude", "auraloss", "auraloss.freq.STFTMagnitudeLoss", auraloss.freq.STFTMagnitudeLoss(),
              [Call(SPECTRA)], ["pred"]),
    Reference("spectral_convergence", "auraloss", "auraloss.freq.SpectralConvergenceLoss",
              auraloss.freq.SpectralConvergenceLoss(), [Call(SPECTRA), Call({"pred": [[2.0]], "target": [[0.5]]})], ["pred"]),
    Reference("si_sdr", "auraloss", "auraloss.time.SISDRLoss", si_sdr,
              [Call(SIGNALS), Call(SIGNALS, {"eps": 1e-2}), Call(SIGNALS | {"pred": 3 * SIGNALS["target"] + SIGNALS["pred"] / 10})], ["pred"]),
    Reference("si_sdr", "torchmetrics", "torchmetrics.functional.audio.scale_invariant_signal_noise_ratio", si_snr,
              [Call(SIGNALS, {"eps": 0.0})], ["pred"]),
    Reference("snr", "auraloss", "auraloss.time.SNRLoss", snr, [Call(SIGNALS), Call(SIGNALS, {"eps": 1e-2})], ["pred"]),
    Reference("error_to_signal", "auraloss", "auraloss.time.ESRLoss", error_to_signal,
              [Call(SIGNALS), Call(SIGNALS, {"eps": 1e-2})], ["pred"]),
    Reference("focal_frequency", "focal-frequency-loss", "focal_frequency_loss.FocalFrequencyLoss.loss_formulation",
              focal_frequency, [Call(COEFFICIENTS), Call(COEFFICIENTS, {"alpha": 2.0})], ["pred"]),
    Reference("endpoint_error", "torch", "length of the difference (Baker et al. 2011)", endpoint_error,
              [Call(FLOWS), Call(FLOWS | {"valid": draw.integers(0, 2, size=(2, 3, 4))})], ["flow"]),
    Reference("silog", "torch", "formula of Eigen et al. 2014 (torch.var)", silog,
              [Call(DEPTHS), Call(DEPTHS, {"lam": 1.0}), Call(DEPTHS, {"lam": 0.0})], ["pred"]),
    Reference("style", "torch", "formula of Gatys et al. 2016", style,
              [Call({"pred": IMAGES[:, :, 0], "target": OTHERS[:, :, 0]})], ["pred"]),
    Reference("chamfer", "torch", "formula of Fan et al. 2017 (torch.cdist)", chamfer,
              [Call({"x": draw.normal(size=(5, 3)), "y": draw.normal(size=(4, 3))}), Call({"x": [[1.0, 2.0]], "y": [[3.0, 2.5]]})],
              ["x"]),
])  # fmt: skip
