"""How a score stands for probabilities, where that is proved: the link of a loss that is least at the true ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lossdsl.analysis import rows, shape
from lossdsl.analysis.estimates import inverse_link
from lossdsl.analysis.facts import Yes
from lossdsl.analysis.judge import Judge
from lossdsl.analysis.normal import is_zero, tidy
from lossdsl.analysis.numbers import Clock, Undecided, sign_of, to_float, x
from lossdsl.analysis.univariate import cases
from lossdsl.analysis.view import View, view
from lossdsl.functions.lazy import sympy
from lossdsl.meaning.core import Program

SECONDS = 2.0


@dataclass(frozen=True)
class Link:
    """Probabilities are the softmax of the scores of a row, or the sigmoid of `factor` times the one score."""

    kind: Literal["softmax", "sigmoid"]
    factor: float = 1.0


def link(program: Program, given: Mapping[str, float] | None = None, seconds: float = SECONDS) -> Link | None:
    """The link at these hyperparameters; None where none is proved in this time, or where it has another form."""
    looked = view(program, given or {})
    clock = Clock(seconds)
    try:
        if looked.elementwise is not None:
            return _of_one(looked, clock)
        found = rows.answers(looked, Judge(program, looked.settings), clock, ("proper",))
    except Undecided:
        return None
    return Link("softmax") if isinstance(found.get("proper"), Yes) else None


def _of_one(looked: View, clock: Clock) -> Link | None:
    """Of one score: what stands for the mean of the data has to be a sigmoid of it, from the least label to 1."""
    functions = cases(looked, clock)
    studies = shape.studies(functions, Judge(looked.program, looked.settings), clock)
    found = inverse_link(functions, studies)
    if found is None:
        return None
    name, mean = found
    low = min((v for part in looked.argument(name).domain for v in (*part.values, *_ends(part.low))), default=0)
    share = mean if low == 0 else (1 + mean) / 2
    factor = tidy(4 * sympy().diff(share, x()).subs(x(), 0))
    if factor.free_symbols or sign_of(factor) <= 0 or not is_zero(share - 1 / (1 + sympy().exp(-factor * x()))):
        return None
    return Link("sigmoid", to_float(factor))


def _ends(low: Any) -> tuple[Any, ...]:
    """The lower end of an interval, if that is a number."""
    return () if isinstance(low, str) else (low,)
