"""Seconds of several calls that take turns."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Call = Callable[[], object]

BATCH = 5e-4
"""Seconds that a call is repeated for before the clock is read again: it reads itself in a tenth of a microsecond."""
PATIENCE = 5.0
"""Seconds after which a contender need not be called again, even if it was called once only."""
PAUSE = 1e-3
"""Seconds between two contenders: threads that a library leaves spinning have gone to sleep by then."""


@dataclass(frozen=True)
class Taken:
    """Median seconds of one call, and how many times the clock was read."""

    seconds: float
    rounds: int


def interleaved(
    calls: Mapping[str, Call],
    seconds: float,
    *,
    least: int = 3,
    most: int = 200,
    clock: Callable[[], float] = time.perf_counter,
    pause: Callable[[float], object] = time.sleep,
) -> dict[str, Taken]:
    """What each call takes: in rounds, each of which begins with another one.

    Each has an equal share of `seconds` and is not called any more once it has used it up, but in `least` rounds at
    all events, or for `PATIENCE`.  A call of less than `BATCH` is repeated; its result is let go of before the next,
    as in a training.
    """
    names = list(calls)
    share = seconds / max(len(names), 1)
    repeats = {name: _repeats(calls[name], clock) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    spent = dict.fromkeys(names, 0.0)
    for turn in range(most):
        left = [n for n in names if spent[n] < (share if len(times[n]) >= least else max(share, PATIENCE))]
        if not left:
            break
        first = turn % len(left)
        for name in left[first:] + left[:first]:
            pause(PAUSE)
            taken = _batch(calls[name], repeats[name], clock)
            spent[name] += taken
            times[name].append(taken / repeats[name])
    return {name: Taken(statistics.median(times[name]), len(times[name])) for name in names}


def _repeats(call: Call, clock: Callable[[], float]) -> int:
    taken = _batch(call, 1, clock)
    if taken < BATCH:  # it may be the first, and slow for that
        taken = _batch(call, 1, clock)
    return 1 if taken >= BATCH else math.ceil(BATCH / max(taken, 1e-7))


def _batch(call: Call, repeats: int, clock: Callable[[], float]) -> float:
    begin = clock()
    for _ in range(repeats):
        call()
    return clock() - begin
