"""First and second derivatives of the scalar functions of the reference interpreter.

They come from SymPy, from the definitions in `DEFINITIONS`, and are evaluated in mpmath with the guarded functions of
`scalars.VALUES`; the conventions of section 6 of the language page, at kinks and where a formula reads 0/0, are written
by hand in `CONVENTIONS`.  As there, no function raises.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import mpmath
import sympy
from mpmath import mpf

from lossdsl.meaning.reference.scalars import (
    INF,
    NAN,
    ONE,
    VALUES,
    ZERO,
    Real,
    guarded,
    is_infinite,
    largest,
    power,
    smallest,
)

Order = tuple[int, ...]
"""Which partial derivative: (0,) is d/dx0, (0, 1) is d2/dx0 dx1; in ascending order."""

# ---------------------------------------------------------------- derivatives from SymPy


class Phi(sympy.Function):  # type: ignore[misc]
    """The normal distribution function.  As erfc(-x/sqrt(2))/2, SymPy would rewrite it to 1 - erfc(x/sqrt(2))/2."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.exp(-(self.args[0] ** 2) / 2) / sympy.sqrt(2 * sympy.pi)


DEFINITIONS: dict[str, Callable[..., sympy.Expr]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "neg": lambda x: -x,
    "div": lambda x, y: x / y,
    "sqrt": sympy.sqrt,
    "exp": sympy.exp,
    "log": sympy.log,
    "log1p": lambda x: sympy.log(1 + x),
    "expm1": lambda x: sympy.exp(x) - 1,
    "log2": lambda x: sympy.log(x) / sympy.log(2),
    "log10": lambda x: sympy.log(x) / sympy.log(10),
    "logit": lambda x: sympy.log(x) - sympy.log(1 - x),
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "asin": sympy.asin,
    "acos": sympy.acos,
    "atan": sympy.atan,
    "atan2": sympy.atan2,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "tanh": sympy.tanh,
    "sigmoid": lambda x: (1 + sympy.tanh(x / 2)) / 2,
    "log_sigmoid": lambda x: -sympy.log(1 + sympy.exp(-x)),
    "softplus": lambda x: sympy.log(1 + sympy.exp(x)),
    "erf": sympy.erf,
    "erfc": sympy.erfc,
    "lgamma": sympy.loggamma,
    "digamma": lambda x: sympy.polygamma(0, x),
    "normal_cdf": Phi,
    "normal_logcdf": lambda x: sympy.log(Phi(x)),
    "logaddexp": lambda x, y: sympy.log(sympy.exp(x) + sympy.exp(y)),
    "xlogy": lambda x, y: x * sympy.log(y),
    "logcosh": lambda x: sympy.log(sympy.cosh(x)),
}

_IN_SYMPY: dict[str, Callable[..., Real]] = VALUES | {
    "Phi": VALUES["normal_cdf"],
    "polygamma": guarded(lambda n, x: mpmath.psi(int(n), x)),
}

FAR = mpf("1e40")


@cache
def constant(name: str, order: Order, arity: int) -> Real | None:
    """The derivative where it is one whole number everywhere, as those of sums; None for others, or by convention."""
    if name in CONVENTIONS:
        return None
    derivative, _ = _derivative(name, order, arity)
    return {0: ZERO, 1: ONE}.get(int(derivative), mpf(int(derivative))) if derivative.is_Integer else None


@cache
def derived(name: str, order: Order, arity: int) -> Callable[[tuple[Real, ...]], Real]:
    """SymPy's derivative of a definition, as a function of the tuple of arguments."""
    return _evaluator(*_derivative(name, order, arity))


@cache
def _derivative(name: str, order: Order, arity: int) -> tuple[sympy.Expr, tuple[sympy.Symbol, ...]]:
    """SymPy's derivative of a definition, and its symbols.

    Simplified where it is p - p^2 or 1 - tanh^2 in disguise, which has no digits left where p is near 1.
    """
    symbols = sympy.symbols(f"x:{arity}", real=True)
    derivative = sympy.diff(DEFINITIONS[name](*symbols), *(symbols[i] for i in order))
    if derivative.has(sympy.functions.elementary.hyperbolic.HyperbolicFunction):
        derivative = sympy.simplify(derivative)
    elif derivative.has(sympy.exp) and not derivative.has(Phi):
        derivative = sympy.factor(derivative)
    return derivative, symbols


