"""Slopes that grow without bound because the loss has no scale: what homogeneity says of Lipschitz constants."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from lossdsl.analysis.actions import moves
from lossdsl.analysis.facts import Answer, No, Yes
from lossdsl.analysis.judge import Judge
from lossdsl.analysis.structure import draws, moved
from lossdsl.analysis.view import View
from lossdsl.analysis.witness import confirmed

ORDERS = {"Lipschitz": (1, "steep"), "smooth": (2, "gradient steep")}
"""How many derivatives have to be bounded, and the claim that contradicts it."""
SCALES = tuple(Fraction(2) ** k for k in (-24, 24, -48, 48, -96, 96))


def unbounded(name: str, found: Mapping[str, Answer], view: View, judge: Judge) -> No | None:
    """Of a loss of degree d in predictions and data together, the derivatives of order k have degree d - k.

    Unless that is 0, they grow without bound where all is scaled, up or down.
    """
    homogeneous = found.get("homogeneous")
    order, claim = ORDERS[name]
    if not isinstance(homogeneous, Yes) or homogeneous.number is None or homogeneous.number == order:
        return None
    names, inputs = moves(view, "scale"), draws(view)
    predictions = frozenset(arg.name for arg in view.predictions)
    for point in () if inputs is None else inputs.points(4):
        for scale in SCALES:
            a = moved(point, names, lambda v, scale=scale: scale * v)  # type: ignore[misc]
            b = moved(a, predictions, lambda v, scale=scale: v + scale / 8)  # type: ignore[misc]
            witness = confirmed(judge, claim, a, b)
            if witness is not None:
                return No(witness, f"it is homogeneous of {homogeneous.value}: slopes grow as all numbers are scaled")
    return None
