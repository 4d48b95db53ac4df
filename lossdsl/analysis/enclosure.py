"""Certified bounds of expressions: intervals with ends that are rounded outwards, from mpmath.iv.

An interval that is returned holds every value that the expression takes where its variable lies in the box, provided
that the expression is real there: logarithms and roots of what dips below 0 only by overestimation are cut off at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lossdsl.functions.lazy import mpmath, sympy

Box = Any
"""An `mpmath.iv.mpf`."""
PRECISION = 120
"""Bits of the ends."""
MARGIN = 2.0**-80
"""Relative width by which a value of mpmath is widened: far more than its own error, which is a few ulps."""
BOXES = 150
"""Boxes that a search looks at before it gives up."""


def enclosed(expression: Any, variable: Any = None, at: Any = None) -> Box:
    """`enclose` at the working precision of proofs; `at` is an exact number."""
    with precision():
        return enclose(expression, variable, None if at is None else enclose(at))


@contextmanager
def precision(bits: int = PRECISION) -> Iterator[Any]:
    """`mpmath.iv` at a working precision, put back afterwards."""
    iv, mp = mpmath().iv, mpmath().mp
    before = iv.prec, mp.prec
    iv.prec = mp.prec = bits
    try:
        yield iv
    finally:
        iv.prec, mp.prec = before


def box(low: Any, high: Any) -> Box:
    """The interval between two numbers of mpmath; infinite ends are fine."""
    return mpmath().iv.mpf([low, high])


def enclose(expression: Any, variable: Any = None, at: Box = None) -> Box:
    """An interval around the values of an expression, with its variable in the box `at`."""
    known: dict[Any, Box] = {} if variable is None else {variable: at}
    for part in sympy().postorder_traversal(expression):
        if part not in known:
            known[part] = _part(part, [known[a] for a in part.args])
    return known[expression]


def _part(part: Any, args: list[Box]) -> Box:
    sp, iv = sympy(), mpmath().iv
    if part.is_Rational:
        return iv.mpf(int(part.p)) / iv.mpf(int(part.q))
    if part.is_Float:
        raise ValueError(f"{part} is no exact number")
    if part is sp.pi:
        return +iv.pi
    if part is sp.E:
        return +iv.e
    if part in (sp.oo, -sp.oo):
        return iv.mpf("inf" if part is sp.oo else "-inf")
    if part.is_Add:
        return _whole_if_nan(sum(args[1:], args[0]))
    if part.is_Mul:
        product = args[0]
        for factor in args[1:]:
            product = _whole_if_nan(product * factor)
        return product
    if part.is_Pow:
        return _power(part, args)
    if isinstance(part, sp.CRootOf) and part.is_real:
        return _root(part)
    rule = RULES.get(part.func.__name__)
    return rule(*args) if rule is not None and len(args) == 1 else whole()


def _root(part: Any) -> Box:
    """An interval around a real root of a polynomial, by isolation."""
    sp, iv = sympy(), mpmath().iv
    width = sp.Rational(1, 2 ** (mpmath().mp.prec + 8))
    near = part.eval_rational(width)
    low, high = near - width, near + width
    return hull(iv.mpf(int(low.p)) / iv.mpf(int(low.q)), iv.mpf(int(high.p)) / iv.mpf(int(high.q)))


def hull(a: Box, b: Box) -> Box:
    """The smallest interval around two."""
    pairs = ends(a), ends(b)
    return box(min(low for low, _ in pairs), max(high for _, high in pairs))


def whole() -> Box:
    """All numbers."""
    return mpmath().iv.mpf(["-inf", "inf"])


def ends(value: Box) -> tuple[Any, Any]:
    """The two ends, as numbers of mpmath."""
    mp = mpmath().mp
    return mp.mpf(value.a), mp.mpf(value.b)


def _whole_if_nan(value: Box) -> Box:
    return whole() if any(end != end for end in ends(value)) else value


def _power(part: Any, args: list[Box]) -> Box:
    base, exponent = part.args
    if base is sympy().E:
        return _exp(args[1])
    if exponent.is_Integer:
        return _whole_if_nan(args[0] ** int(exponent))
    return _exp(_whole_if_nan(args[1] * _log(args[0])))


def _log(x: Box) -> Box:
    iv = mpmath().iv
    positive = _from_zero(x)
    return whole() if positive is None else iv.log(positive)


def _from_zero(x: Box) -> Box | None:
    """The part of a box that is not negative."""
    low, high = ends(x)
    if high < 0:
        return None
    return x if low >= 0 else mpmath().iv.mpf([0, high])


def _rising(name: str, low: float, high: float, falling: bool = False) -> Callable[[Box], Box]:
    """A monotone function by its values at the ends, widened, and cut to its range."""

    def rule(x: Box) -> Box:
        mp = mpmath().mp
        at = ends(x)[::-1] if falling else ends(x)
        below, above = (getattr(mp, name)(end) for end in at)
        margin = mp.mpf(MARGIN)
        below, above = below - abs(below) * margin, above + abs(above) * margin
        if mp.isnan(below) or mp.isnan(above):
            return whole()
        return mpmath().iv.mpf([max(below, low), min(above, high)])

    return rule


HUGE = 1 << 20
"""Exponentials of more are only bounded by that of this: their digits would fill the memory."""


def _exp(x: Box) -> Box:
    """The exponential; of ends that are far out, a bound."""
    iv, mp = mpmath().iv, mpmath().mp
    low, high = ends(x)
    below = mp.mpf(0) if low < -HUGE else ends(iv.exp(min(low, mp.mpf(HUGE))))[0]
    above = mp.inf if high > HUGE else ends(iv.exp(max(high, mp.mpf(-HUGE))))[1]
    return iv.mpf([below, above])


def _absolute(x: Box) -> Box:
    return abs(x)


TWO = 2.0  # above pi/2
RULES: dict[str, Callable[[Box], Box]] = {
    "exp": _exp,
    "log": _log,
    "cos": lambda x: mpmath().iv.cos(x),
    "sin": lambda x: mpmath().iv.sin(x),
    "tan": lambda x: _whole_if_nan(mpmath().iv.sin(x) / mpmath().iv.cos(x)),
    "Abs": _absolute,
    "atan": _rising("atan", -TWO, TWO),
    "asin": _rising("asin", -TWO, TWO),
    "erf": _rising("erf", -1.0, 1.0),
    "erfc": _rising("erfc", 0.0, 2.0, falling=True),
    "tanh": _rising("tanh", -1.0, 1.0),
    "sinh": _rising("sinh", float("-inf"), float("inf")),
}
"""By the name of a function of SymPy."""


def sign_of_box(value: Box) -> int | None:
    """1 or -1 if all of an interval has that sign, 0 if it is the point 0, else None."""
    low, high = ends(value)
    if low > 0:
        return 1
    if high < 0:
        return -1
    return 0 if low == 0 == high else None


def definite_sign(
    expression: Any, variable: Any, low: Any, high: Any, check: Callable[[], None], boxes: int = BOXES
) -> int | None:
    """The one sign that an expression has on a closed box, by branch and bound; None where none is proved.

    Infinite ends are split at growing powers of 2.  `check` is called for each box, and may raise.
    """
    with precision():
        mp = mpmath().mp
        stack = [(mp.mpf(low), mp.mpf(high))]
        found: int | None = None
        while stack:
            check()
            boxes -= 1
            a, b = stack.pop()
            sign = sign_of_box(enclose(expression, variable, box(a, b)))
            if sign is None:
                middle = _middle(a, b)
                if boxes <= 0 or middle is None:
                    return None
                stack += [(a, middle), (middle, b)]
            elif found not in (None, sign):
                return None
            else:
                found = sign
        return found


def _middle(a: Any, b: Any) -> Any:
    """A number between two; None where they are too close, or too far out."""
    mp = mpmath().mp
    far = mp.mpf(2) ** 16
    if mp.isinf(a) and mp.isinf(b):
        return mp.mpf(0)
    if mp.isinf(b):
        return None if a > far else max(2 * a, mp.mpf(1))
    if mp.isinf(a):
        return None if b < -far else min(2 * b, mp.mpf(-1))
    return (a + b) / 2 if b - a > (abs(a) + abs(b)) * mp.mpf(2) ** -60 + mp.mpf(2) ** -300 else None
