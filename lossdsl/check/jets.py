"""Everything that the reference interpreter can say about a loss at a point, from one or two evaluations.

`Interpreter` answers one question at a time; a check asks for the value, each gradient and second derivatives at the
same point, and in several precisions.  The answers are the same: this only keeps what one evaluation knows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

from lossdsl.meaning.core import Apply, Let, Program, Reduce
from lossdsl.meaning.interpret import Array, Interpreter, Reduction
from lossdsl.meaning.reference.arguments import Arguments
from lossdsl.meaning.reference.closures import Evaluation
from lossdsl.meaning.reference.duals import Dual, Number, Parts, Second, real, total
from lossdsl.meaning.reference.operations import Code
from lossdsl.meaning.reference.reductions import mean

Key = tuple[str, str]
"""(what, part): of which argument, or which of several results."""
Answers = dict[Key, npt.NDArray[np.object_]]

VALUE, GRADIENT, DIAGONAL, PRODUCT = "value", "gradient", "Hessian diagonal", "Hessian-vector product"
TERMS, PREDICTIONS = "terms", "predictions"


ORDERS = {GRADIENT: 1, DIAGONAL: 2, PRODUCT: 2}
"""Of derivatives."""


def with_reduction(what: str, reduction: Reduction | None) -> str:
    """What a row calls a result for which a reduction was asked."""
    return what if reduction is None else f"{what}, {reduction}"


def order(key: Key) -> int:
    """0 for a value, else that of the derivative."""
    return ORDERS.get(key[0].split(",")[0], 0)


@dataclass(frozen=True)
class Question:
    """What to find out.  `vectors` has a direction for each argument to differentiate by."""

    vectors: Mapping[str, Any]
    reductions: tuple[Reduction | None, ...] = (None,)
    second: bool = False
    exports: bool = False


class Watched(Evaluation):
    """An evaluation that notes how large numbers become."""

    largest: Any = mpmath.mpf(0)

    def note(self, result: Any, count: int) -> None:
        """A result, or `count` of them that are summed."""
        numbers = [result.value, *result.first.values()] if isinstance(result, Dual) else [result]
        for number in numbers:
            if not isinstance(number, bool) and mpmath.isfinite(number):
                self.largest = max(self.largest, abs(number) * count)

    def _apply(self, node: Apply) -> Code:
        return self._noted(super()._apply(node), 1)

    def _reduce(self, node: Reduce) -> Code:
        count = math.prod(len(self.ranges[id(var)]) for var in node.vars)
        return self._noted(super()._reduce(node), count if node.op == "mean" else 1)

    def _noted(self, code: Code, count: int) -> Code:
        def noted() -> Any:
            result = code()
            self.note(result, count)
            return result

        return noted


class Jets(Interpreter):
    """An interpreter that answers a `Question`, with the kind of evaluation it is given."""

    def __init__(
        self, program: Program, digits: int, arguments: Mapping[str, Any], kind: type[Evaluation] = Evaluation
    ) -> None:
        super().__init__(program, digits)
        self.kind = kind
        with mpmath.workdps(digits):
            self.arguments = Arguments(program, arguments)

    def largest(self, question: Question) -> Any:
        """The largest magnitude among the finite values and derivatives on the way to the first derivative."""
        with mpmath.workdps(self.digits):
            seeds, _ = self._seeds(tuple(question.vectors), None)
            evaluation = Watched(self.program, self.arguments, seeds)
            elements = self._elements(evaluation)
            evaluation.note(total([element for element in elements if element is not None]), 1)
            return evaluation.largest

    def answer(self, question: Question) -> Answers:
        """Raises EvaluationError where the language forbids the call."""
        with mpmath.workdps(self.digits):
            answers = self._first(question)
            if question.second and question.vectors:
                answers |= self._products(question)
            return answers

    def _first(self, question: Question) -> Answers:
        wrt = tuple(question.vectors)
        evaluation, starts = self._evaluation(wrt, None, "own" if question.second else "none")
        elements = self._elements(evaluation)
        answers: Answers = {}
        for reduction in question.reductions:
            loss = self._combined(elements, reduction, evaluation.keep)
            value = self._array_of(elements) if reduction == "none" else np.asarray(real(loss), dtype=object)
            answers[with_reduction(VALUE, reduction), ""] = value
            for name, array in self._parts(wrt, starts, loss, second=False).items():
                answers[with_reduction(GRADIENT, reduction), name] = array
            if question.second and reduction is None:
                for name, array in self._parts(wrt, starts, loss, second=True).items():
                    answers[DIAGONAL, name] = array
        if question.exports:
            answers |= self._exported(evaluation)
        return answers

    def _products(self, question: Question) -> Answers:
        wrt = tuple(question.vectors)
        evaluation, starts = self._evaluation(wrt, tuple(question.vectors.values()), "vector")
        loss = self._combined(self._elements(evaluation), None, "vector")
        return {(PRODUCT, name): array for name, array in self._parts(wrt, starts, loss, second=True).items()}

    def _evaluation(
        self, wrt: tuple[str, ...], vectors: tuple[Any, ...] | None, keep: Second
    ) -> tuple[Evaluation, list[int]]:
        seeds, starts = self._seeds(wrt, vectors)
        self.plain = self.kind(self.program, self.arguments, seeds, keep)
        return self.plain, starts

    def _combined(self, elements: Sequence[Number | None], reduction: Reduction | None, keep: Second) -> Number:
        kept = [element for element in elements if element is not None]
        return mean(kept, keep) if (reduction or self.program.reduction) == "mean" else total(kept)

    def _array_of(self, elements: Sequence[Number | None]) -> Array:
        """The elements as an array, 0 where the mask is false."""
        return self._array(self.program.free, [mpmath.mpf(0) if e is None else real(e) for e in elements])

    def _parts(self, wrt: tuple[str, ...], starts: Sequence[int], loss: Number, second: bool) -> dict[str, Array]:
        parts: Parts = {} if not isinstance(loss, Dual) else loss.second if second else loss.first
        found = {}
        for name, start in zip(wrt, starts, strict=True):
            tensor = self.arguments.tensors[name]
            array = np.empty(len(tensor.entries), dtype=object)
            array[:] = [parts.get(start + place, mpmath.mpf(0)) for place in range(len(tensor.entries))]
            found[name] = array.reshape(tensor.given)
        return found

    def _exported(self, evaluation: Evaluation) -> Answers:
        found: Answers = {}
        for let in self.program.lets:
            if let.role in ("term", "predict"):
                found[TERMS if let.role == "term" else PREDICTIONS, let.name] = self._binding(evaluation, let)
        return found

    def _binding(self, evaluation: Evaluation, let: Let) -> Array:
        elements = [real(element) for element in evaluation.over(let.vars, None, let.expr)]
        return self._array(let.vars, elements) if let.vars else np.asarray(elements[0], dtype=object)
