"""Long lines of emitted code, broken as formatters of Python do: inside brackets, at commas or operators."""

from __future__ import annotations

import re
from collections.abc import Iterable

WIDTH = 100
STEP = "    "
OPENING, CLOSING = "([{", ")]}"
OPERATORS = (" if ", " else ", " | ", " & ", " + ", " - ", " * ", " / ", " @ ")


ASSIGNMENT = re.compile(r"\s*(\w+) = (.*)")


def without_unused(lines: Iterable[str]) -> list[str]:
    """The statements without assignments that nothing behind them reads."""
    kept: list[str] = []
    used: set[str] = set()
    for line in reversed(list(lines)):
        match = ASSIGNMENT.match(line)
        if match and match[1] not in used:
            continue
        used.update(re.findall(r"\w+", match[2] if match else line))
        kept.append(line)
    return kept[::-1]


def wrapped(lines: Iterable[str]) -> list[str]:
    """The lines, the long ones broken."""
    return [part for line in lines for part in broken(line)]


def broken(line: str) -> list[str]:
    """A statement as one line, or as several where it is too long."""
    if len(line) <= WIDTH or line.lstrip().startswith(('"""', "#")):
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    return _at_bracket(indent, line) or _at_target(indent, line) or _at_operator(indent, line) or [line]


def _levels(line: str) -> list[int]:
    """The depth of brackets at each character; characters of strings have depth -1."""
    levels: list[int] = []
    depth = 0
    quote = ""
    for position, char in enumerate(line):
        if quote:
            levels.append(-1)
            if char == quote and line[position - 1] != "\\":
                quote = ""
            continue
        if char in "\"'":
            quote = char
            levels.append(-1)
            continue
        if char in CLOSING:
            depth -= 1
        levels.append(depth)
        if char in OPENING:
            depth += 1
    return levels


def _at_bracket(indent: str, line: str) -> list[str]:
    """The content of the last bracket of the outermost level on lines of its own, if nothing but a tail follows it."""
    levels = _levels(line)
    closes = [k for k, c in enumerate(line) if c in CLOSING and levels[k] == 0]
    opens = [k for k, c in enumerate(line) if c in OPENING and levels[k] == 0]
    if not closes or len(opens) != len(closes):
        return []
    start, end = opens[-1], closes[-1]
    if len(opens) > 1 and line.lstrip().startswith("def "):
        start, end = opens[0], closes[-1]
    head, inner, tail = line[: start + 1], line[start + 1 : end], line[end:]
    if len(head) > WIDTH or len(tail) > 30 or not inner.strip() or _outside_operators(line[:start], line[end + 1 :]):
        return []
    parts = _split(inner, ",")
    if len(parts) == 1:
        body = broken(indent + STEP + inner)
        return [head, *body, indent + tail] if line[start] == "(" else []
    trailing = "," if not parts[-1].strip().startswith("*") or parts[-1].strip() != "*" else ""
    rows = [p.strip() for p in parts if p.strip()]
    body = [piece for row in rows for piece in broken(indent + STEP + row + ",")]
    if not trailing:
        body[-1] = body[-1].rstrip(",")
    return [head, *body, indent + tail]


def _at_target(indent: str, line: str) -> list[str]:
    """Many names that are assigned at once, on lines of their own."""
    target, equals, value = line.strip().partition(" = ")
    if not equals or not re.fullmatch(r"\w+(, \w+)+", target):
        return []
    rows = [f"{indent}{STEP}{name}," for name in target.split(", ")]
    first, *rest = broken(f"{indent}_ = {value}")
    return [f"{indent}(", *rows, first.replace("_ = ", ") = ", 1), *rest]


def _outside_operators(before: str, after: str) -> bool:
    """Whether the bracket is one operand of several, so that breaking it would hide the others."""
    value = before.split(" = ", 1)[-1]
    levels = _levels(value)
    return any(op in value and any(value.startswith(op, k) and levels[k] == 0 for k in range(len(value)))
               for op in OPERATORS) or bool(after.strip(" :,)->Any"))  # fmt: skip


def _split(text: str, separator: str) -> list[str]:
    levels = _levels(text)
    parts, start = [], 0
    for position, char in enumerate(text):
        if char == separator and levels[position] == 0:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return parts


def _at_operator(indent: str, line: str) -> list[str]:
    """The value in brackets, broken before the operators of lowest precedence."""
    comma = "," if line.endswith(",") else ""
    content = line.strip().removesuffix(",")
    head, value = "", content
    if content.startswith("return "):
        head, value = "return ", content[7:]
    elif " = " in content and _levels(content)[content.index(" = ")] == 0:
        head, value = content[: content.index(" = ") + 3], content[content.index(" = ") + 3 :]
    levels = _levels(value)
    for group in ((" if ", " else "), (" | ",), (" & ",), (" + ", " - "), (" * ", " / ", " @ ")):
        cuts = [k for k in range(1, len(value)) if levels[k] == 0 and any(value.startswith(op, k) for op in group)]
        if cuts:
            rows = [value[a:b].strip() for a, b in zip([0, *cuts], [*cuts, len(value)], strict=True)]
            inner = [piece for row in rows for piece in broken(indent + STEP + row)]
            return [f"{indent}{head}(", *inner, f"{indent}){comma}"]
    return []
