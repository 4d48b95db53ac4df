"""Random programs over the whole language: both forms of the PyTorch code against the reference interpreter.

The programs, the judge and its tolerances are those of `test_random_programs`.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from lossdsl.backends.torch import emit  # noqa: E402
from lossdsl.backends.torch.names import interface_of  # noqa: E402
from lossdsl.generated import import_generated  # noqa: E402
from lossdsl.meaning.core import Program  # noqa: E402
from tests.random_items import draw_program  # noqa: E402
from tests.random_judge import EXACT, Judge, Question  # noqa: E402
from tests.random_programs import Drawn  # noqa: E402
from tests.test_random_programs import REGRESSIONS, resolved  # noqa: E402
from tests.torch_adapter import TorchAsNumpy  # noqa: E402

COUNT = int(os.environ.get("LOSSDSL_RANDOM_PROGRAMS", "0"))
FIRST = random.randrange(10**9) if COUNT else 0


class TorchJudge(Judge):
    """Asks the PyTorch code what the judge asks the NumPy code.

    Calls that the interpreter refuses are not compared: PyTorch code looks at values only where it is asked to validate
    them, and for gathers.  Of torch.lgamma and torch.digamma autograd takes derivatives that are right to 1e-10 only.
    """

    def __init__(self, drawn: Drawn, program: Program, backward: str) -> None:
        super().__init__(drawn, program)
        self.interface = interface_of(program)
        module = import_generated(emit(program, backward=backward), "f")  # type: ignore[arg-type]
        self.module = TorchAsNumpy(module, self.interface)  # type: ignore[assignment]
        self.rough = backward == "autograd" and any(name in drawn.text for name in ("lgamma", "digamma"))

    def _ask(self, question: Question) -> None:
        derived = question.suffix in ("_value_and_grad", "_hess_diag", "_hvp")
        if not (derived and self.rough) and self._expected(question, EXACT) is not None:
            super()._ask(question)


def judged(drawn: Drawn, backward: str) -> None:
    program = resolved(drawn)
    found = [] if program is None else TorchJudge(drawn, program, backward).run()
    assert not found, "\n".join([*found, "", drawn.text, json.dumps(drawn.record())])


@pytest.mark.parametrize("backward", ["closed", "autograd"])
@pytest.mark.parametrize("seed", range(FIRST, FIRST + (COUNT or 40)))
def test_agrees_with_the_interpreter(seed: int, backward: str) -> None:
    judged(draw_program(random.Random(seed)), backward)


OPEN = {
    ("extremum_of_nothing_not_taken", "autograd"),
    ("product_of_infinities_in_an_angle", "autograd"),
}
"""Programs that are still compiled wrongly; docs/limits.md says what they have in common."""


@pytest.mark.parametrize(
    ("path", "backward"),
    [
        pytest.param(
            p,
            backward,
            id=f"{p.stem}-{backward}",
            marks=[pytest.mark.xfail(strict=True, reason="docs/limits.md")] if (p.stem, backward) in OPEN else [],
        )
        for p in REGRESSIONS
        for backward in ("closed", "autograd")
    ],
)
def test_regression(path: Path, backward: str) -> None:
    """A program that was compiled wrongly once."""
    judged(Drawn.of(json.loads(path.read_text())), backward)
