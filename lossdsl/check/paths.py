"""How large the terms of a derivative are, before they cancel.

By the chain rule a derivative is a sum over the ways from an argument to the loss, of products of partial derivatives.
Code adds these up in one order or another, and rounds on the way; its error is relative to the sum of the magnitudes.
That sum is the derivative again, with every partial derivative replaced by its magnitude.

A second derivative with an infinite term, as that of a norm at 0, does not exist, whatever the term is multiplied by:
it stays infinite, so that nobody takes a convention for a result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lossdsl.meaning.core import Along, Apply, Reduce
from lossdsl.meaning.reference.closures import Evaluation
from lossdsl.meaning.reference.duals import VECTOR, Dual, Number, Parts, Second, real, total
from lossdsl.meaning.reference.operations import COMPARISONS, CONDITIONS, Code, product_of
from lossdsl.meaning.reference.scalars import INF, ONE, VALUES, ZERO, is_infinite
from lossdsl.meaning.reference.slopes import partial

Elements = Sequence[Number]

INFLECTED = ("sigmoid", "tanh")
"""Functions whose second derivative is a difference of terms as large as the first: s(x) s(-x) (s(-x) - s(x))."""


class Magnitudes(Evaluation):
    """An evaluation whose values are right, and whose derivatives are sums of magnitudes.

    Reductions that only add derivatives with positive weights are as they are: sum, mean, max and min.
    """

    def _apply(self, node: Apply) -> Code:
        if node.function in COMPARISONS or node.function in CONDITIONS:
            return super()._apply(node)
        name, args, keep = node.function, [self.code[id(arg)] for arg in node.args], self.keep
        logarithmic = [id(arg) in self.facts.logarithmic for arg in node.args]
        function = product_of(*logarithmic) if name == "mul" else VALUES[name]
        return lambda: magnitude(name, function, [arg() for arg in args], keep)

    def _reduce(self, node: Reduce) -> Code:
        combine = REDUCTIONS.get(node.op)
        if combine is None:
            return super()._reduce(node)
        gather, keep = self._gathered(node, node.vars), self.keep
        return lambda: combine([element for element in gather() if element is not None], keep)

    def _along(self, node: Along) -> Code:
        combine = NORMALISERS.get(node.op)
        if combine is None:
            return super()._along(node)
        gather, keep = self._gathered(node, (node.var,)), self.keep
        whole = self._remembered(lambda: combine(gather(), keep), self.facts.along(node))
        at, first = self._position(node.at), self.ranges[id(node.var)].start
        return lambda: whole()[at() - first]


def magnitude(name: str, function: Callable[..., Any], args: Sequence[Number], keep: Second) -> Number:
    """The chain rule for magnitudes: |f'| x' and |f'| x'' + |f''| x' x'."""
    values = tuple([real(arg) for arg in args])
    active = [(i, arg) for i, arg in enumerate(args) if type(arg) is Dual]
    first: Parts = {}
    second: Parts = {}
    for i, arg in active:
        slope = abs(partial(name, (i,), values))
        _add(first, arg.first, slope)
        _add(second, arg.second, slope)
        second |= {key: part for key, part in arg.second.items() if is_infinite(part)}
        for j, other in active if keep != "none" else ():
            bend = abs(partial(name, (i, j) if i <= j else (j, i), values))
            if bend and name in INFLECTED:
                bend += slope
            partners = {key: other.first.get(key if keep == "own" else VECTOR, ZERO) for key in arg.first}
            _add(second, {key: part * partners[key] for key, part in arg.first.items()}, bend)
    value = function(*values)
    return Dual(value, first, second) if first or second else value


def _add(into: Parts, parts: Parts, factor: Any) -> None:
    for key, part in parts.items() if factor else ():
        if part:
            into[key] = into.get(key, ZERO) + factor * part


def _scalar(name: str, args: Sequence[Number], keep: Second) -> Number:
    return magnitude(name, VALUES[name], args, keep)


def _prod(elements: Elements, keep: Second) -> Number:
    result: Number = ONE
    for element in elements:
        result = _scalar("mul", (result, element), keep)
    return result


def _norm(elements: Elements, keep: Second) -> Number:
    square = total([_scalar("mul", (element, element), keep) for element in elements])
    if real(square):
        return _scalar("sqrt", (square,), keep)
    seconds = {key: INF for element in elements if type(element) is Dual for key in element.first}
    return Dual(ZERO, {}, seconds if keep != "none" else {})


def _logsumexp(elements: Elements, keep: Second) -> Number:
    top = VALUES["max"](-INF, *[real(element) for element in elements])
    if top != top or is_infinite(top):
        return top
    weights = [_scalar("exp", (_scalar("sub", (element, top), keep),), keep) for element in elements]
    return _scalar("add", (_scalar("log", (total(weights),), keep), top), keep)


def _softmax(elements: Sequence[Number | None], keep: Second) -> list[Number]:
    logs = _log_softmax(elements, keep)
    return [ZERO if e is None else _scalar("exp", (log,), keep) for e, log in zip(elements, logs, strict=True)]


def _log_softmax(elements: Sequence[Number | None], keep: Second) -> list[Number]:
    whole = _logsumexp([element for element in elements if element is not None], keep)
    return [ZERO if element is None else _scalar("sub", (element, whole), keep) for element in elements]


REDUCTIONS: dict[str, Callable[[Elements, Second], Number]] = {
    "prod": _prod,
    "norm": _norm,
    "logsumexp": _logsumexp,
}
NORMALISERS: dict[str, Callable[[Sequence[Number | None], Second], list[Number]]] = {
    "softmax": _softmax,
    "log_softmax": _log_softmax,
}
