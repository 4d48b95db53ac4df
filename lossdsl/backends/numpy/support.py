"""What every emitted NumPy module may need: functions of the runtime, and text that can stand in a docstring."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from functools import lru_cache
from importlib import resources

from lossdsl.backends.interface import Interface
from lossdsl.functions.sources import helper_names
from lossdsl.meaning.core import Program


def numpy_interface(program: Program) -> Interface:
    """The public names of a module; none of them is that of a function that the module brings along."""
    return Interface(program, helper_names("numpy") | frozenset(runtime_functions()) | {"_arguments", *IMPORTS})


def quoted(text: str) -> str:
    """Text that can stand in a docstring: nothing in it ends the string or escapes."""
    safe = "".join(c if c == "\n" or (c.isprintable() and c != "\\") else _escaped(c) for c in text)
    safe = safe.replace('"""', '\\"\\"\\"')
    return safe[:-1] + '\\"' if safe.endswith('"') else safe


def _escaped(char: str) -> str:
    if char == "\\":
        return "\\\\"
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


@lru_cache(maxsize=1)
def runtime_functions() -> dict[str, str]:
    """The source of each function and constant of the runtime, by name; read without importing it, nor NumPy."""
    found: dict[str, str] = {}
    for package, module, names in RUNTIME:
        # by the path: to look inside a package imports it, and those import NumPy
        source = resources.files("lossdsl.backends").joinpath(package, f"{module}.py").read_text(encoding="utf-8")
        texts = definitions(source)
        found |= {name: texts[name] for name in (names or texts)}
    return found


RUNTIME: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("numpy", "runtime", ()),
    ("numpy", "order_runtime", ()),
    ("native", "runtime", ("_threads", "_thread_count", "_default_threads", "_Buffers", "_buffers")),
    ("numpy", "block_runtime", ()),
)
"""Where the runtime stands, and which names are taken of each module; all, if none are given."""


def definitions(source: str) -> dict[str, str]:
    """The text of each function, class and constant, by name, with decorators and with what explains it."""
    lines = source.splitlines()
    body = ast.parse(source).body
    found: dict[str, str] = {}
    for node, following in zip(body, [*body[1:], None], strict=True):
        first, last = node.lineno, node.end_lineno
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            first, name = min([first, *(d.lineno for d in node.decorator_list)]), node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            assert isinstance(target, ast.Name)
            name = target.id
            last = following.end_lineno if isinstance(following, ast.Expr) else last
        else:
            continue
        found[name] = "\n".join(lines[first - 1 : last])
    return found


def runtime_source(body: str, without: Collection[str] = ()) -> list[str]:
    """The runtime functions that the text calls, and those that they call, but for those in `without`."""
    known = runtime_functions()
    wanted: set[str] = set()
    pending = [body]
    while pending:
        for name in set(re.findall(r"\w+", pending.pop())) & known.keys() - wanted:
            wanted.add(name)
            pending.append(known[name])
    return [source for name, source in known.items() if name in wanted and name not in without]


IMPORTS = ("contextvars", "functools", "itertools", "math", "os", "sys", "threading")
"""Modules of the standard library that the runtime may need."""


def imports(text: str, always: Collection[str] = ()) -> str:
    """The imports that a module with this text starts with; modules in `always` whether the text needs them or not."""
    names = [name for name in sorted({*IMPORTS, *always}) if name in always or f"{name}." in text]
    lines = [f"import {name}" for name in names]
    if "Callable[" in text:
        lines.append("from collections.abc import Callable, Iterable, Sequence")
    return "\n".join([*lines, "from typing import Any"])
