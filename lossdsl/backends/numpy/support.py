"""What every emitted NumPy module may need: functions of the runtime, and text that can stand in a docstring."""

from __future__ import annotations

import ast
from functools import lru_cache
from importlib import resources

from lossdsl.backends.interface import Interface
from lossdsl.functions.sources import helper_names
from lossdsl.meaning.core import Program


def numpy_interface(program: Program) -> Interface:
    """The public names of a module; none of them is that of a function that the module brings along."""
    return Interface(program, helper_names("numpy") | frozenset(runtime_functions()) | {"_arguments"})


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
    """The source of each function of the runtime, by name; read without importing it, nor NumPy."""
    found = {}
    for module in ("runtime", "order_runtime"):
        source = resources.files("lossdsl.backends.numpy").joinpath(f"{module}.py").read_text(encoding="utf-8")
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef):
                found[node.name] = ast.get_source_segment(source, node) or ""
    return found


def runtime_source(body: str) -> list[str]:
    """The runtime functions that the text calls, and those that they call."""
    known = runtime_functions()
    wanted: set[str] = set()
    pending = [body]
    while pending:
        text = pending.pop()
        for name, source in known.items():
            if name not in wanted and f"{name}(" in text:
                wanted.add(name)
                pending.append(source)
    return [source for name, source in known.items() if name in wanted]
