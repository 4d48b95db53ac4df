"""Lipschitz and smoothness constants of losses of several numbers: bounds by composition, and whether they are met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, islice, product
from typing import Any

from lossdsl.analysis.claims import number, shown
from lossdsl.analysis.facts import Yes
from lossdsl.analysis.judge import DIGITS, Judge, Point, flat
from lossdsl.analysis.numbers import Clock, Undecided, before, to_float
from lossdsl.analysis.profile import exact_text
from lossdsl.analysis.slopes import Bounds
from lossdsl.analysis.structure import Draws, draws
from lossdsl.analysis.unrolled import Unrolled, entries, labellings
from lossdsl.analysis.view import View
from lossdsl.functions.lazy import mpmath, sympy

FAR = Fraction(40)
"""Predictions that are so far apart count as infinitely far: exp(-40) is below 1e-17."""
MOST_POINTS = 40
"""Points at which slopes are looked at."""
STEP = Fraction(1, 2**14)
"""How far apart points are whose gradients are compared."""
CLOSE = 1e-6
"""A bound that is taken to this relative difference is the least one."""
CONSTANTS = ("Lipschitz", "smooth")


@dataclass(frozen=True)
class Constants:
    """Bounds of the length of the gradient and of the Hessian's norm, for all labels; infinite where none was found."""

    length: Any
    hessian: Any
    inputs: Draws
    sized: str
    """`for c = 3`; empty where no size matters."""


def constants(view: View, clock: Clock) -> Constants:
    """The bounds, for sizes as `draws` chooses them; Undecided where the loss can not be written out."""
    inputs = draws(view)
    if inputs is None:
        raise Undecided("inputs whose sizes agree")
    length = hessian = sympy().Integer(0)
    for given in labellings(view, inputs.sizes):
        root = Unrolled(view, inputs.sizes, given).loss()
        found = Bounds(view, entries(view, root), clock).of(root)
        length = found.length if before(length, found.length) else length
        hessian = found.hessian if before(hessian, found.hessian) else hessian
    single = {arg.axes[0].name for arg in view.predictions if arg.axes and inputs.sizes.get(arg.axes[0].name) == 1}
    classes = [f"{name} = {size}" for name, size in inputs.sizes.items() if name not in single]
    return Constants(length, hessian, inputs, f"for {' and '.join(classes)}, " if classes else "")


def answer(name: str, found: Constants, view: View, judge: Judge, clock: Clock) -> Yes | None:
    """Yes with the constant, and whether it is the least; None where there is no bound."""
    bound = found.length if name == "Lipschitz" else found.hessian
    if bound is sympy().oo:
        return None
    what = "the length of the gradient" if name == "Lipschitz" else "the norm of the Hessian"
    reason = f"{found.sized}{what} is bounded operation by operation"
    with mpmath().workdps(DIGITS):
        upper = to_float(bound)
        taken, at = _largest(name, found.inputs, view, judge, clock, upper * (1 - CLOSE))
    if taken >= upper * (1 - CLOSE):
        return Yes(f"{reason}, and the bound is met to six digits at {at}", f"constant {exact_text(bound)}", upper)
    least = f"; it is at least {number(taken)}, met at {at}" if at else ""
    return Yes(reason + least, f"constant at most {exact_text(bound)}", upper)


def _largest(name: str, inputs: Draws, view: View, judge: Judge, clock: Clock, enough: float) -> tuple[float, str]:
    """The largest slope, or change of slope, at some points, and where."""
    best, where = 0.0, ""
    for point in islice(_points(inputs, view), MOST_POINTS):
        if best >= enough or not clock.goes_on:
            break
        found = _length(judge, point) if name == "Lipschitz" else _change(judge, point, view)
        if mpmath().isfinite(found) and found > best:
            best, where = float(found), f"({shown({n: point[n] for n in point})})"
    return best, where


def _points(inputs: Draws, view: View) -> Iterator[Point]:
    """Predictions that are 0 or far apart in all ways, if these are few; then drawn ones."""
    names = frozenset(_names(view))
    drawn = list(inputs.points())
    count = len([v for name in names for v in flat(drawn[0][name])]) if drawn else 0
    if drawn and all(not view.argument(name).domain for name in names) and 3**count <= MOST_POINTS:
        for values in product((Fraction(0), FAR, -FAR), repeat=count):
            rest = list(values)
            yield {n: _filled(drawn[0][n], rest) if n in names else drawn[0][n] for n in drawn[0]}
    yield from drawn


def _names(view: View) -> list[str]:
    """The names of the predictions."""
    return [arg.name for arg in view.predictions]


def _filled(value: Any, rest: list[Fraction]) -> Any:
    return tuple(_filled(v, rest) for v in value) if isinstance(value, tuple) else rest.pop(0)


def _length(judge: Judge, point: Point) -> Any:
    return mpmath().sqrt(sum(g**2 for g in judge.gradient(point)))


def _change(judge: Judge, point: Point, view: View) -> Any:
    """How much the gradient changes from a point, by the way, in the directions of entries and of their differences."""
    first = judge.gradient(point)
    best = mpmath().mpf(0)
    for direction in _directions(len(first)):
        steps = list(direction)
        names = _names(view)
        moved_by = {n: _stepped(point[n], steps) if n in names else point[n] for n in _ordered(point, names)}
        apart = judge.distance(point, moved_by)
        second = judge.gradient(moved_by)
        change = mpmath().sqrt(sum((u - v) ** 2 for u, v in zip(first, second, strict=True))) / apart
        best = change if mpmath().isfinite(change) and change > best else best
    return best


def _ordered(point: Point, names: Sequence[str]) -> list[str]:
    """Predictions in the order of gradients, then the rest."""
    return [*names, *(n for n in point if n not in names)]


def _stepped(value: Any, steps: list[int]) -> Any:
    if isinstance(value, tuple):
        return tuple(_stepped(v, steps) for v in value)
    return value + steps.pop(0) * STEP


def _directions(count: int) -> Iterator[list[int]]:
    """Of single entries, and of differences of two."""
    for k in range(min(count, 3)):
        yield [int(j == k) for j in range(count)]
    for a, b in combinations(range(min(count, 3)), 2):
        yield [int(j == a) - int(j == b) for j in range(count)]
