"""Tuning as tables for a terminal: what was chosen by seed, and scores on the rows that were not seen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from lossdsl.comparison.metrics import HIGHER, TITLES
from lossdsl.comparison.table import ABSENT, digits_for, drawn, heading, notes, sources, tables_of, warnings

if TYPE_CHECKING:
    from lossdsl.tuning.result import Search, Tuned


def tuned_text(tuned: Tuned) -> str:
    """The tables as plain text."""
    return drawn(tables(tuned))


def tables(tuned: Tuned) -> Group:
    """The same for a rich console."""
    parts: list[Text | Table] = [Text(_heading(tuned)), Text(""), *(Text(f"  {d}") for d in tuned.space.dimensions)]
    parts += [Text(""), _chosen(tuned), Text(""), Text("On rows for testing, which tuning has not seen:"), Text("")]
    for model in tuned.comparison.models:
        parts += tables_of(tuned.comparison, model)
    parts += [
        Text(""),
        Text("\n".join([notes(tuned.comparison), *sources(tuned.comparison)])),
        Text(""),
        Text(tuned.verdict, style="bold"),
    ]
    told = [*tuned.notes, *warnings(tuned.comparison)]
    return Group(*parts, *([Text("\n" + "\n".join(told))] if told else []))


def _heading(tuned: Tuned) -> str:
    trials = sum(len(search.trials) for search in (*tuned.searches, tuned.final))
    pruned = sum(each.state == "pruned" for search in (*tuned.searches, tuned.final) for each in search.trials)
    how = "Optuna's TPE" if tuned.method == "tpe" else "descent through unrolled training"
    short = f" ({pruned} cut short)" if pruned else ""
    return (
        f"{heading(tuned.comparison)}\n{tuned.loss.name} by {TITLES[tuned.metric]} on {tuned.folds} "
        f"fold{'s' * (tuned.folds > 1)} of the rows for training: {trials} trials{short} by {how}"
    )


def _chosen(tuned: Tuned) -> Table:
    """A line for each seed: the values, and their score for validation beside that of the start."""
    title = TITLES[tuned.metric] + (" ↑" if tuned.metric in HIGHER else " ↓")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("chosen on", no_wrap=True)
    for name in tuned.space.names:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(f"{title} validated", justify="right", no_wrap=True)
    table.add_column("as it is", justify="right", no_wrap=True)
    for search in tuned.searches:
        table.add_row(f"seed {search.seed}, rows for training", *_cells(tuned, search))
    table.add_row("all rows", *_cells(tuned, tuned.final), style="bold")
    return table


def _cells(tuned: Tuned, search: Search) -> list[str]:
    values = [f"{search.best.settings[name]:g}" for name in tuned.space.names]
    return [*values, _score(search.best.value), _score(search.trials[0].value)]


def _score(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return ABSENT
    return f"{value:.{digits_for(abs(value))}f}"
