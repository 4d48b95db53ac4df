"""A loss of several numbers written out for given sizes and labels: one formula of single entries, without reductions.

What must hold on the way out: every read has constant positions, every array that is read is a prediction or data that
are not given, and no stage is left.  Reductions are nodes with one argument a term; `logsumexp` and `norm` too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from lossdsl.analysis.judge import Point
from lossdsl.analysis.numbers import Undecided
from lossdsl.analysis.view import View
from lossdsl.check.sizes import GROUP, Sizes, extent_value
from lossdsl.ir.graph import Index, Node, reachable
from lossdsl.ir.stage import NOTHING, Stage
from lossdsl.meaning.core import Arg, Extent

MOST_TERMS = 60
"""Terms of one reduction."""
MOST_LABELS = 9
"""Ways to give all labels that are tried."""
FOLDED = frozenset({"sum", "prod"})
GATHERED = frozenset({"max", "min", "logsumexp", "norm"})


def is_label(arg: Arg) -> bool:
    """Whether values of the argument are positions on an axis."""
    return any(part.kind == "axis" for part in arg.domain)


def labellings(view: View, sizes: Sizes) -> Iterator[Point]:
    """All ways to give the labels, as far as these are few; nothing else is given."""
    labels = [arg for arg in view.data if is_label(arg)]
    shapes = [_shape(arg, sizes) for arg in labels]
    counts = [sizes[next(p.axis for p in arg.domain if p.kind == "axis")] for arg in labels]
    entries = [count for count, shape in zip(counts, shapes, strict=True) for _ in range(_count(shape))]
    total = 1
    for count in entries:
        total *= count
    if total > MOST_LABELS:
        raise Undecided("all labels: there are too many")
    for values in product(*(range(count) for count in entries)):
        rest = list(map(Fraction, values))
        point = {}
        for arg, shape in zip(labels, shapes, strict=True):
            point[arg.name] = _nested(rest, shape)
        yield point


def _shape(arg: Arg, sizes: Sizes) -> tuple[int, ...]:
    return tuple(1 if axis.name == GROUP else extent_value(axis, sizes, {}) for axis in arg.axes)


def _count(shape: Sequence[int]) -> int:
    total = 1
    for length in shape:
        total *= length
    return total


def _nested(values: list[Fraction], shape: Sequence[int]) -> Any:
    """The next values in this shape; they are taken from the list."""
    if not shape:
        return values.pop(0)
    return tuple(_nested(values, shape[1:]) for _ in range(shape[0]))


class Unrolled:
    """Writes out the nodes of one loss, for sizes and for data that are given; hyperparameters are numbers."""

    def __init__(self, view: View, sizes: Sizes, given: Point) -> None:
        self.view, self.sizes, self.given = view, {**sizes, GROUP: 1}, given
        self.table, self.graph = view.lowered.table, view.lowered.graph
        self._nodes: dict[int, Node] = {}
        self._stages: dict[tuple[str, tuple[Node, ...]], Node] = {}

    def loss(self) -> Node:
        """The sum of the elements of all rows; Undecided where it can not be written out."""
        lowered = self.view.lowered
        parts = []
        for scope in self._positions(lowered.free):
            element = self._at(lowered.element, scope)
            if lowered.mask is not None:
                element = self._masked(self._at(lowered.mask, scope), element)
            parts.append(element)
        return self.graph.total(parts)

    def _masked(self, condition: Node, element: Node) -> Node:
        return self.graph.where(condition, element, self.graph.const(0))

    def _positions(self, indices: Sequence[Index]) -> Iterator[dict[Index, Node]]:
        """All values of some indices."""
        ranges = [range(self._size(i.low), self._size(i.high)) for i in indices]
        if _count([len(r) for r in ranges]) > MOST_TERMS:
            raise Undecided(f"more than {MOST_TERMS} terms")
        for values in product(*ranges):
            yield {i: self.graph.const(v) for i, v in zip(indices, values, strict=True)}

    def _size(self, extent: Extent) -> int:
        numbers = {name: float(value) for name, value in self.view.numbers.items()}
        return extent_value(extent, self.sizes, numbers)

    def _at(self, node: Node, scope: Mapping[Index, Node]) -> Node:
        root = self.graph.substitute(node, scope)
        for each in reachable([root], stop=lambda n: n.id in self._nodes):
            if each.id not in self._nodes:
                self._nodes[each.id] = self._value(each, [self._nodes[a.id] for a in each.args])
        return self._nodes[root.id]

    def _value(self, node: Node, args: Sequence[Node]) -> Node:
        if node.op == "read":
            return self._read(str(node.value), tuple(args))
        if node.op == "extent":
            assert isinstance(node.value, Extent)
            return self.graph.const(self._size(node.value))
        if node.op == "index":
            raise Undecided("an index without a value")
        return self.graph.apply(node.op, *args) if args else node

    def _read(self, name: str, positions: tuple[Node, ...]) -> Node:
        if name in self.table.stages:
            key = (name, positions)
            if key not in self._stages:
                self._stages[key] = self._stage(self.table.stages[name], positions)
            return self._stages[key]
        if name in self.view.numbers:
            return self.graph.const(self.view.numbers[name])
        if not all(p.is_const for p in positions):
            raise Undecided(f"the position at which {name} is read")
        if name in self.given:
            return self.graph.const(_entry(self.given[name], positions))
        return self.graph.read(name, positions)

    def _stage(self, stage: Stage, positions: tuple[Node, ...]) -> Node:
        if stage.positions or stage.op not in FOLDED | GATHERED:
            raise Undecided(f"terms of {stage.op}")
        outer = dict(zip(stage.out, positions, strict=True))
        terms = []
        for scope in self._positions(stage.reduced):
            where = self.graph.const(True) if stage.where is None else self._at(stage.where, {**outer, **scope})
            if where.is_const and not where.value:
                continue
            body = self._at(stage.body, {**outer, **scope})
            if not where.is_const:
                if stage.op != "sum":
                    raise Undecided(f"the condition of {stage.op}")
                body = self._masked(where, body)
            terms.append(body)
        return self._reduced(stage.op, terms)

    def _reduced(self, op: str, terms: Sequence[Node]) -> Node:
        if not terms:
            return self.graph.const(NOTHING[op])
        if op == "norm":
            return self.graph.raw("norm", *terms)
        if op in FOLDED:
            return self.graph.total(terms) if op == "sum" else self.graph.product(terms)
        return terms[0] if len(terms) == 1 else self.graph.raw(op, *terms)


def _entry(value: Any, positions: Sequence[Node]) -> Fraction:
    for position in positions:
        assert isinstance(position.value, Fraction)
        at = int(position.value)
        if not 0 <= at < len(value):
            raise Undecided("a position out of range")
        value = value[at]
    assert isinstance(value, Fraction)
    return value


def entries(view: View, root: Node) -> list[Node]:
    """The entries of predictions that a formula reads."""
    names = {a.name for a in view.predictions}
    return [n for n in reachable([root]) if n.op == "read" and n.value in names]
