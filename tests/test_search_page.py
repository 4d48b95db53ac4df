"""The session of docs/searching.md gives what the page says, and the page names what there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from click.testing import CliRunner

import lossdsl
from lossdsl.cli.commands import commands
from lossdsl.diagnostics.explain import registry
from lossdsl.search import BASELINES, SHIPPED, WORDS
from lossdsl.search.screen import REASONS

PAGE = (Path(__file__).parent.parent / "docs" / "searching.md").read_text(encoding="utf-8")


def test_the_session_of_the_page() -> None:
    ((line, output),) = re.findall(r"^```console\n\$ lossdsl (.*?)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    done = CliRunner().invoke(commands, shlex.split(line))
    assert done.exit_code == 0
    assert done.stdout == output


def test_the_template_of_the_page_is_the_one_that_ships() -> None:
    (text,) = re.findall(r"^```loss\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert text == SHIPPED["residual"]
    assert list(lossdsl.loads(SHIPPED["margin"])) == ["found"]


def test_the_page_names_every_reason_word_baseline_and_error() -> None:
    for reason in REASONS:
        assert f"| {reason} |" in PAGE
    for word in WORDS:
        assert f"`{word}`" in PAGE or f"`{word} " in PAGE
    for names in (*BASELINES.values(), SHIPPED):
        for name in names:
            assert f"`{name}`" in PAGE
    for code in registry():
        assert not code.startswith("E111") or f"`{code}`" in PAGE
