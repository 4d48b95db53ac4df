"""What an expression is: a real number, a whole number, or a condition.

Whole numbers may index an axis; conditions choose and are never numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from lossdsl.functions.table import TABLE
from lossdsl.meaning import core
from lossdsl.meaning.core import Kind


def of(node: core.Expr, below: Sequence[Kind]) -> Kind:
    """The kind of a node from those of its children, in the order of `build.children`."""
    match node:
        case core.Num(value=Fraction() as value):
            return "int" if value.denominator == 1 else "real"
        case core.Index() | core.Size():
            return "int"
        case core.Read(array=core.Arg() as arg):
            return "int" if arg.whole else "real"
        case core.Read(array=core.Let() as let):
            return let.kind
        case core.Apply():
            return applied(node.function, below)
        case core.If():
            return common(below[1:])
        case core.Reduce():
            return reduced(node.op, below[-1])
    return "real"


def applied(function: str, below: Sequence[Kind]) -> Kind:
    match TABLE[function].result:
        case "same":
            return common(below)
        case result:
            return result


def common(below: Iterable[Kind]) -> Kind:
    """Of values one of which is taken, or that are combined without leaving the whole numbers."""
    met = set(below)
    if met == {"bool"}:
        return "bool"
    return "int" if met == {"int"} else "real"


def reduced(op: str, body: Kind) -> Kind:
    match op:
        case "count" | "argmax" | "argmin":
            return "int"
        case "any" | "all":
            return "bool"
        case "sum" | "prod":
            return common([body])
        case _:  # the maximum of nothing is -inf
            return "real"
