"""Random programs over the whole language: the emitted NumPy code against the reference interpreter.

`LOSSDSL_RANDOM_PROGRAMS=10000 pytest tests/test_random_programs.py` draws many, other ones each time.  What was found once
is kept in `tests/regressions`, smallest programs first, and replayed in every run.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from lossdsl.diagnostics import LossError
from lossdsl.meaning import resolve
from lossdsl.meaning.core import Program
from lossdsl.syntax import parse
from tests.random_items import draw_program
from tests.random_judge import Judge
from tests.random_programs import Drawn

REGRESSIONS = sorted((Path(__file__).parent / "regressions").glob("*.json"))
COUNT = int(os.environ.get("LOSSDSL_RANDOM_PROGRAMS", "0"))
"""0: the programs of every run, always the same ones."""
FIRST = random.randrange(10**9) if COUNT else 0


def resolved(drawn: Drawn) -> Program | None:
    """The checked loss; None for the few drawn texts that are no programs."""
    try:
        return resolve(parse(drawn.text)).losses["f"]
    except LossError:
        return None


def judged(drawn: Drawn, program: Program) -> None:
    found = Judge(drawn, program).run()
    assert not found, "\n".join([*found, "", drawn.text, json.dumps(drawn.record())])


OPEN: set[str] = set()
"""Programs that are still compiled wrongly, by name; docs/limits.md says what they have in common."""


@pytest.mark.parametrize("seed", range(FIRST, FIRST + (COUNT or 250)))
def test_agrees_with_the_interpreter(seed: int) -> None:
    drawn = draw_program(random.Random(seed))
    program = resolved(drawn)
    if program is not None:
        judged(drawn, program)


def test_open_defects_are_kept() -> None:
    assert {path.stem for path in REGRESSIONS} >= OPEN


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            p, id=p.stem, marks=[pytest.mark.xfail(strict=True, reason="docs/limits.md")] if p.stem in OPEN else []
        )
        for p in REGRESSIONS
    ],
)
def test_regression(path: Path) -> None:
    """A program that was compiled wrongly once."""
    record = json.loads(path.read_text())
    drawn = Drawn.of(record)
    program = resolved(drawn)
    assert program is not None, drawn.text
    judged(drawn, program)


def test_most_drawn_texts_are_programs() -> None:
    drawn = [draw_program(random.Random(seed)) for seed in range(100)]
    assert sum(resolved(d) is not None for d in drawn) >= 90


DIGESTS = """
import hashlib, random
from lossdsl.backends.numpy import emit
from tests.random_items import draw_program
from tests.test_random_programs import resolved

for seed in range(60):
    program = resolved(draw_program(random.Random(seed)))
    if program is not None:
        print(seed, hashlib.sha256(emit(program).encode()).hexdigest())
"""


def test_same_bytes_in_every_process() -> None:
    """Whatever the order of sets, that is whatever the seed of Python's hashes."""
    root = Path(__file__).parent.parent
    running = [
        subprocess.Popen(
            [sys.executable, "-c", DIGESTS],
            cwd=root,
            env=os.environ | {"PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    first, second = (process.communicate()[0].splitlines() for process in running)
    assert len(first) > 50
    assert first == second
