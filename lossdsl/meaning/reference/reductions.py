"""What each reduction makes of the elements that its condition lets through; over nothing too (section 5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mpmath import mpf

from lossdsl.meaning.reference.duals import Number, Second, chain, real, shared, total
from lossdsl.meaning.reference.scalars import INF, NAN, ONE, VALUES, ZERO, Real, is_infinite

Elements = Sequence[Number]


def scalar(name: str, args: Sequence[Number], keep: Second) -> Number:
    """A scalar function of numbers that may carry derivatives."""
    return chain(name, VALUES[name], args, keep)


def mean(elements: Elements, keep: Second) -> Number:
    """0 over nothing: a batch without valid pairs must not end a training."""
    return scalar("div", (total(elements), mpf(len(elements))), keep) if elements else ZERO


def prod(elements: Elements, keep: Second) -> Number:
    result: Number = ONE
    for element in elements:
        result = scalar("mul", (result, element), keep)
    return result


def norm(elements: Elements, keep: Second) -> Number:
    """Euclidean; at 0 it has gradient 0."""
    square = total([scalar("mul", (element, element), keep) for element in elements])
    return scalar("sqrt", (square,), keep) if real(square) else ZERO


def extreme(pick: Callable[..., Real], nothing: Real) -> Callable[[Elements, Second], Number]:
    """max and min: nan if an element is nan; ties share the derivative equally."""

    def reduce(elements: Elements, keep: Second) -> Number:
        if not elements:
            return nothing
        value = pick(*[real(element) for element in elements])
        return shared(value, [element for element in elements if real(element) == value])

    return reduce


def exponentials(elements: Elements, keep: Second) -> tuple[Real, list[Number]]:
    """The largest element m as a constant, and exp(element - m) of each: nothing is lost where m is finite."""
    top = VALUES["max"](*[real(element) for element in elements])
    return top, [scalar("exp", (scalar("sub", (element, top), keep),), keep) for element in elements]


def logsumexp(elements: Elements, keep: Second) -> Number:
    """-inf over nothing and over elements that are all -inf, with gradient 0; inf if one element is."""
    if not elements:
        return -INF
    top, weights = exponentials(elements, keep)
    if top != top or is_infinite(top):
        return top
    return scalar("add", (scalar("log", (total(weights),), keep), top), keep)


COMBINE: dict[str, Callable[[Elements, Second], Number]] = {
    "sum": lambda elements, keep: total(elements),
    "count": lambda elements, keep: mpf(len(elements)),
    "mean": mean,
    "prod": prod,
    "norm": norm,
    "max": extreme(VALUES["max"], -INF),
    "min": extreme(VALUES["min"], INF),
    "logsumexp": logsumexp,
}
"""Reductions of numbers to a number."""


def first_extreme(op: str, elements: Elements) -> int:
    """The place of the first of the largest (argmax) or smallest (argmin) elements; a nan is more extreme than any."""
    values = [real(element) for element in elements]
    value = VALUES["max" if op == "argmax" else "min"](*values)
    return next(place for place, each in enumerate(values) if each == value or each != each)


# ---------------------------------------------------------------- along an axis

Masked = Sequence[Number | None]
"""The elements at the positions of the axis, None where the condition leaves one out."""


def softmax(elements: Masked, keep: Second) -> list[Number]:
    kept = [element for element in elements if element is not None]
    if not kept:
        return [ZERO] * len(elements)
    weights = iter(exponentials(kept, keep)[1])
    spread = [ZERO if element is None else next(weights) for element in elements]
    whole = total(spread)
    return [ZERO if e is None else scalar("div", (w, whole), keep) for e, w in zip(elements, spread, strict=True)]


def log_softmax(elements: Masked, keep: Second) -> list[Number]:
    whole = logsumexp([element for element in elements if element is not None], keep)
    if is_infinite(real(whole)):
        return [-INF if element is None else NAN for element in elements]
    return [-INF if element is None else scalar("sub", (element, whole), keep) for element in elements]


def cumsum(elements: Masked, keep: Second) -> list[Number]:
    """The running sum; a position that is left out repeats the sum before it."""
    running: Number = ZERO
    sums = []
    for element in elements:
        running = running if element is None else total([running, element])
        sums.append(running)
    return sums


ALONG: dict[str, Callable[[Masked, Second], list[Number]]] = {
    "softmax": softmax,
    "log_softmax": log_softmax,
    "cumsum": cumsum,
}
