"""References for the family `segmentation`."""

from __future__ import annotations

import functools
import os
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import cpu_torchvision  # noqa: F401  (before the libraries that import torchvision)
import keras
import kornia.losses
import monai.losses
import numpy as np
import segmentation_models_pytorch.losses as smp
import torch
import torch.nn.functional as F
from monai.losses.unified_focal_loss import AsymmetricFocalLoss, AsymmetricFocalTverskyLoss
from recorder import Call, Reference, record
from torchvision.ops import sigmoid_focal_loss

draw = np.random.default_rng(5)
LOGITS = draw.normal(size=(2, 3, 4))
MASK = draw.integers(0, 2, size=(2, 3, 4))
SOFT = draw.random(size=(2, 3, 4))
EXTREME = np.array([[[50.0, -50.0], [50.0, 2.0]]])
CLASSES = draw.normal(size=(2, 3, 4, 4))
LABEL = draw.permuted(np.tile([0] * 8 + [1] * 4 + [2] * 4, (2, 1)), axis=1).reshape(2, 4, 4)
MISSING = np.where(LABEL == 2, 0, LABEL)
PARTLY = np.where(draw.random(LABEL.shape) < 0.25, -100, LABEL)


def binary(**hyper: float) -> list[Call]:
    """An ordinary call, one with other hyperparameters, an empty mask, and logits of +-50."""
    return [
        Call({"logits": LOGITS, "mask": MASK}),
        Call({"logits": LOGITS, "mask": MASK}, hyper),
        Call({"logits": LOGITS, "mask": np.zeros_like(MASK)}),
        Call({"logits": EXTREME, "mask": [[[1, 0], [0, 0]]]}),
    ]


def soft(**hyper: float) -> list[Call]:
    return [*binary(**hyper), Call({"logits": LOGITS, "mask": SOFT})]


def classes(*labels: np.ndarray, **hyper: float) -> list[Call]:
    calls = [Call({"logits": CLASSES, "label": label}) for label in labels or (LABEL, MISSING)]
    return [*calls, Call({"logits": CLASSES, "label": LABEL}, hyper)]


def smoothed(loss: Any, times: float = 1, **options: Any) -> Any:
    """A loss of MONAI on images without a channel; its smooth_nr and smooth_dr are `times` smooth."""

    def function(logits: torch.Tensor, mask: torch.Tensor, smooth: float = 1e-5) -> torch.Tensor:
        instance = loss(smooth_nr=times * smooth, smooth_dr=times * smooth, **options)
        return instance(logits[:, None], mask[:, None].to(logits))

    return function


def by_label(loss: Any, **options: Any) -> Any:
    """A loss of MONAI on labels."""

    def function(logits: torch.Tensor, label: torch.Tensor, smooth: float = 1e-5) -> torch.Tensor:
        instance = loss(softmax=True, to_onehot_y=True, smooth_nr=smooth, smooth_dr=smooth, **options)
        return instance(logits, label[:, None])

    return function


monai_dice = smoothed(monai.losses.DiceLoss, sigmoid=True)


def log_cosh_dice(logits, mask, **hyper):
    return torch.log(torch.cosh(monai_dice(logits, mask, **hyper)))


def smp_dice_soft(logits, mask, smooth=1e-5):
    # Its smooth is half of MONAI's, and the images of a batch are one; here there is one image.
    return smp.DiceLoss("binary", smooth=smooth / 2, eps=0.0)(logits[:, None], mask[:, None].to(logits))


def smp_jaccard(logits, mask, smooth=1e-5):
    return smp.JaccardLoss("binary", smooth=smooth, eps=0.0)(logits[:, None], mask[:, None].to(logits))


def kornia_dice_present(logits, label, smooth=0.0):
    return kornia.losses.dice_loss(logits, label, average="macro", eps=smooth)


def power_jaccard(logits, mask, power=2.0, smooth=1e-5):
    p, y = torch.sigmoid(logits).flatten(1), mask.to(logits).flatten(1)
    product = (p * y).sum(1)
    return (1 - (product + smooth) / ((p**power + y**power - p * y).sum(1) + smooth)).mean()


def tversky(logits, mask, alpha=0.3, beta=0.7, smooth=1e-5):
    loss = monai.losses.TverskyLoss(sigmoid=True, alpha=alpha, beta=beta, smooth_nr=smooth, smooth_dr=smooth)
    return loss(logits[:, None], mask[:, None].to(logits))


