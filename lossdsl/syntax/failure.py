"""Where a line stopped making sense, and what could have stood there, in the reader's terms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from lossdsl.diagnostics import Span
from lossdsl.syntax.lexeme import Lexeme, LogicalLine
from lossdsl.syntax.tree import NORMALISERS, REDUCTIONS
from lossdsl.syntax.words import KEYWORDS, OPERANDS, normalise

REDUCTION_WORDS = frozenset((*REDUCTIONS, *NORMALISERS, "Σ", "∑"))

_EXPRESSION_STARTS = (
    REDUCTION_WORDS | OPERANDS | frozenset(("NAME", "NUMBER", "(", "[", "|", "-", "−", "+", "√", "∞", "not"))
)
_OPERATORS = frozenset(
    ("+", "-", "−", "*", "·", "×", "/", "^", "**", "²", "³", "<", "<=", "≤", ">", ">=", "≥", "==", "!=", "≠")
) | frozenset(("in", "∈", "and", "or", "if", "(", "["))  # fmt: skip
COMPARISONS = frozenset(("<", "<=", "≤", ">", ">=", "≥", "==", "!=", "≠"))

_PHRASES = {
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": "a text in quotes",
    "..": "`..`",
    "_NEWLINE": "the end of the line",
    "_DEDENT": "the end of the block",
    "$END": "the end of the text",
}


@dataclass(frozen=True)
class Failure:
    """`accepts` holds what the parser would take at this place: literal words and signs, or names of terminals."""

    line: LogicalLine
    at: int
    accepts: frozenset[str]

    # ------------------------------------------------------------ neighbours

    def lexeme(self, offset: int) -> Lexeme | None:
        """The symbol so many places behind (or before) the one that failed."""
        index = self.at + offset
        return self.line.lexemes[index] if 0 <= index < len(self.line.lexemes) else None

    def text(self, offset: int = 0) -> str:
        """Its text; empty where the line has none."""
        lexeme = self.lexeme(offset)
        return lexeme.text if lexeme else ""

    @cached_property
    def found(self) -> Lexeme | None:
        return self.lexeme(0)

    @cached_property
    def span(self) -> Span:
        return self.line.span(self.found) if self.found else self.line.end_span()

    def span_of(self, offset: int) -> Span:
        lexeme = self.lexeme(offset)
        return self.line.span(lexeme) if lexeme else self.span

    @cached_property
    def glued(self) -> bool:
        """Whether nothing stands between the symbol that failed and the one before."""
        before = self.lexeme(-1)
        return before is not None and self.found is not None and before.end == self.found.start

    # ------------------------------------------------------------ surroundings

    @cached_property
    def opener_index(self) -> int:
        """The position of the bracket or bar that is open at this place, or -1."""
        if self.found is not None:
            return _opener_of(self.line, self.at)
        return -1

    @property
    def opener(self) -> str:
        return self.line.lexemes[self.opener_index].text if self.opener_index >= 0 else ""

    @property
    def before_opener(self) -> str:
        """What stands before the bracket that is open: the name of a function, the word of a reduction, `in`."""
        return self.line.lexemes[self.opener_index - 1].text if self.opener_index > 0 else ""

    @property
    def in_signature(self) -> bool:
        return self.line.word in ("loss", "def") and self.opener_index == 2

    @property
    def wants_operand(self) -> bool:
        return "NUMBER" in self.accepts and "√" in self.accepts

    @property
    def wants_operator(self) -> bool:
        return "*" in self.accepts

    @property
    def wants_target(self) -> bool:
        """A name at the start of the line stands alone so far."""
        return "=" in self.accepts and self.accepts <= {"=", ",", "["}

    @property
    def starts_operand(self) -> bool:
        """Whether what was found begins an operand."""
        if self.found is None:
            return False
        kind, text = self.found.kind, self.found.text
        if kind == "name":
            return text not in KEYWORDS or text in OPERANDS or text in REDUCTION_WORDS
        return kind in ("number", "bar open") or text in ("(", "[", "√", "∞", "∑")

    @property
    def is_keyword(self) -> bool:
        return self.found is not None and self.found.kind == "name" and normalise(self.found.text) in KEYWORDS

    def goes_on(self) -> bool:
        """Whether the next physical line is indented deeper, as if it went on with this one."""
        text, start = self.line.source.text, self.line.next
        following = text[start : start + self.line.indent + 1]
        return len(following) > self.line.indent and not following.strip(" ")

    def later_equals(self) -> bool:
        """Whether a `=` outside all brackets follows."""
        return any(lexeme.text == "=" and lexeme.parent < 0 for lexeme in self.line.lexemes[self.at :])

    def opens_index(self) -> bool:
        """Whether the bracket that is open belongs to an index, of a name or of a call."""
        index = self.opener_index
        if index < 1 or self.opener != "[":
            return False
        before = self.line.lexemes[index - 1]
        return (before.kind == "name" and before.text not in KEYWORDS) or before.kind == "close"

    def opens_binders(self) -> bool:
        """Whether the bracket that is open holds the indices of a reduction."""
        return self.opener == "[" and self.before_opener in REDUCTION_WORDS

    def opens_call(self) -> bool:
        index = self.opener_index
        if index < 1 or self.opener != "(":
            return False
        before = self.line.lexemes[index - 1]
        return before.kind == "name" and before.text not in KEYWORDS


def _opener_of(line: LogicalLine, at: int) -> int:
    found = line.lexemes[at]
    if found.kind in ("close", "bar close"):  # these stand outside, but fail inside
        depth = 0
        for index in range(at - 1, -1, -1):
            kind = line.lexemes[index].kind
            if kind in ("close", "bar close"):
                depth += 1
            elif kind in ("open", "bar open"):
                if depth == 0:
                    return index
                depth -= 1
    return found.parent


# ---------------------------------------------------------------- words for people


def described(lexeme: Lexeme | None) -> str:
    """What was found."""
    if lexeme is None:
        return "the end of the line"
    shown = lexeme.text if len(lexeme.text) <= 40 else lexeme.text[:39] + "…"
    match lexeme.kind:
        case "name" if normalise(lexeme.text) in KEYWORDS:
            return f"the word `{shown}`"
        case "name":
            return f"the name `{shown}`"
        case "number":
            return f"the number `{shown}`"
        case "text":
            return "a text in quotes"
        case _:
            return f"`{shown}`"


def expectation(accepts: frozenset[str]) -> str:
    """What could have stood there, from the general to the particular."""
    rest = set(accepts)
    phrases: list[str] = []
    if "√" in rest:
        phrases.append("an expression")
        rest -= _EXPRESSION_STARTS
    elif "*" in rest:
        phrases.append("an operator")
        rest -= _OPERATORS
    elif "<" in rest:
        phrases.append("a domain")
        rest -= COMPARISONS | {"in", "∈"}
    for kind in ("NAME", "NUMBER", "STRING"):
        if kind in rest:
            phrases.append(_PHRASES[kind])
            rest.remove(kind)
    if "∈" in rest:
        rest.remove("∈")
    last = sorted(rest & {"_NEWLINE", "_DEDENT", "$END"})
    phrases += [_PHRASES.get(kind, f"`{kind}`") for kind in sorted(rest - set(last), key=_spelling_order)]
    phrases += [_PHRASES[kind] for kind in last]
    if len(phrases) > 1:
        return ", ".join(phrases[:-1]) + " or " + phrases[-1]
    return phrases[0] if phrases else "nothing"


def _spelling_order(kind: str) -> tuple[bool, str]:
    return kind in (")", "]", "}", "|"), kind
