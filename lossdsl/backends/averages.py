"""Logarithms of means of exponentials: which sums end in `logsumexp - log(number of terms)`.

Where all exponents are close to one another the two logarithms are nearly equal, and of a mean that is close to 0
nothing is left of their difference.  So the number has to be recognised: as a size, or as a count.
"""

from __future__ import annotations

from collections import Counter

from lossdsl.ir.graph import Node
from lossdsl.ir.stage import Stage, StageTable
from lossdsl.meaning.core import ZERO


def number_of_terms(table: StageTable, logarithm: Node, read: Node) -> Node | None:
    """The argument of a logarithm, if it is how many terms the reduction has that is read; None if not.

    Also where it is one at least, as in a mean.
    """
    if logarithm.op != "log":
        return None
    number = logarithm.args[0]
    inner = number
    if inner.op == "max" and any(a.is_value(1) for a in inner.args):
        inner = next((a for a in inner.args if not a.is_value(1)), inner)
    stage = table.stages[str(read.value)]
    counts = _is_product_of_sizes(inner, stage) if stage.where is None else _is_count(table, inner, stage, read)
    return number if counts else None


def _is_product_of_sizes(node: Node, stage: Stage) -> bool:
    """Whether a number is the number of positions of a loop over whole axes."""
    factors: Counter[object] = Counter()
    pending = [node]
    while pending:
        factor = pending.pop()
        if factor.op == "mul":
            pending += factor.args
        elif factor.op == "extent":
            factors[factor.value] += 1
        else:
            return False
    whole = all(i.low == ZERO for i in stage.reduced)
    return whole and factors == Counter(i.high for i in stage.reduced)


def _is_count(table: StageTable, node: Node, stage: Stage, read: Node) -> bool:
    """Whether a number counts the positions where the condition of a stage holds."""
    counting = table.stages.get(str(node.value)) if node.op == "read" else None
    if counting is None or counting.op != "sum" or counting.positions or not counting.body.is_value(1):
        return False
    ranges = [(i.low, i.high) for i in stage.reduced]
    if counting.where is None or stage.where is None or [(i.low, i.high) for i in counting.reduced] != ranges:
        return False
    g = table.graph
    own = dict(zip(stage.out, read.args, strict=True))
    other = dict(zip(counting.out, node.args, strict=True))
    other |= {i: g.index(k) for i, k in zip(counting.reduced, stage.reduced, strict=True)}
    return g.substitute(stage.where, own) is g.substitute(counting.where, other)
