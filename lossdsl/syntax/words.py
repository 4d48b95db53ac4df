"""The words of the language: what is reserved, and what a name may be made of."""

from __future__ import annotations

import unicodedata

from lossdsl.functions.table import SURFACE
from lossdsl.syntax.tree import NORMALISERS, REDUCTIONS

OPERANDS = frozenset(("inf", "pi"))
"""Words that stand for a value."""

KEYWORDS = OPERANDS.union(
    ("loss", "def", "use", "as", "return", "learn", "predict", "where", "if", "else", "and", "or", "not", "in"),
    REDUCTIONS,
    NORMALISERS,
    ("Σ",),
)
"""Words that the grammar gives a meaning of their own."""

FUNCTIONS = SURFACE | {"size"}
"""Names of built-in functions."""

FREE_FUNCTIONS = frozenset(("logit",))
"""Functions whose names may also be given to values, since that is what such values are called everywhere: `logit(p)`
is the function, and `logit`, or `logit[n, c]`, the value.  A `def` or a loss can not have such a name."""

RESERVED = (KEYWORDS | FUNCTIONS) - FREE_FUNCTIONS
"""No name that a text binds may be one of these, whatever characters it is spelled with."""

OPTIONS = frozenset(("reduction", "validate", "wrt", "vector", "dtype"))
"""Keywords of generated functions, which no argument may be called."""


def normalise(word: str) -> str:
    """The name that a spelling stands for."""
    return word if word.isascii() else unicodedata.normalize("NFKC", word)
