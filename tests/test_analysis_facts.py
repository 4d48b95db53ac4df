"""What `analyze` says of losses of the catalogue, against what the literature proves of them."""

from __future__ import annotations

import functools
import itertools
import tomllib
from pathlib import Path
from typing import Any

import mpmath
import pytest

import lossdsl
from lossdsl.analysis import Analysis, Judge, No, Yes, analyze, judge
from lossdsl.analysis.structure import draws
from lossdsl.analysis.view import view
from lossdsl.analysis.witness import confirmed

TABLE: dict[str, dict[str, dict[str, Any]]] = tomllib.loads(
    (Path(__file__).parent / "facts" / "literature.toml").read_text(encoding="utf-8")
)
LOSSES = [(module, name) for module, losses in TABLE.items() for name in losses]
PATIENCE = 60
"""Seconds: what is proved must not depend on the speed of the machine."""


@functools.cache
def analysis(module: str, name: str) -> Analysis:
    return analyze(lossdsl.catalogue[module][name].program, {}, PATIENCE)


@pytest.mark.parametrize(("module", "name"), LOSSES, ids=[name for _, name in LOSSES])
def test_the_literature(module: str, name: str) -> None:
    expected, found = TABLE[module][name], analysis(module, name)
    assert expected["source"] and expected["proof"]
    for fact in (*expected.get("yes", ()), *expected.get("values", {}), *expected.get("texts", {})):
        assert isinstance(found[fact].answer, Yes), str(found[fact])
    for fact in expected.get("no", ()):
        assert isinstance(found[fact].answer, No), str(found[fact])
    for fact, number in expected.get("values", {}).items():
        answer = found[fact].answer
        assert isinstance(answer, Yes) and answer.number == pytest.approx(number, rel=1e-6), str(found[fact])
    for fact, text in expected.get("texts", {}).items():
        answer = found[fact].answer
        assert isinstance(answer, Yes) and answer.value.startswith(text), str(found[fact])


def test_there_are_sixty() -> None:
    assert len(LOSSES) >= 60


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("robust", "hampel"),
        ("robust", "truncated_squared"),  # its kinks stand at a decimal that no float is
        ("margin", "perceptron"),
        ("regression", "rmse"),
        ("classification", "label_smoothing"),  # values that agree to 15 digits
    ],
)
def test_every_witness_is_confirmed_again(module: str, name: str) -> None:
    """By the interpreter, from the points alone; with two points exchanged it proves nothing."""
    found = analysis(module, name)
    referee = judge(lossdsl.catalogue[module][name].program, found.settings)
    witnesses = [fact.answer.witness for fact in found.values() if isinstance(fact.answer, No)]
    assert len(witnesses) >= 3
    for witness in witnesses:
        assert witness.holds(referee)


CONTRADICTED_BY = {"convex": "above chord", "strictly convex": "on chord", "quasi-convex": "peak"}


@pytest.mark.parametrize(("module", "name"), LOSSES[::3], ids=[name for _, name in LOSSES[::3]])
def test_no_random_points_contradict_a_yes(module: str, name: str) -> None:
    """The interpreter, at chords between points that the analysis has not chosen."""
    found = analysis(module, name)
    program = lossdsl.catalogue[module][name].program
    referee = judge(program, found.settings)
    inputs = draws(view(program, found.settings))
    assert inputs is not None
    points = list(inputs.points(6))
    names = {arg.name for arg in program.args if arg.role == "prediction"}
    for a, other in itertools.pairwise(points):
        b = {key: other[key] if key in names else a[key] for key in a}
        middle = {key: halfway(a[key], b[key]) for key in a}
        for fact, claim in CONTRADICTED_BY.items():
            if isinstance(found[fact].answer, Yes):
                assert confirmed(referee, claim, a, middle, b) is None
        assert_constants(found, referee, a, b)


def assert_constants(found: Analysis, referee: Judge, a: Any, b: Any) -> None:
    """What the constants bound, between two points: differences of values and of gradients."""
    lipschitz, smooth = (found[fact].answer for fact in ("Lipschitz", "smooth"))
    with mpmath.workdps(30):
        apart = referee.distance(a, b) * (1 + mpmath.mpf(10) ** -12)
        if isinstance(lipschitz, Yes) and lipschitz.number is not None:
            assert abs(referee.value(a) - referee.value(b)) <= lipschitz.number * apart
        if isinstance(smooth, Yes) and smooth.number is not None:
            pairs = zip(referee.gradient(a), referee.gradient(b), strict=True)
            assert mpmath.sqrt(sum((u - v) ** 2 for u, v in pairs)) <= smooth.number * apart


