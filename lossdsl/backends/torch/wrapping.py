"""Long lines of emitted Python broken at brackets, so that the text can be read beside others."""

from __future__ import annotations

import io
import tokenize

WIDTH = 120
OPENING = {"(": ")", "[": "]", "{": "}"}


def wrapped(text: str) -> str:
    """The same program; statements of one line that are longer than WIDTH are broken at their longest brackets."""
    lines = text.splitlines()
    if all(len(line) <= WIDTH for line in lines):
        return text
    statements: list[list[tokenize.TokenInfo]] = [[]]
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.NEWLINE, tokenize.NL):
            statements.append([])
        elif token.type not in (tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER, tokenize.COMMENT):
            statements[-1].append(token)
    for tokens in statements:
        if tokens and tokens[0].start[0] == tokens[-1].end[0]:
            row = tokens[0].start[0] - 1
            lines[row] = "\n".join(_broken(lines[row], [(t.string, t.start[1]) for t in tokens if t.type == tokenize.OP]))
    return "\n".join(lines) + "\n"


def _broken(line: str, operators: list[tuple[str, int]]) -> list[str]:
    """The line, or its lines: what stands before, in and after the longest pair of outermost brackets."""
    if len(line) <= WIDTH:
        return [line]
    depth, start, pairs = 0, 0, []
    commas: list[int] = []
    for symbol, column in operators:
        if symbol in OPENING:
            start, commas = (column, []) if depth == 0 else (start, commas)
            depth += 1
        elif symbol in OPENING.values():
            depth -= 1
            if depth == 0:
                pairs.append((column - start, start, column, commas))
        elif symbol == "," and depth == 1:
            commas.append(column)
    if not pairs:
        return [line]
    _, start, end, commas = max(pairs, key=lambda pair: pair[0])
    indent = line[: len(line) - len(line.lstrip())]
    inner = indent + "    "
    if len(inner) + end - start - 1 <= WIDTH:
        return [line[: start + 1], inner + line[start + 1 : end].strip(), indent + line[end:]]
    if not commas:
        return [line]
    edges = [start, *commas, end]
    parts = [line[a + 1 : b].strip() for a, b in zip(edges, edges[1:], strict=False)]
    return [line[: start + 1], *(f"{inner}{part}," for part in parts if part), indent + line[end:]]
