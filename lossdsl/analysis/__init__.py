"""What can be proved of a loss: `analyze(program)` answers every question with a reason, a witness, or what was tried.

A *yes* rests on a proof: the formula operation by operation, composition rules for convexity, or exact derivatives
whose signs are certified by isolated roots and outward-rounded intervals.  A *no* carries points, confirmed by the
reference interpreter.  Everything else is *unknown*.  The time is bounded: what is not proved by then is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from lossdsl.analysis.analyze import analyze
from lossdsl.analysis.facts import Analysis, Answer, Fact, No, Unknown, Yes
from lossdsl.analysis.judge import Judge
from lossdsl.analysis.links import Link, link
from lossdsl.analysis.witness import Witness
from lossdsl.meaning.core import Program

__all__ = ["Analysis", "Answer", "Fact", "Judge", "Link", "No", "Unknown", "Witness", "Yes", "analyze", "judge", "link"]


def judge(program: Program, settings: Mapping[str, float] | None = None) -> Judge:
    """What confirms witnesses: the interpreter, with the hyperparameters that an analysis was made for.

    Numbers are taken as the decimals that they are shown as, as those given to `analyze` are.
    """
    return Judge(program, {name: Fraction(str(value)) for name, value in (settings or {}).items()})
