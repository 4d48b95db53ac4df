"""The reference interpreter: the meaning of a checked program, by plain nested loops in mpmath.

It follows sections 3 to 6 of the language page and shares nothing with the compiler behind the checked tree, so that
it can judge what the compiler emits.  Derivatives come from dual numbers, in forward mode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import mpmath
import numpy as np
import numpy.typing as npt
from mpmath import mpf

from lossdsl.meaning.core import Let, Program, Var
from lossdsl.meaning.reference.arguments import Arguments, EvaluationError, exact
from lossdsl.meaning.reference.closures import Evaluation
from lossdsl.meaning.reference.duals import VECTOR, Dual, Number, Parts, Second, real, total
from lossdsl.meaning.reference.reductions import mean
from lossdsl.meaning.reference.scalars import ONE, ZERO, Real, is_infinite

__all__ = ["EvaluationError", "Interpreter", "accurate", "gradient", "value"]

Reduction = Literal["mean", "sum", "none"]
Array = npt.NDArray[np.object_]


class Interpreter:
    """Evaluates a program at `digits` decimal digits: `Interpreter(program).bind(inputs).value()`.

    Derivatives are of the reduced value, with "none" of the sum of the elements.  Arrays of results have the shape of
    the argument, entries are `mpmath.mpf`.
    """

    def __init__(self, program: Program, digits: int = 50) -> None:
        self.program = program
        self.digits = digits

    def bind(self, inputs: Mapping[str, Any], sizes: Mapping[str, int] | None = None) -> Interpreter:
        """Take the arguments by name; `sizes` gives the axes that no input has (of `learn` arrays left out)."""
        with mpmath.workdps(self.digits):
            self.arguments = Arguments(self.program, inputs, sizes)
            self.plain = Evaluation(self.program, self.arguments)
        return self

    def value(self, reduction: Reduction | None = None) -> Any:
        """The loss: an `mpf`, or with "none" the array of elements, 0 where the mask is false."""
        with mpmath.workdps(self.digits):
            if self._mode(reduction) == "none":
                elements = self._elements(self.plain)
                return self._array(self.program.free, [ZERO if e is None else real(e) for e in elements])
            return real(self._reduced(self.plain, reduction))

    def gradient(self, wrt: str, reduction: Reduction | None = None) -> Array:
        """The derivative with respect to each entry of an argument."""
        return self._derivatives((wrt,), None, reduction, "none")[0]

    def hessian_diagonal(self, wrt: str, reduction: Reduction | None = None) -> Array:
        """The second derivative with respect to each entry of an argument."""
        return self._derivatives((wrt,), None, reduction, "own")[0]

    def hvp(self, wrt: str | Sequence[str], vector: Any, reduction: Reduction | None = None) -> Any:
        """The Hessian times a vector; for several arguments a tuple of vectors, and a tuple comes back."""
        if isinstance(wrt, str):
            return self._derivatives((wrt,), (vector,), reduction, "vector")[0]
        return self._derivatives(tuple(wrt), tuple(vector), reduction, "vector")

    def terms(self) -> dict[str, Real]:
        """The scalar bindings of the loss, by name."""
        return {let.name: self._export(let) for let in self.program.lets if let.role == "term"}

    def predict(self) -> dict[str, Any]:
        """The `predict` bindings, by name: numbers, and arrays that start at the first position of the binding."""
        return {let.name: self._export(let) for let in self.program.lets if let.role == "predict"}

    # ------------------------------------------------------------ values

    def _mode(self, reduction: Reduction | None) -> Reduction | None:
        if self.program.reduction is None and reduction is not None:
            raise ValueError(f"{self.program.name} takes no reduction")
        return reduction or self.program.reduction

    def _elements(self, evaluation: Evaluation) -> list[Number | None]:
        program = self.program
        return evaluation.over(program.free, program.mask, program.element)

    def _reduced(self, evaluation: Evaluation, reduction: Reduction | None) -> Number:
        kept = [element for element in self._elements(evaluation) if element is not None]
        return mean(kept, evaluation.keep) if self._mode(reduction) == "mean" else total(kept)

    def _export(self, let: Let) -> Any:
        with mpmath.workdps(self.digits):
            elements = [real(element) for element in self.plain.over(let.vars, None, let.expr)]
            return self._array(let.vars, elements) if let.vars else elements[0]

    def _array(self, variables: Sequence[Var], elements: Sequence[Real]) -> Array:
        shape = tuple(len(self.plain.ranges[id(var)]) for var in variables)
        extents = tuple(var.high for var in variables)
        return _filled(self.arguments.restored(extents, shape), elements)

    # ------------------------------------------------------------ derivatives

    def _derivatives(
        self, wrt: tuple[str, ...], vectors: tuple[Any, ...] | None, reduction: Reduction | None, keep: Second
    ) -> tuple[Array, ...]:
        with mpmath.workdps(self.digits):
            seeds, starts = self._seeds(wrt, vectors)
            evaluation = Evaluation(self.program, self.arguments, seeds, keep)
            loss = self._reduced(evaluation, reduction)
            parts: Parts = {} if not isinstance(loss, Dual) else loss.first if keep == "none" else loss.second
            tensors = [self.arguments.tensors[name] for name in wrt]
            return tuple(
                _filled(tensor.given, [parts.get(start + i, ZERO) for i in range(len(tensor.entries))])
                for tensor, start in zip(tensors, starts, strict=True)
            )

    def _seeds(
        self, wrt: tuple[str, ...], vectors: tuple[Any, ...] | None
    ) -> tuple[dict[str, list[Number]], list[int]]:
        """Entries as dual numbers, each its own direction, numbered on from one argument to the next."""
        seeds: dict[str, list[Number]] = {}
        starts = []
        start = 0
        for place, name in enumerate(wrt):
            entries = self.arguments.tensors[name].entries
            seeds[name] = [Dual(entry, {start + i: ONE}) for i, entry in enumerate(entries)]
            if vectors is not None:
                components = np.asarray(vectors[place]).reshape(-1).tolist()
                for dual, component in zip(seeds[name], components, strict=True):
                    dual.first[VECTOR] = exact(component)
            starts.append(start)
            start += len(entries)
        return seeds, starts


def _filled(shape: tuple[int, ...], entries: Sequence[Real]) -> Array:
    array = np.empty(len(entries), dtype=object)
    array[:] = entries
    return array.reshape(shape)


def value(program: Program, inputs: Mapping[str, Any], reduction: Reduction | None = None, *, digits: int = 50) -> Any:
    """The value of a loss at `inputs`."""
    return Interpreter(program, digits).bind(inputs).value(reduction)


def gradient(
    program: Program, inputs: Mapping[str, Any], wrt: str, reduction: Reduction | None = None, *, digits: int = 50
) -> Array:
    """The gradient of a loss at `inputs` with respect to one argument."""
    return Interpreter(program, digits).bind(inputs).gradient(wrt, reduction)


LEAST = mpf("1e-330")
"""Below every float64; smaller than this is as good as 0."""


def accurate(
    program: Program,
    inputs: Mapping[str, Any],
    result: Callable[[Interpreter], Any],
    *,
    digits: Sequence[int] = (400, 600, 5000, 6000),
    matching: int = 20,
) -> Any:
    """`result`, a number or an array, at the first precision that agrees with the one before in `matching` digits.

    At 50 digits log(1 + exp(-200)) is 0, and at 80 too; float64 can tell it from 0, and so must what judges it.  At 400
    digits no float64 is lost beside 1.  An infinity or nan may come from a difference that is not really 0, as in
    log(1 - sigmoid(1e4)), and is believed at the highest precision only.
    """
    found = result(Interpreter(program, digits[0]).bind(inputs))
    for precision in digits[1:]:
        coarse, found = found, result(Interpreter(program, precision).bind(inputs))
        last = precision == digits[-1]
        if _agree(np.asarray(coarse), np.asarray(found), mpf(10) ** -matching, last):
            return found
    raise ArithmeticError(f"{program.name}: {digits[-1]} digits do not settle the result")


def _agree(coarse: Array, fine: Array, tolerance: Real, last: bool) -> bool:
    """Entry by entry: close, or both too small for a float64; at the last precision also both infinite or nan."""
    for x, y in zip(coarse.reshape(-1), fine.reshape(-1), strict=True):
        if y != y or is_infinite(y):
            agree = last and (x == y or (x != x and y != y))
        else:
            agree = abs(x - y) <= max(tolerance * abs(y), LEAST)
        if not agree:
            return False
    return True
