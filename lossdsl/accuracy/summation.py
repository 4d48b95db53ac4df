"""What summation may cost inside a formula: the sums of the magnitudes of terms, by what the formula makes of them.

A sum that is taken pairwise is off by a rounding for each halving of the number of its terms, relative to the sum of
their magnitudes: no summation in the same precision promises less.  What is done with it afterwards makes more or less
of it, by the derivative.  So each `sum`, `mean` and `cumsum` starts a part of its own, the sum of the magnitudes of its
terms, and the chain rule for magnitudes carries it on; the parts of several sums are added.

`logsumexp`, `softmax`, `norm` and `prod` start none: their terms have one sign, or none are added, and they have to be
right to the last digits.
"""

from __future__ import annotations

from collections.abc import Sequence

import mpmath
import numpy as np
from mpmath import mpf

from lossdsl.check.jets import Jets
from lossdsl.check.paths import Magnitudes
from lossdsl.meaning.core import Along, Reduce
from lossdsl.meaning.interpret import Array
from lossdsl.meaning.reference.duals import VECTOR, Dual, Number, real
from lossdsl.meaning.reference.operations import Code
from lossdsl.meaning.reference.scalars import ONE, ZERO, Real


class Summations(Magnitudes):
    """An evaluation whose values carry, in place of a derivative, what the sums in them may be off by.

    It counts in roundings for each halving: multiplied by the unit roundoff it is the error bound, to first order.
    """

    def _reduce(self, node: Reduce) -> Code:
        plain = super()._reduce(node)
        if node.op not in ("sum", "mean"):
            return plain
        gather, mean = self._gathered(node, node.vars), node.op == "mean"

        def reduce() -> Number:
            elements = [element for element in gather() if element is not None]
            count = len(elements) if mean and elements else ONE
            return _with(plain(), _magnitude(elements) / count)

        return reduce

    def _along(self, node: Along) -> Code:
        plain = super()._along(node)
        if node.op != "cumsum":
            return plain
        gather, at, first = self._gathered(node, (node.var,)), self._position(node.at), self.ranges[id(node.var)].start

        def element() -> Number:
            elements = [element for element in gather()[: at() - first + 1] if element is not None]
            return _with(plain(), _magnitude(elements))

        return element


def _magnitude(elements: Sequence[Number]) -> Real:
    """Of several terms; one term is not added to anything."""
    return sum((abs(real(element)) for element in elements), ZERO) if len(elements) > 1 else ZERO


def _with(number: Number, part: Real) -> Number:
    first = number.first if isinstance(number, Dual) else {}
    return Dual(real(number), {**first, VECTOR: first.get(VECTOR, ZERO) + part})


class Bounds(Jets):
    """The interpreter, asked for what summation may cost."""

    def of_elements(self) -> Array:
        """In the shape of the elements of the loss; infinite or nan where a derivative on the way is."""
        with mpmath.workdps(self.digits):
            evaluation, _ = self._evaluation((), None, "none")
            parts = [e.first.get(VECTOR, ZERO) if isinstance(e, Dual) else ZERO for e in self._elements(evaluation)]
            bounds = np.empty(len(parts), dtype=object)
            bounds[:] = [mpf(part) for part in parts]
            shape: tuple[int, ...] = self._array_of([ZERO] * len(parts)).shape
            return bounds.reshape(shape)
