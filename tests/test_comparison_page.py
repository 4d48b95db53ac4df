"""The session of docs/comparing.md gives what the page says, and the page names what there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from lossdsl.cli.commands import commands
from lossdsl.comparison import SHIPPED
from lossdsl.diagnostics.explain import registry

PAGE = (Path(__file__).parent.parent / "docs" / "comparing.md").read_text(encoding="utf-8")


SESSIONS = re.findall(r"^```console\n\$ lossdsl (.*?)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("line", "output"), SESSIONS, ids=[line for line, _ in SESSIONS])
def test_the_sessions_of_the_page(line: str, output: str) -> None:
    done = CliRunner().invoke(commands, shlex.split(line))
    assert done.exit_code == 0
    assert done.stdout == output


def test_the_page_names_every_data_set_and_every_error() -> None:
    for name in SHIPPED:
        assert f"`{name}`" in PAGE
    for code in registry():
        assert not code.startswith("E10") or f"`{code}`" in PAGE
