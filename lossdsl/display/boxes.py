"""Pictures made of characters: rows of equal width, one of which is the line of writing."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

BRACKETS = {
    "(": ("(", "⎛", "⎜", "⎝"), ")": (")", "⎞", "⎟", "⎠"), "[": ("[", "⎡", "⎢", "⎣"), "]": ("]", "⎤", "⎥", "⎦"),
    "|": ("|", "│", "│", "│"), "‖": ("‖", "║", "║", "║"),
}  # fmt: skip
"""Of each bracket: on one row, and the top, the middle and the bottom of a tall one."""


@dataclass(frozen=True)
class Box:
    rows: tuple[str, ...]
    base: int = 0

    @property
    def width(self) -> int:
        return width(self.rows[0])

    def __str__(self) -> str:
        return "\n".join(row.rstrip() for row in self.rows)


def width(text: str) -> int:
    return sum(not unicodedata.combining(character) for character in text)


def text(characters: str) -> Box:
    return Box((characters,))


def beside(*boxes: Box) -> Box:
    """On one line of writing."""
    above = max(box.base for box in boxes)
    below = max(len(box.rows) - box.base for box in boxes)
    rows = ["".join(parts) for parts in zip(*(_padded(box, above, below) for box in boxes), strict=True)]
    return Box(tuple(rows), above)


def _padded(box: Box, above: int, below: int) -> list[str]:
    blank = " " * box.width
    missing = below - (len(box.rows) - box.base)
    return [blank] * (above - box.base) + list(box.rows) + [blank] * missing


def stacked(boxes: Sequence[Box], base: int = 0) -> Box:
    """One under the other, left-aligned; `base` is the box whose line is the line of writing."""
    widest = max(box.width for box in boxes)
    rows = [row + " " * (widest - box.width) for box in boxes for row in box.rows]
    return Box(tuple(rows), sum(len(box.rows) for box in boxes[:base]) + boxes[base].base)


def fraction(above: Box, below: Box) -> Box:
    widest = max(above.width, below.width)
    rows = [*_centred(above, widest), "─" * widest, *_centred(below, widest)]
    return Box(tuple(rows), len(above.rows))


def _centred(box: Box, widest: int) -> list[str]:
    left = (widest - box.width) // 2
    return [" " * left + row + " " * (widest - box.width - left) for row in box.rows]


def under(symbol: str, below: str) -> Box:
    """An operator with what it runs over under it."""
    widest = max(width(symbol), width(below))
    return Box((_centred(text(symbol), widest)[0], _centred(text(below), widest)[0]))


def raised(base: Box, exponent: Box) -> Box:
    """A power."""
    rows = [" " * base.width + row for row in exponent.rows]
    rows += [row + " " * exponent.width for row in base.rows]
    return Box(tuple(rows), len(exponent.rows) + base.base)


def bracketed(opening: str, box: Box, closing: str) -> Box:
    return beside(_tall(opening, box), box, _tall(closing, box))


def _tall(bracket: str, box: Box) -> Box:
    short, top, middle, bottom = BRACKETS[bracket]
    height = len(box.rows)
    if height == 1:
        return text(short)
    return Box((top, *[middle] * (height - 2), bottom), box.base)


def cases(alternatives: Sequence[tuple[Box, Box]]) -> Box:
    """Values and their conditions behind a brace."""
    widest = max(value.width for value, _ in alternatives)
    lines = [beside(value, text(" " * (widest - value.width + 2)), condition) for value, condition in alternatives]
    body = stacked(lines)
    rows = list(body.rows)
    if len(rows) == 2:
        rows.insert(1, " " * body.width)
    middle = len(rows) // 2
    brace = ["⎧", *["⎪"] * (len(rows) - 2), "⎩"]
    brace[middle] = "⎨"
    return Box(tuple(f"{b} {row}" for b, row in zip(brace, rows, strict=True)), middle)
