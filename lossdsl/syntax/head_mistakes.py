"""Mistakes in the heads of items: `use` lines and signatures."""

from __future__ import annotations

from lossdsl.diagnostics import Problem
from lossdsl.diagnostics.syntax import BlockForm, DomainForm, SignatureForm, UseForm
from lossdsl.syntax.failure import COMPARISONS, Failure, described
from lossdsl.syntax.reserved import reserved, reserved_word

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
        return reserved(failure) or UseForm(failure.span, f"{described(failure.found)} can not stand here", hint)
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
        return reserved(failure) or SignatureForm(failure.span, message, hint)
    if failure.at == 2 and failure.text() != "(":
        hint = f"write `{word} {failure.text(-1)}(...)`"
        return SignatureForm(
            failure.span, f"the arguments stand in parentheses; instead found {described(failure.found)}", hint
        )
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
    if text in (";", ")") and failure.text(-1) == "|":
        hint = "leave the `|` out, or name the data"
        return SignatureForm(failure.span_of(-1), "no data stands behind this `|`", hint)
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
        or (text in COMPARISONS and text not in failure.accepts)
        or (failure.found and failure.found.kind == "number")
    ):
        return _domain(failure)
    return reserved(failure)


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
    if failure.text() in ("+", "-", "*", "/"):
        hint = "give an axis of another length a name of its own: `x[m]`"
        return SignatureForm(failure.span, message, hint)
    return reserved(failure) or SignatureForm(failure.span, message, "separate the axes with `,`: `x[n, c]`")


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
    if text in (*COMPARISONS, "and"):
        hint = "write `in (low, high)`; `[` and `]` include the ends"
        return DomainForm(failure.span, "a domain has one comparison, and both ends stand in an interval", hint)
    name, low, high = failure.text(2), text, failure.text(4)
    chained = failure.text(1) in COMPARISONS and failure.text(3) in COMPARISONS
    ends = f"write `{name} in ({low}, {high})`; `[` and `]` include the ends" if chained else None
    return DomainForm(failure.span, f"an argument starts with its name; instead found {described(failure.found)}", ends)


HEAD_MISTAKES = (_use, _head, _signature)
