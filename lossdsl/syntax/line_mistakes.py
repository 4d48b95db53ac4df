"""Mistakes that can be anywhere, and mistakes in statements."""

from __future__ import annotations

import difflib

from lossdsl.diagnostics import Problem
from lossdsl.diagnostics.syntax import (
    AfterReturn,
    ConditionalForm,
    EqualsSign,
    ForeignOperator,
    IllegalTarget,
    Indentation,
    MisplacedText,
    NotAStatement,
    ReservedWord,
    SignatureForm,
)
from lossdsl.syntax.failure import Failure, described
from lossdsl.syntax.foreign import OPERATORS, WORDS
from lossdsl.syntax.reserved import reserved, reserved_word
from lossdsl.syntax.words import KEYWORDS, normalise

_ITEMS = ("loss", "def", "use")


def _after_return(failure: Failure) -> Problem | None:
    if failure.accepts != {"_DEDENT"} or failure.at:
        return None
    if failure.text() in _ITEMS and (problem := _item_in_block(failure)) is not None:
        return problem
    return AfterReturn(failure.span, "nothing may follow the `return` of a block", "move this line before it")


def _binds_next(failure: Failure) -> bool:
    return failure.text(1) in ("=", "[", ",")


def _item_in_block(failure: Failure) -> Problem | None:
    if failure.at or failure.text() not in _ITEMS or failure.line.indent == 0 or _binds_next(failure):
        return None
    message = f"a `{failure.text()}` can not stand inside a block"
    return Indentation(failure.span, message, "move it to the first column, before this item")


def _text(failure: Failure) -> Problem | None:
    found = failure.found
    if found is None:
        return None
    if found.text == "'" and failure.at > 0 and failure.wants_operator:
        hint = "for a transpose, swap the indices: `x[j, i]`"
        return ForeignOperator(failure.span, "`'` is no part of this language", hint)
    if found.text == "'":
        return MisplacedText(failure.span, 'texts are written between `"`', 'write `"..."`')
    if found.kind != "text" or failure.line.word == "use":
        return None
    if failure.at > 0:
        comment = "a comment starts with `#`" if "_NEWLINE" in failure.accepts else None
        return MisplacedText(failure.span, "a formula holds no texts", comment)
    where = "file" if "loss" in failure.accepts else "block"
    message = f"a docstring is the first thing in its {where}, and there is one of them"
    return MisplacedText(failure.span, message, "write a comment, which starts with `#`")


def _foreign_operator(failure: Failure) -> Problem | None:
    text = failure.text()
    if failure.found is None or (failure.line.word == "use" and failure.at):
        return None
    if failure.found.kind == "operator" and text in OPERATORS:
        hint = "there are no decorators" if text == "@" and failure.at == 0 else OPERATORS[text]
        return ForeignOperator(failure.span, f"`{text}` is no part of this language", hint)
    return None


def _foreign_word(failure: Failure) -> Problem | None:
    """Two words side by side, one of which is a word of another language."""
    for offset in (0, -1):
        lexeme = failure.lexeme(offset)
        if lexeme is None or lexeme.kind != "name" or lexeme.text not in WORDS:
            continue
        beside = failure.found if offset == -1 else failure.lexeme(-1)
        alone = failure.at + offset == 0 and failure.text() in ("", ":")
        if alone or (beside is not None and (beside.kind in ("name", "number", "close", "text"))):
            message = f"`{lexeme.text}` is not a word of this language"
            return ForeignOperator(failure.span_of(offset), message, WORDS[lexeme.text])
    return None


# ---------------------------------------------------------------- statements


def _top_level(failure: Failure) -> Problem | None:
    if failure.at or "def" not in failure.accepts:
        return None
    text = failure.text()
    if failure.is_keyword and text != normalise(text):
        return reserved_word(failure)
    if text in ("return", "predict", "learn", "where", "if", "else"):
        hint = "indent the lines of a block"
        return NotAStatement(failure.span, f"`{text}` stands only inside the block of a `loss` or `def`", hint)
    near = difflib.get_close_matches(text, _ITEMS, n=1, cutoff=0.6)
    message = f"expected `use`, `def` or `loss`; instead found {described(failure.found)}"
    if text in WORDS:
        hint = WORDS[text]
    elif near:
        hint = f"did you mean `{near[0]}`?"
    elif failure.text(1) == "=" or failure.text(1) == "[":
        hint = f"a constant is a `def` without arguments: `def {text}() = ...`; the lines of a block are indented"
    else:
        hint = "indent it, if it belongs to a block"
    return NotAStatement(failure.span, message, hint)


def _word_at_start(failure: Failure) -> Problem | None:
    """A word of the language that starts no statement."""
    if failure.at or not failure.is_keyword:
        return None
    text = failure.text()
    if _binds_next(failure):
        return reserved(failure)
    if text in ("if", "else"):
        hint = "write `name = a if condition else b`"
        return ConditionalForm(failure.span, "a choice is an expression, not a statement", hint)
    if text == "learn":
        return SignatureForm(failure.span, "`learn` stands in the signature of a loss, behind `;`")
    return NotAStatement(
        failure.span, f"a statement does not start with `{text}`", "write `name = ...` or `return ...`"
    )


