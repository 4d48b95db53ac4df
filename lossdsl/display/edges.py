"""What a loss does where its formula has a kink, a tie, or nothing to reduce: the conventions that apply to it."""

from __future__ import annotations

from lossdsl.display.from_core import formulas
from lossdsl.display.text import expression_text
from lossdsl.meaning import core
from lossdsl.meaning.reference.walk import bottom_up, roots

AT_A_POINT = {
    "abs": "derivative 0 where it is 0",
    "relu": "derivative 0 where its argument is 0",
    "clip": "derivative 1 at the bounds, 0 beyond them",
    "max": "where both are equal they share the derivative",
    "min": "where both are equal they share the derivative",
    "sign": "derivative 0 everywhere, value 0 at 0",
    "floor": "derivative 0 everywhere",
    "round": "derivative 0 everywhere; halves are rounded to even",
    "stop_gradient": "derivative 0",
    "log": "-inf where its argument is 0",
    "mod": "takes the sign of the divisor; derivative of the divisor 0",
}
"""Functions whose value or derivative somewhere is a matter of convention."""

OVER_MANY = {
    "max": "ties share the derivative equally; -inf over nothing",
    "min": "ties share the derivative equally; inf over nothing",
    "mean": "0 over nothing",
    "norm": "derivative 0 where all are 0",
    "logsumexp": "-inf over nothing",
    "argmax": "the first of ties; an error over nothing",
    "argmin": "the first of ties; an error over nothing",
}
"""The same for reductions."""

POSITIVE = ("exp", "sigmoid", "softplus", "cosh")

ALWAYS_THERE = ("mean",)
"""Reductions whose convention is worth a line only under a condition: over a batch everyone knows it."""


def edge_cases(program: core.Program) -> list[tuple[str, str]]:
    """(part of the formula, what holds there), in the order of the formula; equal lines once."""
    text = formulas(program)
    found: dict[tuple[str, str], None] = {}
    for node in bottom_up(roots(program)):
        rule, shown = _rule(node), node.condition if isinstance(node, core.If) else node
        if rule and id(shown) in text:
            found[expression_text(text[id(shown)]), rule] = None
    if program.reduction == "mean" and program.free:
        found["the mean over all elements", "0 where there are none"] = None
    return list(found)


def _rule(node: core.Expr) -> str | None:
    match node:
        case core.Apply(function=function, args=args):
            fixed = all(isinstance(arg, core.Num) for arg in args)
            return None if fixed or (function == "log" and _is_positive(args[0])) else AT_A_POINT.get(function)
        case core.Reduce(op=op, where=where) if where is not None or op not in ALWAYS_THERE:
            return OVER_MANY.get(op)
        case core.If(then=then, otherwise=otherwise) if not (
            isinstance(then, core.Num) and isinstance(otherwise, core.Num)
        ):
            return "at the joint, the branch that the condition selects gives the derivative"
    return None


def _is_positive(node: core.Expr) -> bool:
    """Whether an expression is positive by its form, so that its logarithm is a number."""
    while isinstance(node, core.Read) and isinstance(node.array, core.Let):
        node = node.array.expr
    match node:
        case core.Apply(function=function):
            return function in POSITIVE
        case core.Along(op="softmax", where=None):
            return True
    return False
