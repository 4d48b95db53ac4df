"""The check of one loss: every back end, at every point, against everything that it can be compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mpmath
import numpy as np

from lossdsl.check.compare import FAULTS, Fault, attempt, compare
from lossdsl.check.ledger import Ledger
from lossdsl.check.points import Point, Points
from lossdsl.check.precision import DOUBLE
from lossdsl.check.quantities import Quantity, Vectors, quantities
from lossdsl.check.reference import Expected, Outcome, Reference, Refused, Result
from lossdsl.check.report import Report
from lossdsl.check.subjects import NumpyCode, Subject, TorchCode, missing
from lossdsl.check.taylor import remainder_rate, stops_gradients
from lossdsl.check.witness import judge
from lossdsl.meaning.core import Program

BACKENDS = ("numpy", "torch")
MEANING = "interpreter"
AUTOGRAD = "autograd"
TAYLOR = "finite differences"
Progress = Callable[[str], None]


def check(
    program: Program, *, seed: int = 0, backends: Sequence[str] | None = None, progress: Progress | None = None
) -> Report:
    """Compare what the back ends emit for a loss with its meaning, and with every other witness there is.

    `backends` are NumPy and PyTorch if left out; one that is not installed is reported as skipped.  `progress` is
    called with the name of each group of points.
    """
    run = _Run(program, seed)
    run.emit(BACKENDS if backends is None else backends)
    for candidates in run.points.all():
        point = run.first_defined(candidates)
        if point is not None:
            if progress is not None:
                progress(point.label)
            run.compare(point)
    return Report(program.name, run.ledger.rows())


class _Run:
    def __init__(self, program: Program, seed: int) -> None:
        self.program = program
        self.seed = seed
        self.points = Points(program, seed)
        self.reference = Reference(program)
        self.ledger = Ledger(program.name)
        self.wrt = [arg for arg in program.args if arg.role in ("prediction", "learn")]
        self.differentiable = not stops_gradients(program)
        self.subjects: list[Subject] = []
        self.autograd: Subject | None = None

    # ------------------------------------------------------------ code

    def emit(self, backends: Sequence[str]) -> None:
        """The code of every back end; one that can not be emitted is a failure, one that is not installed is none."""
        for backend in backends:
            reason = missing(backend)
            if reason:
                self.ledger.skip(f"{backend} code", MEANING, reason)
            elif backend == "numpy":
                self._add("NumPy code", lambda: NumpyCode(self.program))
            else:
                self._add("PyTorch code", lambda: TorchCode(self.program, "closed"))
                self.autograd = self._add("autograd code", lambda: TorchCode(self.program, "autograd"))
        if not self.differentiable:
            self.ledger.skip("gradient", TAYLOR, "the formula stops gradients, which differences do not see")

    def _add(self, what: str, emit: Callable[[], Subject]) -> Subject | None:
        try:
            self.subjects.append(emit())
        except FAULTS as error:
            self.ledger.fail(what, MEANING, f"can not be emitted: {Fault(error)}")
            return None
        return self.subjects[-1]

    # ------------------------------------------------------------ points

    def first_defined(self, candidates: Iterator[Point]) -> Point | None:
        """The first candidate at which the loss has a value; else the first that the language refuses, if any."""
        refused = None
        for point in candidates:
            outcome = self._expect(point, 0, lambda meaning: meaning.value())
            if isinstance(outcome, Expected) and not any(map(mpmath.isnan, outcome.reference.reshape(-1))):
                return point
            if isinstance(outcome, Refused):
                refused = refused or point
        return refused

    def compare(self, point: Point) -> None:
        vectors = self._directions(point)
        for quantity in quantities(self.program, point, vectors):
            self._compare(quantity, point)
        if self.differentiable and point.kind == "general" and point.precision is DOUBLE:
            self._compare_differences(point, vectors)

    def _directions(self, point: Point) -> Vectors:
        """For each argument to differentiate by, a vector of eighths; arguments that are left out get none."""
        rng = np.random.default_rng((self.seed, len(point.label)))
        given = [arg.name for arg in self.wrt if arg.name in point.arguments]
        shapes = {name: np.shape(point.arguments[name]) for name in given}
        dtype = point.precision.dtype
        return {name: np.asarray(rng.integers(-8, 9, size=shape) / 8, dtype=dtype) for name, shape in shapes.items()}

    def _expect(self, point: Point, order: int, result: Result) -> Outcome:
        return self.reference.expect(point.arguments, point.precision, order, result)

    # ------------------------------------------------------------ comparisons

    def _compare(self, quantity: Quantity, point: Point) -> None:
        """With the interpreter; then the closed forms with autograd."""
        expected = self._expect(point, quantity.order, quantity.meaning)
        found = {subject.name: attempt(lambda s=subject: quantity.code(s)) for subject in self.subjects}
        for name, result in found.items():
            if name != AUTOGRAD or quantity.order == 0:
                comparison = compare(result, expected, point.precision)
                self.ledger.add(f"{name} {quantity.what}", MEANING, point, quantity.part, comparison)
        if quantity.order == 0 or AUTOGRAD not in found or not isinstance(expected, Expected):
            return
        witness = found.pop(AUTOGRAD)
        for name, result in found.items():
            comparison, excuse = judge(result, witness, expected, point)
            what, against = f"{name} {quantity.what}", AUTOGRAD if quantity.order == 1 else f"double {AUTOGRAD}"
            if excuse:
                self.ledger.explain(what, against, point, f"{quantity.part}{excuse}")
            else:
                self.ledger.add(what, against, point, quantity.part, comparison)

    def _compare_differences(self, point: Point, vectors: Vectors) -> None:
        outcomes = [self._expect(point, 1, lambda meaning, n=name: meaning.gradient(n)) for name in vectors]
        expected = [outcome for outcome in outcomes if isinstance(outcome, Expected)]
        if len(expected) < len(outcomes) or not vectors:
            return
        for subject in self.subjects:
            if subject.name == AUTOGRAD:
                continue
            gradients = attempt(lambda s=subject: s.gradient(point.arguments, tuple(vectors)))
            if not isinstance(gradients, Fault):
                rate = remainder_rate(self.program, point.arguments, vectors, gradients, expected)
                self.ledger.add_rate(f"{subject.name} gradient", TAYLOR, point, rate)
