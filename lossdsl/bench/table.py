"""Outcomes as markdown and as tables of a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lossdsl.bench.measure import Outcome


def milliseconds(seconds: float) -> str:
    """Three digits, with a unit in which they can be read."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def megabytes(count: int | None) -> str:
    return "-" if count is None else f"{count / 1e6:.3g} MB" if count >= 1e5 else "< 0.1 MB"


def ratio(value: float) -> str:
    """Two digits below 100: what repeats."""
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; all columns but the first are numbers."""
    lines = [list(headings), ["---", *["---:"] * (len(headings) - 1)], *map(list, rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def contender_rows(outcome: Outcome, peaks: Mapping[str, int | None]) -> list[list[str]]:
    """One row a contender: ratio to the bound, to the fastest, time, first call, peak memory."""
    fastest = min((entry.seconds for entry in outcome.entries), default=1.0)
    return [
        [
            entry.name,
            milliseconds(entry.seconds),
            ratio(entry.ratio),
            ratio(entry.seconds / fastest),
            milliseconds(entry.first_call),
            megabytes(peaks.get(entry.name)),
        ]
        for entry in outcome.entries
    ]


CONTENDER_HEADINGS = ("", "time", "/ bound", "/ fastest", "first call", "peak memory")


def left_out_text(left_out: Mapping[str, str]) -> str:
    """A line each, empty if everybody took part."""
    return "".join(f"left out: {name}: {why}\n" for name, why in left_out.items())
