"""What is kept of the derivatives of a number, and how it goes through sums, factors, maxima and norms.

Bounds are exact numbers or infinities.  A convex combination (a maximum, a logsumexp) of things with given bounds has
the same bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from lossdsl.analysis.numbers import before
from lossdsl.boosting.intervals import Interval
from lossdsl.functions.lazy import sympy

Range = tuple[Any, Any]
"""Two exact numbers or infinities."""


@dataclass(frozen=True)
class Bound:
    """What is known of the derivatives of one number."""

    partial: Mapping[int, Range]
    """By the id of the entry of a prediction; entries that are left out have the derivative 0."""
    up: Any
    down: Any
    """Bounds of the sums of the positive and of the negative partial derivatives."""
    length: Any
    hessian: Any

    @property
    def constant(self) -> bool:
        return not self.partial

    @property
    def affine(self) -> bool:
        """Whether the gradient is the same everywhere."""
        return bool(self.hessian == 0) and all(low == high for low, high in self.partial.values())


def nothing() -> Bound:
    """Of what does not depend on predictions."""
    zero = sympy().Integer(0)
    return Bound({}, zero, zero, zero, zero)


def nowhere(args: Sequence[Bound]) -> Bound:
    """Of what nothing is known but which entries it depends on."""
    oo = sympy().oo
    return Bound({k: (-oo, oo) for a in args for k in a.partial}, oo, oo, oo, oo)


def total(*parts: Bound) -> Bound:
    """Of a sum; of parts that share no entry lengths add up as sides of a right angle, and Hessians are blocks."""
    found = parts[0]
    for part in parts[1:]:
        shared = not found.partial.keys().isdisjoint(part.partial)
        length = found.length + part.length if shared else _side(found.length, part.length)
        hessian = found.hessian + part.hessian if shared else _most(found.hessian, part.hessian)
        partial = _each(lambda a, b: (a[0] + b[0], a[1] + b[1]), found.partial, part.partial)
        found = _made(partial, found.up + part.up, found.down + part.down, length, hessian)
    return found


def scaled(bound: Bound, factor: Range) -> Bound:
    """Of a factor times it, where the factor is a constant that lies in a range, or a slope."""
    low, high = factor
    zero = sympy().Integer(0)
    rising, falling = (high if _positive(high) else zero), (-low if _positive(-low) else zero)
    partial = {k: _products(r, factor) for k, r in bound.partial.items()}
    up = _most(times(rising, bound.up), times(falling, bound.down))
    down = _most(times(rising, bound.down), times(falling, bound.up))
    most = largest(factor)
    return _made(partial, up, down, times(most, bound.length), times(most, bound.hessian))


def gathered(args: Sequence[Bound], spread: Any | None) -> Bound:
    """Of a maximum or a logsumexp; `spread` bounds how far gradients of terms are apart, None for kinks.

    The Hessian of a logsumexp is the mean of those of its terms plus the covariance of their gradients, and a variance
    is at most a quarter of the squared range (Popoviciu 1935).
    """
    hull = either(args)
    oo = sympy().oo
    bent = oo if spread is None else hull.hessian + (oo if spread is oo else spread**2 / 4)
    return Bound(hull.partial, hull.up, hull.down, hull.length, bent)


def either(args: Sequence[Bound]) -> Bound:
    """Of one of several."""
    found = args[0]
    for other in args[1:]:
        partial = _each(lambda a, b: (_lesser(a[0], b[0]), _most(a[1], b[1])), found.partial, other.partial)
        pairs = (("up", "down", "length", "hessian"), (found, other))
        up, down, length, hessian = (_most(*(getattr(b, name) for b in pairs[1])) for name in pairs[0])
        found = _made(partial, up, down, length, hessian)
    return found


def of_norm(args: Sequence[Bound]) -> Bound:
    """Of a Euclidean norm: its own gradient has length 1."""
    sp = sympy()
    whole = nowhere(args)
    apart_all = all(a.partial.keys().isdisjoint(b.partial) for a, b in combinations(args, 2))
    lengths = [a.length for a in args]
    longest = lengths[0]
    for length in lengths[1:]:
        longest = _most(longest, length) if apart_all else _side(longest, length)
    partial = {k: (-largest(r), largest(r)) for a in args for k, r in a.partial.items()} if apart_all else None
    if partial is None:
        return Bound(whole.partial, sp.oo, sp.oo, longest, sp.oo)
    return _made(partial, sp.oo, sp.oo, longest, sp.oo)


def apart(args: Sequence[Bound]) -> Any:
    """How far apart the gradients of two of these can be."""
    most = sympy().Integer(0)
    for a, b in combinations(args, 2):
        difference = _each(lambda u, v: (u[0] - v[1], u[1] - v[0]), a.partial, b.partial)
        most = _most(most, _box(difference))
    return most


def better(a: Bound, b: Bound) -> Bound:
    """The better of two bounds of the same number."""
    partial = _each(lambda u, v: (_most(u[0], v[0]), _lesser(u[1], v[1])), a.partial, b.partial)
    return Bound(
        partial,
        _lesser(a.up, b.up),
        _lesser(a.down, b.down),
        _lesser(a.length, b.length),
        _lesser(a.hessian, b.hessian),
    )


def _made(partial: Mapping[int, Range], up: Any, down: Any, length: Any, hessian: Any) -> Bound:
    """With what follows: gradients that lie in a box, or whose parts add up to at most so much, are so long at most."""
    zero = sympy().Integer(0)
    up = _lesser(up, sum((high for _, high in partial.values() if _positive(high)), zero))
    down = _lesser(down, sum((-low for low, _ in partial.values() if _positive(-low)), zero))
    return Bound(partial, up, down, least_of(length, _side(up, down), _box(partial)), hessian)


def _box(partial: Mapping[int, Range]) -> Any:
    total = sympy().Integer(0)
    for r in partial.values():
        total = total + largest(r) ** 2
    return total if total is sympy().oo else sympy().sqrt(total)


def _each(rule: Callable[[Range, Range], Range], a: Mapping[int, Range], b: Mapping[int, Range]) -> dict[int, Range]:
    zero = (sympy().Integer(0),) * 2
    return {k: rule(a.get(k, zero), b.get(k, zero)) for k in (*a, *(k for k in b if k not in a))}


# ---------------------------------------------------------------- arithmetic of exact numbers and infinities


def range_of(around: Interval) -> Range:
    sp = sympy()

    def end(value: Any) -> Any:
        if isinstance(value, float):
            return sp.oo if value > 0 else -sp.oo
        return sp.Rational(value.numerator, value.denominator)

    return end(around.low), end(around.high)


def _positive(a: Any) -> bool:
    return before(sympy().Integer(0), a)


def times(a: Any, b: Any) -> Any:
    """The product of bounds; 0 of something is 0, however large the other may be."""
    return sympy().Integer(0) if a == 0 or b == 0 else a * b


def _products(a: Range, b: Range) -> Range:
    found = [times(u, v) for u in a for v in b]
    low, high = found[0], found[0]
    for other in found[1:]:
        low, high = _lesser(low, other), _most(high, other)
    return low, high


def largest(r: Sequence[Any]) -> Any:
    return _most(abs(r[0]), abs(r[1]))


def _most(a: Any, b: Any) -> Any:
    return b if a == b or before(a, b) else a


def _lesser(a: Any, b: Any) -> Any:
    return a if a == b or before(a, b) else b


def least_of(*values: Any) -> Any:
    found = values[0]
    for value in values[1:]:
        found = _lesser(found, value)
    return found


def _side(a: Any, b: Any) -> Any:
    sp = sympy()
    return sp.oo if sp.oo in (a, b) else sp.sqrt(a**2 + b**2)
