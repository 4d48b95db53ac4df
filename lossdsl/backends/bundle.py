"""Several generated modules as one: for a file with several losses.

Each module is our own emitted text: a docstring, imports, definitions.  In the bundle the docstrings follow one
another, each import stands once, each definition that is the same in several modules stands once, and a name that means
different things in two modules gets a new one in the later.
"""

from __future__ import annotations

import ast
import io
import itertools
import tokenize
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A statement at the top of a module with the comments above it; `names` are those that it defines."""

    text: str
    names: tuple[str, ...]
    is_import: bool


def bundle(modules: Sequence[str]) -> str:
    """One module with everything that the modules define; of one module, that module."""
    if len(modules) == 1:
        return modules[0]
    docs: list[str] = []
    imports: dict[str, None] = {}
    definitions: dict[str, None] = {}
    meaning: dict[str, str] = {}
    for module in modules:
        doc, parts = _split(_without_clashes(module, meaning))
        docs.append(doc)
        imports |= dict.fromkeys(part.text for part in parts if part.is_import)
        for part in parts:
            if not part.is_import:
                definitions[part.text] = None
                meaning |= dict.fromkeys(part.names, part.text)
    head = '"""' + "\n\n\n".join(docs) + '\n"""'
    return "\n\n".join([head, _grouped(imports)]) + "\n\n\n" + "\n\n\n".join(definitions) + "\n"


def _without_clashes(module: str, meaning: Mapping[str, str]) -> str:
    """The module with new names for those that mean something else already.

    A definition that uses a renamed one differs from then on from its namesake: again, until nothing clashes.
    """
    while True:
        _, parts = _split(module)
        defined = [(name, part.text) for part in parts if not part.is_import for name in part.names]
        clashes = [name for name, text in defined if meaning.get(name, text) != text]
        if not clashes:
            return module
        taken = meaning.keys() | {name for name, _ in defined}
        module = _renamed(module, {name: _free(name, taken) for name in clashes})


def _split(module: str) -> tuple[str, list[Part]]:
    """The text of the docstring, as written, and the other statements."""
    lines = module.splitlines()
    first, *rest = ast.parse(module).body
    doc = "\n".join(lines[first.lineno - 1 : first.end_lineno]).strip('"').strip()
    parts = []
    done = first.end_lineno or 0
    for node in rest:
        text = "\n".join(lines[done : node.end_lineno]).strip("\n")
        done = node.end_lineno or done
        parts.append(Part(text, _defined(node), isinstance(node, ast.Import | ast.ImportFrom)))
    return doc, parts


def _defined(node: ast.stmt) -> tuple[str, ...]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return (name,)
        case ast.Assign(targets=targets):
            return tuple(target.id for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            return (name,)
    return ()


def _free(name: str, taken: Set[str]) -> str:
    """A public name gets a trailing underscore, as names that are keywords do; a private one a number."""
    if not name.startswith("_"):
        return name + "_" if name + "_" not in taken else _free(name + "_", taken)
    return next(f"{name}_{k}" for k in itertools.count(2) if f"{name}_{k}" not in taken)


def _renamed(module: str, renaming: Mapping[str, str]) -> str:
    """The module with names exchanged, except attributes and what stands in strings."""
    tokens = list(tokenize.generate_tokens(io.StringIO(module).readline))
    lines = module.splitlines(keepends=True)
    for before, token in reversed(list(itertools.pairwise(tokens))):
        if token.type == tokenize.NAME and token.string in renaming and before.string != ".":
            row, start, end = token.start[0] - 1, token.start[1], token.end[1]
            lines[row] = lines[row][:start] + renaming[token.string] + lines[row][end:]
    return "".join(lines)


def _grouped(imports: Mapping[str, None]) -> str:
    """`from __future__` first, then `import`s and `from` imports of one library after another, as they stood."""
    future = [line for line in imports if line.startswith("from __future__")]
    standard = [line for line in imports if line.startswith(("from typing", "import math"))]
    rest = [line for line in imports if line not in future and line not in standard]
    return "\n\n".join("\n".join(group) for group in (future, sorted(standard), rest) if group)
