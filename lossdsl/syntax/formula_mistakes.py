"""Mistakes inside formulas."""

from __future__ import annotations

import re

from lossdsl.diagnostics import Problem, Span
from lossdsl.diagnostics.syntax import (
    ConditionalForm,
    DomainForm,
    EqualsSign,
    ForeignOperator,
    IllegalIndexing,
    MisplacedColon,
    MissingOperator,
    NumberForm,
    ReductionForm,
    SignatureForm,
    TowerOfPowers,
    Unexpected,
)
from lossdsl.syntax.failure import COMPARISONS, REDUCTION_WORDS, Failure, described
from lossdsl.syntax.lexeme import Lexeme
from lossdsl.syntax.reserved import reserved_word

_SETS = ("in", "∈")
_POWERS = ("^", "**", "²", "³")
_NUMBER_TAIL = re.compile(r"_|[eE][0-9]*$|[xXoObB][0-9a-fA-F]+$|[fFdDlLjJ]$")


def _number(failure: Failure) -> Problem | None:
    before, found = failure.lexeme(-1), failure.found
    if before is None or found is None or before.kind != "number" or not failure.glued:
        return None
    span = Span(failure.line.source, before.start, found.end)
    if found.kind == "number":
        return NumberForm(span, "a number has at most one point", "write numbers as `1_000`, `0.5` or `1e-7`")
    if found.kind == "name" and _NUMBER_TAIL.match(found.text):
        return NumberForm(span, f"`{span.text}` is not a number", "write numbers as `1_000`, `0.5` or `1e-7`")
    return None


def _colon(failure: Failure) -> Problem | None:
    if failure.text() != ":":
        return None
    if failure.opens_index():
        hint = "let an index run over the part: `sum[i where i >= 1](x[i])`"
        return MisplacedColon(failure.span, "parts of an axis are not taken with `:`", hint)
    if failure.opens_binders():
        hint = "write `sum[i in n](...)` for a range"
        return MisplacedColon(failure.span, "a range is not written with `:`", hint)
    if failure.text(-1) == "return" or (failure.at == len(failure.line.lexemes) - 1 and failure.opener_index < 0):
        return MisplacedColon(failure.span, "only `loss` and `def` open a block", "take the `:` away")
    return MisplacedColon(failure.span, "`:` stands for a whole axis, alone in an index", "write it as in `x[n, :]`")


def _conditional(failure: Failure) -> Problem | None:
    text = failure.text()
    if text == "else":
        return ConditionalForm(failure.span, "this `else` has no `if`", "write `a if condition else b`")
    if text == "if" and failure.wants_operand:
        return ConditionalForm(
            failure.span, "the value of the branch stands before `if`", "write `a if condition else b`"
        )
    if "else" not in failure.accepts or failure.starts_operand or text == "=":
        return None
    hint = "write `a if condition else b`; where the other branch is 0, `[condition]*a` says the same"
    return ConditionalForm(failure.line.span(_open_if(failure)), "this `if` has no `else`", hint)


def _open_if(failure: Failure) -> Lexeme:
    """The last `if` before the failure that stands in the same bracket."""
    parent = failure.opener_index
    before = failure.line.lexemes[: failure.at]
    return next(lexeme for lexeme in reversed(before) if lexeme.text == "if" and lexeme.parent == parent)


def _power(failure: Failure) -> Problem | None:
    if failure.text() in _POWERS and failure.text(-1) in ("²", "³"):
        hint = "write the exponent behind one `^`, or parentheses"
        return TowerOfPowers(failure.span_of(-1).to(failure.span), "a raised digit is not raised again", hint)
    return None


# ---------------------------------------------------------------- reductions


def _reduction(failure: Failure) -> Problem | None:
    text, before = failure.text(), failure.text(-1)
    if text == "where" and not failure.opens_binders():
        hint = "write `sum[i where condition](...)`"
        return ReductionForm(failure.span, "a condition stands in the square brackets of a reduction", hint)
    if before in REDUCTION_WORDS and "(" in failure.accepts and "*" not in failure.accepts:
        hint = f"write `{before}(...)` or `{before}[i](...)`"
        message = f"`{before}` is a reduction; expected `(` or `[`, instead found {described(failure.found)}"
        return ReductionForm(failure.span_of(-1), message, hint)
    if failure.accepts == {"("}:
        return ReductionForm(
            failure.span, "the expression of a reduction stands in parentheses", "write `(...)` around it"
        )
    if failure.opens_binders():
        return _binders(failure)
    if failure.opener == "(" and _reduces(failure) and text == "=" and failure.text(-2) == ",":
        hint = "a reduction names its indices: write `sum[i](x)`"
        return ReductionForm(failure.span_of(-1), "a reduction has no named arguments", hint)
    if failure.opener == "(" and _reduces(failure) and (text in (",", "|", ";") or before == ","):
        return ReductionForm(failure.span, "a reduction has one expression", "close its parenthesis before this")
    return None


