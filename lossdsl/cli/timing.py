"""How long the generated code takes for a value and its gradient, beside autograd on the same formula."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lossdsl.api import Loss
from lossdsl.cli.draw import draw_arguments

ROUNDS = 15


def interleaved(cases: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Median seconds of each case.  The cases take turns, so that a slow moment of the machine hits them all."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for run in cases.values():  # warm up
        run()
    for _ in range(rounds):
        for name, run in cases.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in times.items()}


def value_and_gradient(loss: Loss, size: int, threads: int) -> dict[str, Any]:
    """Seconds by way of computing; torch is left out where it is not installed."""
    arrays, hyper = draw_arguments(loss.program, size, np.random.default_rng(0))
    shapes = " ".join(f"{name}{list(array.shape)}" for name, array in arrays.items())
    numpy_code = loss.numpy()
    predictions = tuple(arg.name for arg in loss.program.args if arg.role == "prediction")
    wrt = predictions[0] if len(predictions) == 1 else predictions
    cases: dict[str, Callable[[], object]] = {
        "numpy": lambda: numpy_code.value_and_grad(**arrays, **hyper, wrt=wrt),
    }
    try:
        cases |= _torch_cases(loss, arrays, hyper, predictions, threads)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
    return {"shapes": shapes, **interleaved(cases)}


def _torch_cases(
    loss: Loss, arrays: dict[str, Any], hyper: dict[str, Any], predictions: tuple[str, ...], threads: int
) -> dict[str, Callable[[], object]]:
    import torch

    torch.set_num_threads(threads)
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    for name in predictions:
        tensors[name].requires_grad_()
    wanted = [tensors[name] for name in predictions]

    def case(module: torch.nn.Module) -> Callable[[], object]:
        return lambda: torch.autograd.grad(module(**tensors), wanted, allow_unused=True)

    return {
        "torch": case(loss.torch(**hyper)),
        "torch_autograd": case(loss.torch(backward="autograd", **hyper)),
    }
