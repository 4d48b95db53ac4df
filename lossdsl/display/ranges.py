"""Where the text has to say the range of an index, because its reads do not, or say another one.

The rules by which a reader (and the resolver) finds a range are followed here on the formulas; an index that they give
the wrong range, or none, is written `t in n`.  A range that is no whole axis gets conditions besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from lossdsl.display.conjunction import conjunction
from lossdsl.display.formula import (
    Apply,
    Binder,
    Choice,
    Definition,
    Element,
    Formula,
    NotExpressible,
    Number,
    Reduction,
    Sheet,
    Size,
    Symbol,
    children,
    descendants,
    extent_formula,
    fold,
)
from lossdsl.display.rewriter import high_end
from lossdsl.meaning import core
from lossdsl.meaning.core import Extent, Var
from lossdsl.meaning.resolution import extents
from lossdsl.meaning.resolution.affine import Affine, positions
from lossdsl.meaning.resolution.extents import Bounds

NORMALISERS = ("softmax", "log_softmax", "cumsum")
Names = frozenset[str]


@dataclass(frozen=True, eq=False)
class Use:
    """One axis of a read at a sum of indices; it does not restrict those in `blocked`."""

    terms: dict[str, int]
    constant: Extent
    bounds: Bounds
    inner: bool
    blocked: Names

    @property
    def plain(self) -> bool:
        return list(self.terms.values()) == [1] and self.constant == core.ZERO

    @property
    def only(self) -> str | None:
        return next(iter(self.terms)) if len(self.terms) == 1 else None


def declare_ranges(sheet: Sheet, program: core.Program) -> None:
    """Sets `within` of every index that needs it, and adds conditions to reductions."""
    ranges = _Ranges(sheet, program)
    for definition in sheet.definitions:
        ranges.definition(definition, exact=definition is sheet.result)


class _Ranges:
    def __init__(self, sheet: Sheet, program: core.Program) -> None:
        self.axes = sheet.axes
        self.inner: set[tuple[str, int]] = set()
        """Axes of bindings that are positions inside an axis."""
        self.sizes = [axis for arg in program.args for axis in arg.axes if axis.op == "size"]
        self.span = program.span
        self.whole = {str(arg.name) for arg in program.args if arg.role == "hyper" and arg.whole and not arg.axes}

    def definition(self, definition: Definition, exact: bool) -> None:
        solver = _Solver(self, definition)
        found = [solver.binder(binder, exact) for binder in definition.binders]
        for reduction in solver.reductions:
            added = [c for binder in reduction.binders for c in solver.conditions(reduction, binder)]
            for condition in reversed(added):
                where = reduction.where
                reduction.where = condition if where is None else conjunction(condition, where)
        name = definition.name
        self.axes[name] = tuple((*bounds, axis[2]) for (bounds, _), axis in zip(found, self.axes[name], strict=True))
        self.inner |= {(name, k) for k, (_, inner) in enumerate(found) if inner}


class _Solver:
    """The ranges of one definition."""

    def __init__(self, ranges: _Ranges, definition: Definition) -> None:
        self.ranges = ranges
        self.reductions = [f for f in descendants(definition.value) if isinstance(f, Reduction)]
        self.uses = self._collect(definition.value)
        self.rank = [b.name for b in definition.binders]
        self.rank += [b.name for r in self.reductions if r.op not in NORMALISERS for b in r.binders]
        self.wanted = {b.name: (b.low, b.high) for b in _binders(definition, self.reductions)}
        self.vars = {name: Var(name, ranges.span) for name in self.wanted}
        self.declared: set[str] = set()

    def binder(self, binder: Binder, exact: bool) -> tuple[Bounds, bool]:
        """The range that the index of a binding will have, and whether it is inside an axis."""
        wanted = (binder.low, binder.high)
        found = self._inferred(binder.name, self.uses)
        if found is not None:
            bounds, inner, restricted = found
            if _same(bounds, wanted) or (not exact and (restricted or _covers(bounds, wanted))):
                return bounds, inner
        return self._declare(binder, self.uses), False

    def conditions(self, reduction: Reduction, binder: Binder) -> list[Formula]:
        """What has to be added to the `where` of a reduction, so that the index has its range."""
        if reduction.op in NORMALISERS:
            return []
        nested = [f for f in descendants(reduction) if isinstance(f, Reduction)]
        for inner in (b for r in reversed(nested) for b in r.binders):  # siblings may use one name for two ranges
            self.wanted[inner.name] = (inner.low, inner.high)
        self.declared.discard(binder.name)
        wanted = (binder.low, binder.high)
        uses = self._collect(reduction)
        found = self._inferred(binder.name, uses)
        if found is not None and _same(found[0], wanted):
            return []
        if found is not None and found[2] and _covers(found[0], wanted):
            low, high = found[0]
        else:
            low, high = self._declare(binder, uses)
        index, end = Symbol(binder.name), high_end(binder.low, binder.high)
        result: list[Formula] = []
        if low != binder.low:
            result.append(Apply("ge", (index, extent_formula(binder.low))))
        if high != end:
            result.append(Apply("lt", (index, extent_formula(end))))
        return result

    def _declare(self, binder: Binder, uses: Sequence[Use]) -> Bounds:
        """The narrowest range that can be said and that holds the one that is wanted."""
        plain = [u.bounds[1] for u in uses if u.only == binder.name and u.plain and not u.inner]
        for axis in (high_end(binder.low, binder.high), *plain, *self.ranges.sizes):
            text = _spoken(axis)
            if text is not None and _covers((core.ZERO, axis), (binder.low, high_end(binder.low, binder.high))):
                binder.within = text
                self.declared.add(binder.name)
                return core.ZERO, axis
        low, high = extents.show(binder.low), extents.show(binder.high)
        raise NotExpressible(f"no axis has all positions of an index, which are {low} to {high} - 1")

    # ------------------------------------------------------------ what a reader concludes

    def _inferred(self, name: str, uses: Sequence[Use]) -> tuple[Bounds, bool, bool] | None:
        """Range, whether it is inside an axis, and whether reads without a condition say so."""
        own = [u for u in uses if u.only == name and name not in u.blocked]
        shared = [u for u in uses if len(u.terms) > 1 and name in u.terms and not u.terms.keys() <= u.blocked]
        for use in shared:
            owner = self._owner(use, uses)
            if owner is None:
                return None
            if owner == name:
                own.append(use)
        if own:
            return self._restricted(name, own)
        weak = [u for u in uses if u.only == name and u.plain]
        if weak:
            return (weak[0].bounds, weak[0].inner, False) if all(u.bounds == weak[0].bounds for u in weak) else None
        axis = next((axis for axis in self.ranges.sizes if axis.name == name), None)
        return None if axis is None else ((core.ZERO, axis), False, False)

    def _owner(self, use: Use, uses: Sequence[Use]) -> str | None:
        """The index that a read of several restricts: one without a range of its own, else the outermost.

        "" if there is none, None if the rules are hard to foresee.
        """
        free = [v for v in use.terms if v not in self.declared and v in self.rank]
        unknown = [v for v in free if not any(u.only == v and v not in u.blocked for u in uses)]
        for candidates in (unknown, [v for v in unknown if not self._has_weak_range(v, uses)]):
            if len(candidates) == 1 and candidates[0] not in use.blocked:
                return candidates[0]
        if candidates:
            return None
        outermost = min(free, key=self.rank.index, default="")
        return outermost if outermost not in use.blocked else ""

    def _has_weak_range(self, name: str, uses: Sequence[Use]) -> bool:
        """Whether reads under a condition, or an axis of its name, give a range where nothing else does."""
        return any(u.only == name and u.plain for u in uses) or any(axis.name == name for axis in self.ranges.sizes)

    def _restricted(self, name: str, own: Sequence[Use]) -> tuple[Bounds, bool, bool]:
        if all(u.plain for u in own) and not (any(u.inner for u in own) and len({u.bounds for u in own}) > 1):
            wanted = self.wanted[name]
            known = next((u.bounds for u in own if _same(u.bounds, wanted)), own[0].bounds)
            return known, any(u.inner for u in own), True
        known_ranges = {self.vars[v]: bounds for v, bounds in self.wanted.items()}
        low, high = core.ZERO, core.ZERO
        for number, use in enumerate(own):
            form = Affine({self.vars[v]: count for v, count in use.terms.items()}, use.constant)
            next_low, next_high = positions(form, self.vars[name], use.bounds, known_ranges)
            low = next_low if number == 0 else extents.maximum(low, next_low)
            high = next_high if number == 0 else extents.minimum(high, next_high)
        return (low, extents.maximum(low, high)), True, True

    # ------------------------------------------------------------ reads

    def _collect(self, root: Formula) -> list[Use]:
        free = _free_names(root)
        result: list[Use] = []
        stack: list[tuple[Formula, Names, tuple[str, ...]]] = [(root, frozenset(), ())]
        while stack:
            formula, blocked, along = stack.pop()
            match formula:
                case Element(name=name, indices=indices):
                    result += [use for use in self._of_read(name, indices, blocked) if not _is_deep(use, along)]
                    stack += [(index, blocked, along) for index in indices]
                case Choice(condition=condition, then=then, otherwise=otherwise):
                    stack += [(condition, blocked, along)]
                    stack += [(part, free[id(part)], along) for part in (then, otherwise)]
                case Reduction(op=op, binders=binders, where=where, body=body):
                    if where is not None:
                        stack.append((where, blocked, along))
                        blocked = blocked | free[id(formula)]
                    stack.append((body, blocked, (*along, binders[0].name) if op in NORMALISERS else along))
                case _:
                    stack += [(part, blocked, along) for part in children(formula)]
        return result

    def _of_read(self, name: str, indices: Sequence[Formula], blocked: Names) -> Iterable[Use]:
        for axis, index in enumerate(indices):
            form = self._affine(index)
            if form is not None:
                low, high, _ = self.ranges.axes[name][axis]
                yield Use(*form, (low, high), (name, axis) in self.ranges.inner, blocked)

    def _affine(self, index: Formula) -> tuple[dict[str, int], Extent] | None:
        terms: dict[str, int] = {}
        constant = core.ZERO
        stack: list[tuple[Formula, int]] = [(index, 1)]
        while stack:
            formula, factor = stack.pop()
            match formula:
                case Symbol(name=name):
                    terms[name] = terms.get(name, 0) + factor
                case Number(value=Fraction(denominator=1) as value):
                    constant = extents.add(constant, extents.const(int(value) * factor))
                case Size(axis=axis):
                    constant = extents.add(constant, extents.scale(extents.size(axis), factor))
                case Element(name=name, indices=()) if name in self.ranges.whole:
                    constant = extents.add(constant, extents.scale(extents.hyper(name), factor))
                case Apply(function="add" | "sub" as function, args=(left, right)):
                    stack += [(left, factor), (right, factor if function == "add" else -factor)]
                case Apply(function="neg", args=(operand,)):
                    stack.append((operand, -factor))
                case Apply(function="mul", args=(Number(value=Fraction(denominator=1) as value), operand)):
                    stack.append((operand, factor * int(value)))
                case _:
                    return None
        return {name: count for name, count in terms.items() if count}, constant


def _is_deep(use: Use, along: tuple[str, ...]) -> bool:
    """Whether the read is under two softmaxes along its index: the range of the index outside does not follow."""
    return any(along.count(name) > 1 for name in use.terms)


def _binders(definition: Definition, reductions: Iterable[Reduction]) -> list[Binder]:
    return [*definition.binders, *(b for r in reductions for b in r.binders)]


def _free_names(root: Formula) -> dict[int, Names]:
    """For every formula, the indices that are free in it."""
    found: dict[int, Names] = {}

    def names(formula: Formula, parts: Sequence[Names]) -> Names:
        result: Names = frozenset().union(*parts)
        if isinstance(formula, Symbol):
            result = frozenset((formula.name,))
        if isinstance(formula, Reduction) and formula.op not in NORMALISERS:
            result -= {b.name for b in formula.binders}
        found[id(formula)] = result
        return result

    fold(root, names)
    return found


def _spoken(extent: Extent) -> str | None:
    """What can stand after `in`."""
    if extent.op == "const":
        return str(extent.value)
    return extent.name if extent.op in ("size", "hyper") and extent.name != ".." else None


def _same(a: Bounds, b: Bounds) -> bool:
    return a == b or all(extents.at_least(x, y) and extents.at_least(y, x) for x, y in zip(a, b, strict=True))


def _covers(outer: Bounds, inner: Bounds) -> bool:
    return extents.at_least(inner[0], outer[0]) and extents.at_least(outer[1], inner[1])
