"""The `o` that a derivative is written with, for SymPy expressions and for mpmath numbers.

The compiler has one of its own that builds nodes.  All read the same text, so that what is proved of one holds for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lossdsl.functions import oracles
from lossdsl.functions.lazy import mpmath, sympy
from lossdsl.functions.row import Function
from lossdsl.functions.table import TABLE

_SPELLINGS = {"both": "and", "either": "or"}
"""Names that Python does not allow as attributes."""


def _row(name: str) -> Function:
    row = TABLE.get(_SPELLINGS.get(name, name))
    if row is None:
        raise AttributeError(f"{name} is no function of the table")
    return row


class SympyVocabulary:
    """Functions of the table by their SymPy definitions, of SymPy expressions."""

    @property
    def pi(self) -> Any:
        return sympy().pi

    def __getattr__(self, name: str) -> Callable[..., Any]:
        definition = _row(name).sympy
        return lambda *args: definition(*(sympy().sympify(arg, strict=True) for arg in args))


@dataclass(frozen=True)
class Exact:
    """A number of mpmath whose operators are the oracles: 1/0 is infinite and 0*inf is NaN, as in IEEE arithmetic."""

    value: Any

    def __add__(self, other: Any) -> Exact:
        return Exact(oracles.add(self.value, plain(other)))

    def __radd__(self, other: Any) -> Exact:
        return Exact(oracles.add(plain(other), self.value))

    def __sub__(self, other: Any) -> Exact:
        return Exact(oracles.sub(self.value, plain(other)))

    def __rsub__(self, other: Any) -> Exact:
        return Exact(oracles.sub(plain(other), self.value))

    def __mul__(self, other: Any) -> Exact:
        return Exact(oracles.mul(self.value, plain(other)))

    def __rmul__(self, other: Any) -> Exact:
        return Exact(oracles.mul(plain(other), self.value))

    def __truediv__(self, other: Any) -> Exact:
        return Exact(oracles.div(self.value, plain(other)))

    def __rtruediv__(self, other: Any) -> Exact:
        return Exact(oracles.div(plain(other), self.value))

    def __pow__(self, other: Any) -> Exact:
        return Exact(oracles.pow(self.value, plain(other)))

    def __rpow__(self, other: Any) -> Exact:
        return Exact(oracles.pow(plain(other), self.value))

    def __neg__(self) -> Exact:
        return Exact(-self.value)


def plain(value: Exact | Fraction | float) -> Any:
    """The mpmath number (or condition) behind a value of the oracles' vocabulary."""
    match value:
        case Exact():
            return value.value
        case bool():
            return value
        case _:
            return mpmath().mpmathify(value)


class OracleVocabulary:
    """Functions of the table by their oracles, of `Exact` numbers."""

    @property
    def pi(self) -> Exact:
        return Exact(+mpmath().pi)

    def __getattr__(self, name: str) -> Callable[..., Exact]:
        oracle = _row(name).oracle
        return lambda *args: Exact(oracle(*map(plain, args)))
