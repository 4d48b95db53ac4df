"""Comparisons of losses: what is trained on, what is measured, and what is made of it."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats
from sklearn import metrics as theirs
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

import lossdsl
from lossdsl.cli import experiments
from lossdsl.cli.commands import commands
from lossdsl.comparison import Comparison, Dataset, Disturbance, Training, compare, dataset
from lossdsl.comparison.contenders import contender
from lossdsl.comparison.intervals import Interval, interval, paired
from lossdsl.comparison.matching import matched
from lossdsl.comparison.metrics import calibration_error, of_classes, of_numbers, reliability
from lossdsl.comparison.models import Trained
from lossdsl.comparison.splits import split
from lossdsl.comparison.subject import scaling
from lossdsl.comparison.table import digits_for
from lossdsl.comparison.trees import Trees

FAST = Training(epochs=3, rounds=4)
RNG = np.random.default_rng(5)
X = RNG.normal(size=(120, 3))
NUMBERS = Dataset("line", "y", X, 20 + 3 * X[:, 0] - X[:, 1] + 0.1 * RNG.normal(size=120), ("a", "b", "c"))
CLASSES = Dataset("thirds", "k", X, np.digitize(X[:, 0], [-0.5, 0.5]), ("a", "b", "c"), ("x", "y", "z"))
TWO = Dataset("halves", "k", X, (X[:, 0] > 0).astype(int), ("a", "b", "c"), ("no", "yes"))


@pytest.fixture(scope="module")
def numbers() -> Comparison:
    return compare(["mse", "huber:delta=0.5"], NUMBERS, ["linear", "mlp", "xgboost", "lightgbm"], 2, training=FAST)


@pytest.fixture(scope="module")
def classes() -> Comparison:
    losses = ["cross_entropy", "binary_cross_entropy", "hinge"]
    return compare(losses, CLASSES, ["linear", "mlp", "xgboost"], 2, noise=0.05, training=FAST)


# ---------------------------------------------------------------- regression


def test_squared_error_on_diabetes_is_the_ridge_of_scikit_learn() -> None:
    found = compare(["mse"], "diabetes", seeds=[3]).run("linear", "mse")
    data = dataset("diabetes")
    part = split(data, 3, Disturbance())
    rows = load_diabetes().data.shape[0]
    assert (len(part.y), len(part.y_test)) == (rows - round(rows / 4), round(rows / 4))
    y = (part.y - part.y.mean()) / part.y.std()
    ridge = Ridge(alpha=1e-4 * len(y) / 2).fit(part.X, y)
    told = part.y.mean() + part.y.std() * ridge.predict(part.X_test)
    assert found.scores["mae"] == pytest.approx([theirs.mean_absolute_error(part.y_test, told)], rel=1e-8)
    assert found.scores["rmse"] == pytest.approx([theirs.root_mean_squared_error(part.y_test, told)], rel=1e-8)


def test_metrics_of_numbers_are_those_of_scikit_learn() -> None:
    y, told = RNG.normal(size=50), RNG.normal(size=50)
    found = of_numbers(told, y)
    assert found["median_ae"] == pytest.approx(theirs.median_absolute_error(y, told))
    assert found["pinball_0.9"] == pytest.approx(theirs.mean_pinball_loss(y, told, alpha=0.9))


def test_every_model_learns_a_line(numbers: Comparison) -> None:
    spread = float(NUMBERS.y.std())
    for run in numbers.runs:
        mean = run.interval("rmse")
        assert mean is not None
        assert mean.mean < (0.2 if run.model == "linear" else 1.1 * spread)
        assert run.warnings == ()


def test_the_same_request_gives_the_same_answer(numbers: Comparison) -> None:
    models = ["linear", "mlp", "xgboost", "lightgbm"]
    alone = compare(["huber:delta=0.5"], NUMBERS, models, [1], training=FAST)
    for run in alone.runs:
        own = numbers.run(run.model, run.loss)
        assert {name: values[1:] for name, values in own.scores.items()} == run.scores


def test_hyperparameters_reach_every_model(numbers: Comparison) -> None:
    for model in numbers.models:
        assert numbers.run(model, "mse").scores != numbers.run(model, "huber:delta=0.5").scores


@pytest.mark.parametrize(
    ("loss", "expected"), [("mse", "standard"), ("tweedie", "ratio"), ("fractional_logit", "none")]
)
def test_targets_are_scaled_as_their_domain_allows(loss: str, expected: str) -> None:
    program = contender(loss).loss.program
    assert scaling(next(arg for arg in program.args if arg.name == "target")) == expected


def test_predict_bindings_links_and_learned_numbers_in_all_models() -> None:
    text = (
        "loss l(raw[n] | target[n] > 0; learn s > 0 = 1):\n    predict mu[n] = exp(raw)\n"
        "    return mean[n]((target - exp(raw))^2/s + log(s))\n"
    )
    learned = lossdsl.loss(text)
    given = [learned, "gaussian_nll", ("gamma_deviance", {}), "laplace_nll"]
    found = compare(given, NUMBERS, ["linear", "mlp"], 1, training=Training(epochs=40, rate=0.02))
    spread = float(NUMBERS.y.std())
    for run in found.runs:
        assert run.interval("mae").mean < 0.8 * spread, (run.model, run.loss)  # type: ignore[union-attr]


def test_a_sum_of_means_over_rows_is_a_mean_over_rows() -> None:
    whole = "loss whole(pred[n] | target[n]):\n    return mean[n]((pred - target)^2 + 0.5*pred^2)\n"
    parts = (
        "loss parts(pred[n] | target[n]; w = 0.5):\n    fit = mean[n]((pred - target)^2)\n"
        "    size_ = mean[n](pred^2)\n    return fit + w*size_\n"
    )
    found = compare([lossdsl.loss(whole), lossdsl.loss(parts)], NUMBERS, ["linear", "mlp"], 1, training=FAST)
    for model in found.models:
        one, other = (found.run(model, loss).scores["rmse"] for loss in found.losses)
        assert one == pytest.approx(other, rel=1e-4)
    for body in ("fit/mean[n](pred^2)", "fit + sum[n](pred^2)", "sqrt(fit)", "fit*mean[n](target)"):
        text = parts.replace("fit + w*size_", body)
        with pytest.raises(lossdsl.LossError, match="E1001"):
            compare([lossdsl.loss(text)], NUMBERS, seeds=1)


def test_tables_show_intervals_differences_and_the_best(numbers: Comparison) -> None:
    text = str(numbers)
    lines = text.splitlines()
    assert lines[0] == "line: y (a number), 120 rows, 3 features; 2 seeds"
    assert sum(line.startswith("less mse") for line in lines) == 4
    mean = numbers.run("linear", "mse").interval("mae")
    assert mean is not None
    assert mean.half is not None
    digits = digits_for(numbers.spread("mae"))
    assert f"{mean.mean:.{digits}f} ± {mean.half:.{digits}f}" in text
    assert "95% interval" in text


# ---------------------------------------------------------------- classification


def test_every_loss_and_model_tells_classes_apart(classes: Comparison) -> None:
    for run in classes.runs:
        accuracy = run.interval("balanced_accuracy")
        assert accuracy is not None
        assert accuracy.mean > (0.75 if run.model == "linear" else 0.35), (run.model, run.loss)
        told = run.loss != "hinge"
        assert (run.interval("brier") is not None) == told
        assert bool(run.bins) == told


def test_indicators_are_labels_written_otherwise(classes: Comparison) -> None:
    soft = compare(["soft_cross_entropy"], CLASSES, ["linear", "mlp"], 2, noise=0.05, training=FAST)
    for model in ("linear", "mlp"):
        labels, table = classes.run(model, "cross_entropy").scores, soft.run(model, "soft_cross_entropy").scores
        assert labels["accuracy"] == table["accuracy"]
        assert labels["log_loss"] == pytest.approx(table["log_loss"], rel=1e-3)


def test_metrics_of_classes_are_those_of_scikit_learn() -> None:
    p = RNG.dirichlet(np.ones(3), 60)
    y = RNG.integers(0, 3, 60)
    found = of_classes(p.argmax(axis=1), p, y)
    assert found["accuracy"] == pytest.approx(theirs.accuracy_score(y, p.argmax(axis=1)))
    assert found["balanced_accuracy"] == pytest.approx(theirs.balanced_accuracy_score(y, p.argmax(axis=1)))
    assert found["log_loss"] == pytest.approx(theirs.log_loss(y, p))
    assert found["brier"] == pytest.approx(theirs.brier_score_loss(y, p))
    two, bits = np.stack([1 - p[:, 0], p[:, 0]], axis=1), (y > 0).astype(int)
    halved = of_classes(two.argmax(axis=1), two, bits)["brier"]
    assert halved == pytest.approx(theirs.brier_score_loss(bits, p[:, 0]))


def test_calibration() -> None:
    p = np.array([[0.95, 0.05], [0.95, 0.05], [0.6, 0.4], [1.0, 0.0]])
    bins = reliability([(p[:2], np.array([0, 1])), (p[2:], np.array([1, 0]))])
    assert [(each.count, each.accuracy) for each in bins] == [(1, 0.0), (3, pytest.approx(2 / 3))]
    last = abs((0.95 + 0.95 + 1) / 3 - 2 / 3)
    assert calibration_error(bins) == pytest.approx((0.6 + 3 * last) / 4)


def test_arrays_that_are_the_same_for_all_rows_and_learned_arrays() -> None:
    text = (
        "loss shifted(z[n, c] | label[n] in c; learn s[c] = 0):\n    predict p[n, c] = softmax[c](z + s)\n"
        "    return mean[n](-log(p[n, label[n]]))"
    )
    weights = {"weight": np.array([1.0, 2.0, 30.0])}
    given = ["focal", ("focal", weights), lossdsl.loss(text)]
    found = compare(given, CLASSES, ["linear", "mlp"], 1, training=FAST)
    assert found.losses == ("focal", "focal:weight=...", "shifted")
    for model in found.models:
        plain, weighted, shifted = (found.run(model, loss) for loss in found.losses)
        assert plain.scores != weighted.scores
        assert shifted.scores["log_loss"][0] < np.log(3)  # type: ignore[operator]
    trees = compare(given[:2], CLASSES, ["xgboost"], 1, training=FAST)
    assert trees.runs[0].scores != trees.runs[1].scores


def test_a_margin_of_two_classes() -> None:
    found = compare(["hinge", "logistic", "probit"], TWO, ["linear", "lightgbm"], 1, training=Training(rounds=30))
    assert all(run.interval("accuracy").mean > 0.85 for run in found.runs)  # type: ignore[union-attr]


# ---------------------------------------------------------------- networks


def test_curves_of_networks(numbers: Comparison) -> None:
    assert numbers.run("linear", "mse").curves == ()
    for curve in numbers.run("mlp", "mse").curves:
        assert len(curve.train) == len(curve.stop) == len(curve.error) == 3
        assert curve.best == int(np.argmin(curve.stop))
        assert curve.train[-1] < curve.train[0]


def test_networks_stop_early_and_leave_the_state_of_pytorch_alone() -> None:
    import torch

    before = torch.get_rng_state()
    found = compare(["mae"], NUMBERS, ["mlp"], 1, training=Training(epochs=30, patience=2, rate=0.3))
    (curve,) = found.run("mlp", "mae").curves
    assert len(curve.stop) == curve.best + 3 < 30
    assert torch.equal(torch.get_rng_state(), before)


def test_training_that_runs_away_has_no_scores() -> None:
    steep = lossdsl.loss("loss steep(pred[n] | target[n]):\n    return mean[n](exp((pred - target)^2*1000))")
    found = compare(["mse", steep], NUMBERS, ["mlp"], 2, training=FAST)
    run = found.run("mlp", "steep")
    assert len(run.warnings) == 2
    assert run.warnings[0] == "seed 0: no scores: the loss became nan in epoch 1"
    assert run.scores["rmse"] == (None, None)
    assert run.warnings[0] in str(found)


def test_scores_of_trees_that_ran_away_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> Trained:
        raise FloatingPointError("scores are infinite")

    monkeypatch.setattr(Trees, "_scores", away)
    found = compare(["mse"], NUMBERS, ["xgboost"], 2)
    run = found.run("xgboost", "mse")
    assert run.scores["mae"] == (None, None)
    assert run.interval("mae") is None
    assert run.warnings == tuple(f"seed {k}: no scores: scores are infinite" for k in (0, 1))
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["runs"][0]["metrics"]["mae"]["mean"] is None


# ---------------------------------------------------------------- seeds and disturbances


def test_features_are_standardised_by_the_rows_for_training() -> None:
    part = split(NUMBERS, 0, Disturbance())
    np.testing.assert_allclose(part.X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(part.X.std(axis=0), 1, rtol=1e-12)
    assert np.abs(part.X_test.mean(axis=0)).max() > 1e-3
    assert sorted([*part.train, *part.stop]) == list(range(len(part.y)))


def test_noise_and_outliers_of_numbers_spare_the_test() -> None:
    plain, noisy = (split(NUMBERS, 0, Disturbance(noise=n)) for n in (0.0, 0.5))
    far = split(NUMBERS, 0, Disturbance(outliers=0.1))
    np.testing.assert_array_equal(plain.y_test, noisy.y_test)
    np.testing.assert_array_equal(plain.y, noisy.clean)
    assert np.std(noisy.y - plain.y) == pytest.approx(0.5 * plain.y.std(), rel=0.3)
    moved = np.abs(far.y - plain.y) / plain.y.std()
    assert sorted(np.unique(moved.round(9))) == [0, 10]
    assert np.count_nonzero(moved) == round(0.1 * len(moved))


def test_noise_and_imbalance_of_classes() -> None:
    plain, noisy = (split(CLASSES, 0, Disturbance(noise=n)) for n in (0.0, 0.25))
    assert np.count_nonzero(plain.y != noisy.y) == round(0.25 * len(plain.y))
    rare = split(CLASSES, 0, Disturbance(imbalance=9))
    counts = sorted(np.bincount(rare.y), reverse=True)
    assert counts == [counts[0], round(counts[0] / 3), round(counts[0] / 9)]
    np.testing.assert_array_equal(rare.y_test, plain.y_test)
    assert set(rare.y[rare.train]) == set(rare.y[rare.stop]) == {0, 1, 2}


def test_noise_leaves_domains_of_targets() -> None:
    positive = Dataset("line", "y", X, np.exp(X[:, 0]), ("a", "b", "c"))
    subject = matched(contender("gamma_deviance"), positive)
    part = split(positive, 0, Disturbance(noise=1.0, outliers=0.2))
    assert part.y.min() < 0
    seen = subject.seen(part.y, subject.scale(part.clean))
    assert seen.min() == pytest.approx(part.clean.min() / part.clean.mean())
    assert compare(["gamma_deviance"], positive, seeds=1, noise=1.0).runs[0].warnings == ()


def test_outliers_hurt_squared_error_more_than_a_robust_loss() -> None:
    found = compare(["mse", "mae"], NUMBERS, seeds=3, outliers=0.1)
    difference = found.run("linear", "mae").difference(found.run("linear", "mse"), "mae")
    assert difference is not None
    assert difference.mean < 0


def test_intervals_are_those_of_student() -> None:
    values = [1.0, 2.0, 4.0]
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    found = interval(values)
    assert found.to_json() == pytest.approx({"mean": 7 / 3, "low": low, "high": high})
    assert interval([3.0]) == Interval(3.0, None)
    assert paired([2.0, 3.0, 4.1], [1.0, 2.0, 3.0]).excludes_zero
    assert not paired([0.3, 0.4], [0.1, 0.2]).excludes_zero, "equal but for rounding"
    assert not Interval(1.0, None).excludes_zero


# ---------------------------------------------------------------- probabilities


@pytest.mark.parametrize(
    ("loss", "data", "source", "text"),
    [
        ("cross_entropy", CLASSES, "told", "the output p"),
        ("spherical", CLASSES, "proved", "softmax(logits), at which it is proved to be proper"),
        ("weighted_binary_cross_entropy", CLASSES, "proved", "sigmoid(logits), at which it is proved to be proper"),
        ("focal", CLASSES, "convention", "softmax(logits), by convention"),
        ("one_vs_all", CLASSES, "convention", "sigmoid(logits), by convention"),
        ("binary_focal", TWO, "convention", "sigmoid(logits), by convention"),
        ("poly1_cross_entropy", CLASSES, "convention", "softmax(logits), by convention"),
        ("hinge", TWO, None, ""),
        ("crammer_singer", CLASSES, None, ""),
    ],
)
def test_where_probabilities_come_from(loss: str, data: Dataset, source: str | None, text: str) -> None:
    told = matched(contender(loss), data).told
    assert (told and told.source, str(told or "")) == (source, text)


def test_weights_of_classes_make_a_link_a_convention() -> None:
    weights = np.array([1.0, 2.0, 3.0])
    told = matched(contender(("weighted_binary_cross_entropy", {"pos_weight": weights})), CLASSES).told
    assert told is not None
    assert told.source == "convention"


def test_a_proved_link_is_what_the_loss_would_have_told() -> None:
    row = "loss {}(z[n, c] | label[n] in c):\n{}    return mean[n](logsumexp[c](z) - z[n, label[n]])\n"
    one = "loss {}(s[n] | y[n] in {{-1, 1}}):\n{}    return mean[n](exp(-y*s))\n"
    for text, binding, data in (
        (row, "    predict p[n, c] = softmax[c](z)\n", CLASSES),
        (one, "    predict p[n] = sigmoid(2*s)\n", TWO),
    ):
        silent, told = lossdsl.loss(text.format("silent", "")), lossdsl.loss(text.format("told", binding))
        found = compare([silent, told], data, seeds=1)
        first, second = (found.run("linear", name) for name in ("silent", "told"))
        assert first.told is not None
        assert first.told.source == "proved"
        assert first.scores["log_loss"] == pytest.approx(second.scores["log_loss"], rel=1e-12)
        assert first.bins
        assert "silent: probabilities are" in str(found)
        assert "told: prob" not in str(found)
        assert [run["probabilities"]["source"] for run in found.to_json()["runs"]] == ["proved", "told"]


# ---------------------------------------------------------------- data


@pytest.mark.parametrize(
    ("name", "target", "task", "shape", "classes"),
    [
        ("linnerud", "Waist", None, (20, 3), 0),
        ("wine", None, None, (178, 13), 3),
        ("wine", "alcohol", None, (178, 12), 0),
        ("iris", None, "regression", (150, 4), 0),
        ("breast-cancer", None, None, (569, 30), 2),
        ("digits", None, None, (1797, 64), 10),
    ],
)
def test_shipped_sets(name: str, target: str | None, task: Any, shape: tuple[int, int], classes: int) -> None:
    found = dataset(name, target, task)
    assert found.X.shape == shape
    assert len(found.classes) == classes
    assert target is None or target not in found.features


def test_tables_of_users(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    lines = [f"{k};{'red' if k % 2 else 'blue'};{'yes' if k > 4 else 'no'};{k * k}" for k in range(12)]
    path.write_text("\ufeffwidth; colour;good;price\n" + "\n".join(lines) + "\n\n", encoding="utf-8")
    price = dataset(str(path), "price")
    assert price.features == ("width", "colour=red", "good=yes")
    np.testing.assert_array_equal(price.y, np.arange(12.0) ** 2)
    good = dataset(str(path), "good")
    assert good.classes == ("no", "yes")
    np.testing.assert_array_equal(good.X[:, 1], np.arange(12) % 2)
    assert dataset(str(path), "colour").task == "classification"
    assert dataset(str(path), "width", None).task == "regression"


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "mine.parquet"
    table = {"a": list(range(12)), "colour": ["red", "blue", "red"] * 4, "price": [k / 4 for k in range(12)]}
    parquet.write_table(pyarrow.table(table), path)
    found = dataset(str(path), "price")
    assert found.features == ("a", "colour=red")
    np.testing.assert_array_equal(found.y, np.arange(12) / 4)


# ---------------------------------------------------------------- what comes out


def test_figure(numbers: Comparison, classes: Comparison) -> None:
    panels = [panel.get_title() for panel in numbers.figure().axes if panel.axison]
    assert panels == [
        "MAE (lower is better)",
        "RMSE (lower is better)",
        "median AE (lower is better)",
        "pinball 0.9 (lower is better)",
        "mlp: validation error, each seed",
    ]
    figure = classes.figure()
    titles = [panel.get_title() for panel in figure.axes if panel.axison]
    assert titles[-3:] == [f"{model}: reliability" for model in classes.models]
    (accuracy,) = [panel for panel in figure.axes if panel.get_title() == "accuracy (higher is better)"]
    heights = [float(bars.lines[0].get_ydata()[0]) for bars in accuracy.containers]  # type: ignore[union-attr]
    means = [classes.run(m, loss).interval("accuracy") for loss in classes.losses for m in classes.models]
    assert heights == [mean.mean for mean in means if mean is not None]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == list(classes.losses)


def test_command(tmp_path: Path) -> None:
    mine = tmp_path / "mine.loss"
    mine.write_text("loss capped(pred[n] | target[n]; top > 0 = 1):\n    return mean[n](min((pred - target)^2, top))\n")
    request = ["compare", "mse", f"{mine}:top=4", "--data", "linnerud", "--seeds", "2", "--models", "linear,mlp"]
    request += ["--epochs", "2", "--outliers", "0.1"]
    picture = tmp_path / "out.png"
    done = CliRunner().invoke(commands, [*request, "--json", "--figure", str(picture)])
    assert done.exit_code == 0, done.output
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert done.stderr == f"wrote {picture}\n", "no progress bar in a pipe"
    told = json.loads(done.stdout)
    assert told["losses"] == ["mse", "capped:top=4"]
    assert told["disturbance"] == {"noise": 0.0, "outliers": 0.1, "imbalance": 1.0}
    mae = told["runs"][1]["metrics"]["mae"]
    assert mae["low"] < mae["mean"] < mae["high"]
    assert mae["mean"] == pytest.approx(math.fsum(mae["seeds"]) / 2)
    assert mae["difference"]["mean"] == pytest.approx(mae["mean"] - told["runs"][0]["metrics"]["mae"]["mean"])
    assert len(told["runs"][3]["curves"]) == 2
    table = CliRunner().invoke(commands, ["compare", "mse", "--data", "linnerud", "--seeds", "1"])
    assert "no intervals" in table.stdout
    assert "±" not in table.stdout


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    with experiments.bar() as step:
        assert step is not None
        compare(["mse"], NUMBERS, seeds=2, step=step)
    assert "linear, mse, seed 1" in screen.getvalue()


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (["mse", "--data", "boston"], "no data set 'boston'"),
        (["mse", "--figure", "x.bmp"], ".png, .svg or .pdf"),
        (["mse", "--figure", "no/such/folder/x.png"], "there is no folder"),
        (["mse", "--models", ","], "at least one model"),
    ],
)
def test_command_explains(request_: list[str], message: str) -> None:
    done = CliRunner().invoke(commands, ["compare", *request_])
    assert done.exit_code == 2
    assert message in done.output
