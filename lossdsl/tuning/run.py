"""Tuning itself: everything is checked, then every seed has a study of its own, and at last all rows have one.

Nested, so that what is reported is honest: the study of a seed sees its rows for training only, and what it chose is
measured on its rows for testing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lossdsl.comparison.contenders import Contender, Named, contender
from lossdsl.comparison.datasets import Dataset, Task
from lossdsl.comparison.matching import matched
from lossdsl.comparison.models import Training, models
from lossdsl.comparison.result import Comparison
from lossdsl.comparison.run import Step, conditions, run_of, seeds_of, trained
from lossdsl.comparison.splits import Disturbance, Split, split
from lossdsl.tuning.errors import TuningError
from lossdsl.tuning.folds import folds
from lossdsl.tuning.objective import Objective, metric_for
from lossdsl.tuning.ranges import Dimension, parsed
from lossdsl.tuning.result import Method, Search, Tuned, study_name
from lossdsl.tuning.space import Space, space_of
from lossdsl.tuning.study import Storage, Study, need_optuna
from lossdsl.tuning.texts import LossText, text_of, with_defaults, with_weights


def tune(
    loss: Named,
    data: str | Dataset = "diabetes",
    model: str = "linear",
    *,
    metric: str | None = None,
    space: Iterable[str | Dimension] = (),
    weights: bool = False,
    method: Method = "tpe",
    trials: int = 30,
    folds: int = 3,
    seeds: int | Sequence[int] = 5,
    timeout: float | None = None,
    study: str | Path | None = None,
    resume: bool = False,
    target: str | None = None,
    task: Task | None = None,
    noise: float = 0.0,
    outliers: float = 0.0,
    imbalance: float = 1.0,
    training: Training | None = None,
    step: Step | None = None,
) -> Tuned:
    """Choose hyperparameters of a loss by a metric on rows for validation, and say what that is worth on other rows.

    loss, data, target, task, noise, outliers, imbalance, training, step: as for `lossdsl.comparison.compare`; what is
    set in `loss` is fixed.  model: "linear", "mlp", "boosting", "xgboost" or "lightgbm".  metric: see `metric_for`.
    space: ranges such as "delta=0.1:10:log"; left out, the domains say them.  weights: also the weights of the terms of
    the sum that the loss returns.  method: "tpe" (Optuna), or "bilevel": the metric is differentiated through training.
    trials: for each seed.  folds: cuts of the rows for training in which each trial is judged.  seeds: how many, or
    which.  timeout: seconds, after which no further trial begins.  study: a file that keeps the trials of "tpe", and
    `resume` goes on with it.

    LossError (E10xx, E11xx) for a loss that can not be tuned so; TuningError or ComparisonError, a ValueError, for what
    is wrong with the request.
    """
    found, disturbance = conditions(data, target, task, noise, outliers, imbalance)
    for name, value in (("trials", trials), ("folds", folds)):
        if value < 1:
            raise TuningError(f"{name} must be at least 1, got {value}")
    asked = [parsed(each) if isinstance(each, str) else each for each in space]
    setup = _setup(contender(loss), found, model, metric, asked, weights, training or Training())
    numbers = seeds_of(seeds)
    plan = _Plan(setup, found, disturbance, folds, trials, numbers, timeout, step)
    if method == "bilevel":
        if study is not None or resume:
            raise TuningError("a study in a file belongs to the method tpe; bilevel needs none: it is quick to repeat")
        return plan.tuned(method, plan.bilevel())
    need_optuna()
    return plan.tuned(method, plan.studied(Storage(None if study is None else Path(study), resume)))


@dataclass(frozen=True)
class _Setup:
    """What is tuned: the loss, perhaps with weights, its text, the space, the model and the metric."""

    contender: Contender
    text: LossText
    space: Space
    model: str
    metric: str
    training: Training


def _setup(
    given: Contender, data: Dataset, model: str, metric: str | None, asked: Sequence[Dimension], weights: bool,
    training: Training,
) -> _Setup:  # fmt: skip
    text = text_of(given.loss)
    if weights:
        text, made = with_weights(text)
        given = replace(given, loss=text.loss())
        if asked:
            own = space_of(given.loss)
            asked = [*asked, *(d for d in own.dimensions if d.name in made and d.name not in {a.name for a in asked})]
    fixed = {name: float(v) for name, v in given.settings.items() if isinstance(v, int | float)}
    space = space_of(given.loss, asked, fixed)
    (chosen,) = models([model])
    subject = matched(replace(given, settings={**given.settings, **space.start}), data)
    chosen.check(subject)
    return _Setup(given, text, space, chosen.name, metric_for(metric, subject), training)


@dataclass(frozen=True)
class _Plan:
    """All that is done for one request."""

    setup: _Setup
    data: Dataset
    disturbance: Disturbance
    folds: int
    trials: int
    seeds: tuple[int, ...]
    timeout: float | None
    step: Step | None

    def parts(self) -> Iterator[tuple[int | None, Split]]:
        """The splits of all seeds, and all rows."""
        for seed in self.seeds:
            yield seed, split(self.data, seed, self.disturbance)
        yield None, split(self.data, 0, self.disturbance, testing=False)

    def objective(self, part: Split) -> Objective:
        of = self.setup
        cuts = folds(part, len(self.data.classes), self.folds)
        return Objective(of.contender, self.data, of.model, of.metric, of.training, cuts)

    # ------------------------------------------------------------ trials

    def studied(self, storage: Storage) -> list[Search]:
        """The trials of Optuna, one for each seed in turn, so that a timeout leaves all seeds with as many."""
        found = [
            Study(storage, study_name(seed), self.objective(part), self.setup.space, _branch(seed), self.request(part))
            for seed, part in self.parts()
        ]
        self._rounds([(study.name, study.step, len(study.trials)) for study in found])
        seeds = (*self.seeds, None)
        return [
            Search(s, study.trials[: self.trials], self.setup.metric) for s, study in zip(seeds, found, strict=True)
        ]

    def bilevel(self) -> list[Search]:
        """The steps of descent on the metric, each a trial."""
        from lossdsl.tuning.bilevel import Descent, check

        check(self.setup.contender, self.setup.space, self.setup.metric, self.setup.model)
        found = [
            (seed, Descent(self.objective(part), self.setup.space, self.setup.text)) for seed, part in self.parts()
        ]
        self._rounds([(study_name(seed), descent.step, 0) for seed, descent in found])
        return [Search(seed, descent.trials, self.setup.metric) for seed, descent in found]

    def _rounds(self, series: Sequence[tuple[str, Callable[[], None], int]]) -> None:
        """Each series makes its next trial in turn, until all have as many as asked for or time is up."""
        total, done = self.trials * len(series), sum(min(self.trials, before) for _, _, before in series)
        ends = None if self.timeout is None else time.monotonic() + self.timeout
        for number in range(self.trials):
            if number and ends is not None and time.monotonic() > ends:
                return
            for name, step, before in series:
                if number >= before:
                    self._tell(f"{name}, trial {number + 1}", done, total)
                    step()
                    done += 1

    def _tell(self, what: str, done: int, total: int) -> None:
        if self.step is not None:
            self.step(what, done, total)

    def request(self, part: Split) -> dict[str, Any]:
        """What a study is of: it can go on only where all of this is the same."""
        of = self.setup
        return {
            "the loss": of.text.text,
            "its fixed settings": {n: np.asarray(v).tolist() for n, v in of.contender.settings.items()},
            "the data": f"{self.data.name}: {self.data.target}, {len(part.y)} rows ({_digest(part)})",
            "the space": [str(each) for each in of.space.dimensions],
            "the start": dict(of.space.start),
            "the metric": of.metric,
            "the model": of.model,
            "the training": asdict(of.training),
            "the number of folds": self.folds,
        }

    # ------------------------------------------------------------ what came of it

    def tuned(self, method: Method, searches: Sequence[Search]) -> Tuned:
        *own, final = searches
        of = self.setup
        text = with_defaults(of.text, final.best.settings)
        text.loss()
        notes = tuple(_notes(of.space, searches))
        compared = self.compared(own)
        return Tuned(
            of.contender.loss, method, of.metric, self.folds, of.space, tuple(own), final, compared, text, notes
        )  # fmt: skip

    def compared(self, searches: Sequence[Search]) -> Comparison:
        """The loss at its start and at what each seed chose, on the rows for testing of the seed."""
        of = self.setup
        (model,) = models([of.model])
        parts = [split(self.data, seed, self.disturbance) for seed in self.seeds]
        labels = (f"{of.contender.label} as it is", f"{of.contender.label} tuned")
        runs = []
        for label, chosen in zip(
            labels, ([of.space.start] * len(parts), [s.best.settings for s in searches]), strict=True
        ):
            subjects = [self.objective(part).subject(settings) for part, settings in zip(parts, chosen, strict=True)]
            results = [
                trained(model, subject, part, of.training) for subject, part in zip(subjects, parts, strict=True)
            ]
            runs.append(run_of(model, label, subjects[0], parts, results))
        return Comparison(self.data, self.seeds, self.disturbance, of.training, labels, (of.model,), tuple(runs))


def _branch(seed: int | None) -> int:
    """The seed of the sampler of a study."""
    return 0 if seed is None else seed + 1


def _digest(part: Split) -> str:
    """Of the rows for training of a split."""
    digest = hashlib.sha256()
    for array in (part.X, part.y, part.train):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]


def _notes(space: Space, searches: Sequence[Search]) -> Iterator[str]:
    """Values that were chosen at an end of their range."""
    for each in space.dimensions:
        low, high = getattr(each, "low", None), getattr(each, "high", None)
        if low is None or high is None:
            continue
        for search in searches:
            settings: Mapping[str, float] = search.best.settings
            x = each.coordinate(settings[each.name], settings)
            if x is not None and x != each.coordinate(space.start[each.name], space.start) and _at_end(each, x):
                yield f"{search.name}: {each.name} = {settings[each.name]:g} is at the end of where it was looked for"


def _at_end(each: Any, x: float) -> bool:
    low, high = each.low, each.high
    if each.scale == "log":
        low, high, x = np.log(low), np.log(high), np.log(x)
    return bool(min(x - low, high - x) < 0.01 * (high - low))
