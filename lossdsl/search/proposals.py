"""Formulas for a hole, from short to long: all of them up to a size, or a sample where there are too many.

Of formulas with the same numbers at all probes only the first, a shortest one, is kept, and longer ones are built from
what was kept (Albarghouthi, Gulwani and Kincaid 2013).  Everything follows from the seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from lossdsl.search.template import Hole
from lossdsl.search.words import FUNCTIONS, IF, OPERATORS, Array, Term, condition, leaves
from lossdsl.syntax import tree

Plan = tuple[str, tuple[Term, ...]]
"""A word, and what it is applied to."""

LONGEST_TEST = 2
"""Words on the left of a condition; on the right stands a leaf."""
LARGEST = 1e30
"""Of a number at a probe, where variables are a few units."""
NOT_FINITE, SAME_NUMBERS = "not finite", "the same numbers as a shorter one"


@dataclass
class Proposals:
    """What was kept of a hole, and what was not, by reason."""

    terms: list[Term] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    proposed: int = 0
    sampled: bool = False
    """Whether some sizes had more formulas than there was room for."""


def proposals(hole: Hole, words: Sequence[str], size: int, most: int, rng: np.random.Generator) -> Proposals:
    """Formulas of at most `size` words in which something varies; at most about `most` are looked at."""
    return _Growth(hole, words, size, most, rng).grown()


class _Growth:
    def __init__(self, hole: Hole, words: Sequence[str], size: int, most: int, rng: np.random.Generator) -> None:
        self.hole, self.words, self.size, self.most, self.rng = hole, words, size, most, rng
        self.found = Proposals()
        self.by_size: dict[int, list[Term]] = {}
        self.seen: set[bytes] = set()

    def grown(self) -> Proposals:
        self.by_size[1] = [each for each in leaves(self.hole, self.rng) if self._keeps(each)]
        for size in range(2, self.size + 1):
            room = max(self.most - self.found.proposed, 0) // (self.size - size + 1)
            self.by_size[size] = [t for t in self._made(size, room) if self._keeps(t)]
        self.found.terms = [t for terms in self.by_size.values() for t in terms if t.varies]
        return self.found

    def _keeps(self, term: Term) -> bool:
        """Whether a formula is new; counted, if something varies in it."""
        self.found.proposed += term.varies
        if not (np.abs(term.values) < LARGEST).all():
            return self._drops(term, NOT_FINITE)
        key = (term.values + 0.0).astype(np.float32).tobytes()
        if key in self.seen:
            return self._drops(term, SAME_NUMBERS)
        self.seen.add(key)
        return True

    def _drops(self, term: Term, reason: str) -> bool:
        if term.varies:
            self.found.dropped[reason] += 1
        return False

    def _made(self, size: int, room: int) -> Iterator[Term]:
        plans = list(self._plans(size))
        if len(plans) > room:
            self.found.sampled = True
            chosen = np.sort(self.rng.choice(len(plans), room, replace=False))
            plans = [plans[k] for k in chosen]
        for word, parts in plans:
            yield _applied(word, parts, size)

    def _plans(self, size: int) -> Iterator[Plan]:
        """Every way to make a formula of this size."""
        for word in self.words:
            if word in FUNCTIONS:
                for part in self.by_size[size - 1]:
                    if part.varies or _is_parameter(part):
                        yield word, (part,)
            elif word in OPERATORS:
                yield from self._pairs(word, size)
            elif word == IF:
                yield from self._conditionals(size)

    def _pairs(self, word: str, size: int) -> Iterator[Plan]:
        for first in range(1, size - 1):
            second = size - 1 - first
            if OPERATORS[word][2] and first > second:
                return
            for a in self.by_size[first]:
                for b in self.by_size[second]:
                    if a.varies or b.varies or (a.size == b.size == 1 and (_is_parameter(a) or _is_parameter(b))):
                        yield word, (a, b)

    def _conditionals(self, size: int) -> Iterator[Plan]:
        """`a if left <= right else b`: one word for the choice, one for the comparison."""
        for test in range(1, LONGEST_TEST + 1):
            lefts = [t for t in self.by_size[test] if t.varies] if test in self.by_size else []
            rights = [t for t in self.by_size[1] if not t.varies]
            for first in range(1, size - test - 3):
                second = size - test - 3 - first
                for a in self.by_size[first]:
                    for b in self.by_size[second]:
                        if a is not b and (a.varies or b.varies):
                            yield from ((IF, (a, b, left, right)) for left in lefts for right in rights)


def _is_parameter(term: Term) -> bool:
    return not term.varies and isinstance(term.tree, tree.Name)


def _applied(word: str, parts: Sequence[Term], size: int) -> Term:
    values = [each.values for each in parts]
    varies = any(each.varies for each in parts)
    trees = [each.tree for each in parts]
    with np.errstate(all="ignore"):
        if word in FUNCTIONS:
            write, number = FUNCTIONS[word]
            return Term(write(trees[0]), size, number(values[0]), varies)
        if word in OPERATORS:
            join, numbers, _ = OPERATORS[word]
            return Term(join(trees[0], trees[1]), size, numbers(values[0], values[1]), varies)
    a, b, left, right = parts
    chosen: Array = np.where(left.values <= right.values, a.values, b.values)
    return Term(tree.Conditional(a.tree.span, condition(left, right), a.tree, b.tree), size, chosen, varies)
