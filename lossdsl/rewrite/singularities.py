"""Removable singularities of hyperparameters: a formula that is 0/0 at one value takes its limit there.

Barron's loss divides by alpha and by |alpha - 2|, the Box-Cox transform and Tsallis' logarithm by their power, and each
is a well-known other loss in the limit.  Where a denominator vanishes at a value that the domain of a hyperparameter
allows, the smallest part of the formula that has a limit becomes `limit if h == value else part`.  Where there is no
limit, or none is found, the formula stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import StageTable
from lossdsl.meaning import core
from lossdsl.rewrite.facts import remembered
from lossdsl.rewrite.finite import is_one_number

Place = tuple[Node, Fraction]
"""A read of a hyperparameter, and a value of it."""


def removed(table: StageTable, args: tuple[core.Arg, ...], root: Node) -> Node:
    """The formula with its limits at every removable singularity of a hyperparameter."""
    domains = {arg.name: arg.domain for arg in args if arg.role == "hyper"}
    for hyper, value in dict.fromkeys(_places(table, root)):
        sides = _sides(domains.get(str(hyper.value), ()), value)
        if sides and not _is_told_apart(root, hyper, value):
            root = _replaced(table, hyper, value, sides, root)
    return root


# ---------------------------------------------------------------- where


def _places(table: StageTable, root: Node) -> Iterator[Place]:
    """Values of hyperparameters at which a denominator vanishes."""
    for node in reachable([root]):
        if node.op == "div":
            yield from _zeros(table, node.args[1])


def _zeros(table: StageTable, product: Node) -> Iterator[Place]:
    """Where a product of powers of affine functions of one hyperparameter each is 0."""
    for node in reachable([product], stop=lambda n: not _vanishes_with_its_parts(n)):
        if node.op in ("read", "add", "sub") and is_one_number(table, node):
            line = _line(table, node)
            if line is not None and line[0] is not None and line[1]:
                yield line[0], -line[2] / line[1]


def _vanishes_with_its_parts(node: Node) -> bool:
    if node.op == "pow":
        exponent = node.args[1].value
        return isinstance(exponent, Fraction) and exponent > 0
    return node.op in ("mul", "abs", "neg", "sqrt")


@remembered
def _line(table: StageTable, node: Node) -> tuple[Node | None, Fraction, Fraction] | None:
    """h, a, b where the node is a*h + b; None where it is nothing of that kind."""
    match node.op, node.args:
        case "const", ():
            return (None, Fraction(0), node.value) if isinstance(node.value, Fraction) else None
        case "read", _:
            return node, Fraction(1), Fraction(0)
        case "neg", (x,):
            line = _line(table, x)
            return line and (line[0], -line[1], -line[2])
        case (("add" | "sub"), (x, y)):
            first, second = _line(table, x), _line(table, y)
            if first is None or second is None or len({first[0], second[0]} - {None}) > 1:
                return None
            factor = 1 if node.op == "add" else -1
            return first[0] or second[0], first[1] + factor * second[1], first[2] + factor * second[2]
        case "mul", (x, y) if isinstance(x.value, Fraction) or isinstance(y.value, Fraction):
            number, other = (x, y) if isinstance(x.value, Fraction) else (y, x)
            line = _line(table, other)
            assert isinstance(number.value, Fraction)
            return line and (line[0], number.value * line[1], number.value * line[2])
    return None


def _sides(domain: tuple[core.Alternative, ...], value: Fraction) -> tuple[int, ...]:
    """From which sides the value can be come near to; none where the domain leaves it out."""
    if not domain:
        return (-1, 1)
    for part in domain:
        if part.kind != "interval":
            continue
        low, high = part.low, part.high
        above = low == "-inf" or (isinstance(low, Fraction) and (low < value or (low == value and not part.low_open)))
        below = high == "inf" or (
            isinstance(high, Fraction) and (value < high or (value == high and not part.high_open))
        )
        if above and below:
            return tuple(side for side, end in ((-1, low), (1, high)) if value != end)
    return ()


def _is_told_apart(root: Node, hyper: Node, value: Fraction) -> bool:
    """Whether the formula says itself what it is at this value."""
    return any(
        node.op in ("eq", "ne") and any(a is hyper and b.value == value for a, b in (node.args, node.args[::-1]))
        for node in reachable([root])
    )


# ---------------------------------------------------------------- what


def _replaced(table: StageTable, hyper: Node, value: Fraction, sides: tuple[int, ...], root: Node) -> Node:
    """The formula with the smallest parts that have a limit replaced, from the inside out."""
    from lossdsl.rewrite.limits import Limits

    g = root.graph
    here = g.apply("eq", hyper, g.const(value))
    limits = Limits(table, root, hyper, value, sides)
    new: dict[int, Node] = {}
    poles: set[int] = set()
    for node in reachable([root]):
        args = [new[a.id] for a in node.args]
        kept = node if all(a is b for a, b in zip(args, node.args, strict=True)) else g.rebuild(node, args)
        is_pole = node.op == "div" and (hyper, value) in _zeros(table, node.args[1])
        if is_pole or any(a.id in poles for a in node.args):
            limit = limits.of(node)
            if limit is None:
                poles.add(node.id)
            else:
                kept = g.where(here, limit, kept)
                table.limits[str(hyper.value), value] = sides[-1]
        new[node.id] = kept
        if kept is not node and node.id in table.bound_reads:
            table.bound_reads.setdefault(kept.id, []).extend(table.bound_reads[node.id])
    return new[root.id]
