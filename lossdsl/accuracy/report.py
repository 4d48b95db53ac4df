"""The table of `docs/accuracy.md`, and the same as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import mpmath
import numpy as np

from lossdsl.accuracy.explanation import TEXT
from lossdsl.accuracy.measurement import OURS, TYPED, Accuracy, Column
from lossdsl.accuracy.tally import Summary
from lossdsl.accuracy.truth import QUANTITIES, Quantity
from lossdsl.check.subjects import missing

DTYPES = ("float64", "float32")
READABLE = 1000.0
"""Larger errors are written as powers of two: the number of bits that are wrong."""


def as_json(found: Sequence[Accuracy]) -> str:
    """Every number that was measured."""
    rows = [
        {"loss": each.title, "code": code, "dtype": dtype, "quantity": quantity, **summary.as_json()}
        for each in found
        for (code, dtype, quantity), summary in each.summaries.items()
    ]
    return json.dumps(rows, indent=1)


def markdown(found: Sequence[Accuracy], wanted: int | None = None) -> str:
    """The whole page; it says so where only some of the losses that are `wanted` are measured."""
    parts = [TEXT.format(versions=_versions()), _overview(found, wanted or len(found)), _misses(found)]
    for section, losses in groupby(found, key=lambda each: each.section):
        parts.append(f"## {section}\n\n{_table(list(losses))}")
    return "\n\n".join(parts) + "\n"


def _versions() -> str:
    known = [f"NumPy {np.__version__}", f"mpmath {mpmath.__version__}"]
    if not missing("torch"):
        import torch

        known.append(f"PyTorch {torch.__version__.split('+')[0]}")
    return ", ".join(known)


# ---------------------------------------------------------------- overview


def _overview(found: Sequence[Accuracy], wanted: int) -> str:
    """How many losses meet the goal, beside how many would as people write them today."""
    heads = "losses | meet the goal | for inputs from 1e-8 to 1e8 | have a NaN or inf where the true value is finite"
    heads += " | a NaN for inputs from 1e-8 to 1e8"
    some = [f"**{len(found)} of {wanted} losses are measured so far**: the others are not on this page.", ""]
    table = [f"| | {heads} |", "|---|--:|--:|--:|--:|--:|"]
    lines = ["## At a glance", "", *(some if len(found) < wanted else []), *table]
    for code in (*OURS, TYPED, "torch.nn.functional"):
        measured = [group for each in found if (group := _of_code(each, code))]
        good = sum(all(summary.good for summary in group) for group in measured)
        usual = sum(all(summary.usually_good for summary in group) for group in measured)
        lost = sum(any(summary.lost for summary in group) for group in measured)
        nan = sum(any(summary.nan for summary in group) for group in measured)
        lines.append(f"| {_title(code)} | {len(measured)} | {good} | {usual} | {lost} | {nan} |")
    return "\n".join(lines)


def _of_code(each: Accuracy, code: str) -> list[Summary]:
    name = each.today if code == "torch.nn.functional" else code
    return [summary for column, summary in each.summaries.items() if name and column[0] == name]


def _title(code: str) -> str:
    return {**{name: f"emitted {name} code" for name in OURS}, TYPED: "the formula typed in PyTorch"}.get(code, code)


def _misses(found: Sequence[Accuracy]) -> str:
    """What the emitted code still owes: a row for each loss and quantity, those at inputs of usual size first."""
    rows = [(summary, row) for each in found for quantity in QUANTITIES for summary, row in _missed(each, quantity)]
    lines = ["## Misses", ""]
    if not rows:
        return "\n".join([*lines, "None."])
    heads = "loss | of | in | error in ulps | by condition | NaN | inputs | usual | simplest input"
    lines += [f"| {heads} |", "|---|---|---|--:|--:|--:|--:|--:|---|"]
    return "\n".join([*lines, *(row for _, row in sorted(rows, key=lambda pair: -(pair[0].usual > 0)))])


def _missed(each: Accuracy, quantity: Quantity) -> Iterator[tuple[Summary, str]]:
    """The numbers are those of the implementation with the most misses at inputs of usual size."""
    columns = [(code, dtype, quantity) for code in OURS for dtype in DTYPES]
    bad = {column: each.summaries[column] for column in columns if not each.summaries[column].good}
    if bad:
        summary = max(bad.values(), key=lambda summary: (summary.usual, summary.missed + summary.lost))
        where = ", ".join(f"{code} {dtype[5:]}" for code, dtype, _ in bad)
        counts = (summary.lost or "", summary.missed + summary.lost, summary.usual or "")
        cells = [each.title, quantity, where, _number(summary.worst), _number(summary.scaled), *map(str, counts)]
        yield summary, "| " + " | ".join([*cells, f"`{summary.fault or summary.failing}`"]) + " |"


# ---------------------------------------------------------------- tables


def _table(losses: Iterable[Accuracy]) -> str:
    heads = [f"{code} {dtype[5:]}" for code in OURS for dtype in DTYPES]
    heads += [f"typed {dtype[5:]}" for dtype in DTYPES] + [f"torch.nn.functional {dtype[5:]}" for dtype in DTYPES]
    lines = [f"| loss | of | {' | '.join(heads)} | worst input |", "|---|---|" + "--:|" * len(heads) + "---|"]
    for each in losses:
        for quantity in QUANTITIES if each.by_element else QUANTITIES[:-1]:
            name = each.name if quantity == QUANTITIES[0] else ""
            lines.append(f"| {name} | {quantity} | {' | '.join(_cells(each, quantity))} | `{_worst(each, quantity)}` |")
    return "\n".join(lines)


def _cells(each: Accuracy, quantity: Quantity) -> list[str]:
    codes = (*OURS, TYPED, each.today)
    return [_cell(each.summaries.get((code, dtype, quantity))) for code in codes for dtype in DTYPES]


def _cell(summary: Summary | None) -> str:
    """`1.4 (0.2)`: maximum and mean; `35→2.1 (0.4)`: also divided by the condition number; `NaN ×3`."""
    if summary is None or (summary.fault and not summary.count):
        return ""
    worst = _number(summary.worst)
    if summary.scaled < summary.worst:
        worst += f"→{_number(summary.scaled)}"
    text = f"{worst} ({_number(summary.mean)})"
    if summary.lost:
        text += f" NaN ×{summary.lost}"
    return text if summary.good else f"**{text}**"


def _number(ulps: float) -> str:
    if ulps < READABLE:
        return f"{ulps:.2g}" if ulps < 10 else f"{ulps:.0f}"
    return f"2^{math.log2(ulps):.0f}"


def _worst(each: Accuracy, quantity: Quantity) -> str:
    """Of the emitted code."""
    columns: list[Column] = [(code, dtype, quantity) for code in OURS for dtype in DTYPES]
    known = [each.summaries[column] for column in columns]
    return max(known, key=lambda summary: (not summary.good, summary.lost, summary.summed, summary.worst)).place
