"""One logical line as physical lines: the breaks of the user inside brackets, and more where a line is too long.

A line behind a break starts in the column behind the bracket that is open, or four columns deeper than the line of the
bracket where the bracket is the last of its line.  To lay out the result again changes nothing: a line is only broken
where it is too long, and a line that can not be broken is left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from lossdsl.syntax.scan import Lexeme, LogicalLine
from lossdsl.syntax.spacing import is_index_bracket, is_sign, spaced, spelled
from lossdsl.syntax.words import KEYWORDS

WIDTH = 100
INDENT = 4

_BEHIND = {"|": 0, ";": 0, ",": 1}
_BEFORE = {"if": 2, "else": 2, "or": 3, "and": 4, "+": 5, "-": 5}
"""Where a line is broken, behind or before which symbol: the lowest number first, within one depth."""

_INDEX_PENALTY = 1000
"""The brackets of an index, or of the indices of a reduction, are broken last."""


@dataclass(frozen=True)
class _Open:
    """A bracket that is open at a break."""

    column: int
    line_indent: int
    hanging: bool


def lay_out(line: LogicalLine, indent: int) -> list[str]:
    """The physical lines of a logical line that starts at column `indent`."""
    return _Layout(line, indent).lines()


def tidy_comment(text: str) -> str:
    """A comment with a space behind its `#`, and none at its end."""
    text = text.rstrip()
    return f"# {text[1:]}" if text[1:2].isalnum() else text


class _Layout:
    def __init__(self, line: LogicalLine, indent: int) -> None:
        self.line = line
        self.lexemes = line.lexemes
        self.indent = indent
        self.depths = self._depths()
        self.stack: list[_Open] = []
        self.out: list[str] = []

    def lines(self) -> list[str]:
        start = 0
        comments = list(self.line.comments)
        for end in self._forced_breaks():
            while start < end:
                stop = self._fit(start, end)
                self._emit(start, stop)
                start = stop
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

    def _fit(self, start: int, end: int) -> int:
        """Where the physical line that starts with a symbol ends: at `end`, or at the best break that fits."""
        width = self._column(start)
        best: tuple[tuple[int, int], int] | None = None
        for index in range(start, end):
            if index > start and (rank := self._rank(index)) is not None:
                if width > WIDTH and best is None:
                    return index
                if width <= WIDTH and (best is None or rank <= best[0]):
                    best = rank, index
            width += len(self._piece(index, index > start))
            if width > WIDTH and best is not None:
                return best[1]
        return end

    def _rank(self, index: int) -> tuple[int, int] | None:
        """How good a break before a symbol is, lower is better; None where a line can not be broken."""
        lexeme, before = self.lexemes[index], self.lexemes[index - 1]
        if lexeme.parent < 0 or lexeme.kind in ("close", "bar close"):
            return None
        if before.kind in ("operator", "bar between") and before.text in _BEHIND:
            return self.depths[lexeme.parent], _BEHIND[before.text]
        word = spelled(lexeme)
        if word in _BEFORE and lexeme.kind in ("name", "operator") and not is_sign(self.lexemes, index):
            return self.depths[lexeme.parent], _BEFORE[word]
        return None

    def _depths(self) -> dict[int, int]:
        """How deep what stands inside a bracket is."""
        depths = {-1: 0}
        for index, lexeme in enumerate(self.lexemes):
            if lexeme.kind in ("open", "bar open"):
                penalty = _INDEX_PENALTY if is_index_bracket(self.lexemes, index) or self._binds(index) else 1
                depths[index] = depths[lexeme.parent] + penalty
        return depths

    def _binds(self, index: int) -> bool:
        """Whether a bracket holds the indices of a reduction."""
        before = self.lexemes[index - 1] if index else None
        return (
            self.lexemes[index].text == "["
            and before is not None
            and before.kind == "name"
            and before.text in KEYWORDS
            and not spaced(self.lexemes, index)
        )

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
            return False
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
