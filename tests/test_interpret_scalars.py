"""The scalar functions of the reference interpreter: values at awkward points, derivatives, conventions."""

from __future__ import annotations

import itertools
import math

import mpmath
import pytest
from mpmath import mpf

from lossdsl.meaning.reference.scalars import INF, NAN, VALUES
from lossdsl.meaning.reference.slopes import CONVENTIONS, DEFINITIONS, partial

UNIT, ALL, POSITIVE = (-0.7, -0.1, 0.3, 0.9), (-30.5, -2.25, -0.125, 0.5, 3.75, 41.0), (0.0625, 0.5, 1.5, 700.25)

EVERYWHERE = (
    *("neg", "abs", "sign", "exp", "expm1", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "sigmoid"),
    *("log_sigmoid", "softplus", "relu", "erf", "erfc", "normal_cdf", "normal_logcdf", "logcosh", "stop_gradient"),
)

POINTS: dict[str, tuple[tuple[float, ...], ...]] = dict.fromkeys(EVERYWHERE, (ALL,)) | {
    "sqrt": (POSITIVE,),
    "log": (POSITIVE,),
    "log1p": ((-0.75, -0.01, *POSITIVE),),
    "log2": (POSITIVE,),
    "log10": (POSITIVE,),
    "logit": ((0.015625, 0.25, 0.5, 0.875),),
    "asin": (UNIT,),
    "acos": (UNIT,),
    "lgamma": ((-2.5, *POSITIVE),),
    "digamma": ((-2.5, *POSITIVE),),
    "add": (ALL, ALL),
    "sub": (ALL, ALL),
    "mul": (ALL, ALL),
    "div": (ALL, ALL),
    "pow": (POSITIVE, (-1.5, 0.5, 1.0, 2.0, 3.25)),
    "floor": ((-2.25, 0.75, 3.5),),
    "round": ((-2.25, 0.75, 3.25),),
    "mod": ((-7.5, -0.25, 0.25, 9.75), (-2.0, 3.0)),
    "max": ((-1.0, 0.25, 2.0), (-0.5, 1.0)),
    "min": ((-1.0, 0.25, 2.0), (-0.5, 1.0)),
    "atan2": (ALL, ALL),
    "logaddexp": (ALL, ALL),
    "xlogy": (ALL, POSITIVE),
    "clip": ((-3.0, 0.25, 4.0), (-1.0, -0.5), (1.0, 2.5)),
}
"""Arguments away from kinks and poles."""


def test_every_function_is_tested() -> None:
    assert set(POINTS) == set(VALUES)


def test_every_function_has_derivatives() -> None:
    assert set(VALUES) <= set(DEFINITIONS) | set(CONVENTIONS)


def slope(name: str, order: tuple[int, ...], args: tuple) -> mpmath.mpf:
    """A central difference of the value, or for the second order of the first derivative: error about 1e-30."""
    step = mpf(10) ** -30
    *first, last = order

    def at(sign: int) -> mpmath.mpf:
        moved = tuple(arg + sign * step if i == last else arg for i, arg in enumerate(args))
        return partial(name, tuple(first), moved) if first else VALUES[name](*moved)

    return (at(1) - at(-1)) / (2 * step)


@pytest.mark.parametrize("name", sorted(VALUES.keys() - {"stop_gradient"}))
def test_derivatives_agree_with_differences(name: str) -> None:
    with mpmath.workdps(100):
        for point in itertools.product(*POINTS[name]):
            args = tuple(mpf(x) for x in point)
            for i in range(len(args)):
                assert abs(partial(name, (i,), args) - slope(name, (i,), args)) <= 1e-25 * (
                    1 + abs(VALUES[name](*args))
                )
                for j in range(i, len(args)):
                    size = 1 + abs(partial(name, (i,), args)) + abs(VALUES[name](*args))
                    assert abs(partial(name, (i, j), args) - slope(name, (i, j), args)) <= 1e-25 * size, (point, i, j)


STDLIB = {
    "expm1": math.expm1,
    "log1p": math.log1p,
    "log2": math.log2,
    "log10": math.log10,
    "tanh": math.tanh,
    "asin": math.asin,
    "atan2": math.atan2,
    "erf": math.erf,
    "erfc": math.erfc,
    "lgamma": math.lgamma,
    "pow": math.pow,
    "mod": lambda x, y: x % y,
    "round": round,
    "floor": math.floor,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "log_sigmoid": lambda x: -math.log1p(math.exp(-x)),
    "softplus": lambda x: math.log1p(math.exp(x)),
    "logcosh": lambda x: math.log(math.cosh(x)),
    "logit": lambda p: math.log(p / (1 - p)),
    "logaddexp": lambda x, y: math.log(math.exp(x) + math.exp(y)),
    "xlogy": lambda x, y: x * math.log(y),
    "normal_cdf": lambda x: math.erfc(-x / math.sqrt(2)) / 2,
    "normal_logcdf": lambda x: math.log(math.erfc(-x / math.sqrt(2)) / 2),
    "clip": lambda x, low, high: min(max(x, low), high),
}


