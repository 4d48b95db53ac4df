"""Compiling costs what the program is long: calls of functions are counted, no time is looked at."""

from __future__ import annotations

import cProfile
import gc
import pstats
from collections.abc import Callable

import pytest

from benchmarks.compile_time import many_terms
from lossdsl.backends.numpy import emit
from lossdsl.meaning import resolve
from lossdsl.syntax import parse


def separate_terms(count: int) -> str:
    """Terms of their own, each with a reduction."""
    lines = [f"    t{k} = mean[n](exp(x*{k}))\n" for k in range(count)]
    return "loss f(x[n]):\n" + "".join(lines) + "    return " + " + ".join(f"t{k}" for k in range(count)) + "\n"


def calls(text: str) -> int:
    """How many functions are called between the text and its NumPy code, Python's own among them."""
    recorded = cProfile.Profile()
    gc.collect()
    recorded.enable()
    emit(resolve(parse(text)).losses["f"])
    recorded.disable()
    return int(pstats.Stats(recorded).total_calls)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "small", "large"), [(many_terms, 200, 2_000), (separate_terms, 40, 200)], ids=["terms", "reductions"]
)
def test_work_is_linear_in_the_size_of_the_program(text: Callable[[int], str], small: int, large: int) -> None:
    """What is done once makes the quotient smaller, sorting a little larger; squares would make it 5 or 10 times as large."""
    calls(text(2))  # tables and patterns that are made once
    assert calls(text(large)) <= 1.2 * large / small * calls(text(small))
