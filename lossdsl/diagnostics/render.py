"""A problem as people read it: what, where, the line with the part underlined, and what to write instead.

    error[E0106]: `]` does not close `(`
     --> huber.loss:3:14
      |
    3 | def f(x) = exp(x]
      |                 ^
    help: write `)`, or open with `[`

Columns count characters from 1.  What is printed holds no control characters and nothing that reorders text, and fits
on a screen however long the line is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from lossdsl.diagnostics.problem import Problem
from lossdsl.diagnostics.source import Span

WIDTH = 110
"""Cells that an excerpt may take."""

TAB_WIDTH = 4
CLIPPED = "…"
MAX_MESSAGE = 2000

_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_COMBINING = frozenset(("Mn", "Me"))


def render(problem: Problem) -> str:
    """The whole report of one problem, without a line end behind it."""
    spans = (problem.span, *(span for span, _ in problem.notes))
    gutter = len(str(max(span.source.position(span.start)[0] for span in spans)))
    lines = [f"error[{problem.code}]: {visible(problem.message)}", *_excerpt(problem.span, "^", gutter)]
    for span, message in problem.notes:
        lines += [f"note: {visible(message)}", *_excerpt(span, "-", gutter)]
    if problem.hint is not None:
        lines.append(f"help: {visible(problem.hint)}")
    return "\n".join(lines)


def visible(text: str) -> str:
    """The text with everything that can not be seen, or that moves other text, written as an escape."""
    shown = text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + CLIPPED
    return "".join("\n" if character == "\n" else _shown(character) for character in shown)


def _excerpt(span: Span, mark: str, gutter: int) -> Iterator[str]:
    line, column = span.source.position(span.start)
    shown, underline = _window(span, mark)
    margin = " " * gutter
    yield f"{margin}--> {visible(span.source.path)}:{line}:{column}"
    yield f"{margin} |"
    yield f"{line:>{gutter}} | {shown}".rstrip()
    yield f"{margin} | {underline}"


# ---------------------------------------------------------------- one line, clipped around the span


@dataclass(frozen=True)
class _Cell:
    """One character as it is shown."""

    text: str
    width: int


def _window(span: Span, mark: str) -> tuple[str, str]:
    """The part of the line around the span, and what stands below it."""
    text = span.source.text
    line_start = text.rfind("\n", 0, span.start) + 1
    line_end = text.find("\n", span.start)
    line_end = len(text) if line_end < 0 else line_end
    first, last = max(line_start, span.start - 4 * WIDTH), min(line_end, span.start + 4 * WIDTH)
    cells = list(_cells(text[first:last]))
    begin = span.start - first
    end = min(max(span.end - first, begin), len(cells))
    left, right = _fit(cells, begin, end)
    head = CLIPPED if first + left > line_start else ""
    tail = CLIPPED if first + right < line_end else ""
    before = _width(cells[left:begin]) + len(head)
    below = max(1, _width(cells[begin : min(end, right)]))
    return head + "".join(cell.text for cell in cells[left:right]) + tail, " " * before + mark * below


def _fit(cells: list[_Cell], begin: int, end: int) -> tuple[int, int]:
    """The widest window that holds the start of the span, as much of the span as fits, and something around it."""
    left, right, used = begin, begin, 0
    while right < min(end, len(cells)) and used + cells[right].width <= WIDTH:
        used += cells[right].width
        right += 1
    grown = True
    while grown:
        grown = False
        if left > 0 and used + cells[left - 1].width <= WIDTH:
            left -= 1
            used += cells[left].width
            grown = True
        if right < len(cells) and used + cells[right].width <= WIDTH:
            used += cells[right].width
            right += 1
            grown = True
    return left, right


def _width(cells: list[_Cell]) -> int:
    return sum(cell.width for cell in cells)


def _cells(line: str) -> Iterator[_Cell]:
    column = 0
    for character in line:
        cell = _cell(character, column)
        column += cell.width
        yield cell


def _cell(character: str, column: int) -> _Cell:
    if character == "\t":
        width = TAB_WIDTH - column % TAB_WIDTH
        return _Cell(" " * width, width)
    shown = _shown(character)
    if len(shown) > 1:
        return _Cell(shown, len(shown))
    if unicodedata.category(character) in _COMBINING:
        return _Cell(shown, 0)
    return _Cell(shown, 2 if unicodedata.east_asian_width(character) in "WF" else 1)


def _shown(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    if unicodedata.category(character) in _INVISIBLE:
        return f"\\u{{{ord(character):04x}}}"
    return character
