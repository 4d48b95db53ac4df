"""Golden bad programs: what is wrong with the meaning of a text, and exactly how that is told.

`pytest tests/test_bad_semantics.py --update-golden` writes the reports anew; read the difference before you keep it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from effort import SECOND, calls

import lossdsl.diagnostics.calls
import lossdsl.diagnostics.imports
import lossdsl.diagnostics.indices
import lossdsl.diagnostics.names
import lossdsl.diagnostics.types  # noqa: F401
from lossdsl.diagnostics import LossError, Problem
from lossdsl.meaning import resolve
from lossdsl.syntax import parse

FOLDER = Path(__file__).parent / "bad" / "semantics"
PROGRAMS = sorted(FOLDER.glob("*.loss"))
CODES = sorted(code for code in Problem.registry if code.startswith(("E02", "E03", "E04", "E05", "E06")))


@cache
def failure(path: Path) -> LossError:
    module = parse(path.read_bytes(), str(path))
    with pytest.raises(LossError) as caught:
        resolve(module, catalogue=FOLDER / "parts")
    return caught.value


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_report(path: Path, golden: Callable[[Path, str], None]) -> None:
    assert calls(lambda: failure(path)) < 3 * SECOND  # the first call for this file, or one that did no more
    golden(path.with_suffix(".txt"), str(failure(path)).replace(f"{FOLDER}/", "") + "\n")


def test_every_code_has_a_bad_program() -> None:
    met = {problem.code for path in PROGRAMS for problem in failure(path).problems}
    elsewhere = {"E0606", "E0607"}  # test_a_text_without_a_path, and tests/test_resolve_imports.py
    assert set(CODES) - met == elsewhere


def test_a_text_without_a_path() -> None:
    with pytest.raises(LossError) as caught:
        resolve(parse('use "./mine.loss": f\n\nloss l(x[n]):\n    return f(x)\n'))
    assert [problem.code for problem in caught.value.problems] == ["E0606"]


@pytest.mark.parametrize("code", CODES)
def test_long_story(code: str) -> None:
    """What `lossdsl explain` prints: what is wrong, why, and an example of both sides."""
    story = Problem.registry[code].__doc__ or ""
    assert story.index("Wrong:") < story.index("Right:")
    assert len(story.split("Wrong:")[0].split()) > 10
    assert Problem.registry[code].title