def _target(failure: Failure) -> Problem | None:
    """Left of `=` stands something that can not be bound."""
    line = failure.line
    if line.word in ("return", "loss", "def", "use") or _before_at_depth_0(failure, "="):
        return None
    if failure.later_equals() and failure.text() != "=":
        first = line.lexemes[0]
        equals = next(lexeme for lexeme in line.lexemes[failure.at :] if lexeme.text == "=" and lexeme.parent < 0)
        span = line.span(first).to(line.span(line.lexemes[line.lexemes.index(equals) - 1]))
        if failure.wants_target and failure.text() == "(":
            hint = f"a function is defined outside the block: `def {first.text}(...) = ...`"
        elif failure.opener == "[":
            hint = "left of `=` stand names of indices, `y[i] = ...`; the positions are shifted on the right"
        else:
            hint = "left of `=` stands a name, a name with indices, or several names"
        if failure.is_keyword and (failure.opener_index < 0 or "NAME" in failure.accepts):
            return reserved(failure)
        return IllegalTarget(span, "this can not be bound", hint)
    return None


def _before_at_depth_0(failure: Failure, sign: str) -> bool:
    return any(lexeme.text == sign and lexeme.parent < 0 for lexeme in failure.line.lexemes[: failure.at])


def _compared(failure: Failure) -> Problem | None:
    """`x == 3` as a line of its own."""
    line = failure.line
    if failure.text() != "==" or failure.opener_index >= 0 or line.word in ("return", *_ITEMS):
        return None
    if _before_at_depth_0(failure, "=") or "*" in failure.accepts:
        return None
    return NotAStatement(failure.span, "a comparison is no statement", "write `=` to bind a name")


def _predict(failure: Failure) -> Problem | None:
    if failure.line.word != "predict" or failure.at != 1:
        return None
    if failure.text() in ("=", "[", ","):
        message = "`predict` is a word of the language, and can not be a name"
        return ReservedWord(failure.span_of(-1), message, "write `predict name = ...`")
    message = f"after `predict` stands a name; instead found {described(failure.found)}"
    return reserved(failure) or NotAStatement(failure.span, message, "write `predict name = ...`")


def _not_a_statement(failure: Failure) -> Problem | None:
    line = failure.line
    if failure.at == 0 and "return" in failure.accepts and failure.found is not None:
        hint = "write `name = ...` or `return ...`"
        if failure.found.kind == "operator":
            hint = "inside parentheses a formula may run over several lines"
        span = line.span(line.lexemes[0]).to(line.span(line.lexemes[-1]))
        return NotAStatement(span, "this line binds no name, and returns nothing", hint)
    if failure.at != 1 or not failure.wants_target:
        return None
    word, span = line.word, line.span(line.lexemes[0]).to(line.span(line.lexemes[-1]))
    if word in WORDS:
        return ForeignOperator(line.span(line.lexemes[0]), f"`{word}` is not a word of this language", WORDS[word])
    near = difflib.get_close_matches(word, ("return", "predict"), n=1, cutoff=0.7)
    if near:
        return NotAStatement(line.span(line.lexemes[0]), f"`{word}` is no statement", f"did you mean `{near[0]}`?")
    hint = f"write `{word} = ...` to bind it, or `return ...`"
    if failure.found is not None and failure.found.kind in ("operator", "open"):
        hint = "write `name = ...` to bind it, or `return ...`"
    return NotAStatement(span, "this line binds no name, and returns nothing", hint)


def _reserved_argument(failure: Failure) -> Problem | None:
    """`f(x; sum = 1)`: the word is only recognised by the `=` behind it."""
    before = normalise(failure.text(-1))
    if failure.text() != "=" or before not in KEYWORDS or not failure.opens_call():
        return None
    return reserved_word(failure, -1) if failure.text(-2) in ("(", ",", ";", "|") else None


def _bound_twice(failure: Failure) -> Problem | None:
    """`x = y = 3`, and `return x = 3`."""
    if failure.line.word == "return" and failure.at == 1 and failure.text() == ",":
        return reserved_word(failure, -1)
    if failure.text() != "=" or failure.opener_index >= 0 or failure.text(1) in ("<", ">"):
        return None
    if failure.line.word == "return" and failure.line.lexemes[1].text in ("=", "["):
        return reserved_word(failure, -failure.at)
    if failure.line.word == "return":
        hint = "write `==` to compare, or bind the name on a line before"
        return EqualsSign(failure.span, "`return` binds no name", hint) if failure.at == 2 else None
    if "else" not in failure.accepts and _before_at_depth_0(failure, "="):
        return EqualsSign(failure.span, "a line binds one name", "write `==` to compare, or two lines")
    return None


ANYWHERE_MISTAKES = (_after_return, _item_in_block, _text, _reserved_argument, _foreign_operator, _foreign_word)
STATEMENT_MISTAKES = (
    _top_level, _word_at_start, _predict, _compared, _bound_twice, _target, _not_a_statement, reserved,
)  # fmt: skip
