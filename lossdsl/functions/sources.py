"""The text of the prelude: helper functions in the order in which a standalone module defines them."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable
from importlib import resources
from typing import Literal

_MODULES: dict[str, tuple[str, ...]] = {
    "numpy": ("numpy_helpers", "numpy_algebraic", "numpy_special", "numpy_gamma"),
    "torch": ("torch_helpers", "torch_algebraic", "torch_special"),
}


@functools.cache
def _definitions(backend: str) -> dict[str, str]:
    """Name -> text of every function of a prelude; reads the modules without importing them (or torch)."""
    found: dict[str, str] = {}
    for module in _MODULES[backend]:
        text = resources.files("lossdsl.functions").joinpath(f"{module}.py").read_text(encoding="utf-8")
        lines = text.split("\n")  # once: ast.get_source_segment splits the whole text for every function
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef):
                found[node.name] = "\n".join(lines[node.lineno - 1 : node.end_lineno])
    return found


@functools.cache
def _called(backend: str, name: str) -> tuple[str, ...]:
    """Helpers that a helper calls, in the order of their names' first use."""
    definitions = _definitions(backend)
    names = (node.id for node in ast.walk(ast.parse(definitions[name])) if isinstance(node, ast.Name))
    return tuple(dict.fromkeys(used for used in names if used in definitions and used != name))


def helper_source(names: Iterable[str], backend: Literal["numpy", "torch"]) -> list[str]:
    """The texts of the helpers and of those they call, each once, callees first."""
    ordered: dict[str, str] = {}

    def visit(name: str) -> None:
        if name in ordered:
            return
        for used in _called(backend, name):
            visit(used)
        ordered[name] = _definitions(backend)[name]

    for name in sorted(set(names)):
        visit(name)
    return list(ordered.values())


def helper_names(backend: Literal["numpy", "torch"]) -> frozenset[str]:
    """Every name that a prelude may define: emitted code gives none of these to a user's variable."""
    return frozenset(_definitions(backend))
