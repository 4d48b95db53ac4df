"""The acceptance losses: texts, inputs, and what a well-known library gives for them (tests/acceptance/README.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "acceptance"

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Point:
    """One call: its arguments and the reference's results; `value` is None where only derivatives are compared.

    `exact` marks references of more than float64 accuracy; `with_gradient` is false at kinks and at infinity.
    `hessian` is the diagonal of the Hessian of the formula, `library_hessian` what the library hands out.
    """

    label: str
    hyper: dict[str, float]
    reduction: str | None
    exact: bool
    with_gradient: bool
    inputs: Arrays
    value: np.ndarray | None
    gradient: Arrays
    hessian: Arrays
    library_hessian: Arrays

    @property
    def arguments(self) -> dict[str, Any]:
        return self.inputs | self.hyper

    @property
    def size(self) -> int:
        return sum(array.size for array in self.inputs.values())


@dataclass(frozen=True)
class Case:
    name: str
    text: str
    entry: str
    family: str
    wrt: tuple[str, ...]
    predictions: tuple[str, ...]
    data: tuple[str, ...]
    hyper: tuple[str, ...]
    learn: tuple[str, ...]
    value_tolerance: float
    gradient_tolerance: float
    floor: float
    note: str
    points: tuple[Point, ...]

    def __str__(self) -> str:
        return self.name

    def error(self, found: Any, reference: np.ndarray) -> float:
        """The largest difference, relative to the largest magnitude of the reference (family `numerics`: per element).

        Magnitudes below `floor` count as `floor`.  Equal infinities agree; a nan agrees with nothing.
        """
        found = np.asarray(found, dtype=float)
        assert found.shape == reference.shape, f"shape {found.shape}, reference {reference.shape}"
        if not reference.size:
            return 0.0
        with np.errstate(invalid="ignore"):
            difference = np.where(found == reference, 0.0, np.abs(found - reference))
        magnitude = np.abs(reference) if self.family == "numerics" else np.abs(reference).max()
        scale = np.maximum(magnitude, self.floor)
        errors = np.divide(difference, scale, out=np.where(difference == 0, 0.0, np.inf), where=scale > 0)
        return float(np.where(np.isnan(errors), np.inf, errors).max())


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.loss"))


def load(name: str) -> Case:
    facts = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    with np.load(FOLDER / f"{name}.npz") as arrays:
        points = tuple(_point(i, fact, arrays) for i, fact in enumerate(facts["points"]))
    entry, predictions, data, hyper, learn = facts["signature"]
    assert entry == facts["entry"]
    return Case(
        name=name,
        text=(FOLDER / f"{name}.loss").read_text(encoding="utf-8"),
        entry=entry,
        family=facts["family"],
        wrt=tuple(facts["wrt"]),
        predictions=tuple(predictions),
        data=tuple(data),
        hyper=tuple(hyper),
        learn=tuple(learn),
        value_tolerance=facts["vtol"],
        gradient_tolerance=facts["gtol"],
        floor=facts["floor"],
        note=facts["note"],
        points=points,
    )


def cases() -> Iterator[Case]:
    return map(load, names())


def _point(number: int, fact: dict[str, Any], arrays: Any) -> Point:
    def named(kind: str) -> Arrays:
        prefix = f"{number}//{kind}//"
        return {key.removeprefix(prefix): arrays[key] for key in arrays.files if key.startswith(prefix)}

    value_key = f"{number}//value"
    return Point(
        label=fact["label"],
        hyper=fact["hyper"],
        reduction=fact["reduction"],
        exact=fact["exact"],
        with_gradient=fact["grad"],
        inputs=named("in"),
        value=arrays[value_key] if value_key in arrays.files else None,
        gradient=named("grad"),
        hessian=named("hess"),
        library_hessian=named("libhess"),
    )