def _reduces(failure: Failure) -> bool:
    """Whether the parenthesis that is open holds the expression of a reduction."""
    index = failure.opener_index - 1
    if failure.before_opener in REDUCTION_WORDS:
        return True
    if failure.before_opener != "]":
        return False
    parent = failure.line.lexemes[index].parent
    opens = [
        i for i in range(index) if failure.line.lexemes[i].text == "[" and failure.line.lexemes[i].parent == parent
    ]
    return bool(opens) and opens[-1] > 0 and failure.line.lexemes[opens[-1] - 1].text in REDUCTION_WORDS


def _binders(failure: Failure) -> Problem | None:
    text = failure.text()
    if any(lexeme.text == "where" and lexeme.parent == failure.opener_index for lexeme in _inside(failure)):
        return None
    if text == "where":
        return ReductionForm(failure.span, "the indices come before `where`", "write `sum[i where condition](...)`")
    if text == "]":
        return ReductionForm(failure.span, "the square brackets name at least one index", "write `sum[i](...)`")
    if text in COMPARISONS or text in (";", "|"):
        hint = "write `sum[i where condition](...)`"
        return ReductionForm(failure.span, "a condition comes after `where`", hint)
    if text == "=":
        return ReductionForm(failure.span, "a range is not written with `=`", "write `sum[i in n](...)`")
    if failure.starts_operand or text in ("+", "-", "*", "/"):
        message = f"the square brackets of a reduction name indices; instead found {described(failure.found)}"
        return ReductionForm(failure.span, message, "write `sum[i](x[i + 1])`: positions are shifted in the expression")
    return None


def _inside(failure: Failure) -> tuple[Lexeme, ...]:
    return failure.line.lexemes[failure.opener_index + 1 : failure.at]


# ---------------------------------------------------------------- sets, bars, brackets


def _set(failure: Failure) -> Problem | None:
    text, before = failure.text(), failure.text(-1)
    if before in _SETS and "{" in failure.accepts:
        hint = "write `in {0, 1}`, `in [0, 1)` or `in c`"
        return DomainForm(failure.span, f"after `in` stands a set; instead found {described(failure.found)}", hint)
    if failure.text(-2) in _SETS and text in ("+", "-", "*", "/", "^", "(", "["):
        message = f"after `in` stands one set, not an expression; found {described(failure.found)}"
        return DomainForm(failure.span, message, "write `in {0, 1}`, `in [0, 1)` or `in c`")
    if text == "not" and failure.text(1) in _SETS:
        return DomainForm(failure.span, "`not` stands before the whole condition", "write `not x in ...`")
    if failure.opener == "{" and text == "}" and before == "{":
        return DomainForm(failure.span_of(-1).to(failure.span), "a set has at least one value", "write `in {0, 1}`")
    if failure.before_opener in (*_SETS, "or") and failure.opener in ("(", "[") and not failure.opens_binders():
        hint = "write `in [low, high]`; a set of values stands in braces, `in {0, 1}`"
        if text in (",", ")", "]") or (failure.wants_operator and failure.starts_operand):
            return DomainForm(failure.span, f"an interval has two ends; instead found {described(failure.found)}", hint)
    if text == "{" and before == "or":
        return DomainForm(failure.span, "after `or` stands a condition, not a set", "write `x in {0} or x in {1}`")
    if text == "{" and failure.wants_operand:
        return DomainForm(failure.span, "a set stands only behind `in`", "write `x in {0, 1}`; braces do not group")
    if text in (*_SETS, *COMPARISONS) and text not in failure.accepts and not failure.wants_operand:
        hint = "join them with `and`: `a < b and b in c`"
        return DomainForm(failure.span, "`in` is not chained with other comparisons", hint)
    return None


