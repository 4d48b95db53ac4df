"""What a loss is drawn over: its residual, its margin, or its prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lossdsl.analysis.actions import behaves
from lossdsl.analysis.numbers import Undecided
from lossdsl.analysis.view import View, view
from lossdsl.meaning.core import Arg, Program
from lossdsl.plot.errors import PlotError
from lossdsl.plot.inputs import REACH, middle, reach, shown_values, varying
from lossdsl.plot.subject import Entry, Subject

Against = Literal["residual", "margin", "prediction"]
KINDS: tuple[Against, ...] = ("residual", "margin", "prediction")
SAME = 1e-3
"""Two curves that differ by less than this part of their height are one in a picture: a pixel is a few of these."""


@dataclass(frozen=True)
class Axis:
    """A loss over one number: the prediction is that number plus `offset`, with these data."""

    kind: Against
    label: str
    data: tuple[tuple[str, float], ...] = ()
    offset: float = 0.0


def axes_of(subject: Subject) -> dict[Against, Axis]:
    """Every way to draw a loss: over the prediction always, over the residual or margin if only that enters."""
    program = subject.program
    found: dict[Against, Axis] = {"prediction": Axis("prediction", subject.name_of(Entry(varying(program))))}
    known = _view(program)
    if known is None or known.elementwise is None or subject.mode == "example":
        return found
    prediction, data = known.elementwise
    if len(data) != 1 or prediction.domain:
        return found
    for axis in (_residual(known, prediction, data[0]), _margin(subject, known, prediction, data[0])):
        if axis is not None:
            found[axis.kind] = axis
    return found


def common_axes(subjects: Sequence[Subject], against: str | None, fixed: frozenset[str]) -> list[Axis]:
    """One axis for each loss, of one kind: the one asked for, else the most telling that all of them have.

    `fixed` are the data that the user has set, which leave only the prediction.  PlotError for a kind that does not
    exist, or that a loss does not have.
    """
    if against is not None and against not in KINDS:
        raise PlotError(f"a loss is drawn against its residual, margin or prediction, not {against!r}")
    offered = [axes_of(subject) for subject in subjects]
    for subject, axes in zip(subjects, offered, strict=True):
        for kind in KINDS[:2]:
            if kind in axes and any(name in fixed for name, _ in axes[kind].data):
                if against == kind:
                    raise PlotError(f"against the {kind}, the data of {subject.program.name} can't be set as well")
                del axes[kind]
    for kind in KINDS if against is None else (against,):
        lacking = [s.program.name for s, axes in zip(subjects, offered, strict=True) if kind not in axes]
        if not lacking:
            return [axes[kind] for axes in offered]
        if against is not None:
            raise PlotError(f"{lacking[0]} is not known to depend on its {against} only; try the prediction")
    raise AssertionError("every loss has a prediction")


def label_of(axes: Sequence[Axis]) -> str:
    """What stands below the axis: the formula of the number, or its kind where losses call it differently."""
    labels = {axis.label for axis in axes}
    return labels.pop() if len(labels) == 1 else axes[0].kind


def interval_of(subjects: Sequence[Subject], axes: Sequence[Axis]) -> tuple[float, float]:
    """Where the axis goes: as far as all losses are defined."""
    if axes[0].kind != "prediction":
        return -REACH, REACH
    ends = [reach(varying(subject.program), subject.given) for subject in subjects]
    low, high = max(low for low, _ in ends), min(high for _, high in ends)
    if low >= high:
        raise PlotError("the domains of the predictions have no number in common: draw these losses apart")
    return low, high


def _view(program: Program) -> View | None:
    try:
        return view(program, {})
    except Undecided:
        return None


def _residual(known: View, prediction: Arg, data: Arg) -> Axis | None:
    """Proved operation by operation, as the analysis does."""
    if shown_values(data) or behaves(known, "shift") != 0:
        return None
    at = middle(data, 0.0)
    return Axis("residual", f"{prediction.name} − {data.name}", ((data.name, at),), at)


def _margin(subject: Subject, known: View, prediction: Arg, data: Arg) -> Axis | None:
    """For two labels: proved for -1 and 1; for others, such as 0 and 1 or all between, seen from the two curves."""
    values = sorted(shown_values(data))
    if len(values) != 2:
        return None
    axis = Axis("margin", f"{data.name}·{prediction.name}", ((data.name, values[1]),))
    if values == [-1, 1]:
        return axis if behaves(known, "flip") == 1 or _mirrored(subject, data, values) else None
    shown = f"(2·{data.name} − 1)·{prediction.name}" if values == [0, 1] else f"±{prediction.name}"
    return Axis("margin", shown, axis.data) if _mirrored(subject, data, values) else None


def _mirrored(subject: Subject, data: Arg, values: Sequence[float]) -> bool:
    """Whether the curves of the two labels are mirror images, as far as a picture shows."""
    at = np.linspace(-REACH, REACH, 65)
    entry = Entry(varying(subject.program))
    low, high = (subject.filled({data.name: value}).values(entry, at) for value in values)
    if np.isnan(low[::-1]).tolist() != np.isnan(high).tolist() or np.isnan(high).all():
        return False
    return bool(np.nanmax(np.abs(low[::-1] - high)) <= SAME * np.nanmax(np.abs(high)))
