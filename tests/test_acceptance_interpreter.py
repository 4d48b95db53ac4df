"""The reference interpreter on the acceptance losses: what it makes of a text is what well-known libraries compute.

Values, gradients and Hessian diagonals of every loss, at every point.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import methodcaller
from typing import Any

import pytest
from acceptance_cases import Case, Point, load, names

from lossdsl.meaning import resolve
from lossdsl.meaning.core import Program
from lossdsl.meaning.interpret import Interpreter, accurate
from lossdsl.syntax import parse


def program(case: Case) -> Program:
    return resolve(parse(case.text, f"{case.name}.loss")).losses[case.entry]


def evaluate(checked: Program, point: Point, result: Callable[[Interpreter], Any]) -> Any:
    """At 50 digits; where inputs are extreme, at as many as it takes."""
    if point.exact:
        return accurate(checked, point.arguments, result)
    return result(Interpreter(checked).bind(point.arguments))


@pytest.mark.parametrize("name", names())
def test_acceptance(name: str) -> None:
    case = load(name)
    checked = program(case)
    for point in case.points:
        if point.value is not None:
            found = evaluate(checked, point, methodcaller("value", point.reduction))
            assert case.error(found, point.value) <= case.value_tolerance, f"value at {point.label}"
        if point.with_gradient:
            for wrt, reference in point.gradient.items():
                found = evaluate(checked, point, methodcaller("gradient", wrt, point.reduction))
                assert case.error(found, reference) <= case.gradient_tolerance, f"gradient by {wrt} at {point.label}"
        for wrt, reference in point.hessian.items():
            found = evaluate(checked, point, methodcaller("hessian_diagonal", wrt, point.reduction))
            assert case.error(found, reference) <= case.gradient_tolerance, f"Hessian by {wrt} at {point.label}"
