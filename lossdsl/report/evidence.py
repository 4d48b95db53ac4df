"""How a page says that the code is right: the comparisons of `check`, and how many bits of its results are right."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lossdsl.check.subjects import missing
from lossdsl.report.description import table
from lossdsl.report.markup import Content, Html, element

if TYPE_CHECKING:
    from lossdsl.accuracy.tally import Summary
    from lossdsl.api import Loss
    from lossdsl.check import Report, Row

PRECISION = {"float64": 53, "float32": 24}
"""Bits of a mantissa."""
LEAST = 0.01
"""Smaller errors are not told apart."""


def checks(report: Report) -> list[Html]:
    """The verdict, and the table of what was compared with what."""
    failed = sum(row.status == "failed" for row in report.rows)
    count = len(report.rows)
    verdict = f"{failed} of {count} comparisons failed." if failed else f"{count} comparisons, none failed."
    heads = ("", "compared", "with", "dtype", "points", "worst error, ulps", "allowed", "where")
    notes = [element("li", f"{row.what}, {row.against}: {row.note}") for row in report.rows if row.note]
    return [
        element("p", verdict, class_="failed" if failed else None),
        table("comparisons", heads, (_check(row) for row in report.rows), numeric=(4, 5, 6)),
        *([element("ul", notes, class_="note")] if notes else []),
    ]


def _check(row: Row) -> list[Content]:
    mark = element("span", row.status, class_=f"answer {row.status}")
    points = str(row.points) if row.points else ""
    return [mark, row.what, row.against, row.dtype, points, _ulps(row.error), _ulps(row.allowed), row.where]


def _ulps(number: float | None) -> str:
    """Two digits."""
    if number is None:
        return ""
    if 0 < number < LEAST:
        return f"below {LEAST}"
    return f"{float(f'{number:.2g}'):g}".replace("e+", "e")


def accuracy(loss: Loss) -> list[Html]:
    """The error of the emitted code over awkward inputs, as the number of bits that are right."""
    if missing("torch"):
        return [element("p", "Not measured: PyTorch is not installed.", class_="note")]
    from lossdsl.accuracy import measure_program
    from lossdsl.accuracy.measurement import OURS

    found = measure_program(loss.program, quick=True, others=False)
    heads = ("of", "code", "dtype", "right bits", "worst error, ulps", "by condition", "inputs", "NaN", "worst at")
    rows = [
        _measured(code, dtype, quantity, summary)
        for (code, dtype, quantity), summary in found.summaries.items()
        if code in OURS and (summary.count or summary.fault)
    ]
    verdict = "All of it meets the goal." if found.good else "Some of it misses the goal."
    return [
        element("p", verdict),
        table("accuracy", heads, rows, numeric=(3, 4, 5, 6, 7)),
        element("p", *_goal(), class_="note"),
    ]


def _goal() -> Iterator[str]:
    yield "The goal is 4 ulps for values and 8 for derivatives, times the condition number where that is above 1; "
    yield "inputs include 0, subnormal and huge numbers, kinks and their neighbours.  Hyperparameters "
    yield "have their defaults.  Right bits are those of the worst error by condition, of 53 (float64) or 24 (float32)."


def _measured(code: str, dtype: str, quantity: str, summary: Summary) -> list[Content]:
    errors = [right_bits(summary.summed, dtype), _ulps(summary.worst), _ulps(summary.summed)]
    counts = [str(summary.count), str(summary.lost or "")]
    return [quantity, code, dtype, *errors, *counts, summary.fault or summary.place]


def right_bits(ulps: float, dtype: str) -> str:
    """Of a mantissa: an error of half an ulp leaves all bits right, and each doubling takes one of them."""
    bits = PRECISION[dtype]
    lost = math.log2(ulps) + 1 if ulps > 0.5 else 0.0
    return f"{max(bits - lost, 0.0):.1f}"
