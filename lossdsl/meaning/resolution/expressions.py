"""From written expressions to the checked tree: numbers, names, operators and conditions.

Reads are in `reads`, reductions in `reductions`, calls in `calls`.  Operands of one operator are all looked at, so
that independent errors are reported together; a chain of operators is a loop, since it may be ten thousand long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import partial
from typing import assert_never

from lossdsl.diagnostics import LossError, Problem, Span
from lossdsl.diagnostics.calls import TooDeep, TooLarge
from lossdsl.diagnostics.limits import MAX_PROBLEMS
from lossdsl.diagnostics.types import ConditionAsNumber, ConstantTooLarge, NumberAsCondition
from lossdsl.meaning import core
from lossdsl.meaning.core import Expr
from lossdsl.meaning.resolution import calls, extents, reads, reductions, sizes
from lossdsl.meaning.resolution.build import LARGEST_BITS, Builder, bits, is_float
from lossdsl.meaning.resolution.scopes import Scope
from lossdsl.syntax import tree

MAX_DEPTH = 400
"""Of expressions within expressions, calls written out included."""

LONGEST_BITS = 256
"""Of a constant that was worked out and is written out in full."""

BINARY = core.Alternative("set", values=(Fraction(0), Fraction(1)))
"""The domain `in {0, 1}`, of flags."""

ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "/": "div", "^": "pow", "and": "and", "or": "or"}
COMPARISONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}


def number(scope: Scope, written: tree.Expr) -> Expr:
    return as_number(scope, value(scope, written), written.span)


def condition(scope: Scope, written: tree.Expr) -> Expr:
    return as_condition(scope, value(scope, written), written.span)


def as_number(scope: Scope, made: Expr, span: Span) -> Expr:
    if scope.draft.build.kind(made) == "bool":
        text = _unwrapped(shortened(span))
        raise LossError(
            ConditionAsNumber(
                span, "this is a condition, and a number is needed", f"write `[{text}]`: 1 where it holds, else 0"
            )
        )
    return made


def as_condition(scope: Scope, made: Expr, span: Span) -> Expr:
    if scope.draft.build.kind(made) != "bool":
        text = shortened(span)
        flag = isinstance(made, core.Read) and isinstance(made.array, core.Arg) and made.array.domain == (BINARY,)
        hint = f"compare it: `{text} == 1`" if flag else f"compare it: `{text} != 0`, or `{text} > 0`"
        raise LossError(NumberAsCondition(span, "this is a number, and a condition is needed", hint))
    return made


def _unwrapped(text: str) -> str:
    """Without parentheses around all of it."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for k, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and k < len(text) - 1:
            return text
    return text[1:-1]


def shortened(span: Span) -> str:
    text = " ".join(span.text.split())
    return text if len(text) <= 40 else text[:37] + "..."


def value(scope: Scope, written: tree.Expr) -> Expr:
    """A number or a condition."""
    draft = scope.draft
    if draft.depth >= MAX_DEPTH:
        raise LossError(
            TooDeep(written.span, f"calls and brackets are nested more than {MAX_DEPTH} deep here", "name parts of it")
        )
    draft.depth += 1
    try:
        return _value(scope, written)
    finally:
        draft.depth -= 1


def _value(scope: Scope, written: tree.Expr) -> Expr:
    build = scope.draft.build
    match written:
        case tree.Number():
            return build.num(written.span, written.value)
        case tree.Constant():
            return build.keep(core.Num(written.span, written.name))
        case tree.Name():
            return reads.name(scope, written)
        case tree.Indexed():
            return reads.element(scope, written)
        case tree.Unary():
            return _unary(scope, written)
        case tree.Binary():
            return _binary(scope, written)
        case tree.Comparison():
            return _comparison(scope, written)
        case tree.Membership():
            return _membership(scope, written)
        case tree.Conditional():
            return _conditional(scope, written)
        case tree.Iverson():
            held = condition(scope, written.condition)
            return build.keep(core.If(written.span, held, build.num(written.span, 1), build.num(written.span, 0)))
        case tree.Call():
            return calls.call(scope, written)
        case tree.Reduction():
            return reductions.reduction(scope, written)
        case _:
            assert_never(written)


def together(steps: Iterable[Callable[[], Expr]]) -> list[Expr]:
    """The results of all, or the problems of all."""
    made: list[Expr] = []
    problems: list[Problem] = []
    failed = False
    for step in steps:
        try:
            made.append(step())
        except LossError as error:
            failed = True
            problems.extend(error.problems)
            if len(problems) >= MAX_PROBLEMS or any(isinstance(problem, TooDeep | TooLarge) for problem in problems):
                break
    if failed:
        raise LossError(*problems)
    return made


def _unary(scope: Scope, written: tree.Unary) -> Expr:
    build = scope.draft.build
    if written.op == "not":
        return build.apply(written.span, "not", condition(scope, written.operand))
    operand = number(scope, written.operand)
    match written.op:
        case "+":
            return operand
        case "-" if isinstance(operand, core.Num):
            return _negated(scope, operand, written.span)
        case "-":
            return build.apply(written.span, "neg", operand)
        case "abs" | "sqrt":
            return build.apply(written.span, written.op, operand)


