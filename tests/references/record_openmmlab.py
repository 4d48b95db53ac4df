"""References from the packages of OpenMMLab, for several families."""

from __future__ import annotations

import sys
import types

import cpu_torchvision  # noqa: F401  (before the libraries that import torchvision)
import numpy as np
import torch
from mmengine.registry import Registry
from recorder import Call, Reference, record
from submodules import bare

for package in ("mmpose", "mmagic", "mmdet3d", "mmflow", "mmrazor"):
    bare(package, f"{package}.models", f"{package}.models.losses")

bare("mmpose.datasets", "mmpose.datasets.datasets", "mmpose.models.utils")
# Its own builder takes the registry from mmcv, of a version that needs an older torch.
sys.modules["mmflow.models.builder"] = types.ModuleType("mmflow.models.builder")
sys.modules["mmflow.models.builder"].LOSSES = Registry("loss")

from mmagic.models.losses.gan_loss import gradient_penalty_loss, r1_gradient_penalty_loss  # noqa: E402
from mmagic.models.losses.pixelwise_loss import CharbonnierLoss  # noqa: E402
from mmdet3d.models.losses.chamfer_distance import chamfer_distance  # noqa: E402
from mmflow.models.losses.multilevel_epe import endpoint_error  # noqa: E402
from mmpose.models.losses.heatmap_loss import AdaptiveWingLoss  # noqa: E402
from mmpose.models.losses.regression_loss import OKSLoss, WingLoss  # noqa: E402
from mmrazor.models.losses.decoupled_kd import DKDLoss  # noqa: E402

draw = np.random.default_rng(41)
PAIR = {"pred": draw.normal(size=(3, 4)), "target": draw.normal(size=(3, 4))}
HEATMAP = {"pred": draw.normal(size=(2, 1, 2, 3)), "target": draw.uniform(size=(2, 1, 2, 3))}
POSE = {
    "point": draw.uniform(0, 10, size=(3, 4, 2)), "target": draw.uniform(0, 10, size=(3, 4, 2)),
    "visible": np.array([[1, 1, 0, 1], [1, 1, 1, 1], [0, 0, 1, 0]]), "area_of": draw.uniform(50, 200, size=3),
    "sigma": draw.uniform(0.1, 1.0, size=4),
}  # fmt: skip
CLOUDS = {"x": draw.normal(size=(5, 3)), "y": draw.normal(size=(7, 3))}
FLOWS = {"flow": draw.normal(size=(2, 2, 3, 4)), "target": draw.normal(size=(2, 2, 3, 4))}
GRADIENT = {"grad": draw.normal(size=(4, 3))}
TAUGHT = {"student": 2 * draw.normal(size=(5, 4)), "teacher": 2 * draw.normal(size=(5, 4)), "label": [0, 3, 1, 2, 2]}


def wing(pred, target, **hyper):
    """The library sums over two of three axes."""
    return WingLoss(**hyper)(pred.reshape(-1, 1, 1), target.reshape(-1, 1, 1))


def adaptive_wing(pred, target, **hyper):
    return AdaptiveWingLoss(**hyper)(pred, target)


def oks(point, target, visible, area_of, sigma):
    loss = OKSLoss(norm_target_weight=True)
    loss.sigmas = sigma
    return loss(point, target, visible.double(), area_of)


def charbonnier(pred, target, eps=0.001):
    return CharbonnierLoss(eps=eps**2)(pred, target)


def linear(grad):
    """A discriminator whose gradient at each example is the given one, and images that have its size."""
    images = torch.zeros(len(grad), 1, 1, grad.shape[1], dtype=torch.float64)
    return (lambda x: (x[:, 0, 0] * grad).sum(1)), images


def gradient_penalty(grad, weight=10.0):
    critic, images = linear(grad)
    return weight * gradient_penalty_loss(critic, images, images, norm_mode="HWC")


def r1_penalty(grad, gamma=10.0):
    return gamma / 2 * r1_gradient_penalty_loss(*linear(grad), norm_mode="HWC")


def chamfer(x, y):
    there, back, *_ = chamfer_distance(x[None], y[None])
    return there + back


def decoupled_kd(student, teacher, label, temperature=4.0, alpha=1.0, beta=8.0):
    return DKDLoss(temperature, alpha, beta)(student, teacher, label)


record("openmmlab", {
    "regression": [
        Reference("wing", "mmpose", "mmpose.models.losses.WingLoss", wing,
                  [Call(PAIR), Call(PAIR, {"omega": 0.5, "epsilon": 0.3})], ["pred"]),
        Reference("adaptive_wing", "mmpose", "mmpose.models.losses.AdaptiveWingLoss", adaptive_wing,
                  [Call(HEATMAP), Call(HEATMAP, {"theta": 0.3, "omega": 10.0})], ["pred"]),
    ],
    "boxes": [
        Reference("oks", "mmpose", "mmpose.models.losses.OKSLoss(norm_target_weight=True)", oks, [Call(POSE)], ["point"]),
    ],
    "robust": [
        Reference("charbonnier", "mmagic", "mmagic.models.losses.CharbonnierLoss(eps=eps^2)", charbonnier,
                  [Call(PAIR), Call(PAIR, {"eps": 0.5})], ["pred"]),
    ],
    "generative": [
        Reference("gradient_penalty", "mmagic", "mmagic gradient_penalty_loss(norm_mode='HWC') of a linear critic",
                  gradient_penalty, [Call(GRADIENT), Call(GRADIENT, {"weight": 1.0})], ["grad"]),
        Reference("r1_penalty", "mmagic", "mmagic r1_gradient_penalty_loss(norm_mode='HWC') of a linear discriminator",
                  r1_penalty, [Call(GRADIENT), Call(GRADIENT, {"gamma": 2.0})], ["grad"]),
    ],
    "structure": [
        Reference("chamfer", "mmdet3d", "mmdet3d.models.losses.chamfer_distance", chamfer, [Call(CLOUDS)], ["x"]),
        Reference("endpoint_error", "mmflow", "mmflow.models.losses.endpoint_error",
                  lambda flow, target: endpoint_error(flow, target).mean(), [Call(FLOWS)], ["flow"]),
    ],
    "distillation": [
        Reference("decoupled_kd", "mmrazor", "mmrazor.models.losses.DKDLoss", decoupled_kd,
                  [Call(TAUGHT), Call(TAUGHT, {"temperature": 1.0, "alpha": 0.5, "beta": 2.0})], ["student"]),
    ],
})  # fmt: skip
