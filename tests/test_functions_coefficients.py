"""The polynomials of the special functions, computed again: interpolation at Chebyshev nodes at 50 digits."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import mpmath
import pytest

from lossdsl.functions import oracles_special
from lossdsl.functions.sources import helper_source

ROOT = "1.4616321449683623412626595423257213284681962040064463512959884085987864403538018"
"""The positive zero of digamma (DLMF 5.4.19)."""


def erf_part(u: Any) -> Any:
    z = mpmath.sqrt((1 + u) / 2)
    return mpmath.erf(z) / z - 1


def erfcx_part(u: Any) -> Any:
    z = 7 / (1 - u) - 3
    return (z + 1) * mpmath.erfc(z) * mpmath.exp(z * z) if z < 1e15 else (1 + 1 / z) / mpmath.sqrt(mpmath.pi)


def residual_part(u: Any) -> Any:
    t = 10 / (1 - u) - 4
    return (t + 1) * oracles_special.normal_residual(-t)


def lgamma_part(u: Any) -> Any:
    return mpmath.loggamma(2 + u / 2) / (u / 2)


def digamma_part(u: Any) -> Any:
    x = (3 + u) / 2
    return mpmath.digamma(x) / (x - mpmath.mpf(ROOT))


PARTS = [
    ("_erf_near", "numpy", erf_part), ("_erfcx", "numpy", erfcx_part), ("_erfcx", "torch", erfcx_part),
    ("_normal_residual", "numpy", residual_part), ("_normal_residual", "torch", residual_part),
    ("_lgamma_near_two", "numpy", lgamma_part),
    ("_digamma_positive", "numpy", digamma_part),
]  # fmt: skip


def written(name: str, backend: Any) -> list[float]:
    """The tuple called `coefficients` in the text of a helper."""
    text = next(t for t in helper_source([name], backend) if t.startswith(f"def {name}("))
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "coefficients"
        ):
            return [float(c) for c in ast.literal_eval(node.value)]
    raise AssertionError(f"{name} has no coefficients")


def interpolate(function: Callable[[Any], Any], count: int) -> list[Any]:
    """Coefficients of 1, u, u^2, ... of the interpolant at the Chebyshev nodes of -1 <= u <= 1."""
    angles = [mpmath.pi * (2 * k + 1) / (2 * count) for k in range(count)]
    values = [function(mpmath.cos(angle)) for angle in angles]
    series = [
        (1 if j == 0 else 2) * sum(v * mpmath.cos(j * a) for v, a in zip(values, angles, strict=True)) / count
        for j in range(count)
    ]
    powers = [mpmath.mpf(0)] * count
    before, current = [mpmath.mpf(0)] * count, [mpmath.mpf(1)] + [mpmath.mpf(0)] * (count - 1)
    for j, c in enumerate(series):
        powers = [p + c * t for p, t in zip(powers, current, strict=True)]
        shifted = [mpmath.mpf(0), *current[:-1]]
        doubled = shifted if j == 0 else [2 * s - b for s, b in zip(shifted, before, strict=True)]
        before, current = current, doubled
    return powers


every_part = pytest.mark.parametrize(("name", "backend", "function"), PARTS, ids=[f"{p[0]}-{p[1]}" for p in PARTS])


@every_part
def test_coefficients(name: str, backend: Any, function: Callable[[Any], Any]) -> None:
    coefficients = written(name, backend)
    with mpmath.workdps(50):
        exact = interpolate(function, len(coefficients))
    assert coefficients == [float(c) for c in exact]


@every_part
def test_interpolants_are_right_between_the_nodes(name: str, backend: Any, function: Callable[[Any], Any]) -> None:
    """To the rounding of the coefficients and a quarter ulp for what was cut off."""
    coefficients = [mpmath.mpf(c) for c in written(name, backend)]
    with mpmath.workdps(50):
        for k in range(-19, 20):
            u = mpmath.mpf(2 * k + 1) / 40
            terms = [c * u**i for i, c in enumerate(coefficients)]
            bound = mpmath.ldexp(sum(map(abs, terms)), -53) + mpmath.ldexp(1, -55)
            assert abs(sum(terms) - function(u)) <= bound
