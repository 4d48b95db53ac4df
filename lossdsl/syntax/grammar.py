"""The parser tables, made from the grammar file by the first process that needs them, and kept in the user's cache."""

from __future__ import annotations

import functools
from importlib import resources
from pathlib import Path

from lark import Lark

from lossdsl import cache
from lossdsl.syntax.build import Builder

GRAMMAR_FILE = "lossdsl.lark"


def grammar_text() -> str:
    """The grammar file: a resource of the installed package `lossdsl.grammar`, or beside the package in a checkout."""
    try:
        return resources.files("lossdsl.grammar").joinpath(GRAMMAR_FILE).read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError):
        checkout = Path(__file__).resolve().parents[2]
        return (checkout / "grammar" / GRAMMAR_FILE).read_text(encoding="utf-8")


@functools.cache
def tables() -> Lark:
    """Building a node runs with the parser, on its stack, so that nesting costs no recursion."""
    return make_tables(cache_file())


def make_tables(kept: Path | None) -> Lark:
    """The tables that a file keeps; made anew, and written to it, where it has none for this grammar and this Lark."""
    return Lark(
        grammar_text(),
        parser="lalr",
        lexer="contextual",
        keep_all_tokens=True,
        maybe_placeholders=False,
        transformer=Builder(),
        cache=False if kept is None else str(kept),
    )


def cache_file() -> Path | None:
    """Where the tables are kept: in the folder of `lossdsl.cache`; None where nothing can be written there.

    Reading them takes a twentieth of the time that making them takes.  The folder is the user's alone, as what is in
    it is trusted like compiled Python code.  They are of the grammar, nothing of the user's is in them, so that
    LOSSDSL_CACHE=0 does not concern them.
    """
    folder = cache.private_folder()
    return None if folder is None else folder / "grammar.tables"


def spelling(kind: str) -> str:
    """What a terminal looks like, where it always looks the same; its name otherwise."""
    return _spellings().get(kind, kind)


@functools.cache
def _spellings() -> dict[str, str]:
    return {terminal.name: terminal.pattern.value for terminal in tables().terminals if terminal.pattern.type == "str"}
