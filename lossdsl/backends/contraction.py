"""Sums of products as matrix products: sum[d](a[i, d]*b[j, d]) without the array over (i, j, d)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from lossdsl.backends.expand import stage_nodes
from lossdsl.ir.bounds import linear, nonnegative, plus
from lossdsl.ir.graph import Index, Node
from lossdsl.ir.opened import opened
from lossdsl.ir.stage import Stage
from lossdsl.rewrite.finite import may_be_infinite, may_vanish

if TYPE_CHECKING:
    from lossdsl.backends.emitter import Emitter

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def factors(body: Node, reduced: Iterable[Index] = ()) -> tuple[int, list[Node], list[Node]]:
    """Sign, factors and divisors of a product, in order; a quotient by what runs over `reduced` is a factor."""
    reduced = frozenset(reduced)

    def parts(factor: tuple[Node, bool]) -> list[tuple[Node, bool]] | None:
        node, upper = factor
        if node.op == "neg":
            return [(node.graph.const(-1), True), (node.args[0], upper)]
        if node.op == "mul":
            return [(a, upper) for a in node.args]
        if node.op == "div" and not (upper and not node.args[1].free.isdisjoint(reduced)):
            return [(node.args[0], upper), (node.args[1], not upper)]
        return None

    found = opened((body, True), parts)
    signs = [node for node, _ in found if node.is_value(-1)]
    above, below = ([n for n, upper in found if upper is side and not n.is_value(-1)] for side in (True, False))
    return (-1) ** len(signs), above, below


def contraction(emitter: Emitter, stage: Stage) -> str | None:
    """The sum as a contraction, where no factor alone has all the indices of the loop."""
    if stage.where is not None or stage.body.kind != "real":
        return None
    sign, above, below = factors(stage.body, stage.reduced)
    reduced = frozenset(stage.reduced)
    if any(n.free & reduced for n in below):
        return None
    inner = [n for n in above if n.free & reduced]
    outer = [n for n in above if not n.free & reduced]
    groups: dict[frozenset[Index], list[Node]] = {}
    for node in inner:
        groups.setdefault(node.free, []).append(node)
    loop = frozenset().union(*groups) if groups else frozenset()
    if not set(stage.out) <= loop.union(*(n.free for n in (*outer, *below))):
        return None
    if len(groups) < 2 or loop in groups or not reduced <= loop:
        return None
    if any(emitter.value(n, "real").host for n in inner):
        return None
    out = emitter.axes(loop - reduced)
    if len(loop) > len(LETTERS):
        return None
    appearing = dict.fromkeys(i for free in groups for i in emitter.axes(free))
    letters = {i: LETTERS[k] for k, i in enumerate(appearing)}
    spec = ",".join("".join(letters[i] for i in emitter.axes(g)) for g in groups)
    spec += "->" + "".join(letters[i] for i in out)
    scales = {free: _scales(free, groups, outer, below) for free in groups}
    operands = []
    for free, nodes in groups.items():
        above_, below_ = scales[free]
        tight = 60 if len(nodes) + len(above_) + len(below_) > 1 else 0
        texts = [emitter.lifted(n, emitter.axes(free), "real", tight) for n in (*nodes, *above_)]
        divisors = [f" / {emitter.lifted(n, emitter.axes(free), 'real', 61)}" for n in below_]
        operands.append(" * ".join(texts) + "".join(divisors))
    attached = {n for above_, below_ in scales.values() for n in (*above_, *below_)}
    outer, below = [n for n in outer if n not in attached], [n for n in below if n not in attached]
    code = emitter.dialect.contract(spec, operands)
    onto = emitter.axes(stage.out)
    extra = [i for i in onto if i not in out]
    if extra and out:
        pattern = [":" if i in out else "None" for i in onto]
        whole = f"({code})" if " @ " in code else code  # an index binds tighter than a product
        code = f"{whole}[{', '.join(pattern)}]"
    for node in outer:
        code = f"{code} * {emitter.lifted(node, onto, 'real', 61)}"
    for node in below:
        code = f"{code} / {emitter.lifted(node, onto, 'real', 61)}"
    code = f"-({code})" if sign < 0 else code
    ranges = {(i.low, i.high) for i in stage.out}  # where the result has elements, these have positions
    idle = [i for i in stage.reduced if (i.low, i.high) not in ranges and not _has_a_position(i)]
    vanishes = any(may_vanish(emitter.table, n) for n in below)
    if not idle or not (vanishes or any(_may_be_infinite(emitter, n, idle) for n in (*outer, *below))):
        return code
    # 0 times an infinity is not 0: where there is nothing to sum, the factors are left out
    some = " and ".join(f"{size} > 0" for size in dict.fromkeys(emitter.shape(idle)))
    return f"{code} if {some} else {emitter.dialect.zeros(emitter.shape(onto))}"


def _scales(
    free: frozenset[Index], groups: Mapping[frozenset[Index], list[Node]], outer: list[Node], below: list[Node]
) -> tuple[list[Node], list[Node]]:
    """Factors and divisors of one operand alone: a row is scaled before it is multiplied by another, since products of
    large rows overflow, and of small ones underflow, where those of scaled ones do not."""

    def own(node: Node) -> bool:
        return bool(node.free) and next((g for g in groups if node.free <= g), None) == free

    return [n for n in outer if own(n)], [n for n in below if own(n)]


def _may_be_infinite(emitter: Emitter, node: Node, idle: list[Index]) -> bool:
    """Whether a factor can be infinite, be it because the axes are empty: the least of nothing is."""
    if may_be_infinite(emitter.table, node):
        return True
    empty = {(i.low, i.high) for i in idle}
    stages = (emitter.table.stages.get(str(n.value)) for n in stage_nodes(emitter.table, [node]) if n.op == "read")
    return any(
        s is not None and s.op in ("max", "min", "logsumexp") and any((i.low, i.high) in empty for i in s.reduced)
        for s in stages
    )


def _has_a_position(index: Index) -> bool:
    return nonnegative(plus(plus(linear(index.high), linear(index.low), Fraction(-1)), {None: Fraction(-1)}))
