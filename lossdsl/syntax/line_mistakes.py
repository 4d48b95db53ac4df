"""Mistakes in how lines are made: items, signatures, statements."""

from __future__ import annotations

import difflib

from lossdsl.diagnostics import Problem
from lossdsl.diagnostics.syntax import (
    AfterReturn,
    BlockForm,
    ConditionalForm,
    DomainForm,
    EqualsSign,
    ForeignOperator,
    IllegalTarget,
    Indentation,
    MisplacedText,
    NotAStatement,
    ReservedWord,
    SignatureForm,
    UseForm,
)
from lossdsl.syntax.failure import Failure, described
from lossdsl.syntax.foreign import OPERATORS, WORDS
from lossdsl.syntax.words import KEYWORDS, normalise

_COMPARISONS = frozenset(("<", "<=", "≤", ">", ">=", "≥", "==", "!=", "≠"))
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
    if failure.found is not None and failure.found.kind == "operator" and text in OPERATORS:
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


# ---------------------------------------------------------------- use


def _use(failure: Failure) -> Problem | None:
    if failure.line.word != "use" or failure.at == 0:
        return None
    hint = "write `use module: name, other as another`"
    if failure.text(-1) == "use":
        message = f"after `use` stands the name of a module, or a path in quotes; not {described(failure.found)}"
    elif ":" in failure.accepts:
        message = f"after the module stands `:` and what is taken from it; not {described(failure.found)}"
    elif failure.text() == "*":
        message = "each item is named; there is no `*`"
    elif failure.is_keyword:
        return _reserved(failure) or UseForm(failure.span, f"{described(failure.found)} can not stand here", hint)
    else:
        message = f"a name was expected here, not {described(failure.found)}"
        if "_NEWLINE" in failure.accepts:
            message = f"names are separated by `,`; found {described(failure.found)}"
    return UseForm(failure.span, message, hint)


# ---------------------------------------------------------------- heads of losses and defs


def _head(failure: Failure) -> Problem | None:
    """A `loss` or `def` line outside its signature."""
    word = failure.line.word
    if word not in ("loss", "def") or failure.at == 0 or (failure.opener_index >= 0 and failure.text() != ":"):
        return None
    if failure.at == 1:
        hint = f"write `{word} name(...)`"
        message = f"a `{word}` has a name; instead found {described(failure.found)}"
        return _reserved(failure) or SignatureForm(failure.span, message, hint)
    if failure.at == 2 and failure.text() != "(":
        hint = f"write `{word} {failure.text(-1)}(...)`"
        return SignatureForm(
            failure.span, f"the arguments stand in parentheses; instead found {described(failure.found)}", hint
        )
    if failure.text() == "->":
        return _foreign_operator(failure)
    if ":" in failure.accepts and "*" not in failure.accepts:
        if failure.found is None:
            hint = "write `:` at the end of the line" + (", or `= expression`" if word == "def" else "")
            return BlockForm(failure.span, f"the `:` is missing that opens the block of this `{word}`", hint)
        if failure.text() == "=" and word == "loss":
            return BlockForm(failure.span, "a `loss` has a block", "write `:`, and `return ...` on the next line")
    if failure.text(-1) == ":" and failure.accepts == {"_NEWLINE"}:
        hint = "write it on the next line, indented"
        hint += ", or `= expression` instead of `: return expression`" if word == "def" else ""
        return BlockForm(failure.span, "a block stands on lines of its own", hint)
    return None


def _signature(failure: Failure) -> Problem | None:
    if not failure.in_signature:
        return _axes(failure)
    word, text = failure.line.word, failure.text()
    if failure.text(-1) == "learn":
        return reserved_word(failure, -1)
    if text in ("|", ";", ")") and failure.text(-1) == "(" and word == "loss":
        message = "a loss has at least one prediction, left of `|`"
        return SignatureForm(failure.span, message, f"write `loss {failure.text(-2)}(prediction | data; parameter)`")
    if text == "|":
        if word == "def":
            return SignatureForm(
                failure.span, "a `def` has no `|`: all its arguments are alike", "separate them with `,`"
            )
        message = (
            "the data come before the hyperparameters" if _before(failure, ";") else "the predictions end here already"
        )
        return SignatureForm(failure.span, message, "write `(predictions | data; hyperparameters)`")
    if text == ";" and _before(failure, ";"):
        return SignatureForm(failure.span, "a signature has one `;`", "separate the arguments with `,`")
    if text == ":":
        return SignatureForm(failure.span, "arguments have no types", "a domain says what they hold: `x > 0`, `k in c`")
    if text in ("*", "**"):
        return SignatureForm(failure.span, "each argument is named", "take the `*` away")
    if text == "=" and failure.text(-1) in ("=", "<", ">"):
        return None
    if text == "[" and failure.text(-1) == "]":
        return SignatureForm(failure.span, "the axes stand in one pair of brackets", "write them as in `x[n, c]`")
    joined = text == "and" and "NAME" not in failure.accepts
    if (
        joined
        or (text in _COMPARISONS and text not in failure.accepts)
        or (failure.found and failure.found.kind == "number")
    ):
        return _domain(failure)
    return _reserved(failure)


