"""Ranges of index variables, from the places where they are read.

On the way out, every variable of the statement has its range, sizes that must be equal are noted as checks, and the
answer is the set of reads that can not be shown to stay in range.

A variable that is read plainly (`x[i]`) runs over the axis, and all axes it reads must be equal.  As soon as one of its
reads has an offset, a multiple or a second variable, it runs over the positions at which all of its reads are in range.
A read of several variables restricts the one that runs over the same axis elsewhere, or else the outermost, for all
values of the others; one that has no range of its own takes it from such a read first.  Reads under a condition
restrict no variable that is bound outside of the condition, and none at all where the condition relates the variables
of the position.
"""

from __future__ import annotations

from collections import defaultdict

from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.indices import IndexNotOnRight, NoRange, OutOfRange, SizesClash
from lossdsl.meaning import core
from lossdsl.meaning.core import Var
from lossdsl.meaning.resolution import extents
from lossdsl.meaning.resolution.affine import positions
from lossdsl.meaning.resolution.draft import Draft
from lossdsl.meaning.resolution.extents import Bounds
from lossdsl.meaning.resolution.uses import Use, Uses, collect


def solve(draft: Draft, root: core.Expr, outer: list[Var], lifted: dict[Var, Var] | None = None) -> set[int]:
    """Sets the ranges of `outer` and of all variables bound inside; answers the ids of reads that are not safe.

    `lifted` are those of `outer` that stand for a variable of the caller, which they follow where nothing else says
    their range.
    """
    uses = collect(draft, root, outer)
    solver = _Solver(draft, uses, lifted or {}, set(outer), draft.build.free(root))
    solver.assign()
    for var in uses.order:
        solver.range(var)
    return solver.unsafe()


