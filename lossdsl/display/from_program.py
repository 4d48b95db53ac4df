"""A drafted gradient as formulas: indices get names, stages are written where they are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction

from lossdsl.display.conjunction import conjunction
from lossdsl.display.draft import Draft
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
    Symbol,
    children,
    descendants,
    extent_formula,
    shifted,
)
from lossdsl.display.names import Names, letters_after
from lossdsl.display.rewriter import BINDING, NORMALISED, Let
from lossdsl.ir.graph import Index, Node, reachable
from lossdsl.ir.stage import Stage, fresh_index
from lossdsl.meaning import core
from lossdsl.meaning.core import Extent
from lossdsl.syntax.words import RESERVED

GROUP = ".."
Scope = dict[Index, str]


def sheet(draft: Draft, names: Names, exact: bool) -> Sheet:
    """With `exact`, what the loss language can not say raises NotExpressible."""
    writer = _Writer(draft, names, exact)
    return Sheet([writer.definition(let) for let in draft.lets], writer.axes)


class _Writer:
    def __init__(self, draft: Draft, names: Names, exact: bool) -> None:
        self.exact = exact
        self.graph, self.table = draft.graph, draft.table
        self.names = names
        self.sizes = names.sizes
        self.axes: dict[str, tuple[tuple[Extent, Extent, str], ...]] = {
            str(arg.name): tuple((core.ZERO, e, e.name if e.op == "size" else "") for e in arg.axes)
            for arg in draft.program.args
        }

    def definition(self, let: Let) -> Definition:
        scope: Scope = {}
        for index in let.indices:
            self._enter(index, scope)
        value = self.formula(let.node, scope)
        if self.exact and any(_counts_group(part) for part in descendants(value)):
            raise NotExpressible("the loss language has no word for a position on the axes `..`")
        binders = tuple(Binder(scope[i], i.low, i.high) for i in let.indices)
        self.axes[let.name] = tuple((b.low, b.high, b.name) for b in binders)
        return Definition(let.name, binders, value)

    # ------------------------------------------------------------ names of indices

    def _enter(self, index: Index, scope: Scope) -> str:
        used = set(scope.values())
        name = next((n for n in self._candidates(index) if n not in used and self._is_usable(n, index)), None)
        if name is None:
            raise NotExpressible("there are more indices in one formula than there are letters")
        scope[index] = name
        return name

    def _candidates(self, index: Index) -> Iterable[str]:
        base = _base(index.name)
        if index.high.name == GROUP:
            yield GROUP
            if self.exact:
                raise NotExpressible("two indices run over the axes `..`, which have one name only")
        elif index.low == core.ZERO and index.high.op == "size":
            yield base if base in self.sizes else index.high.name
        yield base
        yield from letters_after(base)

    def _is_usable(self, name: str, index: Index) -> bool:
        """Not a name that means something else, and no axis that the index does not run along."""
        if name in self.names.bound or name in RESERVED:
            return False
        return name not in self.sizes or name in _sizes(index.high)

    # ------------------------------------------------------------ nodes

    def formula(self, root: Node, scope: Scope) -> Formula:
        done: dict[int, Formula] = {}
        for node in reachable([root], stop=lambda n: n.op == "read" and str(n.value) in self.table.stages):
            if node.op == "read" and str(node.value) in self.table.stages:
                done[node.id] = self._reduction(self.table.stages[str(node.value)], node.args, scope)
            else:
                done[node.id] = self._node(node, [done[a.id] for a in node.args], scope)
        return done[root.id]

    def _node(self, node: Node, args: Sequence[Formula], scope: Scope) -> Formula:
        value = node.value
        match node.op:
            case "const":
                return self._constant(value)
            case "index":
                assert isinstance(value, Index)
                return Symbol(scope[value])
            case "extent":
                assert isinstance(value, Extent)
                return extent_formula(value)
            case "read":
                return Element(str(value).removeprefix(BINDING), tuple(args))
            case "whole":
                return args[0]
            case "where":
                return Choice(*args)
            case "max" if self._is_count(node, scope):
                return args[0] if node.args[1].is_value(1) else args[1]
            case "and":
                return conjunction(args[0], args[1])
            case "add" | "sub" if node.kind == "int":
                return shifted(node.op, args[0], args[1])
        return Apply(node.op, tuple(args))

    def _constant(self, value: object) -> Formula:
        match value:
            case Fraction() | "inf" | "-inf" | "pi":
                return Number(value)
            case bool():
                order = "le" if value else "lt"
                return Apply(order, (Number(Fraction(0)), Number(Fraction(0))))
        raise NotExpressible("the loss language has no word for a number that is not defined")

    def _is_count(self, node: Node, scope: Scope) -> bool:
        """max(size(n), 1) where an index runs over n, so that the size is at least 1."""
        if len(node.args) != 2 or not any(a.is_value(1) for a in node.args):
            return False
        (factor,) = [a for a in node.args if not a.is_value(1)]
        lengths = {i.high for i in scope if i.low == core.ZERO}
        parts = [factor]
        while parts:
            part = parts.pop()
            if part.op == "mul":
                parts += part.args
            elif not (part.op == "extent" and part.value in lengths) and not part.is_const:
                return False
        return True

    # ------------------------------------------------------------ stages

    def _reduction(self, stage: Stage, at: Sequence[Node], scope: Scope) -> Formula:
        if stage.op in NORMALISED:
            return self._normalised(stage, at, scope)
        inner = dict(scope)
        mapping = dict(zip(stage.out, at, strict=True))
        bound: list[Index] = []
        for index in stage.reduced:
            fresh = fresh_index(index, inner)
            self._enter(fresh, inner)
            mapping[index] = self.graph.index(fresh)
            bound.append(fresh)
        body, where = self._parts(stage, mapping, inner)
        binders = tuple(Binder(inner[i], i.low, i.high) for i in bound)
        op = "count" if stage.op == "sum" and where is not None and stage.body.is_value(1) else stage.op
        return Reduction(op, binders, where, body)

    def _parts(self, stage: Stage, mapping: dict[Index, Node], scope: Scope) -> tuple[Formula, Formula | None]:
        moved = {index: place for index, place in mapping.items() if place is not self.graph.index(index)}
        memo: dict[int, Node] = {}
        body = self.formula(self.graph.substitute(stage.body, moved, memo), scope)
        if stage.where is None:
            return body, None
        return body, self.formula(self.graph.substitute(stage.where, moved, memo), scope)

    def _normalised(self, stage: Stage, at: Sequence[Node], scope: Scope) -> Formula:
        """The index of the position is also the one that is normalised over."""
        (along,) = stage.reduced
        *others, place = at
        here = place.value
        alone = not any(place.free & other.free for other in others)
        if not alone or not isinstance(here, Index) or (here.low, here.high) != (along.low, along.high):
            return self._weight(stage, at, scope)
        mapping = dict(zip(stage.out[:-1], others, strict=True)) | {along: place}
        body, where = self._parts(stage, mapping, scope)
        binder = Binder(scope[here], here.low, here.high)
        return Reduction(stage.op, (binder,), where, body)

    def _weight(self, stage: Stage, at: Sequence[Node], scope: Scope) -> Formula:
        """A softmax or its logarithm at a position that is no index of its own: by its definition."""
        (along,) = stage.reduced
        *others, place = at
        body, _ = self._parts(stage, dict(zip(stage.out[:-1], others, strict=True)) | {along: place}, scope)
        total = self._reduction(replace(stage, out=stage.out[:-1], op="logsumexp"), others, scope)
        logarithm = Apply("sub", (body, total))
        return logarithm if stage.op == "log_softmax" else Apply("exp", (logarithm,))


def _counts_group(formula: Formula) -> bool:
    """Whether the index of the axes `..` is used as a number."""
    named = any(isinstance(part, Symbol) and part.name == GROUP for part in children(formula))
    return named and not isinstance(formula, Element)


def _base(name: str) -> str:
    """Without the number that told it from others of its name."""
    name = re.sub(r"(_\d+|_at)+$|(?<=^i)\d+$", "", name)
    return name if name.isidentifier() else "i"


def _sizes(extent: Extent) -> set[str]:
    found = {extent.name} if extent.op == "size" else set()
    return found.union(*map(_sizes, extent.operands))