def _negated(scope: Scope, operand: core.Num, span: Span) -> Expr:
    match operand.value:
        case Fraction() as exact:
            return scope.draft.build.num(span, -exact)
        case "inf":
            return scope.draft.build.keep(core.Num(span, "-inf"))
        case "-inf":
            return scope.draft.build.keep(core.Num(span, "inf"))
        case "pi":
            return scope.draft.build.apply(span, "neg", operand)


def _binary(scope: Scope, written: tree.Binary) -> Expr:
    """Left operands are unrolled: `a + b + c + ...` nests to the left."""
    spine: list[tree.Binary] = []
    first: tree.Expr = written
    while isinstance(first, tree.Binary):
        spine.append(first)
        first = first.left
    spine.reverse()
    leftmost = first
    kinds = [_operand_kind(spine[0].op), *(_operand_kind(link.op) for link in spine)]
    operands = [leftmost, *(link.right for link in spine)]
    made = together(partial(kind, scope, operand) for kind, operand in zip(kinds, operands, strict=True))
    result = made[0]
    for link, right in zip(spine, made[1:], strict=True):
        wanted = as_condition if link.op in ("and", "or") else as_number
        left = wanted(scope, result, link.left.span)
        result = _operation(scope, link, left, right)
    return result


def _operand_kind(op: str) -> Callable[[Scope, tree.Expr], Expr]:
    return condition if op in ("and", "or") else number


def _operation(scope: Scope, link: tree.Binary, left: Expr, right: Expr) -> Expr:
    build = scope.draft.build
    if link.op == "^":
        base, exponent = build.value(left), build.value(right)
        if base is not None and exponent is not None and bits(base) * abs(exponent) > LARGEST_BITS and abs(base) != 1:
            raise LossError(
                ConstantTooLarge(
                    link.span, "this constant has more digits than can be worked out", "write a smaller power"
                )
            )
    made = build.apply(link.span, ARITHMETIC[link.op], left, right)
    return _folded(build, made, (left, right))


def _folded(build: Builder, made: Expr, operands: tuple[Expr, ...]) -> Expr:
    """Arithmetic on constants is exact; what has hundreds of digits stays as written, if code can work it out."""
    exact, parts = build.value(made), [build.value(one) for one in operands]
    if exact is None or (bits(exact) > LONGEST_BITS and all(part is not None and is_float(part) for part in parts)):
        return made
    return build.num(made.span, exact)


def _comparison(scope: Scope, written: tree.Comparison) -> Expr:
    """A chain `a < b <= c` is `a < b and b <= c`, with b evaluated once."""
    build = scope.draft.build
    made = together(partial(number, scope, operand) for operand in written.operands)
    result: Expr | None = None
    for k, op in enumerate(written.ops):
        span = written.operands[k].span.to(written.operands[k + 1].span)
        one = build.apply(span, COMPARISONS[op], made[k], made[k + 1])
        result = one if result is None else build.apply(written.span, "and", result, one)
    assert result is not None, "a comparison has an operator"
    return result


def _membership(scope: Scope, written: tree.Membership) -> Expr:
    build, span = scope.draft.build, written.span
    operand = number(scope, written.operand)
    match written.set:
        case tree.FiniteSet(values=values):
            made = together(partial(number, scope, one) for one in values)
            tests = [build.apply(span, "eq", operand, one) for one in made]
            return _joined(scope, span, "or", tests)
        case tree.Interval() as interval:
            low, high = together([partial(number, scope, interval.low), partial(number, scope, interval.high)])
            above = build.apply(span, "gt" if interval.low_open else "ge", operand, low)
            below = build.apply(span, "lt" if interval.high_open else "le", operand, high)
            return build.apply(span, "and", above, below)
        case tree.AxisSet(name=name):
            return _on_axis(scope, span, operand, sizes.range_of(scope, name))
        case tree.Bound():
            raise AssertionError("a bound stands in signatures only")


def _on_axis(scope: Scope, span: Span, operand: Expr, bounds: extents.Bounds) -> Expr:
    build = scope.draft.build
    low, high = (build.keep(core.Size(span, end)) for end in bounds)
    tests = [build.apply(span, "ge", operand, low), build.apply(span, "lt", operand, high)]
    if build.kind(operand) != "int":
        tests.append(build.apply(span, "eq", operand, build.apply(span, "floor", operand)))
    return _joined(scope, span, "and", tests)


def _joined(scope: Scope, span: Span, function: str, tests: list[Expr]) -> Expr:
    result = tests[0]
    for test in tests[1:]:
        result = scope.draft.build.apply(span, function, result, test)
    return result


def _conditional(scope: Scope, written: tree.Conditional) -> Expr:
    build = scope.draft.build
    held, then, otherwise = together(
        [
            partial(condition, scope, written.condition),
            partial(value, scope, written.then),
            partial(value, scope, written.otherwise),
        ]
    )
    if (build.kind(then) == "bool") != (build.kind(otherwise) == "bool"):
        as_number(scope, then, written.then.span)
        as_number(scope, otherwise, written.otherwise.span)
    return build.keep(core.If(written.span, held, then, otherwise))
