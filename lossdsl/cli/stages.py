"""The stages of the compiler as text, for `lossdsl compile --emit=STAGE`: one function a stage."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lossdsl.diagnostics import Source, Span
from lossdsl.meaning import core

if TYPE_CHECKING:
    from lossdsl.ir.graph import Index


def tree(text: bytes, path: str) -> str:
    """The syntax tree: what the parser read."""
    from lossdsl.syntax import parse

    return outline(parse(text, path))


def checked(program: core.Program) -> str:
    """The checked tree: names resolved, `def`s inlined, ranges known."""
    return outline(program)


def stages(program: core.Program) -> str:
    """The program: reductions as stages over a DAG of scalars, already in stable forms."""
    from lossdsl.ir.lower import lower
    from lossdsl.ir.show import show

    lowered = lower(program)
    mask = "" if lowered.mask is None else f" where {show(lowered.mask)}"
    value = f"{program.name}{_indices(lowered.free)} = {show(lowered.element)}{mask}"
    return "\n".join([*map(str, lowered.table.stages.values()), value])


def gradients(program: core.Program) -> str:
    """The same, with the derivative of the sum of all elements, weighted by `seed`."""
    from lossdsl.calculus.gradient import gradient
    from lossdsl.ir.lower import lower
    from lossdsl.ir.show import show

    lowered = lower(program)
    derived = gradient(lowered, lowered.differentiable())
    formulas = [f"grad_{name}{_indices(at)} = {show(node)}" for name, (at, node) in derived.by_name.items()]
    return "\n".join([*map(str, lowered.table.stages.values()), *formulas])


BY_NAME = {"core": checked, "program": stages, "gradient": gradients}


def _indices(indices: tuple[Index, ...]) -> str:
    return f"[{', '.join(index.name for index in indices)}]" if indices else ""


def outline(root: Any) -> str:
    """A tree of dataclasses, one object a line, children indented; an object met again is shown by its number only.

    Walks with a stack of its own, so that the depth of a program is no limit.
    """
    numbers: dict[int, int] = {}
    lines = []
    stack = [(0, "", root)]
    while stack:
        depth, label, value = stack.pop()
        indent = "  " * depth + (f"{label}: " if label else "")
        if isinstance(value, tuple | list):
            lines.append(f"{indent}{'' if value else '()'}".rstrip())
            stack += [(depth + 1, "", item) for item in reversed(value)]
        elif not dataclasses.is_dataclass(value):
            lines.append(f"{indent}{_plain(value)}")
        elif id(value) in numbers:
            lines.append(f"{indent}#{numbers[id(value)]}")
        else:
            numbers[id(value)] = len(numbers)
            plain, nested = _fields(value)
            lines.append(f"{indent}#{numbers[id(value)]} {type(value).__name__} {plain}".rstrip())
            stack += [(depth + 1, name, child) for name, child in reversed(nested)]
    return "\n".join(lines)


def _fields(node: Any) -> tuple[str, list[tuple[str, Any]]]:
    """The fields that fit on the line of the node, and those that need lines of their own."""
    plain, nested = [], []
    for name, value in _shown(node):
        if dataclasses.is_dataclass(value) or (isinstance(value, tuple | list) and value):
            nested.append((name, value))
        elif value not in (None, (), ""):
            plain.append(f"{name}={_plain(value)}")
    return " ".join(plain), nested


def _plain(value: Any) -> str:
    return repr(str(value)) if isinstance(value, str) else str(value)


def _shown(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, core.Extent):
        yield "is", _extent(node)
        return
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if not isinstance(value, Span | Source | dict):
            yield field.name, value


def _extent(extent: core.Extent) -> str:
    from lossdsl.ir.show import show_extent

    return show_extent(extent)
