"""Gradients through training that is written out: against differences of the whole of it, and where they lead."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lossdsl
from lossdsl.comparison import Dataset, Disturbance, Training
from lossdsl.comparison.contenders import contender
from lossdsl.comparison.metrics import of_classes, of_numbers
from lossdsl.comparison.splits import split
from lossdsl.tuning import Tuned, space_of, tune, unrolled
from lossdsl.tuning.bilevel import Descent
from lossdsl.tuning.folds import folds
from lossdsl.tuning.objective import Objective
from lossdsl.tuning.ranges import parsed
from lossdsl.tuning.texts import text_of
from lossdsl.tuning.unrolled import Unrolled, _of_classes, _of_numbers

RNG = np.random.default_rng(4)
X = RNG.normal(size=(60, 2))
NUMBERS = Dataset("line", "y", X, 2 + X[:, 0] - X[:, 1] + 0.3 * RNG.normal(size=60), ("a", "b"))
CLASSES = Dataset("thirds", "k", X, np.digitize(X[:, 0], [-0.5, 0.5]), ("a", "b"), ("x", "y", "z"))
TWO = Dataset("halves", "k", X, (X[:, 0] > 0).astype(int), ("a", "b"), ("no", "yes"))

SMOOTH = """
loss smooth(raw[n] | target[n]; low = -1, high > low = 2, share in (0, 1) = 0.3, learn s > 0 = 1):
    predict mu[n] = raw + 0.1*low
    r = mu - target
    return mean[n](share*log(cosh(high*r)) + (1 - share)*r^2/s + log(s) + 0.01*(raw - low)^2)
"""
SOFT = """
loss soft(z[n, c] | label[n] in c; tau > 0 = 2, decay >= 0 = 0.1):
    predict p[n, c] = softmax[c](z/tau)
    return mean[n](-log(p[n, label[n]]) + decay*sum[c](z^2))
"""
SCORE = """
loss score(z[n] | label[n] in {0, 1}; tau > 0 = 2):
    predict p[n] = sigmoid(z/tau)
    return mean[n](softplus(z) - label*z)
"""
LOGITS = """
loss smoothed(logits[n, c] | label[n] in c; share in [0, 1) = 0.1):
    return mean[n](logsumexp[c](logits) - (1 - share)*logits[n, label[n]] - share*mean[c](logits[n, c]))
"""
SHIFTED = "loss shifted(pred[n] | target[n]; shift = 1.5):\n    return mean[n]((pred - target + shift)^2)\n"


def descent(text: str, data: Dataset, model: str, metric: str, *asked: str) -> Descent:
    loss = lossdsl.loss(text)
    cuts = folds(split(data, 0, Disturbance()), len(data.classes), 1)
    objective = Objective(contender(loss), data, model, metric, Training(hidden=(5,)), cuts)
    return Descent(objective, space_of(loss, map(parsed, asked)), text_of(loss))


@pytest.mark.parametrize(
    ("text", "data", "model", "metric"),
    [
        (SMOOTH, NUMBERS, "linear", "rmse"),
        (SOFT, CLASSES, "mlp", "brier"),
        (SCORE, TWO, "linear", "log_loss"),
        (LOGITS, CLASSES, "linear", "log_loss"),
    ],
)
def test_the_gradient_is_that_of_all_training(
    text: str, data: Dataset, model: str, metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Differences at two widths: their error falls with the square of the width, as that of a true derivative does."""
    monkeypatch.setattr(unrolled, "STEPS", 12)
    found = descent(text, data, model, metric)
    place, width = found.place, 1e-5
    slope = found.slope(place)
    assert (np.abs(slope) > 1e-6).all(), "every hyperparameter matters"

    def differences(h: float) -> np.ndarray:
        steps = h * np.eye(len(place))
        return np.array([(found.value(place + each) - found.value(place - each)) / (2 * h) for each in steps])

    near, far = (np.abs(differences(h) - slope).max() for h in (width, 4 * width))
    rounding = 1e-14 * found.value(place) / width
    assert near < max(far / 8, 1e3 * rounding)
    assert near < 1e-4 * np.abs(slope).max()


