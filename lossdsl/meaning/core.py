"""The checked tree: a loss with every name resolved, every `def` inlined and every index range known.

The resolver builds it; the reference interpreter and the compiler each read it, and share nothing behind it.

On the way out of the resolver the following holds:

* `def`s and called losses are gone; their arguments are expressions, shared as objects (the tree is a DAG: look at
  `id(node)` to evaluate a shared node once).
* Every index variable is its own `Var` object, bound once: by a `Let`, a `Reduce`, an `Along`, or `Loss.free`.  Names
  may repeat, objects do not; nothing is ever captured.
* A `Var` runs over the whole numbers low <= v < high; both are `Extent`s, known when the sizes of the arguments are.
* A `Read` of an argument or a `Let` gives one index expression per axis, as an absolute position (a `Let` over the
  interval 1 <= i < n is read at i, not i - 1).
* Conditions and numbers do not mix: `kind` of every node is "real", "int" or "bool".
* A `Read` is `safe` if it can not be out of range for any input whose shapes pass the checks; others (gathers, reads
  behind a guard) must be checked at run time where they are evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from lossdsl.diagnostics import Span

Kind = Literal["real", "int", "bool"]

# ---------------------------------------------------------------- sizes


@dataclass(frozen=True, slots=True)
class Extent:
    """A whole number known at the call: (op, operands).  Compared and hashed by structure.

    op: "const" (value), "size" (name of a signature axis), "hyper" (name of a whole-number hyperparameter),
    "add", "sub", "mul", "max", "min", "floordiv" (operands).
    """

    op: Literal["const", "size", "hyper", "add", "sub", "mul", "max", "min", "floordiv"]
    operands: tuple[Extent, ...] = ()
    value: int = 0
    name: str = ""


ZERO = Extent("const", value=0)


@dataclass(eq=False, slots=True)
class Var:
    """An index variable; `name` is what the user wrote (for messages and for names in emitted code)."""

    name: str
    span: Span
    low: Extent = ZERO
    high: Extent = ZERO


# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, eq=False, slots=True)
class Num:
    span: Span
    value: Fraction | Literal["inf", "-inf", "pi"]


@dataclass(frozen=True, eq=False, slots=True)
class Index:
    """The value of an index variable, as a whole number."""

    span: Span
    var: Var


@dataclass(frozen=True, eq=False, slots=True)
class Size:
    """`size(n)`: the length of an axis (of the range of a variable, for an axis that is an interval)."""

    span: Span
    extent: Extent


@dataclass(frozen=True, eq=False, slots=True)
class Read:
    """An element of an argument or of a binding.  Scalar arguments and bindings are read with no indices.

    `guards` are the conditions (each with the truth value it must have) under which the read is evaluated, from
    the outside in: of enclosing conditionals and of `where` parts.  Empty where `safe`.
    """

    span: Span
    array: Arg | Let
    indices: tuple[Expr, ...]
    safe: bool
    guards: tuple[tuple[Expr, bool], ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Apply:
    """A scalar function of the table: add, sub, mul, div, neg, pow, mod, abs, exp, max, min, clip, ... (name, args).

    Conditions too: lt, le, gt, ge, eq, ne (of numbers), and, or, not (of conditions).  Chains and `in` are expanded.
    """

    span: Span
    function: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, eq=False, slots=True)
class If:
    """`then if condition else otherwise`; `[c]` is If(c, 1, 0)."""

    span: Span
    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, eq=False, slots=True)
class Reduce:
    """`op[vars where condition](body)`; body is Num(1) for count, a condition for any and all."""

    span: Span
    op: str
    vars: tuple[Var, ...]
    where: Expr | None
    body: Expr


@dataclass(frozen=True, eq=False, slots=True)
class Along:
    """softmax, log_softmax or cumsum along `var`, read at position `at`: binds `var` in `where` and `body`.

    `softmax[c](x)` inside a scope where c is c0 is Along("softmax", c1, where(c1), body(c1), Index(c0)).
    """

    span: Span
    op: Literal["softmax", "log_softmax", "cumsum"]
    var: Var
    where: Expr | None
    body: Expr
    at: Expr


Expr = Num | Index | Size | Read | Apply | If | Reduce | Along


# ---------------------------------------------------------------- programs


@dataclass(frozen=True, slots=True)
class Alternative:
    """One set of a domain: an interval with open or closed ends, a finite set, or the positions of an axis.

    Ends are Fractions, "inf", "-inf", or the name of an earlier hyperparameter.
    """

    kind: Literal["interval", "set", "axis", "nonzero"]
    low: Fraction | str = "-inf"
    high: Fraction | str = "inf"
    low_open: bool = False
    high_open: bool = False
    values: tuple[Fraction, ...] = ()
    axis: str = ""


@dataclass(eq=False, slots=True)
class Arg:
    """An argument of the loss.

    `axes` are extents: Extent("size", name="n") for a named axis, a constant for a whole number; the group `..` is the
    one axis with the name "..".  `default` is None, or the value (a number) that is broadcast.
    `whole` is true where the domain admits whole numbers only (`in c`, `in {0, 1}`, unions of these).
    """

    name: str
    role: Literal["prediction", "data", "hyper", "learn"]
    axes: tuple[Extent, ...]
    domain: tuple[Alternative, ...]
    default: Fraction | Literal["inf", "-inf"] | None
    whole: bool
    span: Span
    domain_text: str = ""
    """The domain as a text on one line (`in [0, 1]`), for docstrings and messages."""
    default_text: str = ""
    """The default as a text on one line (`log(2)`)."""


@dataclass(eq=False, slots=True)
class Let:
    """A binding: `name[vars] = expr`.  `kind` as for expressions.  `role`: "term" is a scalar binding of the loss's own
    block, "predict" an exported one, "local" any other (also those that come from inlining)."""

    name: str
    vars: tuple[Var, ...]
    expr: Expr
    kind: Kind
    role: Literal["local", "term", "predict"]
    span: Span


@dataclass(frozen=True, slots=True)
class SizeCheck:
    """Two extents that met in one index variable and so must be equal at the call."""

    left: Extent
    right: Extent
    span: Span
    message: str


@dataclass(eq=False, slots=True)
class Program:
    """A checked loss.

    The value: `element` at each position of `free`, where `mask` holds.  Scalars that end in no `mean` or `sum` have
    free == () and reduction None.  With reduction "mean" (or "sum") the default value is that of the masked elements;
    "none" is the array of elements, 0 where the mask is false.
    """

    name: str
    doc: str
    args: tuple[Arg, ...]
    lets: tuple[Let, ...]
    """In an order in which each reads only earlier ones."""
    free: tuple[Var, ...]
    element: Expr
    mask: Expr | None
    reduction: Literal["mean", "sum"] | None
    checks: tuple[SizeCheck, ...]
    text: str
    """The source text of the item, as the user wrote it."""
    span: Span
    used: tuple[str, ...] = ()
    """The texts of the `def`s and losses that it calls, each before those that call it."""
    kinds: dict[int, Kind] = field(default_factory=dict)
    """id(expression) -> kind, for every expression of the program."""


@dataclass(eq=False, slots=True)
class Checked:
    """A checked file: its losses, in order, and its docstring."""

    losses: dict[str, Program]
    doc: str