@pytest.mark.parametrize("name", sorted(STDLIB))
def test_values_agree_with_the_standard_library(name: str) -> None:
    for point in itertools.product(*POINTS[name]):
        expected = STDLIB[name](*point)
        # Some right sides are naive formulas in float64; 1e-12 covers their cancellation near 1.
        assert float(VALUES[name](*map(mpf, point))) == pytest.approx(expected, rel=1e-12, abs=1e-15), point


EDGES = [
    ("div", (1, 0), INF),
    ("div", (-1, 0), -INF),
    ("div", (0, 0), NAN),
    ("div", (3, INF), 0),
    ("mul", (0, INF), NAN),
    ("sub", (INF, INF), NAN),
    ("log", (0,), -INF),
    ("log", (-1,), NAN),
    ("log", (INF,), INF),
    ("log1p", (-1,), -INF),
    ("logit", (0,), -INF),
    ("logit", (1,), INF),
    ("logit", (2,), NAN),
    ("sqrt", (-1,), NAN),
    ("sqrt", (INF,), INF),
    ("exp", (-INF,), 0),
    ("exp", (INF,), INF),
    ("exp", (mpf("1e500"),), INF),
    ("exp", (mpf("-1e500"),), 0),
    ("sigmoid", (-INF,), 0),
    ("sigmoid", (INF,), 1),
    ("log_sigmoid", (-INF,), -INF),
    ("log_sigmoid", (INF,), 0),
    ("softplus", (-INF,), 0),
    ("logcosh", (-INF,), INF),
    ("logaddexp", (-INF, -INF), -INF),
    ("logaddexp", (-INF, 3), 3),
    ("logaddexp", (INF, 3), INF),
    ("xlogy", (0, 0), 0),
    ("xlogy", (0, NAN), NAN),
    ("xlogy", (1, 0), -INF),
    ("asin", (2,), NAN),
    ("acos", (-1.5,), NAN),
    ("sin", (INF,), NAN),
    ("lgamma", (0,), INF),
    ("lgamma", (-3,), INF),
    ("digamma", (0,), -INF),
    ("digamma", (-3,), NAN),
    ("erfc", (-INF,), 2),
    ("erfc", (INF,), 0),
    ("normal_logcdf", (-INF,), -INF),
    ("normal_logcdf", (INF,), 0),
    ("pow", (0, 0), 1),
    ("pow", (NAN, 0), 1),
    ("pow", (0, -1), INF),
    ("pow", (0, 0.5), 0),
    ("pow", (-2, 3), -8),
    ("pow", (-2, -1), -0.5),
    ("pow", (-2, 0.5), NAN),
    ("pow", (1, INF), 1),
    ("pow", (0.5, INF), 0),
    ("pow", (0.5, -INF), INF),
    ("pow", (2, INF), INF),
    ("mod", (-7, 3), 2),
    ("mod", (7, -3), -2),
    ("mod", (7, 0), NAN),
    ("mod", (-1, INF), INF),
    ("round", (0.5,), 0),
    ("round", (1.5,), 2),
    ("round", (-2.5,), -2),
    ("max", (NAN, 1), NAN),
    ("min", (1, NAN), NAN),
    ("max", (1, 5, 3), 5),
    ("clip", (5, 2, 1), 1),
    ("relu", (-INF,), 0),
    ("relu", (NAN,), NAN),
    ("sign", (0,), 0),
]


@pytest.mark.parametrize(("name", "args", "expected"), EDGES)
def test_values_at_edges(name: str, args: tuple, expected: float) -> None:
    found = VALUES[name](*map(mpf, args))
    assert (found != found and expected != expected) or found == expected


TINY_SLOPES = [
    ("logcosh", (0,), mpf("1e-300"), mpf("1e-300")),
    ("logcosh", (0, 0), mpf(500), 4 * mpmath.exp(-1000)),
    ("tanh", (0,), mpf(500), 4 * mpmath.exp(-1000)),
    ("tanh", (0, 0), mpf("1e-300"), mpf("-2e-300")),
    ("softplus", (0, 0), mpf(500), mpmath.exp(-500)),
    ("log_sigmoid", (0,), mpf(500), mpmath.exp(-500)),
    ("sigmoid", (0, 0), mpf(500), -mpmath.exp(-500)),
    ("normal_logcdf", (0,), mpf(-1000), mpf("1000.000999998")),
    ("normal_cdf", (0,), mpf(-40), mpmath.exp(-800) / mpmath.sqrt(2 * mpmath.pi)),
]


