"""Positions that are sums of index variables: `i + 1`, `2*i + a - 2`, `size(t) - 1 - t`."""

from __future__ import annotations

from dataclasses import dataclass

from lossdsl.meaning import core
from lossdsl.meaning.core import Extent, Var
from lossdsl.meaning.resolution import extents
from lossdsl.meaning.resolution.build import Builder, SizeOf
from lossdsl.meaning.resolution.extents import Bounds


@dataclass(frozen=True, slots=True)
class Affine:
    terms: dict[Var, int]
    constant: Extent

    @property
    def plain(self) -> bool:
        """A variable and nothing else."""
        return self.constant == core.ZERO and list(self.terms.values()) == [1]

    def least(self, ranges: dict[Var, Bounds]) -> Extent:
        return self._extreme(ranges, 0)

    def greatest(self, ranges: dict[Var, Bounds]) -> Extent:
        return self._extreme(ranges, 1)

    def without(self, var: Var) -> Affine:
        return Affine({other: count for other, count in self.terms.items() if other is not var}, self.constant)

    def _extreme(self, ranges: dict[Var, Bounds], end: int) -> Extent:
        total = self.constant
        for var, count in self.terms.items():
            low, high = ranges[var]
            at = low if (count > 0) == (end == 0) else extents.sub(high, extents.const(1))
            total = extents.add(total, extents.scale(at, count))
        return total


def affine(build: Builder, position: core.Expr) -> Affine | None:
    """The position as a sum, or None for a gather.  A loop: a sum may be long."""
    terms: dict[Var, int] = {}
    constant = core.ZERO
    stack = [(position, 1)]
    while stack:
        node, factor = stack.pop()
        value = build.value(node)
        if value is not None:
            if value.denominator != 1:
                return None
            constant = extents.add(constant, extents.const(int(value) * factor))
            continue
        match node:
            case core.Index(var=var):
                terms[var] = terms.get(var, 0) + factor
            case core.Size():
                known = node.axis if isinstance(node, SizeOf) else node.extent
                if known is None:
                    return None
                constant = extents.add(constant, extents.scale(known, factor))
            case core.Read(array=core.Arg(role="hyper", whole=True, axes=(), name=name)):
                constant = extents.add(constant, extents.scale(extents.hyper(name), factor))
            case core.Apply(function="add" | "sub" as function, args=(left, right)):
                stack += [(right, factor if function == "add" else -factor), (left, factor)]
            case core.Apply(function="neg", args=(operand,)):
                stack.append((operand, -factor))
            case core.Apply(function="mul", args=(left, right)):
                for scalar, rest in ((left, right), (right, left)):
                    times = build.value(scalar)
                    if times is not None and times.denominator == 1:
                        stack.append((rest, factor * int(times)))
                        break
                else:
                    return None
            case _:
                return None
    return Affine({var: count for var, count in terms.items() if count}, constant)


def positions(form: Affine, var: Var, axis: Bounds, ranges: dict[Var, Bounds]) -> Bounds:
    """Where `var` may be, so that the position is on the axis for all values of the other variables."""
    count = form.terms[var]
    rest = form.without(var)
    one = extents.const(1)
    if count < 0:  # low <= rest - k*v < high is -high < k*v - rest <= -low
        rest = Affine({other: -times for other, times in rest.terms.items()}, extents.scale(form.constant, -1))
        axis = (extents.sub(one, axis[1]), extents.sub(one, axis[0]))
        count = -count
    lowest = extents.sub(axis[0], rest.least(ranges))
    highest = extents.sub(extents.sub(axis[1], one), rest.greatest(ranges))
    low = extents.floordiv(extents.add(lowest, extents.const(count - 1)), count)
    return low, extents.add(extents.floordiv(highest, count), one)