def keras_tversky(logits, mask, alpha=0.3, beta=0.7, smooth=0.0):
    # alpha and beta the other way round: see the docstring of tversky.
    return keras.losses.tversky(mask.to(logits), torch.sigmoid(logits), alpha=beta, beta=alpha)


def focal_tversky(logits, label, alpha=0.7, beta=0.3, gamma=4 / 3, smooth=1e-5):
    loss = by_label(functools.partial(monai.losses.TverskyLoss, alpha=beta, beta=alpha, reduction="none"))
    return (loss(logits, label, smooth) ** (1 / gamma)).sum(1).mean()


def asymmetric_similarity(logits, mask, beta=1.5, smooth=1e-5):
    share = beta**2 / (1 + beta**2)
    return tversky(logits, mask, 1 - share, share, smooth)


def sensitivity_specificity(logits, mask, r=0.05):
    squares, s = (mask - torch.sigmoid(logits)).flatten(1) ** 2, mask.to(logits).flatten(1)
    sensitivity = (squares * s).sum(1) / s.sum(1)
    return (r * sensitivity + (1 - r) * (squares * (1 - s)).sum(1) / (1 - s).sum(1)).mean()


def noise_robust_dice(logits, mask, gamma=1.5, smooth=1e-5):
    p, y = torch.sigmoid(logits).flatten(1), mask.to(logits).flatten(1)
    return ((p - y).abs().pow(gamma).sum(1) / (p.square() + y.square()).add(smooth / p[0].numel()).sum(1)).mean()


def mcc(logits, mask, smooth=1e-5):
    return monai.losses.MCCLoss(sigmoid=True, smooth_dr=smooth)(logits[:, None], mask[:, None].to(logits))


def smp_mcc(logits, mask, smooth=0.0):
    return smp.MCCLoss(eps=0.0)(torch.sigmoid(logits), mask.to(logits))


def combo(logits, mask, alpha=0.5, beta=0.5, smooth=1.0):
    y = mask.to(logits)
    weight = beta * y + (1 - beta) * (1 - y)
    entropy = F.binary_cross_entropy_with_logits(logits, y, weight)
    return alpha * entropy - (1 - alpha) * (1 - monai_dice(logits, mask, smooth))


def dice_ce(logits, label, lambda_dice=1.0, lambda_ce=1.0, smooth=1e-5):
    scales = {"lambda_dice": lambda_dice, "lambda_ce": lambda_ce}
    return by_label(functools.partial(monai.losses.DiceCELoss, **scales))(logits, label, smooth)


def dice_ce_ignoring(logits, label, lambda_dice=1.0, lambda_ce=1.0, smooth=1e-5):
    region = by_label(functools.partial(monai.losses.DiceLoss, ignore_index=-100))(logits, label, smooth)
    return lambda_dice * region + lambda_ce * F.cross_entropy(logits, label)


def dice_bce(logits, mask, lambda_dice=1.0, lambda_bce=1.0, smooth=1e-5):
    scales = {"lambda_dice": lambda_dice, "lambda_ce": lambda_bce}
    return smoothed(monai.losses.DiceCELoss, sigmoid=True, **scales)(logits, mask, smooth)


def dice_focal(logits, mask, lambda_dice=1.0, lambda_focal=1.0, gamma=2.0, smooth=1e-5):
    scales = {"lambda_dice": lambda_dice, "lambda_focal": lambda_focal, "gamma": gamma}
    return smoothed(monai.losses.DiceFocalLoss, sigmoid=True, **scales)(logits, mask, smooth)


def dice_focal_parts(logits, mask, lambda_dice=1.0, lambda_focal=1.0, gamma=2.0, smooth=1e-5):
    focal = sigmoid_focal_loss(logits, mask.to(logits), alpha=-1, gamma=gamma, reduction="mean")
    return lambda_dice * monai_dice(logits, mask, smooth) + lambda_focal * focal


