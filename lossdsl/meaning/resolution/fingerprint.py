"""Keys that are equal for expressions that mean the same, letter for letter: to make equal calls one binding."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from lossdsl.meaning import core
from lossdsl.meaning.core import Expr, Var
from lossdsl.meaning.resolution.build import SizeOf, binds, children, postorder
from lossdsl.meaning.resolution.scopes import View

Key = Hashable


def fingerprint(root: Expr, own: Sequence[Var] = ()) -> Key:
    """Shared parts are written once; variables bound inside, and `own`, are numbered, others stand for themselves."""
    numbers: dict[int, int] = {}
    bound: dict[Var, int] = {var: k for k, var in enumerate(own)}
    nodes = list(postorder(root))
    for node in nodes:
        for var in binds(node):
            bound.setdefault(var, len(bound))
    lines: list[Key] = []
    for node in nodes:
        numbers[id(node)] = len(lines)
        below = tuple(numbers[id(child)] for child in children(node))
        lines.append((type(node).__name__, _own(node, bound), below))
    return tuple(lines)


def view_key(view: View) -> Key:
    template = tuple(None if index is None else fingerprint(index) for index in view.template)
    if isinstance(view.target, core.Arg | core.Let):
        return (id(view.target), template)
    return (fingerprint(view.target), template)


def _own(node: Expr, bound: dict[Var, int]) -> Key:
    """What a node says beside its children."""

    def of(var: Var) -> Key:
        return ("bound", bound[var]) if var in bound else id(var)

    match node:
        case core.Num(value=value):
            return str(value)
        case core.Index(var=var):
            return of(var)
        case SizeOf(var=var, axis=axis):
            return (of(var), axis)
        case core.Size(extent=extent):
            return extent
        case core.Read(array=array):
            return id(array)
        case core.Apply(function=function):
            return function
        case core.Reduce():
            return (node.op, tuple(of(var) for var in node.vars), node.where is not None)
        case core.Along():
            return (node.op, of(node.var), node.where is not None)
        case _:
            return None
