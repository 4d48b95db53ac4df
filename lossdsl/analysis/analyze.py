"""The analysis of one loss, from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lossdsl.analysis import behaviour, rows, shape, structure
from lossdsl.analysis.classification import calibrated, calibrated_by_outcomes, proper
from lossdsl.analysis.estimates import estimates, one_valley
from lossdsl.analysis.facts import NAMES, Analysis, Answer, Fact, No, Unknown, Yes
from lossdsl.analysis.judge import Judge
from lossdsl.analysis.minima import uncalibrated
from lossdsl.analysis.numbers import Clock, Undecided
from lossdsl.analysis.piecewise import Pieces, mirrored
from lossdsl.analysis.scaling import unbounded
from lossdsl.analysis.shape import Study
from lossdsl.analysis.univariate import Cases, cases
from lossdsl.analysis.vectors import Vectors
from lossdsl.analysis.view import View, view
from lossdsl.meaning.core import Program

SECONDS = 3.0
"""How long proofs of one loss may take."""
MORE = 1.0
"""What is left, at least, for the second half of the questions."""


def analyze(program: Program, given: Mapping[str, float] | None = None, seconds: float = SECONDS) -> Analysis:
    """All facts about a loss at these hyperparameters (and optional data); defaults for those left out.

    ValueError for a name that is no hyperparameter, or a value outside of its domain.
    """
    looked = view(program, given or {})
    judge = Judge(program, looked.settings)
    clock = Clock(seconds)
    functions = _functions(looked, clock)
    found = structure.answers(looked, judge)
    if functions is not None:
        found = {name: _mirrored(name, answer, functions) for name, answer in found.items()}
    studies = [] if functions is None else shape.studies(functions, judge, clock)
    of_rows = rows.answers(looked, judge, clock) if functions is None else {}
    clock.more(MORE)
    found |= _shape(looked, functions, studies, of_rows, found, judge, clock)
    clock.more(MORE)
    if functions is not None:
        found |= _behaviour(looked, functions, studies, judge, found)
    else:
        found |= _of_several(looked, judge, of_rows, found)
    facts = tuple(Fact(name, found[name]) for name in NAMES if name in found)
    return Analysis(program.name, _subject(looked), facts, structure.values(looked.settings))


def _mirrored(name: str, answer: Answer, functions: Cases) -> Answer:
    """What the formula does not show of opposite errors or margins, from the pieces of its functions."""
    pair = _opposites(name, functions) if isinstance(answer, Unknown) else None
    try:
        if pair is not None and mirrored(*pair):
            return Yes("the opposite has the same value, piece by piece")
    except Undecided:
        pass
    return answer


def _opposites(name: str, functions: Cases) -> tuple[Pieces, Pieces] | None:
    """The functions that are mirror images of each other if the fact holds."""
    found = [case.function for case in functions.items]
    if name == "symmetric" and functions.kind == "residual":
        return found[0], found[0]
    if name == "margin" and functions.complete and not functions.mixed and len(found) == 2:
        return found[0], found[1]
    return None


def _functions(looked: View, clock: Clock) -> Cases | None:
    """The elements of the loss as functions of one number; None where they are none."""
    try:
        return cases(looked, clock)
    except Undecided:
        return None


def _subject(looked: View) -> str:
    settings = ", ".join(f"{name} = {float(value):.6g}" for name, value in looked.numbers.items())
    return looked.subject + (f", with {settings}" if settings else "")


def _behaviour(
    looked: View, functions: Cases, studies: Sequence[Study], judge: Judge, known: Mapping[str, Answer]
) -> dict[str, Answer]:
    found = behaviour.answers(functions, studies, dict(known))
    more = {
        "estimates": estimates(functions, studies),
        "proper": proper(looked, functions, studies, judge),
    }
    more["classification-calibrated"] = (
        calibrated(studies, judge)
        if functions.kind == "margin"
        else calibrated_by_outcomes(functions, studies, judge, more["proper"])
    )
    if isinstance(known["quasi-convex"], Unknown) and isinstance(more["estimates"], Yes):
        more["quasi-convex"] = one_valley(functions, studies)
    return found | {name: answer for name, answer in more.items() if answer is not None}


def _of_several(
    looked: View, judge: Judge, of_rows: Mapping[str, Answer], shape: Mapping[str, Answer]
) -> dict[str, Answer]:
    """The behaviour of a loss of several numbers at once."""
    found = {name: answer for name, answer in of_rows.items() if name not in shape}
    if "classification-calibrated" not in found:
        answer = uncalibrated(looked, judge, isinstance(shape["convex"], Yes))
        found |= {"classification-calibrated": answer} if answer is not None else {}
    return found | behaviour.consequences(dict(shape))


def _shape(
    looked: View,
    functions: Cases | None,
    studies: Sequence[Study],
    of_rows: Mapping[str, Answer],
    structured: Mapping[str, Answer],
    judge: Judge,
    clock: Clock,
) -> dict[str, Answer]:
    """The facts of shape: composition rules first, then each function of one number, then points of all predictions."""
    vectors = Vectors(looked, judge, clock)
    free = all(not a.domain for a in looked.predictions)
    found: dict[str, Answer] = {}
    composed = vectors.composed()
    if composed is not None:
        found["convex"] = composed
    if functions is not None:
        for name in shape.QUESTIONS:
            if name not in found:
                found[name] = shape.answer(name, functions, studies)
    found = implied(found | {name: of_rows[name] for name in shape.QUESTIONS if name in of_rows})
    if functions is None and free and isinstance(found.get("convex"), Yes):
        found["continuous"] = Yes("a convex function that is finite everywhere is continuous")
    open_questions = [n for n in shape.QUESTIONS if isinstance(found.get(n, Unknown(())), Unknown)]
    for name, answer in vectors.answers(open_questions, found.get("convex")):
        before = found.get(name)
        found[name] = _better(before, answer) if isinstance(before, Unknown) else answer
    for name in shape.LARGEST_CONSTANT:
        if isinstance(found.get(name), Unknown):
            found[name] = unbounded(name, structured, looked, judge) or found[name]
    return implied(found)


def _better(first: Unknown, second: Answer) -> Answer:
    """An answer, if there is one; else all that was tried."""
    return Unknown((*first.tried, *second.tried)) if isinstance(second, Unknown) else second


IMPLIED = (
    ("strongly convex", "strictly convex"),
    ("strictly convex", "convex"),
    ("convex", "quasi-convex"),
    ("twice differentiable", "differentiable"),
    ("differentiable", "continuous"),
    ("smooth", "differentiable"),
    ("Lipschitz", "continuous"),
)
"""What holds, and what holds because of it."""


def implied(found: Mapping[str, Answer]) -> dict[str, Answer]:
    """With what follows from the answers that are there: a property from a stronger one, a failure from a weaker."""
    result = dict(found)
    for strong, weak in IMPLIED:
        answer = result.get(strong)
        if isinstance(answer, Yes) and isinstance(result.get(weak, Unknown(())), Unknown):
            result[weak] = Yes(f"it is {strong}")
    for strong, weak in reversed(IMPLIED):
        answer = result.get(weak)
        if isinstance(answer, No) and isinstance(result.get(strong, Unknown(())), Unknown) and strong in result:
            result[strong] = No(answer.witness, f"it is not {weak}")
    return result
