"""Long lines of emitted Python broken at brackets, so that the text can be read beside others."""

from __future__ import annotations

import io
import itertools
import re
import tokenize
from collections.abc import Sequence

WIDTH = 120
LEAST = 40
"""A pair of brackets around less than this is not broken."""
OPENING = {"(": ")", "[": "]", "{": "}"}
INDENT = "    "

Operators = Sequence[tuple[str, int]]
"""Brackets, commas and the like of a line, and the `for` of comprehensions, each with its column."""


def wrapped(text: str) -> str:
    """The same program; statements of one line that are longer than WIDTH are broken at their longest brackets."""
    lines = text.splitlines()
    if all(len(line) <= WIDTH for line in lines):
        return text
    in_string = False
    for row, line in enumerate(lines):
        if len(line) > WIDTH and not in_string and '"""' not in line and not line.lstrip().startswith("#"):
            lines[row] = "\n".join(_broken(line, _operators(line)))
        in_string ^= line.count('"""') % 2 == 1
    return "\n".join(lines) + "\n"


def _operators(statement: str) -> Operators:
    """Of a statement on a line of its own, which is how they are emitted: only long ones are looked at."""
    indent = len(statement) - len(statement.lstrip())
    tokens = tokenize.generate_tokens(io.StringIO(statement[indent:]).readline)
    return [(t.string, t.start[1] + indent) for t in tokens if t.type == tokenize.OP or t.string == "for"]


def _broken(line: str, operators: Operators) -> list[str]:
    """The lines of a statement: before, in and after its longest brackets, or brackets around all of its right side."""
    outside, pairs = _brackets(operators)
    indent = line[: len(line) - len(line.lstrip())]
    right = re.match(r"\s*(?:[^=()\[\]{}]+ = |return )", line)
    outside = [column for column in outside if right is None or column >= right.end()]
    start, end, commas = max(pairs, key=lambda pair: pair[1] - pair[0], default=(0, 0, []))
    if right and (outside or end - start < LEAST):
        return _split(line[: right.end()] + "(", line[right.end() :], ")", indent, right.end(), outside)
    if end - start < LEAST:
        return [line]
    if start > WIDTH - LEAST and right and "," in right[0]:
        return [*_targets(line[: right.end() - 3], indent), *_moved(line, right.end(), indent, (start, end, commas))]
    return _split(line[: start + 1], line[start + 1 : end], line[end:], indent, start + 1, commas)


def _targets(names: str, indent: str) -> list[str]:
    """Many names that are assigned at once: on lines of their own, in brackets that the next line closes."""
    return [f"{indent}(", *(f"{indent}{INDENT}{name.strip()}," for name in names.split(","))]


def _moved(line: str, begin: int, indent: str, pair: tuple[int, int, list[int]]) -> list[str]:
    """The right side, broken, behind the bracket that closes the targets."""
    call = f"{indent}) = {line[begin:]}"
    moved = len(call) - len(line)
    start, end = pair[0] + moved, pair[1] + moved
    commas = [column + moved for column in pair[2]]
    return _split(call[: start + 1], call[start + 1 : end], call[end:], indent, start + 1, commas)


def _brackets(operators: Operators) -> tuple[list[int], list[tuple[int, int, list[int]]]]:
    """Columns of the commas outside of brackets; of each outermost pair: its ends, and the commas directly in it.

    Those of a comprehension do not part it.
    """
    outside: list[int] = []
    pairs: list[tuple[int, int, list[int]]] = []
    depth, start = 0, 0
    commas: list[int] = []
    comprehension = False
    for symbol, column in operators:
        if symbol in OPENING:
            if depth == 0:
                start, commas, comprehension = column, [], False
            depth += 1
        elif symbol in OPENING.values():
            depth -= 1
            if depth == 0:
                pairs.append((start, column, [] if comprehension else commas))
        elif symbol == "for":
            comprehension = comprehension or depth == 1
        elif symbol == "," and depth < 2:
            (commas if depth else outside).append(column)
    return outside, pairs


def _split(head: str, body: str, tail: str, indent: str, offset: int, commas: Sequence[int]) -> list[str]:
    """Head, body and tail on lines of their own; the body at its commas where one line does not hold it."""
    if not commas or len(indent + INDENT + body) <= WIDTH:
        return [head, indent + INDENT + body.strip(), indent + tail]
    edges = [-1, *(column - offset for column in commas), len(body)]
    parts = [body[a + 1 : b].strip() for a, b in itertools.pairwise(edges)]
    return [head, *(f"{indent}{INDENT}{part}," for part in parts if part), indent + tail]
