"""What proposals are made of: leaves, functions, operators, conditions; each as a tree and as numbers at probes.

The numbers only tell proposals apart and drop those that are not finite: what a proposal means is for the interpreter
to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from lossdsl.diagnostics import Source, Span
from lossdsl.search.errors import SearchError
from lossdsl.search.template import Hole
from lossdsl.syntax import tree

Array = np.ndarray[Any, Any]

NOWHERE = Span(Source("<search>", ""), 0, 0)
PROBES = 24
WIDE = 2.0
"""The standard deviation of variables at probes."""


@dataclass(frozen=True, eq=False)
class Term:
    """A formula, how many words it has, its numbers at the probes, and whether a variable of the hole is in it."""

    tree: tree.Expr
    size: int
    values: Array
    varies: bool


def _number(value: int) -> tree.Expr:
    return tree.Number(NOWHERE, Fraction(value), str(value))


def _call(name: str) -> Callable[[tree.Expr], tree.Expr]:
    return lambda a: tree.Call(NOWHERE, tree.Name(NOWHERE, name), (a,), None, None)


def _softplus(a: Array) -> Array:
    return np.asarray(np.logaddexp(0.0, a))


def _logcosh(a: Array) -> Array:
    return np.asarray(np.logaddexp(a, -a) - np.log(2.0))


FUNCTIONS: dict[str, tuple[Callable[[tree.Expr], tree.Expr], Callable[[Array], Array]]] = {
    "abs": (lambda a: tree.Unary(NOWHERE, "abs", a), np.abs),
    "neg": (lambda a: tree.Unary(NOWHERE, "-", a), np.negative),
    "square": (lambda a: tree.Binary(NOWHERE, "^", a, _number(2)), np.square),
    "cube": (lambda a: tree.Binary(NOWHERE, "^", a, _number(3)), lambda a: a**3),
    "sqrt": (_call("sqrt"), np.sqrt),
    "log1p": (_call("log1p"), np.log1p),
    "exp": (_call("exp"), np.exp),
    "expm1": (_call("expm1"), np.expm1),
    "tanh": (_call("tanh"), np.tanh),
    "softplus": (_call("softplus"), _softplus),
    "logcosh": (_call("logcosh"), _logcosh),
    "relu": (_call("relu"), lambda a: np.maximum(a, 0.0)),
    "atan": (_call("atan"), np.arctan),
    "sin": (_call("sin"), np.sin),
}
"""By word: how it is written, and its numbers."""

OPERATORS: dict[str, tuple[Callable[[tree.Expr, tree.Expr], tree.Expr], Callable[[Array, Array], Array], bool]] = {
    "+": (lambda a, b: tree.Binary(NOWHERE, "+", a, b), np.add, True),
    "-": (lambda a, b: tree.Binary(NOWHERE, "-", a, b), np.subtract, False),
    "*": (lambda a, b: tree.Binary(NOWHERE, "*", a, b), np.multiply, True),
    "/": (lambda a, b: tree.Binary(NOWHERE, "/", a, b), np.divide, False),
    "max": (lambda a, b: tree.Call(NOWHERE, tree.Name(NOWHERE, "max"), (a, b), None, None), np.maximum, True),
    "min": (lambda a, b: tree.Call(NOWHERE, tree.Name(NOWHERE, "min"), (a, b), None, None), np.minimum, True),
}
"""The same for two; whether their order does not matter."""

IF = "if"
"""`a if c else b`, where c compares something that varies with something that does not."""

WORDS = (*FUNCTIONS, *OPERATORS, IF)
USUAL = ("abs", "square", "sqrt", "log1p", "exp", "tanh", "softplus", "+", "-", "*", "/", "max", "min", IF)
"""What is used where nothing else is asked for."""
CONSTANTS = (1, 2)


def checked_words(words: Sequence[str]) -> tuple[str, ...]:
    """SearchError for a word that is not in `WORDS`."""
    for each in words:
        if each not in WORDS:
            raise SearchError(f"there is no word {each!r}, only {' '.join(WORDS)}")
    return tuple(dict.fromkeys(words)) or USUAL


def leaves(hole: Hole, rng: np.random.Generator) -> list[Term]:
    """Variables, parameters and constants."""
    found = [_leaf(name, WIDE * rng.normal(size=PROBES), True) for name in hole.variables]
    found += [_leaf(arg.name.id, _drawn(arg, rng), False) for arg in hole.parameters]
    return found + [Term(_number(k), 1, np.full(PROBES, float(k)), False) for k in CONSTANTS]


def _leaf(name: str, values: Array, varies: bool) -> Term:
    return Term(tree.Name(NOWHERE, name), 1, values, varies)


def _drawn(arg: tree.Argument, rng: np.random.Generator) -> Array:
    """Numbers of the domain of a parameter: between two numbers that are its ends, else of the sign they ask for."""
    kind: Literal["any", "above", "below"] = "any"
    for each in arg.domain.alternatives if arg.domain else ():
        match each:
            case tree.Interval(low=tree.Number(value=low), high=tree.Number(value=high)):
                return float(low) + float(high - low) * rng.uniform(0.05, 0.95, size=PROBES)
            case tree.Bound(op=">" | ">="):
                kind = "above"
            case tree.Bound(op="<" | "<="):
                kind = "below"
    values = rng.normal(size=PROBES)
    return values if kind == "any" else np.exp(values) if kind == "above" else -np.exp(values)


def condition(left: Term, right: Term) -> tree.Expr:
    """`left <= right`."""
    return tree.Comparison(NOWHERE, ("<=",), (left.tree, right.tree))
