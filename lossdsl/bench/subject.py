"""A loss of a user, on drawn inputs: contenders, reference and bound."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lossdsl.api import Loss
from lossdsl.bench.bound import bytes_moved, memory_bound
from lossdsl.bench.contenders import Contender, Results, formula_in_torch, generated, numpy_names
from lossdsl.bench.measure import Outcome, chosen, measure, peaks, shapes_text
from lossdsl.cli.draw import draw_arguments

SEED = 0


@dataclass(frozen=True)
class Subject:
    """A loss, about how many elements its first prediction has, and sizes of axes that are wanted exactly.

    threads: how many each library may use; None: as many as it takes by itself.
    """

    loss: Loss
    size: int
    axes: Mapping[str, int]
    competitors: Sequence[str] = ()
    threads: int | None = None

    @cached_property
    def inputs(self) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]:
        """Arrays of predictions and data, in float32; hyperparameters without a default."""
        return draw_arguments(self.loss.program, self.size, np.random.default_rng(SEED), self.axes)

    def contenders(self) -> list[Contender]:
        if self.threads is not None:
            self._limit(self.threads)
        arrays, settings = self.inputs
        every = generated(self.loss, arrays, settings, self.threads) + formula_in_torch(self.loss, arrays, settings)
        return chosen(every, self.competitors)

    def reference(self) -> Results:
        """The emitted NumPy code in double precision."""
        arrays, settings = self.inputs
        wrt = tuple(name for name in self.loss.differentiable if name in arrays)
        value, gradients = self.loss.numpy(dtype=np.float64).value_and_grad(
            **numpy_names(self.loss, {**arrays, **settings}), wrt=wrt
        )
        return (value, *gradients)

    def outcome(self, seconds: float) -> Outcome:
        arrays, _ = self.inputs
        predictions = [array for name, array in arrays.items() if name in self.loss.differentiable]
        data = [array for name, array in arrays.items() if name not in self.loss.differentiable]
        bound, moved = memory_bound(predictions, data), bytes_moved(predictions, data)
        shapes = shapes_text(arrays)
        return measure(self.loss.name, shapes, self.contenders(), self.reference(), bound, moved, seconds)

    def peaks(self) -> dict[str, int | None]:
        return peaks(self.contenders())

    def _limit(self, threads: int) -> None:
        import importlib.util

        os.environ["LOSSDSL_THREADS"] = str(threads)
        if importlib.util.find_spec("torch") is not None:
            import torch

            torch.set_num_threads(threads)
