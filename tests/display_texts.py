"""The printed gradient of a loss, as a program again, and what it has to agree with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mpmath
import numpy as np

from lossdsl.display import gradient_text
from lossdsl.meaning import resolve
from lossdsl.meaning.core import Program
from lossdsl.meaning.interpret import Interpreter
from lossdsl.syntax import parse

DIGITS = 100
TOLERANCE = mpmath.mpf(10) ** -60
"""Relative to the largest entry, or to 1.  A formula that was rearranged may cancel where the derived one does not, and
what it loses are digits relative to 1; of a hundred, forty are for that."""


def program(text: str) -> Program:
    """The last loss of a text."""
    return list(resolve(parse(text)).losses.values())[-1]


def printed(original: Program, wrt: str, simplify: bool = True) -> Program:
    return program(gradient_text(original, wrt, simplify))


def values(gradient: Program, inputs: Mapping[str, Any]) -> np.ndarray:
    """The entries of the gradient, by the printed text."""
    bound = Interpreter(gradient, DIGITS).bind(inputs)
    return np.asarray(bound.value("none" if gradient.reduction else None), dtype=object)


def error(found: np.ndarray, reference: np.ndarray) -> Any:
    """The largest difference, relative to the largest entry of the reference or to 1; infinite where only one is NaN."""
    assert found.shape == reference.shape, f"shape {found.shape}, reference {reference.shape}"
    pairs = list(zip(found.reshape(-1), reference.reshape(-1), strict=True))
    if any(mpmath.isnan(x) != mpmath.isnan(y) for x, y in pairs):
        return mpmath.inf
    scale = max([1, *(abs(y) for _, y in pairs)])
    return max([mpmath.mpf(0), *(abs(x - y) / scale for x, y in pairs if x != y)])


def assert_same(original: Program, wrt: str, inputs: Mapping[str, Any], simplify: bool) -> None:
    """The printed gradient has the value of the interpreter's gradient."""
    reference = Interpreter(original, DIGITS).bind(inputs).gradient(wrt)
    found = values(printed(original, wrt, simplify), inputs)
    difference = error(found, reference)
    assert difference <= TOLERANCE, f"{difference} in\n{gradient_text(original, wrt, simplify)}"


def differentiable(original: Program) -> list[str]:
    return [str(arg.name) for arg in original.args if arg.role in ("prediction", "learn")]