def halfway(a: Any, b: Any) -> Any:
    return tuple(map(halfway, a, b)) if isinstance(a, tuple) else (a + b) / 2


# ---------------------------------------------------------------- facts that LossFunctions.jl states wrongly

WRONG = [
    # (file of src/losses at 680c10d and 1fecaba, what stands there, our loss, fact, our answer)
    ("distance.jl", "istwicedifferentiable(::LPDistLoss{P}) = P > 1", "lp15", "twice differentiable", No),
    ("distance.jl", "isstronglyconvex(::LPDistLoss{P}) = P >= 2", "lp3", "strongly convex", No),
    ("distance.jl", "istwicedifferentiable(l::HuberLoss, at) = at != abs(l.d)", "huber", "twice differentiable", No),
    ("distance.jl", "isstrictlyconvex(::L2EpsilonInsLoss) = true", "tube", "strictly convex", No),
    ("distance.jl", "isstronglyconvex(::L2EpsilonInsLoss) = true", "tube", "strongly convex", No),
    ("distance.jl", "isstronglyconvex(::LogCoshLoss) = true", "log_cosh", "strongly convex", No),
    ("distance.jl", "PeriodicLoss has no issymmetric, so that it is false", "periodic", "symmetric", Yes),
    ("distance.jl", "islipschitzcont_deriv(::QuantileLoss) = true", "quantile", "smooth", No),
    ("margin.jl", "islipschitzcont(::ZeroOneLoss) = true", "zero_one", "Lipschitz", No),
    ("margin.jl", "istwicedifferentiable(::DWDMarginLoss) = true", "dwd", "twice differentiable", No),
    ("other.jl", "PoissonLoss has no isstrictlyconvex, so that it is false", "poisson", "strictly convex", Yes),
    ("other.jl", "CrossEntropyLoss has no isstronglyconvex, so that it is false", "log_loss", "strongly convex", Yes),
]

OURS = """
use regression: lp_error, huber as huber_loss, squared_epsilon_insensitive, log_cosh as log_cosh_loss
use regression: quantile as quantile_loss, poisson_nll
use margin: distance_weighted_discrimination
use classification: binary_cross_entropy_probability

loss lp15(pred[..] | target[..]):
    return mean[..](|pred - target|^(3/2))

loss lp3(pred[..] | target[..]):
    return mean[..](|pred - target|^3)

loss huber(pred[..] | target[..]):
    return huber_loss(pred | target)

loss tube(pred[..] | target[..]):
    return squared_epsilon_insensitive(pred | target)

loss log_cosh(pred[..] | target[..]):
    return log_cosh_loss(pred | target)

loss periodic(pred[..] | target[..]):
    return mean[..](1 - cos(2*pi*(pred - target)))

loss quantile(pred[..] | target[..]):
    return quantile_loss(pred | target; 0.7)

loss zero_one(score[..] | y[..] in {-1, 1}):
    return mean[..]([y*score < 0])

loss dwd(score[..] | y[..] in {-1, 1}):
    return distance_weighted_discrimination(score | y)

loss poisson(log_rate[..] | target[..] >= 0):
    return poisson_nll(log_rate | target)

loss log_loss(p[..] in [0, 1] | y[..] in [0, 1]):
    return binary_cross_entropy_probability(p | y)
"""


@pytest.fixture(scope="module")
def ours() -> lossdsl.Module:
    return lossdsl.loads(OURS)


@pytest.mark.parametrize(("file", "stated", "name", "fact", "answer"), WRONG, ids=[row[1] for row in WRONG])
def test_what_another_library_has_wrong(
    ours: lossdsl.Module, file: str, stated: str, name: str, fact: str, answer: type
) -> None:
    found = analyze(ours[name].program, {}, PATIENCE)[fact]
    assert file and stated
    assert isinstance(found.answer, answer), str(found)
