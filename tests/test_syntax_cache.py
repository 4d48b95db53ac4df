"""The parser tables are made once and kept; whatever happens to the file, parsing works."""

from __future__ import annotations

from pathlib import Path

import pytest
from lark import Lark
from lark.parsers.lalr_analysis import LALR_Analyzer

from lossdsl.syntax import parse
from lossdsl.syntax.grammar import cache_file, tables

TEXT = "loss f(x[n]):\n    return mean[n](x^2)\n"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each time that the tables are made."""
    Lark('start: "a"', parser="lalr")  # which has tables of its own, for the language that grammars are written in
    calls: list[str] = []
    make = LALR_Analyzer.compute_lalr

    def counted(self: LALR_Analyzer) -> None:
        calls.append("made")
        make(self)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(LALR_Analyzer, "compute_lalr", counted)
    return calls


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = cache_file()
    assert path is not None
    return path


def parsed_anew() -> str:
    """As by a process of its own."""
    tables.cache_clear()
    return repr(parse(TEXT))


def test_tables_are_made_once(kept: Path, made: list[str]) -> None:
    assert parsed_anew() == parsed_anew()
    assert len(made) == 1
    assert kept.exists()


def test_a_damaged_file_is_replaced(kept: Path, made: list[str]) -> None:
    expected = parsed_anew()
    for damaged in (b"", b"\0" * 100, kept.read_bytes()[:5000]):
        kept.write_bytes(damaged)
        assert parsed_anew() == expected
    assert parsed_anew() == expected
    assert len(made) == 4


def test_nothing_is_kept_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: list[str]
) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_file() is None
    parsed_anew()
    assert len(made) == 1


def test_the_folder_is_the_users_alone(kept: Path) -> None:
    assert kept.parent.stat().st_mode & 0o077 == 0
