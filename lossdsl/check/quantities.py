"""What emitted code computes, and what the interpreter says to the same question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lossdsl.check.points import Point
from lossdsl.check.precision import DOUBLE
from lossdsl.check.reference import Result
from lossdsl.check.subjects import Reduction, Subject
from lossdsl.meaning.core import Program

Vectors = Mapping[str, Any]


@dataclass(frozen=True)
class Quantity:
    """`order` is that of the derivative; `part` says of which argument, or which of several results it is."""

    what: str
    part: str
    order: int
    meaning: Result
    code: Callable[[Subject], Any]


def quantities(program: Program, point: Point, vectors: Vectors) -> Iterator[Quantity]:
    """What to compare at a point: derivatives with respect to the arguments that `vectors` has directions for.

    Second derivatives are left out where numbers are extreme: section 7 promises nothing for them there.
    """
    yield _value(point, None)
    yield from _gradients(point, vectors, None)
    if point.precision is not DOUBLE:
        return
    if point.kind != "extreme":
        yield from _second(point, vectors)
    if point.kind == "general":
        yield from _exports(program, point)
        for reduction in ("sum", "none") if program.reduction is not None else ():
            yield _value(point, reduction)
            yield from _gradients(point, vectors, reduction)


def _named(what: str, reduction: Reduction | None) -> str:
    return what if reduction is None else f"{what}, {reduction}"


def _value(point: Point, reduction: Reduction | None) -> Quantity:
    return Quantity(
        _named("value", reduction),
        "",
        0,
        lambda meaning: meaning.value(reduction),
        lambda subject: subject.value(point.arguments, reduction),
    )


def _gradients(point: Point, vectors: Vectors, reduction: Reduction | None) -> Iterator[Quantity]:
    wrt = tuple(vectors)
    for place, name in enumerate(wrt):
        yield Quantity(
            _named("gradient", reduction),
            name,
            1,
            lambda meaning, name=name: meaning.gradient(name, reduction),
            lambda subject, place=place: subject.gradient(point.arguments, wrt, reduction)[place],
        )


def _second(point: Point, vectors: Vectors) -> Iterator[Quantity]:
    wrt, along = tuple(vectors), tuple(vectors.values())
    for place, name in enumerate(wrt):
        yield Quantity(
            "Hessian diagonal",
            name,
            2,
            lambda meaning, name=name: meaning.hessian_diagonal(name),
            lambda subject, name=name: subject.hessian_diagonal(point.arguments, name),
        )
        yield Quantity(
            "Hessian-vector product",
            name,
            2,
            lambda meaning, place=place: meaning.hvp(wrt, along)[place],
            lambda subject, place=place: subject.hvp(point.arguments, wrt, along)[place],
        )


def _exports(program: Program, point: Point) -> Iterator[Quantity]:
    terms = [let.name for let in program.lets if let.role == "term"]
    predicted = [let.name for let in program.lets if let.role == "predict"]
    for name in terms:
        yield Quantity(
            "terms",
            name,
            0,
            lambda meaning, name=name: meaning.terms()[name],
            lambda subject, name=name: subject.terms(point.arguments)[name],
        )
    for name in predicted:
        yield Quantity(
            "predictions",
            name,
            0,
            lambda meaning, name=name: meaning.predict()[name],
            lambda subject, name=name: _only(subject.predict(point.arguments), name),
        )


def _only(found: Any, name: str) -> Any:
    """Of several predictions the one of this name; a single one comes alone."""
    return found[name] if isinstance(found, Mapping) else found
