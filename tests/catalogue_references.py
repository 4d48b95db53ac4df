"""What libraries say about losses of the catalogue (tests/references/README.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "references"


@dataclass(frozen=True)
class Recorded:
    """One call: its arguments, and the value and gradients of the library."""

    family: str
    loss: str
    library: str
    function: str
    tolerance: float
    note: str
    number: int
    inputs: dict[str, np.ndarray]
    hyper: dict[str, float]
    reduction: str | None
    value: np.ndarray
    gradient: dict[str, np.ndarray]

    @property
    def arguments(self) -> dict[str, Any]:
        options = {"reduction": self.reduction} if self.reduction else {}
        return self.inputs | self.hyper | options

    def __str__(self) -> str:
        return f"{self.family}-{self.loss}-{self.function}-{self.number}"

    def error(self, found: Any, reference: np.ndarray) -> float:
        """The largest difference, relative to the largest magnitude of the reference; nan agrees with nothing."""
        found = np.asarray(found, dtype=float)
        assert found.shape == reference.shape, f"shape {found.shape}, reference {reference.shape}"
        if not reference.size:
            return 0.0
        with np.errstate(invalid="ignore"):
            difference = np.where(found == reference, 0.0, np.abs(found - reference))
        finite = np.abs(reference[np.isfinite(reference)])
        worst = float(np.where(np.isnan(difference), np.inf, difference).max())
        return worst / max(float(finite.max(initial=0.0)), 1e-3)


def recorded() -> list[Recorded]:
    """Every call of every family."""
    return [
        _recorded(entry, number, call)
        for path in sorted(FOLDER.glob("*.json"))
        for entry in json.loads(path.read_text(encoding="utf-8"))
        for number, call in enumerate(entry["calls"])
    ]


def _recorded(entry: dict[str, Any], number: int, call: dict[str, Any]) -> Recorded:
    return Recorded(
        family=entry["family"],
        loss=entry["loss"],
        library=entry["library"],
        function=entry["function"],
        tolerance=entry["tolerance"],
        note=entry["note"],
        number=number,
        inputs={name: np.asarray(value) for name, value in call["inputs"].items()},
        hyper=call["hyper"],
        reduction=call["reduction"],
        value=np.asarray(call["value"], dtype=float),
        gradient={name: np.asarray(value, dtype=float) for name, value in call["gradient"].items()},
    )