def _bar(failure: Failure) -> Problem | None:
    found = failure.found
    if found is None or found.text != "|" or failure.opens_binders():
        return None
    before = failure.lexeme(-1)
    if before is not None and before.kind == "bar close" and failure.glued:
        message = "there is no operator between two absolute values"
        return MissingOperator(failure.span, message, "write `*` for the product")
    if failure.text(1) == "|" and failure.span.end == failure.span_of(1).start:
        both = failure.span.to(failure.span_of(1))
        return ForeignOperator(both, "`||` is no part of this language", "write `or`")
    if found.kind == "bar between":
        if failure.opens_call():
            hint = "write `f(predictions | data; hyperparameters)`"
            return Unexpected(failure.span, "a call has at most one `|`, before `;`", hint)
        hint = "write `or` to join conditions, and `|x|` for an absolute value"
        return Unexpected(failure.span, "`|` separates arguments only directly inside the parentheses of a call", hint)
    return None


def _semicolon(failure: Failure) -> Problem | None:
    if failure.text() != ";" or not failure.opens_call():
        return None
    if failure.text(-1) == "|":
        return Unexpected(failure.span_of(-1), "no data stands behind this `|`", "leave the `|` out")
    hint = "write `f(predictions | data; hyperparameters)`"
    return Unexpected(failure.span, "a call has at most one `;`, behind its other arguments", hint)


def _indexing(failure: Failure) -> Problem | None:
    if failure.text() != "[" or not failure.wants_operator:
        return None
    before = failure.lexeme(-1)
    if before is None or before.kind not in ("close", "bar close") or _holds_condition(failure):
        return None
    if before.text == "]":
        return IllegalIndexing(
            failure.span, "this is indexed already", "write all indices in one pair of brackets: `x[i, j]`"
        )
    hint = "give it a name with indices first: `r[n] = ...`, then `r[i]`"
    return IllegalIndexing(failure.span, "only a name or the call of a `def` or loss can be indexed", hint)


def _holds_condition(failure: Failure) -> bool:
    return any(lexeme.text in COMPARISONS and lexeme.parent == failure.at for lexeme in failure.line.lexemes)


def _comma(failure: Failure) -> Problem | None:
    if failure.text() != ",":
        return None
    if failure.opener == "[" and not failure.opens_index():
        hint = "`[condition]` is 1 where the condition holds, and 0 elsewhere"
        return Unexpected(failure.span, "there are no lists: square brackets hold one condition", hint)
    if failure.opener == "(" and not failure.opens_call():
        return Unexpected(failure.span, "there are no tuples: parentheses hold one expression")
    if failure.opener_index < 0 and failure.line.word == "return":
        return Unexpected(
            failure.span, "a block returns one value", "write the terms of a loss as bindings, and return their sum"
        )
    return None


def _equals(failure: Failure) -> Problem | None:
    if failure.text() != "=":
        return None
    if failure.text(1) in ("<", ">"):
        both = failure.span.to(failure.span_of(1))
        return ForeignOperator(both, f"`{both.text}` is no part of this language", f"write `{failure.text(1)}=`")
    if failure.opens_call() and not failure.in_signature:
        hint = "write `f(name = value)`, or `==` to compare"
        return EqualsSign(failure.span, "left of `=` stands the name of an argument", hint)
    return EqualsSign(failure.span, "`=` binds a name, and compares nothing", "write `==`")


def _juxtaposed(failure: Failure) -> Problem | None:
    """Two operands side by side."""
    if not failure.wants_operator or not failure.starts_operand:
        return None
    before = failure.lexeme(-1)
    if before is None or failure.found is None:
        return None
    left, right = failure.text(-1), failure.text()
    if failure.in_signature:
        message = f"expected `=` or `,`; instead found {described(failure.found)}"
        return SignatureForm(failure.span, message, "write `= value` for a default, and `,` between arguments")
    if before.kind in ("name", "number") and failure.found.kind in ("name", "number"):
        hint = f"write `{left}*{right}` for the product"
    else:
        hint = "write `*` for the product"
    if "," in failure.accepts:
        hint += ", or `,` between arguments"
    message = f"there is no operator between {described(before)} and {described(failure.found)}"
    return MissingOperator(failure.span, message, hint)


def _not_operand(failure: Failure) -> Problem | None:
    if failure.text() == "not" and failure.wants_operand:
        return Unexpected(failure.span, "`not` binds looser than the operator before it", "write `(not condition)`")
    return None


def _reserved(failure: Failure) -> Problem | None:
    """A word of the language where a value is expected."""
    if failure.is_keyword and "NAME" in failure.accepts and failure.text() not in ("and", "or"):
        return reserved_word(failure)
    return None


FORMULA_MISTAKES = (
    _number, _colon, _bar, _conditional, _power, _reduction, _set, _semicolon, _indexing, _comma, _equals,
    _juxtaposed, _not_operand, _reserved,
)  # fmt: skip
