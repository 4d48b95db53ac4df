"""What `check` found out: a table that a person can read, and the same for programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["ok", "failed", "explained", "skipped"]

HEADINGS = ("", "compared", "with", "dtype", "points", "worst", "allowed", "where")
MARKS: dict[Status, str] = {"ok": "ok", "failed": "FAILED", "explained": "ok*", "skipped": "-"}


@dataclass(frozen=True)
class Row:
    """One comparison over all points.

    `error` is the worst error in ulps of the reference (of its largest magnitude, or of each element where the loss is
    elementwise), `allowed` what rounding may do at that place, in the same unit.  `example` reproduces a failure.
    """

    what: str
    against: str
    dtype: str
    points: int
    error: float | None
    allowed: float | None
    where: str
    status: Status
    note: str = ""
    example: str = ""


@dataclass(frozen=True)
class Report:
    """All comparisons of one loss."""

    loss: str
    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        """No comparison failed.  What was skipped or explained did not fail."""
        return not any(row.status == "failed" for row in self.rows)

    def __str__(self) -> str:
        failed = sum(row.status == "failed" for row in self.rows)
        verdict = f"{failed} of {len(self.rows)} comparisons FAILED" if failed else f"{len(self.rows)} comparisons"
        lines = [f"{self.loss}: {verdict} (errors in ulps)", *_table(self.rows)]
        for row in self.rows:
            if row.note:
                mark = "*" if row.status == "explained" else "!" if row.status == "failed" else "-"
                lines.append(f"  {mark} {row.what}, {row.against}: {row.note}")
            lines += [f"      {line}" for line in row.example.splitlines()]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Numbers, strings and lists only; errors that are not finite are strings."""
        rows = [{key: _plain(value) for key, value in asdict(row).items()} for row in self.rows]
        return {"loss": self.loss, "ok": self.ok, "rows": rows}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _table(rows: Sequence[Row]) -> list[str]:
    """Columns as wide as their widest cell; numbers to the right."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    numeric = {"points", "worst", "allowed"}

    def aligned(line: Sequence[str]) -> str:
        parts = [
            text.rjust(width) if heading in numeric else text.ljust(width)
            for text, width, heading in zip(line, widths, HEADINGS, strict=True)
        ]
        return ("  " + "  ".join(parts)).rstrip()

    return [aligned(line) for line in cells]


def _cells(row: Row) -> tuple[str, ...]:
    points = str(row.points) if row.points else ""
    return (
        MARKS[row.status],
        row.what,
        row.against,
        row.dtype,
        points,
        _number(row.error),
        _number(row.allowed),
        row.where,
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}" if value < 1000 else f"{value:.1e}"