def exponential_logarithmic(logits, label, frequency, w_dice=0.8, w_cross=0.2, gamma_dice=0.3, gamma_cross=0.3):
    p = logits.softmax(1)
    y = F.one_hot(label, logits.shape[1]).movedim(-1, 1).to(p)
    axes = [0, *range(2, p.ndim)]
    score = (2 * (p * y).sum(axes) + 1) / ((p + y).sum(axes) + 1)
    weight = (frequency.sum() / frequency) ** 0.5
    cross = weight[label] * F.cross_entropy(logits, label, reduction="none") ** gamma_cross
    return w_dice * ((-score.log()) ** gamma_dice).mean() + w_cross * cross.mean()


def unified_focal(logits, mask, weight=0.5, delta=0.6, gamma=0.5, smooth=1e-7):
    p, y = torch.sigmoid(logits[:, None]), mask[:, None].to(logits)
    p, y = torch.cat([1 - p, p], 1), torch.cat([1 - y, y], 1)
    focal = AsymmetricFocalLoss(delta=delta, gamma=gamma)(p, y)
    tversky = AsymmetricFocalTverskyLoss(delta=delta, gamma=gamma, epsilon=smooth)(p, y)
    return weight * 2 * focal + (1 - weight) * tversky  # MONAI halves the sum of the two classes


def lovasz_hinge(logits, mask):
    return kornia.losses.lovasz_hinge_loss(logits[:, None, :, None], mask[:, :, None])


def smp_lovasz_hinge(logits, mask):
    return smp.LovaszLoss("binary", per_image=True)(logits.float(), mask)  # fails on float64


def lovasz_softmax(logits, label):
    return kornia.losses.lovasz_softmax_loss(logits[..., None], label[..., None])


def smp_lovasz_softmax(logits, label):
    return smp.LovaszLoss("multiclass", per_image=True, ignore_index=-100)(logits.float()[..., None], label[..., None])


def wasserstein_dice(logits, label, distance, smooth=1e-5):
    loss = monai.losses.GeneralizedWassersteinDiceLoss(distance, smooth_nr=smooth, smooth_dr=smooth)
    return loss(logits, label)


def boundary(logits, distance):
    """MONAI computes the distances from the mask, which is where they are not positive."""
    mask = (distance <= 0).to(logits)
    return monai.losses.BoundaryLoss(sigmoid=True)(logits[:, None], mask[:, None])


def hausdorff(logits, mask, pred_distance, distance, alpha=2.0):
    loss = monai.losses.HausdorffDTLoss(alpha=alpha, sigmoid=True, include_background=True)
    return loss(logits[:, None], mask[:, None].to(logits))


def distance_maps() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    mask = np.zeros((2, 5, 6), dtype=int)
    mask[0, 1:4, 2:5] = mask[1, 2:, :2] = 1
    logits = draw.normal(size=mask.shape) + 2 * mask - 1
    signed = monai.losses.BoundaryLoss().compute_distance_map(torch.tensor(mask[:, None]))[:, 0]
    field = monai.losses.HausdorffDTLoss().distance_field
    masks = {"pred_distance": torch.tensor(logits > 0), "distance": torch.tensor(mask)}
    return (
        {"logits": logits, "distance": signed.double().numpy()},
        {"logits": logits, "mask": mask}
        | {name: field(m[:, None].double())[:, 0].numpy() for name, m in masks.items()},
    )


def active_contour(logits, mask, weight=1.0, eps=1e-8):
    u = torch.sigmoid(logits)
    down, across = u.diff(dim=1)[:, :, :-1], u.diff(dim=2)[:, :-1]
    length = (down.square() + across.square() + eps).sqrt().sum((1, 2))
    return (length + weight * (u * (1 - mask) ** 2 + (1 - u) * (0 - mask) ** 2).sum((1, 2))).mean()


def size_constraint(logits, lower, upper):
    size = torch.sigmoid(logits).flatten(1).sum(1)
    below, above = (size - lower) ** 2, (size - upper) ** 2
    return torch.where(size < lower, below, torch.where(size > upper, above, torch.zeros_like(size))).mean()


def hed(logits, mask):
    y = mask.to(logits)
    beta = 1 - y.mean((1, 2), keepdim=True)
    return F.binary_cross_entropy_with_logits(logits, y, weight=torch.where(y == 1, beta, 1 - beta))


