"""How emitted code is asked what the interpreter is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lossdsl.check.jets import DIAGONAL, GRADIENT, PREDICTIONS, PRODUCT, TERMS, VALUE, Key, Question
from lossdsl.check.points import Point
from lossdsl.check.precision import DOUBLE
from lossdsl.check.subjects import Reduction, Subject
from lossdsl.meaning.core import Program

Vectors = Mapping[str, Any]
REDUCTIONS: dict[str, Reduction] = {"sum": "sum", "none": "none"}


def question(program: Program, point: Point, vectors: Vectors) -> Question:
    """What to compare at a point, with directions for the arguments to differentiate by.

    Second derivatives are left out where numbers are extreme: section 7 promises nothing for them there.  Reductions,
    terms and predictions are the same code at every point: points in general position are enough for them.
    """
    double = point.precision is DOUBLE
    general = double and point.kind == "general"
    reductions = (None, *REDUCTIONS.values()) if general and program.reduction is not None else (None,)
    return Question(vectors, reductions, second=double and point.kind != "extreme", exports=general)


def ask(subject: Subject, key: Key, point: Point, vectors: Vectors) -> Any:
    """The answer of emitted code."""
    what, _, asked = key[0].partition(", ")
    part, wrt, reduction = key[1], tuple(vectors), REDUCTIONS.get(asked)
    match what:
        case "value":
            return subject.value(point.arguments, reduction)
        case "gradient":
            return subject.gradient(point.arguments, wrt, reduction)[wrt.index(part)]
        case "Hessian diagonal":
            return subject.hessian_diagonal(point.arguments, part)
        case "Hessian-vector product":
            return subject.hvp(point.arguments, wrt, tuple(vectors.values()))[wrt.index(part)]
        case "terms":
            return subject.terms(point.arguments)[part]
        case "predictions":
            found = subject.predict(point.arguments)
            return found[part] if isinstance(found, Mapping) else found
    raise AssertionError(f"no code for {what}")


assert {VALUE, GRADIENT, DIAGONAL, PRODUCT, TERMS, PREDICTIONS} == {
    "value", "gradient", "Hessian diagonal", "Hessian-vector product", "terms", "predictions"
}  # fmt: skip
