"""A loss as a text of its own, and that text with other defaults, with learned hyperparameters, with weights.

What must hold: everything else stays as it was written, comments included, and the text parses and checks again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction
from pathlib import Path

from lossdsl.api import Loss, catalogue, loads
from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.source import Span
from lossdsl.diagnostics.tuning import NoSum
from lossdsl.syntax import parse, tree
from lossdsl.syntax.words import normalise

Edit = tuple[int, int, str]
"""Characters from, to, and what stands there instead."""


@dataclass(frozen=True)
class LossText:
    """A text with a loss `name`; `path` is what its `use "./..."` is relative to."""

    text: str
    path: str
    name: str

    def loss(self) -> Loss:
        return loads(self.text, self.path)[self.name]


def text_of(loss: Loss) -> LossText:
    """The file of the loss as it is; of a loss of the catalogue only what it needs of its file."""
    source = loss.program.span.source
    if Path(source.path).parent == catalogue.folder:
        return standalone(loss)
    return LossText(source.text, source.path, loss.name)


def standalone(loss: Loss) -> LossText:
    """The loss with what it needs of its file: items that it names, and those that they name."""
    path = loss.program.span.source.path
    module = parse(loss.program.span.source.text, path)
    items = {name: item for item in module.items for name in _names(item)}
    wanted, waiting = set[int](), [loss.name]
    while waiting:
        item = items[waiting.pop()]
        if id(item) not in wanted:
            wanted.add(id(item))
            waiting += [name for name in _mentioned(item) if name in items]
    kept = [item.span.text.rstrip() for item in module.items if id(item) in wanted]
    return LossText("\n\n".join(kept) + "\n", path, loss.name)


def _names(item: tree.Use | tree.Def | tree.Loss) -> tuple[str, ...]:
    return tuple(here.id for _, here in item.names) if isinstance(item, tree.Use) else (item.name.id,)


def _mentioned(item: tree.Use | tree.Def | tree.Loss) -> set[str]:
    """All names that stand in an item."""
    found: set[str] = set()
    waiting: list[object] = [item]
    while waiting:
        match waiting.pop():
            case tree.Name(id=name):
                found.add(name)
            case tuple() as parts:
                waiting += parts
            case node if is_dataclass(node) and not isinstance(node, Span):
                waiting += [getattr(node, field.name) for field in fields(node)]
    return found


# ---------------------------------------------------------------- edits


def with_defaults(given: LossText, values: Mapping[str, float]) -> LossText:
    """With these defaults of hyperparameters."""
    return _edited(given, [_default(arg, values[arg.name.id]) for arg in _hyper(given, values)])


def _default(arg: tree.Argument, value: float) -> Edit:
    if arg.default is None:
        return arg.span.end, arg.span.end, f" = {numeral(value)}"
    return arg.default.span.start, arg.default.span.end, numeral(value)


def with_learned(given: LossText, names: Iterable[str]) -> LossText:
    """With these hyperparameters as learned ones."""
    return _edited(given, [(arg.span.start, arg.span.start, "learn ") for arg in _hyper(given, frozenset(names))])


def numeral(value: float) -> str:
    """A number of the language: no exponent sign is lost, whole numbers have no point."""
    text = repr(float(value))
    return text.removesuffix(".0")


def _hyper(given: LossText, names: Iterable[str]) -> list[tree.Argument]:
    wanted = set(names)
    return [arg for arg in _item(given).hyper if arg.name.id in wanted]


def _item(given: LossText) -> tree.Loss:
    items = parse(given.text, given.path).items
    return next(item for item in items if isinstance(item, tree.Loss) and item.name.id == given.name)


def _edited(given: LossText, edits: Sequence[Edit]) -> LossText:
    text = given.text
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return LossText(text, given.path, given.name)


# ---------------------------------------------------------------- weights


def with_weights(given: LossText) -> tuple[LossText, tuple[str, ...]]:
    """With a hyperparameter for the coefficient of every term but the first that has a number for one, and their names.

    `return fit + 0.1*size_` becomes `return fit + weight_size_*size_` with `weight_size_ >= 0 = 0.1`: only weights
    relative to the first term change where the minimum is.  LossError (E1104) where there is no sum.
    """
    item = _item(given)
    terms = _summands(_inside(item.body.result))
    if len(terms) < 2:
        message = f"{given.name} returns one term"
        raise LossError(NoSum(item.body.result.span, message, "write the terms with + between them"))
    bound = frozenset(each.name.id for each in item.body.statements if isinstance(each, tree.Binding))
    taken = {normalise(word) for word in re.findall(r"[^\W\d]\w*", given.text)}
    edits: list[Edit] = []
    made: dict[str, Fraction] = {}
    for position, term in enumerate(terms[1:], start=2):
        found = _coefficient(term)
        name = _free_name(f"weight_{_word(found.rest, bound) or position}", taken)
        taken.add(name)
        made[name] = found.value
        edits.append(found.edit(name))
    edits.append(_declared(item, made))
    return _edited(given, edits), tuple(made)


@dataclass(frozen=True)
class _Coefficient:
    """A term is `value` times `rest`; `place` is where the number stands, None where there is none."""

    value: Fraction
    rest: tree.Expr
    place: Span | None
    divides: bool = False

    def edit(self, name: str) -> Edit:
        if self.place is None:
            start = self.rest.span.start
            return start, start, f"{name}*"
        if self.divides:  # from behind the operand to behind the number
            return self.rest.span.end, self.place.end, f"*{name}"
        return self.place.start, self.place.end, name


def _coefficient(term: tree.Expr) -> _Coefficient:
    """The number in front of a product, or behind a quotient."""
    match term:
        case tree.Binary(op="/", left=left, right=tree.Number(value=value) as number) if value:
            return _Coefficient(1 / value, left, number.span, divides=True)
        case tree.Binary(op="*", left=tree.Number(value=value) as number, right=right):
            return _Coefficient(value, right, number.span)
        case tree.Binary(op="*" | "/", left=tree.Binary() as left):
            inner = _coefficient(left)
            if inner.place is not None and not inner.divides:
                return inner
    return _Coefficient(Fraction(1), term, None)


def _inside(result: tree.Expr) -> tree.Expr:
    """What a `mean` or `sum` behind `return` is taken of, without a number that it is multiplied with or divided by."""
    match result:
        case tree.Reduction(op="mean" | "sum", body=body) if body is not None:
            return _inside(body)
        case (
            tree.Binary(op="/", left=inner, right=tree.Number()) | tree.Binary(op="*", left=tree.Number(), right=inner)
        ):
            return _inside(inner)
    return result


def _summands(expr: tree.Expr) -> list[tree.Expr]:
    found: list[tree.Expr] = []
    while isinstance(expr, tree.Binary) and expr.op in ("+", "-"):
        found.append(expr.right)
        expr = expr.left
    return [expr, *reversed(found)]


def _word(expr: tree.Expr, bound: frozenset[str]) -> str:
    """The name of a term, if it has one: of a product that of a factor that is bound in the block."""
    match expr:
        case tree.Binary(op="*" | "/", left=left, right=right):
            return next((word for word in (_word(right, bound), _word(left, bound)) if word in bound), "")
        case tree.Name(id=name) | tree.Indexed(base=tree.Name(id=name)):
            return name
        case tree.Call(function=tree.Name(id=name)) if name not in _FUNCTIONS:
            return name
    return ""


_FUNCTIONS = frozenset({"max", "min"})


def _free_name(wanted: str, taken: set[str]) -> str:
    while wanted in taken:
        wanted += "_"
    return wanted


def _declared(item: tree.Loss, weights: Mapping[str, Fraction]) -> Edit:
    """The weights behind the last argument of the signature."""
    last = (*item.predictions, *item.data, *item.hyper)[-1]
    text = ", ".join(f"{name} >= 0 = {numeral(float(value))}" for name, value in weights.items())
    return last.span.end, last.span.end, (", " if item.hyper else "; ") + text