@pytest.mark.parametrize(("name", "order", "x", "expected"), TINY_SLOPES)
def test_tiny_derivatives_keep_their_digits(name: str, order: tuple[int, ...], x: mpmath.mpf, expected: float) -> None:
    with mpmath.workdps(50):
        assert abs(partial(name, order, (x,)) / expected - 1) < 1e-13


TINY = [
    ("logcosh", mpf("1e-40"), mpf("5e-81")),
    ("softplus", mpf(-1000), mpmath.exp(-1000)),
    ("log_sigmoid", mpf(1000), -mpmath.exp(-1000)),
    ("expm1", mpf("1e-60"), mpf("1e-60")),
    ("sigmoid", mpf(-1000), mpmath.exp(-1000)),
]


@pytest.mark.parametrize(("name", "x", "expected"), TINY)
def test_tiny_values_keep_their_digits(name: str, x: mpmath.mpf, expected: mpmath.mpf) -> None:
    with mpmath.workdps(50):
        assert abs(VALUES[name](x) / expected - 1) < 1e-14


def test_tails_of_the_normal_distribution() -> None:
    # log Phi(-x) = -x^2/2 - log(x sqrt(2 pi)) - 1/x^2 + O(x^-4)
    for x in (1e3, 1e30, 1e150):
        expected = -(mpf(x) ** 2) / 2 - mpmath.log(mpf(x) * mpmath.sqrt(2 * mpmath.pi)) - mpf(x) ** -2
        assert abs(VALUES["normal_logcdf"](mpf(-x)) / expected - 1) < 1e-15


CONVENTION_CASES = [
    ("abs", (0,), (0,), 0),
    ("abs", (0, 0), (0,), 0),
    ("relu", (0,), (0,), 0),
    ("relu", (0,), (1e-300,), 1),
    ("clip", (0,), (1, 1, 2), 1),
    ("clip", (0,), (2, 1, 2), 1),
    ("clip", (1,), (1, 1, 2), 0),
    ("clip", (0,), (3, 1, 2), 0),
    ("clip", (1,), (0, 1, 2), 1),
    ("clip", (2,), (3, 1, 2), 1),
    ("clip", (2,), (0, 5, 2), 1),
    ("max", (0,), (1, 1), 0.5),
    ("max", (1,), (2, 2, 2, 0), mpf(1) / 3),
    ("max", (3,), (2, 2, 2, 0), 0),
    ("min", (0,), (1, 1), 0.5),
    ("max", (0, 0), (1, 1), 0),
    ("sign", (0,), (0,), 0),
    ("floor", (0,), (1,), 0),
    ("round", (0,), (0.5,), 0),
    ("mod", (0,), (6, 3), 1),
    ("mod", (1,), (7, 3), -2),
    ("pow", (0,), (0, 0), 0),
    ("pow", (1,), (0, 0), 0),
    ("pow", (0,), (5, 0), 0),
    ("pow", (1,), (mpmath.e, 0), 1),
    ("pow", (0,), (0, 1), 1),
    ("pow", (0,), (0, 2), 0),
    ("pow", (0, 0), (0, 2), 2),
    ("pow", (0, 0), (0, 1), 0),
    ("pow", (0,), (0, 0.5), INF),
    ("pow", (1,), (0, 2), 0),
    ("pow", (0, 1), (0, 2), 0),
    ("pow", (0, 1), (0, 1), -INF),
    ("pow", (0,), (-2, 3), 12),
    ("sqrt", (0,), (0,), INF),
    ("log", (0,), (0,), INF),
    ("div", (1,), (1, 0), -INF),
    ("xlogy", (0,), (0, 0), -INF),
    ("xlogy", (1,), (0, 0), 0),
    ("xlogy", (1, 1), (0, 0), 0),
    ("atan2", (0,), (0, 0), 0),
    ("logaddexp", (0,), (-INF, -INF), 0),
    ("logaddexp", (0,), (-INF, 1), 0),
    ("softplus", (0,), (INF,), 1),
    ("softplus", (0,), (-INF,), 0),
    ("tanh", (0,), (0,), 1),
    ("stop_gradient", (0,), (3,), 0),
]


@pytest.mark.parametrize(("name", "order", "args", "expected"), CONVENTION_CASES)
def test_derivatives_at_edges(name: str, order: tuple[int, ...], args: tuple, expected: float) -> None:
    found = partial(name, order, tuple(map(mpf, args)))
    assert found == pytest.approx(expected, rel=1e-14) if abs(expected) != INF else found == expected


def test_saturated_derivatives_vanish() -> None:
    for name in ("sigmoid", "tanh"):
        for x in (INF, -INF, mpf(10000), mpf(-10000)):
            assert 0 <= partial(name, (0,), (x,)) < mpf(10) ** -4000
            assert abs(partial(name, (0, 0), (x,))) < mpf(10) ** -4000
