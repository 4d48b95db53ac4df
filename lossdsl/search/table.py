"""A search as tables for a terminal: why formulas were rejected, how the rest are ranked, what the best are worth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from lossdsl.analysis.facts import Yes
from lossdsl.comparison.intervals import LEVEL
from lossdsl.comparison.metrics import HIGHER, TITLES
from lossdsl.comparison.table import ABSENT, digits_for, drawn, sources, tables_of, warnings

if TYPE_CHECKING:
    from lossdsl.search.result import Found, Winner

SHOWN = 10
"""Lines of the ranking."""
FACTS = ("convex", "Lipschitz", "smooth", "redescending", "classification-calibrated")
"""What is said of winners, where it was proved."""
WIDEST = 40


def found_text(found: Found) -> str:
    """The tables as plain text."""
    return drawn(tables(found))


def tables(found: Found) -> Group:
    """The same for a rich console."""
    parts: list[Text | Table] = [Text(_heading(found)), Text(""), _rejected(found), Text(""), _ranking(found)]
    parts += [Text(""), Text("On rows for testing, which the search has not seen:"), Text("")]
    for model in found.comparison.models:
        parts += tables_of(found.comparison, model)
    parts += [
        Text(""),
        Text("\n".join([_notes(found), *sources(found.comparison)])),
        Text(""),
        Text(found.verdict, style="bold"),
    ]
    for number, winner in enumerate(found.winners, start=1):
        parts += [Text(""), Text(f"{number}. {winner.label}", style="bold"), Text(f"   {_facts(winner)}")]
    told = list(warnings(found.comparison))
    return Group(*parts, *([Text("\n" + "\n".join(told))] if told else []))


def _heading(found: Found) -> str:
    data = found.comparison.data
    start = ", ".join(f"{name} = {body}" for name, body in found.template.start.items())
    by = f"{found.template.name} with {found.model} by {TITLES[found.metric]}"
    sampled = " (some sizes are a sample)" if found.sampled else ""
    return (
        f"{data.name}: {data.target}, {len(data.y)} rows; {by}"
        f"\n{start} in the template; {found.proposed} formulas were proposed{sampled}"
    )


def _plain() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")


def _rejected(found: Found) -> Table:
    table = _plain()
    table.add_column("rejected", justify="right", no_wrap=True)
    table.add_column("because", no_wrap=True)
    table.add_column("such as", no_wrap=True, overflow="ellipsis", max_width=WIDEST)
    table.add_column("", no_wrap=True, overflow="ellipsis", max_width=WIDEST)
    for reason, count in found.reasons.items():
        example = found.example(reason)
        table.add_row(str(count), reason, example.formula if example else "", example.detail if example else "")
    table.add_row(str(found.trained), "left, and trained", "", "", style="bold")
    return table


def _ranking(found: Found) -> Table:
    """The best proposals, and all baselines, by the rows for validation."""
    title = TITLES[found.metric] + (" ↑" if found.metric in HIGHER else " ↓")
    table = _plain()
    for name in ("rank", "formula", f"{title} validated", "folds"):
        table.add_column(name, justify="left" if name == "formula" else "right", no_wrap=True)
    for rank, each in enumerate(found.ranking, start=1):
        if rank <= SHOWN or each.candidate.is_baseline:
            label = f"{each.candidate.label}{' (baseline)' * each.candidate.is_baseline}"
            score = f"{each.score:.{digits_for(abs(each.score))}f}" if math.isfinite(each.score) else ABSENT
            table.add_row(str(rank), label, score, str(found.rounds[each.round - 1].folds))
    return table


def _notes(found: Found) -> str:
    parts = f"{len(found.comparison.seeds)} parts of the rows for testing"
    return (
        f"± {LEVEL:.0%} interval of the mean over {parts} that share none (Student's t),"
        "\ndifferences part by part; * where it does not contain 0, not corrected for how many there are."
    )


def _facts(winner: Winner) -> str:
    """What was proved of a winner, and what was refuted."""
    told = []
    for name in FACTS:
        if name in winner.facts:
            answer = winner.facts[name].answer
            value = f" ({answer.value})" if isinstance(answer, Yes) and answer.value else ""
            told.append(f"{name}: {answer.word}{value}")
    return "; ".join(told)
