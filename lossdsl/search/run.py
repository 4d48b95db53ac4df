"""The search itself: formulas are proposed, degenerate ones rejected, the rest ranked by training, the best checked.

What must hold: everything follows from the request and its seed; no row for testing is seen before the ranking is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lossdsl.api import Loss
from lossdsl.comparison.contenders import Contender, contender
from lossdsl.comparison.datasets import Dataset, Task
from lossdsl.comparison.matching import matched
from lossdsl.comparison.models import Training, models
from lossdsl.comparison.result import Comparison
from lossdsl.comparison.run import Step, conditions, run_of, trained
from lossdsl.comparison.splits import VALIDATION, Disturbance, Split, parted, split
from lossdsl.diagnostics import LossError
from lossdsl.search.errors import SearchError
from lossdsl.search.fingerprint import Known, catalogued
from lossdsl.search.order import Kind, Order, order_of
from lossdsl.search.proposals import Proposals, proposals
from lossdsl.search.ranking import Candidate, Ranked, ranked, rounds
from lossdsl.search.result import Found, Rejection, Winner
from lossdsl.search.screen import NO_LOSS, Gradients, Rejected, by_numbers, by_proof
from lossdsl.search.template import Template, template
from lossdsl.search.words import checked_words
from lossdsl.syntax.printer import format_expr
from lossdsl.tuning.folds import folds as folds_of
from lossdsl.tuning.objective import Objective, metric_for

BASELINES: dict[Kind, tuple[str, ...]] = {
    "residual": ("mse", "mae", "huber"),
    "margin": ("logistic", "hinge", "squared_hinge"),
}
"""What proposals are ranked with, where nothing else is asked for."""
LATE = "not tried: enough shorter ones"
UNCHECKED = "fails its check"


def search(
    source: str | Template,
    data: str | Dataset = "diabetes",
    model: str = "linear",
    *,
    holes: Sequence[str] = (),
    words: Sequence[str] = (),
    size: int = 5,
    proposed: int = 2000,
    candidates: int = 40,
    top: int = 3,
    baselines: Sequence[str] | None = None,
    metric: str | None = None,
    folds: int = 8,
    parts: int = 5,
    seed: int = 0,
    target: str | None = None,
    task: Task | None = None,
    noise: float = 0.0,
    outliers: float = 0.0,
    imbalance: float = 1.0,
    training: Training | None = None,
    step: Step | None = None,
) -> Found:
    """Fill the holes of a template with formulas, and rank the losses that come out by what they train.

    source, holes: see `template`.  words: of `WORDS`, what formulas are made of.  size: words of a formula at most.
    proposed: formulas to look at, about, for each hole.  candidates: how many of those that pass are trained, the
    shortest first.  top: how many winners.  baselines: losses of the catalogue or of files.  folds: cuts of the rows
    for training in the last round.  parts: into which the rows for testing fall for the report.  Everything else as for
    `lossdsl.comparison.compare` and `lossdsl.tuning.tune`.

    LossError (E1111 to E1113; E10xx for data that do not fit) and SearchError or ComparisonError, a ValueError, before
    anything is trained.
    """
    found, disturbance = conditions(data, target, task, noise, outliers, imbalance)
    for name, value in (("size", size), ("proposed", proposed), ("candidates", candidates), ("top", top),
                        ("folds", folds), ("parts", parts)):  # fmt: skip
        if value < 1:
            raise SearchError(f"{name} must be at least 1, got {value}")
    if seed < 0:
        raise SearchError(f"the seed is a whole number from 0, got {seed}")
    filled = source if isinstance(source, Template) else template(source, holes)
    order = order_of(filled)
    named = BASELINES[order.kind] if baselines is None else baselines
    rivals = [contender(name) for name in named]
    (chosen,) = models([model])
    own = [matched(each, found) for each in (Contender("template", filled.loss({}), {}), *rivals)]
    for subject in own:
        chosen.check(subject)
    measure = metric_for(metric, own[0])
    part = split(found, seed, disturbance)
    cuts = folds_of(part, len(found.classes), folds)
    objective = Objective(own[0].contender, found, chosen.name, measure, training or Training(), cuts)
    report = tuple(_report_parts(part, found, parts))
    limits = _Limits(size, proposed, candidates, top, checked_words(words), seed)
    return _Search(filled, order, objective, rivals, report, disturbance, limits, step).found()


@dataclass(frozen=True)
class _Limits:
    size: int
    proposed: int
    candidates: int
    top: int
    words: tuple[str, ...]
    seed: int


def _report_parts(part: Split, data: Dataset, count: int) -> Iterator[Split]:
    """All rows for training, and the rows for testing in `count` parts that share none."""
    if len(part.y_test) < 2 * count:
        raise SearchError(f"{data.name} has {len(part.y_test)} rows for testing, too few for {count} parts")
    for number in range(count):
        rng = np.random.default_rng(np.random.SeedSequence(part.seed, spawn_key=(2, number)))
        train, stop = parted(part.y, len(data.classes), np.arange(len(part.y)), VALIDATION, rng)
        own = np.arange(number, len(part.y_test), count)
        yield replace(part, seed=number, train=train, stop=stop, X_test=part.X_test[own], y_test=part.y_test[own])


@dataclass(frozen=True)
class _Search:
    template: Template
    order: Order
    objective: Objective
    rivals: Sequence[Contender]
    parts: tuple[Split, ...]
    disturbance: Disturbance
    limits: _Limits
    step: Step | None

    def found(self) -> Found:
        made = self._made()
        rejections = [
            Rejection("", reason, "", count) for reason, count in sum((p.dropped for p in made), Counter[str]()).items()
        ]
        passed = list(self._passed(made, rejections))
        rivals = [Candidate(each.label, each.loss) for each in self.rivals]
        epochs = self.objective.training.epochs if self.objective.model == "mlp" else None
        plan = rounds(len(passed), len(self.objective.folds), self.limits.top, epochs)
        ranking = ranked([*rivals, *passed], self.objective, plan, self._counter("", (len(passed) + len(rivals)) * 2))
        winners = tuple(self._winners(ranking, rejections))
        return Found(
            self.template, self.order, self.objective.data.name, self.objective.model, self.objective.metric,
            sum(p.proposed for p in made), any(p.sampled for p in made), tuple(rejections), plan, ranking, winners,
            self._compared(ranking, winners),
        )  # fmt: skip

    # ------------------------------------------------------------ proposals

    def _made(self) -> list[Proposals]:
        of = self.limits
        rng = np.random.default_rng(np.random.SeedSequence(of.seed))
        return [proposals(hole, of.words, of.size, of.proposed, rng) for hole in self.template.holes]

    def _combined(self, made: Sequence[Proposals]) -> list[dict[str, str]]:
        """A formula for each hole, from short to long; of several holes together as many as there is room for."""
        found: list[tuple[int, dict[str, str]]] = [(0, {})]
        for hole, own in zip(self.template.holes, made, strict=True):
            longer = [
                (size + term.size, {**bodies, hole.name: format_expr(term.tree)})
                for size, bodies in found
                for term in own.terms[: max(1, self.limits.proposed // len(found))]
            ]
            found = sorted(longer, key=lambda each: each[0])[: self.limits.proposed]
        return [bodies for _, bodies in found]

    def _passed(self, made: Sequence[Proposals], rejections: list[Rejection]) -> Iterator[Candidate]:
        """What nothing is found against."""
        gradients = Gradients(catalogued(self.order.kind))
        combined = self._combined(made)
        tell = self._counter("looking at ", len(combined))
        count = 0
        for bodies in combined:
            label = formula(bodies)
            tell(label)
            if count >= self.limits.candidates:
                rejections.append(Rejection(label, LATE))
                continue
            looked = self._looked_at(bodies, label, gradients)
            if isinstance(looked, Rejected):
                rejections.append(Rejection(label, looked.reason, looked.detail))
                continue
            count += 1
            yield looked

    def _looked_at(self, bodies: Mapping[str, str], label: str, gradients: Gradients) -> Candidate | Rejected:
        try:
            loss = self.template.loss(bodies)
        except LossError as error:
            return Rejected(NO_LOSS, error.problems[0].message)
        return self._wrong(loss, label, gradients) or Candidate(label, loss, tuple(bodies.values()))

    def _wrong(self, loss: Loss, label: str, gradients: Gradients) -> Rejected | None:
        values = by_numbers(loss.program, self.order)
        if isinstance(values, Rejected):
            return values
        met = gradients.met(Known(label, loss.program, self.order), values)
        return met if met is not None else by_proof(loss.program, self.order)

    # ------------------------------------------------------------ winners

    def _winners(self, ranking: Sequence[Ranked], rejections: list[Rejection]) -> Iterator[Winner]:
        """The best whose emitted code passes its check."""
        count = 0
        for each in ranking:
            if each.candidate.is_baseline or count == self.limits.top:
                continue
            bodies = dict(zip((h.name for h in self.template.holes), each.candidate.formulas, strict=True))
            if not each.candidate.loss.check().ok:
                rejections.append(Rejection(each.candidate.label, UNCHECKED))
                continue
            count += 1
            facts = each.candidate.loss.analyze()
            yield Winner(each.candidate.label, self.template.filled(bodies), each.candidate.loss, each.score, facts)

    def _compared(self, ranking: Sequence[Ranked], winners: Sequence[Winner]) -> Comparison:
        """Baselines, the best first, and winners, trained on all rows for training, on the rows for testing."""
        (model,) = models([self.objective.model])
        rivals = {each.label: each for each in self.rivals}
        labelled = [(r.candidate.label, rivals[r.candidate.label]) for r in ranking if r.candidate.is_baseline]
        labelled += [(w.label, Contender(w.label, w.loss, {})) for w in winners]
        tell = self._counter("measuring ", len(labelled))
        runs = []
        for label, each in labelled:
            tell(label)
            subject = matched(each, self.objective.data)
            results = [trained(model, subject, part, self.objective.training) for part in self.parts]
            runs.append(run_of(model, label, subject, self.parts, results))
        numbers = tuple(part.seed for part in self.parts)
        labels = tuple(label for label, _ in labelled)
        data, training = self.objective.data, self.objective.training
        return Comparison(data, numbers, self.disturbance, training, labels, (model.name,), tuple(runs))

    def _counter(self, what: str, total: int) -> Callable[[str], None]:
        """Tells of one thing after the other."""
        done = 0

        def tell(each: str) -> None:
            nonlocal done
            if self.step is not None:
                self.step(f"{what}{each}", min(done, total), total)
            done += 1

        return tell


def formula(bodies: Mapping[str, str]) -> str:
    """What stands in the hole; in several holes, with their names."""
    if len(bodies) == 1:
        return next(iter(bodies.values()))
    return ", ".join(f"{name} = {body}" for name, body in bodies.items())
