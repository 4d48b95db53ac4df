"""Descent on a metric by the hyperparameters of a loss, with gradients through training that is written out.

The gradient proposes where to go next.  What is tried there is judged as every trial is, by training to the end, so
that a wrong gradient costs trials and nothing else: training that is written out is short, and its gradient leans to
what pays off early (Wu, Ren, Liao and Grosse 2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from lossdsl.comparison.contenders import Contender
from lossdsl.comparison.matching import matched
from lossdsl.comparison.subject import Subject
from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.tuning import NotContinuous
from lossdsl.tuning.errors import TuningError
from lossdsl.tuning.objective import Objective
from lossdsl.tuning.ranges import Choices, Range
from lossdsl.tuning.space import Space
from lossdsl.tuning.study import Trial
from lossdsl.tuning.texts import LossText, with_learned

if TYPE_CHECKING:
    import torch

RATE, SLOWER = 0.15, 0.1
"""Of Adam on coordinates that fill [0, 1], and by how much less it goes with every step."""
MOMENTUM, MEMORY, SMALL = 0.5, 0.9, 1e-12
MODELS = ("linear", "mlp")


def check(contender: Contender, space: Space, metric: str, model: str) -> None:
    """Before anything is trained.  LossError (E1105) for a hyperparameter that is not continuous; TuningError for a
    model or a metric that has no gradient, or where PyTorch is not installed."""
    if model not in MODELS:
        raise TuningError(f"{model} is not trained by gradients: bilevel takes {' and '.join(MODELS)}")
    if find_spec("torch") is None:
        raise TuningError('bilevel needs torch: pip install "lossdsl[torch]"')
    from lossdsl.tuning.unrolled import check_metric

    check_metric(metric)
    args = {arg.name: arg for arg in contender.loss.program.args}
    for each in space.dimensions:
        if isinstance(each, Choices):
            message = f"{each} is tried value by value, not by a gradient"
            raise LossError(NotContinuous(args[each.name].span, message, f"fix it, or --space {each.name}=LOW:HIGH"))


class Descent:
    """Trials of one split, from the start of the space downhill."""

    def __init__(self, objective: Objective, space: Space, text: LossText) -> None:
        from lossdsl.tuning.unrolled import Unrolled

        self.objective, self.space = objective, space
        self.ranges = tuple(each for each in space.dimensions if isinstance(each, Range))
        self.fixed = {n: float(v) for n, v in objective.contender.settings.items() if isinstance(v, int | float)}
        learned = _learned(objective, space, text)
        cuts, training, model = objective.folds, objective.training, objective.model
        self.unrolled = tuple(Unrolled(learned, space.names, fold, training, model) for fold in cuts)
        self.place = np.array([self._unit(each) for each in self.ranges])
        self.first, self.second = np.zeros_like(self.place), np.zeros_like(self.place)
        self.trials: tuple[Trial, ...] = ()

    def step(self) -> None:
        """Judge the place that was reached, and go on from it."""
        number = len(self.trials)
        if number:
            self._move(number)
        settings = self.settings(self.place) if number else dict(self.space.start)
        self.trials += (Trial(number, settings, self.objective.score(settings)),)

    def _move(self, number: int) -> None:
        slope = np.nan_to_num(self.slope(self.place), nan=0.0, posinf=0.0, neginf=0.0)
        self.first = MOMENTUM * self.first + (1 - MOMENTUM) * slope
        self.second = MEMORY * self.second + (1 - MEMORY) * slope**2
        mean, size = self.first / (1 - MOMENTUM**number), np.sqrt(self.second / (1 - MEMORY**number) + SMALL**2)
        rate = RATE / (1 + SLOWER * (number - 1))
        self.place = np.clip(self.place - rate * mean / size, 0.0, 1.0)

    # ------------------------------------------------------------ the metric as a function of the place

    def value(self, place: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        """The metric after training that is written out, at coordinates in [0, 1], shape (dimensions,)."""
        import torch

        return float(self._metric(torch.as_tensor(place, dtype=torch.float64)).detach())

    def slope(
        self, place: np.ndarray[tuple[int], np.dtype[np.float64]]
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Its gradient, of the shape of the place."""
        import torch

        at = torch.as_tensor(place, dtype=torch.float64).clone().requires_grad_(True)
        (found,) = torch.autograd.grad(self._metric(at), at)
        gradient: np.ndarray[tuple[int], np.dtype[np.float64]] = found.numpy()
        return gradient

    def _metric(self, place: torch.Tensor) -> torch.Tensor:
        import torch

        hyper = self._hyper(place)
        return torch.stack([each.metric(hyper, self.objective.metric) for each in self.unrolled]).mean()

    def _hyper(self, place: torch.Tensor) -> dict[str, torch.Tensor]:
        """Values of hyperparameters, differentiable; nothing is rounded."""
        found: dict[str, torch.Tensor] = {}
        for each, share in zip(self.ranges, place, strict=True):
            found[each.name] = _exact(each, _coordinate(each, share), {**self.fixed, **found})
        return found

    def settings(self, place: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, float]:
        """The same as numbers, rounded as those of trials are."""
        point = {}
        for each, share in zip(self.ranges, place.tolist(), strict=True):
            x = float(np.exp(_along(each, share))) if each.scale == "log" else _along(each, share)
            point[each.name] = min(max(x, each.low), each.high)
        return self.space.settings(point, self.fixed)

    def _unit(self, each: Range) -> float:
        """The start as a share of the way along its range, put inside."""
        x = self.space.coordinates(self.fixed).get(each.name)
        low, high = _ends(each)
        if x is None:
            return 0.5
        return (float(np.log(x) if each.scale == "log" else x) - low) / (high - low)


def _learned(objective: Objective, space: Space, text: LossText) -> Subject:
    """The loss with what is looked for as learned hyperparameters."""
    loss = with_learned(text, space.names).loss()
    settings = {**objective.contender.settings, **space.start}
    return matched(replace(objective.contender, loss=loss, settings=settings), objective.data)


def _ends(each: Range) -> tuple[float, float]:
    if each.scale == "log":
        return float(np.log(each.low)), float(np.log(each.high))
    return each.low, each.high


def _along(each: Range, share: float) -> float:
    low, high = _ends(each)
    return low + share * (high - low)


def _coordinate(each: Range, share: torch.Tensor) -> torch.Tensor:
    import torch

    low, high = _ends(each)
    along = low + share * (high - low)
    return torch.exp(along) if each.scale == "log" else along


def _exact(each: Range, x: torch.Tensor, settings: Mapping[str, float | torch.Tensor]) -> torch.Tensor:
    """The value at a coordinate, as `Range.exact` has it."""
    if each.origin is None:
        return x
    start = settings[each.origin] if isinstance(each.origin, str) else float(each.origin)
    if each.other is None:
        return start + each.sign * x
    other = settings[each.other] if isinstance(each.other, str) else float(each.other)
    return start + x * (other - start)
