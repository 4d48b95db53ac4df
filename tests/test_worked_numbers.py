"""Numbers that papers and the documentation of libraries print, to the last printed digit (tests/references/worked)."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossdsl

ENTRIES = json.loads((Path(__file__).parent / "references" / "worked" / "numbers.json").read_text(encoding="utf-8"))


def given(value: Any) -> np.ndarray:
    """An argument: numbers, or the logit or the logarithm of printed probabilities."""
    if not isinstance(value, dict):
        return np.asarray(value, dtype=float)
    [(name, inner)] = value.items()
    p = np.asarray(inner)
    return {"logit": np.log(p) - np.log1p(-p), "log": np.log(p)}[name]


def evaluate(entry: dict[str, Any]) -> Any:
    """What is printed: scale*loss + offset to a power, or scale times the gradient with respect to `of`."""
    module = lossdsl.catalogue[entry["family"]][entry["loss"]].compile("numpy")
    arguments = {name: given(value) for name, value in entry["inputs"].items()} | entry["hyper"]
    if entry["reduction"]:
        arguments["reduction"] = entry["reduction"]
    if entry["of"] == "value":
        value = np.asarray(getattr(module, entry["loss"])(**arguments))
        return (entry["scale"] * value + entry["offset"]) ** entry["power"]
    _, [gradient] = getattr(module, f"{entry['loss']}_value_and_grad")(**arguments, wrt=(entry["of"],))
    return entry["scale"] * gradient


def agrees(found: float, printed: str) -> bool:
    """Within half a unit of the last printed place, and no closer than double precision allows.

    "0.3273..." is cut off, not rounded; "5/6" is exact.
    """
    if "/" in printed:
        return math.isclose(found, Fraction(printed), rel_tol=1e-14)
    digits = printed.removesuffix("...")
    number, unit = float(digits), 10.0 ** -len(digits.partition(".")[2])
    rounding = 8 * np.spacing(max(abs(number), abs(found)))
    if printed.endswith("..."):
        return bool(-rounding <= (found - number) * math.copysign(1, number) < unit)
    return bool(abs(found - number) <= max(unit / 2 * (1 + 1e-9), rounding))


def identify(entry: dict[str, Any]) -> str:
    return f"{entry['loss']}-{np.ravel(entry['printed'])[0]}"


@pytest.mark.parametrize("entry", ENTRIES, ids=identify)
def test_a_printed_number(entry: dict[str, Any]) -> None:
    found = np.asarray(evaluate(entry))
    assert found.shape == np.shape(entry["printed"])
    for number, printed in zip(found.ravel(), np.ravel(entry["printed"]), strict=True):
        assert agrees(float(number), str(printed)), f"{number!r} is not {printed} ({entry['source']})"


@pytest.mark.parametrize(
    ("found", "printed", "answer"),
    [
        (0.155, "0.155", True),
        (0.1556, "0.155", False),
        (0.1545, "0.155", True),
        (0.32739, "0.3273...", True),
        (0.32729, "0.3273...", False),
        (5 / 6, "5/6", True),
        (0.8333, "5/6", False),
        (-0.25, "-0.25", True),
        (math.nan, "0.1", False),
    ],
)
def test_a_digit_counts(found: float, printed: str, answer: bool) -> None:
    assert agrees(found, printed) is answer
