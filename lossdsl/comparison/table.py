"""A comparison as tables for a terminal: means with intervals by model, and differences to the first loss."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from lossdsl.comparison.intervals import LEVEL, Interval
from lossdsl.comparison.metrics import HIGHER, TITLES

if TYPE_CHECKING:
    from lossdsl.comparison.result import Comparison

WIDTH = 120
ABSENT = "–"


def table_text(comparison: Comparison) -> str:
    """The tables as plain text."""
    return drawn(tables(comparison))


def drawn(shown: Group) -> str:
    """What a console would show, as plain text."""
    lines = io.StringIO()
    Console(file=lines, width=WIDTH, force_terminal=False, color_system=None).print(shown)
    return "\n".join(line.rstrip() for line in lines.getvalue().rstrip().split("\n"))


def tables(comparison: Comparison) -> Group:
    """The same for a rich console."""
    parts: list[Text | Table] = [Text(heading(comparison))]
    for model in comparison.models:
        parts += [Text(""), *tables_of(comparison, model)]
    parts += [Text(""), Text("\n".join([notes(comparison), *sources(comparison)]))]
    warned = list(warnings(comparison))
    return Group(*parts, *([Text("\n" + "\n".join(warned))] if warned else []))


def tables_of(comparison: Comparison, model: str) -> list[Text | Table]:
    """Scores with one model, and differences to the first loss."""
    if len(comparison.losses) < 2:
        return [_scores(comparison, model)]
    return [_scores(comparison, model), Text(""), _differences(comparison, model)]


def heading(comparison: Comparison) -> str:
    """What was compared on, on one line."""
    data, disturbance = comparison.data, comparison.disturbance
    what = f"{len(data.classes)} classes" if data.classes else "a number"
    parts = [f"{data.name}: {data.target} ({what}), {len(data.y)} rows, {len(data.features)} features"]
    parts.append(f"{len(comparison.seeds)} seed{'s' * (len(comparison.seeds) > 1)}")
    parts += [f"noise {disturbance.noise:g}"] if disturbance.noise else []
    parts += [f"outliers {disturbance.outliers:g}"] if disturbance.outliers else []
    parts += [f"imbalance {disturbance.imbalance:g}"] if disturbance.imbalance > 1 else []
    return "; ".join(parts)


def _scores(comparison: Comparison, model: str) -> Table:
    table = _table(comparison, model)
    best = {metric: _best(comparison, model, metric) for metric in comparison.metrics}
    for loss in comparison.losses:
        run = comparison.run(model, loss)
        cells = [_cell(run.interval(m), comparison.spread(m), best[m] == loss) for m in comparison.metrics]
        table.add_row(loss, *cells)
    return table


def _differences(comparison: Comparison, model: str) -> Table:
    table = _table(comparison, f"less {comparison.losses[0]}")
    first = comparison.run(model, comparison.losses[0])
    for loss in comparison.losses[1:]:
        cells = []
        for metric in comparison.metrics:
            found = comparison.run(model, loss).difference(first, metric)
            text = _cell(found, comparison.spread(metric), False, sign=True)
            cells.append(text.append(" *" if found is not None and found.excludes_zero else "  "))
        table.add_row(loss, *cells)
    return table


def _table(comparison: Comparison, title: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(title, no_wrap=True, overflow="fold")
    for metric in comparison.metrics:
        table.add_column(TITLES[metric] + (" ↑" if metric in HIGHER else " ↓"), justify="right", no_wrap=True)
    return table


def _best(comparison: Comparison, model: str, metric: str) -> str | None:
    """The loss with the best mean."""
    means = {loss: comparison.run(model, loss).interval(metric) for loss in comparison.losses}
    known = {loss: found.mean for loss, found in means.items() if found is not None and found.mean == found.mean}
    if len(known) < 2:
        return None
    return (max if metric in HIGHER else min)(known, key=lambda loss: known[loss])


def _cell(found: Interval | None, size: float, best: bool, sign: bool = False) -> Text:
    if found is None:
        return Text(ABSENT)
    digits = digits_for(size)
    text = f"{found.mean:{'+' if sign else ''}.{digits}f}"
    text += "" if found.half is None else f" ± {found.half:.{digits}f}"
    return Text(text, style="bold" if best else "")


def digits_for(size: float) -> int:
    """Decimals that show three or four digits of a number of this size."""
    return next((digits for digits, limit in ((4, 0.1), (3, 10.0), (2, 100.0), (1, 1000.0)) if size < limit), 0)


def notes(comparison: Comparison) -> str:
    """What the intervals and the stars are."""
    if len(comparison.seeds) < 2:
        return "One seed says nothing of how far luck goes: there are no intervals."
    told = f"± {LEVEL:.0%} interval of the mean over seeds (Student's t)"
    if len(comparison.losses) > 1:
        told += ", differences seed by seed; * where it does not contain 0, not corrected for how many there are"
    return told + "."


def sources(comparison: Comparison) -> Iterator[str]:
    """Where probabilities come from that no output of a loss tells."""
    for loss in comparison.losses if comparison.data.classes else ():
        told = comparison.run(comparison.models[0], loss).told
        if told is None:
            yield f"{loss} tells no probabilities."
        elif told.source != "told":
            yield f"{loss}: probabilities are {told}."


def warnings(comparison: Comparison) -> Iterator[str]:
    """What went wrong in training."""
    for run in comparison.runs:
        for warning in run.warnings:
            yield f"{run.model}, {run.loss}, {warning}"
