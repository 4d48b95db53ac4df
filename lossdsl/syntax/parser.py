"""`parse`: the logical lines of a text, fed to the parser one after the other.

A line that does not parse is reported, and put aside: the parser goes back to where it was before the line, a stand-in
is fed where the lines behind would not make sense otherwise, and parsing goes on with the next line.  So every line is
judged on its own, and one run reports every line that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeAlias, cast

from lark import Token, UnexpectedCharacters, UnexpectedToken
from lark.parsers.lalr_interactive_parser import InteractiveParser

from lossdsl.diagnostics import LossError, Problem, Source, Span
from lossdsl.diagnostics.limits import MAX_PROBLEMS
from lossdsl.diagnostics.syntax import (
    AfterReturn,
    BlockForm,
    Indentation,
    MissingReturn,
    NotAStatement,
    ReductionForm,
    ReservedWord,
    TabCharacter,
    UnmatchedBracket,
)
from lossdsl.syntax import tree
from lossdsl.syntax.build import Word
from lossdsl.syntax.checks import check
from lossdsl.syntax.grammar import spelling, tables
from lossdsl.syntax.lexeme import LogicalLine
from lossdsl.syntax.scan import Scanner
from lossdsl.syntax.text import read_source
from lossdsl.syntax.words import KEYWORDS, normalise


def parse(text: str | bytes, path: str = "<text>") -> tree.Module:
    """The tree of a text, or a `LossError` with everything that is wrong with its syntax."""
    module = _Parser(read_source(text, path)).module()
    files = _parsed.get()
    if files is not None:
        files.append(Parsed(text, module))
    return module


@dataclass(frozen=True)
class Parsed:
    """A text as it was handed in, and its tree."""

    text: str | bytes
    module: tree.Module

    @property
    def uses(self) -> list[str]:
        """The paths of the files beside it that it uses, as written."""
        return [item.path for item in self.module.items if isinstance(item, tree.Use) and item.path is not None]


@contextmanager
def parsed_files() -> Iterator[list[Parsed]]:
    """The list of all that is parsed inside, whoever asks for it: a text and the files that it uses."""
    files: list[Parsed] = []
    token = _parsed.set(files)
    try:
        yield files
    finally:
        _parsed.reset(token)


_parsed: ContextVar[list[Parsed] | None] = ContextVar("parsed", default=None)


Start: TypeAlias = tuple[tree.Docstring | None, tuple[tree.Use | tree.Def | tree.Loss, ...]]
"""What the start rule of the grammar is made into."""


class _Parser:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.scanner = Scanner(source)
        self.machine: InteractiveParser = tables().parse_interactive("")
        self.problems: list[Problem] = []
        self.block_indent = 0
        """How far the open block is indented; 0 where none is open."""
        self.odd_indents: set[int] = set()
        """Other indentations that lines of the open block were reported to have."""
        self.blockless = False
        """Whether the block of the last head was reported to be missing."""
        self.header: LogicalLine | None = None
        """The line that opened the block, until its block is closed."""
        self.passed_over: int | None = None
        """Lines that are indented deeper than this belong to a line that failed, and are passed over."""
        self.failed = False
        """Whether the last line failed."""
        self.resumed = False
        """Whether the last line was cut short, where a bracket was taken to be unclosed."""
        self.misused: set[str] = set()
        """Words of the language that were reported where a name stands."""
        self.last_end = 0

    # ------------------------------------------------------------ lines

    def module(self) -> tree.Module:
        try:
            self._lines()
        except LossError as fatal:
            raise LossError(*_in_order([*self.problems, *fatal.problems])) from None
        end = len(self.source.text)
        self._close_block(end)
        doc, items = cast(
            tuple[tree.Docstring | None, tuple[tree.Use | tree.Def | tree.Loss, ...]], self._feed("$END", end)
        )
        module = tree.Module(Span(self.source, 0, end), self.source, doc, items)
        self.problems += check(module)
        if self.problems:
            raise LossError(*_in_order(self.problems)[:MAX_PROBLEMS])
        return module

    def _lines(self) -> None:
        offset = 0
        while len(self.problems) < MAX_PROBLEMS:
            offset = self._pass_over(offset)
            line = self.scanner.next_line(offset)
            if line is None:
                break
            if line.problem is not None and not line.lexemes:
                self._report(line.problem)
                offset = line.next
                continue
            offset = self._line(line) if self._layout(line) else line.next
            self.last_end = line.lexemes[-1].end

    def _pass_over(self, offset: int) -> int:
        """The place behind the lines that belong to a line that failed."""
        while self.passed_over is not None and (match := _NEXT_LINE.match(self.source.text, offset)) is not None:
            if len(match.group(1).expandtabs(4)) <= self.passed_over:
                self.passed_over = None
                break
            end = self.source.text.find("\n", match.end())
            offset = len(self.source.text) if end < 0 else end + 1
        return offset

    def _line(self, line: LogicalLine) -> int:
        """Feeds one line; gives the place where the next one is to be looked for."""
        state = self.machine.parser_state
        saved = (state.state_stack.copy(), state.value_stack.copy())
        problem, following = line.problem, line.next
        if problem is None:
            failure = self._feed_line(line)
            if failure is None:
                self.failed = self.blockless = False
                if self._expects("_INDENT"):
                    self.header = line
                return line.next
            problem, following = failure
        if not self._follows_from_others(problem, line):
            self._report(problem)
        self.failed = True
        self.resumed = following != line.next
        state.state_stack[:], state.value_stack[:] = saved
        self._stand_in(line, following)
        return following

    def _follows_from_others(self, problem: Problem, line: LogicalLine) -> bool:
        """Whether a problem is only there since another was reported before."""
        if self.failed and line.indent == self.block_indent and line.word in _CONTINUING:
            return True
        if self.blockless and not self.block_indent and isinstance(problem, NotAStatement):
            return True
        if isinstance(problem, UnmatchedBracket):
            return self.resumed or (line.word == "}" and any(each.span.text == "{" for each in self.problems))
        if isinstance(problem, ReservedWord):
            word = normalise(problem.span.text)
            known = word in self.misused
            self.misused.add(word)
            return known
        return isinstance(problem, ReductionForm) and normalise(problem.span.text) in self.misused

    def _feed_line(self, line: LogicalLine) -> tuple[Problem, int] | None:
        """The problem of a line, and where to go on; None if the whole line was taken.

        The lexer of the parser must see the same symbols as the scanner: where no name can stand, it would read `ifx`
        as `if x`, and where a word can not stand, it would read the word as a name.
        """
        state = self.machine.parser_state
        base, done = line.lexemes[0].start, 0
        thread = tables().parse_interactive(self.source.text[base : line.end]).lexer_thread
        try:
            for token in cast(Iterator[Token], thread.lex(state)):  # type: ignore[no-untyped-call]
                word = self._word(token.type, base + (token.start_pos or 0), token.value)
                if word.span.end != line.lexemes[done].end or (word.type == "NAME" and normalise(word) in KEYWORDS):
                    return self._failed(line, done)
                state.feed_token(word)
                done += 1
            self._feed("_NEWLINE", line.lexemes[-1].end)
        except (UnexpectedToken, UnexpectedCharacters):
            return self._failed(line, done)
        return None

    def _failed(self, line: LogicalLine, at: int) -> tuple[Problem, int]:
        """The problem of a line that fails at a symbol, and where to go on."""
        from lossdsl.syntax.blame import blame  # with all that knows mistakes: most texts have none
        from lossdsl.syntax.failure import Failure

        accepts = frozenset(map(spelling, self.machine.accepts()))  # type: ignore[no-untyped-call]
        failure = Failure(line, at, accepts)
        if failure.found is None and failure.wants_operand and failure.goes_on():
            self.passed_over = line.indent
        problem, following = blame(failure)
        if isinstance(problem, AfterReturn):
            self.passed_over = 0
        return problem, following

    # ------------------------------------------------------------ blocks

    def _layout(self, line: LogicalLine) -> bool:
        """Opens and closes blocks by the indentation of a line; False if the line belongs to none."""
        if self._expects("_INDENT"):
            if line.indent > 0:
                self._feed("_INDENT", line.start)
                self.block_indent = line.indent
                self.odd_indents = set()
                return True
            self._empty_block()
        elif self.block_indent and line.indent > 0:
            return self._check_indent(line)
        self._close_block(line.start)
        if line.indent > 0:
            self._report(Indentation(*_stray_indentation(line)))
            self.passed_over = 0
            return False
        return True

    def _check_indent(self, line: LogicalLine) -> bool:
        """Whether a line of the open block can be judged; each odd indentation is reported once."""
        if line.indent in (self.block_indent, *self.odd_indents) or isinstance(line.problem, TabCharacter):
            return True
        self.odd_indents.add(line.indent)
        from lossdsl.syntax.blame import BREAKING

        continuing = line.word in _CONTINUING and line.indent > self.block_indent
        message = f"this line is indented by {line.indent} spaces, the lines of its block by {self.block_indent}"
        hint = BREAKING if continuing else f"indent it by {self.block_indent} spaces"
        self._report(Indentation(Span(self.source, line.start, line.lexemes[0].start), message, hint))
        return not continuing

    def _close_block(self, place: int) -> None:
        if self._expects("_INDENT"):
            self._empty_block()
        elif self.block_indent:
            if not self._expects("_DEDENT"):
                self._missing_return()
            self._feed("_DEDENT", place)
        self.block_indent = 0
        self.header = None

    def _empty_block(self) -> None:
        """The block of the last line is missing; a stand-in takes its place."""
        if self.header is not None:
            span = self.header.end_span()
            hint = "indent the lines of its block, and end it with `return`"
            self._report(BlockForm(span, f"the block of this `{self.header.word}` is missing", hint))
            self.blockless = True
        for kind in ("_INDENT", "RETURN", "NUMBER", "_NEWLINE", "_DEDENT"):
            self._feed(kind, len(self.source.text))
        self.header = None

    def _missing_return(self) -> None:
        if self.header is not None and not self.failed:
            end = self.last_end
            header = self.header
            name = header.lexemes[1].text if len(header.lexemes) > 1 else ""
            message = f"the block of `{name}` ends without a `return`"
            note = (Span(self.source, header.lexemes[0].start, header.lexemes[-1].end), "the block belongs to this")
            hint = "end the block with `return expression`"
            self._report(MissingReturn(Span(self.source, end, end), message, hint, (note,)))
        for kind in ("RETURN", "NUMBER", "_NEWLINE"):
            self._feed(kind, len(self.source.text))

    def _stand_in(self, line: LogicalLine, following: int) -> None:
        """What has to take the place of a line that failed, so that the lines behind it can be judged."""
        word = line.word
        if word in ("loss", "def") and line.indent == 0 and self.passed_over is None and self._indent_at(following) > 0:
            for kind in (word.upper(), "NAME", "LPAR", "NAME", "RPAR", "COLON", "_NEWLINE"):
                self._feed(kind, line.start)
            self.header = None
        elif word == "return" and self._expects("RETURN"):
            for kind in ("RETURN", "NUMBER", "_NEWLINE"):
                self._feed(kind, line.start)
        elif not self.block_indent:
            self.passed_over = 0
        elif line.lexemes[-1].text == ":":
            self.passed_over = line.indent

    def _indent_at(self, offset: int) -> int:
        """The indentation of the first line at or after a place that is not blank and not only a comment."""
        match = _NEXT_LINE.match(self.source.text, offset)
        return 0 if match is None else len(match.group(1).expandtabs(4))

    # ------------------------------------------------------------ the machine

    def _expects(self, kind: str) -> bool:
        return kind in self.machine.choices()  # type: ignore[no-untyped-call]

    def _word(self, kind: str, start: int, text: str) -> Word:
        word = Word(kind, text)
        word.span = Span(self.source, start, start + len(text))
        return word

    def _feed(self, kind: str, place: int) -> object:
        """A token that is not in the text."""
        return self.machine.feed_token(self._word(kind, place, _STAND_INS.get(kind, "")))

    def _report(self, problem: Problem) -> None:
        self.problems.append(problem)


_CONTINUING = frozenset(("else", "elif", "and", "or", "+", "-", "*", "/", "^"))
"""What starts no statement, but may be meant to go on with the line before."""

_STAND_INS = {"NAME": "x", "NUMBER": "0", "LPAR": "(", "RPAR": ")", "COLON": ":", "RETURN": "return"}
_NEXT_LINE = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*([ \t]*)(?=[^ \t\n#])")


def _stray_indentation(line: LogicalLine) -> tuple[Span, str, str]:
    span = Span(line.source, line.start, line.lexemes[0].start)
    hint = "`loss`, `def` and `use` start in the first column"
    return span, "this line is indented, and belongs to no block", hint


def _in_order(problems: list[Problem]) -> list[Problem]:
    """By place in the text, each place and kind once."""
    kept = {(problem.span.start, problem.code): problem for problem in reversed(problems)}
    return [kept[key] for key in sorted(kept)]
