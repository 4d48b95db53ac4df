"""The syntax tree: what a `.loss` text says, before any name is looked up.

One frozen class per construct, each with the `Span` it was written at.  The parser builds it, the formatter prints
it, the resolver reads it.  Numbers are exact: `0.1` is the fraction 1/10, never a float.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from lossdsl.diagnostics import Source, Span

# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, eq=False, slots=True)
class Number:
    span: Span
    value: Fraction
    text: str


@dataclass(frozen=True, eq=False, slots=True)
class Constant:
    """`inf` or `pi`."""

    span: Span
    name: Literal["inf", "pi"]


@dataclass(frozen=True, eq=False, slots=True)
class Name:
    span: Span
    id: str


@dataclass(frozen=True, eq=False, slots=True)
class Slice:
    """The `:` of `box[n, :]`; legal only as an index."""

    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Indexed:
    """`x[i, j]` or `f(x)[i, j]`."""

    span: Span
    base: Name | Call
    indices: tuple[Expr | Slice, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Unary:
    """`-x`, `+x`, `not c`, `|x|` (op "abs"), `√x` (op "sqrt")."""

    span: Span
    op: Literal["-", "+", "not", "abs", "sqrt"]
    operand: Expr


@dataclass(frozen=True, eq=False, slots=True)
class Binary:
    """Arithmetic and logic; `op` is normalised: `·` and `×` are `*`, `−` is `-`, `**` is `^`, `x²` is `x^2`."""

    span: Span
    op: Literal["+", "-", "*", "/", "^", "and", "or"]
    left: Expr
    right: Expr


@dataclass(frozen=True, eq=False, slots=True)
class Comparison:
    """A chain `a < b <= c`: operands has one more entry than ops.  `≤ ≥ ≠` are normalised."""

    span: Span
    ops: tuple[Literal["<", "<=", ">", ">=", "==", "!="], ...]
    operands: tuple[Expr, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Membership:
    """`x in {0, 1}`, `x in [0, 1)`, `k in c`: a condition."""

    span: Span
    operand: Expr
    set: DomainSet


@dataclass(frozen=True, eq=False, slots=True)
class Conditional:
    """`then if condition else otherwise`."""

    span: Span
    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, eq=False, slots=True)
class Iverson:
    """`[condition]`."""

    span: Span
    condition: Expr


@dataclass(frozen=True, eq=False, slots=True)
class NamedArgument:
    span: Span
    name: Name
    value: Expr


@dataclass(frozen=True, eq=False, slots=True)
class Call:
    """`f(a, b | c; d, e = 1)`: of a scalar function, a `def` or a `loss`.

    `data` is None if no bar was written, `hyper` is None if no semicolon was.  A positional argument may also be a
    whole read with `:` in it (`unit(w[c, k, :])`), which is an `Indexed`.  Named arguments are legal in any group.
    """

    span: Span
    function: Name
    arguments: tuple[Expr | NamedArgument, ...]
    data: tuple[Expr | NamedArgument, ...] | None
    hyper: tuple[Expr | NamedArgument, ...] | None


@dataclass(frozen=True, eq=False, slots=True)
class Binder:
    """An index where it is bound: `j` or `b in bins` (range: a Number, or the Name of an axis or hyperparameter)."""

    span: Span
    name: Name
    range: Expr | None


@dataclass(frozen=True, eq=False, slots=True)
class Reduction:
    """`sum[i, j where c](body)`, `count[j where c]` (body None), `mean(x)` (binders None), `softmax[c](x)`, ...

    `op` is one of REDUCTIONS or NORMALISERS.  The name `..` stands for the axis group (`mean[..](x)`).
    `max(a, b)` of two or more arguments is not one of these but a `Call` of the scalar function `max`.
    """

    span: Span
    op: str
    op_span: Span
    binders: tuple[Binder, ...] | None
    where: Expr | None
    body: Expr | None


REDUCTIONS = (
    "sum", "mean", "prod", "max", "min", "logsumexp", "norm", "any", "all", "count", "argmax", "argmin",
)  # fmt: skip
NORMALISERS = ("softmax", "log_softmax", "cumsum")

Expr = (
    Number | Constant | Name | Indexed | Unary | Binary | Comparison | Membership | Conditional | Iverson | Call
    | Reduction
)  # fmt: skip


# ---------------------------------------------------------------- domains


@dataclass(frozen=True, eq=False, slots=True)
class Bound:
    """`> 0`, `!= 0`: only in signatures."""

    span: Span
    op: Literal["<", "<=", ">", ">=", "!="]
    value: Expr


@dataclass(frozen=True, eq=False, slots=True)
class Interval:
    """`in (0, 1]`."""

    span: Span
    low: Expr
    high: Expr
    low_open: bool
    high_open: bool


@dataclass(frozen=True, eq=False, slots=True)
class FiniteSet:
    """`in {-1, 1}`."""

    span: Span
    values: tuple[Expr, ...]


@dataclass(frozen=True, eq=False, slots=True)
class AxisSet:
    """`in c`: the whole numbers that index axis `c` (or, in an expression, 0 .. hyperparameter or number - 1)."""

    span: Span
    name: Name | Number


DomainSet = Bound | Interval | FiniteSet | AxisSet


@dataclass(frozen=True, eq=False, slots=True)
class Domain:
    """A union: `in c or {-100}` has two alternatives."""

    span: Span
    alternatives: tuple[DomainSet, ...]


# ---------------------------------------------------------------- items and blocks


@dataclass(frozen=True, eq=False, slots=True)
class Axis:
    """An axis of a signature: a name, a whole number, or the group `..` (name == "..")."""

    span: Span
    name: str | None
    size: int | None


@dataclass(frozen=True, eq=False, slots=True)
class Argument:
    span: Span
    name: Name
    axes: tuple[Axis, ...]
    domain: Domain | None
    default: Expr | None
    learn: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Docstring:
    span: Span
    text: str


@dataclass(frozen=True, eq=False, slots=True)
class Binding:
    """`r = e`, `s[i, j] = e`, `edge[b in bins] = e`, `predict mu = e`."""

    span: Span
    name: Name
    indices: tuple[Binder, ...] | None
    value: Expr
    predict: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Unpacking:
    """`x1, y1, x2, y2 = box[n, :]`."""

    span: Span
    names: tuple[Name, ...]
    value: Expr


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    span: Span
    doc: Docstring | None
    statements: tuple[Binding | Unpacking, ...]
    result: Expr


@dataclass(frozen=True, eq=False, slots=True)
class Use:
    """`use regression: huber, mse as squared` (path None) or `use "./mine.loss": foo` (module None)."""

    span: Span
    module: str | None
    path: str | None
    origin: Span
    names: tuple[tuple[Name, Name], ...]
    """(name there, name here) pairs; the same Name twice without `as`."""


@dataclass(frozen=True, eq=False, slots=True)
class Def:
    """`def f(x, y; p)[i, j] = e` or with a block.  `one_line` is how it was written, for the formatter."""

    span: Span
    name: Name
    arguments: tuple[Argument, ...]
    hyper: tuple[Argument, ...]
    indices: tuple[Name, ...] | None
    body: Block
    one_line: bool


@dataclass(frozen=True, eq=False, slots=True)
class Loss:
    span: Span
    name: Name
    predictions: tuple[Argument, ...]
    data: tuple[Argument, ...]
    hyper: tuple[Argument, ...]
    body: Block


@dataclass(frozen=True, eq=False, slots=True)
class Module:
    span: Span
    source: Source
    doc: Docstring | None
    items: tuple[Use | Def | Loss, ...]
