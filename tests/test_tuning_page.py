"""The session of docs/tuning.md gives what the page says, and the page names what there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from click.testing import CliRunner

from lossdsl.cli.commands import commands
from lossdsl.comparison.metrics import TITLES
from lossdsl.diagnostics.explain import registry

PAGE = (Path(__file__).parent.parent / "docs" / "tuning.md").read_text(encoding="utf-8")


def test_the_session_of_the_page() -> None:
    ((line, output),) = re.findall(r"^```console\n\$ lossdsl (.*?)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    done = CliRunner().invoke(commands, shlex.split(line))
    assert done.exit_code == 0
    assert done.stdout == output


def test_the_page_names_every_metric_and_every_error() -> None:
    for name in TITLES:
        assert f"`{name}`" in PAGE
    for code in registry():
        assert not code.startswith("E110") or f"`{code}`" in PAGE
