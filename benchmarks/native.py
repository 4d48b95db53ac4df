"""The native kernel: value and gradient as ratios to the memory bound of the same run.

    python benchmarks/native.py [--rounds 15] [--threads 1 2] [CASE ...]

The bound is the time to read each input once and write the gradient once, on one thread.  Bound and cases take turns,
so that a slow moment of the machine hits all of them; figures are medians.  With --cpu times are processor time of one
thread: what can be said on a machine that others use too.  Inputs are float32.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import lossdsl

HUBER_MSE = """def huber_rho(r; delta > 0) = r^2/2 if |r| <= delta else delta*(|r| - delta/2)

loss huber_mse(pred[n] | target[n]; delta > 0 = 1.0, alpha in [0, 1] = 0.7):
    r = pred - target
    return mean[n](alpha*huber_rho(r; delta) + (1 - alpha)*r^2)
"""
PINBALL = """loss pinball(pred[n] | target[n]; q in (0, 1) = 0.9):
    r = target - pred
    return mean[n](max(q*r, (q - 1)*r))
"""
TWEEDIE = """loss tweedie(score[n] | y[n] >= 0; p in (1, 2) = 1.5):
    return mean[n](exp((2 - p)*score)/(2 - p) - y*exp((1 - p)*score)/(1 - p))
"""
LOGCOSH = "loss log_cosh(pred[n] | target[n]):\n    return mean[n](logcosh(pred - target))\n"


@dataclass(frozen=True)
class Case:
    name: str
    loss: Callable[[], lossdsl.Loss]
    shape: tuple[int, ...]
    data: str
    """What the data are: numbers, sizes (not negative), bits, or labels."""


def shipped(file: str, name: str) -> Callable[[], lossdsl.Loss]:
    return lambda: lossdsl.catalogue[file][name]


def typed(text: str) -> Callable[[], lossdsl.Loss]:
    return lambda: lossdsl.loss(text)


CASES = [
    Case("E1c Huber/MSE", typed(HUBER_MSE), (10_000_000,), "numbers"),
    Case("E2 binary cross-entropy", shipped("classification", "binary_cross_entropy"), (10_000_000,), "bits"),
    Case("E3 binary focal", shipped("classification", "binary_focal"), (10_000_000,), "bits"),
    Case("E4 pinball", typed(PINBALL), (10_000_000,), "numbers"),
    Case("E5 Tweedie", typed(TWEEDIE), (10_000_000,), "sizes"),
    Case("E6 log-cosh", typed(LOGCOSH), (10_000_000,), "numbers"),
    Case("R1a cross-entropy", shipped("classification", "cross_entropy"), (65_536, 10), "labels"),
    Case("R1b cross-entropy", shipped("classification", "cross_entropy"), (8_192, 1_000), "labels"),
    Case("R1c cross-entropy", shipped("classification", "cross_entropy"), (1_024, 32_000), "labels"),
    Case("R2 Dice", shipped("segmentation", "dice"), (16, 262_144), "bits"),
    Case("R3 Tversky", shipped("segmentation", "tversky"), (16, 262_144), "bits"),
]


def arrays(case: Case) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    prediction = rng.normal(size=case.shape).astype(np.float32)
    if case.data == "labels":
        return prediction, rng.integers(0, case.shape[1], size=case.shape[0])
    noise = rng.normal(size=case.shape).astype(np.float32)
    return prediction, {"numbers": noise, "sizes": np.abs(noise), "bits": (noise > 0).astype(np.float32)}[case.data]


def bound(prediction: np.ndarray[Any, Any], data: np.ndarray[Any, Any]) -> Callable[[], object]:
    """Read what must be read, write what must be written, compute nothing."""
    out = np.empty_like(prediction)
    if data.shape == prediction.shape:
        return lambda: np.add(prediction, data, out=out)
    return lambda: np.copyto(out, prediction)  # labels are too few to count


def medians(functions: list[Callable[[], object]], rounds: int, clock: Callable[[], float]) -> list[float]:
    """Seconds of each, in turns; a result is let go of before the next call, as in a training loop."""
    times: list[list[float]] = [[] for _ in functions]
    for function in functions:
        function()
    for _ in range(rounds):
        for function, own in zip(functions, times, strict=True):
            begin = clock()
            result = function()
            own.append(clock() - begin)
            del result
    return [float(np.median(own)) for own in times]


def measure(case: Case, rounds: int, threads: list[int], clock: Callable[[], float]) -> list[str]:
    prediction, data = arrays(case)
    loss = case.loss()
    functions = [bound(prediction, data)]
    for count in threads:
        native = loss.native(threads=count)
        functions.append(lambda native=native: native.value_and_grad(prediction, data))
    reference, *rest = medians(functions, rounds, clock)
    return [f"{case.name}, {' x '.join(map(str, case.shape))}", *(f"{t / reference:.2f}" for t in rest)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("cases", nargs="*", help="Beginnings of names: E1c R1")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--cpu", action="store_true", help="Processor time of one thread instead of time on the wall.")
    given = parser.parse_args()
    threads = [1] if given.cpu else given.threads
    table = Table("case", *(f"{count} thread{'s' * (count > 1)}" for count in threads), title="time over memory bound")
    for case in CASES:
        if not given.cases or case.name.startswith(tuple(given.cases)):
            table.add_row(*measure(case, given.rounds, threads, time.thread_time if given.cpu else time.perf_counter))
    Console().print(table)


if __name__ == "__main__":
    main()
