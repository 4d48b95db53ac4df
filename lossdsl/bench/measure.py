"""One case: its contenders agree with a reference, are timed in turns, and are told apart by ratios."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lossdsl.bench.clock import interleaved
from lossdsl.bench.contenders import Contender, NotHere, Results
from lossdsl.bench.memory import peak_above

BOUND = "memory bound"
SINGLE = 2e-3
"""How far float32 results may be from a reference in double precision, relative to the largest entry.

Sums of ten million numbers added up one after the other lose this much; a wrong formula loses all digits."""


@dataclass(frozen=True)
class Entry:
    """What was measured of one contender; seconds are of one call, bytes above what was there before.

    error: the largest distance of value or gradient from the reference, relative to its largest entry.
    """

    name: str
    seconds: float
    ratio: float
    rounds: int
    first_call: float
    error: float


@dataclass(frozen=True)
class Outcome:
    """A case in one run.  `left_out`: who did not take part, and why."""

    case: str
    shapes: str
    bound_seconds: float
    bytes_moved: int
    entries: tuple[Entry, ...]
    left_out: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Ready:
    """A contender that agrees with the reference."""

    name: str
    call: Callable[[], Results]
    first_call: float
    error: float


def measure(
    case: str,
    shapes: str,
    contenders: Iterable[Contender],
    reference: Results,
    bound: Callable[[], object],
    bytes_moved: int,
    seconds: float,
) -> Outcome:
    """The contenders of a case, timed together with the bound for about so many seconds."""
    ready, left_out = prepared(contenders, reference)
    taken = interleaved({BOUND: bound, **{each.name: each.call for each in ready}}, seconds)
    least = taken[BOUND].seconds
    entries = tuple(
        Entry(e.name, t.seconds, t.seconds / least, t.rounds, e.first_call, e.error)
        for e in ready
        for t in [taken[e.name]]
    )
    return Outcome(case, shapes, least, bytes_moved, entries, left_out)


def prepared(contenders: Iterable[Contender], reference: Results) -> tuple[list[Ready], dict[str, str]]:
    """Those that gave the right results in their first call, and the others with what is wrong with them."""
    ready: list[Ready] = []
    left_out: dict[str, str] = {}
    for contender in contenders:
        begin = time.perf_counter()
        try:
            call = contender.prepare()
            results = call()
        except (NotHere, MemoryError) as reason:
            left_out[contender.name] = str(reason) or type(reason).__name__
            continue
        first = time.perf_counter() - begin
        error = distance(results, reference)
        del results
        if not error <= SINGLE:
            left_out[contender.name] = f"different results: off by {error:.1%}"
        else:
            ready.append(Ready(contender.name, call, first, error))
    return ready, left_out


def distance(results: Results, reference: Results) -> float:
    """The largest difference of value or gradient, relative to the largest entry of the reference; NaN counts."""
    worst = 0.0
    for found, right in zip(results, reference, strict=False):
        expected = np.asarray(right, dtype=np.float64).ravel()
        difference = np.abs(np.asarray(found, dtype=np.float64).ravel() - expected)
        if np.isnan(difference).any():
            return float("nan")
        scale = float(np.max(np.abs(expected), initial=0.0))
        worst = max(worst, float(np.max(difference, initial=0.0)) / (scale or 1.0))
    return worst


def peaks(contenders: Iterable[Contender]) -> dict[str, int | None]:
    """Peak memory of one call of each, above its inputs; those that can not take part are left out."""
    found: dict[str, int | None] = {}
    for contender in contenders:
        try:
            call = contender.prepare()
            found[contender.name] = peak_above(call)
        except (NotHere, MemoryError):
            continue
    return found


def shapes_text(arrays: dict[str, np.ndarray[Any, Any]]) -> str:
    """`pred[100000] target[100000]`."""
    return " ".join(f"{name}{list(array.shape)}" for name, array in arrays.items())


def chosen(contenders: Sequence[Contender], wanted: Sequence[str]) -> list[Contender]:
    """Those whose names begin with, or are, one of the words; all if there are none."""
    words = [word.lower() for word in wanted]
    return [c for c in contenders if not words or any(c.name.lower().startswith(word) for word in words)]
