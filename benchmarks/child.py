"""One process of a run: times, or peak memory, of some cases, as lines of JSON on standard output."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from benchmarks.case import Case
from benchmarks.competitors import contenders
from benchmarks.elementwise import CASES as ELEMENTWISE
from benchmarks.pairs import CASES as PAIRS
from benchmarks.rows import CASES as ROWS
from lossdsl.bench.bound import bytes_moved, memory_bound
from lossdsl.bench.measure import chosen, measure, peaks, prepared, shapes_text

CASES: list[Case] = [*ELEMENTWISE, *ROWS, *PAIRS]
MODES = ("times", "memory")


def times(case: Case, quick: bool, wanted: list[str], seconds: float) -> dict[str, Any]:
    """What was measured of a case."""
    arrays = case.arrays(quick)
    parts = list(arrays.values())
    predictions, data = parts[: case.predictions], parts[case.predictions :]
    if case.products is not None:
        bound = case.products(*predictions)
    else:
        bound = memory_bound(predictions, data)
    taking_part = chosen(contenders(case, arrays), wanted)
    reference = case.reference(arrays)
    outcome = measure(
        case.name, shapes_text(arrays), taking_part, reference, bound, bytes_moved(predictions, data), seconds
    )
    return outcome.to_json()


def memory(case: Case, quick: bool, wanted: list[str]) -> dict[str, Any]:
    arrays = case.arrays(quick)
    return {"case": case.name, "peaks": peaks(chosen(contenders(case, arrays), wanted))}


def first_uses(wanted: list[str]) -> dict[str, float]:
    """Seconds of the first value and gradient of all, of eight elements: imports, and what a tool sets up once."""
    case = replace(CASES[0], shape=(8,))
    arrays = case.arrays(quick=False)
    ready, _ = prepared(chosen(contenders(case, arrays), wanted), case.reference(arrays))
    return {each.name: each.first_call for each in ready}


def main(argument: str) -> None:
    """`argument`: what the parent asks for, as JSON."""
    asked = json.loads(argument)
    threads = asked["threads"]
    if threads is not None and find_spec("torch") is not None:
        import torch

        torch.set_num_threads(threads)
    # what libraries print belongs to people; standard output to the parent
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    uses = first_uses(asked["competitors"])
    if asked["mode"] == "times":
        print(json.dumps({"first_uses": uses}), file=answers, flush=True)
    for name in asked["cases"]:
        (case,) = (case for case in CASES if case.name == name)
        if asked["mode"] == "memory":
            found = memory(case, asked["quick"], asked["competitors"])
        else:
            found = times(case, asked["quick"], asked["competitors"], asked["seconds"])
        print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
