"""What names mean at a place of the text: values, axes and index variables.

A `Scope` is one block (of a loss, of a `def` with the arguments of one call).  Index variables live in its frames:
each statement has a frame of its own, each reduction opens another.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lossdsl.diagnostics import LossError, Span
from lossdsl.diagnostics.indices import IndexNotOnLeft
from lossdsl.meaning import core
from lossdsl.meaning.core import Expr, Var
from lossdsl.meaning.resolution.extents import Bounds
from lossdsl.meaning.resolution.words import index_names
from lossdsl.syntax import tree

if TYPE_CHECKING:
    from lossdsl.meaning.resolution.draft import Draft
    from lossdsl.meaning.resolution.imports import Unit

GROUP = ".."


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """A value with axes, as a name stands for it: an argument or binding, some of whose indices are given.

    `template` has one index per axis of the target, or None where an axis is left open; `names` and `bounds` are those
    of the open axes.  A `target` that is a number is a default value, the same at all positions.
    """

    target: core.Arg | core.Let | Expr
    template: tuple[Expr | None, ...]
    names: tuple[str | None, ...]
    bounds: tuple[Bounds, ...]
    span: Span
    ordered: bool = True
    """False where the right side of a binding left the order of its axes open."""


@dataclass(frozen=True, eq=False, slots=True)
class Scalar:
    """A value without indices of its own: an expression of the caller, or a number."""

    expr: Expr
    span: Span
    formal: bool = True
    """An argument of a `def`, which the reader may take for something with axes."""


@dataclass(frozen=True, eq=False, slots=True)
class Poisoned:
    """A name whose binding is wrong; to use it is no further error."""

    span: Span


Value = View | Scalar | Poisoned


@dataclass(slots=True)
class Frame:
    """Index variables of one statement or one reduction.

    root: of a statement; free indices are bound here, unless the left side lists them (`closed`).
    reduction: bound by a reduction, in its brackets.
    catch: a reduction without brackets, which takes what no reduction around it binds.
    inner: an expression handed over as a tensor, over what neither a reduction nor the left side binds.
    whole: an expression handed over as a tensor, where every index is new.
    """

    kind: Literal["root", "reduction", "catch", "inner", "whole"]
    vars: dict[str, Var] = field(default_factory=dict)
    closed: bool = False


@dataclass(eq=False, slots=True)
class Scope:
    draft: Draft
    unit: Unit
    place: str
    """The name of the item, for messages."""
    values: dict[str, Value] = field(default_factory=dict)
    axes: dict[str, Bounds] = field(default_factory=dict)
    """The axes of the signature."""
    axis_spans: dict[str, Span] = field(default_factory=dict)
    group: tuple[str, ...] = (GROUP,)
    """The axis names that `..` stands for; in a loss that is compiled it is one axis of its own."""
    group_labels: tuple[str, ...] = ()
    """What the caller calls these."""
    frames: list[Frame] = field(default_factory=list)
    statement: tree.Expr | None = None
    words: set[str] = field(default_factory=set)
    words_of: tree.Expr | None = None
    """The statement that `words` are the index names of."""
    later: dict[str, Span] = field(default_factory=dict)
    """Names that statements further down bind."""
    reduced_here: set[str] = field(default_factory=set)
    """Names of indices that reductions bound so far."""
    caught: set[str] = field(default_factory=set)
    """Names of indices that reductions of this statement took."""
    formal: bool = False
    """A `def` by itself: its scalar arguments stand for whatever it will be called with."""
    main: bool = False
    """The block of the loss that is compiled."""
    inlined: bool = False
    """The scope of a call, whose scalar arguments may bring index variables of the caller."""

    @contextmanager
    def frame(self, frame: Frame) -> Iterator[Frame]:
        self.frames.append(frame)
        try:
            yield frame
        finally:
            self.frames.pop()

    def bound(self, name: str) -> Var | None:
        """The variable that a reduction or the left side binds here."""
        for frame in reversed(self.frames):
            if frame.kind == "whole":
                return frame.vars.get(name)
            if frame.kind == "reduction" and name in frame.vars:
                return frame.vars[name]
            if frame.kind == "root" and frame.closed:
                return frame.vars.get(name)
        return None

    def reduced(self, name: str) -> bool:
        """Whether a reduction around this place has the name in its brackets."""
        for frame in reversed(self.frames):
            if frame.kind == "whole":
                return False
            if frame.kind == "reduction" and name in frame.vars:
                return True
        return False

    def index(self, name: str, span: Span) -> Var:
        """The variable of an index name, made where it is free."""
        catcher: Frame | None = None
        for frame in reversed(self.frames):
            match frame.kind:
                case "reduction" if name in frame.vars:
                    return frame.vars[name]
                case "root" if frame.closed and catcher is not None and catcher.kind == "inner" and name in frame.vars:
                    return frame.vars[name]
                case "catch" | "inner":
                    catcher = catcher or frame
                case "whole":
                    catcher = catcher or frame
                    break
                case "root":
                    catcher = catcher or frame
        assert catcher is not None, "an index outside of every statement"
        if name not in catcher.vars:
            if catcher.closed:
                raise LossError(self._lacking(catcher, name, span))
            catcher.vars[name] = self.new_var(name, span)
        return catcher.vars[name]

    def new_var(self, name: str, span: Span) -> Var:
        var = Var(name, span)
        if self.group_labels and name in self.group:
            self.draft.labels[var] = self.group_labels[self.group.index(name)]
        if name in self.axes:
            self.draft.fallback[var] = self.axes[name]
        return var

    def _lacking(self, frame: Frame, name: str, span: Span) -> IndexNotOnLeft:
        left = ", ".join(frame.vars)
        return IndexNotOnLeft(
            span,
            f"the index `{name}` is not on the left, which has [{left}], and no reduction binds it",
            f"reduce it, as in `sum[{name}](...)`, or write it on the left: [{left}, {name}]",
        )

    def index_words(self) -> set[str]:
        """Names that the statement uses as indices."""
        if self.statement is None:
            return set()
        if self.words_of is not self.statement:
            self.words, self.words_of = index_names(self.statement), self.statement
        return self.words

    def known_names(self) -> list[str]:
        return [*self.values, *(name for frame in self.frames for name in frame.vars)]


def closest(word: str, known: Iterable[str]) -> str | None:
    """The name that was probably meant."""
    candidates = [name for name in dict.fromkeys(known) if name != word]
    by_lower = {name.lower(): name for name in reversed(candidates)}
    if word.lower() in by_lower:
        return by_lower[word.lower()]
    found = difflib.get_close_matches(word, candidates, n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str | None = None) -> str | None:
    name = closest(word, known)
    return otherwise if name is None else f"did you mean `{name}`?"


def listing(names: Iterable[str | None]) -> str:
    return "[" + ", ".join(name or "_" for name in names) + "]"


def bounds_of(array: core.Arg | core.Let, axis: int) -> Bounds:
    """The positions of an axis."""
    if isinstance(array, core.Arg):
        return (core.ZERO, array.axes[axis])
    var = array.vars[axis]
    return (var.low, var.high)
