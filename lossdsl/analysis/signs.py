"""Where an expression of one variable is positive, negative and 0, proved.

Three ways, the first that works for each factor: polynomials, in x or in exp(c*x), have their roots isolated exactly;
a factor that keeps its sign is bounded away from 0 by intervals; any other is monotone between the roots of its
derivative, found in the same way, and its values there and its limits at the ends decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lossdsl.analysis.enclosure import box, definite_sign, enclose, enclosed, ends, precision, sign_of_box
from lossdsl.analysis.limits import limit
from lossdsl.analysis.normal import back, normal
from lossdsl.analysis.numbers import Clock, Root, Undecided, before, between, same, sign_of, t, x
from lossdsl.analysis.roots import ZERO, Signs, linear, polynomial, trigonometric
from lossdsl.functions.lazy import sympy

DEPTH = 7
"""How many derivatives are taken to decide a sign."""


def signs(expression: Any, low: Any, high: Any, clock: Clock, depth: int = DEPTH) -> Signs:
    """Where an expression that is analytic on the open interval low < x < high is positive and negative.

    Raises Undecided.
    """
    sp = sympy()
    clock.check()
    factored, rate = normal(expression)
    if factored == 0:
        return ZERO
    total = Signs((), (1,))
    for factor, power in _factors(factored):
        base = back(factor, rate)
        if not base.has(x()):
            sign = sign_of(base)
            if sign == 0:
                return ZERO
            found = Signs((), (sign,))
        elif power.is_Integer:
            found = _signs_of_factor(factor, rate, base, low, high, clock, depth)
        else:
            continue  # a root or a real power is positive wherever it is real, and analytic
        if power.is_Integer and power % 2 == 0:
            found = Signs(found.roots, tuple(abs(s) for s in found.between))
        if power.is_Integer and power < 0 and found.roots:
            raise Undecided(f"1/({sp.sstr(base)}) has poles")
        total = _product(total, found)
    return total


def _factors(expression: Any) -> Iterable[tuple[Any, Any]]:
    sp = sympy()
    for factor in sp.Mul.make_args(expression):
        if factor.is_Pow and factor.base is not sp.E and factor.exp.is_Rational:
            yield factor.base, factor.exp
        else:
            yield factor, sp.Integer(1)


def _product(a: Signs, b: Signs) -> Signs:
    """The signs of a product; roots that can not be told apart are an Undecided."""
    if not b.roots:
        return Signs(a.roots, tuple(s * b.between[0] for s in a.between))
    if not a.roots:
        return Signs(b.roots, tuple(s * a.between[0] for s in b.between))
    merged: list[Root] = []
    counts = [(0, 0)]
    for root in sorted([*a.roots, *b.roots], key=lambda r: r.low):
        in_a, in_b = counts[-1]
        own = root in a.roots
        step = (in_a + 1, in_b) if own else (in_a, in_b + 1)
        if merged and not merged[-1].high < root.low:
            if not _is_same(merged[-1], root) or (merged[-1] in a.roots) == own:
                raise Undecided("two roots that can not be told apart")
            counts[-1] = step
        else:
            merged.append(root)
            counts.append(step)
    return Signs(tuple(merged), tuple(a.between[in_a] * b.between[in_b] for in_a, in_b in counts))


def _is_same(a: Root, b: Root) -> bool:
    """Whether two roots are the same exact number."""
    return a.value is not None and b.value is not None and same(a.value, b.value)


def _signs_of_factor(factor: Any, rate: Any, base: Any, low: Any, high: Any, clock: Clock, depth: int) -> Signs:
    sp = sympy()
    if base.func is sp.exp:
        return Signs((), (1,))
    if not factor.has(t()) and factor.is_polynomial(x()):
        found = polynomial(factor, x(), low, high, None)
        if found is not None:
            return found
    if rate is not None and not factor.has(x()) and factor.is_polynomial(t()):
        found = polynomial(factor, t(), low, high, rate)
        if found is not None:
            return found
    if base.is_Pow and not base.exp.is_Integer:
        return Signs((), (1,))
    for rule in (trigonometric, linear):
        found = rule(base, low, high)
        if found is not None:
            return found
    sign = definite_sign(base, x(), *_floats(low, high), clock.check)
    if sign:
        return Signs((), (sign,))
    return _by_derivative(base, low, high, clock, depth)


def _floats(low: Any, high: Any) -> tuple[Any, Any]:
    """The ends as numbers of mpmath, moved out by a rounding."""
    with precision():
        return ends(enclose(low))[0], ends(enclose(high))[1]


# ---------------------------------------------------------------- by the derivative


def _by_derivative(base: Any, low: Any, high: Any, clock: Clock, depth: int) -> Signs:
    """A function is monotone cells the roots of its derivative: its values there decide where it changes sign."""
    if depth == 0:
        raise Undecided(f"the sign of {sympy().sstr(base)}")
    base = _divided(base, low, high, clock, depth)
    slope = signs(sympy().diff(base, x()), low, high, clock, depth - 1)
    marks = [_end_sign(base, low, "+"), *(_root_sign(base, root) for root in slope.roots), _end_sign(base, high, "-")]
    places = [low, *slope.roots, high]
    roots: list[Root] = []
    cells: list[int] = []
    for k in range(len(places) - 1):
        left, right = marks[k], marks[k + 1]
        if left * right < 0:
            cells.append(left)
            roots.append(_isolate(base, left, places[k], places[k + 1], clock))
            cells.append(right)
        elif left or right:
            cells.append(left or right)
        else:
            raise Undecided(f"the sign of {sympy().sstr(base)}")
        if right == 0 and k + 2 < len(places):
            roots.append(places[k + 1])
        elif k + 2 < len(places) and cells:
            cells.pop()
    return Signs(tuple(roots), tuple(cells))


def _divided(base: Any, low: Any, high: Any, clock: Clock, depth: int) -> Any:
    """a*g + b as g + b/a for a logarithm or an arc tangent g, where a has one sign: its derivative is free of g."""
    sp = sympy()
    atoms = list(base.atoms(sp.log, sp.atan))
    if len(atoms) != 1 or not atoms[0].has(x()):
        return base
    expanded = sp.expand(base)
    factor = expanded.coeff(atoms[0], 1)
    rest = sp.expand(expanded - factor * atoms[0])
    if rest.has(atoms[0]) or factor.has(atoms[0]) or not factor.has(x()):
        return base
    found = signs(factor, low, high, clock, depth - 1)
    if found.roots or found.identically_zero:
        return base
    return found.between[0] * (atoms[0] + rest / factor)


def _end_sign(base: Any, at: Any, side: str) -> int:
    return sign_of(limit(base, at, side))


def _root_sign(base: Any, root: Root) -> int:
    if root.value is not None:
        return sign_of(base.subs(x(), root.value))
    with precision():
        found = sign_of_box(enclose(base, x(), box(_rounded(root.low, 0), _rounded(root.high, 1))))
    if found is None:
        raise Undecided(f"the sign of {sympy().sstr(base)} near {float(root):.6g}")
    return found


def _rounded(fraction: Any, up: int) -> Any:
    """A fraction rounded down or up."""
    return ends(enclose(fraction))[up]


STEPS = 70


def _isolate(base: Any, left: int, low: Any, high: Any, clock: Clock) -> Root:
    """The one root of a monotone function, to many digits, by bisection with certified signs."""
    sp = sympy()
    a, b = _start(base, left, low, high)
    for _ in range(STEPS):
        middle = (a + b) / 2
        clock.check()
        found = sign_of_box(enclosed(base, x(), middle))
        if found is None:
            break
        if found == 0:
            return Root(middle, middle, middle)
        a, b = (middle, b) if found == left else (a, middle)
    return Root(sp.Rational(a), sp.Rational(b))


def _start(base: Any, left: int, low: Any, high: Any) -> tuple[Any, Any]:
    """Two fractions inside the cell at which the function has its signs of the ends."""
    inner_low = low.high if isinstance(low, Root) else low
    inner_high = high.low if isinstance(high, Root) else high
    middle = between(inner_low, inner_high)
    return _towards(base, left, middle, inner_low), _towards(base, -left, middle, inner_high)


def _towards(base: Any, wanted: int, start: Any, end: Any) -> Any:
    """A fraction between a start and an end of the cell at which the function has this sign."""
    sp = sympy()
    at = start
    for k in range(60):
        if sign_of_box(enclosed(base, x(), at)) == wanted:
            return at
        if end in (sp.oo, -sp.oo):
            at += (1 if end is sp.oo else -1) * sp.Integer(2) ** k
        else:
            at = between(at, end) if before(at, end) else between(end, at)
    raise Undecided(f"a root of {sp.sstr(base)}")
