"""Closures of scalar functions, comparisons and conditions, from the closures of their arguments.

Each calls its arguments as Python functions directly: evaluation must not recurse through C.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from lossdsl.meaning.reference.duals import Dual, Number, Second, chain, real
from lossdsl.meaning.reference.scalars import VALUES, ZERO, Real, is_infinite

Code = Callable[[], Any]
Position = Callable[[], int]

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
}
INTEGRAL: dict[str, Callable[..., int]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "neg": operator.neg,
}
"""Functions of positions that are positions."""


def compared(name: str, left: Code, right: Code) -> Code:
    """A comparison of numbers or of positions; derivatives play no part."""
    compare = COMPARISONS[name]
    return lambda: bool(compare(real(left()), real(right())))


def both(first: Code, second: Code) -> Code:
    return lambda: first() and second()


def either(first: Code, second: Code) -> Code:
    return lambda: first() or second()


def negated(condition: Code) -> Code:
    return lambda: not condition()


CONDITIONS: dict[str, Callable[..., Code]] = {"and": both, "or": either, "not": negated}
"""From the left, and no further than needed."""


def applied(name: str, function: Callable[..., Real], args: Sequence[Code], keep: Second) -> Code:
    """The scalar function `name`, with value `function`, of numbers that may carry derivatives."""
    if len(args) == 2:
        left, right = args

        def binary() -> Number:
            x, y = left(), right()
            dual = type(x) is Dual or type(y) is Dual
            return chain(name, function, (x, y), keep) if dual else function(x, y)

        return binary
    return lambda: chain(name, function, [arg() for arg in args], keep)


def product_of(left: bool, right: bool) -> Callable[..., Real]:
    """A product in which 0 times an infinite logarithm is 0, as in p*log(p); any other 0*inf is nan.

    `left` and `right` say which factor contains a logarithm.
    """
    if not left and not right:
        return VALUES["mul"]

    def times(x: Real, y: Real) -> Real:
        vanishes = (left and not y and is_infinite(x)) or (right and not x and is_infinite(y))
        return ZERO if vanishes else x * y

    return times
