"""Lines of emitted Python: indentation, docstrings, what a function takes from the shapes of its arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

INDENT = "    "


def indented(lines: Iterable[str], depth: int = 1) -> list[str]:
    return [INDENT * depth + line if line.strip() else "" for line in lines]


def docstring(text: str, arguments: Sequence[str] = ()) -> list[str]:
    """The lines of a docstring: a text, and one line per argument."""
    lines = text.split("\n")
    if not arguments and len(lines) == 1:
        return [f'"""{quoted(lines[0])}"""']
    inner = "\n".join(line.rstrip() for line in [*lines, *(["", *arguments] if arguments else [])])
    return [*f'"""{quoted(inner)}'.splitlines(), '"""']


def quoted(text: str) -> str:
    """Text that can stand in a docstring: nothing in it ends the string or escapes."""
    safe = "".join(c if c == "\n" or (c.isprintable() and c != "\\") else _escaped(c) for c in text)
    safe = safe.replace('"""', '\\"\\"\\"')
    return safe[:-1] + '\\"' if safe.endswith('"') else safe


def _escaped(char: str) -> str:
    if char == "\\":
        return "\\\\"
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def string(text: str) -> str:
    """A string literal, in double quotes where that needs no escapes."""
    literal = repr(text)
    return f'"{literal[1:-1]}"' if literal[0] == "'" and '"' not in literal else literal


def pruned(lines: Sequence[str]) -> list[str]:
    """The lines without assignments to variables that no later line reads."""
    read: set[str] = set()
    kept: list[str] = []
    for line in reversed(lines):
        target, equals, value = line.strip().partition(" = ")
        if equals and target.isidentifier():
            if target not in read:
                continue
            line_reads = value
        else:
            line_reads = line
        read.update(re.findall(r"(?<![\w.])[^\W\d]\w*", line_reads))
        kept.append(line)
    return kept[::-1]


def used(name: str, lines: Iterable[str]) -> bool:
    """Whether a name occurs in the lines, other than as an attribute."""
    pattern = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")
    return any(pattern.search(line) for line in lines)


def listed(items: Sequence[str]) -> str:
    """Items of a tuple: with the comma that one item needs."""
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