def _evaluator(expr: sympy.Expr, symbols: tuple[sympy.Symbol, ...]) -> Callable[[tuple[Real, ...]], Real]:
    """A SymPy expression as a function in mpmath, at whatever precision holds when it is called."""
    if expr.is_Symbol:
        position = symbols.index(expr)
        return lambda args: args[position]
    if expr.is_Integer:
        whole = mpf(int(expr))
        return lambda args: whole
    if expr.is_Rational:
        numerator, denominator = int(expr.p), int(expr.q)
        return lambda args: mpf(numerator) / denominator
    if expr is sympy.pi:
        return lambda args: +mpmath.pi
    parts = [_evaluator(arg, symbols) for arg in expr.args]
    if expr.is_Add or expr.is_Mul:
        combine = VALUES["add" if expr.is_Add else "mul"]

        def fold(args: tuple[Real, ...]) -> Real:
            total = parts[0](args)
            for part in parts[1:]:
                total = combine(total, part(args))
            return total

        return fold
    function = VALUES["pow"] if expr.is_Pow else _IN_SYMPY[expr.func.__name__]
    return lambda args: function(*(part(args) for part in parts))


def partial(name: str, order: Order, args: tuple[Real, ...]) -> Real:
    """The first or second partial derivative of a scalar function at a point, conventions of section 6 included.

    At an infinite argument where SymPy's formula reads inf/inf, the limit is taken by going far.
    """
    fixed = constant(name, order, len(args))
    if fixed is not None:
        return fixed
    convention = CONVENTIONS.get(name)
    if convention is not None:
        value = convention(order, *args)
        if value is not None:
            return value
    function = derived(name, order, len(args))
    value = function(args)
    if value != value and any(map(is_infinite, args)):
        return function(tuple(FAR * mpmath.sign(arg) if is_infinite(arg) else arg for arg in args))
    return value


# ---------------------------------------------------------------- conventions

Convention = Callable[..., Real | None]
"""(order, *arguments) -> the derivative, or None where SymPy's holds."""


def _step(order: Order, *args: Real) -> Real:
    """sign, floor, round, stop_gradient: derivative 0 everywhere."""
    return ZERO


def _piecewise_linear(slopes: Callable[..., tuple[Real, ...]]) -> Convention:
    """First derivatives by `slopes`, second derivatives 0: those of the selected branch."""
    return lambda order, *args: ZERO if len(order) > 1 else slopes(*args)[order[0]]


def _clip_slopes(x: Real, low: Real, high: Real) -> tuple[Real, ...]:
    """1 on the closed interval; an upper bound below the lower one is the value."""
    below, above = x < low <= high, x > high or low > high
    return mpf(not (below or above)), mpf(below), mpf(above)


def _mod_slopes(x: Real, y: Real) -> tuple[Real, ...]:
    return ONE, -mpmath.floor(x / y) if y else NAN


def _ties(pick: Callable[..., Real]) -> Callable[..., tuple[Real, ...]]:
    """max and min: the arguments that attain the value share the derivative equally."""

    def slopes(*args: Real) -> tuple[Real, ...]:
        value = pick(*args)
        attained = sum(arg == value for arg in args)
        return tuple(ONE / attained if arg == value else ZERO for arg in args)

    return slopes


def _power(order: Order, x: Real, y: Real) -> Real:
    """x^0 is 1 and has gradient 0, also at 0; y*x^(y-1) has no quotient by x."""
    logarithm = VALUES["log"](x) if 1 in order else ZERO
    if not x and 1 in order and (y == 0 or y > (1 if 0 in order else 0)):
        return ZERO
    match order:
        case (0,):
            return y * power(x, y - 1) if y else ZERO
        case (0, 0):
            return y * (y - 1) * power(x, y - 2) if y and y != 1 else ZERO
        case (1,):
            return power(x, y) * logarithm
        case (0, 1):
            return power(x, y - 1) * (1 + y * logarithm)
        case _:
            return power(x, y) * logarithm**2


def _xlogy(order: Order, x: Real, y: Real) -> Real | None:
    """0*log(0) does not depend on the vanishing argument of the logarithm."""
    return ZERO if not x and 0 not in order else None


def _atan2(order: Order, y: Real, x: Real) -> Real | None:
    """No direction, no derivative: 0 at the origin."""
    return ZERO if not x and not y else None


def _logaddexp(order: Order, x: Real, y: Real) -> Real | None:
    """As logsumexp over nothing: gradient 0."""
    return ZERO if x == y == -INF else None


CONVENTIONS: dict[str, Convention] = {
    "sign": _step,
    "floor": _step,
    "round": _step,
    "stop_gradient": _step,
    "abs": _piecewise_linear(lambda x: (mpmath.sign(x),)),
    "relu": _piecewise_linear(lambda x: (mpf(x > 0),)),
    "max": _piecewise_linear(_ties(largest)),
    "min": _piecewise_linear(_ties(smallest)),
    "clip": _piecewise_linear(_clip_slopes),
    "mod": _piecewise_linear(_mod_slopes),
    "pow": _power,
    "xlogy": _xlogy,
    "atan2": _atan2,
    "logaddexp": _logaddexp,
}
