"""One logical line as physical lines: the breaks of the user inside brackets, and more where a line is too long.

A line behind a break starts in the column behind the bracket that is open, or four columns deeper than the line of the
bracket where the bracket is the last of its line.  To lay out the result again changes nothing: a line is only broken
where it is too long, and a line that can not be broken is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lossdsl.diagnostics import Source
from lossdsl.syntax.failure import REDUCTION_WORDS
from lossdsl.syntax.lexeme import Lexeme, LogicalLine
from lossdsl.syntax.scan import Scanner
from lossdsl.syntax.spacing import is_index_bracket, is_sign, spaced, spelled

WIDTH = 100
INDENT = 4
_SHORT = 20

_BEHIND = {"|": 0, ";": 0, ",": 1}
_BEFORE = {"if": 2, "else": 2, "or": 3, "and": 4, "+": 5, "-": 5, "*": 6, "/": 6}
"""Behind or before which symbols a line is broken: the lowest number first."""

_LOOSE = frozenset(("if", "else", "or", "and", "+", "-"))
"""Operators that are worth parentheses around the right side of a line, to be able to break it there."""


@dataclass(frozen=True)
class _Open:
    """A bracket that is open at a break."""

    column: int
    line_indent: int
    hanging: bool


def lay_out(line: LogicalLine, indent: int) -> list[str]:
    """The physical lines of a logical line that starts at column `indent`."""
    layout = _Layout(line, indent)
    if layout.too_long() and (wrapped := _wrapped(line)) is not None:
        layout = _Layout(wrapped, indent)
    return layout.lines()


def _wrapped(line: LogicalLine) -> LogicalLine | None:
    """The line with its right side in parentheses, if it has operators that stand in none."""
    lexemes = line.lexemes
    outside = [i for i, lexeme in enumerate(lexemes) if lexeme.parent < 0]
    mark = next((i for i in outside if lexemes[i].text in ("=", "return")), None)
    if mark is None or not any(i > mark + 1 and spelled(lexemes[i]) in _LOOSE for i in outside):
        return None
    text, first, last = line.source.text, lexemes[mark + 1].start, lexemes[-1].end
    wrapped = f"{text[line.start : first]}({text[first:last]}){text[last : line.end]}"
    return Scanner(Source(line.source.path, wrapped)).line_at(0)


def _rank(lexemes: Sequence[Lexeme], index: int) -> int | None:
    lexeme, before = lexemes[index], lexemes[index - 1]
    if before.kind in ("operator", "bar between") and before.text in _BEHIND:
        return _BEHIND[before.text]
    word = spelled(lexeme)
    if word in _BEFORE and lexeme.kind in ("name", "operator") and not is_sign(lexemes, index):
        return _BEFORE[word]
    return None


def _brackets(lexemes: Sequence[Lexeme]) -> tuple[dict[int, int], dict[int, int]]:
    """How deep what stands in each bracket is, and where each is closed."""
    depths, closing, stack = {-1: 0}, {}, []
    for index, lexeme in enumerate(lexemes):
        if lexeme.kind in ("open", "bar open"):
            depths[index] = depths[lexeme.parent] + 1
            stack.append(index)
        elif lexeme.kind in ("close", "bar close"):
            closing[stack.pop()] = index
    return depths, closing


def tidy_comment(text: str) -> str:
    """A comment with a space behind its `#`, and none at its end."""
    text = text.rstrip()
    return f"# {text[1:]}" if text[1:2].isalnum() else text


class _Layout:
    def __init__(self, line: LogicalLine, indent: int) -> None:
        self.line = line
        self.lexemes = line.lexemes
        self.indent = indent
        self.depths, self.closing = _brackets(line.lexemes)
        self.stack: list[_Open] = []
        self.out: list[str] = []

    def too_long(self) -> bool:
        """Whether a line of the text does not fit as it is."""
        starts = [0, *self._forced_breaks()]
        return not all(self._fits(self.indent, start, end) for start, end in pairwise(starts))

    def lines(self) -> list[str]:
        start = 0
        comments = list(self.line.comments)
        for end in self._forced_breaks():
            self._segment(start, end)
            start = end
            limit = self.lexemes[end].start if end < len(self.lexemes) else self.line.end + 1
            while comments and comments[0].start < limit:
                self._comment(comments.pop(0), end)
        return self.out

    # ------------------------------------------------------------ where to break

    def _forced_breaks(self) -> list[int]:
        """Positions of the symbols that start a physical line in the text, and the end."""
        text = self.line.source.text
        inner = range(1, len(self.lexemes))
        return [
            *(i for i in inner if text.find("\n", self.lexemes[i - 1].end, self.lexemes[i].start) >= 0),
            len(self.lexemes),
        ]

    def _segment(self, start: int, end: int) -> None:
        """Symbols that stand on one line, or on several if they do not fit."""
        if self._fits(self._column(start), start, end):
            self._emit(start, end)
            return
        level = min(self.depths[self.lexemes[index].parent] for index in range(start, end))
        for part_start, part_end in self._operators(start, end, level) or self._bracket(start, end, level):
            if (part_start, part_end) == (start, end):
                self._emit(start, end)
            else:
                self._segment(part_start, part_end)

    def _operators(self, start: int, end: int, level: int) -> list[tuple[int, int]]:
        """The symbols broken before operators, or behind commas, that stand in the bracket around all of them."""
        ranked = [(rank, i) for i in range(start + 1, end) if (rank := self._rank(i, level)) is not None]
        if not ranked:
            return []
        best = min(rank for rank, _ in ranked)
        breaks = [i for rank, i in ranked if rank == best] + [end]
        parts = [(start, breaks[0])]
        for stop in pairwise(breaks):
            first = parts[-1][0]
            if self._fits(self._column(first), first, stop[1]):
                parts[-1] = (first, stop[1])
            else:
                parts.append(stop)
        return parts

    def _rank(self, index: int, level: int) -> int | None:
        """How good a break before a symbol is, lower is better; None where a line is not broken."""
        lexeme, before = self.lexemes[index], self.lexemes[index - 1]
        if level < 1 or self.depths[lexeme.parent] != level or lexeme.kind in ("close", "bar close"):
            return None
        return _rank(self.lexemes, index) if before.kind not in ("open", "bar open") else None

    def _bracket(self, start: int, end: int, level: int) -> list[tuple[int, int]]:
        """The content of the longest bracket on lines of its own."""
        pairs = [
            (self._weight(index), -index, close)
            for index in range(start, end)
            if self.depths[self.lexemes[index].parent] == level
            and (close := self.closing.get(index, end)) < end
            and self._length(index) > INDENT
        ]
        if not pairs:
            return [(start, end)]
        _, opening, close = max(pairs)
        return [(start, 1 - opening), (1 - opening, close), (close, end)]

    def _weight(self, index: int) -> tuple[bool, int]:
        """Brackets of indices are broken last, and so are short ones."""
        length = self._length(index)
        indices = is_index_bracket(self.lexemes, index) or self._binds(index)
        return length > _SHORT and not indices, length

    def _length(self, index: int) -> int:
        """How much stands in a bracket."""
        return self.lexemes[self.closing[index]].start - self.lexemes[index].end if index in self.closing else 0

    def _fits(self, column: int, start: int, end: int) -> bool:
        for index in range(start, end):
            column += len(self._piece(index, index > start))
            if column > WIDTH:
                return False
        return True

    def _binds(self, index: int) -> bool:
        """Whether a bracket holds the indices of a reduction."""
        before = self.lexemes[index - 1] if index else None
        return self.lexemes[index].text == "[" and before is not None and before.text in REDUCTION_WORDS

    # ------------------------------------------------------------ output

    def _emit(self, start: int, stop: int) -> None:
        first = column = self._column(start)
        pieces = [" " * column]
        for index in range(start, stop):
            piece = self._piece(index, index > start)
            column += len(piece)
            pieces.append(piece)
            kind = self.lexemes[index].kind
            if kind in ("open", "bar open"):
                self.stack.append(_Open(column - 1, first, index == stop - 1))
            elif kind in ("close", "bar close"):
                self.stack.pop()
        self.out.append("".join(pieces))

    def _piece(self, index: int, inner: bool) -> str:
        if self._idle_comma(index):
            return ""
        return (" " if inner and spaced(self.lexemes, index) else "") + spelled(self.lexemes[index])

    def _idle_comma(self, index: int) -> bool:
        """A comma before a closing bracket, or before the next group, on one line."""
        if self.lexemes[index].text != "," or index + 1 == len(self.lexemes):
            return self.lexemes[index].text == ","
        following = self.lexemes[index + 1]
        between = self.line.source.text[self.lexemes[index].end : following.start]
        ends = following.kind in ("close", "bar between") or following.text == ";"
        return ends and "\n" not in between

    def _column(self, start: int) -> int:
        if not self.stack:
            return self.indent
        top = self.stack[-1]
        if start < len(self.lexemes) and self.lexemes[start].kind in ("close", "bar close"):
            return top.line_indent if top.hanging else top.column
        return top.line_indent + INDENT if top.hanging else top.column + 1

    def _comment(self, comment: Lexeme, following: int) -> None:
        """Behind its line, or on a line of its own inside the bracket."""
        text = self.line.source.text
        line_start = text.rfind("\n", 0, comment.start) + 1
        if text[line_start : comment.start].strip():
            self.out[-1] += f"  {tidy_comment(comment.text)}"
        else:
            self.out.append(" " * self._column(following) + tidy_comment(comment.text))
