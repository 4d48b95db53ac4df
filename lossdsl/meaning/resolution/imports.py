"""`use`: items of other files.

A text reaches modules of the shipped catalogue, and files in the folder tree of the root file; nothing else is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lossdsl.diagnostics import LossError, Problem, Span
from lossdsl.diagnostics.imports import (
    ChainTooLong,
    FileMissing,
    ImportCycle,
    NoFolder,
    NotInModule,
    OutsideFolder,
    UnknownModule,
)
from lossdsl.diagnostics.limits import MAX_CHARACTERS
from lossdsl.diagnostics.names import NameTaken
from lossdsl.meaning import core
from lossdsl.meaning.resolution.scopes import did_you_mean
from lossdsl.meaning.resolution.signatures import Signature
from lossdsl.syntax import parse, tree

CATALOGUE = Path(__file__).parents[2] / "catalogue"


@dataclass(eq=False, slots=True)
class Item:
    """A `def` or loss, and how far it has been looked at."""

    node: tree.Def | tree.Loss
    unit: Unit
    state: Literal["new", "busy", "good", "bad"] = "new"
    signature: Signature | None = None
    program: core.Program | None = None


@dataclass(eq=False, slots=True)
class Unit:
    """A file and what its names mean: its own items, and those it uses."""

    module: tree.Module
    file: Path | None
    folder: Path | None
    """The tree that it may take files from; None for a text without a path."""
    items: dict[str, Item] = field(default_factory=dict)
    where: dict[str, Span] = field(default_factory=dict)
    """Where each of these names is bound: at the item, or in `use`."""
    own: list[Item] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    report: list[Problem] = field(default_factory=list)
    """What is wrong with items, wherever they come from; one list for all files of a run."""
    busy: list[str] = field(default_factory=list)
    """Names of the items that are being checked, each called by the one before; one list, too."""
    bad: set[str] = field(default_factory=set)
    """Names whose `use` failed."""


LONGEST_CHAIN = 50
"""Of files that use one another."""


class Library:
    """The files of one run, each read once."""

    def __init__(self, catalogue: Path | None) -> None:
        self.catalogue = catalogue or CATALOGUE
        self.units: dict[Path, Unit] = {}
        self.loading: list[Path] = []
        self.report: list[Problem] = []
        self.busy: list[str] = []

    def root(self, module: tree.Module) -> Unit:
        path = Path(module.source.path)
        file = path.resolve() if path.name and not module.source.path.startswith("<") else None
        unit = Unit(module, file, file.parent if file is not None else None, report=self.report, busy=self.busy)
        if file is not None:
            self.units[file] = unit
            self.loading.append(file)
        self._fill(unit)
        return unit

    def _fill(self, unit: Unit) -> None:
        for item in unit.module.items:
            try:
                if isinstance(item, tree.Use):
                    self._use(unit, item)
                else:
                    _bind(unit, item.name, Item(item, unit))
            except LossError as error:
                unit.problems.extend(error.problems)

    def _use(self, unit: Unit, use: tree.Use) -> None:
        try:
            other = self._other(unit, use)
        except LossError:
            unit.bad.update(here.id for _, here in use.names)
            raise
        for there, here in use.names:
            item = other.items.get(there.id)
            if item is None:
                unit.bad.add(here.id)
                if there.id not in other.bad:
                    unit.problems.append(_not_there(there, use, other))
            else:
                _bind(unit, here, item)

    def _other(self, unit: Unit, use: tree.Use) -> Unit:
        file, folder = self._file(unit, use)
        if file in self.loading:
            names = " -> ".join(path.name for path in [*self.loading[self.loading.index(file) :], file])
            raise LossError(ImportCycle(use.origin, f"files use one another in a circle: {names}"))
        if len(self.loading) >= LONGEST_CHAIN:
            why = f"this is the end of a chain of {LONGEST_CHAIN} files, each of which uses the next"
            raise LossError(ChainTooLong(use.origin, why, "use the file that has the item itself"))
        if file not in self.units:
            try:
                self._load(file, folder, use)
            except LossError as error:
                for problem in error.problems:
                    if problem.span.source is not use.span.source:
                        problem.notes = (*problem.notes, (use.origin, "used here"))
                raise
        return self.units[file]

    def _load(self, file: Path, folder: Path, use: tree.Use) -> None:
        other = Unit(_read(file, use.origin), file, folder, report=self.report, busy=self.busy)
        self.units[file] = other
        self.loading.append(file)
        self._fill(other)
        self.loading.pop()
        if other.problems:
            raise LossError(*other.problems)

    def _file(self, unit: Unit, use: tree.Use) -> tuple[Path, Path]:
        """The file, and the folder that it may take files from in turn."""
        if use.module is not None:
            file = self.catalogue / f"{use.module}.loss"
            if not file.is_file():
                known = sorted(path.stem for path in self.catalogue.glob("*.loss"))
                hint = f"its modules are {', '.join(known)}" if known else None
                raise LossError(
                    UnknownModule(
                        use.origin,
                        f"the catalogue has no module `{use.module}`",
                        did_you_mean(use.module, known, hint),
                    )
                )
            return file.resolve(), self.catalogue.resolve()
        return self._beside(unit, use)

    def _beside(self, unit: Unit, use: tree.Use) -> tuple[Path, Path]:
        if unit.file is None or unit.folder is None:
            raise LossError(
                NoFolder(use.origin, "this text comes from no file, so that no file is beside it", "save it to a file")
            )
        assert use.path is not None, "either a module or a path"
        try:
            file = (unit.file.parent / use.path).resolve()
        except (OSError, ValueError, RuntimeError):
            raise LossError(FileMissing(use.origin, "this is no path of a file")) from None
        folder = unit.folder.resolve()
        if not file.is_relative_to(folder):
            raise LossError(
                OutsideFolder(
                    use.origin,
                    "this file is outside the folder of the file that is compiled",
                    "copy it into the folder",
                )
            )
        return file, folder


def _read(file: Path, origin: Span) -> tree.Module:
    """Of a text that is too long no more is read than shows it; pipes and devices are not opened."""
    try:
        if file.exists() and not file.is_file():
            raise OSError(0, "it is no ordinary file")
        with file.open("rb") as opened:
            text = opened.read(4 * MAX_CHARACTERS + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LossError(FileMissing(origin, f"`{file.name}` cannot be read: {reason}")) from None
    return parse(text, str(file))


def _bind(unit: Unit, name: tree.Name, item: Item) -> None:
    if name.id in unit.items:
        raise LossError(
            NameTaken(
                name.span,
                f"the file has another item called `{name.id}`",
                "take another name, with `as` for what is used from elsewhere",
                ((unit.where[name.id], "bound here"),),
            )
        )
    unit.items[name.id] = item
    unit.where[name.id] = name.span
    if item.unit is unit:
        unit.own.append(item)


def _not_there(there: tree.Name, use: tree.Use, other: Unit) -> NotInModule:
    what = f"module `{use.module}`" if use.module is not None else f'"{use.path}"'
    known = list(other.items)
    hint = f"it has {', '.join(known[:12])}" if known else None
    return NotInModule(there.span, f"{what} has no item `{there.id}`", did_you_mean(there.id, known, hint))
