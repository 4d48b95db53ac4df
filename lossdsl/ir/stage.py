"""Stages and programs: what the compiler computes, array by array.

    out[I] = OP[J where C](body)                          a reduction
    out[I, K] = sum[J where C and K == position](body)    a scatter: every term goes to its positions K

A program is a list of stages, each reading only arguments and earlier stages.  Elementwise bindings are no stages: they
are nodes of the DAG, evaluated in their own free indices.  Differentiating a program gives a program.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from lossdsl.ir.graph import Constant, Graph, Index, Node
from lossdsl.meaning.core import Extent, Kind

REDUCTION_KINDS: dict[str, Kind] = {"any": "bool", "all": "bool", "argmax": "int", "argmin": "int"}
"""Kind of the value where it is not that of the body."""


NOTHING: dict[str, Constant | int] = {
    "sum": 0, "prod": 1, "max": "-inf", "min": "inf", "logsumexp": "-inf", "norm": 0, "any": False, "all": True,
}  # fmt: skip
"""The value of a reduction over nothing."""

Sign = Literal["positive", "nonnegative", "any"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One array; `positions` gives, for the out indices that are scattered to, where each term goes.

    The body does not mention the scattered out indices; the positions do not mention them either.
    """

    name: str
    out: tuple[Index, ...]
    op: str
    reduced: tuple[Index, ...]
    where: Node | None
    body: Node
    positions: tuple[tuple[Index, Node], ...] = ()

    @property
    def kind(self) -> Kind:
        return REDUCTION_KINDS.get(self.op, self.body.kind if self.op in ("sum", "max", "min") else "real")

    @property
    def roots(self) -> list[Node]:
        """Every node that the stage evaluates."""
        return [self.body, *([self.where] if self.where is not None else []), *(p for _, p in self.positions)]

    @property
    def looped(self) -> tuple[Index, ...]:
        """The indices over which the body is evaluated: solved out indices, then reduced ones."""
        scattered = {k for k, _ in self.positions}
        return (*(i for i in self.out if i not in scattered), *self.reduced)

    def __str__(self) -> str:
        from lossdsl.ir.show import show_stage

        return show_stage(self)


@dataclass(frozen=True, slots=True)
class Array:
    """An input of the program: its name, the extent of each axis, its role and kind."""

    name: str
    axes: tuple[Extent, ...]
    role: str
    kind: Kind
    sign: Sign = "any"
    """What the domain says about the sign of the elements."""
    bounded: bool = False
    """Whether the domain bounds the elements from both sides."""


@dataclass(frozen=True, slots=True)
class BoundRead:
    """A binding, inlined at a position that must be in low <= position < high wherever `where` holds.

    Nodes are shared: others than this read may stand at the same node, under other conditions.
    """

    binding: str
    axis: int
    position: Node
    low: Extent
    high: Extent
    where: Node
    owner: int
    """The id of the binding in which the read stands; 0: the element of the loss."""


@dataclass
class StageTable:
    """The stages of a program under construction, each distinct one once."""

    graph: Graph
    stages: dict[str, Stage] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    bound_reads: dict[int, list[BoundRead]] = field(default_factory=dict)
    """By id of a node: the reads of bindings that it stands for and that have to be checked."""
    facts: dict[tuple[str, str], dict[Any, Any]] = field(default_factory=dict)
    """What is known of nodes and stages by their shape (see `lossdsl.rewrite.facts`)."""
    limits: dict[tuple[str, Fraction], int] = field(default_factory=dict)
    """Hyperparameters and values at which a part of the formula is a limit, and the side that it was taken from."""
    _known: dict[tuple[object, ...], str] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)

    def add_array(self, array: Array) -> None:
        self.arrays[array.name] = array
        self.graph.array_kinds[array.name] = array.kind

    def add(
        self,
        hint: str,
        out: Iterable[Index],
        op: str,
        reduced: Iterable[Index],
        where: Node | None,
        body: Node,
        positions: Iterable[tuple[Index, Node]] = (),
    ) -> str:
        """The name of the stage with this meaning; an equal one (up to the names of indices) is reused."""
        if where is not None and where.is_const and where.value is True:
            where = None
        stage = Stage("", tuple(out), op, tuple(reduced), where, body, tuple(positions))
        key = self._canonical(stage)
        name = self._known.get(key)
        if name is None:
            name = self._fresh(hint)
            self.stages[name] = Stage(name, stage.out, op, stage.reduced, where, body, stage.positions)
            self.graph.array_kinds[name] = stage.kind
            self._known[key] = name
        return name

    def read(self, name: str, indices: Iterable[Node]) -> Node:
        return self.graph.read(name, indices)

    def value(
        self, hint: str, out: Iterable[Index], op: str, reduced: Iterable[Index], where: Node | None, body: Node
    ) -> Node:
        """The stage, read at its own indices; the neutral element where its condition never holds."""
        if where is not None and where.is_const and where.value is False and op in NOTHING:
            return self.graph.const(NOTHING[op])
        out = tuple(out)
        return self.read(self.add(hint, out, op, reduced, where, body), [self.graph.index(i) for i in out])

    def _fresh(self, hint: str) -> str:
        name = hint if not self._counts[hint] else f"{hint}_{self._counts[hint] + 1}"
        while name in self.stages or name in self.arrays:
            self._counts[hint] += 1
            name = f"{hint}_{self._counts[hint] + 1}"
        return name

    def _canonical(self, stage: Stage) -> tuple[object, ...]:
        g = self.graph
        indices = (*stage.out, *stage.reduced)
        renaming = {i: g.index(Index(f"\0{k}", i.low, i.high)) for k, i in enumerate(indices)}
        memo: dict[int, Node] = {}
        body, *rest = (g.substitute(n, renaming, memo).id for n in stage.roots)
        scattered = tuple(stage.out.index(k) for k, _ in stage.positions)
        ranges = tuple((i.low, i.high) for i in indices)
        return (stage.op, len(stage.out), ranges, body, stage.where is None, tuple(rest), scattered)


def fresh_index(index: Index, taken: Iterable[Index]) -> Index:
    """An index over the same range whose name none of `taken` has."""
    names = {i.name for i in taken}
    name, count = index.name, 1
    while name in names:
        count += 1
        name = f"{index.name}_{count}"
    return Index(name, index.low, index.high)
