"""References for the family `boxes`."""

from __future__ import annotations

import importlib
import sys

import cpu_torchvision  # noqa: F401  (before torchvision)
import numpy as np
import torch
import torch.nn.functional as F
import torchvision.ops as ops
from recorder import Call, Reference, record
from submodules import bare

bare("mmdet", "mmdet.models", "mmdet.models.losses", "mmdet.structures", "mmdet.structures.bbox")
bbox = sys.modules["mmdet.structures.bbox"]
bbox.bbox_overlaps = importlib.import_module("mmdet.structures.bbox.bbox_overlaps").bbox_overlaps
from mmdet.models.losses import balanced_l1_loss, gaussian_focal_loss  # noqa: E402
from mmdet.models.losses import iou_loss as mmdet_boxes  # noqa: E402

draw = np.random.default_rng(7)
BOX = [[0.0, 0.0, 2.0, 3.0], [1.0, 1.0, 4.0, 5.0], [0.5, 0.0, 3.5, 1.5], [2.0, 1.0, 7.0, 3.0]]
TARGET = [[1.0, 1.5, 3.0, 3.5], [1.2, 2.0, 4.5, 6.0], [1.0, 0.5, 2.0, 1.0], [2.5, 0.5, 6.0, 3.5]]
APART = {"box": [[0.0, 0.0, 1.0, 2.0]], "target": [[3.0, 2.5, 5.0, 3.5]]}
OVERLAPPING = {"box": BOX, "target": TARGET}
LOGITS = draw.normal(size=(4, 3))
QUALITY = np.where(draw.random((4, 3)) < 0.5, 0.0, draw.random((4, 3)))


def calls(**hyper):
    """Boxes that overlap, two that do not, each box for itself, and other hyperparameters."""
    pair = [Call(OVERLAPPING), Call(APART), Call(OVERLAPPING, reduction="none")]
    return pair, [Call(OVERLAPPING, hyper), Call(APART, hyper)]


def box_reference(loss, library, name, function, *, none=True, **hyper):
    """The mean, and the loss of each box."""
    (overlapping, apart, each), others = calls(**hyper)

    def averaged(box, target, **values):
        return function(box, target, **values).mean()

    yield Reference(loss, library, name, averaged, [overlapping, apart, *others], ["box"])
    if none:
        yield Reference(loss, library, name, function, [each], ["box"])


def sides(box):
    return box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]


def centres(box):
    return (box[:, :2] + box[:, 2:]) / 2


def hull(box, target):
    return torch.maximum(box[:, 2:], target[:, 2:]) - torch.minimum(box[:, :2], target[:, :2])


def ratio(box, target):
    return ops.box_iou(box, target).diagonal()


def linear_iou(box, target, eps=0.0):
    return 1 - ratio(box, target)


def log_iou(box, target, eps=1e-6):
    return mmdet_boxes.iou_loss(box, target, eps=eps, reduction="none")


def ciou(box, target, eps=1e-7):
    return ops.complete_box_iou_loss(box, target, eps=eps)


def eiou(box, target, eps=1e-7):
    (w, h), (wt, ht), around = sides(box), sides(target), hull(box, target)
    apart = (w - wt) ** 2 / (around[:, 0] ** 2 + eps) + (h - ht) ** 2 / (around[:, 1] ** 2 + eps)
    return ops.distance_box_iou_loss(box, target, eps=eps) + apart


def focal_eiou(box, target, gamma=0.5, eps=0.0):
    return ratio(box, target) ** gamma * eiou(box, target, eps)


def siou(box, target, eps=0.0):
    return mmdet_boxes.siou_loss(box, target, eps=0.0, neg_gamma=True, reduction="none")


def alpha_iou(box, target, alpha=3.0, eps=0.0):
    return 1 - ratio(box, target) ** alpha


def wise_iou(box, target, eps=0.0):
    apart = (centres(box) - centres(target)).square().sum(1)
    return torch.exp(apart / hull(box, target).square().sum(1).detach()) * (1 - ratio(box, target))


def mpd_iou(box, target, width, height, eps=0.0):
    corners = (box - target).square().reshape(-1, 2, 2).sum(2) / (width**2 + height**2)
    return 1 - (ratio(box, target) - corners[:, 0] - corners[:, 1])


def normalized_wasserstein(box, target, scale=12.8):
    def gaussian(b):
        return torch.cat([centres(b), torch.stack(sides(b), 1) / 2], 1)

    return 1 - torch.exp(-(gaussian(box) - gaussian(target)).norm(dim=1) / scale)


def detr_box(box, target, lambda_l1=5.0, lambda_giou=2.0, eps=0.0):
    a, b = (ops.box_convert(x, "xyxy", "cxcywh") for x in (box, target))
    l1 = F.l1_loss(a, b, reduction="sum") / len(box)
    return lambda_l1 * l1 + lambda_giou * ops.generalized_box_iou_loss(box, target, "mean", eps)


