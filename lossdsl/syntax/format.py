"""The formatter: one style for every text, with every comment and docstring kept.

It works on the symbols of a text, not on its tree, so that parentheses, comments and the line breaks inside brackets
stay the user's.  What comes out is parsed again, and has to be the same tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lossdsl.diagnostics import CompilerBug
from lossdsl.syntax.breaking import INDENT, lay_out, tidy_comment
from lossdsl.syntax.lexeme import LogicalLine
from lossdsl.syntax.parser import parse
from lossdsl.syntax.printer import format_expr
from lossdsl.syntax.scan import Scanner
from lossdsl.syntax.walk import same

__all__ = ["format_expr", "format_text"]


@dataclass
class _Entry:
    """One logical line, or one comment line, of the output; `gap`: blank lines before it in the text."""

    kind: Literal["comment", "text", "head", "item", "statement"]
    lines: list[str]
    gap: int
    indent: int


def format_text(text: str | bytes, path: str = "<text>") -> str:
    """The text in the one style; a `LossError` if it does not parse."""
    module = parse(text, path)
    formatted = _join(_entries(module.source.text, Scanner(module.source)))
    if not same(module, parse(formatted, path)):
        raise CompilerBug(f"formatting changes the meaning of {path}; please report it with the text")
    return formatted


def _entries(text: str, scanner: Scanner) -> list[_Entry]:
    entries: list[_Entry] = []
    gap = offset = 0
    in_block = False
    while offset < len(text):
        line = scanner.line_at(offset)
        offset = line.next
        if line.lexemes:
            in_block = line.indent > 0
            entries.append(_code(line, gap))
            gap = 0
        elif line.comments:
            indent = INDENT if _belongs_to_block(scanner, line, in_block or _opens(entries)) else 0
            entries.append(_Entry("comment", [" " * indent + tidy_comment(line.comments[0].text)], gap, indent))
            gap = 0
        else:
            gap += 1
    return entries


def _opens(entries: list[_Entry]) -> bool:
    return any(entry.kind == "head" for entry in entries[-1:]) or (
        len(entries) > 1 and entries[-1].kind == "comment" and entries[-1].indent > 0
    )


def _belongs_to_block(scanner: Scanner, comment: LogicalLine, in_block: bool) -> bool:
    """A comment is part of a block if it is indented, or if a line of the block follows."""
    if not in_block:
        return False
    following = scanner.next_line(comment.next)
    return comment.indent > 0 or (following is not None and following.indent > 0)


def _code(line: LogicalLine, gap: int) -> _Entry:
    indent = INDENT if line.indent else 0
    if line.lexemes[0].kind == "text":
        return _Entry("text", _docstring(line, indent), gap, indent)
    lines = lay_out(line, indent)
    if indent:
        return _Entry("statement", lines, gap, indent)
    return _Entry("head" if line.lexemes[-1].text == ":" else "item", lines, gap, indent)


def _docstring(line: LogicalLine, indent: int) -> list[str]:
    """The text as it is; the lines of a long one move with its block."""
    first, *rest = line.lexemes[0].text.split("\n")
    margin = min((len(each) - len(each.lstrip(" ")) for each in rest if each.strip() not in ("", '"""')), default=0)
    if rest and rest[-1].strip() == '"""':
        rest[-1] = " " * margin + '"""'
    if not any("\t" in each for each in rest):
        rest = [" " * indent + each[margin:] if each.strip() else "" for each in rest]
    lines = [" " * indent + first, *rest]
    if line.comments:
        lines[-1] += f"  {tidy_comment(line.comments[0].text)}"
    return lines


# ---------------------------------------------------------------- blank lines


def _join(entries: list[_Entry]) -> str:
    lines: list[str] = []
    previous: _Entry | None = None
    for entry in entries:
        if previous is not None and _blank_between(previous, entry):
            lines.append("")
        lines += entry.lines
        previous = entry
    return "".join(f"{line}\n" for line in lines)


def _blank_between(previous: _Entry, entry: _Entry) -> bool:
    """Blocks stand apart; elsewhere the user decides whether there is one blank line."""
    if previous.kind == "head":
        return False
    if entry.indent:
        return entry.gap > 0
    if previous.indent or (previous.kind == "text" and entry.kind != "comment"):
        return True
    return entry.gap > 0 or (entry.kind == "head" and previous.kind == "item")