def unet(logits, label, d1, d2, class_weight=None, w0=10.0, sigma=5.0):
    base = torch.ones_like(d1) if class_weight is None else class_weight[label]
    weight = base + w0 * torch.exp(-((d1 + d2) ** 2) / (2 * sigma**2))
    return (weight * F.cross_entropy(logits, label, reduction="none")).mean()


def nacl(logits, label, alpha=0.1):
    return monai.losses.NACLLoss(classes=logits.shape[1], dim=2, alpha=alpha)(logits, label)


def discriminative(embedding, instance, instances=8, delta_var=0.5, delta_dist=1.5, gamma=0.001):
    names = instance.unique()
    means = [embedding[instance == k].mean(0) for k in names]
    pulls = [
        F.relu((embedding[instance == k] - m).norm(dim=1) - delta_var).square().mean()
        for k, m in zip(names, means, strict=True)
    ]
    pushes = [F.relu(2 * delta_dist - (a - b).norm()).square() for a in means for b in means if a is not b]
    push = torch.stack(pushes).mean() if pushes else 0.0
    return torch.stack(pulls).mean() + push + gamma * torch.stack([m.norm() for m in means]).mean()


def topk(logits, label, share=0.1):
    losses = F.cross_entropy(logits, label, reduction="none")
    return losses.topk(int(np.ceil(share * len(losses)))).values.mean()


MAPS = distance_maps()
CLOUD = {"embedding": draw.normal(size=(7, 2)), "instance": [0, 0, 3, 3, 3, 5, 0]}
FLAT = {"logits": draw.normal(size=(2, 7)), "mask": draw.integers(0, 2, size=(2, 7))}
FLAT_CLASSES = {"logits": draw.normal(size=(2, 3, 8)), "label": [[0, 1, 2, 0, 0, 2, 1, 0], [2, 2, 1, 0, 1, 2, 0, 2]]}