def _axes(failure: Failure) -> Problem | None:
    """The brackets behind the name of an argument."""
    line, index = failure.line, failure.opener_index
    if line.word not in ("loss", "def") or index < 0 or failure.opener != "[":
        return None
    if line.lexemes[index].parent != 2 and not _is_output(failure):
        return None
    if failure.before_opener in ("in", "∈", "or", "=") or line.lexemes[index - 1].kind not in ("name", "close"):
        return None
    message = f"an axis is a name, a whole number, or `..`; instead found {described(failure.found)}"
    return _reserved(failure) or SignatureForm(failure.span, message, "separate the axes with `,`: `x[n, c]`")


def _is_output(failure: Failure) -> bool:
    """Whether the bracket that is open stands behind the signature of a `def`."""
    before = failure.line.lexemes[: failure.opener_index]
    return (
        failure.line.word == "def"
        and before[-1].text == ")"
        and not any(each.text == "=" and each.parent < 0 for each in before)
    )


def _before(failure: Failure, sign: str) -> bool:
    return any(lexeme.text == sign for lexeme in failure.line.lexemes[: failure.at])


def _domain(failure: Failure) -> Problem | None:
    text = failure.text()
    if text == "==":
        return DomainForm(failure.span, "`==` is no domain", "write `in {value}`, or `= value` for a default")
    if text in (*_COMPARISONS, "and"):
        hint = "write `in (low, high)`; `[` and `]` include the ends"
        return DomainForm(failure.span, "a domain has one comparison, and both ends stand in an interval", hint)
    name, low, high = failure.text(2), text, failure.text(4)
    chained = failure.text(1) in _COMPARISONS and failure.text(3) in _COMPARISONS
    ends = f"write `{name} in ({low}, {high})`; `[` and `]` include the ends" if chained else None
    return DomainForm(failure.span, f"an argument starts with its name; instead found {described(failure.found)}", ends)


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
        return _reserved(failure)
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
            return _reserved(failure)
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
    return _reserved(failure) or NotAStatement(failure.span, message, "write `predict name = ...`")


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


def _reserved(failure: Failure) -> Problem | None:
    """A word of the language where a name is bound."""
    if not failure.is_keyword or (failure.text() == "where" and failure.opens_binders() and failure.text(1) != "]"):
        return None
    binds = ("NAME" in failure.accepts and not failure.wants_operand) or failure.at == 0 or failure.text(1) == "="
    if not binds and failure.text() == normalise(failure.text()):
        return None
    return reserved_word(failure)


def _reserved_argument(failure: Failure) -> Problem | None:
    """`f(x; sum = 1)`: the word is only recognised by the `=` behind it."""
    before = normalise(failure.text(-1))
    if failure.text() != "=" or before not in KEYWORDS or not failure.opens_call():
        return None
    return reserved_word(failure, -1) if failure.text(-2) in ("(", ",", ";", "|") else None


def reserved_word(failure: Failure, offset: int = 0) -> Problem:
    text = failure.text(offset)
    word = normalise(text)
    spelled = "" if text == word else f", spelled `{text}`"
    message = f"`{word}` is a word of the language{spelled}, and can not be a name"
    hint = f"write `{word}`, if the word is meant" if spelled else f"write `{word}_`, or another name"
    return ReservedWord(failure.span_of(offset), message, hint)


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


LINE_MISTAKES = (
    _after_return, _item_in_block, _text, _reserved_argument, _use, _foreign_operator, _foreign_word, _head, _signature,
    _top_level, _word_at_start, _predict, _compared, _bound_twice, _target, _not_a_statement, _reserved,
)  # fmt: skip
