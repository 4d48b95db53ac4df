"""Boosting: a loss as a standalone objective for XGBoost, LightGBM and CatBoost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lossdsl.backends.bundle import bundle
from lossdsl.boosting.curvature import POLICIES
from lossdsl.boosting.libraries import LIBRARIES
from lossdsl.boosting.objective import Request, class_name, emit
from lossdsl.meaning.core import Program

__all__ = ["NAMES", "POLICIES", "Request", "class_name", "emit", "make", "request", "source"]

NAMES = tuple(dict.fromkeys(library for library, _ in LIBRARIES))
"""The libraries there are objectives for."""


def request(
    library: str,
    *,
    api: str = "native",
    hessian: str | None = None,
    target: str | None = None,
    coupled: bool = False,
) -> Request:
    """What is asked for, checked: ValueError for names that do not exist."""
    if library not in NAMES:
        raise ValueError(f"there is no objective for {library!r}, only for {', '.join(NAMES)}")
    if (library, api) not in LIBRARIES:
        raise ValueError(f'api must be "native" or "sklearn", got {api!r}')
    if hessian is not None and hessian not in POLICIES:
        raise ValueError(f"hessian must be among {', '.join(POLICIES)}, got {hessian!r}")
    return Request(library, api, hessian, target, coupled)


def source(programs: Sequence[Program], asked: Request) -> str:
    """One standalone module with the objectives of all losses; ValueError for a target that one of them lacks."""
    return bundle([emit(program, asked) for program in programs])


def make(program: Program, asked: Request, hyperparameters: dict[str, Any]) -> Any:
    """An objective, ready to be passed to the library: an instance of the class that the module defines."""
    from lossdsl.generated import import_generated

    module = import_generated(emit(program, asked), f"{program.name}_{asked.library}")
    return getattr(module, class_name(program))(**hyperparameters)