record("segmentation", [
    Reference("dice", "monai", "monai.losses.DiceLoss(sigmoid=True)", monai_dice, soft(smooth=1.0), ["logits"]),
    Reference("dice_batch", "monai", "monai.losses.DiceLoss(sigmoid=True, batch=True)",
              smoothed(monai.losses.DiceLoss, sigmoid=True, batch=True), soft(smooth=1.0), ["logits"]),
    Reference("dice_multiclass", "monai", "monai.losses.DiceLoss(softmax=True, to_onehot_y=True)",
              by_label(monai.losses.DiceLoss), classes(smooth=1.0), ["logits"]),
    Reference("dice_multiclass", "monai", "monai.losses.DiceLoss(softmax=True, to_onehot_y=True, ignore_index=-100)",
              by_label(functools.partial(monai.losses.DiceLoss, ignore_index=-100)), classes(PARTLY), ["logits"]),
    Reference("dice_multiclass", "kornia", 'kornia.losses.dice_loss(average="macro")', kornia_dice_present,
              [Call({"logits": CLASSES, "label": LABEL}, {"smooth": 0.0})], ["logits"]),
    Reference("squared_dice", "monai", "monai.losses.DiceLoss(sigmoid=True, squared_pred=True)",
              smoothed(monai.losses.DiceLoss, sigmoid=True, squared_pred=True), soft(smooth=1.0), ["logits"]),
    Reference("generalized_dice", "monai", "monai.losses.GeneralizedDiceLoss(softmax=True, to_onehot_y=True)",
              by_label(monai.losses.GeneralizedDiceLoss), classes(smooth=0.0), ["logits"],
              note="all volumes are powers of 2, so that the library's float32 weights are exact"),
    Reference("log_cosh_dice", "monai", "log(cosh(monai.losses.DiceLoss(sigmoid=True)))", log_cosh_dice,
              soft(smooth=1.0), ["logits"]),
    Reference("dice_semimetric", "monai", "monai.losses.DiceLoss(sigmoid=True, soft_label=True)",
              smoothed(monai.losses.DiceLoss, sigmoid=True, soft_label=True), soft(smooth=1.0), ["logits"]),
    Reference("dice_semimetric", "segmentation_models_pytorch", 'segmentation_models_pytorch.losses.DiceLoss("binary")',
              smp_dice_soft, [Call({"logits": LOGITS[:1], "mask": SOFT[:1]}, {"smooth": s}) for s in (0.0, 1.0)],
              ["logits"]),
    Reference("jaccard", "monai", "monai.losses.DiceLoss(sigmoid=True, jaccard=True)",
              smoothed(monai.losses.DiceLoss, 2, sigmoid=True, jaccard=True), soft(smooth=1.0), ["logits"]),
    Reference("jaccard", "segmentation_models_pytorch", 'segmentation_models_pytorch.losses.JaccardLoss("binary")',
              smp_jaccard, [Call({"logits": LOGITS[:1], "mask": MASK[:1]}, {"smooth": s}) for s in (0.0, 1.0)], ["logits"]),
    Reference("jaccard_metric", "monai", "monai.losses.DiceLoss(sigmoid=True, jaccard=True, soft_label=True)",
              smoothed(monai.losses.DiceLoss, 2, sigmoid=True, jaccard=True, soft_label=True), soft(smooth=1.0),
              ["logits"]),
    Reference("power_jaccard", "torch", "formula of Duque-Arias et al. 2021", power_jaccard,
              soft(power=1.5, smooth=1.0), ["logits"]),
    Reference("tversky", "monai", "monai.losses.TverskyLoss(sigmoid=True)", tversky,
              soft(alpha=0.5, beta=1.5, smooth=1.0), ["logits"]),
    Reference("tversky", "keras", "keras.losses.tversky", keras_tversky,
              [Call({"logits": LOGITS[:1], "mask": MASK[:1]}, {"smooth": 0.0, "alpha": 0.2, "beta": 0.9})], ["logits"],
              tolerance=1e-6, note="the library adds 1e-7 to the denominator"),
    Reference("focal_tversky", "monai", "monai.losses.TverskyLoss(reduction='none') to the power 1/gamma", focal_tversky,
              classes(gamma=2.0, alpha=0.4), ["logits"]),
    Reference("asymmetric_similarity", "monai", "monai.losses.TverskyLoss(sigmoid=True)", asymmetric_similarity,
              soft(beta=0.5, smooth=1.0), ["logits"]),
    Reference("sensitivity_specificity", "torch", "formula of Brosch et al. 2015", sensitivity_specificity,
              [binary(r=0.5)[k] for k in (0, 1, 3)], ["logits"]),
    Reference("noise_robust_dice", "torch", "formula of Wang et al. 2020", noise_robust_dice,
              soft(gamma=1.2, smooth=1.0), ["logits"]),
    Reference("mcc", "monai", "monai.losses.MCCLoss(sigmoid=True)", mcc, soft(smooth=1.0), ["logits"]),
    Reference("mcc", "segmentation_models_pytorch", "segmentation_models_pytorch.losses.MCCLoss", smp_mcc,
              [Call({"logits": LOGITS[:1], "mask": MASK[:1]}, {"smooth": 0.0})], ["logits"]),
    Reference("combo", "torch", "formula of Taghanaki et al. 2019", combo, soft(alpha=0.3, beta=0.8), ["logits"]),
    Reference("dice_ce", "monai", "monai.losses.DiceCELoss(softmax=True, to_onehot_y=True)", dice_ce,
              classes(lambda_dice=0.5, lambda_ce=2.0), ["logits"]),
    Reference("dice_ce", "monai", "monai.losses.DiceLoss(ignore_index=-100) + torch cross_entropy", dice_ce_ignoring,
              classes(PARTLY), ["logits"]),
    Reference("dice_bce", "monai", "monai.losses.DiceCELoss(sigmoid=True)", dice_bce,
              soft(lambda_dice=0.5, lambda_bce=2.0), ["logits"]),
    Reference("dice_focal", "monai", "monai.losses.DiceFocalLoss(sigmoid=True)", dice_focal,
              soft(lambda_focal=2.0, gamma=1.0), ["logits"]),
    Reference("dice_focal", "torchvision", "monai.losses.DiceLoss + torchvision.ops.sigmoid_focal_loss",
              dice_focal_parts, binary(lambda_focal=2.0, gamma=1.0), ["logits"]),
    Reference("exponential_logarithmic", "torch", "formula of Wong et al. 2018", exponential_logarithmic, [
        Call({"logits": CLASSES, "label": LABEL, "frequency": [8.0, 4.0, 4.0]}, hyper)
        for hyper in ({}, {"gamma_dice": 1.0, "gamma_cross": 2.0, "w_cross": 1.0})
    ], ["logits"]),
    Reference("unified_focal", "monai", "monai.losses.AsymmetricFocalLoss and AsymmetricFocalTverskyLoss", unified_focal,
              binary(weight=0.3, delta=0.7, gamma=0.75)[:2], ["logits"]),
    Reference("lovasz_hinge", "kornia", "kornia.losses.lovasz_hinge_loss", lovasz_hinge, [
        Call(FLAT), Call({"logits": FLAT["logits"], "mask": np.zeros((2, 7), int)}), Call({"logits": [[0.5]], "mask": [[1]]}),
    ], ["logits"]),
    Reference("lovasz_hinge", "segmentation_models_pytorch", 'LovaszLoss("binary", per_image=True)', smp_lovasz_hinge,
              [Call(FLAT)], ["logits"]),
    Reference("lovasz_softmax", "kornia", "kornia.losses.lovasz_softmax_loss", lovasz_softmax, [Call(FLAT_CLASSES)],
              ["logits"]),
    Reference("lovasz_softmax", "segmentation_models_pytorch", 'LovaszLoss("multiclass", per_image=True)',
              smp_lovasz_softmax, [
                  Call(FLAT_CLASSES),
                  Call(FLAT_CLASSES | {"label": [[0, 1, -100, 0, 0, -100, 1, 0], [2, 2, 2, 2, 2, -100, 2, 2]]}),
              ], ["logits"]),
    Reference("wasserstein_dice", "monai", "monai.losses.GeneralizedWassersteinDiceLoss", wasserstein_dice, [
        Call({"logits": CLASSES, "label": label, "distance": [[0, 1, 1], [1, 0, 0.5], [1, 0.5, 0]]}, hyper)
        for label, hyper in ((LABEL, {}), (MISSING, {"smooth": 1.0}), (0 * LABEL, {}))
    ], ["logits"]),
    Reference("boundary", "monai", "monai.losses.BoundaryLoss(sigmoid=True)", boundary, [Call(MAPS[0])], ["logits"]),
    Reference("hausdorff_distance_transform", "monai", "monai.losses.HausdorffDTLoss(sigmoid=True)", hausdorff,
              [Call(MAPS[1]), Call(MAPS[1], {"alpha": 1.0})], ["logits"]),
    Reference("active_contour", "torch", "formula of Chen et al. 2019", active_contour,
              soft(weight=0.1, eps=1e-2), ["logits"]),
    Reference("size_constraint", "torch", "formula of Kervadec et al. 2019", size_constraint, [
        Call({"logits": LOGITS, "lower": [0.0, 9.0], "upper": upper}) for upper in ([0.0, 10.0], [12.0, 12.0])
    ], ["logits"]),
    Reference("hed_cross_entropy", "torch", "binary_cross_entropy_with_logits with the weights of Xie and Tu 2015", hed,
              binary()[::2], ["logits"]),
    Reference("unet_cross_entropy", "torch", "cross_entropy with the weights of Ronneberger et al. 2015", unet, [
        Call({"logits": CLASSES, "label": LABEL, "d1": 5 * CLASSES[:, 0] ** 2, "d2": 5 * CLASSES[:, 1] ** 2}),
        Call({"logits": CLASSES, "label": LABEL, "d1": 0 * CLASSES[:, 0], "d2": 5 * CLASSES[:, 1] ** 2,
              "class_weight": [1.0, 2.0, 0.5]}, {"w0": 3.0, "sigma": 2.0}),
    ], ["logits"]),
    Reference("nacl", "monai", "monai.losses.NACLLoss", nacl, classes(LABEL, alpha=0.5), ["logits"]),
    Reference("discriminative", "torch", "formula of De Brabandere et al. 2017", discriminative, [
        Call(CLOUD), Call(CLOUD, {"delta_var": 0.1, "delta_dist": 0.5, "gamma": 1.0}), Call(CLOUD | {"instance": [2] * 7}),
    ], ["embedding"]),
    Reference("topk_cross_entropy", "torch", "topk of cross_entropy", topk, [
        Call({"logits": draw.normal(size=(11, 3)), "label": draw.integers(0, 3, size=11)}, {"share": s}) for s in (0.3, 1.0)
    ] + [Call({"logits": [[1.0, 2.0]], "label": [0]})], ["logits"]),
])  # fmt: skip
