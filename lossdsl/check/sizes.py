"""Sizes for the axes of a loss: small, different for different axes, and such that every index has a position."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from lossdsl.meaning.core import Extent, Program, Var
from lossdsl.meaning.reference.walk import bottom_up, bound_by, roots

GROUP = ".."
LARGEST = 7
MOST_COMBINATIONS = 20_000

MIXED_UP = 4
"""How much further from what is wanted sizes may be to differ: equal ones hide axes that are mixed up."""

Sizes = dict[str, int]


def axis_names(program: Program) -> list[str]:
    """The named axes of the signature, in order; the group `..` counts as one."""
    return list(dict.fromkeys(axis.name for arg in program.args for axis in arg.axes if axis.op == "size"))


def extent_value(extent: Extent, sizes: Mapping[str, int], hyper: Mapping[str, float]) -> int:
    """The whole number that an extent stands for."""
    parts = [extent_value(operand, sizes, hyper) for operand in extent.operands]
    match extent.op:
        case "const":
            return extent.value
        case "size":
            return sizes[extent.name]
        case "hyper":
            return int(hyper[extent.name])
        case "add":
            return sum(parts)
        case "sub":
            return parts[0] - sum(parts[1:])
        case "mul":
            return math.prod(parts)
        case "max":
            return max(parts)
        case "min":
            return min(parts)
        case "floordiv":
            return parts[0] // parts[1]


def variables(program: Program) -> list[Var]:
    """Every index variable of a program."""
    inner = [var for node in bottom_up(roots(program)) for var in bound_by(node)]
    return [*program.free, *(var for let in program.lets for var in let.vars), *inner]


def agreeing(program: Program, sizes: Mapping[str, int], hyper: Mapping[str, float]) -> bool:
    """Whether the sizes pass the checks of the program."""
    return all(
        extent_value(check.left, sizes, hyper) == extent_value(check.right, sizes, hyper) for check in program.checks
    )


def choose(
    program: Program, hyper: Mapping[str, float], wanted: Mapping[str, int], fixed: Mapping[str, int] | None = None
) -> Sizes | None:
    """The agreeing sizes closest to `wanted` with which every index has two positions, or at least one, or any number.

    Axes in `fixed` have that size.  None where no sizes agree.
    """
    ranges = [(var.low, var.high) for var in variables(program)]
    best: tuple[tuple[int, int], Sizes] | None = None
    for sizes in _combinations(program, wanted, fixed or {}):
        if not agreeing(program, sizes, hyper):
            continue
        lengths = [extent_value(high, sizes, hyper) - extent_value(low, sizes, hyper) for low, high in ranges]
        shortest = max(0, min(2, *lengths, 2))
        distance = sum(abs(size - wanted[name]) for name, size in sizes.items())
        repeated = len(sizes) - len(set(sizes.values()))
        score = (-shortest, MIXED_UP * repeated + distance)
        if best is None or score < best[0]:
            best = score, sizes
    return None if best is None else best[1]


def _combinations(program: Program, wanted: Mapping[str, int], fixed: Mapping[str, int]) -> Iterator[Sizes]:
    """Axes that must be equal are one choice; with many axes, each choice is among fewer sizes."""
    names = axis_names(program)
    leaders = _leaders(program, names)
    heads = list(dict.fromkeys(leaders[name] for name in names))
    given = {leaders[name]: size for name, size in fixed.items()}
    free = [head for head in heads if head not in given]
    reach = LARGEST
    while reach > 1 and reach ** len(free) > MOST_COMBINATIONS:
        reach -= 1
    for chosen in product(*[_nearest(wanted[head], reach) for head in free]):
        sizes = given | dict(zip(free, chosen, strict=True))
        yield {name: sizes[leaders[name]] for name in names}


def _nearest(wanted: int, count: int) -> Iterable[int]:
    return sorted(range(1, LARGEST + 1), key=lambda size: (abs(size - wanted), size))[:count]


def _leaders(program: Program, names: Iterable[str]) -> dict[str, str]:
    """For each axis the first of those that a check makes equal to it."""
    leaders = {name: name for name in names}
    for check in program.checks:
        if check.left.op == check.right.op == "size":
            one, other = leaders[check.left.name], leaders[check.right.name]
            leaders = {name: one if leader == other else leader for name, leader in leaders.items()}
    return leaders
