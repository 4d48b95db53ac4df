"""How a loss depends on its inputs: on differences or products only, row by row or tied together, in which degree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from lossdsl.analysis.actions import behaves, moves
from lossdsl.analysis.facts import Answer, No, Unknown, Yes
from lossdsl.analysis.judge import Judge, Point
from lossdsl.analysis.view import View
from lossdsl.analysis.witness import Witness, confirmed
from lossdsl.boosting.rows import check_additive
from lossdsl.check.draw import Drawer, Impossible
from lossdsl.check.precision import DOUBLE
from lossdsl.check.sizes import GROUP, Sizes, axis_names, choose
from lossdsl.diagnostics import LossError

POOL = tuple(k / 4 for k in range(-12, 13))
DRAWS = 12
SIZES = tuple(Fraction(2) ** k for k in (0, -4, 4, -24))
"""How many times as large as drawn the numbers are at which a degree is looked for: some formulas have an epsilon."""


def answers(view: View, judge: Judge) -> dict[str, Answer]:
    """The facts of structure that apply, by name."""
    rules = {"translation invariant": _translation, "margin": _margin, "symmetric": _symmetric}
    found = {name: rule(view, judge) for name, rule in rules.items()}
    known = {name: answer for name, answer in found.items() if answer is not None}
    return {"additive": _additive(view, judge), **known, "homogeneous": _homogeneous(view, judge)}


# ---------------------------------------------------------------- inputs


@dataclass(frozen=True)
class Draws:
    """Readable inputs of a loss, the same in every run."""

    view: View
    sizes: Sizes

    def points(self, count: int = DRAWS) -> Iterator[Point]:
        """Points in the domains; none where a domain is empty."""
        hyper = {name: float(value) for name, value in self.view.numbers.items()}
        group = (self.sizes[GROUP],) if GROUP in self.sizes else ()
        drawer = Drawer(np.random.default_rng(7), DOUBLE, self.sizes, group, hyper)
        given = [a for a in self.view.program.args if a.name not in self.view.numbers]
        learned = [a for a in self.view.program.args if a.role == "learn" and a.axes and a.name in self.view.numbers]
        own = {a.name: nested(np.full(drawer.shape(a), hyper[a.name])) for a in learned}
        for _ in range(count):
            try:
                yield {arg.name: nested(drawer.from_pool(arg, POOL)) for arg in given} | own
            except Impossible:
                return


def draws(view: View, rows: int | None = None) -> Draws | None:
    """Small inputs, with one row if that is enough, or with two; None where no sizes agree."""
    names = axis_names(view.program)
    hyper = {name: float(value) for name, value in view.numbers.items()}
    fixed = {**_labels(view), **({} if rows == 2 else _rows(view))}
    sizes = choose(view.program, hyper, dict.fromkeys(names, 2), fixed)
    return None if sizes is None else Draws(view, sizes)


def _rows(view: View) -> Sizes:
    """One row, where rows have nothing to do with each other."""
    if any(not arg.axes for arg in view.predictions):
        return {}
    try:
        check_additive(view.program)
    except LossError:
        return {}
    return {arg.axes[0].name: 1 for arg in view.predictions if arg.axes[0].op == "size"}


def _labels(view: View) -> Sizes:
    """Three classes: with two, much is true that is not in general."""
    labels = {p.axis for a in view.program.args for p in a.domain if p.kind == "axis"}
    return {name: 3 for name in axis_names(view.program) if name in labels}


def nested(value: Any) -> Any:
    """An array as tuples of fractions."""
    if isinstance(value, np.ndarray):
        return nested(value.tolist())
    return tuple(nested(v) for v in value) if isinstance(value, list) else Fraction(value)


def moved(point: Point, names: frozenset[str], change: Callable[[Fraction], Fraction]) -> Point:
    """The point with some arguments changed, number by number."""

    def each(value: Any) -> Any:
        return tuple(map(each, value)) if isinstance(value, tuple) else change(value)

    return {name: each(value) if name in names else value for name, value in point.items()}


def _search(
    view: View, judge: Judge, claim: str, changes: Callable[[Point], tuple[Point, ...]], rows: int | None = None
) -> Witness | None:
    """A confirmed witness among drawn points and what `changes` makes of them."""
    found = draws(view, rows)
    for point in () if found is None else found.points():
        witness = confirmed(judge, claim, *changes(point))
        if witness is not None:
            return witness
    return None


# ---------------------------------------------------------------- the facts


def _additive(view: View, judge: Judge) -> Answer:
    """Whether the loss is a sum, or a mean, of terms of single rows: then means over shards can be averaged."""
    if any(not arg.axes for arg in view.predictions):
        return Yes("there is one example")
    try:
        check_additive(view.program)
    except LossError as error:
        problem = error.problems[0]
        line, _ = problem.span.source.position(problem.span.start)
        reason = f"line {line}: {problem.message}; unsafe to average over shards"
        witness = _search(view, judge, "coupled", lambda p: _rows_changed(view, p), 2)
        if witness is not None:
            return No(witness, reason)
        return Unknown((reason, "a witness: changing one row while another changes"))
    return Yes("each row has a term of its own: predictions of different rows are added up, and meet nowhere else")


def _rows_changed(view: View, point: Point) -> tuple[Point, Point, Point, Point]:
    """The point, with its first row changed, with its second, with both."""

    def changed(rows: frozenset[int]) -> Point:
        result = dict(point)
        for arg in view.predictions:
            given = point[arg.name]
            new = [_scaled(row) if k in rows else row for k, row in enumerate(given)]
            result[arg.name] = tuple(new)
        return result

    return point, changed(frozenset({0})), changed(frozenset({1})), changed(frozenset({0, 1}))


def _scaled(row: Any) -> Any:
    return tuple(map(_scaled, row)) if isinstance(row, tuple) else row / 2 + Fraction(1, 8)


def _free(view: View) -> bool:
    """Whether predictions are any real numbers."""
    return all(not arg.domain for arg in view.predictions)


def _translation(view: View, judge: Judge) -> Answer | None:
    """Whether moving predictions and targets together changes nothing."""
    names = moves(view, "shift")
    if not _free(view) or (view.elementwise is not None and any(arg.name not in names for arg in view.data)):
        return None
    if behaves(view, "shift") == 0:
        targets = " and ".join(sorted(names - {a.name for a in view.predictions}))
        predictions = " and ".join(a.name for a in view.predictions)
        what = (
            f"{predictions} and {targets} enter through differences only"
            if targets
            else f"only differences of {predictions} enter"
        )
        return Yes(f"{what}, operation by operation")
    witness = _search(view, judge, "differ", lambda p: (p, moved(p, names, lambda v: v + 1)))
    return No(witness) if witness is not None else Unknown(("the formula operation by operation", "drawn points"))


def _margin(view: View, judge: Judge) -> Answer | None:
    """Whether a loss with labels -1 and 1 depends on label times score only."""
    labels = [a.name for a in view.data if {v for p in a.domain for v in p.values} == {-1, 1}]
    if len(labels) != 1 or len(view.data) != 1:
        return None
    return _mirrored(view, judge, f"only {labels[0]}*{view.predictions[0].name} enters")


def _symmetric(view: View, judge: Judge) -> Answer | None:
    """Whether an error counts as much as the opposite one."""
    if not _free(view) or view.elementwise is None or any(a.domain for a in view.data):
        return None
    return _mirrored(view, judge, "the opposite error has the same value")


def _mirrored(view: View, judge: Judge, reason: str) -> Answer:
    names = moves(view, "flip")
    if behaves(view, "flip") == 1:
        return Yes(f"{reason}: changing all signs changes nothing, operation by operation")
    witness = _search(view, judge, "differ", lambda p: (p, moved(p, names, lambda v: -v)))
    return No(witness) if witness is not None else Unknown(("the formula operation by operation", "drawn points"))


def _homogeneous(view: View, judge: Judge) -> Answer:
    """Whether scaling predictions, and the data of the same kind, scales the loss by a power."""
    names = moves(view, "scale")
    degree = behaves(view, "scale")
    if degree is not None:
        which = " and ".join(sorted(names))
        return Yes(f"in {which}: each operation scales, degrees add up", f"degree {degree}", float(degree))
    for size in SIZES:
        witness = _search(view, judge, "no degree", lambda p, size=size: _multiples(p, names, size))  # type: ignore[misc]
        if witness is not None:
            return No(witness)
    return Unknown(("the formula operation by operation", "drawn points, and these made larger and smaller"))


def _multiples(point: Point, names: frozenset[str], size: Fraction) -> tuple[Point, Point, Point]:
    once, twice, fourfold = (moved(point, names, lambda v, k=k: k * size * v) for k in (1, 2, 4))  # type: ignore[misc]
    return once, twice, fourfold


def values(settings: Mapping[str, Fraction]) -> dict[str, float]:
    """Settings as floats."""
    return {name: float(value) for name, value in settings.items()}
