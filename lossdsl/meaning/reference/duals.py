"""Dual numbers over mpmath: a value with its derivatives along many directions at once.

A direction is a whole number: the position of an entry in the flattened array that is differentiated, or `VECTOR`.
Parts that are exactly zero are absent, and an absent part contributes nothing whatever it is multiplied by; so
0*inf in a chain rule is 0, as at sqrt(x^2) where x = 0, or in y*log(p) where y = p = 0.

Second derivatives are kept along one partner of each direction: itself for the diagonal of the Hessian, `VECTOR` for
a product of the Hessian with a vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from lossdsl.meaning.reference.scalars import ONE, ZERO, Real
from lossdsl.meaning.reference.slopes import partial

Parts: TypeAlias = dict[int, Real]
Second = Literal["none", "own", "vector"]
"""Which second derivatives are kept: none, along the direction itself, or along `VECTOR`."""

VECTOR = -1


@dataclass(slots=True)
class Dual:
    value: Real
    first: Parts
    second: Parts = field(default_factory=dict)


Number: TypeAlias = Real | Dual


def real(number: Number) -> Real:
    """The value without its derivatives."""
    return number.value if type(number) is Dual else number


def _collected(value: Real, first: Parts, second: Parts) -> Number:
    """The dual number of these parts, without those that are zero; a plain value where none is left."""
    first = {key: part for key, part in first.items() if part}
    second = {key: part for key, part in second.items() if part}
    return Dual(value, first, second) if first or second else value


def _accumulate(into: Parts, parts: Parts, factor: Real) -> None:
    if factor is not ONE and factor != 1:
        parts = {key: part * factor for key, part in parts.items()}
    for key, term in parts.items():
        into[key] = into[key] + term if key in into else term


def chain(name: str, function: Callable[..., Real], args: Sequence[Number], keep: Second) -> Number:
    """The scalar function `name`, whose value is `function`, of dual numbers, by the chain rule."""
    values = tuple([real(arg) for arg in args])
    active = [(i, arg) for i, arg in enumerate(args) if type(arg) is Dual]
    first: Parts = {}
    second: Parts = {}
    for i, arg in active:
        slope = partial(name, (i,), values)
        if slope:
            _accumulate(first, arg.first, slope)
            _accumulate(second, arg.second, slope)
    if keep != "none":
        for i, left in active:
            for j, right in active:
                bend = partial(name, (i, j) if i <= j else (j, i), values)
                if bend:
                    _accumulate(second, _paired(left.first, right.first, keep), bend)
    return _collected(function(*values), first, second)


def _paired(left: Parts, right: Parts, keep: Second) -> Parts:
    """Each part times the other number's part along the partner of its direction."""
    partners = {key: right.get(key if keep == "own" else VECTOR) for key in left}
    return {key: left[key] * partner for key, partner in partners.items() if partner is not None}


def total(numbers: Sequence[Number]) -> Number:
    """The sum, in order."""
    value = ZERO
    first: Parts = {}
    second: Parts = {}
    for number in numbers:
        value += real(number)
        if type(number) is Dual:
            _accumulate(first, number.first, ONE)
            _accumulate(second, number.second, ONE)
    return _collected(value, first, second)


def shared(value: Real, attaining: Sequence[Number]) -> Number:
    """`value`, with the average of the derivatives of the numbers that attain it: how ties of max and min share."""
    sums = total(attaining)
    if type(sums) is not Dual:
        return value
    count = len(attaining)
    return Dual(value, *({key: part / count for key, part in parts.items()} for parts in (sums.first, sums.second)))
