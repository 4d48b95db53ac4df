"""Words of the language where a name is meant."""

from __future__ import annotations

from lossdsl.diagnostics import Problem
from lossdsl.diagnostics.syntax import ReservedWord
from lossdsl.syntax.failure import Failure
from lossdsl.syntax.words import normalise


def reserved(failure: Failure) -> Problem | None:
    """A word of the language where a name is bound."""
    if not failure.is_keyword or (failure.text() == "where" and failure.opens_binders() and failure.text(1) != "]"):
        return None
    binds = ("NAME" in failure.accepts and not failure.wants_operand) or failure.at == 0 or failure.text(1) == "="
    if not binds and failure.text() == normalise(failure.text()):
        return None
    return reserved_word(failure)


def reserved_word(failure: Failure, offset: int = 0) -> Problem:
    text = failure.text(offset)
    word = normalise(text)
    spelled = "" if text == word else f", spelled `{text}`"
    message = f"`{word}` is a word of the language{spelled}, and can not be a name"
    hint = f"write `{word}`, if the word is meant" if spelled else f"write `{word}_`, or another name"
    return ReservedWord(failure.span_of(offset), message, hint)