class _Solver:
    def __init__(
        self, draft: Draft, uses: Uses, lifted: dict[Var, Var], left: set[Var], occurring: frozenset[Var]
    ) -> None:
        self.draft = draft
        self.uses = uses
        self.lifted = lifted
        self.left = left
        self.occurring = occurring
        self.rank = {var: rank for rank, var in enumerate(uses.order)}
        self.open = {var for var in uses.order if var not in draft.solved and var not in draft.declared}
        self.own: dict[Var, list[Use]] = defaultdict(list)
        self.weak: dict[Var, list[Use]] = defaultdict(list)
        self.several: list[Use] = []
        self.applied = draft.in_range
        self.ranges: dict[Var, Bounds] = {}
        self.busy: set[Var] = set()
        self.links = {inner: at for inner, at in uses.along.items() if inner in self.rank}
        self.backed: set[Var] = set()
        self.derived: list[Var] = []
        for use in uses.reads:
            self._sort(use)

    def _sort(self, use: Use) -> None:
        match [*use.form.terms]:
            case []:
                pass
            case [var] if var in use.blocked:
                if use.form.plain:
                    self.weak[var].append(use)
            case [var]:
                self.own[var].append(use)
            case _:
                self.several.append(use)

    # ------------------------------------------------------------ which read restricts which variable

    def assign(self) -> None:
        """Gives each read of several variables to the one that it restricts, if any."""
        waiting = [use for use in self.several if not use.related and not set(use.form.terms) <= use.blocked]
        while True:
            self._give_to_unknown(waiting)
            helped = self._fall_back(waiting)
            if helped is None:
                break
            self.backed.add(helped)
        for use in waiting:
            target = self._restricted(use)
            if target is not None and target not in use.blocked:
                self.own[target].append(use)

    def _restricted(self, use: Use) -> Var | None:
        """Of variables that all have ranges: the last that took its range from such a read, else the outermost of those
        that run over this axis elsewhere (`x[t]*x[t+k]` restricts t), else the outermost."""
        derived = [var for var in self.derived if var in use.form.terms]
        if derived:
            return derived[-1]
        candidates = [var for var in use.form.terms if var in self.open]
        along = [var for var in candidates if any(o.form.plain and o.bounds == use.bounds for o in self.own[var])]
        return min(along or candidates, key=self._rank, default=None)

    def _give_to_unknown(self, waiting: list[Use]) -> None:
        """A variable without a range takes it from a read in which it is the only such."""
        while True:
            for use in waiting:
                unknown = [var for var in use.form.terms if not self._known(var)]
                if len(unknown) == 1 and unknown[0] not in use.blocked:
                    self.own[unknown[0]].append(use)
                    self.derived.append(unknown[0])
                    waiting.remove(use)
                    break
            else:
                return

    def _fall_back(self, waiting: list[Use]) -> Var | None:
        """The innermost variable of a read that waits which has a range from elsewhere."""
        unknown = {var for use in waiting for var in use.form.terms if not self._known(var)}
        for var in sorted(unknown, key=self._rank, reverse=True):
            if self.weak[var] or var in self.draft.fallback or var in self.lifted:
                return var
        return None

    def _known(self, var: Var) -> bool:
        if var not in self.open or self.own[var] or var in self.backed:
            return True
        return any(at is var and self._known(inner) for inner, at in self.links.items())

    def _rank(self, var: Var) -> int:
        return self.rank.get(var, -1)

    # ------------------------------------------------------------ the range of one variable

    def range(self, var: Var) -> Bounds:
        if var in self.ranges:
            return self.ranges[var]
        if var not in self.open:
            self.ranges[var] = self.draft.declared.get(var, (var.low, var.high))
            if var in self.draft.declared:
                self._meet_declared(var, self.ranges[var])
        else:
            if var in self.busy:
                raise LossError(self._no_range(var))
            self.busy.add(var)
            self.ranges[var] = self._found(var)
            self.busy.discard(var)
        self._settle(var)
        return self.ranges[var]

    def _settle(self, var: Var) -> None:
        var.low, var.high = self.ranges[var]
        self.draft.solved.add(var)
        for follower in [one for one, origin in self.draft.pending.items() if origin is var]:
            del self.draft.pending[follower]
            self.ranges[follower] = self.ranges[var]
            if var in self.draft.inner:
                self.draft.inner.add(follower)
            self._settle(follower)

    def _found(self, var: Var) -> Bounds:
        found = list(self.own[var])
        linked = [inner for inner, at in self.links.items() if at is var and self._leads(inner)]
        for use in found:
            for other in use.form.terms:
                if other is not var:
                    self.range(other)
                    if other in self.draft.pending:
                        raise LossError(self._no_range(other))
        if any(not use.form.plain for use in found):
            return self._intersection(var, found, linked)
        if found or linked:
            return self._equal(var, found, linked)
        if self.weak[var]:
            return self._equal(var, self.weak[var], [])
        return self._elsewhere(var)

    def _leads(self, inner: Var) -> bool:
        """The range inside a softmax says the range outside, unless only the outside is known."""
        return bool(self.own[inner] or inner not in self.open or self.weak[inner] or inner in self.draft.fallback)

    def _elsewhere(self, var: Var) -> Bounds:
        if var in self.draft.fallback:
            return self.draft.fallback[var]
        if var in self.links and self.links[var] in self.rank:
            return self.range(self.links[var])
        if var in self.lifted:
            self.draft.pending[var] = self.lifted[var]
            return (core.ZERO, core.ZERO)
        raise LossError(self._no_range(var))

    def _no_range(self, var: Var) -> NoRange | IndexNotOnRight:
        guarded = [use for use in self.uses.reads if var in use.form.terms]
        hint = f"say it where the index is bound: `{var.name} in 10`, or `{var.name} in` an axis or a hyperparameter"
        if guarded:
            why = f"the range of `{var.name}` is open: it is read only under a condition, or with another such index"
            return NoRange(var.span, why, hint, ((guarded[0].span, "read here"),))
        if var in self.left and var not in self.occurring:
            return IndexNotOnRight(
                var.span, f"the index `{var.name}` does not occur on the right, and no axis has its name", hint
            )
        return NoRange(var.span, f"nothing says the range of `{var.name}`: it is used only as a number", hint)

    # ------------------------------------------------------------ several reads of one variable

    def _intersection(self, var: Var, found: list[Use], linked: list[Var]) -> Bounds:
        """All positions at which every read is in range."""
        intervals = [positions(use.form, var, use.bounds, self.ranges) for use in found]
        intervals += [self.range(inner) for inner in linked]
        low, high = intervals[0]
        for next_low, next_high in intervals[1:]:
            low, high = extents.maximum(low, next_low), extents.minimum(high, next_high)
        self.applied |= {(id(use.read), use.axis) for use in found}
        self.draft.inner.add(var)
        return low, extents.maximum(low, high)

    def _equal(self, var: Var, found: list[Use], linked: list[Var]) -> Bounds:
        """One range for all reads: axes that are whole must have equal sizes; positions inside an axis intersect."""
        inner = any(use.inner for use in found) or any(one in self.draft.inner for one in linked)
        intervals = [use.bounds for use in found] + [self.range(one) for one in linked]
        inner = inner or any(one in self.draft.inner for one in linked)
        if inner:
            if any(interval != intervals[0] for interval in intervals):
                return self._intersection(var, found, linked)
            self.draft.inner.add(var)
        best = next((one for one in intervals if extents.constant(one[1]) is not None), intervals[0])
        for use in found:
            self._must_equal(var, best, use, found)
            self.applied.add((id(use.read), use.axis))
        for one in linked:
            self.draft.require_equal(
                best[1],
                self.ranges[one][1],
                var.span,
                f"the index `{var.name}` runs over two axes, outside and inside of a reduction that keeps it",
            )
        return best

    def _meet_declared(self, var: Var, declared: Bounds) -> None:
        for use in self.own[var]:
            if use.form.plain and not use.inner and declared[0] == core.ZERO:
                self._must_equal(var, declared, use, [])
                self.applied.add((id(use.read), use.axis))
        for inner in [one for one, at in self.links.items() if at is var and self._leads(one)]:
            self._same_inside(var, declared, self.range(inner))

    def _same_inside(self, var: Var, declared: Bounds, inside: Bounds) -> None:
        """`sum[c in 5](softmax[c](x[c]))`: the range that is given is that of the softmax, too."""
        if extents.clash(extents.length(declared), extents.length(inside)) or declared[0] != inside[0]:
            shown, given = extents.show_positions(inside), extents.show_positions(declared)
            why = f"`{var.name}` runs over positions {given} outside, and {shown} inside"
            raise LossError(SizesClash(var.span, why, "leave the range out where the index is bound"))
        self.draft.require_equal(
            declared[1],
            inside[1],
            var.span,
            f"the index `{var.name}` runs over two axes, outside and inside of a reduction that keeps it",
        )

    def _must_equal(self, var: Var, best: Bounds, use: Use, found: list[Use]) -> None:
        if use.bounds == best:
            return
        left, right = extents.length(best), extents.length(use.bounds)
        other = next((one for one in found if one.bounds == best), None)
        here = _axis_text(use)
        there = _axis_text(other) if other is not None else f"the range of `{var.name}`"
        if extents.clash(left, right):
            notes = () if other is None else ((other.span, f"{there} has size {extents.show(left)}"),)
            raise LossError(
                SizesClash(
                    use.span,
                    f"`{var.name}` runs over {here}, of size {extents.show(right)}, "
                    f"and over {there}, of size {extents.show(left)}",
                    "use two indices, or arguments of one size",
                    notes,
                )
            )
        message = f"the index `{var.name}` runs over both {there} and {here}"
        self.draft.require_equal(best[1], use.bounds[1], use.span, message)

    # ------------------------------------------------------------ what may be out of range

    def unsafe(self) -> set[int]:
        """Reads with a gather, or with a position that is not shown to be on its axis."""
        unsafe = set(self.uses.gathers)
        for use in self.uses.reads:
            if (id(use.read), use.axis) in self.applied:
                continue
            if any(var in self.draft.pending for var in use.form.terms):
                unsafe.add(id(use.read))
                continue
            low, high = use.bounds
            known = {var: self.ranges.get(var, (var.low, var.high)) for var in use.form.terms}
            least, most = use.form.least(known), extents.add(use.form.greatest(known), extents.const(1))
            if not (extents.at_least(least, low) and extents.at_least(high, most)):
                self._never(use, least, most)
                unsafe.add(id(use.read))
        return unsafe

    def _never(self, use: Use, least: core.Extent, most: core.Extent) -> None:
        """A position that is out of range for certain is an error now, unless a condition may keep it from that."""
        if use.guarded or not use.form.terms:
            return
        low, high = use.bounds
        over, under = extents.constant(extents.sub(most, high)), extents.constant(extents.sub(least, low))
        if (over is not None and over > 0) or (under is not None and under < 0):
            raise LossError(
                OutOfRange(
                    use.span,
                    f"this runs from {extents.show_positions((least, most))}, outside {_axis_text(use)}, "
                    f"whose positions are {extents.show_positions(use.bounds)}",
                )
            )


def _axis_text(use: Use) -> str:
    array = use.array
    if isinstance(array, core.Arg):
        extent = array.axes[use.axis]
        name = extent.name if extent.op == "size" else extents.show(extent)
    else:
        name = array.vars[use.axis].name
    return f"axis {name} of `{array.name}`"
