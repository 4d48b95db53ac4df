"""Logical lines: where a statement starts and ends, and what it is made of.

Inside brackets and bars a line breaks freely, so that the end of a line is known only once they are matched.  What is
found here, the parser takes for granted: no tabs or stray characters, every bracket and bar closed, every number in
range.  A line that is not so carries its first `problem`, and is not parsed.
"""

from __future__ import annotations

import re

from lossdsl.diagnostics import LossError, Problem, Source, Span
from lossdsl.diagnostics.limits import MAX_DEPTH, MAX_SYMBOLS, NestedTooDeep, TooManySymbols
from lossdsl.diagnostics.syntax import (
    BlockForm,
    ForeignOperator,
    UnclosedBracket,
    UnclosedText,
    UnmatchedBracket,
)
from lossdsl.syntax.characters import CONTROL, stray_problem, tab_problem
from lossdsl.syntax.lexeme import Kind, Lexeme, LogicalLine
from lossdsl.syntax.numerals import number_problem
from lossdsl.syntax.words import KEYWORDS, OPERANDS

NAME_START = r"[^\x00-@\[-^`{-\x9F²³·×−≤≥≠∈∞√∑\s]"
NAME_PART = r"[^\x00-/:-@\[-^`{-\x9F²³·×−≤≥≠∈∞√∑\s]"
DIGITS = r"[0-9]+(?:_[0-9]+)*"

_SYMBOL = re.compile(
    rf"""
      (?P<name>    {NAME_START}{NAME_PART}* )
    | (?P<number>  (?: {DIGITS} (?: \. (?:{DIGITS})? )? | \. {DIGITS} )
                   (?: [eE][+-]?{DIGITS} )? )
    | (?P<text>    \"\"\"(?:"{{0,2}}[^"])*\"\"\" | "(?!"")[^"\n]*" )
    | (?P<open>    [(\[{{] )
    | (?P<close>   [)\]}}] )
    | (?P<bar>     \| )
    | (?P<space>   [ ]+ )
    | (?P<newline> \n )
    | (?P<comment> \#[^\n]* )
    | (?P<operator> \*\*=?|//=?|===?|!==?|<=|>=|->|=>|:=|<>|\.\.?\.?|&&|[-+*/%]=|[-+*/^<>=,;:·×−≤≥≠∈∞√∑²³%&!?@~$'`\\] )
    """,
    re.VERBOSE,
)
_BLANK_LINES = re.compile(r"(?:[ \t]*\n)*")
_NO_SYMBOLS = frozenset(("space", "newline", "comment"))
_LOOKS_LIKE_START = re.compile(r"(?:predict\s+)?[^\W\d]\w*(?:\[[^\]\n]*\])?\s*=(?!=)")
_ITEM_OR_RETURN = re.compile(r"(?:return|loss|def|use)\b(?!\s*=)")
_MATCHING = {")": "(", "]": "[", "}": "{"}
CLOSING = {"(": ")", "[": "]", "{": "}", "|": "|"}
_VALUES = frozenset(("²", "³", "∞"))


