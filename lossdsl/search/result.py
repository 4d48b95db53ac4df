"""What a search has found: how many formulas were proposed, why most were rejected, and what the best are worth."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossdsl.analysis import Analysis
from lossdsl.api import Loss
from lossdsl.comparison.intervals import Interval
from lossdsl.comparison.metrics import HIGHER, TITLES
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

    @property
    def difference(self) -> Interval | None:
        """By how much the metric of the best proposal differs from that of the best baseline, on rows for testing; None
        without either, or where a training ran away."""
        baselines = [each.candidate.label for each in self.ranking if each.candidate.is_baseline]
        if not baselines or not self.winners:
            return None
        best, rival = (self.comparison.run(self.model, label) for label in (self.winners[0].label, baselines[0]))
        return best.difference(rival, self.metric)

    @property
    def verdict(self) -> str:
        """The same in one sentence."""
        if not self.winners:
            return "Nothing was found."
        found, title, best = self.difference, TITLES[self.metric], self.winners[0].label
        if found is None or found.half is None or not math.isfinite(found.mean):
            return f"The best proposal is {best}; there is nothing to tell it from."
        rival = next(each.candidate.label for each in self.ranking if each.candidate.is_baseline)
        told = f"{title} differs by {found.mean:+.4g} ± {found.half:.4g} on rows that the search has not seen"
        if not found.excludes_zero:
            return f"{best} can not be told from {rival}: {told}."
        better = (found.mean > 0) == (self.metric in HIGHER)
        return f"{best} is {'better' if better else 'worse'} than {rival}: {told}."

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
        """Winners by value, gradient and curvature, called by their formulas; needs matplotlib, and a winner."""
        from lossdsl.plot import plot

        figure = plot(*(each.loss for each in self.winners), against=self.order.kind)
        figure.suptitle(f"{self.template.name} on {self.data}: the best {len(self.winners)}")
        for legend in figure.legends:
            for text, each in zip(legend.get_texts(), self.winners, strict=True):
                text.set_text(each.label)
        return figure

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
            "difference": None if self.difference is None else self.difference.to_json(),
            "comparison": self.comparison.to_json(),
        }  # fmt: skip

    def write(self, folder: Path) -> tuple[Path, ...]:
        """`winner_1.loss` and so on, the best first.  OSError for a folder that can not be written to."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = tuple(folder / f"winner_{number}.loss" for number in range(1, len(self.winners) + 1))
        for path, each in zip(paths, self.winners, strict=True):
            path.write_text(each.text, encoding="utf-8", newline="\n")
        return paths
