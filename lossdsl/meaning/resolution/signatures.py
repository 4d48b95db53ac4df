"""Signatures of losses and `def`s: their arguments, axes and domains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lossdsl.diagnostics import LossError, Problem, Span
from lossdsl.diagnostics.names import NameTaken
from lossdsl.meaning import core
from lossdsl.meaning.resolution import constants, domains, extents
from lossdsl.meaning.resolution.domains import Surroundings
from lossdsl.meaning.resolution.scopes import GROUP
from lossdsl.syntax import tree
from lossdsl.syntax.printer import format_domain, format_expr

Role = Literal["prediction", "data", "hyper", "learn"]


@dataclass(frozen=True, slots=True)
class Formal:
    """An argument of an item, and what it was written as."""

    written: tree.Argument
    arg: core.Arg

    @property
    def axes(self) -> tuple[str | None, ...]:
        return tuple(axis.name for axis in self.written.axes)


@dataclass(frozen=True, slots=True)
class Signature:
    """The arguments in their groups; a `def` has no data."""

    first: tuple[Formal, ...]
    data: tuple[Formal, ...]
    hyper: tuple[Formal, ...]

    @property
    def formals(self) -> tuple[Formal, ...]:
        return (*self.first, *self.data, *self.hyper)

    @property
    def axes(self) -> dict[str, Span]:
        """The names of axes, and where each first stands."""
        named: dict[str, Span] = {}
        for formal in self.formals:
            for axis in formal.written.axes:
                if axis.name is not None:
                    named.setdefault(axis.name, axis.span)
        return named


def signature(item: tree.Def | tree.Loss, taken: Callable[[str], Span | None]) -> Signature:
    """`taken` says where a name of the file is bound, if it is."""
    reader = _Reader(item, taken)
    match item:
        case tree.Loss():
            result = Signature(
                reader.group(item.predictions, "prediction"),
                reader.group(item.data, "data"),
                reader.group(item.hyper, "hyper"),
            )
        case tree.Def():
            result = Signature(reader.group(item.arguments, "data"), (), reader.group(item.hyper, "data"))
    if reader.problems:
        raise LossError(*reader.problems)
    return result


class _Reader:
    def __init__(self, item: tree.Def | tree.Loss, taken: Callable[[str], Span | None]) -> None:
        written = _arguments(item)
        axes = frozenset(axis.name for argument in written for axis in argument.axes if axis.name is not None)
        self.around = Surroundings(axes)
        self.is_def = isinstance(item, tree.Def)
        self.bound: dict[str, Span] = {}
        self.defaults: dict[str, constants.Constant | None] = {}
        self.problems: list[Problem] = []
        self._names(item, written, taken)

    def _names(
        self, item: tree.Def | tree.Loss, written: tuple[tree.Argument, ...], taken: Callable[[str], Span | None]
    ) -> None:
        for argument in written:
            self._bind(argument.name.id, argument.name.span, taken, "an argument")
        for argument in written:
            for axis in argument.axes:
                if axis.name is not None:
                    self._clash(axis.name, axis.span, taken, "an axis")
        for name in (item.indices or ()) if isinstance(item, tree.Def) else ():
            self._clash(name.id, name.span, taken, "an index")

    def _bind(self, word: str, span: Span, taken: Callable[[str], Span | None], what: str) -> None:
        if not self._clash(word, span, taken, what):
            self.bound[word] = span

    def _clash(self, word: str, span: Span, taken: Callable[[str], Span | None], what: str) -> bool:
        earlier = self.bound.get(word) or taken(word)
        if earlier is None:
            return False
        whose = "an argument" if word in self.bound else "an item of the file"
        self.problems.append(
            NameTaken(
                span,
                f"`{word}` is {whose}, and cannot be {what}, too",
                "take another name",
                ((earlier, "bound here"),),
            )
        )
        return True

    def group(self, written: tuple[tree.Argument, ...], role: Role) -> tuple[Formal, ...]:
        formals = []
        for argument in written:
            try:
                formals.append(self._formal(argument, "learn" if argument.learn else role))
            except LossError as error:
                self.problems.extend(error.problems)
        return tuple(formals)

    def _formal(self, written: tree.Argument, role: Role) -> Formal:
        alternatives = domains.domain(written.domain, self.around) if written.domain is not None else ()
        default = constants.constant(written.default, "a default value") if written.default is not None else None
        if self.is_def and not written.axes:
            role = "hyper"  # it may be called with one, and serve as a size
        arg = core.Arg(
            written.name.id,
            role,
            tuple(_extent(axis) for axis in written.axes),
            alternatives,
            default,
            domains.whole(alternatives),
            written.name.span,
            format_domain(written.domain) if written.domain is not None else "",
            format_expr(written.default) if written.default is not None else "",
        )
        if role in ("hyper", "learn") or not written.axes:
            self.around.hypers[arg.name] = arg
        self.defaults[arg.name] = default
        if written.default is not None and default is not None:
            domains.check_inside(arg, default, written.default.span, self.defaults, "the default")
        return Formal(written, arg)


def _arguments(item: tree.Def | tree.Loss) -> tuple[tree.Argument, ...]:
    if isinstance(item, tree.Loss):
        return (*item.predictions, *item.data, *item.hyper)
    return (*item.arguments, *item.hyper)


def _extent(axis: tree.Axis) -> core.Extent:
    if axis.size is not None:
        return extents.const(axis.size)
    return extents.size(axis.name or GROUP)
