"""The functions that emitted PyTorch modules carry: their text, read without importing torch."""

from __future__ import annotations

import ast
import functools
import re
from importlib import resources

MODULES = ("runtime", "order_runtime", "block_runtime", "host_functions")


@functools.cache
def definitions(module: str) -> dict[str, str]:
    """Name -> text of every function of a module of this package."""
    text = resources.files("lossdsl.backends.torch").joinpath(f"{module}.py").read_text(encoding="utf-8")
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = ast.get_source_segment(text, node) or ""
    return found


@functools.cache
def names() -> frozenset[str]:
    """Every function of the prelude; no variable of an emitted module has one of these names."""
    return frozenset(name for module in MODULES for name in definitions(module))


def called(body: str) -> list[str]:
    """The texts of the functions that the body calls, and of those that these call, in the order of the prelude."""
    known = {name: text for module in MODULES for name, text in definitions(module).items()}
    wanted: set[str] = set()
    pending = [body]
    while pending:
        used = set(re.findall(r"\b_\w+", pending.pop())) & known.keys()
        pending += [known[name] for name in used - wanted]
        wanted |= used
    return [text for name, text in known.items() if name in wanted]
