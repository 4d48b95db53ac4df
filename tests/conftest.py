"""What the tests share: files with expected output, and how to renew them.

`pytest --update-golden` writes what the code says now into the files; the difference is then read and committed.

Hypothesis draws the same examples in every run, so that a change is judged by its own defects only; what it finds with others,
`pytest --hypothesis-profile=fresh`, is kept as an `@example`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.emission import FOLDER, once

os.environ["LOSSDSL_CACHE"] = "0"  # what is tested is this code, not what it gave before

settings.register_profile("same", derandomize=True)
settings.register_profile("fresh", derandomize=False)
settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the expected outputs anew")


def pytest_configure(config: pytest.Config) -> None:
    """One folder for all processes of a run; the first of them makes it and takes it away."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="lossdsl-tests-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(FOLDER)))


@pytest.fixture(scope="module")
def emitted_once() -> Iterator[None]:
    """For tests that look at what is emitted, and change nothing of how: it is made once in a run."""
    with once():
        yield


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """A check that a text is what a file holds; with `--update-golden`, the file is made to hold it."""
    update = bool(request.config.getoption("--update-golden"))

    def check(path: Path, text: str) -> None:
        if update:
            path.write_text(text, encoding="utf-8", newline="\n")
        expected = path.read_text(encoding="utf-8") if path.exists() else f"(there is no {path.name} yet)"
        assert text == expected, f"{path.name} differs; `pytest --update-golden` renews it"

    return check
