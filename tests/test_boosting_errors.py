"""Golden bad programs: losses that a boosting library can not train, and exactly how that is told.

The first line of each names the library and the options.  `pytest tests/test_boosting_errors.py --update-golden` writes the
reports anew; read the difference before you keep it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import lossdsl
from lossdsl import boosting
from lossdsl.diagnostics import LossError, Problem
from lossdsl.diagnostics.explain import explain

FOLDER = Path(__file__).parent / "bad" / "boosting"
PROGRAMS = sorted(FOLDER.glob("*.loss"))
CODES = ["E0701", "E0702", "E0703", "E0704", "E0705"]


def failure(path: Path) -> LossError:
    library, *pairs = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").split()
    options: dict[str, object] = dict(pair.split("=") for pair in pairs)
    if "coupled" in options:
        options["coupled"] = True
    *_, loss = lossdsl.load(path).values()
    with pytest.raises(LossError) as caught:
        loss.objective(library, **options)
    return caught.value


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_report(path: Path, golden: Callable[[Path, str], None]) -> None:
    golden(path.with_suffix(".txt"), str(failure(path)).replace(f"{FOLDER}/", "") + "\n")


def test_every_code_has_a_bad_program() -> None:
    import lossdsl.diagnostics.boosting  # noqa: F401

    assert [code for code in sorted(Problem.registry) if code.startswith("E07")] == CODES
    assert {problem.code for path in PROGRAMS for problem in failure(path).problems} == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_long_story(code: str) -> None:
    story = explain(code)
    assert story.index("Wrong:") < story.index("Right:")
    assert len(story.split("Wrong:")[0].split()) > 20


def test_names_that_do_not_exist() -> None:
    loss = lossdsl.catalogue["regression"]["huber"]
    with pytest.raises(ValueError, match="no objective for 'sklearn', only for xgboost, lightgbm, catboost"):
        loss.objective("sklearn")
    with pytest.raises(ValueError, match='api must be "native" or "sklearn"'):
        loss.objective("xgboost", api="dask")
    with pytest.raises(ValueError, match="hessian must be among exact, constant, abs,"):
        loss.objective("xgboost", hessian="newton")
    with pytest.raises(ValueError, match="no data 'y' with an element for each row, only target"):
        loss.objective("xgboost", target="y")
    with pytest.raises(ValueError, match="delta must be > 0"):
        loss.objective("xgboost", delta=-1.0)
    with pytest.raises(TypeError, match="sigma"):
        loss.objective("xgboost", sigma=1.0)
    assert boosting.NAMES == ("xgboost", "lightgbm", "catboost")
