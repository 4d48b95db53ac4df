"""The measurement of one loss: every implementation, in both dtypes, against the truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import mpmath
import numpy as np

from lossdsl.accuracy import arrays, samples
from lossdsl.accuracy.codes import Code, NumpyCode, Results, torch_code
from lossdsl.accuracy.condition import condition_numbers
from lossdsl.accuracy.functional import functional_code
from lossdsl.accuracy.losses import Subject, differentiable, measured_by_element, scalars
from lossdsl.accuracy.naive import naive_code
from lossdsl.accuracy.sums import measure_sums
from lossdsl.accuracy.tally import GOALS, Batch, Summary, Tally
from lossdsl.accuracy.truth import QUANTITIES, Answers, Arguments, Judge, Key, Quantity, magnitudes, subset
from lossdsl.accuracy.ulps import Errors, Floats, errors
from lossdsl.check.compare import Fault
from lossdsl.check.points import Point
from lossdsl.check.precision import DOUBLE, SINGLE, Precision
from lossdsl.check.subjects import one_thread
from lossdsl.meaning.core import Program

OURS = ("NumPy", "PyTorch")
TYPED = "as typed"
USUAL = 8
"""Powers of ten from 1 that numbers in a training run may well reach."""
Column = tuple[str, str, Quantity]
"""(implementation, dtype, quantity)."""


@dataclass(frozen=True)
class Accuracy:
    """What was measured of one loss."""

    section: str
    name: str
    by_element: bool
    today: str
    """The name of the function of `torch.nn.functional`; empty if there is none."""
    summaries: Mapping[Column, Summary]

    @property
    def title(self) -> str:
        return f"{self.section}: {self.name}"

    @property
    def good(self) -> bool:
        """Whether all that is emitted meets the goal."""
        return all(summary.good for column, summary in self.summaries.items() if column[0] in OURS)


def measure(subject: Subject, quick: bool = False, others: bool = True) -> Accuracy:
    """Measure a loss of the catalogue or of the examples."""
    return measure_program(subject.program(), subject.section, quick, others)


def measure_program(program: Program, section: str = "", quick: bool = False, others: bool = True) -> Accuracy:
    """Measure a loss; `quick` takes a part of the inputs, `others` says whether what people use today is measured."""
    by_element = measured_by_element(program)
    today = functional_code(program) if others else None
    codes: list[Code] = [NumpyCode(program), torch_code(program)]
    codes += [today] if today else []
    codes += [naive_code(program)] if by_element and others else []
    tallies = _tallies(codes)
    arrays_too = () if by_element and not scalars(program) else differentiable(program, by_element=False)
    with one_thread():
        if by_element:
            bench = _Bench(program, codes, tallies, True, differentiable(program, by_element=True))
            for precision in (DOUBLE, SINGLE):
                bench.elements(samples.elements(program, precision, quick), precision)
                bench.sums(precision)
        if arrays_too or not by_element:
            bench = _Bench(program, codes, tallies, False, scalars(program) if by_element else arrays_too)
            for candidates in arrays.Arrays(program, quick=quick).all():
                bench.first_of(candidates)
    summaries = {column: tally.summary() for column, tally in tallies.items()}
    return Accuracy(section, program.name, by_element, today.name if today else "", summaries)


def _tallies(codes: Sequence[Code]) -> dict[Column, Tally]:
    columns = product([code.name for code in codes], (DOUBLE.name, SINGLE.name), QUANTITIES)
    return {(code, dtype, quantity): Tally(quantity) for code, dtype, quantity in columns}


@dataclass
class _Bench:
    """Takes measurements: of independent elements (`by_element`), or of arrays."""

    program: Program
    codes: Sequence[Code]
    tallies: dict[Column, Tally]
    by_element: bool
    wrt: tuple[str, ...]

    def __post_init__(self) -> None:
        self.judge = Judge.of(self.program, self.wrt, self.by_element)

    def elements(self, arguments: Arguments, precision: Precision) -> None:
        """Every element is a point of its own."""

        def place(key: Key, entry: int) -> str:
            return _element(arguments, entry)

        self._measure(arguments, precision, self.judge.truth(arguments), 0.0, place)

    def sums(self, precision: Precision) -> None:
        """Many elements of ordinary size, added up."""
        tallies = {code.name: self.tallies[code.name, precision.name, "sum"] for code in self.codes}
        measure_sums(self.judge, self.codes, precision, tallies)

    def first_of(self, candidates: Iterator[Point]) -> None:
        """The first point at which the loss is a number."""
        for point in candidates:
            truth = self.judge.truth(point.arguments)
            value = truth["value", ""]
            if value.size and any(mpmath.isfinite(entry) for entry in value.reshape(-1)):
                extra = math.ceil(math.log2(max(arrays.entries(point), 1))) / 2

                def place(key: Key, entry: int, label: str = point.label, found: Answers = truth) -> str:
                    at = ", ".join(str(int(k)) for k in np.unravel_index(entry, found[key].shape))
                    return f"{label}{', ' + key[1] if key[1] else ''}{f'[{at}]' if at else ''}"

                self._measure(point.arguments, point.precision, truth, extra, place)
                return

    def _measure(
        self,
        arguments: Arguments,
        precision: Precision,
        truth: Answers,
        extra: float,
        place: Callable[[Key, int], str],
    ) -> None:
        found: dict[str, dict[Key, Errors]] = {}
        for code in self.codes:
            results = code.results(arguments, self.wrt, self.by_element)
            found[code.name] = self._errors(code.name, results, truth, precision)
        scales = self._scales(arguments, precision, truth, found, extra)
        magnitudes_ = _magnitudes(arguments, self.by_element)
        sizes, usual = sum(magnitudes_), np.maximum.reduce(magnitudes_) <= USUAL
        for name, by_key in found.items():
            for key, each in by_key.items():
                places = tuple(place(key, entry) for entry in range(each.ulps.size))
                condition, terms = scales[key]
                shape = each.ulps.shape
                far, near = np.broadcast_to(sizes, shape), np.broadcast_to(usual, shape)
                batch = Batch(each.ulps, each.lost, each.vast, each.nan, condition, terms, extra, places, far, near)
                self.tallies[name, precision.name, key[0]].batches.append(batch)

    def _errors(self, name: str, results: Results, truth: Answers, precision: Precision) -> dict[Key, Errors]:
        """Of the results that are there; the others leave a note."""
        found: dict[Key, Errors] = {}
        for key, true in truth.items():
            result = results[key]
            wrong = str(result) if isinstance(result, Fault) else _misshapen(result, true)
            if wrong:
                self.tallies[name, precision.name, key[0]].fault = wrong
            else:
                found[key] = errors(result, true, precision)
        return found

    def _scales(
        self,
        arguments: Arguments,
        precision: Precision,
        truth: Answers,
        found: Mapping[str, Mapping[Key, Errors]],
        extra: float,
    ) -> dict[Key, tuple[Floats, Floats]]:
        """Condition numbers, and magnitudes of what is summed, where an error is above the goal; 1 elsewhere."""
        worst = {key: np.zeros(array.size) for key, array in truth.items()}
        for by_key in found.values():
            for key, each in by_key.items():
                worst[key] = np.fmax(worst[key], each.ulps)
        high = {key: ulps > GOALS[key[0]] for key, ulps in worst.items()}
        condition = {key: np.ones(array.size) for key, array in truth.items()}
        terms = {key: np.ones(array.size) for key, array in truth.items()}
        if self.by_element:
            chosen = np.flatnonzero(np.logical_or.reduce(list(high.values())))
            if chosen.size:
                for key, numbers in condition_numbers(self.judge, subset(arguments, chosen), precision).items():
                    condition[key][chosen] = numbers
        elif any(mask.any() for mask in high.values()):
            terms = magnitudes(self.judge, arguments, truth, precision)

            def explained(numbers: Mapping[Key, Floats]) -> bool:
                scaled = {key: worst[key] / np.maximum(numbers[key], terms[key]) - extra for key in numbers}
                return all((each <= GOALS[key[0]]).all() for key, each in scaled.items())

            condition = condition_numbers(self.judge, arguments, precision, explained)
        return {key: (condition[key], terms[key]) for key in truth}


def _misshapen(result: Any, true: Any) -> str:
    return "" if np.shape(result) == true.shape else f"has shape {np.shape(result)} instead of {true.shape}"


def _element(arguments: Arguments, entry: int) -> str:
    """`pred=1e-30, target=0`: the arrays at one element."""
    columns = {name: np.asarray(value) for name, value in arguments.items() if np.ndim(value)}
    return ", ".join(f"{name}={_short(column.reshape(-1)[entry])}" for name, column in columns.items())


def _short(number: Any) -> str:
    """As short as the dtype allows, without a trailing `.0`."""
    if _far(number):
        return np.format_float_scientific(number, trim="-", exp_digits=1)
    return np.format_float_positional(number, trim="-")


def _far(number: Any) -> bool:
    return bool(np.isfinite(number) and number != 0 and not 1e-4 <= abs(number) < 1e6)


def _magnitudes(arguments: Arguments, by_element: bool) -> list[Floats]:
    """How far the numbers of each argument are from 1, in powers of ten; infinities are the farthest.

    Of independent elements one by one, else the largest.
    """
    arrays_ = [np.asarray(value, dtype=np.float64) for value in arguments.values() if np.size(value)]
    columns = [np.abs(array).reshape(-1) for array in arrays_ if array.ndim or not by_element]
    with np.errstate(divide="ignore"):
        far = [np.clip(np.where(column == 0, 0.0, np.abs(np.log10(column))), 0.0, 400.0) for column in columns]
    return far if by_element else [each.max(keepdims=True) for each in far]
