"""What a search has found: how many formulas were proposed, why most were rejected, and what the best are worth."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossdsl.analysis import Analysis
from lossdsl.api import Loss
from lossdsl.comparison.result import Comparison
from lossdsl.search.order import Order
from lossdsl.search.ranking import Ranked, Round
from lossdsl.search.template import Template

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Group


@dataclass(frozen=True)
class Rejection:
    """A formula, why it was rejected, and what shows it; without a formula, a number of them."""

    formula: str
    reason: str
    detail: str = ""
    count: int = 1


@dataclass(frozen=True)
class Winner:
    """A formula that is among the best: the text of its loss, its score in the last round, and what is proved of it."""

    label: str
    text: str
    loss: Loss
    score: float
    facts: Analysis


@dataclass(frozen=True)
class Found:
    """The result of a search.

    `ranking` is by rows for validation, baselines included; `comparison` has baselines and winners on rows for testing,
    in parts that share none.  `str()` is a table, `to_json()` everything as plain values, `figure()` a matplotlib
    Figure, `write(folder)` a file for each winner.
    """

    template: Template
    order: Order
    data: str
    model: str
    metric: str
    proposed: int
    sampled: bool
    rejections: tuple[Rejection, ...]
    rounds: tuple[Round, ...]
    ranking: tuple[Ranked, ...]
    winners: tuple[Winner, ...]
    comparison: Comparison

    @property
    def reasons(self) -> dict[str, int]:
        """How many were rejected, by reason."""
        counts: Counter[str] = Counter()
        for each in self.rejections:
            counts[each.reason] += each.count
        return dict(counts.most_common())

    @property
    def trained(self) -> int:
        """How many proposals were trained."""
        return sum(not each.candidate.is_baseline for each in self.ranking)

    def example(self, reason: str) -> Rejection | None:
        """The first formula that was rejected for this reason."""
        return next((each for each in self.rejections if each.reason == reason and each.formula), None)

    def __str__(self) -> str:
        from lossdsl.search.table import found_text

        return found_text(self)

    def tables(self) -> Group:
        """The same for a rich console."""
        from lossdsl.search.table import tables

        return tables(self)

    def figure(self) -> Figure:
        """Winners and the template by value, gradient and curvature; needs matplotlib."""
        from lossdsl.plot import plot

        return plot(*(each.loss for each in self.winners), against=self.order.kind)

    def to_json(self) -> dict[str, Any]:
        """Plain values: counts, every rejection, the ranking, winners with their texts, and the comparison."""
        return {
            "template": self.template.text,
            "holes": [hole.name for hole in self.template.holes],
            "order": self.order.kind,
            "data": self.data,
            "model": self.model,
            "metric": self.metric,
            "proposed": self.proposed,
            "sampled": self.sampled,
            "reasons": self.reasons,
            "rejections": [[each.formula, each.reason, each.detail] for each in self.rejections if each.formula],
            "rounds": [[each.candidates, each.folds, each.epochs] for each in self.rounds],
            "ranking": [
                {"formula": each.candidate.label, "baseline": each.candidate.is_baseline, "round": each.round,
                 "score": each.score if math.isfinite(each.score) else None}
                for each in self.ranking
            ],
            "winners": [
                {"formula": each.label, "score": each.score, "text": each.text, "facts": each.facts.to_json()}
                for each in self.winners
            ],
            "comparison": self.comparison.to_json(),
        }  # fmt: skip

    def write(self, folder: Path) -> tuple[Path, ...]:
        """`winner_1.loss` and so on, the best first.  OSError for a folder that can not be written to."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = tuple(folder / f"winner_{number}.loss" for number in range(1, len(self.winners) + 1))
        for path, each in zip(paths, self.winners, strict=True):
            path.write_text(each.text, encoding="utf-8", newline="\n")
        return paths
