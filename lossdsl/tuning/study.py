"""One series of trials by Optuna: where to look next, what to cut short, and a file that it can go on from.

What must hold: which trial comes next follows from the seed and the trials that were finished, so that an interrupted
study that goes on gives the same trials as one that was not interrupted.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lossdsl.comparison.metrics import HIGHER
from lossdsl.tuning.errors import TuningError
from lossdsl.tuning.objective import Objective, Pruned, better, worst
from lossdsl.tuning.ranges import Choices
from lossdsl.tuning.space import Space

if TYPE_CHECKING:
    import optuna

STARTUP = 8
"""Trials at random places before the estimator of Parzen takes over; a third as many before anything is cut short."""


@dataclass(frozen=True)
class Trial:
    """One try: values, their score, None where it was cut short, and the scores on the way by step."""

    number: int
    settings: Mapping[str, float]
    value: float | None
    steps: Mapping[int, float] = field(default_factory=dict)

    @property
    def state(self) -> Literal["complete", "pruned"]:
        return "pruned" if self.value is None else "complete"

    def to_json(self) -> dict[str, Any]:
        finite = self.value if self.value is not None and math.isfinite(self.value) else None
        return {"number": self.number, "settings": dict(self.settings), "state": self.state, "value": finite}


def best(metric: str, trials: tuple[Trial, ...]) -> Trial:
    """The first of the best; the first of all is the start, and never cut short."""
    found, reached = trials[0], worst(metric)
    for each in trials:
        if each.value is not None and better(metric, each.value, reached):
            found, reached = each, each.value
    return found


class Storage:
    """Where studies are kept: a file, or memory.

    A new file is made; one that is there has to be asked for by `resume`.  TuningError otherwise, and for a file that
    is no such storage.
    """

    def __init__(self, path: Path | None, resume: bool) -> None:
        need_optuna()
        from optuna.storages import InMemoryStorage, JournalStorage
        from optuna.storages.journal import JournalFileBackend

        self.path = path
        if path is None:
            if resume:
                raise TuningError("there is nothing to resume without the file of a study")
            self.optuna: Any = InMemoryStorage()
            return
        if path.exists() and not resume:
            raise TuningError(f"{path} is there already: --resume goes on with it")
        if resume and not path.exists():
            raise TuningError(f"there is no study in {path} to resume")
        try:
            if resume:
                _mend(path)
            self.optuna = JournalStorage(JournalFileBackend(str(path)))
        except OSError as error:
            raise TuningError(f"can't write {path}: {error.strerror}") from None
        except (KeyError, TypeError) as error:  # lines of JSON that are no entries of a journal
            raise TuningError(f"{path} is no file of a study: {error}") from None


def _mend(path: Path) -> None:
    """Without a last line that was not finished when all stopped.  TuningError for other lines that are no entries."""
    lines = path.read_bytes().splitlines(keepends=True)
    broken = [k for k, line in enumerate(lines) if not _is_entry(line)]
    if broken and (len(lines) < 2 or broken[0] < len(lines) - 1):
        raise TuningError(f"{path} is no file of a study: line {broken[0] + 1} is no entry of one")
    if broken:
        path.write_bytes(b"".join(lines[:-1]))


def _is_entry(line: bytes) -> bool:
    try:
        return line.endswith(b"\n") and isinstance(json.loads(line), dict)
    except ValueError:
        return False


def need_optuna() -> None:
    """TuningError where Optuna is not installed."""
    if find_spec("optuna") is None:
        raise TuningError('tuning needs optuna: pip install "lossdsl[tune]"')


class Study:
    """The trials of one split: `step` makes one more, until there are as many as asked for."""

    def __init__(
        self, storage: Storage, name: str, objective: Objective, space: Space, seed: int, request: Mapping[str, Any]
    ) -> None:
        self.name, self.objective, self.space, self.seed = name, objective, space, seed
        self.fixed = {n: v for n, v in objective.contender.settings.items() if isinstance(v, int | float)}
        self.optuna = self._opened(storage, name)
        self._check_request(storage, dict(request))
        self._clear()

    def _opened(self, storage: Storage, name: str) -> optuna.Study:
        import optuna

        optuna.logging.set_verbosity(logging.WARNING)
        direction: Literal["maximize", "minimize"] = "maximize" if self.objective.metric in HIGHER else "minimize"
        pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP // 3, n_warmup_steps=self._warmup)
        return optuna.create_study(
            storage=storage.optuna, study_name=name, direction=direction, pruner=pruner, load_if_exists=True
        )

    @property
    def _warmup(self) -> int:
        """Steps that every trial may go: epochs in which nothing can be told yet."""
        return self.objective.training.epochs // 10 if self.objective.model == "mlp" else 0

    def _check_request(self, storage: Storage, request: dict[str, Any]) -> None:
        """TuningError for a study of something else: every difference is said."""
        request = json.loads(json.dumps(request))
        before = self.optuna.user_attrs.get("request")
        if before is None:
            self.optuna.set_user_attr("request", request)
            return
        changed = [key for key in request if before.get(key) != request[key]]
        if changed:
            parts = [f"{key} was {_shown(before.get(key))} and is {_shown(request[key])}" for key in changed]
            raise TuningError(f"{storage.path} holds a study of something else: {'; '.join(parts)}")

    def _clear(self) -> None:
        """Trials that were interrupted are given up."""
        from optuna.trial import TrialState

        for each in self.optuna.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self.optuna.tell(each.number, state=TrialState.FAIL)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Those that are finished, in order."""
        from optuna.trial import TrialState

        done = self.optuna.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
        return tuple(self._trial(number, each) for number, each in enumerate(done))

    def _trial(self, number: int, each: optuna.trial.FrozenTrial) -> Trial:
        value = each.value if each.state.name == "COMPLETE" else None
        return Trial(number, each.user_attrs["settings"], value, dict(each.intermediate_values))

    def step(self) -> None:
        """One more trial: the first at the start, later ones where the estimator expects most."""
        finished = len(self.trials)
        if finished == 0:
            self._first()
            return
        import optuna

        chosen = int(np.random.SeedSequence((self.seed, finished)).generate_state(1)[0])
        self.optuna.sampler = optuna.samplers.TPESampler(seed=chosen, n_startup_trials=STARTUP)
        trial = self.optuna.ask(_distributions(self.space))
        settings = self.space.settings(trial.params, self.fixed)
        trial.set_user_attr("settings", settings)

        def watch(step: int, value: float) -> None:
            trial.report(value, step)
            if trial.should_prune():
                raise Pruned

        try:
            value = self.objective.score(settings, watch)
        except Pruned:
            self.optuna.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return
        self.optuna.tell(trial, value)

    def _first(self) -> None:
        """The start, which is never cut short."""
        import optuna

        steps: dict[int, float] = {}
        value = self.objective.score(self.space.start, steps.__setitem__)
        places = self.space.coordinates(self.fixed)
        ranges = {name: each for name, each in _distributions(self.space).items() if name in places}
        self.optuna.add_trial(
            optuna.trial.create_trial(
                params=places, distributions=ranges, value=value, intermediate_values=steps,
                user_attrs={"settings": dict(self.space.start)},
            )
        )  # fmt: skip


def _distributions(space: Space) -> dict[str, Any]:
    """What Optuna draws from: coordinates, by the names of hyperparameters."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    return {
        each.name: CategoricalDistribution(each.values)
        if isinstance(each, Choices)
        else FloatDistribution(each.low, each.high, log=each.scale == "log")
        for each in space.dimensions
    }


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
