"""What the documentation shows is true: every loss text compiles, every Python session gives what it says."""

from __future__ import annotations

import doctest
import os
import re
from pathlib import Path

import pytest

import lossdsl
from lossdsl.cli.commands import COMMANDS
from lossdsl.syntax.words import RESERVED

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "grammar" / "README.md"]
DOCUMENTS = [*PAGES, *ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")]


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """(line, text) of each fenced block of a language."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, match.start()) + 1, match[1]) for match in found]


LOSS_TEXTS = [
    pytest.param(text, id=f"{page.relative_to(ROOT)}:{line}") for page in PAGES for line, text in blocks(page, "loss")
]


@pytest.mark.parametrize("text", LOSS_TEXTS)
def test_loss_texts_compile_to_both_back_ends(text: str) -> None:
    module = lossdsl.loads(text)
    assert len(module) > 0
    for loss in module.values():
        loss.compile("numpy")
        assert "def " in loss.source("torch")


def test_the_two_formulas_of_the_unicode_example_are_one() -> None:
    text = next(param.values[0] for param in LOSS_TEXTS if "ŷ" in param.values[0])
    one, other = lossdsl.loads(text).values()
    assert one.numpy()([1.0, 2.0], [1.5, 7.0]) == pytest.approx(other.numpy()([1.0, 2.0], [1.5, 7.0]), rel=1e-15)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_sessions(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    session = "\n".join(text for _, text in blocks(page, "python"))
    parser = doctest.DocTestParser()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(parser.get_doctest(session, {}, page.name, str(page), 0))
    assert runner.failures == 0
    assert page.name != "README.md" or page.parent != ROOT or runner.tries > 10


def test_every_link_leads_somewhere() -> None:
    for page in DOCUMENTS:
        prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", prose):
            assert "://" in target or (page.parent / target).exists(), f"{page}: {target}"


def test_the_reference_names_every_reserved_word() -> None:
    """Functions too: whoever adds a row to the table has to document it."""
    text = (ROOT / "grammar" / "README.md").read_text(encoding="utf-8")
    missing = [word for word in RESERVED if not re.search(rf"`[^`\n]*\b{word}\b[^`\n]*`", text)]
    assert not missing


def test_the_readme_shows_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"lossdsl {name} " not in text] == []


def test_the_scripts_of_the_readme_can_be_run() -> None:
    for script in ("run", "test", ".ci/run"):
        assert os.access(ROOT / script, os.X_OK), script


def test_examples_are_listed() -> None:
    text = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "examples").iterdir():
        if path.suffix in (".loss", ".py"):
            assert f"[{path.name}]({path.name})" in text
