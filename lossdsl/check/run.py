"""The check of one loss: every back end, at every point, against everything that it can be compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from lossdsl.check.compare import FAULTS, Fault, compare
from lossdsl.check.jets import DIAGONAL, GRADIENT, VALUE, Key, Question, order
from lossdsl.check.ledger import Ledger
from lossdsl.check.points import Point, Points
from lossdsl.check.precision import DOUBLE
from lossdsl.check.quantities import Asked, Vectors, question, row_name
from lossdsl.check.reference import Expected, Reference, Refused
from lossdsl.check.report import Report
from lossdsl.check.subjects import NumpyCode, Subject, TorchCode, missing, one_thread
from lossdsl.check.taylor import remainder_rate, stops_gradients
from lossdsl.check.witness import judge
from lossdsl.meaning.core import Program

BACKENDS = ("numpy", "torch")
MEANING = "interpreter"
AUTOGRAD = "autograd"
WITNESSED = {GRADIENT: ("PyTorch",), DIAGONAL: ("NumPy", "PyTorch")}
"""What autograd is asked, too, and whose answers it is compared with."""
TAYLOR = "finite differences"
OVERFLOW = "the formula itself passes the largest number of the dtype on its way"
Progress = Callable[[str], None]


def check(
    program: Program,
    *,
    seed: int = 0,
    backends: Sequence[str] | None = None,
    share: tuple[int, int] = (0, 1),
    progress: Progress | None = None,
) -> Report:
    """Compare what the back ends emit for a loss with its meaning, and with every other witness there is.

    `backends` are NumPy and PyTorch if left out; one that is not installed is reported as skipped.  `progress` is
    called with the name of each group of points.  `share` is (k, n) for the first point in each precision and every
    n-th of the others, from the k-th on: n shares are the whole check.
    """
    run = _Run(program, seed, share)
    run.emit(BACKENDS if backends is None else backends)
    with one_thread():
        for candidates in run.points.all():
            point = run.first_defined(candidates)
            if point is not None:
                if progress is not None:
                    progress(point.label)
                run.compare(point)
    run.finish()
    return Report(program.name, run.ledger.rows())


class _Run:
    def __init__(self, program: Program, seed: int, share: tuple[int, int]) -> None:
        self.program = program
        self.seed = seed
        self.points = Points(program, seed, share)
        self.reference = Reference(program)
        self.ledger = Ledger(program.name)
        self.wrt = [arg for arg in program.args if arg.role in ("prediction", "learn")]
        self.differentiable = not stops_gradients(program)
        self.subjects: list[Subject] = []
        self.general = False

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
                self._add("autograd code", lambda: TorchCode(self.program, "autograd"))
        if not self.differentiable:
            self.ledger.skip("gradient", TAYLOR, "the formula stops gradients, which differences do not see")

    def _add(self, what: str, emit: Callable[[], Subject]) -> None:
        try:
            self.subjects.append(emit())
        except FAULTS as error:
            self.ledger.fail(what, MEANING, f"can not be emitted: {Fault(error)}")

    # ------------------------------------------------------------ points

    def first_defined(self, candidates: Iterator[Point]) -> Point | None:
        """The first candidate at which the loss has a value; else the first that the language refuses, if any."""
        refused = None
        for point in candidates:
            answer = self.reference.has_value(point)
            if answer is True:
                return point
            if answer is not False:
                refused = refused or point
        return refused

    def compare(self, point: Point) -> None:
        vectors = self._directions(point)
        asked = {subject.name: Asked(subject, point, vectors) for subject in self.subjects}
        expected = self.reference.expect(point, question(self.program, point, vectors))
        self.general |= point.kind == "general" and not isinstance(expected, Refused) and bool(expected)
        if isinstance(expected, Refused):
            self._compare_answer((VALUE, ""), expected, point, asked)
            return
        for key, each in expected.items():
            self._compare_answer(key, each, point, asked)
        if self.differentiable and vectors and expected and point.kind == "general" and point.precision is DOUBLE:
            self._compare_differences(expected, point, asked)

    def finish(self) -> None:
        """Nothing is known about a loss that has no value where its arguments are drawn."""
        if not self.general:
            self.ledger.fail("value", MEANING, "no numbers were found for which the formula has a value")

    def _directions(self, point: Point) -> Vectors:
        """For each argument to differentiate by, a vector of eighths; arguments that are left out get none."""
        rng = np.random.default_rng((self.seed, len(point.label)))
        given = [arg.name for arg in self.wrt if arg.name in point.arguments]
        shapes = {name: np.shape(point.arguments[name]) for name in given}
        dtype = point.precision.dtype
        return {name: np.asarray(rng.integers(-8, 9, size=shape) / 8, dtype=dtype) for name, shape in shapes.items()}

    # ------------------------------------------------------------ comparisons

    def _compare_answer(self, key: Key, expected: Expected | Refused, point: Point, asked: Mapping[str, Asked]) -> None:
        """With the interpreter; derivatives in closed form also with autograd, where they can be computed."""
        computable = True
        for name, subject in asked.items():
            if name != AUTOGRAD or order(key) == 0:
                computable &= self._compare_meaning(key, expected, point, name, subject)
        if computable and AUTOGRAD in asked and key[0] in WITNESSED and isinstance(expected, Expected):
            self._compare_autograd(key, expected, point, asked)

    def _compare_meaning(self, key: Key, expected: Expected | Refused, point: Point, name: str, subject: Asked) -> bool:
        """Whether the point is one at which the formula can be computed."""
        row, part = f"{name} {row_name(key)}", key[1]
        comparison = compare(subject.answer(key), expected, point.precision)
        if comparison.wrong and not comparison.vast and self._overflows(point, subject.vectors):
            self.ledger.explain(row, MEANING, point, f"{part} {comparison.wrong}: {OVERFLOW}".strip())
            return False
        self.ledger.add(row, MEANING, point, part, comparison)
        return True

    def _overflows(self, point: Point, vectors: Vectors) -> bool:
        """Then it is the formula that can not be computed there; still, it must not give a number for a vast one."""
        return point.kind == "extreme" and self.reference.overflows(point, Question(vectors))

    def _compare_autograd(self, key: Key, expected: Expected, point: Point, asked: Mapping[str, Asked]) -> None:
        """The closed form of PyTorch; the Hessian diagonal of NumPy, too, which has no other witness."""
        what, part = key
        witness = asked[AUTOGRAD].answer(key)
        for name in WITNESSED[what]:
            if name not in asked:
                continue
            row = f"{name} {what}"
            verdict = judge(asked[name].answer(key), witness, expected, point)
            if verdict is None:
                continue
            comparison, excuse = verdict
            against = AUTOGRAD if order(key) == 1 else f"double {AUTOGRAD}"
            if excuse:
                self.ledger.explain(row, against, point, f"{part}{excuse}")
            else:
                self.ledger.add(row, against, point, part, comparison)

    def _compare_differences(self, expected: Mapping[Key, Expected], point: Point, asked: Mapping[str, Asked]) -> None:
        for name, subject in asked.items():
            gradients = [subject.answer((GRADIENT, wrt)) for wrt in subject.wrt]
            if name != AUTOGRAD and not any(isinstance(each, Fault) for each in gradients):
                errors = [expected[GRADIENT, wrt] for wrt in subject.wrt]
                rate = remainder_rate(
                    self.program, self.reference.judged(point.arguments), subject.vectors, gradients, errors
                )
                if rate is not None:
                    self.ledger.add_rate(f"{name} gradient", TAYLOR, point, rate)
