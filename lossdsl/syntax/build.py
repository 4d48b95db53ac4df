"""From grammar rules to the tree: one method per rule, called by the parser as it reduces.

Each method gets what its rule is made of, words and finished nodes alike, in order.  No method raises: what the grammar
accepts and the language does not is found afterwards, in `checks`.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal, cast

from lark import Token, Transformer

from lossdsl.diagnostics import Span
from lossdsl.syntax.numerals import exact
from lossdsl.syntax.tree import (
    Argument,
    Axis,
    AxisSet,
    Binary,
    Binder,
    Binding,
    Block,
    Bound,
    Call,
    Comparison,
    Conditional,
    Constant,
    Def,
    Docstring,
    Domain,
    Expr,
    FiniteSet,
    Indexed,
    Interval,
    Iverson,
    Loss,
    Membership,
    Name,
    NamedArgument,
    Number,
    Reduction,
    Slice,
    Unary,
    Unpacking,
    Use,
)
from lossdsl.syntax.words import normalise


class Word(Token):
    """A token that knows its place in the whole text."""

    span: Span


Part = Any
"""A `Word` or a node: which of them, and where, is what the grammar says."""

GROUP = ".."

_SPELLINGS = {
    "·": "*", "×": "*", "−": "-", "**": "^", "≤": "<=", "≥": ">=", "≠": "!=", "√": "sqrt", "Σ": "sum", "∑": "sum",
    "²": "2", "³": "3", "∞": "inf",
}  # fmt: skip


class Builder(Transformer[Word, Part]):
    # ------------------------------------------------------------ items

    def start(self, parts: list[Part]) -> tuple[Docstring | None, tuple[Use | Def | Loss, ...]]:
        doc, rest = _leading_doc(parts)
        return doc, tuple(rest)

    def docstring(self, parts: list[Part]) -> Docstring:
        word = parts[0]
        quotes = 3 if word.startswith('"""') else 1
        return Docstring(word.span, inspect.cleandoc(word[quotes:-quotes]).strip())

    def use(self, parts: list[Part]) -> Use:
        keyword, origin, _, *rest = parts
        names = tuple(part for part in rest if isinstance(part, tuple))
        path = origin[1:-1] if origin.type == "STRING" else None
        module = normalise(str(origin)) if path is None else None
        return Use(keyword.span.to(names[-1][1].span), module, path, origin.span, names)

    def used(self, parts: list[Part]) -> tuple[Name, Name]:
        there, here = _name(parts[0]), _name(parts[-1])
        return (there, there) if len(parts) == 1 else (there, here)

    def loss(self, parts: list[Part]) -> Loss:
        keyword, name, _, *signature, _, _, block = parts
        predictions, data, hyper = _groups(signature)
        return Loss(keyword.span.to(block.span), _name(name), predictions, data or (), hyper or (), block)

    def definition(self, parts: list[Part]) -> Def:
        *head, _, block = parts
        return _definition(head, block, one_line=False)

    def short_definition(self, parts: list[Part]) -> Def:
        *head, _, value, _ = parts
        return _definition(head, Block(value.span, None, (), value), one_line=True)

    def outputs(self, parts: list[Part]) -> tuple[Name, ...]:
        return tuple(_name(part) for part in parts if part.type in ("NAME", "ELLIPSIS"))

    # ------------------------------------------------------------ signatures

    def parameter(self, parts: list[Part]) -> Argument:
        first, last = parts[0], parts[-1]
        learn = first.type == "LEARN"
        axes: tuple[Axis, ...] = ()
        domain = default = None
        for part in parts[2 if learn else 1 :]:
            match part:
                case tuple():
                    axes = part[:-1]
                case Domain():
                    domain = part
                case Token():
                    pass
                case _:
                    default = part
        span = first.span.to(_end(last))
        return Argument(span, _name(parts[1] if learn else first), axes, domain, default, learn)

    def axes(self, parts: list[Part]) -> tuple[Part, ...]:
        """The axes, and the closing bracket for the span."""
        return (*(part for part in parts if isinstance(part, Axis)), parts[-1])

    def axis(self, parts: list[Part]) -> Axis:
        word = parts[0]
        if word.type == "NUMBER":
            value = exact(word)
            return Axis(word.span, None, int(value) if value.denominator == 1 else -1)
        return Axis(word.span, normalise(str(word)), None)

    def domain(self, parts: list[Part]) -> Domain:
        alternatives = tuple(part for part in parts if not isinstance(part, Token))
        return Domain(parts[0].span.to(parts[-1].span), alternatives)

    def bound(self, parts: list[Part]) -> Bound:
        word, value = parts
        return Bound(word.span.to(value.span), cast(Any, _spelling(word)), value)

    def finite_set(self, parts: list[Part]) -> FiniteSet:
        return FiniteSet(parts[0].span.to(parts[-1].span), _nodes(parts))

    def interval(self, parts: list[Part]) -> Interval:
        opening, low, _, high, closing = parts
        return Interval(opening.span.to(closing.span), low, high, opening == "(", closing == ")")

    def axis_set(self, parts: list[Part]) -> AxisSet:
        return AxisSet(parts[0].span, _name_or_number(parts[0]))

    # ------------------------------------------------------------ blocks

    def block(self, parts: list[Part]) -> Block:
        doc, rest = _leading_doc([part for part in parts if not isinstance(part, Token)])
        *statements, result = rest
        first = doc or (statements or [result])[0]
        return Block(first.span.to(result.span), doc, tuple(statements), result)

    def binding(self, parts: list[Part]) -> Binding:
        predict = parts[0].type == "PREDICT"
        name, *middle, _, value, _ = parts[1 if predict else 0 :]
        indices = middle[0] if middle else None
        return Binding(parts[0].span.to(value.span), _name(name), indices, value, predict)

    def unpacking(self, parts: list[Part]) -> Unpacking:
        *left, _, value, _ = parts
        names = tuple(_name(word) for word in left if word.type == "NAME")
        return Unpacking(parts[0].span.to(value.span), names, value)

    def indices(self, parts: list[Part]) -> tuple[Binder, ...]:
        return _binders(parts)

    def result(self, parts: list[Part]) -> Expr:
        return cast(Expr, parts[1])

    # ------------------------------------------------------------ expressions

    def conditional(self, parts: list[Part]) -> Conditional:
        then, _, condition, _, otherwise = parts
        return Conditional(then.span.to(otherwise.span), condition, then, otherwise)

    def binary(self, parts: list[Part]) -> Binary:
        left, word, right = parts
        return Binary(left.span.to(right.span), cast(Any, _spelling(word)), left, right)

    def unary(self, parts: list[Part]) -> Unary:
        word, operand = parts
        return Unary(word.span.to(operand.span), cast(Any, _spelling(word)), operand)

    def chain(self, parts: list[Part]) -> Comparison:
        ops = tuple(_spelling(word) for word in parts[1::2])
        return Comparison(parts[0].span.to(parts[-1].span), cast(Any, ops), tuple(parts[::2]))

    def membership(self, parts: list[Part]) -> Membership:
        operand, _, values = parts
        return Membership(operand.span.to(values.span), operand, values)

    def superscript(self, parts: list[Part]) -> Binary:
        base, word = parts
        exponent = Number(word.span, Fraction(_spelling(word)), _spelling(word))
        return Binary(base.span.to(word.span), "^", base, exponent)

    def number(self, parts: list[Part]) -> Number:
        return _number(parts[0])

    def constant(self, parts: list[Part]) -> Constant:
        return Constant(parts[0].span, cast(Literal["inf", "pi"], _spelling(parts[0])))

    def name(self, parts: list[Part]) -> Name:
        return _name(parts[0])

    def parentheses(self, parts: list[Part]) -> Expr:
        opening, inner, closing = parts
        return cast(Expr, replace(inner, span=opening.span.to(closing.span)))

    def absolute(self, parts: list[Part]) -> Unary:
        opening, inner, closing = parts
        return Unary(opening.span.to(closing.span), "abs", inner)

    def iverson(self, parts: list[Part]) -> Iverson:
        opening, inner, closing = parts
        return Iverson(opening.span.to(closing.span), inner)

    # ------------------------------------------------------------ reads, calls, reductions

    def indexed(self, parts: list[Part]) -> Indexed:
        base = _name(parts[0]) if isinstance(parts[0], Word) else parts[0]
        return Indexed(base.span.to(parts[-1].span), base, _nodes(parts[1:]))

    def whole_axis(self, parts: list[Part]) -> Slice:
        return Slice(parts[0].span)

    def group(self, parts: list[Part]) -> Name:
        return Name(parts[0].span, GROUP)

    def call(self, parts: list[Part]) -> Call:
        name, _, *inner, closing = parts
        arguments, data, hyper = _groups(inner)
        return Call(name.span.to(closing.span), _name(name), arguments, data, hyper)

    def named_argument(self, parts: list[Part]) -> NamedArgument:
        word, _, value = parts
        return NamedArgument(word.span.to(value.span), _name(word), value)

    def operator(self, parts: list[Part]) -> Word:
        return cast(Word, parts[0])

    def reduction(self, parts: list[Part]) -> Reduction | Call:
        word, op = parts[0], _spelling(parts[0])
        span = word.span.to(parts[-1].span)
        if parts[1] == "[":
            close = next(i for i, part in enumerate(parts) if isinstance(part, Token) and part == "]")
            where, body = _where(parts[1:close]), _nodes(parts[close:])
            return Reduction(span, op, word.span, _binders(parts[1:close]), where, body[0])
        body = _nodes(parts)
        if len(body) == 1:
            return Reduction(span, op, word.span, None, None, body[0])
        return Call(span, Name(word.span, op), body, None, None)

    def counting(self, parts: list[Part]) -> Reduction | Call:
        if parts[1] == "[" and parts[-1] == "]":
            word = parts[0]
            span = word.span.to(parts[-1].span)
            return Reduction(span, "count", word.span, _binders(parts), _where(parts), None)
        return self.reduction(parts)

    def binder(self, parts: list[Part]) -> Binder:
        name = _name(parts[0])
        bounds = _name_or_number(parts[2]) if len(parts) > 1 else None
        return Binder(name.span.to(_end(parts[-1])), name, bounds)

    def where(self, parts: list[Part]) -> tuple[Expr]:
        return (parts[1],)


