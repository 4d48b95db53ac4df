"""Sums over the positions before or after another one, as running sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossdsl.ir.graph import Index, Node, conjuncts
from lossdsl.ir.stage import Stage

if TYPE_CHECKING:
    from lossdsl.backends.emitter import Emitter

FLIPPED = {"le": "ge", "lt": "gt", "ge": "le", "gt": "lt"}


def cumulative(emitter: Emitter, stage: Stage) -> str | None:
    """sum[u where u <= t and c(u)](x[u]) over all t as a running sum of x."""
    if stage.where is None or len(stage.reduced) != 1:
        return None
    inner = stage.reduced[0]
    rest: list[Node] = []
    found: tuple[str, Index] | None = None
    for part in conjuncts(stage.where):
        order = _order(part, inner)
        if found is None and order is not None and order[1] in stage.out and _same_range(order[1], inner):
            found = order
        else:
            rest.append(part)
    if found is None:
        return None
    op, outer = found
    others = stage.body.free.union(*(n.free for n in rest))
    if outer in others:
        return None
    if inner not in others:
        return _counted(emitter, stage, op, outer) if not rest else None
    graph = emitter.graph
    where = graph.both(*rest)
    body = graph.where(where, stage.body, graph.const(0))
    if inner not in body.free:
        return None
    emitter.count_new(body)
    text = emitter.value(body, "int" if stage.kind == "int" else "real")
    onto = emitter.axes(body.free)
    axis = onto.index(inner)
    code = emitter.dialect.cumulative(text.code, axis, op in ("ge", "gt"), op in ("lt", "gt"))
    result = [outer if i == inner else i for i in onto]
    wanted = emitter.axes(stage.out)
    return code if result == wanted else emitter.dialect.permute(code, [result.index(i) for i in wanted])


def _counted(emitter: Emitter, stage: Stage, op: str, outer: Index) -> str:
    """The same of equal terms: as many times one of them as there are positions."""
    graph = emitter.graph
    at, low, high = graph.index(outer), graph.extent(outer.low), graph.extent(outer.high)
    count = {"le": at - low + 1, "lt": at - low, "ge": high - at, "gt": high - at - 1}[op]
    total = stage.body * count
    emitter.count_new(total)
    onto = emitter.axes(stage.out)
    code = emitter.lifted(total, onto, "int" if stage.kind == "int" else "real")
    return code if total.free == set(onto) else emitter.dialect.broadcast(code, emitter.shape(onto))


def _order(condition: Node, inner: Index) -> tuple[str, Index] | None:
    if condition.op not in FLIPPED:
        return None
    a, b = condition.args
    if a.op == b.op == "index" and isinstance(a.value, Index) and isinstance(b.value, Index):
        if a.value == inner:
            return condition.op, b.value
        if b.value == inner:
            return FLIPPED[condition.op], a.value
    return None


def _same_range(a: Index, b: Index) -> bool:
    return (a.low, a.high) == (b.low, b.high)
