"""Long sums in MathML on several lines: browsers do not break formulas."""

from __future__ import annotations

import html
import re

MOST = 68
"""Characters on a line, where terms allow it."""
TAG = re.compile(r"<(/?)(\w+)[^<>]*?(/?)>")
SIGN = re.compile(r"<mo>([+−])</mo>")
INDENT = '<mspace width="1.5em"/>'


def lines_of(sum_: str) -> list[str]:
    """The terms of a sum, which are elements side by side, on as few lines as hold them; later lines begin with a sign.

    A term that is longer than a line has a line of its own.
    """
    lines: list[str] = []
    length = 0
    for term in _terms(sum_):
        wide = width(term)
        if lines and length + wide <= MOST:
            lines[-1] += term
            length += wide
        else:
            lines.append(term if not lines else INDENT + SIGN.sub(r'<mo form="infix">\1</mo>', term, count=1))
            length = wide
    return lines


def width(mathml: str) -> int:
    """About how many characters are beside each other: of a fraction, or of the lines of a table, the wider one."""
    stack: list[tuple[str, list[int]]] = [("mrow", [])]
    at = 0
    for tag in TAG.finditer(mathml):
        stack[-1][1].append(len(html.unescape(mathml[at : tag.start()])))
        at = tag.end()
        closing, name, empty = tag.groups()
        if closing:
            inner, parts = stack.pop()
            stack[-1][1].append(max(parts, default=0) if inner in ("mfrac", "mtable", "munder") else sum(parts))
        elif not empty:
            stack.append((name, []))
    return sum(stack[0][1])


def _terms(sum_: str) -> list[str]:
    """Cut before each sign that stands outside of every element."""
    cuts, depth = [0], 0
    for tag in TAG.finditer(sum_):
        closing, _, empty = tag.groups()
        if depth == 0 and not closing and tag.start() and SIGN.match(sum_, tag.start()):
            cuts.append(tag.start())
        depth += 0 if empty else -1 if closing else 1
    return [sum_[start:end] for start, end in zip(cuts, [*cuts[1:], len(sum_)], strict=True)]
