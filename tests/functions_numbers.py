"""Numbers to evaluate the text of derivatives with: floats by the emitted code, duals over any vocabulary."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from functions_cases import ORDERED, compiled

from lossdsl.functions.derived import partials
from lossdsl.functions.row import Function


@dataclass(frozen=True)
class Floats:
    """An array of NumPy's in a derivative's text: takes whole numbers and fractions as the emitter would print them."""

    value: Any

    def _with(self, other: Any, operation: Callable[[Any, Any], Any]) -> Floats:
        with np.errstate(all="ignore"):
            return Floats(operation(self.value, unwrapped(other)))

    def __add__(self, other: Any) -> Floats:
        return self._with(other, lambda a, b: a + b)

    def __radd__(self, other: Any) -> Floats:
        return self._with(other, lambda a, b: b + a)

    def __sub__(self, other: Any) -> Floats:
        return self._with(other, lambda a, b: a - b)

    def __rsub__(self, other: Any) -> Floats:
        return self._with(other, lambda a, b: b - a)

    def __mul__(self, other: Any) -> Floats:
        return self._with(other, lambda a, b: a * b)

    def __rmul__(self, other: Any) -> Floats:
        return self._with(other, lambda a, b: b * a)

    def __truediv__(self, other: Any) -> Floats:
        return self._with(other, lambda a, b: a / b)

    def __rtruediv__(self, other: Any) -> Floats:
        return self._with(other, lambda a, b: b / a)

    def __pow__(self, other: Any) -> Floats:
        return self._with(other, lambda a, b: a**b)

    def __neg__(self) -> Floats:
        return Floats(-self.value)


def unwrapped(value: Any) -> Any:
    """The array or float behind a value of the NumPy vocabulary."""
    match value:
        case Floats():
            return value.value
        case Fraction():
            return float(value)
        case _:
            return value


class NumpyVocabulary:
    """`o` of a derivative, by the text that is emitted for NumPy."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype

    @property
    def pi(self) -> Floats:
        return Floats(self.dtype(math.pi))

    def __getattr__(self, name: str) -> Callable[..., Floats]:
        name = {"both": "and", "either": "or"}.get(name, name)

        def apply(*args: Any) -> Floats:
            values = [v if isinstance(v, bool | np.bool_ | np.ndarray) else self.dtype(v) for v in map(unwrapped, args)]
            if name in ORDERED:
                values[0] = int(unwrapped(args[0]))
            with np.errstate(all="ignore"):
                return Floats(compiled(name, "numpy", len(args))(*values))

        return apply


@dataclass(frozen=True)
class Dual:
    """A value and its derivative: numbers that differentiate whatever text of derivatives is written with them."""

    value: Any
    slope: Any
    o: Any

    def _apply(self, name: str, *args: Any) -> Dual:
        return dual_apply(self.o, name, *args)

    def __add__(self, other: Any) -> Dual:
        return self._apply("add", self, other)

    def __radd__(self, other: Any) -> Dual:
        return self._apply("add", other, self)

    def __sub__(self, other: Any) -> Dual:
        return self._apply("sub", self, other)

    def __rsub__(self, other: Any) -> Dual:
        return self._apply("sub", other, self)

    def __mul__(self, other: Any) -> Dual:
        return self._apply("mul", self, other)

    def __rmul__(self, other: Any) -> Dual:
        return self._apply("mul", other, self)

    def __truediv__(self, other: Any) -> Dual:
        return self._apply("div", self, other)

    def __rtruediv__(self, other: Any) -> Dual:
        return self._apply("div", other, self)

    def __pow__(self, other: Any) -> Dual:
        return self._apply("pow", self, other)

    def __rpow__(self, other: Any) -> Dual:
        return self._apply("pow", other, self)

    def __neg__(self) -> Dual:
        return self._apply("neg", self)


def _split(value: Any) -> tuple[Any, Any]:
    return (value.value, value.slope) if isinstance(value, Dual) else (value, 0)


def dual_apply(o: Any, name: str, *args: Any) -> Dual:
    """A function of the table on dual numbers; a branch that is not taken and a factor 0 stop whatever they meet."""
    values, slopes = zip(*map(_split, args), strict=True)
    value = getattr(o, {"and": "both", "or": "either"}.get(name, name))(*values)
    if name == "where":
        return Dual(value, o.where(values[0], slopes[1], slopes[2]), o)
    total: Any = 0
    if any(not isinstance(slope, int) or slope != 0 for slope in slopes):
        for partial, slope in zip(partials(name, len(args))(o, *values), slopes, strict=True):
            if isinstance(slope, int) and slope == 0:
                continue
            total = o.guarded_mul(slope, partial) if isinstance(total, int) else total + o.guarded_mul(slope, partial)
    return Dual(value, total, o)


class DualVocabulary:
    """`o` of a derivative over dual numbers whose parts belong to another vocabulary."""

    def __init__(self, base: Any) -> None:
        self.base = base

    @property
    def pi(self) -> Any:
        return self.base.pi

    def __getattr__(self, name: str) -> Callable[..., Dual]:
        name = {"both": "and", "either": "or"}.get(name, name)
        return lambda *args: dual_apply(self.base, name, *args)


def second_derivative(row: Function, base: Any, args: tuple[Any, ...], first: int, second: int) -> Any:
    """The derivative with respect to `second` of the stated (or derived) partial derivative `first`."""
    o = DualVocabulary(base)
    duals = [Dual(x, 1 if i == second else 0, base) for i, x in enumerate(args)]
    if row.name in ORDERED:
        duals[0] = args[0]
    return _split(partials(row.name, len(args))(o, *duals)[first])[1]
