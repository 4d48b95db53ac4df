"""What docs/decisions.md promises: at arguments of usual size nothing emitted is NaN where the exact result is a number.

The losses of the catalogue and of the examples, NumPy code, both dtypes, value, gradient and Hessian diagonal, at the
inputs of `lossdsl.accuracy` that are 0 or between 1e-8 and 1e8.  The interpreter is asked only where something is NaN.
Losses that take long to compile are left to LOSSDSL_CHECK_ALL=1, and to docs/accuracy.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import mpmath
import numpy as np
import pytest

from lossdsl.accuracy import arrays, samples, subjects
from lossdsl.accuracy.codes import NumpyCode
from lossdsl.accuracy.losses import Subject, differentiable, measured_by_element, scalars
from lossdsl.accuracy.measurement import USUAL, _magnitudes
from lossdsl.accuracy.truth import Arguments, Judge, subset
from lossdsl.check.compare import Fault
from lossdsl.check.precision import DOUBLE, SINGLE
from lossdsl.check.subjects import one_thread
from lossdsl.meaning.core import Program

pytestmark = pytest.mark.usefixtures("emitted_once")

SECONDS = json.loads((Path(__file__).parent / "check_seconds.json").read_text(encoding="utf-8"))
LONGEST = float("inf") if os.environ.get("LOSSDSL_CHECK_ALL") else 3
"""Losses whose check took longer, which is the time to compile them mostly, are left out."""
SECTIONS = sorted({subject.section for subject in subjects()})


def cases(program: Program) -> Iterator[tuple[tuple[str, ...], bool, Arguments]]:
    """(what is differentiated by, whether each element is a point of its own, arguments of usual size)."""
    by_element = measured_by_element(program)
    if by_element:
        for precision in (DOUBLE, SINGLE):
            arguments = samples.elements(program, precision, quick=True)
            sizes = np.maximum.reduce(_magnitudes(arguments, by_element=True))
            yield differentiable(program, by_element=True), True, subset(arguments, np.flatnonzero(sizes <= USUAL))
    names = scalars(program) if by_element else differentiable(program, by_element=False)
    if names or not by_element:
        for candidates in arrays.Arrays(program, quick=True).all():
            point = next(iter(candidates))
            if np.max(np.maximum.reduce(_magnitudes(point.arguments, by_element=False))) <= USUAL:
                yield names, False, point.arguments


def nans(subject: Subject) -> Iterator[str]:
    program = subject.program()
    code = NumpyCode(program)
    for wrt, by_element, arguments in cases(program):
        results = code.results(arguments, wrt, by_element)
        for key, result in results.items():
            assert not isinstance(result, Fault), f"{subject.title}: {result}"
            found = np.isnan(np.asarray(result)).reshape(-1)
            if not found.any():
                continue
            few = subset(arguments, np.flatnonzero(found)) if by_element else arguments
            truth = Judge.of(program, wrt, by_element).truth(few)[key].reshape(-1)
            true = truth if by_element else truth[found]
            largest = float(np.finfo(np.asarray(result).dtype).max)
            if any(mpmath.isfinite(entry) and abs(entry) <= largest for entry in true):
                yield f"{subject.title}: {' '.join(key)}"


@pytest.mark.parametrize("section", SECTIONS)
def test_nothing_is_nan_at_usual_sizes(section: str) -> None:
    chosen = [s for s in subjects() if s.section == section and SECONDS.get(section, {}).get(s.name, 0) <= LONGEST]
    with one_thread():
        assert not [found for subject in chosen for found in nans(subject)]
