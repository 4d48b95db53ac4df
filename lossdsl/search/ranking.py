"""Candidates ranked by training: many with a small budget, then those that did best with more, and so on.

Successive halving (Jamieson and Talwalkar 2016): a round judges by twice as many folds as the one before, and a third
of the candidates go on.  Scores are those of rows for validation; rows for testing are for the report alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lossdsl.api import Loss
from lossdsl.comparison.contenders import Contender
from lossdsl.comparison.metrics import HIGHER
from lossdsl.diagnostics import LossError
from lossdsl.tuning.objective import Objective, worst

KEPT = 3
"""One of so many goes on."""
EPOCHS = 4
"""The first round of networks has a fourth of the epochs, the later ones all."""


@dataclass(frozen=True)
class Candidate:
    """A loss to rank: a proposal with its formulas, or a baseline without."""

    label: str
    loss: Loss
    formulas: tuple[str, ...] = ()

    @property
    def is_baseline(self) -> bool:
        return not self.formulas


@dataclass(frozen=True)
class Ranked:
    """A candidate, the round that it came to, from 1, and its score there."""

    candidate: Candidate
    round: int
    score: float


@dataclass(frozen=True)
class Round:
    """How many candidates were judged, and by how many folds and epochs."""

    candidates: int
    folds: int
    epochs: int | None


def rounds(count: int, folds: int, top: int, epochs: int | None) -> tuple[Round, ...]:
    """The plan: the last round has all folds and at least `top` candidates."""
    found = [Round(count, min(1, folds), epochs)]
    while found[-1].folds < folds:
        left = max(min(top, count), -(-found[-1].candidates // KEPT))
        found.append(Round(left, min(2 * found[-1].folds, folds), epochs))
    if epochs is not None and len(found) > 1:
        found[0] = replace(found[0], epochs=max(1, epochs // EPOCHS))
    return tuple(found)


def ranked(
    candidates: Sequence[Candidate],
    objective: Objective,
    plan: Sequence[Round],
    told: Callable[[str], None],
) -> tuple[Ranked, ...]:
    """From best to worst: later rounds before earlier ones.  Baselines go through all rounds, whatever their score."""
    results: dict[str, Ranked] = {}
    going = list(candidates)
    for number, each in enumerate(plan, start=1):
        limited = _limited(objective, each)
        for candidate in going:
            told(f"round {number}, {candidate.label}")
            results[candidate.label] = Ranked(candidate, number, _score(candidate, limited))
        if number < len(plan):
            going = _best(going, results, plan[number].candidates, objective.metric)
    return tuple(sorted(results.values(), key=lambda r: (-r.round, _signed(objective.metric, r.score))))


def _limited(objective: Objective, each: Round) -> Objective:
    training = objective.training if each.epochs is None else replace(objective.training, epochs=each.epochs)
    return replace(objective, folds=objective.folds[: each.folds], training=training)


def _score(candidate: Candidate, objective: Objective) -> float:
    """The score; the worst there is for what can not be trained with this model on these data."""
    own = replace(objective, contender=Contender(candidate.label, candidate.loss, {}))
    try:
        found = own.score({})
    except LossError:
        return worst(objective.metric)
    return found if math.isfinite(found) else worst(objective.metric)


def _best(going: Sequence[Candidate], results: dict[str, Ranked], count: int, metric: str) -> list[Candidate]:
    proposals = [each for each in going if not each.is_baseline]
    order = np.argsort([_signed(metric, results[each.label].score) for each in proposals], kind="stable")
    kept = {proposals[k].label for k in order[:count]}
    return [each for each in going if each.is_baseline or each.label in kept]


def _signed(metric: str, score: float) -> float:
    return -score if metric in HIGHER else score
