"""Which reductions over what comes before or after in the order of a key can be scans: O(N log N) instead of O(N^2).

    out[i] = OP[j where key[j] >= key[i]](body)        and <=, <, >; further conditions on i or on j alone; j != i

The elements are sorted once for each key and direction.  Those taken for an element are then the first so many of the
sorted ones, and all reductions together are one scan.  The body has to be made of parts that depend on i alone and on j
alone: a product of such, with an exponential of a sum of such, which is what softmax weights are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from lossdsl.backends.contraction import factors
from lossdsl.ir.graph import Constant, Graph, Index, Node, conjuncts
from lossdsl.ir.opened import opened
from lossdsl.ir.stage import Stage, StageTable
from lossdsl.rewrite.finite import may_be_infinite, may_vanish

NEUTRAL: dict[str, Constant | int] = {"sum": 0, "max": "-inf", "min": "inf"}
COMPARISONS = frozenset({"lt", "le", "gt", "ge"})
FLIPPED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


@dataclass(frozen=True)
class Order:
    """Which `inner` are taken for an `outer`: key[inner] OP key[outer], and what each has to meet on its own."""

    op: str
    key: Node
    """In terms of `inner`."""
    inner: Index
    outer: Index
    equal: Literal["same", "first", "last"] = "same"
    """Which of equal keys comes first: they are the same, or their places decide."""
    apart: bool = False
    """Whether the element itself is left out."""
    taken: Node | None = None
    """A condition on `inner`."""
    asked: Node | None = None
    """A condition on anything but `inner`."""


def order_of(graph: Graph, stage: Stage) -> Order | None:
    """The order by which a stage takes its elements, if that is all that relates the two indices."""
    if stage.where is None or len(stage.reduced) != 1:
        return None
    inner = stage.reduced[0]
    order: Order | None = None
    rest: list[Node] = []
    for part in conjuncts(stage.where):
        found = _comparison(graph, part, inner, stage.out) if order is None else None
        order = found or order
        if found is None:
            rest.append(part)
    if order is None:
        return None
    related = [p for p in rest if {order.inner, order.outer} <= p.free]
    if not all(_is_unequal(p, order.inner, order.outer) for p in related):
        return None
    taken = [p for p in rest if p not in related and inner in p.free]
    asked = [p for p in rest if p not in related and inner not in p.free]
    return replace(
        order,
        apart=bool(related),
        taken=graph.both(*taken) if taken else None,
        asked=graph.both(*asked) if asked else None,
    )


def _comparison(graph: Graph, part: Node, inner: Index, out: tuple[Index, ...]) -> Order | None:
    """key[inner] OP key[outer] for one key at two positions of one range, or the same with places to break ties."""
    if part.op == "or":
        return _by_place(graph, part, inner, out)
    if part.op not in COMPARISONS or any(a.kind == "bool" for a in part.args):
        return None
    left, right = part.args
    op = part.op
    if inner in right.free:
        left, right, op = right, left, FLIPPED[op]
    if inner not in left.free or inner in right.free:
        return None
    for outer in out:
        same = (outer.low, outer.high) == (inner.low, inner.high)
        if same and outer in right.free and outer not in left.free:
            if graph.substitute(right, {outer: graph.index(inner)}) is left:
                return Order(op, left, inner, outer)
    return None


def _by_place(graph: Graph, part: Node, inner: Index, out: tuple[Index, ...]) -> Order | None:
    """key[inner] > key[outer] or key[inner] == key[outer] and inner < outer, a stable sort; also with <, with <=."""
    for strict, tie in (part.args, part.args[::-1]):
        order = _comparison(graph, strict, inner, out) if strict.op in ("lt", "gt") else None
        if order is None or tie.op != "and":
            continue
        at_outer = graph.substitute(order.key, {inner: graph.index(order.outer)})
        for equal, place in (tie.args, tie.args[::-1]):
            earlier = _comparison(graph, place, inner, (order.outer,)) if place.op in COMPARISONS else None
            if equal.op != "eq" or set(equal.args) != {order.key, at_outer} or earlier is None:
                continue
            if earlier.key.op == "index":
                op = order.op if earlier.op in ("lt", "gt") else {"lt": "le", "gt": "ge"}[order.op]
                return replace(order, op=op, equal="first" if earlier.op in ("lt", "le") else "last")
    return None


def _is_unequal(part: Node, inner: Index, outer: Index) -> bool:
    return part.op == "ne" and _is_pair(part, inner, outer)


def _is_pair(part: Node, inner: Index, outer: Index) -> bool:
    return {a.value for a in part.args if a.op == "index"} == {inner, outer}


def _split(graph: Graph, order: Order, node: Node) -> tuple[Node, Node] | None:
    """What a sum of terms adds for the taken element, and for the one that asks; None where a term has both."""

    def has_both(node: Node) -> bool:
        return order.inner in node.free and order.outer in node.free

    def terms(item: tuple[Node, bool]) -> list[tuple[Node, bool]] | None:
        term, minus = item
        if not has_both(term) or term.op not in ("add", "sub", "neg"):
            return None
        first, *second = term.args
        return [(first, minus != (term.op == "neg")), *((b, minus != (term.op == "sub")) for b in second)]

    found = opened((node, False), terms)
    if any(has_both(term) for term, _ in found):
        return None
    parts: dict[bool, list[Node]] = {True: [], False: []}
    for term, minus in found:
        parts[order.inner in term.free].append(-term if minus else term)
    return graph.total(parts[True]), graph.total(parts[False])


@dataclass(frozen=True)
class Form:
    """A call of a function of the runtime; `part` of its results, times what comes `after`."""

    helper: str
    operands: list[Node]
    after: list[Node] = field(default_factory=list)
    part: int | None = None


@dataclass(frozen=True)
class Scan:
    """A stage as a scan; all nodes are in terms of the inner index, which the result calls the outer."""

    order: Order
    form: Form
    apart: bool
    """Whether the element that asks is left out of the scan."""
    own: Node | None
    """What it adds for itself, where the formula has that apart."""
    asked: Node | None
    """Where this fails, nothing is taken."""

    @property
    def nodes(self) -> list[Node]:
        """Everything that is evaluated element by element."""
        others = [n for n in (self.own, self.asked) if n is not None]
        return [self.order.key, *self.form.operands, *self.form.after, *others]

    @property
    def indices(self) -> frozenset[Index]:
        return frozenset({self.order.inner}).union(*(n.free for n in self.nodes))


def scan_of(table: StageTable, stage: Stage) -> Scan | None:
    """The stage as a scan, if it has that form."""
    order = order_of(table.graph, stage)
    if order is None or stage.op not in NEUTRAL or stage.positions:
        return None
    scan = _Recogniser(table, stage, order).scan()
    if scan is None or {order.outer if i == order.inner else i for i in scan.indices} != set(stage.out):
        return None
    return scan


def all_scans(table: StageTable, stages: Iterable[Stage]) -> bool:
    """Whether every stage that takes elements by an order is a scan.

    If one of them needs all pairs, the others have them for nothing, with rounding errors that cancel between them.
    """
    return all(scan_of(table, s) is not None for s in stages if order_of(table.graph, s) is not None)


class _Recogniser:
    """Looks for the forms of a body."""

    def __init__(self, table: StageTable, stage: Stage, order: Order) -> None:
        self.table, self.graph, self.stage, self.order = table, table.graph, stage, order
        self.apart = order.apart
        self.own: Node | None = None

    def scan(self) -> Scan | None:
        body = self._without_own(self.stage.body) if self.stage.op == "sum" else self.stage.body
        form = self._plain(body) or (self._exponential(body) if self.stage.op == "sum" else None)
        if form is None:
            return None
        asked = None if self.order.asked is None else self._as_inner(self.order.asked)
        return Scan(self.order, form, self.apart, self.own, asked)

    def _as_inner(self, node: Node) -> Node:
        return self.graph.substitute(node, {self.order.outer: self.graph.index(self.order.inner)})

    def _masked(self, node: Node, neutral: Node) -> Node:
        return node if self.order.taken is None else self.graph.where(self.order.taken, node, neutral)

    def _without_own(self, body: Node) -> Node:
        """The body for other elements than the one that asks; what that adds is kept apart."""
        if body.op != "where" or body.args[0].op != "eq":
            return body
        condition, own, others = body.args
        if not _is_pair(condition, self.order.inner, self.order.outer):
            return body
        assert self.stage.where is not None
        if not self.apart:
            mask = self._as_inner(self.stage.where)
            self.own = self.graph.where(mask, self._as_inner(own), self.graph.const(0))
        self.apart = True
        return others

    def _plain(self, body: Node) -> Form | None:
        """A body that depends on the taken element only."""
        if self.order.outer in body.free:
            return None
        neutral = self.graph.const(NEUTRAL[self.stage.op])
        return Form(f"_{self.stage.op}_in_order", [self._masked(body, neutral)])

    def _exponential(self, body: Node) -> Form | None:
        graph, order = self.graph, self.order
        found = self._softmax(body)
        if found is not None:
            return found
        sign, above, below = factors(body)
        mixed = [n for n in above if {order.inner, order.outer} <= n.free]
        if len(mixed) != 1 or mixed[0].op != "exp" or any({order.inner, order.outer} <= n.free for n in below):
            return None
        split = _split(graph, order, mixed[0].args[0])
        if split is None:
            return None
        others = [n for n in above if n is not mixed[0]]
        own = [n for n in others if order.outer not in n.free]
        asked = [n for n in others if order.outer in n.free]
        own_below = [n for n in below if order.outer not in n.free]
        asked_below = [n for n in below if order.outer in n.free]
        if any(may_be_infinite(self.table, n) for n in asked) or any(may_vanish(self.table, n) for n in asked_below):
            return None  # of nothing, 0 times such a factor would be NaN
        factor = graph.product(own)
        for node in own_below:
            factor = factor / node
        factor = self._masked(-factor if sign < 0 else factor, graph.const(0))
        after = [self._as_inner(n) for n in asked] + [graph.const(1) / self._as_inner(n) for n in asked_below]
        return Form("_exp_sum_in_order", [factor, split[0], self._as_inner(split[1])], after)

    def _softmax(self, body: Node) -> Form | None:
        """exp(x - peak), where the peak is the greatest x of the same elements; or what is below 1 of it."""
        part = 0
        if body.op == "fraction":
            body, part = body.args[0], 1
        if body.op != "exp" or body.args[0].op != "sub":
            return None
        x, shift = body.args[0].args
        if self.order.outer in x.free or shift.op != "where" or shift.args[1].op != "read":
            return None
        peak = shift.args[1]
        graph, stage = self.graph, self.stage
        guard = graph.apply("lt", graph.apply("abs", peak), graph.const("inf"))
        maximum = self.table.stages.get(str(peak.value))
        if shift is not graph.where(guard, peak, graph.const(0)) or maximum is None or maximum.op != "max":
            return None
        mapping: dict[Index, Node] = dict(zip(maximum.out, peak.args, strict=True))
        mapping |= {i: graph.index(j) for i, j in zip(maximum.reduced, stage.reduced, strict=False)}
        same = len(maximum.reduced) == 1 and maximum.where is not None and not maximum.positions
        if not same or graph.substitute(maximum.body, mapping) is not x:
            return None
        assert maximum.where is not None
        if graph.substitute(maximum.where, mapping) is not stage.where:
            return None
        return Form("_exponentials_in_order", [self._masked(x, graph.const("-inf"))], part=part)
