"""An elementwise loss as functions of one number: of the residual, of the margin, or of the prediction for given data.

What must hold on the way out: with `complete`, every element of the loss, whatever the data, is one of these functions
(moved, or mirrored), or with `mixed` a combination of them: f_a*(1 - w) + f_b*w + v*g with w in [0, 1], v >= 0 and
g the functions marked as rays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Any, Literal

from lossdsl.analysis.actions import behaves, moves
from lossdsl.analysis.claims import number
from lossdsl.analysis.judge import Point
from lossdsl.analysis.numbers import Clock, Undecided, x
from lossdsl.analysis.piecewise import Builder, Pieces, merged
from lossdsl.analysis.view import View
from lossdsl.boosting.intervals import Interval, of_arguments, of_domain
from lossdsl.functions.lazy import sympy
from lossdsl.ir.graph import Node, reachable
from lossdsl.meaning.core import Arg

MOST_CASES = 8
Kind = Literal["residual", "margin", "data", "samples"]


@dataclass(frozen=True)
class Case:
    """The loss of one element for given data, as a function of the prediction."""

    function: Pieces
    prediction: str
    data: tuple[tuple[str, Fraction], ...]
    axes: Mapping[str, int]
    ray: bool = False
    """Whether this is what a unit more of the data adds."""
    at: Fraction | None = None
    """The number that stands for the data in the formula, where that is not in their domain: an open end."""

    def point(self, at: Any) -> Point:
        """The arguments at which the prediction has this value, an exact fraction."""
        values = {self.prediction: _fraction(at), **dict(self.data)}
        return {name: _nested(value, self.axes[name]) for name, value in values.items()}

    @property
    def label(self) -> str:
        """`at y = 1`; empty without data."""
        return "at " + ", ".join(f"{name} = {number(value)}" for name, value in self.data) if self.data else ""


@dataclass(frozen=True)
class Cases:
    """All functions that an element can be."""

    kind: Kind
    complete: bool
    mixed: bool
    items: tuple[Case, ...]
    variable: str
    """What the functions are of, for readers."""

    @property
    def only(self) -> Case:
        return self.items[0]


def _fraction(value: Any) -> Fraction:
    if isinstance(value, Fraction):
        return value
    rational = sympy().Rational(value)
    return Fraction(int(rational.p), int(rational.q))


def _nested(value: Fraction, axes: int) -> Any:
    return value if axes == 0 else (_nested(value, axes - 1),)


def cases(view: View, clock: Clock) -> Cases:
    """The functions of an elementwise loss; Undecided where it is none, or they can not be written in pieces."""
    if view.elementwise is None:
        raise Undecided("the loss of one element is no function of one prediction")
    prediction, data = view.elementwise
    around = of_domain(prediction, {})
    if len(prediction.domain) > 1 or any(a.kind != "interval" for a in prediction.domain):
        raise Undecided(f"the domain of {prediction.name}")
    make = _Maker(view, prediction, around, clock)
    if not data:
        return Cases("data", True, False, (make.case({}),), prediction.name)
    if (
        len(data) == 1
        and not prediction.domain
        and data[0].name in moves(view, "shift")
        and behaves(view, "shift") == 0
    ):
        at = _inside(data[0])
        variable = f"r = {prediction.name} - {data[0].name}"
        return Cases("residual", True, False, (make.case({data[0].name: at}),), variable)
    if len(data) == 1 and not prediction.domain and _values(data[0]) == {-1, 1} and behaves(view, "flip") == 1:
        variable = f"m = {data[0].name}*{prediction.name}"
        return Cases("margin", True, False, (make.case({data[0].name: Fraction(1)}),), variable)
    return _by_data(make, data, prediction)


def _by_data(make: _Maker, data: Sequence[Arg], prediction: Arg) -> Cases:
    finite = [sorted(_values(arg)) for arg in data]
    if all(finite) and 0 < len(list(product(*finite))) <= MOST_CASES:
        found = tuple(make.case(dict(zip((a.name for a in data), v, strict=True))) for v in product(*finite))
        return Cases("data", True, False, found, prediction.name)
    if len(data) == 1 and make.is_affine_in(data[0]):
        return Cases("data", True, True, tuple(make.corners(data[0])), prediction.name)
    found = tuple(make.case(values) for values in _samples(data))
    return Cases("samples", False, False, found, prediction.name)


def _values(arg: Arg) -> set[Fraction]:
    """The values of a finite domain; empty for another."""
    if arg.domain and all(a.kind == "set" for a in arg.domain):
        return {v for a in arg.domain for v in a.values}
    return set()


def _inside(arg: Arg) -> Fraction:
    """A number in the domain, 0 if it is one."""
    return _some(arg)[0]


NUMBERS = tuple(Fraction(quarters, 4) for quarters in (0, 4, 8, -4, -8, 16, 2, 1, 3))
"""Readable values of data, the first that are tried first."""


def _some(arg: Arg) -> list[Fraction]:
    found = [n for n in NUMBERS if _contains(arg, n)]
    if not found:
        raise Undecided(f"numbers in the domain of {arg.name}")
    return found


def _contains(arg: Arg, value: Fraction) -> bool:
    """Whether a number is in a domain; ends that are hyperparameters are not looked at."""
    if not arg.domain:
        return True
    for part in arg.domain:
        match part.kind:
            case "set" if value in part.values:
                return True
            case "nonzero" if value != 0:
                return True
            case "interval":
                around = of_domain(arg, {})
                if _within(value, around):
                    return True
    return False


def _within(value: Fraction, around: Interval) -> bool:
    above = value > around.low or (value == around.low and not around.low_open)
    return above and (value < around.high or (value == around.high and not around.high_open))


def _samples(data: Sequence[Arg]) -> list[dict[str, Fraction]]:
    """A few readable values of the data."""
    choices = [_some(arg)[:3] for arg in data]
    found = [dict(zip((a.name for a in data), v, strict=True)) for v in product(*choices)]
    return found[:4]


@dataclass(frozen=True)
class _Maker:
    view: View
    prediction: Arg
    around: Interval
    clock: Clock

    def case(self, data: Mapping[str, Fraction], ray: bool = False) -> Case:
        """The function for given data."""
        low, high = (_end(e) for e in (self.around.low, self.around.high))
        function = Builder(low, high, self._leaves(data), self.clock).of(self.view.single)
        return self._made(function, data, ray)

    def _made(self, function: Pieces, data: Mapping[str, Fraction], ray: bool) -> Case:
        names = (self.prediction, *(a for a in self.view.data))
        return Case(function, self.prediction.name, tuple(data.items()), {a.name: len(a.axes) for a in names}, ray)

    def _leaves(self, data: Mapping[str, Fraction]) -> dict[int, Any]:
        sp = sympy()
        values = {**self.view.numbers, **data}
        found: dict[int, Any] = {}
        for node in reachable([self.view.single]):
            if node.op == "read":
                name = str(node.value)
                if name == self.prediction.name:
                    found[node.id] = x()
                elif name in values:
                    found[node.id] = sp.Rational(values[name].numerator, values[name].denominator)
                else:
                    raise Undecided(f"the value of {name}")
            elif node.op in ("index", "extent"):
                found[node.id] = sp.nan
        return found

    def is_affine_in(self, arg: Arg) -> bool:
        """Whether the element is a function of the prediction, plus the data times another, plus one of the data."""
        degrees: dict[int, int] = {}
        for node in reachable([self.view.single]):
            degrees[node.id] = _degree(node, [degrees[a.id] for a in node.args], arg.name)
        return degrees[self.view.single.id] <= 1 or self._derivative_is_affine(arg)

    def _derivative_is_affine(self, arg: Arg) -> bool:
        """The same by SymPy, where there are no conditions: the second derivative by the data, of the first."""
        from lossdsl.boosting.symbolic import symbol, to_sympy

        sp = sympy()
        domains = of_arguments(self.view.program)
        found = to_sympy(self.view.lowered.table, self.view.single, domains)
        if found is None:
            return False
        at = {symbol(n, domains): _rational(v) for n, v in self.view.numbers.items()}
        slope = sp.diff(found.subs(at).replace(sp.Piecewise, _last), symbol(self.prediction.name, domains))
        y = symbol(arg.name, domains)
        return bool(sp.count_ops(slope) <= 60 and sp.simplify(sp.diff(slope, y, 2)) == 0)

    def corners(self, arg: Arg) -> list[Case]:
        """The functions at the ends of the domain of the data, and along its rays."""
        around = of_domain(arg, {})
        if len(arg.domain) > 1 or any(a.kind != "interval" for a in arg.domain):
            raise Undecided(f"the domain of {arg.name}")
        low, high = around.low, around.high
        if isinstance(low, Fraction) and isinstance(high, Fraction):
            return [self.case({arg.name: low}), self.case({arg.name: high})]
        start = low if isinstance(low, Fraction) else high if isinstance(high, Fraction) else Fraction(0)
        found = [self._corner(arg, start, 1 if isinstance(low, Fraction) else -1)]
        if not isinstance(high, Fraction):
            found.append(self._ray(found[0], arg, start, 1))
        if not isinstance(low, Fraction):
            found.append(self._ray(found[0], arg, start, -1))
        return found

    def _corner(self, arg: Arg, start: Fraction, step: int) -> Case:
        """The function at the end of the domain, from two inside where the end itself does not belong to it."""
        if _contains(arg, start):
            return self.case({arg.name: start})
        near, far = (self.case({arg.name: start + k * step}) for k in (1, 2))
        builder = Builder(near.function.low, near.function.high, {}, self.clock)
        back = builder.apply("sub", [near.function, builder.apply("sub", [far.function, near.function])])
        return replace(self._made(merged(back), {arg.name: start + Fraction(step, 8)}, False), at=start)

    def _ray(self, first: Case, arg: Arg, start: Fraction, step: int) -> Case:
        near, far = (self.case({arg.name: start + k * step}) for k in (1, 2))
        builder = Builder(first.function.low, first.function.high, {}, self.clock)
        difference = merged(builder.apply("sub", [far.function, near.function]))
        return self._made(difference, {arg.name: start + step}, True)


def _last(*pairs: Any) -> Any:
    """Of a choice by SymPy, the branch that is taken in general; the others are limits of it."""
    return pairs[-1][0]


def _rational(value: Fraction) -> Any:
    return sympy().Rational(value.numerator, value.denominator)


def _end(value: Any) -> Any:
    sp = sympy()
    if isinstance(value, Fraction):
        return _rational(value)
    return sp.oo if value > 0 else -sp.oo


def _degree(node: Node, args: Sequence[int], name: str) -> int:
    """0: free of the data, 1: affine in it, 2: anything else."""
    if node.op == "read":
        return int(node.value == name)
    if not any(args):
        return 0
    match node.op:
        case "add" | "sub" | "neg" | "stop_gradient":
            return max(args)
        case "mul" | "guarded_mul":
            return min(2, sum(args))
        case "div" | "xlogy" if args[1] == 0:
            return args[0]
        case "where" if args[0] == 0:
            return max(args)
    return 2
