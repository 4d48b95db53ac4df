"""The order of the axes of an expression: the one that all of its reads agree on, if there is one."""

from __future__ import annotations

from collections.abc import Sequence

from lossdsl.meaning import core
from lossdsl.meaning.core import Expr, Var
from lossdsl.meaning.resolution.build import postorder
from lossdsl.meaning.resolution.draft import Draft


def order(draft: Draft, root: Expr, variables: Sequence[Var]) -> tuple[list[Var], bool]:
    """The variables as axes, and whether their order is settled."""
    if len(variables) < 2:
        return list(variables), True
    before: dict[Var, set[Var]] = {var: set() for var in variables}
    alias = {inner: at for node in postorder(root) for inner, at in _moved(node)}
    for node in postorder(root):
        if isinstance(node, core.Read) and node.array not in draft.unordered:
            earlier: set[Var] = set()
            for index in node.indices:
                here = {alias.get(var, var) for var in draft.build.free(index)} & before.keys()
                for var in here:
                    before[var] |= earlier - {var}
                earlier |= here
    return _only_order(list(variables), before)


def _moved(node: Expr) -> list[tuple[Var, Var]]:
    """The variable that a softmax binds stands, outside of it, for the one that it is taken at."""
    return [(node.var, node.at.var)] if isinstance(node, core.Along) and isinstance(node.at, core.Index) else []


def _only_order(variables: list[Var], before: dict[Var, set[Var]]) -> tuple[list[Var], bool]:
    """Settled if at every step exactly one variable has nothing left before it."""
    left = list(variables)
    ordered: list[Var] = []
    while left:
        first = [var for var in left if not before[var] & set(left)]
        if len(first) != 1:
            return list(variables), False
        ordered.append(first[0])
        left.remove(first[0])
    return ordered, True
