"""Names for bindings and indices that a reader knows and that clash with nothing."""

from __future__ import annotations

from collections.abc import Iterator

from lossdsl.meaning import core
from lossdsl.syntax.words import RESERVED

LETTERS = "ijklmnpqrstuvwabcdefgh"


class Names:
    """Names for bindings: as wished where that is free, else with a number after it."""

    def __init__(self, program: core.Program) -> None:
        self.bound = {str(arg.name) for arg in program.args} | {str(program.name)}
        """Arguments and bindings: no index may have one of these names."""
        self.sizes = {axis.name for arg in program.args for axis in arg.axes if axis.op == "size"}

    def fresh(self, wished: str) -> str:
        name, count = wished, 1
        while name in self.bound or name in self.sizes or name in RESERVED:
            count += 1
            name = f"{wished}_{count}"
        self.bound.add(name)
        return name


def letters_after(name: str) -> Iterator[str]:
    """Single letters for indices, from the one that follows, then letters with a digit."""
    start = LETTERS.find(name[:1]) + 1
    yield from LETTERS[start:] + LETTERS[:start]
    yield from (f"{letter}{digit}" for digit in range(1, 10) for letter in LETTERS)
