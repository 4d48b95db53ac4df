"""The session of docs/reports.md gives what the page says, and its numbers are those of the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from lossdsl.cli.commands import commands
from lossdsl.report.frames import CELLS, COUNTS, TOGETHER
from lossdsl.report.scale import HEIGHT

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
SESSION = re.findall(r"^\$ lossdsl (.*)\n(.*)$", PAGE, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("session")
    (path / "examples").symlink_to(ROOT / "examples")
    return path


@pytest.mark.parametrize(("line", "said"), SESSION, ids=[line for line, _ in SESSION])
def test_the_session_of_the_page(folder: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str) -> None:
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(commands, shlex.split(line))
    assert done.output == said + "\n"
    assert done.exit_code == (2 if said.startswith("Error") else 0)
    if done.exit_code == 0:
        text = (folder / said.removeprefix("wrote ")).read_text(encoding="utf-8")
        named = re.findall(r"^\| (\w+) \| [^|]*\|$", PAGE, flags=re.MULTILINE)
        shown = re.findall(r"<h2>(\w+)</h2>", text)
        skipped = {"Checks", "Accuracy"} if "--no-check" in line else set()
        assert shown == [title for title in named if title[0].isupper() and title not in skipped]


def test_the_page_has_a_session() -> None:
    assert len(SESSION) == 4


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    elements, coupled = CELLS["elements"] + 1, CELLS["example"] + 1
    assert f"each of {elements} points ({coupled} where" in PAGE
    assert f"to a part in {HEIGHT} of the picture" in PAGE
    two, three = COUNTS["elements"][1:]
    assert f"two sliders have {two} positions each, with three {three}" in PAGE
    assert TOGETHER == 3 and "Up to three sliders move together" in PAGE
