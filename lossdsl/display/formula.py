"""Formulas as people write them: a small tree that the printers of the loss language, LaTeX and Unicode share.

It is made from the checked tree (a loss as its author wrote it) or from the program of the compiler (a gradient).  On
the way out every name in it is one that the reader knows: an argument, a binding of the same sheet, or an index.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeVar

from lossdsl.meaning.core import Extent

T = TypeVar("T")


class NotExpressible(Exception):
    """The formula needs something that the loss language has no word for; the message says what."""


@dataclass(frozen=True, eq=False, slots=True)
class Number:
    value: Fraction | Literal["inf", "-inf", "pi"]


@dataclass(frozen=True, eq=False, slots=True)
class Symbol:
    """An index variable, as a number."""

    name: str


@dataclass(frozen=True, eq=False, slots=True)
class Size:
    """The length of the axis of that name."""

    axis: str


@dataclass(frozen=True, eq=False, slots=True)
class Element:
    """An entry of an argument or a binding; scalars have no indices."""

    name: str
    indices: tuple[Formula, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Apply:
    """A function of the table, operators and comparisons included."""

    function: str
    args: tuple[Formula, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Chain:
    """`low <= middle < high`; `first` and `second` are "le" or "lt"."""

    low: Formula
    first: str
    middle: Formula
    second: str
    high: Formula


@dataclass(frozen=True, eq=False, slots=True)
class Choice:
    condition: Formula
    then: Formula
    otherwise: Formula


@dataclass(eq=False, slots=True)
class Binder:
    """An index where it is bound, and its range; `within` names the axis, hyperparameter or number where it is said."""

    name: str
    low: Extent
    high: Extent
    within: str | None = None


@dataclass(eq=False, slots=True)
class Reduction:
    """`op[binders where ...](body)`, normalisers such as softmax included."""

    op: str
    binders: tuple[Binder, ...]
    where: Formula | None
    body: Formula


Formula = Number | Symbol | Size | Element | Apply | Chain | Choice | Reduction


@dataclass(eq=False, slots=True)
class Definition:
    """`name[binders] = value`."""

    name: str
    binders: tuple[Binder, ...]
    value: Formula
    kept: Formula | None = None
    """The condition under which an element counts, where the value is that of the elements of a loss."""


@dataclass(eq=False, slots=True)
class Sheet:
    """Definitions, each using earlier ones only; the last is what the sheet is about."""

    definitions: list[Definition]
    axes: dict[str, tuple[tuple[Extent, Extent, str], ...]] = field(default_factory=dict)
    """Of each argument and binding, per axis: low, high and the name of the index that stands for it (or "")."""

    @property
    def result(self) -> Definition:
        return self.definitions[-1]


def children(formula: Formula) -> tuple[Formula, ...]:
    """In the order in which they are written."""
    match formula:
        case Element(indices=indices):
            return indices
        case Apply(args=args):
            return args
        case Chain(low=low, middle=middle, high=high):
            return (low, middle, high)
        case Choice(condition=condition, then=then, otherwise=otherwise):
            return (then, condition, otherwise)
        case Reduction(where=where, body=body):
            return (body,) if where is None else (where, body)
    return ()


def fold(root: Formula, combine: Callable[[Formula, Sequence[T]], T]) -> T:
    """The value of `combine`, from the leaves up; a loop, since sums of thousands of terms are deep."""
    done: dict[int, T] = {}
    stack = [root]
    while stack:
        formula = stack[-1]
        parts = children(formula)
        missing = [part for part in parts if id(part) not in done]
        if missing and id(formula) not in done:
            stack.extend(reversed(missing))
            continue
        stack.pop()
        if id(formula) not in done:
            done[id(formula)] = combine(formula, [done[id(part)] for part in parts])
    return done[id(root)]


def descendants(root: Formula) -> list[Formula]:
    """Every formula below and at the root, once, users before arguments, in the order of writing."""
    seen: set[int] = set()
    result = []
    stack = [root]
    while stack:
        formula = stack.pop()
        if id(formula) in seen:
            continue
        seen.add(id(formula))
        result.append(formula)
        stack.extend(reversed(children(formula)))
    return result


def is_number(formula: Formula, value: int) -> bool:
    return isinstance(formula, Number) and formula.value == value


def extent_formula(extent: Extent) -> Formula:
    match extent.op:
        case "const":
            return Number(Fraction(extent.value))
        case "size":
            return Size(extent.name)
        case "hyper":
            return Element(extent.name)
        case "floordiv":
            return Apply("floor", (Apply("div", tuple(map(extent_formula, extent.operands))),))
    parts = tuple(map(extent_formula, extent.operands))
    return shifted(extent.op, *parts) if extent.op in ("add", "sub") else Apply(extent.op, parts)


def shifted(function: str, left: Formula, right: Formula) -> Formula:
    """A sum or difference of whole numbers, with the constants at its end put together: i + 1 - 1 is i."""
    if isinstance(right, Number) and isinstance(right.value, Fraction):
        offset = right.value if function == "add" else -right.value
        match left:
            case Apply(function="add" | "sub" as before, args=(first, Number(value=Fraction() as value))):
                left, offset = first, offset + (value if before == "add" else -value)
            case Number(value=Fraction() as value):
                return Number(value + offset)
        if not offset:
            return left
        return Apply("add" if offset > 0 else "sub", (left, Number(abs(offset))))
    return Apply(function, (left, right))


def rebuilt(formula: Formula, parts: Sequence[Formula]) -> Formula:
    """The same formula over other parts, given in the order of `children`."""
    match formula:
        case Element(name=name):
            return Element(name, tuple(parts))
        case Apply(function=function):
            return Apply(function, tuple(parts))
        case Chain(first=first, second=second):
            return Chain(parts[0], first, parts[1], second, parts[2])
        case Choice():
            return Choice(parts[1], parts[0], parts[2])
        case Reduction(op=op, binders=binders, where=where):
            return Reduction(op, binders, None if where is None else parts[0], parts[-1])
    return formula


def one_fraction(root: Formula) -> Formula:
    """a/b/c as a/(b c): for people, as the two round differently."""

    def joined(formula: Formula, parts: Sequence[Formula]) -> Formula:
        match formula, parts:
            case Apply(function="div"), [Apply(function="div", args=(above, below)), divisor]:
                return Apply("div", (above, Apply("mul", (below, divisor))))
        return rebuilt(formula, parts)

    return fold(root, joined)
