"""Limits by SymPy, for the singularities of hyperparameters.

A limit has to agree, in many digits, with the part of the formula itself close to the singularity, on each side.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath

from lossdsl.functions.derived import NotInTable, convert
from lossdsl.functions.lazy import sympy
from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.pattern import Vocabulary
from lossdsl.rewrite.signs import sign

LARGEST = 60
"""Operations of a part whose limit is asked for: SymPy's time grows fast."""
CLOSE, DIGITS, AGREE = mpmath.mpf(10) ** -40, 160, mpmath.mpf(10) ** -25
"""How close to the singularity a part is computed, in how many digits, and how far from the limit it may be."""


class Limits:
    """Limits of parts of a formula where a hyperparameter tends to a value, from each of `sides`."""

    def __init__(self, table: StageTable, root: Node, hyper: Node, value: Fraction, sides: tuple[int, ...]) -> None:
        self.table, self.hyper, self.value, self.sides = table, hyper, value, sides
        self.dependent = {hyper.id}
        for node in reachable([root]):
            if any(a.id in self.dependent for a in node.args):
                self.dependent.add(node.id)

    def of(self, node: Node) -> Node | None:
        """The limit as a formula; None where there is none, or none is found."""
        if node.kind == "bool":
            return None
        inner = reachable([node], stop=self._is_atom)
        if len(inner) > LARGEST or any(n.op != "const" and not self._is_atom(n) and n is not self.hyper
                                       and n.op not in TABLE for n in inner):  # fmt: skip
            return None
        close = self._close(inner, node)
        if close is None:
            return None
        symbols = {n: _symbol(self.table, n, k) for k, n in enumerate(inner) if self._is_atom(n)}
        found = self._symbolic(inner, node, symbols)
        if found is None:
            return None
        points = _points(inner, self._is_atom)
        with mpmath.workdps(DIGITS):
            there = found.subs({symbol: sympy().Float(points[n], DIGITS) for n, symbol in symbols.items()})
            if not there.is_number or abs(mpmath.mpf(sympy().N(there, 60)) - close) > AGREE * (1 + abs(close)):
                return None
        vocabulary = Vocabulary(node.graph)
        try:
            return node.graph.node(convert(found, vocabulary, {symbol: n for n, symbol in symbols.items()}))
        except NotInTable:
            return None

    def _is_atom(self, node: Node) -> bool:
        """A part that does not depend on the hyperparameter: one letter in the limit."""
        return node.op != "const" and node.id not in self.dependent

    def _close(self, inner: list[Node], node: Node) -> Any:
        """The value close to the singularity at some point, where all sides agree on a finite one."""
        points = _points(inner, self._is_atom)
        values = []
        with mpmath.workdps(DIGITS):
            for side in self.sides:
                known = dict(points)
                known[self.hyper] = mpmath.mpf(self.value.numerator) / self.value.denominator + side * CLOSE
                for n in inner:
                    if n.op == "const":
                        known[n] = _number(n)
                    elif n not in known:
                        known[n] = TABLE[n.op].oracle(*(known[a] for a in n.args))
                values.append(known[node])
            first = values[0]
            finite = all(isinstance(v, mpmath.mpf) and abs(v) < 1 / mpmath.sqrt(CLOSE) for v in values)
            return first if finite and all(abs(v - first) <= AGREE * (1 + abs(first)) for v in values) else None

    def _symbolic(self, inner: list[Node], node: Node, symbols: dict[Node, Any]) -> Any:
        """SymPy's limit from one side."""
        sp = sympy()
        step = sp.Symbol("step", positive=True)
        known: dict[Node, Any] = dict(symbols)
        known[self.hyper] = sp.Rational(self.value.numerator, self.value.denominator) + self.sides[-1] * step
        try:
            for n in inner:
                if n.op == "const":
                    known[n] = _exact(n)
                elif n not in known:
                    known[n] = TABLE[n.op].sympy(*(known[a] for a in n.args))
            found = sp.limit(known[node], step, 0, "+")
        except (NotImplementedError, ValueError, TypeError, RecursionError, AttributeError):
            return None
        return None if found.has(step, sp.nan, sp.zoo, sp.oo, sp.Limit, sp.AccumBounds, sp.I) else found


def _symbol(table: StageTable, node: Node, number: int) -> Any:
    known = sign(table, node)
    return sympy().Symbol(f"x{number}", **({"real": True} if known == "any" else {"positive": True}))


def _points(inner: list[Node], is_atom: Callable[[Node], bool]) -> dict[Node, Any]:
    """A value between 0 and 1, in general position, for each atom."""
    return {n: mpmath.mpf(2 * k + 3) / (2 * len(inner) + 7) for k, n in enumerate(inner) if is_atom(n)}


def _number(node: Node) -> Any:
    value = node.value
    if isinstance(value, Fraction):
        return mpmath.mpf(value.numerator) / value.denominator
    return +mpmath.pi if value == "pi" else mpmath.mpf(str(value))


def _exact(node: Node) -> Any:
    sp, value = sympy(), node.value
    if isinstance(value, Fraction):
        return sp.Rational(value.numerator, value.denominator)
    return {"pi": sp.pi, "inf": sp.oo, "-inf": -sp.oo, "nan": sp.nan}[str(value)]
