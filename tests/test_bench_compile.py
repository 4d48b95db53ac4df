"""Compiling costs what the program is long: calls of functions are counted, no time is looked at."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import effort
import pytest

from benchmarks.compile_time import many_terms
from lossdsl.backends import numpy, torch
from lossdsl.meaning import resolve
from lossdsl.syntax import parse


def separate_terms(count: int) -> str:
    """Terms of their own, each with a reduction."""
    lines = [f"    t{k} = mean[n](exp(x*{k}))\n" for k in range(count)]
    return "loss f(x[n]):\n" + "".join(lines) + "    return " + " + ".join(f"t{k}" for k in range(count)) + "\n"


def calls(text: str) -> int:
    """How many functions are called between the text and its NumPy code, Python's own among them."""
    gc.collect()
    return effort.calls(lambda: numpy.emit(resolve(parse(text)).losses["f"]))


@pytest.mark.parametrize(
    ("text", "small", "large"), [(many_terms, 100, 1_000), (separate_terms, 20, 100)], ids=["terms", "reductions"]
)
def test_work_is_linear_in_the_size_of_the_program(text: Callable[[int], str], small: int, large: int) -> None:
    """What is done once makes the quotient smaller, sorting a little larger; squares would make it 5 or 10 times as large."""
    calls(text(2))  # tables and patterns that are made once
    assert calls(text(large)) <= 1.2 * large / small * calls(text(small))


@pytest.mark.parametrize(("name", "most"), [("huber", 60_000), ("cross_entropy", 80_000), ("tversky", 190_000)])
def test_work_for_a_usual_loss(name: str, most: int) -> None:
    """From the text to PyTorch code; a fifth more than it was when this was written."""
    text = (Path(__file__).parent.parent / "examples" / f"{name}.loss").read_text(encoding="utf-8")

    def compiled() -> str:
        return torch.emit(resolve(parse(text)).losses[name])

    compiled()  # tables and patterns that are made once
    assert effort.calls(compiled) < most