# ---------------------------------------------------------------- helpers


def _spelling(word: Word) -> str:
    return _SPELLINGS.get(word, str(word))


def _end(part: Part) -> Span:
    return cast(Span, part[-1].span if isinstance(part, tuple) else part.span)


def _name(word: Word) -> Name:
    return Name(word.span, normalise(str(word)))


def _number(word: Word) -> Number:
    return Number(word.span, exact(word), str(word))


def _name_or_number(word: Word) -> Name | Number:
    return _number(word) if word.type == "NUMBER" else _name(word)


def _nodes(parts: Sequence[Part]) -> tuple[Part, ...]:
    return tuple(part for part in parts if not isinstance(part, Token))


def _binders(parts: Sequence[Part]) -> tuple[Binder, ...]:
    return tuple(part for part in parts if isinstance(part, Binder))


def _where(parts: Sequence[Part]) -> Expr | None:
    return next((part[0] for part in parts if isinstance(part, tuple)), None)


def _leading_doc(parts: list[Part]) -> tuple[Docstring | None, list[Part]]:
    if parts and isinstance(parts[0], Docstring):
        return parts[0], parts[1:]
    return None, parts


def _groups(parts: list[Part]) -> tuple[Part, Part, Part]:
    """What stands before `|`, after it, and after `;`; None where the mark is missing."""
    groups: list[list[Part] | None] = [[], None, None]
    current = groups[0]
    for part in parts:
        if not isinstance(part, Token):
            assert current is not None
            current.append(part)
        elif part in ("|", ";"):
            current = groups[1 if part == "|" else 2] = []
    return tuple(None if group is None else tuple(group) for group in groups)  # type: ignore[return-value]


def _definition(head: list[Part], body: Block, one_line: bool) -> Def:
    keyword, name, _, *rest = head
    indices = rest.pop() if isinstance(rest[-1], tuple) else None
    arguments, _, hyper = _groups(rest[:-1])
    return Def(keyword.span.to(body.span), _name(name), arguments, hyper or (), indices, body, one_line)
