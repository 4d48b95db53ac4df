"""The parser tables, made once from the grammar file."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

from lark import Lark

from lossdsl.syntax.build import Builder

GRAMMAR_FILE = "lossdsl.lark"


def grammar_text() -> str:
    """The grammar file: a resource of the installed package `lossdsl.grammar`, or beside the package in a checkout."""
    try:
        return resources.files("lossdsl.grammar").joinpath(GRAMMAR_FILE).read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError):
        checkout = Path(__file__).resolve().parents[2]
        return (checkout / "grammar" / GRAMMAR_FILE).read_text(encoding="utf-8")


@cache
def tables() -> Lark:
    """Building a node runs with the parser, on its stack, so that nesting costs no recursion."""
    return Lark(
        grammar_text(),
        parser="lalr",
        lexer="contextual",
        keep_all_tokens=True,
        maybe_placeholders=False,
        transformer=Builder(),
    )


def spelling(kind: str) -> str:
    """What a terminal looks like, where it always looks the same; its name otherwise."""
    return _spellings().get(kind, kind)


@cache
def _spellings() -> dict[str, str]:
    return {terminal.name: terminal.pattern.value for terminal in tables().terminals if terminal.pattern.type == "str"}
