"""Imports parts of packages whose `__init__` needs what CPU code does not: operators compiled for a GPU, loggers.

bare("mmdet", "mmdet.models", "mmdet.models.losses")
from mmdet.models.losses.gfocal_loss import quality_focal_loss
"""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path


def bare(*names: str) -> None:
    """Register the packages without running their `__init__`, outermost first."""
    for name in names:
        if name in sys.modules:
            continue
        module = types.ModuleType(name)
        module.__path__ = [str(_folder(name))]
        sys.modules[name] = module


def _folder(name: str) -> Path:
    root, *inner = name.split(".")
    spec = importlib.util.find_spec(root) if root not in sys.modules else None
    base = spec.submodule_search_locations[0] if spec else sys.modules[root].__path__[0]
    return Path(base).joinpath(*inner)
