"""Random programs over the whole language: the emitted NumPy code against the reference interpreter.

`LOSSDSL_RANDOM_PROGRAMS=10000 pytest tests/test_random_programs.py` draws many, other ones each time.  What was found once
is kept in `tests/regressions`, smallest programs first, and replayed in every run.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lossdsl.diagnostics import LossError
from lossdsl.meaning import resolve
from lossdsl.meaning.core import Program
from lossdsl.syntax import parse
from scripts import findings_page
from tests.random_items import draw_program
from tests.random_judge import Judge
from tests.random_programs import Drawn
from tests.random_shrinker import shrunk

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
    if found and COUNT:
        drawn = shrunk(drawn, is_wrong)
    assert not found, "\n".join([*found, "", drawn.text, json.dumps(drawn.record())])


def is_wrong(drawn: Drawn) -> bool:
    program = resolved(drawn)
    return program is not None and bool(Judge(drawn, program).run())


OPEN: set[str] = set()
"""Programs that are still compiled wrongly, by name; docs/limits.md says what they have in common."""


@pytest.mark.parametrize("seed", range(FIRST, FIRST + (COUNT or 100)))
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


def test_the_page_of_findings_is_current() -> None:
    assert findings_page.PAGE.read_text(encoding="utf-8") == findings_page.page()


def test_a_failing_program_is_made_small() -> None:
    """Here all that subtract below a sum are taken to fail."""
    tried: list[str] = []

    def fails(drawn: Drawn) -> bool:
        tried.append(drawn.text)
        return re.search(r"sum\[[^\]]*\]\(.*-", drawn.text.split("return")[-1]) is not None

    drawn = next(d for s in range(1000) if resolved(d := draw_program(random.Random(s))) is not None and fails(d))
    small = shrunk(drawn, fails)
    assert fails(small)
    assert resolved(small) is not None
    assert len(small.text.split("return")[-1]) < 40 < len(drawn.text.split("return")[-1])
    assert len(tried) < 500


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
