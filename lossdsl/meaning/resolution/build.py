"""Making nodes of the checked tree, with what the resolver has to know of each: its kind and its free variables.

On the way out: every node made here has its `Facts`, and the number of nodes is bounded, so that no text, however
its `def`s call one another, can exhaust time or memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from lossdsl.diagnostics import LossError, Span
from lossdsl.diagnostics.calls import TooLarge
from lossdsl.diagnostics.types import ConstantTooLarge
from lossdsl.meaning import core
from lossdsl.meaning.core import Kind, Var
from lossdsl.meaning.resolution import kinds


@dataclass(frozen=True, eq=False, slots=True)
class SizeOf(core.Size):
    """`size(i)` of a variable whose range is not known yet; `axis` is the signature axis of that name, if any."""

    var: Var
    axis: core.Extent | None


@dataclass(frozen=True, slots=True)
class Facts:
    node: core.Expr
    kind: Kind
    free: frozenset[Var]
    value: Fraction | None
    """Of a constant expression of rational numbers, unless working it out would take long."""


NOTHING: frozenset[Var] = frozenset()


class Builder:
    def __init__(self, limit: int) -> None:
        self.facts: dict[int, Facts] = {}
        self.limit = limit
        self.spent = 0

    def spend(self, span: Span, cost: int) -> None:
        if self.spent >= self.limit:
            raise LossError(
                TooLarge(
                    span,
                    f"written out, this takes more than {self.limit:,} operations",
                    "name what is used several times in a binding, so that it is computed once",
                )
            )
        self.spent += cost

    def keep(self, node: core.Expr) -> core.Expr:
        """Notes the facts of a new node; its children have theirs."""
        self.spend(node.span, 1)
        below = [self.facts[id(child)] for child in children(node)]
        kind = kinds.of(node, [facts.kind for facts in below])
        value = _value(node, below)
        self.facts[id(node)] = Facts(node, kind, _free(node, below), value)
        if value is None:
            for child in children(node):
                self.check_constant(child)
        return node

    def check_constant(self, node: core.Expr) -> None:
        """A constant may be made of numbers of any size, but itself has to be near a floating-point number."""
        value = self.value(node)
        if value is not None and not is_float(value):
            raise LossError(beyond_floats(node.span))

    def kind(self, node: core.Expr) -> Kind:
        return self.facts[id(node)].kind

    def free(self, node: core.Expr) -> frozenset[Var]:
        return self.facts[id(node)].free

    def value(self, node: core.Expr) -> Fraction | None:
        return self.facts[id(node)].value

    def num(self, span: Span, value: Fraction | int) -> core.Expr:
        return self.keep(core.Num(span, Fraction(value)))

    def index(self, span: Span, var: Var) -> core.Expr:
        return self.keep(core.Index(span, var))

    def apply(self, span: Span, function: str, *args: core.Expr) -> core.Expr:
        return self.keep(core.Apply(span, function, args))

    def read(self, span: Span, array: core.Arg | core.Let, indices: tuple[core.Expr, ...]) -> core.Expr:
        """Safe until shown otherwise: `settle` decides when the ranges are known."""
        return self.keep(core.Read(span, array, indices, safe=True))


def children(node: core.Expr) -> tuple[core.Expr, ...]:
    """In the order of evaluation; guards are not children."""
    match node:
        case core.Read():
            return node.indices
        case core.Apply():
            return node.args
        case core.If():
            return (node.condition, node.then, node.otherwise)
        case core.Reduce():
            return (node.body,) if node.where is None else (node.where, node.body)
        case core.Along():
            return (node.at, node.body) if node.where is None else (node.at, node.where, node.body)
        case _:
            return ()


def binds(node: core.Expr) -> tuple[Var, ...]:
    match node:
        case core.Reduce():
            return node.vars
        case core.Along():
            return (node.var,)
        case _:
            return ()


def with_children(node: core.Expr, parts: tuple[core.Expr, ...]) -> core.Expr:
    """The node over other children, given in the order of `children`."""
    match node:
        case core.Read():
            return core.Read(node.span, node.array, parts, node.safe, node.guards)
        case core.Apply():
            return core.Apply(node.span, node.function, parts)
        case core.If():
            return core.If(node.span, *parts)
        case core.Reduce():
            return core.Reduce(node.span, node.op, node.vars, parts[0] if node.where is not None else None, parts[-1])
        case core.Along():
            where = parts[1] if node.where is not None else None
            return core.Along(node.span, node.op, node.var, where, parts[-1], parts[0])
        case _:
            return node


def postorder(root: core.Expr, into: Callable[[core.Expr], bool] = lambda node: True) -> Iterator[core.Expr]:
    """Each node of the DAG that `into` admits, once, after its children; a loop, as sums may be ten thousand deep."""
    seen: set[int] = set()
    stack: list[tuple[core.Expr, bool]] = [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            yield node
        elif id(node) not in seen and into(node):
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(children(node)))


def _free(node: core.Expr, below: list[Facts]) -> frozenset[Var]:
    if isinstance(node, core.Index):
        return frozenset((node.var,))
    if isinstance(node, SizeOf):
        return frozenset((node.var,))
    if isinstance(node, core.Along):
        inside = NOTHING.union(*(facts.free for facts in below[1:]))
        return below[0].free | (inside - {node.var})
    free = NOTHING
    for facts in below:
        if not facts.free <= free:
            free = facts.free if free <= facts.free else free | facts.free
    return free.difference(binds(node)) if isinstance(node, core.Reduce) else free


LARGEST_BITS = 4096


def _value(node: core.Expr, below: list[Facts]) -> Fraction | None:
    match node:
        case core.Num(value=Fraction() as value):
            return value
        case core.Apply():
            values = [facts.value for facts in below]
            known = [value for value in values if value is not None]
            return fold(node.function, known) if len(known) == len(values) else None
        case _:
            return None


def fold(function: str, values: list[Fraction]) -> Fraction | None:
    """The exact value of arithmetic on constants; None if it is not rational, or takes too many digits."""
    match function, values:
        case "add", [x, y]:
            result = x + y
        case "sub", [x, y]:
            result = x - y
        case "mul", [x, y]:
            result = x * y
        case "div", [x, y] if y:
            result = x / y
        case "neg", [x]:
            result = -x
        case "abs", [x]:
            result = abs(x)
        case "pow", [x, y] if y.denominator == 1 and (x or y >= 0) and bits(x) * abs(y.numerator) <= LARGEST_BITS:
            result = x**y.numerator
        case _:
            return None
    return result if bits(result) <= LARGEST_BITS else None


def bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def is_float(value: Fraction) -> bool:
    """Whether a floating-point number is near it."""
    try:
        return bits(value) <= 1000 or float(value) != 0
    except OverflowError:
        return False


def beyond_floats(span: Span) -> ConstantTooLarge:
    return ConstantTooLarge(span, "no floating-point number can hold this constant", "write one nearer to 1")


__all__ = [
    "LARGEST_BITS", "Builder", "Facts", "SizeOf", "beyond_floats", "binds", "bits", "children", "fold", "is_float",
    "postorder", "with_children",
]  # fmt: skip