def gaussian_focal(logits, heat, alpha=2.0, beta=4.0):
    p = torch.sigmoid(logits)
    peaks = max(1, int((heat == 1).sum()))
    return gaussian_focal_loss.gaussian_focal_loss(p, heat, alpha=alpha, gamma=beta, reduction="sum") / peaks


def oks(point, target, visible, area_of, sigma):
    """As pycocotools computes it, for one object at a time."""
    values = []
    for p, t, v, area in zip(point, target, visible, area_of, strict=True):
        e = (p - t).square().sum(1) / (2 * sigma) ** 2 / area / 2
        values.append(1 - torch.exp(-e[v > 0]).mean())
    return torch.stack(values).mean()


HEAT = np.minimum(1.0, np.round(1.2 * draw.random((3, 4)), 2))
POINTS = {
    "point": draw.normal(size=(2, 3, 2)),
    "target": draw.normal(size=(2, 3, 2)),
    "visible": [[1, 0, 1], [1, 1, 1]],
    "area_of": [4.0, 9.0],
    "sigma": [0.3, 0.5, 1.0],
}

record("boxes", [
    *box_reference("giou", "torchvision", "torchvision.ops.generalized_box_iou_loss", ops.generalized_box_iou_loss,
                   eps=0.0),
    *box_reference("diou", "torchvision", "torchvision.ops.distance_box_iou_loss", ops.distance_box_iou_loss, eps=0.0),
    *box_reference("ciou", "torchvision", "torchvision.ops.complete_box_iou_loss", ciou, eps=1e-7),
    *box_reference("log_iou", "mmdet", "mmdet.models.losses.iou_loss", log_iou, eps=1e-2),
    *box_reference("eiou", "torch", "torchvision.ops.distance_box_iou_loss + formula of Zhang et al. 2022", eiou, eps=0.1),
    *box_reference("normalized_wasserstein", "torch", "formula of Wang et al. 2021", normalized_wasserstein, scale=2.0),
    *box_reference("detr_box", "torchvision", "torchvision.ops.generalized_box_iou_loss + l1_loss", detr_box, none=False,
                   lambda_l1=1.0, lambda_giou=3.0),
    Reference("iou", "torchvision", "1 - torchvision.ops.box_iou", linear_iou, [
        Call(OVERLAPPING, {"eps": 0.0}, "none"), Call(APART, {"eps": 0.0}, "none"),
    ], ["box"]),
    Reference("siou", "mmdet", "mmdet.models.losses.SIoULoss(neg_gamma=True)", siou, [
        Call(OVERLAPPING, {"eps": 0.0}, "none"),
    ], ["box"]),
    Reference("focal_eiou", "torch", "torchvision.ops.box_iou and formula of Zhang et al. 2022", focal_eiou, [
        Call(OVERLAPPING, {"eps": 0.0} | hyper, "none") for hyper in ({}, {"gamma": 1.0})
    ], ["box"]),
    Reference("alpha_iou", "torch", "torchvision.ops.box_iou and formula of He et al. 2021", alpha_iou, [
        Call(OVERLAPPING, {"eps": 0.0} | hyper, "none") for hyper in ({}, {"alpha": 2.0})
    ], ["box"]),
    Reference("wise_iou", "torch", "torchvision.ops.box_iou and formula of Tong et al. 2023", wise_iou, [
        Call(OVERLAPPING, {"eps": 0.0}, "none"), Call(APART, {"eps": 0.0}, "none"),
    ], ["box"]),
    Reference("mpd_iou", "torch", "torchvision.ops.box_iou and formula of Ma and Xu 2023", mpd_iou, [
        Call(pair, {"width": 8.0, "height": 6.0, "eps": 0.0}, "none") for pair in (OVERLAPPING, APART)
    ], ["box"]),
    Reference("balanced_l1", "mmdet", "mmdet.models.losses.balanced_l1_loss", balanced_l1_loss.balanced_l1_loss, [
        Call({"delta": 2 * LOGITS, "target": QUALITY}), Call({"delta": LOGITS, "target": QUALITY}, {"alpha": 1.0, "gamma": 1.0}),
    ], ["delta"]),
    Reference("gaussian_focal", "mmdet", "mmdet.models.losses.gaussian_focal_loss", gaussian_focal, [
        Call({"logits": LOGITS.T, "heat": HEAT}), Call({"logits": LOGITS.T, "heat": HEAT / 2}, {"alpha": 1.0, "beta": 2.0}),
    ], ["logits"]),
    Reference("oks", "torch", "formula of Maji et al. 2022", oks, [Call(POINTS)], ["point"]),
])  # fmt: skip
