"""Losses that a linear model or an estimator can not be fitted with: each is reported as its golden file says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lossdsl
from lossdsl import Loss, LossError
from lossdsl.diagnostics.explain import registry
from lossdsl.fitting import LossClassifier, LossRegressor

FOLDER = Path(__file__).parent / "bad" / "fitting"
PROGRAMS = sorted(FOLDER.glob("*.loss"))

X = np.arange(12.0).reshape(6, 2) % 5
Y = np.arange(6.0) % 3


def weighted(loss: Loss) -> None:
    loss.scipy_objective(X, Y, sample_weight=np.ones(6))


def unweighted(loss: Loss) -> None:
    data = sum(arg.role == "data" for arg in loss.program.args)
    loss.scipy_objective(X, *[Y] * data)


CALLS: dict[str, Callable[[Loss], object]] = {
    "no_example_axis": unweighted,
    "prediction_is_a_number": unweighted,
    "coupled_weights": weighted,
    "ratio_weights": weighted,
    "mask_weights": weighted,
    "no_link": unweighted,
    "size_unknown": unweighted,
    "more_data": lambda loss: LossRegressor(loss).fit(X, Y),
    "no_target": lambda loss: LossRegressor(loss).fit(X, Y),
    "not_a_classifier": lambda loss: LossClassifier(loss).fit(X, Y),
}
"""The call that each program fails in."""


def failure(path: Path) -> LossError:
    loss = lossdsl.loss(path.read_text(encoding="utf-8"), path.name)
    with pytest.raises(LossError) as caught:
        CALLS[path.stem](loss)
    return caught.value


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_report(path: Path, golden: Callable[[Path, str], None]) -> None:
    golden(path.with_suffix(".txt"), str(failure(path)) + "\n")


def test_every_program_has_a_call_and_every_code_a_program() -> None:
    assert {path.stem for path in PROGRAMS} == set(CALLS)
    met = {problem.code for path in PROGRAMS for problem in failure(path).problems}
    assert met == {code for code in registry() if code.startswith("E08")}


@pytest.mark.parametrize("code", [code for code in registry() if code.startswith("E08")])
def test_long_story(code: str) -> None:
    story = registry()[code].__doc__ or ""
    assert story.index("Wrong:") < story.index("Right:")
    assert len(story.split("Wrong:")[0].split()) > 10


@pytest.mark.parametrize(
    "text",
    [
        "loss l(pred[n] | target[n]):\n    return sum[n](|pred - target|)",
        "loss l(pred[n] | target[n]):\n    return mean[n where target[n] > 0](|pred - target|)",
        "loss l(pred[n, c] | target[n] in c):\n    z[n] = logsumexp[c](pred)\n    return mean[n](z - pred[n, target[n]])",
        "loss l(pred[..] | target[..]):\n    return |pred - target|",
        "loss l(pred[n] | target[n]):\n    r = pred - target\n    s = r^2\n    return mean[n](s + |r|)",
    ],
)
def test_examples_with_terms_of_their_own_take_weights(text: str) -> None:
    problem = lossdsl.loss(text).scipy_objective(X, Y.astype(int), sample_weight=[0, 1, 2, 3, 4, 5])
    assert np.isfinite(problem.minimize(max_iter=5).value)


@pytest.mark.parametrize(
    "text",
    [
        "loss l(pred[n] | target[n]):\n    return mean[n](pred)^2 - mean[n](target)",
        "loss l(pred[n] | target[n]):\n    return mean[n]((pred - target)^2*size(n))",
        "loss l(pred[n] | target[n]):\n    return mean[n](pred[n] - pred[0] + target[n])",
        "loss l(pred[n] | target[n]):\n    m = max[n](pred)\n    return mean[n](m - target)",
        "loss l(pred[n] | target[n]):\n    p[n] = softmax[n](pred)\n    return mean[n](p*target)",
        "loss l(pred[n] | target[n]):\n    return mean[n](cumsum[n](pred)*target)",
        "loss l(pred[n] | target[n]):\n    return mean[n](pred[n+1] - target[n])",
        "loss l(pred[i] | target[i]):\n    return mean[i, j](|pred[i] - pred[j]| + target[i])",
    ],
)
def test_examples_that_meet_take_none(text: str) -> None:
    with pytest.raises(LossError) as caught:
        lossdsl.loss(text).scipy_objective(X, Y, sample_weight=np.ones(6))
    assert [problem.code for problem in caught.value.problems] == ["E0802"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.ones(6)}, "X must have shape"),
        ({"X": X * np.nan}, "infinite or NaN"),
        ({"target": Y[:5]}, "axis n has size 5 in target but 6"),
        ({"sample_weight": np.ones(5)}, r"shape \(6,\)"),
        ({"sample_weight": -np.ones(6)}, "not zero throughout"),
        ({"sample_weight": np.zeros(6)}, "not zero throughout"),
        ({"l2": -1.0}, "l2 must be >= 0"),
        ({"l1": float("inf")}, "l1 must be >= 0"),
        ({"links": {"mu": "log"}}, "no link 'log'"),
        ({"links": {"mu": "sigmoid"}}, "takes the link exp or softplus"),
        ({"links": {"target": "exp"}}, "no prediction target"),
        ({"target": -Y}, "target must be >= 0"),
    ],
)
def test_wrong_values(arguments: dict[str, object], message: str) -> None:
    loss = lossdsl.loss("loss l(mu[n] > 0 | target[n] >= 0):\n    return mean[n](mu - target*log(mu))")
    given = {"X": X, "target": Y, **arguments}
    with pytest.raises(ValueError, match=message):
        loss.scipy_objective(given.pop("X"), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "named", "message"),
    [
        ((), {}, "l needs target and scale"),
        ((Y, Y, Y), {"scale": 1}, "takes 2 data"),
        ((Y,), {"scale": 1, "target": Y}, "target was given twice"),
        ((Y,), {"scale": 1, "detla": 1}, "no hyperparameter 'detla'"),
    ],
)
def test_wrong_arguments(data: tuple[object, ...], named: dict[str, object], message: str) -> None:
    loss = lossdsl.loss("loss l(mu[n] | target[n], w[n] = 1; scale > 0):\n    return mean[n](w*(mu - target)^2/scale)")
    with pytest.raises(TypeError, match=message):
        loss.scipy_objective(X, *data, **named)


def test_values_outside_of_domains_are_taken_if_nobody_looks() -> None:
    loss = lossdsl.loss("loss l(mu[n] | target[n] >= 0):\n    return mean[n]((mu - target)^2)")
    assert loss.scipy_objective(X, -Y, validate=False).minimize().success


def test_a_loss_that_is_not_finite_at_the_start() -> None:
    loss = lossdsl.loss("loss l(mu[n] | target[n]):\n    return mean[n]((mu - log(target))^2)")
    with pytest.raises(ValueError, match="inf where all linear predictors are 0"):
        loss.scipy_objective(X, Y).minimize()
