"""What is asked at a point, of the interpreter and of emitted code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lossdsl.check.compare import Fault, attempt
from lossdsl.check.jets import DIAGONAL, GRADIENT, PREDICTIONS, PRODUCT, TERMS, VALUE, Key, Question
from lossdsl.check.points import Point
from lossdsl.check.precision import DOUBLE
from lossdsl.check.subjects import Reduction, Subject
from lossdsl.meaning.core import Program

Vectors = Mapping[str, Any]
REDUCTIONS: dict[str, Reduction] = {"sum": "sum", "none": "none"}


def question(program: Program, point: Point, vectors: Vectors) -> Question:
    """What to compare at a point, with directions for the arguments to differentiate by.

    Second derivatives are left out where numbers are extreme: section 7 promises nothing for them there.  Sums, terms
    and predictions are the same code at every point: points in general position are enough for them.  Single elements
    are asked for at every point, since in a mean the largest hides the others.
    """
    double = point.precision is DOUBLE
    general = double and point.kind == "general"
    reductions: tuple[Reduction | None, ...] = (None,)
    if double and program.reduction is not None:
        reductions = (None, "none", "sum") if general else (None, "none")
    return Question(vectors, reductions, second=double and point.kind != "extreme", exports=general)


def row_name(key: Key) -> str:
    """What the report calls it: reductions that are not the default share a row."""
    base, _, asked = key[0].partition(", ")
    return f"{base}, other reductions" if asked else base


class Asked:
    """The answers of emitted code at a point, each computed once; a `Fault` where it raises."""

    def __init__(self, subject: Subject, point: Point, vectors: Vectors) -> None:
        self.subject, self.point, self.vectors = subject, point, vectors
        self.wrt = tuple(vectors)
        self._known: dict[tuple[str, str], Any] = {}

    def answer(self, key: Key) -> Any:
        what, part = key
        base, _, asked = what.partition(", ")
        reduction = REDUCTIONS.get(asked)
        given, wrt, subject = self.point.arguments, self.wrt, self.subject
        match base:
            case "value":
                return self._once(key, lambda: subject.value(given, reduction))
            case "gradient":
                return self._part(what, wrt.index(part), lambda: subject.gradient(given, wrt, reduction))
            case "Hessian diagonal":
                return self._once(key, lambda: subject.hessian_diagonal(given, part))
            case "Hessian-vector product":
                along = tuple(self.vectors.values())
                return self._part(what, wrt.index(part), lambda: subject.hvp(given, wrt, along))
            case "terms":
                return self._part(what, part, lambda: subject.terms(given))
            case "predictions":
                return self._part(what, part, lambda: _by_name(subject.predict(given), part))
        raise AssertionError(f"no code for {what}")

    def _once(self, key: Key, compute: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = attempt(compute)
        return self._known[key]

    def _part(self, what: str, part: int | str, compute: Callable[[], Any]) -> Any:
        found = self._once((what, ""), compute)
        return found if isinstance(found, Fault) else attempt(lambda: found[part])


def _by_name(found: Any, name: str) -> Mapping[str, Any]:
    """Of several predictions a mapping; a single one comes alone."""
    return found if isinstance(found, Mapping) else {name: found}


assert {VALUE, GRADIENT, DIAGONAL, PRODUCT, TERMS, PREDICTIONS} == {
    "value", "gradient", "Hessian diagonal", "Hessian-vector product", "terms", "predictions"
}  # fmt: skip
