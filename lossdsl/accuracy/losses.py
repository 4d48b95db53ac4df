"""The losses that are measured: of the catalogue, and of a folder of examples where there is one."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import lossdsl
from lossdsl.check.reference import is_elementwise
from lossdsl.meaning.core import Apply, Arg, Index, Program, Read, Size
from lossdsl.meaning.reference.walk import bottom_up, children, roots

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
"""Of a checkout; an installed package has none."""


@dataclass(frozen=True)
class Subject:
    """A loss by its file, so that another process can read it again."""

    section: str
    path: Path
    name: str

    @property
    def title(self) -> str:
        return f"{self.section}: {self.name}"

    def program(self) -> Program:
        return _losses(self.path)[self.name].program


@functools.cache
def _losses(path: Path) -> lossdsl.api.Module:
    """A file is read once; one of the catalogue, once in the process."""
    catalogue = lossdsl.catalogue
    return catalogue[path.stem] if path.parent == catalogue.folder else lossdsl.load(path)


def subjects(examples: Path = EXAMPLES, wanted: Sequence[str] = ()) -> list[Subject]:
    """All of them in order, or those whose name or title is wanted."""
    found = [*_of_catalogue(), *_of_folder(examples)]
    return [each for each in found if not wanted or each.name in wanted or each.title in wanted]


def _of_catalogue() -> Iterator[Subject]:
    for name in lossdsl.catalogue:
        path = lossdsl.api.Catalogue.folder / f"{name}.loss"
        for loss in _losses(path):
            yield Subject(name, path, loss)


def _of_folder(folder: Path) -> Iterator[Subject]:
    for path in sorted(folder.glob("*.loss")):
        for loss in _losses(path):
            yield Subject("examples", path, loss)


def measured_by_element(program: Program) -> bool:
    """Whether elements are independent numbers: each reads one position of arguments that all have the same axes.

    Then one call with many elements measures many points.
    """
    axes = tuple(var.high for var in program.free)
    named = all(axis.op == "size" for axis in axes) and bool(axes)
    arrays = [arg for arg in program.args if arg.axes]
    alike = all(arg.axes == axes and not _labels(arg) for arg in arrays)
    predicted = any(arg.role == "prediction" for arg in arrays)
    return named and alike and predicted and is_elementwise(program) and not _uses_positions(program)


def _uses_positions(program: Program) -> bool:
    """Whether a position, or the length of an axis, is used as a number."""
    nodes = [*bottom_up(roots(program)), Apply(program.span, "", (program.element,))]
    users = [node for node in nodes if not isinstance(node, Read)]
    return any(isinstance(child, Index | Size) for node in users for child in children(node))


def _labels(arg: Arg) -> bool:
    return any(each.kind == "axis" for each in arg.domain)


def differentiable(program: Program, by_element: bool) -> tuple[str, ...]:
    """What derivatives are measured for; elements have derivatives by arrays only."""
    roles = ("prediction", "learn")
    return tuple(
        arg.name for role in roles for arg in program.args if arg.role == role and (arg.axes or not by_element)
    )


def scalars(program: Program) -> tuple[str, ...]:
    """What is differentiated by that has no axes."""
    names = differentiable(program, by_element=False)
    return tuple(arg.name for arg in program.args if arg.name in names and not arg.axes)


def functions(program: Program) -> set[str]:
    """The names of the functions and reductions that a program uses."""
    nodes = bottom_up(roots(program))
    return {name for node in nodes if (name := getattr(node, "function", getattr(node, "op", None)))}
