"""What `predict` is made of: predictions and hyperparameters, and nothing that only the data know."""

from __future__ import annotations

from collections.abc import Iterator

from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.types import PredictUsesData
from lossdsl.meaning import core
from lossdsl.meaning.resolution.build import binds, postorder


def check_sizes(program: core.Program) -> None:
    """No exported binding depends on the size of an axis that only data have: `predict` is called without them."""
    known = {name for arg in program.args if arg.role != "data" for axis in arg.axes for name in _names(axis)}
    problems = []
    for let in program.lets:
        if let.role == "predict":
            unknown = next((name for extent in _extents(let) for name in _names(extent) if name not in known), None)
            if unknown is not None:
                problems.append(_uses_size(program, let, unknown))
    if problems:
        raise LossError(*problems)


def _uses_size(program: core.Program, let: core.Let, axis: str) -> PredictUsesData:
    owner = next(arg for arg in program.args if any(axis in _names(extent) for extent in arg.axes))
    return PredictUsesData(
        let.span,
        f"`predict {let.name}` uses the size of axis `{axis}`, which only the data `{owner.name}` have",
        "use axes of predictions and hyperparameters only, or leave `predict` out",
        ((owner.span, "declared as data here"),),
    )


def _extents(exported: core.Let) -> Iterator[core.Extent]:
    """Every size that the value of a binding depends on, also through other bindings."""
    seen: set[int] = set()
    lets = [exported]
    while lets:
        let = lets.pop()
        seen.add(id(let))
        yield from _of_vars(let.vars)
        roots: list[core.Expr] = [let.expr]
        while roots:
            for node in postorder(roots.pop(), lambda one: id(one) not in seen):
                seen.add(id(node))
                yield from _of_vars(tuple(binds(node)))
                match node:
                    case core.Size(extent=extent):
                        yield extent
                    case core.Read(array=array, guards=guards):
                        roots += [condition for condition, _ in guards]
                        if isinstance(array, core.Let) and id(array) not in seen:
                            lets.append(array)


def _of_vars(variables: tuple[core.Var, ...]) -> Iterator[core.Extent]:
    for var in variables:
        yield from (var.low, var.high)


def _names(extent: core.Extent) -> Iterator[str]:
    if extent.op == "size":
        yield extent.name
    for operand in extent.operands:
        yield from _names(operand)
