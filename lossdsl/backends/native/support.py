"""The names and texts that every emitted native module has beside its own."""

from __future__ import annotations

import ast
import inspect
from functools import lru_cache

from lossdsl.backends.interface import Interface
from lossdsl.backends.native import runtime
from lossdsl.backends.numpy.support import numpy_interface
from lossdsl.meaning.core import Program

IMPORTS = (
    "contextvars", "ctypes", "functools", "hashlib", "math", "os", "platform", "shutil", "stat", "subprocess", "sys",
    "tempfile", "threading", "warnings",
)  # fmt: skip
"""Modules that the runtime imports."""
USED = frozenset(IMPORTS) | {"OSError", "RuntimeWarning", "open", "sorted"}
"""Names that the runtime uses and that no function of the module may hide."""


def native_interface(program: Program) -> Interface:
    """The public names of a module; none of them is that of something that the module brings along."""
    own = {*USED, *_definitions(), "_C_SOURCE"}
    return Interface(program, numpy_interface(program).helper_names | own)


@lru_cache(maxsize=1)
def _definitions() -> dict[str, str]:
    """The text of every function and constant of the runtime, by name, with decorators and what explains it."""
    lines = inspect.getsource(runtime).splitlines()
    body = ast.parse("\n".join(lines)).body
    found: dict[str, str] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            found[node.name] = "\n".join(lines[first - 1 : node.end_lineno])
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            assert isinstance(target, ast.Name)
            found[target.id] = "\n".join(lines[node.lineno - 1 : node.end_lineno])
    return found


def native_names() -> frozenset[str]:
    """What a module defines of its own."""
    return frozenset(_definitions())


def native_runtime() -> list[str]:
    """The text of all of it, in order."""
    return list(_definitions().values())