class Scanner:
    """Hands out the logical lines of a source, from any place where a physical line starts."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._count_ahead()

    def _count_ahead(self) -> None:
        """Turns down a text with too many symbols before any of them is parsed."""
        if len(self.source.text) <= MAX_SYMBOLS:
            return
        symbols = 0
        for match in _SYMBOL.finditer(self.source.text):
            symbols += match.lastgroup not in _NO_SYMBOLS
            if symbols > MAX_SYMBOLS:
                span = Span(self.source, match.start(), match.end())
                raise LossError(TooManySymbols(span, f"the text has more than {MAX_SYMBOLS:,} symbols"))

    def next_line(self, offset: int) -> LogicalLine | None:
        """The first logical line at or after `offset`; blank lines and lines of comments are none."""
        while (match := _BLANK_LINES.match(self.source.text, offset)) and match.end() < len(self.source.text):
            line = self.line_at(match.end())
            if line.lexemes or line.problem:
                return line
            offset = line.next
        return None

    def line_at(self, offset: int) -> LogicalLine:
        """The line that starts at a place: without symbols, if it is blank or holds only a comment."""
        return _Line(self.source, offset).scan()


class _Line:
    """The scan of one logical line."""

    def __init__(self, source: Source, offset: int) -> None:
        self.source = source
        self.text = source.text
        self.offset = offset
        self.lexemes: list[Lexeme] = []
        self.comments: list[Lexeme] = []
        self.stack: list[int] = []
        self.breaks: list[tuple[int, int]] = []
        """Physical line starts inside the line, each with the number of lexemes before it."""
        self.problem: Problem | None = None
        self.indent = 0

    def scan(self) -> LogicalLine:
        position = self._indentation(self.offset)
        end = len(self.text)
        while position < end:
            match = _SYMBOL.match(self.text, position)
            if match is None:
                position = self._stray(position)
                continue
            kind = match.lastgroup
            if kind == "newline":
                if not self.stack or self._keyword_follows(match.end()):
                    return self._finish(match.start(), match.end())
                self.breaks.append((match.end(), len(self.lexemes)))
            elif kind in ("open", "bar") and self._too_deep(match.start()):
                return self._finish(position, position)
            elif kind != "space":
                self._symbol(str(kind), match.start(), match.end(), match.group())
            position = match.end()
        return self._finish(end, end)

    # ------------------------------------------------------------ symbols

    def _symbol(self, kind: str, start: int, end: int, text: str) -> None:
        match kind:
            case "comment":
                self._comment(start, end, text)
                return
            case "open":
                self._push("open", start, text)
                return
            case "close":
                self._close(start, text)
                return
            case "bar":
                self._bar(start)
                return
            case "name":
                self._check_name(start, text)
            case "number":
                self._report(number_problem(Span(self.source, start, end)))
            case "text":
                self._check_text(start, end)
        self._add(kind, start, end, text)  # type: ignore[arg-type]

    def _add(self, kind: Kind, start: int, end: int, text: str) -> None:
        self.lexemes.append(Lexeme(kind, start, end, text, self.stack[-1] if self.stack else -1))

    def _push(self, kind: Kind, start: int, text: str) -> None:
        self._add(kind, start, start + 1, text)
        self.stack.append(len(self.lexemes) - 1)

    def _too_deep(self, start: int) -> bool:
        """Whether brackets of earlier lines are still open that hardly were meant to be; deeper nesting is an error."""
        if len(self.stack) < MAX_DEPTH:
            return False
        if any(self._starts_statement(offset) for offset, _ in self.breaks):
            return True
        hint = "give a part of the formula a name"
        message = f"this is nested more than {MAX_DEPTH} levels deep"
        raise LossError(NestedTooDeep(Span(self.source, start, start + 1), message, hint))

    def _close(self, start: int, text: str) -> None:
        while self.stack and not self._closes(text):
            wanted = [index for index in self.stack if self.lexemes[index].text == _MATCHING[text]]
            if not wanted:
                self._unmatched(start, text)
                return
            self._unclosed(self.lexemes[self.stack.pop()])
        if not self.stack:
            self._unmatched(start, text)
            return
        self.stack.pop()
        self._add("close", start, start + 1, text)

    def _closes(self, text: str) -> bool:
        """Whether a closing bracket fits the innermost open one; `in [0, 1)` may close with either."""
        index = self.stack[-1]
        opener = self.lexemes[index].text
        if opener == _MATCHING[text]:
            return True
        before = self.lexemes[index - 1].text if index else ""
        return before in ("in", "∈", "or") and opener in ("(", "[") and text in (")", "]")

    def _bar(self, start: int) -> None:
        """After an operand a bar closes the bar that is open, or separates; elsewhere it opens one."""
        if self._after_operand() or self._in_signature():
            if self.stack and self.lexemes[self.stack[-1]].text == "|":
                self.stack.pop()
                self._add("bar close", start, start + 1, "|")
            else:
                self._add("bar between", start, start + 1, "|")
        else:
            self._push("bar open", start, "|")

    def _after_operand(self) -> bool:
        if not self.lexemes:
            return False
        kind, _, _, text, _ = self.lexemes[-1]
        if kind == "name":
            return text not in KEYWORDS or text in OPERANDS
        return kind in ("number", "close", "bar close", "text") or text in _VALUES

    def _in_signature(self) -> bool:
        """In `loss f(a, | b, ):` nothing but a separator can follow a comma."""
        return (
            self.stack == [2]
            and self._is_head()
            and self.lexemes[2].text == "("
            and self.lexemes[-1].text in (",", "(", ";")
        )

    def _comment(self, start: int, end: int, text: str) -> None:
        self._check_characters(start, end)
        self.comments.append(Lexeme("comment", start, end, text, self.stack[-1] if self.stack else -1))

    # ------------------------------------------------------------ checks

    def _report(self, problem: Problem | None) -> None:
        self.problem = self.problem or problem

    def _indentation(self, offset: int) -> int:
        position = offset
        while position < len(self.text) and self.text[position] in " \t":
            self.indent += 1 if self.text[position] == " " else 4 - self.indent % 4
            position += 1
        rest = self.text[position : position + 1]
        if "\t" in self.text[offset:position] and rest not in ("", "\n", "#"):
            tab = self.text.index("\t", offset)
            self._report(tab_problem(Span(self.source, tab, tab + 1)))
        return position

    def _check_name(self, start: int, text: str) -> None:
        """A name is made of XID characters as it is written, before NFKC: `x²` and `x₂` are none."""
        if text.isidentifier():
            return
        known = next(
            (i for i in range(len(text)) if not (text[: i + 1] if i == 0 else "x" + text[i]).isidentifier()), 0
        )
        self._report(stray_problem(Span(self.source, start + known, start + known + 1)))

    def _check_text(self, start: int, end: int) -> None:
        self._check_characters(start, end)

    def _check_characters(self, start: int, end: int) -> None:
        if control := CONTROL.search(self.text, start, end):
            self._report(stray_problem(Span(self.source, control.start(), control.end())))

    def _stray(self, position: int) -> int:
        """A character that starts no symbol."""
        character = self.text[position]
        if self.problem is not None and character != '"':
            return position + 1
        if character == '"':
            return self._unclosed_text(position)
        span = Span(self.source, position, position + 1)
        if character == "\t":
            self._report(tab_problem(span))
        else:
            self._report(stray_problem(span))
            self._add("operator", position, position + 1, character)
        return position + 1

    def _unclosed_text(self, position: int) -> int:
        triple = self.text.startswith('"""', position)
        end = self.text.find("\n", position)
        end = len(self.text) if end < 0 else end
        span = Span(self.source, position, position + 3 if triple else end)
        quotes = '"""' if triple else '"'
        hint = f"close it with {quotes}"
        hint += "" if triple else ' on the same line, or write """...""" over several lines'
        self._report(UnclosedText(span, "this text is never closed", hint))
        self._add("text", position, end, self.text[position:end])
        return end

    def _unclosed(self, opener: Lexeme) -> None:
        index = self.lexemes.index(opener)
        before = self.lexemes[index - 1] if index else opener
        if opener.text == "|" and before.kind == "bar between" and before.end == opener.start:
            span = Span(self.source, before.start, opener.end)
            self._report(ForeignOperator(span, "`||` is no part of this language", "write `or`"))
            return
        following = self.lexemes[index + 1].start if index + 1 < len(self.lexemes) else len(self.text)
        if opener.text == "{" and self._is_head() and self.text.find("\n", opener.end, following) >= 0:
            hint = "write `:`, and indent the lines of the block"
            span = Span(self.source, opener.start, opener.end)
            self._report(BlockForm(span, "a block does not stand in braces", hint))
            return
        what = "bar" if opener.text == "|" else "bracket"
        span = Span(self.source, opener.start, opener.end)
        self._report(UnclosedBracket(span, f"this {what} is never closed", f"close it with `{CLOSING[opener.text]}`"))

    def _unmatched(self, start: int, text: str) -> None:
        self._add("close", start, start + 1, text)
        span = Span(self.source, start, start + 1)
        if self.stack:
            opener = self.lexemes[self.stack[-1]]
            note = (Span(self.source, opener.start, opener.end), "this is what is open here")
            hint = f"write `{CLOSING[opener.text]}`, or open with `{_MATCHING[text]}`"
            self._report(UnmatchedBracket(span, f"`{text}` does not close `{opener.text}`", hint, (note,)))
        else:
            hint = f"take it away, or write the `{_MATCHING[text]}` that it closes"
            self._report(UnmatchedBracket(span, f"`{text}` closes nothing", hint))

    # ------------------------------------------------------------ the end of the line

    def _keyword_follows(self, offset: int) -> bool:
        """Whether the next physical line starts with a word that can not stand inside brackets."""
        position = offset
        while self.text.startswith((" ", "\t"), position):
            position += 1
        return _ITEM_OR_RETURN.match(self.text, position) is not None

    def _finish(self, end: int, following: int) -> LogicalLine:
        lexemes, comments = self.lexemes, self.comments
        if self.stack:
            self._unclosed(lexemes[self.stack[-1]])
            for offset, count in self.breaks:
                if self._starts_statement(offset) or (self._is_head() and lexemes[count - 1].text == ":"):
                    end, following = offset - 1, offset
                    lexemes = lexemes[:count]
                    comments = [comment for comment in comments if comment.start < offset]
                    break
        return LogicalLine(
            self.source, self.offset, end, following, self.indent, tuple(lexemes), tuple(comments), self.problem
        )

    def _is_head(self) -> bool:
        return self.lexemes[0].text in ("loss", "def")

    def _starts_statement(self, offset: int) -> bool:
        return statement_starts(self.text, offset, self.indent)


def statement_starts(text: str, offset: int, indent: int) -> bool:
    """Whether the physical line at `offset` looks like the start of a statement, not indented deeper than `indent`."""
    position = offset
    while text.startswith(" ", position):
        position += 1
    if _ITEM_OR_RETURN.match(text, position):
        return True
    return position - offset <= indent and _LOOKS_LIKE_START.match(text, position) is not None
