"""Links: how a linear predictor, which is any number, becomes a prediction in its domain.

A domain decides the link: all numbers `identity`; numbers above (below) a bound `exp`, away from the bound; numbers
between two bounds `sigmoid`, scaled to them.  `softplus` may be asked for where a bound is one-sided, `identity`
everywhere.  Closed ends are approached, not reached.  Learned hyperparameters have links as predictions have.

The same link is three things here: a formula in the checked tree, which the compiler differentiates; a function on
arrays, for models that predict; its inverse, for starting values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from lossdsl.diagnostics import LossError, Span
from lossdsl.diagnostics.fitting import NoLink
from lossdsl.meaning import core

Kind = Literal["identity", "exp", "softplus", "sigmoid"]
KINDS: tuple[Kind, ...] = ("identity", "exp", "softplus", "sigmoid")

Bound = Fraction | str
"""A number, or the name of a hyperparameter."""

INSIDE = 2.0**-10
"""How far from a closed end a starting value on it is moved: its linear predictor would be infinite."""

STEEP = 36.0
"""Beyond this softplus and its inverse are the identity, to the last digit of a double."""


@dataclass(frozen=True, slots=True)
class Link:
    """low + kind(z), high - kind(z), or low + (high - low)*sigmoid(z); bounds that are None are not there."""

    kind: Kind = "identity"
    low: Bound | None = None
    high: Bound | None = None

    def forward(self, z: Any, hyper: Mapping[str, Any]) -> Any:
        """The prediction; z of any shape, hyperparameters by name."""
        if self.kind == "identity":
            return z
        shape = _shape(self.kind, z)
        low, high = _number(self.low, hyper), _number(self.high, hyper)
        if low is not None and high is not None:
            return low + (high - low) * shape
        return low + shape if low is not None else high - shape

    def inverse(self, value: Any, hyper: Mapping[str, Any]) -> Any:
        """The linear predictor that gives a value; a value on an end is moved inside, one beyond it a ValueError."""
        value = np.asarray(value, dtype=float)
        if self.kind == "identity":
            return value
        low, high = _number(self.low, hyper), _number(self.high, hyper)
        if (low is not None and np.any(value < low)) or (high is not None and np.any(value > high)):
            raise ValueError(f"a starting value must lie between {low} and {high}, got {value}")
        if low is not None and high is not None:
            share = np.clip((value - low) / (high - low), INSIDE, 1 - INSIDE)
            return np.log(share) - np.log1p(-share)
        distance = np.maximum(value - low if low is not None else high - value, INSIDE)
        if self.kind == "exp":
            return np.log(distance)
        return np.where(distance > STEEP, distance, np.log(np.expm1(np.minimum(distance, STEEP))))

    def formula(self, z: core.Expr, args: Mapping[str, core.Arg], made: Made) -> core.Expr:
        """The same in the checked tree."""
        if self.kind == "identity":
            return z
        shape = made.apply(self.kind, z)
        low = None if self.low is None else made.bound(self.low, args, z.span)
        high = None if self.high is None else made.bound(self.high, args, z.span)
        if high is not None:
            if low is None:
                return made.apply("sub", high, shape)
            if self.low != 0 or self.high != 1:
                shape = made.apply("mul", made.apply("sub", high, low), shape)
        return shape if low is None or self.low == 0 else made.apply("add", low, shape)


class Made:
    """Nodes that are new in a program, with their kinds."""

    def __init__(self) -> None:
        self.kinds: dict[int, core.Kind] = {}
        self.nodes: list[core.Expr] = []

    def keep(self, node: core.Expr, kind: core.Kind = "real") -> core.Expr:
        self.nodes.append(node)
        self.kinds[id(node)] = kind
        return node

    def apply(self, function: str, *args: core.Expr) -> core.Expr:
        return self.keep(core.Apply(args[0].span, function, args))

    def bound(self, bound: Bound, args: Mapping[str, core.Arg], span: Span) -> core.Expr:
        if isinstance(bound, str):
            arg = args[bound]
            return self.keep(core.Read(span, arg, (), True), "int" if arg.whole else "real")
        return self.keep(core.Num(span, bound), "int" if bound.denominator == 1 else "real")


def link_of(arg: core.Arg, wanted: str | None = None) -> Link:
    """The link of an argument, or the one asked for.

    Raises LossError (E0803) where the domain is no interval, ValueError where the link asked for does not fit it.
    """
    if wanted is not None and wanted not in KINDS:
        raise ValueError(f"there is no link {wanted!r}, only {', '.join(KINDS)}")
    if wanted == "identity" or not arg.domain:
        return _unbounded(arg, wanted)
    only = arg.domain[0]
    if len(arg.domain) > 1 or only.kind != "interval":
        hint = f'an interval; or links={{"{arg.name}": "identity"}}, if no line leaves the domain'
        raise LossError(NoLink(arg.span, f"{arg.name} {arg.domain_text} is no interval", hint))
    low = None if only.low == "-inf" else only.low
    high = None if only.high == "inf" else only.high
    if low is None and high is None:
        return _unbounded(arg, wanted)
    fitting: tuple[Kind, ...] = ("exp", "softplus") if low is None or high is None else ("sigmoid",)
    if wanted is not None and wanted not in fitting:
        raise ValueError(f"{arg.name} {arg.domain_text} takes the link {' or '.join(fitting)}, not {wanted}")
    return Link(next((kind for kind in fitting if kind == wanted), fitting[0]), low, high)


def _unbounded(arg: core.Arg, wanted: str | None) -> Link:
    if wanted not in (None, "identity"):
        raise ValueError(f"{arg.name} may be any number, so its link is the identity, not {wanted}")
    return Link()


def _shape(kind: Kind, z: Any) -> Any:
    with np.errstate(over="ignore"):
        if kind == "exp":
            return np.exp(z)
        return np.logaddexp(0, z) if kind == "softplus" else np.exp(-np.logaddexp(0, -np.asarray(z)))


def _number(bound: Bound | None, hyper: Mapping[str, Any]) -> Any:
    if bound is None:
        return None
    return hyper[bound] if isinstance(bound, str) else float(bound)
