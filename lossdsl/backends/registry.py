"""Back ends by name: each is a package `lossdsl.backends.NAME` with a function `emit`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from typing import Any

import lossdsl.backends
from lossdsl.backends.bundle import bundle
from lossdsl.meaning import core


def names() -> list[str]:
    """The back ends there are, those that most people ask for first."""
    found = [module.name for module in pkgutil.iter_modules(lossdsl.backends.__path__) if module.ispkg]
    return sorted(found, key=lambda name: (name not in ("numpy", "torch"), name))


def emit(backend: str, programs: Sequence[core.Program], **options: Any) -> str:
    """The text of one standalone module with the code of all programs; the same input gives the same bytes."""
    if backend not in names():
        raise ValueError(f"there is no backend {backend!r}, only {', '.join(names())}")
    module = importlib.import_module(f"lossdsl.backends.{backend}")
    return bundle([module.emit(program, **options) for program in programs])
