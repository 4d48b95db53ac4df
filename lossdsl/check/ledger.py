"""Comparisons of many points, gathered into the rows of a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lossdsl.check.compare import Comparison
from lossdsl.check.points import Point
from lossdsl.check.precision import DOUBLE
from lossdsl.check.report import Row, Status
from lossdsl.check.taylor import Rate


@dataclass
class _Entry:
    points: int = 0
    compared: int = 0
    worst: Comparison = field(default_factory=lambda: Comparison(0))
    label: str = ""
    wrong: int = 0
    first_wrong: str = ""
    example: str = ""
    explained: list[str] = field(default_factory=list)


class Ledger:
    """One row for what was compared with what, in which dtype; the worst comparison stands in it."""

    def __init__(self, loss: str) -> None:
        self.loss = loss
        self._entries: dict[tuple[str, str, str], _Entry] = {}
        self._skipped: list[Row] = []

    def add(self, what: str, against: str, point: Point, argument: str, comparison: Comparison) -> None:
        entry = self._entry(what, against, point)
        entry.points += bool(comparison.compared)
        entry.compared += comparison.compared
        where = f"{point.label}: {argument}{_position(comparison.place)}".removesuffix(": ")
        if comparison.wrong:
            entry.wrong += 1
            if not entry.example:
                entry.first_wrong = f"{argument}{_position(comparison.place)} {comparison.wrong}".strip()
                entry.example = _call(self.loss, point)
        if comparison.compared and (not entry.label or comparison.strain > entry.worst.strain):
            entry.worst, entry.label = comparison, where

    def explain(self, what: str, against: str, point: Point, reason: str) -> None:
        """A difference that is the fault of the witness."""
        entry = self._entry(what, against, point)
        entry.points += 1
        entry.compared += 1
        entry.explained.append(reason)

    def add_rate(self, what: str, against: str, point: Point, rate: Rate) -> None:
        """A remainder of order 2, or none; the order stands where it is not."""
        found = "none left" if rate.order is None else f"order {rate.order:.2f}"
        wrong = "" if rate.ok else f"leaves a remainder of {found} instead of 2"
        self.add(what, against, point, f"remainder of {found}", Comparison(1, None, None, wrong=wrong))

    def skip(self, what: str, against: str, reason: str) -> None:
        self._skipped.append(Row(what, against, "", 0, None, None, "", "skipped", reason))

    def fail(self, what: str, against: str, reason: str) -> None:
        self._skipped.append(Row(what, against, "", 0, None, None, "", "failed", reason))

    def rows(self) -> tuple[Row, ...]:
        """By back end and dtype."""
        found = [_row(key, entry) for key, entry in self._entries.items()]
        return (*sorted(found, key=_place), *self._skipped)

    def _entry(self, what: str, against: str, point: Point) -> _Entry:
        return self._entries.setdefault((what, against, point.precision.name), _Entry())


def _place(row: Row) -> tuple[int, bool]:
    """Rows of one back end stand together, those in float64 first; otherwise in the order in which they came."""
    subjects = ("NumPy", "PyTorch", "autograd")
    return subjects.index(row.what.split()[0]), row.dtype != DOUBLE.name


def _row(key: tuple[str, str, str], entry: _Entry) -> Row:
    what, against, dtype = key
    status: Status = "ok"
    note = ""
    if entry.wrong:
        status = "failed"
        note = f"{entry.first_wrong} (wrong at {entry.wrong} of {entry.points} points)"
    elif entry.explained:
        status = "explained"
        note = f"{entry.explained[0]} ({len(entry.explained)} such points)"
    elif not entry.compared:
        status = "failed"
        note = "nothing could be compared: the formula has no value, or no derivative, at any point"
    worst = entry.worst
    return Row(what, against, dtype, entry.points, worst.error, worst.allowed, entry.label, status, note, entry.example)


def _position(place: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, place))}]" if place else ""


def _call(loss: str, point: Point) -> str:
    """The call of the point, to be pasted."""
    given = [f"{name}={_literal(value)}" for name, value in point.arguments.items()]
    return f"{loss}({', '.join(given)})  # {point.label}, {point.precision.name}"


def _literal(value: Any) -> str:
    return repr(value) if isinstance(value, float) else repr(np.asarray(value).tolist())