def test_values_of_hyperparameters_are_those_of_trials() -> None:
    found = descent(SMOOTH, NUMBERS, "linear", "rmse")
    place = np.array([0.3, 0.6, 0.9])
    exact = found._hyper(torch.as_tensor(place))
    settings = found.settings(place)
    assert settings == pytest.approx({name: float(value) for name, value in exact.items()}, rel=1e-3)
    assert found.settings(found.place) == found.space.start


def test_metrics_are_those_of_comparisons() -> None:
    told, y = RNG.normal(size=20), RNG.normal(size=20)
    for metric in ("mae", "rmse", "pinball_0.9"):
        own = float(_of_numbers(metric, torch.as_tensor(told), torch.as_tensor(y)))
        assert own == pytest.approx(of_numbers(told, y)[metric], rel=1e-12)
    for count in (2, 3):
        p, labels = RNG.dirichlet(np.ones(count), 20), RNG.integers(0, count, 20)
        for metric in ("log_loss", "brier"):
            own = float(_of_classes(metric, torch.as_tensor(p), torch.as_tensor(labels)))
            assert own == pytest.approx(of_classes(p.argmax(axis=1), p, labels)[metric], rel=1e-12)


@pytest.mark.parametrize(("text", "data"), [(SMOOTH, NUMBERS), (SOFT, CLASSES), (SCORE, TWO), (LOGITS, CLASSES)])
def test_what_the_model_says_is_read_as_in_comparisons(text: str, data: Dataset) -> None:
    found = descent(text, data, "mlp", "rmse" if data is NUMBERS else "log_loss")
    run: Unrolled = found.unrolled[0]
    hyper = found._hyper(torch.as_tensor(found.place))
    raw = {name: z.detach().numpy() for name, z in run._raw(run.start, run.X_held).items()}
    outputs = found.objective.subject(found.space.start).read(raw, {"s": 1.0} if data is NUMBERS else {}, run.scale)
    told = run._told(run.start, hyper).detach().numpy()
    if outputs.probabilities is None:
        np.testing.assert_allclose(run.scale.told(told), outputs.predicted, rtol=1e-10)
    else:
        np.testing.assert_allclose(told, outputs.probabilities, rtol=1e-10)


def test_training_that_is_written_out_trains() -> None:
    found = descent(SHIFTED, NUMBERS, "linear", "mae", "shift=-1:2")
    run: Unrolled = found.unrolled[0]
    hyper = {"shift": torch.tensor(0.0, dtype=torch.float64)}
    before, after = (float(run.value(w, hyper).detach()) for w in (run.start, run.trained(hyper)))
    assert after < 0.1 * before
    told = found.objective.score({"shift": 0.0})
    assert found.value(np.array([1 / 3])) == pytest.approx(told, rel=0.05), "nearly as a model trained to the end"


@pytest.fixture(scope="module")
def tuned() -> Tuned:
    loss = lossdsl.loss(SHIFTED)
    return tune(loss, NUMBERS, metric="rmse", space=["shift=-2:2"], method="bilevel", trials=9, folds=1, seeds=2)


def test_descent_finds_a_planted_optimum(tuned: Tuned) -> None:
    assert abs(tuned.settings["shift"]) < 0.2
    assert tuned.helped
    assert tuned.final.trials[0].settings == {"shift": 1.5}
    assert "27 trials by descent through unrolled training" in str(tuned)


def test_descent_is_the_same_every_time(tuned: Tuned) -> None:
    again = descent(SHIFTED, NUMBERS, "linear", "rmse", "shift=-2:2")
    twice = descent(SHIFTED, NUMBERS, "linear", "rmse", "shift=-2:2")
    for _ in range(3):
        again.step()
        twice.step()
    assert again.trials == twice.trials
    assert again.trials[1].settings["shift"] < 1.5, "downhill"
