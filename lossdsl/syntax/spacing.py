"""How the symbols of a line are spelled and spaced: spaces around sums, comparisons and words, none around products."""

from __future__ import annotations

from collections.abc import Sequence

from lossdsl.syntax.failure import REDUCTION_WORDS
from lossdsl.syntax.lexeme import Lexeme
from lossdsl.syntax.printer import TIGHT
from lossdsl.syntax.words import KEYWORDS, OPERANDS, normalise

_SPELLINGS = {
    "**": "^", "·": "*", "×": "*", "−": "-", "≤": "<=", "≥": ">=", "≠": "!=", "∈": "in", "∞": "inf", "Σ": "sum",
    "∑": "sum", "²": "^2", "³": "^3",
}  # fmt: skip
_SIGNS = ("+", "-")
_RAISED = ("²", "³")


def spelled(lexeme: Lexeme) -> str:
    """The one spelling of a symbol."""
    if lexeme.kind in ("text", "comment"):
        return lexeme.text
    return _SPELLINGS.get(lexeme.text) or normalise(lexeme.text)


def is_operand_end(lexeme: Lexeme) -> bool:
    """Whether an operand ends with this symbol, so that a sign behind it is an operator."""
    if lexeme.kind == "name":
        return lexeme.text not in KEYWORDS or lexeme.text in OPERANDS
    return lexeme.kind in ("number", "close", "bar close", "text") or lexeme.text in (*_RAISED, "∞", "..")


def is_index_bracket(lexemes: Sequence[Lexeme], index: int) -> bool:
    """Whether a bracket holds the indices of a name or of a call."""
    if index < 1 or lexemes[index].text != "[":
        return False
    before = lexemes[index - 1]
    return before.kind == "close" or (before.kind == "name" and before.text not in KEYWORDS)


def is_sign(lexemes: Sequence[Lexeme], index: int) -> bool:
    """Whether a `+` or `-` belongs to what follows alone."""
    return spelled(lexemes[index]) in _SIGNS and (index == 0 or not is_operand_end(lexemes[index - 1]))


def spaced(lexemes: Sequence[Lexeme], index: int) -> bool:
    """Whether a space stands before a symbol that follows another one on its line."""
    before, symbol = lexemes[index - 1], lexemes[index]
    left, right = spelled(before), spelled(symbol)
    if before.kind in ("open", "bar open") or symbol.kind in ("close", "bar close") or right in (",", ";"):
        return False
    if right == ":":
        return left == ","
    if left == "√" or is_sign(lexemes, index - 1):
        return False
    if left in TIGHT or right in TIGHT or symbol.text in _RAISED:
        return False
    if _is_sum(lexemes, index - 1) or _is_sum(lexemes, index):
        return not is_index_bracket(lexemes, symbol.parent)
    if right in ("(", "["):
        return not _takes_brackets(before)
    return True


def _is_sum(lexemes: Sequence[Lexeme], index: int) -> bool:
    return spelled(lexemes[index]) in _SIGNS and not is_sign(lexemes, index)


def _takes_brackets(lexeme: Lexeme) -> bool:
    if lexeme.kind == "name" or lexeme.text == "∑":
        return lexeme.text not in KEYWORDS or lexeme.text in REDUCTION_WORDS
    return lexeme.kind == "close"
