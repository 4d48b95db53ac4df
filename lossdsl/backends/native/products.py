"""What NumPy computes by a better algorithm, matrix products and scans: beyond some size it is left to it."""

from __future__ import annotations

from collections.abc import Sequence

from lossdsl.backends.contraction import factors
from lossdsl.backends.expand import stage_nodes
from lossdsl.backends.orders import all_scans, scan_of
from lossdsl.ir.graph import Index, Node, conjuncts
from lossdsl.ir.stage import Stage, StageTable


def large_products(table: StageTable, roots: Sequence[Node]) -> list[tuple[Index, ...]]:
    """The loops of each stage behind the roots that is a matrix product, a running sum, or a scan over a sorted key."""
    names = {str(n.value) for n in stage_nodes(table, roots) if n.op == "read"} & set(table.stages)
    stages = [table.stages[name] for name in sorted(names)]
    sorts = all_scans(table, stages)
    return [
        stage.looped
        for stage in stages
        if is_matrix_product(stage) or is_running_sum(stage) or (sorts and scan_of(table, stage) is not None)
    ]


def is_matrix_product(stage: Stage) -> bool:
    """Whether a sum runs over products of which no factor has all of its indices."""
    if stage.op != "sum" or stage.where is not None or stage.positions or stage.body.kind != "real":
        return False
    _, above, below = factors(stage.body, stage.reduced)
    reduced = frozenset(stage.reduced)
    if any(n.free & reduced for n in below):
        return False
    groups = {n.free for n in above if n.free & reduced}
    loop = frozenset().union(*groups) if groups else frozenset()
    return len(groups) > 1 and loop not in groups and reduced <= loop


def is_running_sum(stage: Stage) -> bool:
    """Whether a sum runs over the positions before or after another one, of something that is read at its own only."""
    if stage.op != "sum" or stage.where is None or len(stage.reduced) != 1 or stage.positions:
        return False
    inner = stage.reduced[0]
    for part in conjuncts(stage.where):
        if part.op in ("lt", "le", "gt", "ge") and all(a.op == "index" for a in part.args):
            others = {a.value for a in part.args} - {inner}
            rest = stage.body.free.union(*(c.free for c in conjuncts(stage.where) if c is not part))
            if len(others) == 1 and others <= set(stage.out) and not others & rest:
                return True
    return False
