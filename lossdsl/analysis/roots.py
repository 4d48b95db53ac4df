"""Signs of expressions whose roots have an exact form: polynomials in x or exp(c*x), sines, logarithms, arctangents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lossdsl.analysis.numbers import Root, before, between, sign_of, to_float, x
from lossdsl.functions.lazy import sympy


@dataclass(frozen=True)
class Signs:
    """The signs of an expression on an open interval: `roots` in order, and the sign between each two of them."""

    roots: tuple[Root, ...]
    between: tuple[int, ...]

    @property
    def nonnegative(self) -> bool:
        return min(self.between) >= 0

    @property
    def positive(self) -> bool:
        return not self.roots and self.between == (1,)

    @property
    def identically_zero(self) -> bool:
        return self.between == (0,)


ZERO = Signs((), (0,))


def trigonometric(base: Any, low: Any, high: Any) -> Signs | None:
    """The sine or cosine of a multiple of x on a bounded interval: 0 at multiples of pi, or halfway between."""
    sp = sympy()
    rate = base.args[0] / x() if base.func in (sp.sin, sp.cos) else sp.oo
    if not rate.is_Rational or low == -sp.oo or high is sp.oo:
        return None
    shift = sp.Rational(1, 2) if base.func is sp.cos else sp.Integer(0)
    spacing = sp.pi / abs(rate)
    first, last = (int(sp.floor((end / spacing - shift).evalf(30))) for end in (low, high))
    roots = [(k + shift) * spacing for k in range(first - 1, last + 2)]
    inside = [root for root in roots if before(low, root) and before(root, high)]
    cells = tuple(sign_of(base.subs(x(), point)) for point in _probes(inside, low, high))
    return Signs(tuple(Root.at(root) for root in inside), cells)


def linear(base: Any, low: Any, high: Any) -> Signs | None:
    """a*g + b with numbers a and b, where g is a logarithm or an arc tangent of an affine expression."""
    sp = sympy()
    atoms = list(base.atoms(sp.log, sp.atan))
    moving = [a for a in atoms if a.has(x())]
    if len(moving) != 1 or not moving[0].args[0].is_polynomial(x()) or sp.degree(moving[0].args[0], x()) != 1:
        return None
    factor = base.coeff(moving[0], 1)
    rest = base - factor * moving[0]
    if factor.has(x()) or rest.has(x()) or factor == 0:
        return None
    value = -rest / factor
    if moving[0].func is sp.atan and not (before(-sp.pi / 2, value) and before(value, sp.pi / 2)):
        sign = sign_of(rest)
        return Signs((), (sign,)) if sign else None
    slope, constant = sp.Poly(moving[0].args[0], x()).all_coeffs()
    root = ((sp.exp(value) if moving[0].func is sp.log else sp.tan(value)) - constant) / slope
    rises = sign_of(factor) * sign_of(slope)
    if not (before(low, root) and before(root, high)):
        return Signs((), (rises if not before(low, root) else -rises,))
    return Signs((Root.at(root),), (-rises, rises))


def polynomial(factor: Any, variable: Any, low: Any, high: Any, rate: Any) -> Signs | None:
    """The real roots of a polynomial with rational coefficients, each inside the interval or not."""
    sp = sympy()
    found = _real_roots(factor, variable)
    if found is None:
        return None
    inside: list[Any] = []
    for root in found:
        if rate is not None:
            if sign_of(root) <= 0:
                continue
            root = sp.log(root) / rate
        if root not in inside and before(low, root) and before(root, high):
            inside.append(root)
    inside.sort(key=to_float)
    roots = [Root.at(root) for root in inside]
    points = _probes(inside, low, high)
    between = []
    for point in points:
        value = factor.subs(variable, point if rate is None else sp.exp(rate * point))
        between.append(sign_of(value))
    return Signs(tuple(roots), tuple(between))


def _real_roots(factor: Any, variable: Any) -> list[Any] | None:
    """The real roots of a polynomial whose coefficients are fractions, or that is affine; else None."""
    sp = sympy()
    polynomial = sp.Poly(factor, variable)
    if polynomial.degree() == 1:
        slope, constant = polynomial.all_coeffs()
        return [-constant / slope] if sign_of(slope) else None
    if not all(c.is_Rational for c in polynomial.all_coeffs()):
        return None
    return list(sp.real_roots(polynomial, multiple=True))


def _probes(roots: Sequence[Any], low: Any, high: Any) -> list[Any]:
    """A fraction in each cell between roots, and between them and the ends."""
    marks = [low, *roots, high]
    return [between(a, b) for a, b in pairwise(marks)]
