"""The grammar file: strict, without code, found wherever the package is, and in step with the scanner."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

import pytest
from lark import Lark, Token

from lossdsl.functions.table import SURFACE
from lossdsl.syntax import grammar, parse
from lossdsl.syntax.scan import Scanner
from lossdsl.syntax.words import FUNCTIONS, KEYWORDS

FOLDER = Path(__file__).parent
TEXTS = sorted((FOLDER / "acceptance").glob("*.loss"))


def test_it_is_strict() -> None:
    """No conflict is resolved silently, and no two terminals match the same text; Lark checks it with interegular."""
    pytest.importorskip("interegular")
    Lark(grammar.grammar_text(), parser="lalr", lexer="contextual", strict=True)


def test_it_holds_no_code() -> None:
    """Everything is a rule, a terminal, a comment, or one of the three directives that load nothing."""
    for line in grammar.grammar_text().splitlines():
        assert not line.startswith("%") or line.split()[0] in ("%declare", "%ignore"), line


def test_every_rule_is_built() -> None:
    """A rule that is no mere alternative has a method of the builder, or its tree would be one of Lark's."""
    rules = {rule.alias or rule.origin.name for rule in grammar.tables().rules}
    missing = [
        name for name in rules if not name.startswith("_") and not hasattr(grammar.Builder, name) and name not in INLINE
    ]
    assert not missing


INLINE = {"expr", "disjunction", "conjunction", "inversion", "comparison", "sum", "product", "signed", "power", "root"}
"""Levels of precedence, which hand on their only child."""


def test_the_words_of_the_grammar_are_reserved() -> None:
    words = {each.pattern.value for each in grammar.tables().terminals if each.pattern.value.isidentifier()}
    assert words == set(KEYWORDS)


def test_every_function_is_reserved() -> None:
    assert SURFACE | {"size"} == FUNCTIONS


def test_it_is_a_resource_of_the_installed_package() -> None:
    installed = resources.files("lossdsl.grammar").joinpath(grammar.GRAMMAR_FILE)
    assert installed.read_text(encoding="utf-8") == grammar.grammar_text()


def test_it_is_found_beside_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    text = grammar.grammar_text()
    monkeypatch.setitem(sys.modules, "lossdsl.grammar", None)
    assert grammar.grammar_text() == text


def test_the_tables_are_made_once() -> None:
    assert grammar.tables() is grammar.tables()


@pytest.mark.parametrize("path", TEXTS[::5], ids=lambda path: path.stem)
def test_the_scanner_sees_what_the_lexer_sees(path: Path) -> None:
    """Line by line, the same symbols at the same places."""
    source = parse(path.read_bytes()).source
    scanner, offset = Scanner(source), 0
    while (line := scanner.next_line(offset)) is not None:
        offset = line.next
        start = line.lexemes[0].start
        tokens: list[Token] = list(grammar.tables().lex(source.text[start : line.end], dont_ignore=False))
        assert [(token.start_pos or 0) + start for token in tokens] == [lexeme.start for lexeme in line.lexemes]
        assert [str(token) for token in tokens] == [lexeme.text for lexeme in line.lexemes]
