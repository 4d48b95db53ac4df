"""From a failure of the parser to the problem that the reader has.

The parser only knows which symbol it can not place.  What is wrong is mostly something else, and is recognised by its
looks: each rule of the modules `*_mistakes` knows one mistake, and the first that recognises it has the word.  What
none recognises is reported as it is: what was expected, what was found.
"""

from __future__ import annotations

from lossdsl.diagnostics import Problem
from lossdsl.diagnostics.syntax import UnclosedBracket, Unexpected
from lossdsl.syntax.failure import Failure, described, expectation
from lossdsl.syntax.formula_mistakes import FORMULA_MISTAKES
from lossdsl.syntax.head_mistakes import HEAD_MISTAKES
from lossdsl.syntax.line_mistakes import ANYWHERE_MISTAKES, STATEMENT_MISTAKES
from lossdsl.syntax.scan import CLOSING, statement_starts

BREAKING = "write parentheses around the formula: inside brackets a line breaks freely"


def blame(failure: Failure) -> tuple[Problem, int]:
    """The problem, and the place where the next line is to be looked for."""
    swallowed = _swallowed_line(failure)
    if swallowed is not None:
        return swallowed
    for mistake in (*ANYWHERE_MISTAKES, *HEAD_MISTAKES, *STATEMENT_MISTAKES, *FORMULA_MISTAKES):
        problem = mistake(failure)
        if problem is not None:
            return problem, failure.line.next
    return _unexpected(failure), failure.line.next


def _swallowed_line(failure: Failure) -> tuple[Problem, int] | None:
    """A bracket that is not closed on its line, and is closed by luck on a later one."""
    line = failure.line
    for offset in (0, -1):
        lexeme = failure.lexeme(offset)
        if lexeme is None or lexeme.parent < 0 or (offset == -1 and failure.text() != "="):
            continue
        start = line.source.text.rfind("\n", 0, lexeme.start) + 1
        if start > line.start and not line.source.text[start : lexeme.start].strip():
            if statement_starts(line.source.text, start, line.indent):
                opener = line.lexemes[lexeme.parent]
                what = "bar" if opener.text == "|" else "bracket"
                hint = f"close it with `{CLOSING[opener.text]}` before the next line"
                return UnclosedBracket(line.span(opener), f"this {what} is never closed", hint), start
    return None


def _unexpected(failure: Failure) -> Problem:
    message = f"expected {expectation(failure.accepts)}; instead found {described(failure.found)}"
    return Unexpected(failure.span, message, _hint(failure))


def _hint(failure: Failure) -> str | None:
    if failure.found is None:
        return BREAKING if failure.wants_operand and failure.goes_on() else None
    if failure.text(-1) == "√":
        return "`√` takes the next name, number or bracket: write `√(...)`"
    if failure.text() == ";" and "_NEWLINE" in failure.accepts:
        return "each statement stands on a line of its own"
    if failure.text() == "..":
        return "`..` stands between the brackets of an index"
    if "," in failure.accepts and failure.starts_operand:
        return "write `,` before it, if it is the next one"
    return None
