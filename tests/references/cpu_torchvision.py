"""Lets libraries that import torchvision be imported beside a CPU build of torch.

torchvision's wheels on PyPI are linked with CUDA: beside a CPU build of torch their compiled operators do not load, and
importing torchvision fails where it describes two of them.  No reference calls these, so declaring them is enough.
Import this module before any library that needs torchvision.
"""

from __future__ import annotations

import torch


def _declare(operator: str) -> None:
    torch.library.define(f"torchvision::{operator}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


if torch.version.cuda is None:
    _declare("nms")
    _declare("qnms")
