"""One logical line as physical lines: the breaks of the user inside brackets, and more where a line is too long.

A line behind a break starts in the column behind the bracket that is open, or four columns deeper than the line of the
bracket where the bracket is the last of its line.  To lay out the result again changes nothing: a line is only broken
where it is too long, and a line that can not be broken is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lossdsl.syntax.printer import TIGHT
from lossdsl.syntax.scan import Lexeme, LogicalLine
from lossdsl.syntax.spacing import is_index_bracket, is_sign, spaced, spelled

WIDTH = 100
INDENT = 4

_RANKS = {"|": 0, ";": 0, ",": 1, "if": 2, "else": 2, "or": 3, "and": 4, "+": 5, "-": 5}
_INDEX_PENALTY = 1000


@dataclass(frozen=True)
class _Open:
    """A bracket that is open at a break."""

    column: int
    line_indent: int
    hanging: bool


def lay_out(line: LogicalLine, indent: int) -> list[str]:
    """The physical lines of a logical line that starts at column `indent`."""
    return _Layout(line, indent).lines()


class _Layout:
    def __init__(self, line: LogicalLine, indent: int) -> None:
        self.lexemes: Sequence[Lexeme] = _without_idle_commas(line)
        self.indent = indent
        self.comments = line.comments
        self.depths = _depths(self.lexemes)
        self.stack: list[_Open] = []
        self.out: list[str] = []

    def lines(self) -> list[str]:
        start = 0
        for end in [*self._user_breaks(), len(self.lexemes)]:
            comments = self._comments_before(start)
            for comment in comments:
                self.out.append(" " * self._column(start) + tidy_comment(comment.text))
            while start < end:
                stop = self._fit(start, end)
                self._emit(start, stop)
                start = stop
            self._append_comment(end)
        return self.out

    # ------------------------------------------------------------ breaks

    def _user_breaks(self) -> list[int]:
        """Positions of symbols that start a physical line."""
        text = self._source_text
        return [i for i in range(1, len(self.lexemes)) if "\n" in text(self.lexemes[i - 1].end, self.lexemes[i].start)]

    def _source_text(self, start: int, end: int) -> str:
        return self.text[start:end]

    def _fit(self, start: int, end: int) -> int:
        """Where the physical line that starts with a symbol ends: at `end`, or at the best break that fits."""
        widths = self._widths(start, end)
        if widths[-1] <= WIDTH:
            return end
        ranked = sorted((self._rank(i), -i) for i in range(start + 1, end) if self._breakable(i))
        fitting = [-i for _, i in ranked if widths[-i - start - 1] <= WIDTH]
        if fitting:
            return fitting[0]
        return min((-i for _, i in ranked), default=end)
