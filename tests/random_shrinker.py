"""Makes a failing program small: parts of expressions in place of the whole, 1 in place of a part, lines left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from lossdsl.diagnostics import LossError
from lossdsl.meaning import resolve
from lossdsl.syntax import parse, tree
from tests.random_programs import Drawn

EXPRESSIONS = (
    tree.Number, tree.Name, tree.Indexed, tree.Unary, tree.Binary, tree.Comparison, tree.Conditional, tree.Iverson,
    tree.Call, tree.Reduction,
)  # fmt: skip
TRIES = 3000


def shrunk(drawn: Drawn, fails: Callable[[Drawn], bool]) -> Drawn:
    """A program that still fails, and that no single step makes smaller; inputs that nothing reads are left out."""
    tries = 0
    smaller = True
    while smaller and tries < TRIES:
        smaller = False
        for text in candidates(drawn.text):
            tries += 1
            candidate = _with_its_inputs(replace(drawn, text=text))
            if candidate is not None and fails(candidate):
                drawn, smaller = candidate, True
                break
    return drawn


def candidates(text: str) -> Iterator[str]:
    """Shorter texts, the shortest first; not all of them are programs."""
    found = {*_without_lines(text), *_with_parts(text)}
    yield from sorted((t for t in found if len(t) < len(text)), key=lambda t: (len(t), t))


def _without_lines(text: str) -> Iterator[str]:
    lines = text.splitlines(keepends=True)
    for k in range(1, len(lines) - 1):
        yield "".join(lines[:k] + lines[k + 1 :])


def _with_parts(text: str) -> Iterator[str]:
    for node in _nodes(parse(text)):
        if isinstance(node, EXPRESSIONS):
            start, end = node.span.start, node.span.end
            for part in {"1", "0", *(_source(text, n) for n in _children(node))}:
                yield f"{text[:start]}{part}{text[end:]}"


def _source(text: str, node: Any) -> str:
    return f"({text[node.span.start : node.span.end]})"


def _nodes(root: Any) -> Iterator[Any]:
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending += _fields(node)


def _fields(node: Any) -> list[Any]:
    """What a node is made of, tuples taken apart."""
    if isinstance(node, tuple):
        return [n for n in node if isinstance(n, tuple) or is_dataclass(n)]
    return [] if isinstance(node, type) or not is_dataclass(node) else _fields(
        tuple(getattr(node, f.name) for f in fields(node) if f.name not in ("span", "source", "op_span", "origin"))
    )  # fmt: skip


def _children(node: Any) -> list[Any]:
    """The expressions right below an expression."""
    result: list[Any] = []
    pending = _fields(node)
    while pending:
        part = pending.pop()
        if isinstance(part, EXPRESSIONS):
            result.append(part)
        else:
            pending += _fields(part)
    return result


def _with_its_inputs(drawn: Drawn) -> Drawn | None:
    """The program with the inputs that it still has; None for a text that is no program."""
    try:
        loss = resolve(parse(drawn.text)).losses["f"]
    except (LossError, KeyError):
        return None
    names = {a.name for a in loss.args}
    return replace(drawn, inputs={n: v for n, v in drawn.inputs.items() if n in names})
