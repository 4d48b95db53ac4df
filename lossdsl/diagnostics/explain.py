"""The long story behind an error code, from the docstring of its class."""

from __future__ import annotations

import inspect
from importlib import import_module
from importlib.util import find_spec

from lossdsl.diagnostics.problem import Problem

MODULES = (
    "syntax", "limits", "names", "indices", "types", "calls", "imports", "boosting", "fitting", "comparison", "tuning",
    "searching",
)  # fmt: skip
"""The modules of `lossdsl.diagnostics` that define codes."""


def registry() -> dict[str, type[Problem]]:
    """Every code there is, in order."""
    for module in MODULES:
        name = f"lossdsl.diagnostics.{module}"
        if find_spec(name) is not None:
            import_module(name)
    return dict(sorted(Problem.registry.items()))


def codes() -> dict[str, str]:
    """Every code and what it is called, in order."""
    return {code: problem.title for code, problem in registry().items()}


def explain(code: str) -> str:
    """What a code means, what a text that has it looks like, and what to write instead; KeyError for no code."""
    problem = registry()[code.strip().upper()]
    return f"{problem.code}: {problem.title}\n\n{inspect.cleandoc(problem.__doc__ or '')}"
