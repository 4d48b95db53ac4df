"""The symbols of a text, and its logical lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from lossdsl.diagnostics import Problem, Source, Span

Kind = Literal["name", "number", "text", "operator", "open", "close", "bar open", "bar close", "bar between", "comment"]


class Lexeme(NamedTuple):
    """One symbol; `parent` is the position in its line of the innermost bracket or bar around it, or -1."""

    kind: Kind
    start: int
    end: int
    text: str
    parent: int


@dataclass(frozen=True)
class LogicalLine:
    """Characters start <= i < end; `next` is where the following physical line starts."""

    source: Source
    start: int
    end: int
    next: int
    indent: int
    lexemes: tuple[Lexeme, ...]
    comments: tuple[Lexeme, ...]
    problem: Problem | None

    @property
    def word(self) -> str:
        return self.lexemes[0].text

    def span(self, lexeme: Lexeme) -> Span:
        return Span(self.source, lexeme.start, lexeme.end)

    def end_span(self) -> Span:
        """The place after the last symbol."""
        end = self.lexemes[-1].end
        return Span(self.source, end, end)
