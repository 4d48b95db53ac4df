"""Domains: what an argument may be, as sets that can be tested and reasoned about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from lossdsl.diagnostics import LossError, Span
from lossdsl.diagnostics.names import UnknownAxis
from lossdsl.diagnostics.types import BadDomain, NotConstant, OutsideDomain
from lossdsl.meaning import core
from lossdsl.meaning.resolution import constants
from lossdsl.meaning.resolution.constants import Constant
from lossdsl.meaning.resolution.scopes import did_you_mean
from lossdsl.syntax import tree

LARGEST_SET = 100_000
INF: Constant = "inf"
MINUS_INF: Constant = "-inf"


@dataclass(slots=True)
class Surroundings:
    """What a domain may name: the axes of its signature, and the hyperparameters before it."""

    axes: frozenset[str]
    hypers: dict[str, core.Arg] = field(default_factory=dict)


def domain(written: tree.Domain, around: Surroundings) -> tuple[core.Alternative, ...]:
    return tuple(_alternative(one, around) for one in written.alternatives)


def whole(alternatives: tuple[core.Alternative, ...]) -> bool:
    """Whether only whole numbers are admitted."""
    return bool(alternatives) and all(
        one.kind == "axis" or (one.kind == "set" and all(value.denominator == 1 for value in one.values))
        for one in alternatives
    )


def _alternative(written: tree.DomainSet, around: Surroundings) -> core.Alternative:
    match written:
        case tree.Bound():
            return _bound(written, around)
        case tree.Interval():
            return _interval(written, around)
        case tree.FiniteSet(values=values):
            return core.Alternative("set", values=tuple(_element(value) for value in values))
        case tree.AxisSet(name=name):
            return _axis_set(name, around)


def _axis_set(name: tree.Name | tree.Number, around: Surroundings) -> core.Alternative:
    """The positions of an axis, or the whole numbers below a size."""
    if isinstance(name, tree.Number):
        if name.value > LARGEST_SET:
            raise LossError(BadDomain(name.span, "this set is too large to be listed", f"write `in [0, {name.text})`"))
        return core.Alternative("set", values=tuple(Fraction(k) for k in range(int(name.value))))
    if name.id in around.axes or name.id in around.hypers:
        return core.Alternative("axis", axis=name.id)
    named = sorted(axis for axis in around.axes if axis != "..")
    have = f", which has {', '.join(named)}" if named else ""
    hint = did_you_mean(name.id, [*named, *around.hypers])
    raise LossError(UnknownAxis(name.span, f"`{name.id}` is no axis of this signature{have}", hint))


def _element(written: tree.Expr) -> Fraction:
    value = constants.constant(written, "an element of a set")
    if not isinstance(value, Fraction):
        raise LossError(BadDomain(written.span, "infinity is no element of a set", "write an interval"))
    return value


def _end(written: tree.Expr, around: Surroundings) -> Fraction | str:
    """A bound: a constant, or the name of an earlier hyperparameter."""
    if isinstance(written, tree.Name):
        if written.id in around.hypers and not around.hypers[written.id].axes:
            return written.id
        raise LossError(
            NotConstant(
                written.span,
                f"`{written.id}` is no hyperparameter without axes that is declared before this",
                did_you_mean(written.id, around.hypers, "a bound is a constant or an earlier hyperparameter"),
            )
        )
    return constants.constant(written, "a bound")


def _bound(written: tree.Bound, around: Surroundings) -> core.Alternative:
    end = _end(written.value, around)
    match written.op:
        case "<" | "<=":
            return core.Alternative("interval", high=end, high_open=written.op == "<")
        case ">" | ">=":
            return core.Alternative("interval", low=end, low_open=written.op == ">")
        case "!=":
            if end != 0:
                raise LossError(
                    BadDomain(written.span, "a domain can leave out 0 only", "write a bound or an interval")
                )
            return core.Alternative("nonzero")


def _interval(written: tree.Interval, around: Surroundings) -> core.Alternative:
    low, high = _end(written.low, around), _end(written.high, around)
    if _known(low) and _known(high) and not _before(low, high, strict=written.low_open or written.high_open):
        raise LossError(BadDomain(written.span, "nothing lies in this interval", "write the smaller end first"))
    return core.Alternative("interval", low, high, written.low_open, written.high_open)


def _known(end: Fraction | str) -> bool:
    return isinstance(end, Fraction) or end in ("inf", "-inf")


def _before(low: Fraction | str, high: Fraction | str, strict: bool) -> bool:
    if low == high:
        return not strict
    if isinstance(low, Fraction) and isinstance(high, Fraction):
        return low < high
    return low == "-inf" or high == "inf"


def contains(one: core.Alternative, value: Constant, hypers: Mapping[str, Constant | None]) -> bool:
    """False only if the value is certain to lie outside, where `hypers` are the values of hyperparameters, if known."""
    match one.kind:
        case "nonzero":
            return value != 0
        case "set":
            return value in one.values
        case "axis":
            return isinstance(value, Fraction) and value >= 0 and value.denominator == 1
        case "interval":
            low, high = hypers.get(str(one.low), one.low), hypers.get(str(one.high), one.high)
            above = low is None or not _known(low) or _before(low, value, one.low_open)
            return above and (high is None or not _known(high) or _before(value, high, one.high_open))


def check_inside(arg: core.Arg, value: Constant, span: Span, hypers: Mapping[str, Constant | None], what: str) -> None:
    """A value that is known now has to lie in the domain."""
    if arg.domain and not any(contains(one, value, hypers) for one in arg.domain):
        raise LossError(
            OutsideDomain(
                span,
                f"{what} of `{arg.name}` is {constants.show(value)}, outside its domain `{arg.domain_text}`",
                notes=((arg.span, "declared here"),),
            )
        )
