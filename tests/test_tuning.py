"""Tuning: where is looked, what is tried, what is chosen, and what is said of it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import lossdsl
from lossdsl.cli.commands import commands
from lossdsl.comparison import Dataset, Disturbance, Training, compare
from lossdsl.comparison.contenders import contender
from lossdsl.comparison.splits import split
from lossdsl.tuning import Range, Space, Trial, Tuned, space_of, tune
from lossdsl.tuning.folds import SHARE, folds
from lossdsl.tuning.objective import Objective, Pruned
from lossdsl.tuning.ranges import parsed
from lossdsl.tuning.study import Storage, Study, best
from lossdsl.tuning.texts import LossText, standalone, text_of, with_defaults, with_learned, with_weights

RNG = np.random.default_rng(3)
X = RNG.normal(size=(120, 2))
DATA = Dataset("line", "y", X, X[:, 0] - X[:, 1] + 0.3 * RNG.normal(size=120), ("a", "b"))

SHIFTED = "loss shifted(pred[n] | target[n]; shift = 1.5):\n    return mean[n]((pred - target + shift)^2)\n"
"""Best at shift = 0: anything else moves all predictions."""

RANGE = ["shift=-2:2"]


@pytest.fixture(scope="module")
def shifted() -> lossdsl.Loss:
    return lossdsl.loss(SHIFTED)


@pytest.fixture(scope="module")
def found(shifted: lossdsl.Loss) -> Tuned:
    return tune(shifted, DATA, space=RANGE, trials=16, folds=2, seeds=2)


def space(hyper: str, *asked: str, **fixed: float) -> Space:
    loss = lossdsl.loss(f"loss l(pred[n] | target[n]; {hyper}):\n    return mean[n]((pred - target)^2)\n")
    return space_of(loss, map(parsed, asked), fixed)


# ---------------------------------------------------------------- where is looked


@pytest.mark.parametrize(
    ("hyper", "shown"),
    [
        ("a > 0 = 2", "a in [0.02, 200], log"),
        ("a > 1 = 3", "a - 1 in [0.02, 200], log"),
        ("a < 0 = -1", "0 - a in [0.01, 100], log"),
        ("a >= 0 = 2", "a in [0, 10]"),
        ("a >= 0 = 0", "a in [0, 5]"),
        ("a <= 1 = 0", "1 - a in [0, 5]"),
        ("a in [0, 1] = 0.7", "a in [0, 1]"),
        ("a in (0, 1) = 0.7", "a in [0.01, 0.99]"),
        ("a in (-1, 1]", "a in [-0.98, 1]"),
        ("a = 2", "a in [-8, 12]"),
        ("a != 0 = 0.5", "a in [-4.5, 5.5]"),
        ("a in {1, 2} = 2", "a in {1, 2}"),
    ],
)
def test_domains_say_where_to_look(hyper: str, shown: str) -> None:
    (dimension,) = space(hyper).dimensions
    assert str(dimension) == shown
    assert dimension.to_json()["name"] == "a"


def test_bounds_that_are_hyperparameters() -> None:
    found = space("low = 0, high > low = 2, mid in (low, high) = 0.5")
    assert [str(each) for each in found.dimensions[1:]] == [
        "high - low in [0.02, 200], log",
        "(mid - low)/(high - low) in [0.01, 0.99]",
    ]
    settings = found.settings({"low": -3.0, "high": 10.0, "mid": 0.25}, {})
    assert settings == {"low": -3.0, "high": 7.0, "mid": -0.5}
    first = found.coordinates({})
    assert found.settings(first, {}) == {"low": 0.0, "high": 2.0, "mid": 0.5}
    moved = found.settings({**first, "low": 1.0}, {})
    assert moved == {"low": 1.0, "high": 3.0, "mid": 1.5}, "a share of the way between other bounds is another number"


def test_the_start_is_exact_and_other_values_have_four_digits() -> None:
    exact = space("a > 0 = log(2)")
    assert exact.settings(exact.coordinates({}), {}) == {"a": math.log(2)}
    assert exact.settings({"a": 0.123456}, {}) == {"a": 0.1235}
    narrow = parsed("a=0.12341:0.12344")
    assert narrow.value(0.12342, {}) == 0.12342, "rounding would lead out of the range"


def test_what_is_fixed_and_what_is_asked_for() -> None:
    hyper = "a > 0 = 1, b > 0 = 1, learn c = 0, d[n] = 1"
    assert space(hyper).names == ("a", "b")
    assert space(hyper, a=2.0).names == ("b",)
    asked = space(hyper, "b=1:8:log")
    assert asked.names == ("b",)
    assert asked.dimensions[0] == Range("b", 1.0, 8.0, "log")
    without_default = space("a > 0", "a=1:4:log")
    assert without_default.start == {"a": 2.0}
    assert space("a > 3").start == {"a": 4.0}


# ---------------------------------------------------------------- texts

FILE = """"A file."

def rho(r; delta > 0) = r^2/2 if |r| <= delta else delta*(|r| - delta/2)

loss other(pred[n] | target[n]):
    return mean[n](|pred - target|)

# kept
loss l(pred[n] | target[n]; delta > 0, alpha in [0, 1] = 0.7):
    fit = mean[n](rho(pred - target; delta))
    size_ = mean[n](|pred|)
    return fit + 0.1*size_ + alpha*mean[n](pred^2)/4 - other(pred | target)
"""


def test_defaults_are_written_in_their_places() -> None:
    text = with_defaults(LossText(FILE, "<text>", "l"), {"delta": 0.25, "alpha": 1e-7})
    assert text.text == FILE.replace("delta > 0, alpha in [0, 1] = 0.7)", "delta > 0 = 0.25, alpha in [0, 1] = 1e-07)")
    assert [arg.default for arg in text.loss().program.args if arg.role == "hyper"] == [0.25, pytest.approx(1e-7)]


def test_weights_are_those_of_all_terms_but_the_first() -> None:
    text, names = with_weights(LossText(FILE, "<text>", "l"))
    assert names == ("weight_size_", "weight_3", "weight_other")
    assert text.text.splitlines()[-1] == (
        "    return fit + weight_size_*size_ + alpha*mean[n](pred^2)*weight_3 - weight_other*other(pred | target)"
    )
    given, weighted = lossdsl.loads(FILE)["l"].numpy(), text.loss().numpy()
    pred, target = RNG.normal(size=(2, 9))
    assert weighted(pred, target, delta=0.5) == pytest.approx(given(pred, target, delta=0.5), rel=1e-14)
    settings = {"weight_size_": 2.0, "weight_3": 0.0, "weight_other": 0.0}
    parts = given(pred, target, delta=0.5, alpha=0.0) + np.mean(np.abs(pred - target)) + 1.9 * np.mean(np.abs(pred))
    assert weighted(pred, target, delta=0.5, **settings) == pytest.approx(parts, rel=1e-12)


def test_weights_are_called_after_bound_factors() -> None:
    text = (
        "loss l(p[n] | y[n]; a in [0, 1] = 0.5):\n    fit = mean[n]((p - y)^2)\n    far = mean[n](|p - y|)\n"
        "    return a*fit + (1 - a)*far - far*a/2 + a*max(fit, far)\n"
    )
    weighted, names = with_weights(LossText(text, "<text>", "l"))
    assert names == ("weight_far", "weight_far_", "weight_4")
    assert weighted.text.endswith(
        "return a*fit + weight_far*(1 - a)*far - far*a*weight_far_ + weight_4*a*max(fit, far)\n"
    )


@pytest.mark.parametrize(
    ("returned", "weighted"),
    [
        ("fit + (far - fit)", "fit + weight_2*(far - fit)"),
        ("fit - (far if 1 < 2 else fit)", "fit - weight_2*(far if 1 < 2 else fit)"),
        ("fit + (far + fit)/2", "fit + (far + fit)*weight_2"),
        ("fit + -far", "fit + weight_2*-far"),
        ("fit + 2*far*3/5", "fit + 2*far*3*weight_far"),
        ("(fit + 3*far)/4", "(fit + weight_far*far)/4"),
        ("fit + 4/far", "fit + weight_far*4/far"),
    ],
)
def test_weights_are_put_where_they_weigh_the_whole_term(returned: str, weighted: str) -> None:
    head = "loss l(p[n] | y[n]):\n    fit = mean[n]((p - y)^2)\n    far = mean[n](|p - y|)\n    return "
    text, names = with_weights(LossText(f"{head}{returned}\n", "<text>", "l"))
    assert text.text.splitlines()[-1] == f"    return {weighted}"
    pred, target = RNG.normal(size=(2, 9))
    plain, own = lossdsl.loss(f"{head}{returned}\n").numpy(), text.loss().numpy()
    assert own(pred, target) == pytest.approx(plain(pred, target), rel=1e-14)
    none, once, twice = (own(pred, target, **dict.fromkeys(names, k)) for k in (0.0, 1.0, 2.0))
    assert twice - once == pytest.approx(once - none, rel=1e-12), "linear in the weight"


def test_a_loss_of_the_catalogue_becomes_a_text_of_its_own() -> None:
    loss = lossdsl.catalogue["regression"]["huber"]
    text = text_of(loss)
    assert list(lossdsl.loads(text.text)) == ["huber"]
    assert standalone(lossdsl.loads(FILE)["l"]).text.count("loss ") == 2, "what it calls stays"
    assert list(lossdsl.loads(text_of(lossdsl.catalogue["regression"]["expectile"]).text)) == ["expectile"], (
        "its docstring names another"
    )
    learned = with_learned(text, ["delta"]).loss()
    assert learned.differentiable == ("pred", "delta")
    assert text_of(lossdsl.loads(FILE)["l"]).text == FILE


# ---------------------------------------------------------------- folds


def test_folds_never_see_the_rows_for_testing() -> None:
    part = split(DATA, 1, Disturbance())
    cuts = folds(part, 0, 3)
    rows = {tuple(row) for row in part.X}
    for cut in cuts:
        own, held = ({tuple(row) for row in each} for each in (cut.X, cut.X_test))
        assert own | held == rows
        assert not own & held
        assert len(held) == round(SHARE * len(rows))
        assert sorted([*cut.train, *cut.stop]) == list(range(len(own)))
    assert not np.array_equal(cuts[0].X_test, cuts[1].X_test)
    np.testing.assert_array_equal(folds(part, 0, 2)[1].y_test, cuts[1].y_test)
    every = split(DATA, 0, Disturbance(), testing=False)
    assert (len(every.y), len(every.y_test)) == (120, 0)


# ---------------------------------------------------------------- what is chosen


def test_a_planted_optimum_is_found_and_is_worth_something_on_unseen_rows(found: Tuned) -> None:
    assert abs(found.settings["shift"]) < 0.5
    cuts = folds(split(DATA, 0, Disturbance(), testing=False), 0, 2)
    right = Objective(contender(found.loss), DATA, "linear", "mae", Training(), cuts).score({"shift": 0.0})
    assert found.final.best.value == pytest.approx(right, rel=0.2)
    for search in found.searches:
        assert abs(search.best.settings["shift"]) < 0.5
        assert search.trials[0].settings == {"shift": 1.5}
    assert found.helped
    assert found.difference.mean < -0.5  # type: ignore[union-attr]
    assert found.verdict.startswith("Tuning helped: MAE on rows that tuning has not seen changed by -")


def test_scores_on_unseen_rows_are_those_of_a_comparison(found: Tuned, shifted: lossdsl.Loss) -> None:
    label = f"shifted:shift={found.searches[1].best.settings['shift']:g}"
    own = compare([shifted, (shifted, found.searches[1].best.settings)], DATA, seeds=[1])
    for name, other in zip(found.comparison.losses, own.losses, strict=True):
        mine = found.comparison.run("linear", name).scores["rmse"][1]
        assert mine == own.run("linear", other).scores["rmse"][0]
    assert own.losses[1] == label


def test_the_text_has_the_chosen_values_and_checks(found: Tuned) -> None:
    loss = lossdsl.loss(found.text.text)
    assert loss.signature == f"shifted(pred[n] | target[n]; shift = {found.settings['shift']:g})"


def test_table_json_and_figure(found: Tuned) -> None:
    text = str(found)
    lines = text.splitlines()
    trials = [each for search in (*found.searches, found.final) for each in search.trials]
    cut = [each for each in trials if each.state == "pruned"]
    assert cut, "trials of linear models are cut short by folds"
    assert all(list(each.steps) == [0] for each in trials), "judged after the first of two folds"
    assert lines[1] == (
        f"shifted by MAE on 2 folds of the rows for training: 48 trials ({len(cut)} cut short) by Optuna's TPE"
    )
    assert "shift in [-2, 2]" in text
    assert f"{found.settings['shift']:g}" in next(line for line in lines if line.startswith("all rows"))
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["settings"] == found.settings
    assert len(told["searches"]) == 3
    assert [len(search["trials"]) for search in told["searches"]] == [16] * 3
    assert told["helped"] is True
    titles = [panel.get_title() for panel in found.figure().axes]
    assert titles == ["shift (lower is better)", "best so far"]
    steps = found.figure().axes[1].get_lines()
    reached = np.asarray(steps[-1].get_ydata(), dtype=float)
    assert reached[-1] == found.final.best.value
    assert (np.diff(reached) <= 0).all()


def test_tuning_that_does_not_help_says_so(shifted: lossdsl.Loss) -> None:
    found = tune(shifted, DATA, space=["shift=0.01:0.0101"], trials=2, folds=1, seeds=2)
    assert found.helped, "from 1.5 to 0.01"
    centred = lossdsl.loss(SHIFTED.replace("1.5", "0"))
    found = centred.tune(DATA, space=["shift=1:2"], trials=2, folds=1, seeds=2)
    assert found.settings == {"shift": 0.0}, "the start is tried, even outside of the range"
    assert found.helped is False
    assert found.verdict.startswith("Tuning did not help")
    alone = tune(centred, DATA, space=["shift=1:2"], trials=1, folds=1, seeds=[4])
    assert alone.helped is None
    assert "one seed can not tell" in str(alone)


def test_classes_weights_and_a_metric_of_which_more_is_better() -> None:
    classes = Dataset("thirds", "k", X, np.digitize(X[:, 0], [-0.5, 0.5]), ("a", "b"), ("x", "y", "z"))
    text = (
        "loss two(z[n, c] | label[n] in c):\n    predict p[n, c] = softmax[c](z)\n"
        "    fit = mean[n](logsumexp[c](z[n, c]) - z[n, label[n]])\n    return fit + 3*mean[n](norm[c](z)^2)\n"
    )
    found = tune(lossdsl.loss(text), classes, metric="accuracy", weights=True, trials=6, folds=2, seeds=2)
    assert found.space.names == ("weight_2",)
    assert found.final.best.value == max(each.value or 0.0 for each in found.final.trials)
    assert "weight_2 >= 0 = " in found.text.text
    assert "↑" in str(found)


# ---------------------------------------------------------------- studies


def names(trials: tuple[Trial, ...]) -> list[Any]:
    return [(each.settings, each.value, each.steps) for each in trials]


def test_a_study_that_goes_on_gives_the_trials_of_one_that_was_not_interrupted(
    found: Tuned, shifted: lossdsl.Loss, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.study"
    score, left = Objective.score, [29]

    def until_the_power_fails(self: Objective, *given: Any) -> float:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return score(self, *given)

    monkeypatch.setattr(Objective, "score", until_the_power_fails)
    with pytest.raises(KeyboardInterrupt):
        tune(shifted, DATA, space=RANGE, trials=16, folds=2, seeds=2, study=path)
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines()[-1][:20])  # what it was writing just then
    resumed = tune(shifted, DATA, space=RANGE, trials=16, folds=2, seeds=2, study=path, resume=True)
    assert 29 - left[0] == 48 + 1, "trials that were finished are not made again"
    for one, other in zip((*resumed.searches, resumed.final), (*found.searches, found.final), strict=True):
        assert names(one.trials) == names(other.trials)
    fewer = tune(shifted, DATA, space=RANGE, trials=5, folds=2, seeds=2, study=path, resume=True)
    assert names(fewer.final.trials) == names(found.final.trials[:5])


def test_the_median_cuts_trials_short_by_epochs(shifted: lossdsl.Loss) -> None:
    training = Training(epochs=6, rate=0.02, hidden=(8,))
    found = tune(shifted, DATA, "mlp", trials=8, folds=1, seeds=1, training=training)
    trials = found.final.trials
    assert trials[0].state == "complete"
    assert set(trials[0].steps) == set(range(5)), "a score after each epoch"
    cut = [each for each in trials if each.state == "pruned"]
    assert cut
    for each in cut:
        before = [t.steps[max(each.steps)] for t in trials[: each.number] if t.value is not None]
        assert each.steps[max(each.steps)] > np.median(before), "worse than half of those before it"
        assert len(each.steps) < 5


def test_a_timeout_leaves_all_seeds_with_as_many_trials(shifted: lossdsl.Loss) -> None:
    found = tune(shifted, DATA, trials=50, folds=1, seeds=2, timeout=0)
    assert [len(search.trials) for search in (*found.searches, found.final)] == [1, 1, 1]


def test_the_first_of_the_best() -> None:
    trials = tuple(Trial(k, {"a": k}, value) for k, value in enumerate([math.inf, None, 2.0, 2.0, 3.0]))
    assert best("mae", trials).number == 2
    assert best("accuracy", trials[1:]).number == 4
    assert best("mae", trials[:1]).number == 0


def test_training_that_runs_away_is_a_bad_trial() -> None:
    steep = contender(
        lossdsl.loss("loss l(pred[n] | target[n]; k > 0 = 1):\n    return mean[n](exp(k*(pred - target)^2))")
    )
    part = folds(split(DATA, 0, Disturbance()), 0, 1)
    objective = Objective(steep, DATA, "mlp", "mae", Training(epochs=1, hidden=(4,)), part)
    assert objective.score({"k": 1e4}) == math.inf
    assert objective.score({"k": 0.1}) < 2


def test_a_watch_ends_a_trial(shifted: lossdsl.Loss) -> None:
    def enough(step: int, value: float) -> None:
        raise Pruned

    objective = Objective(
        contender(shifted), DATA, "linear", "mae", Training(), folds(split(DATA, 0, Disturbance()), 0, 2)
    )
    with pytest.raises(Pruned):
        objective.score({}, enough)
    study = Study(Storage(None, False), "s", objective, space_of(shifted), 1, {})
    assert study.trials == ()


# ---------------------------------------------------------------- command


def test_command(tmp_path: Path) -> None:
    mine, out, picture = tmp_path / "mine.loss", tmp_path / "tuned.loss", tmp_path / "tried.png"
    mine.write_text(SHIFTED)
    rows = [f"{a:.4f},{b:.4f},{y:.4f}" for (a, b), y in zip(DATA.X[:60], DATA.y, strict=False)]
    table = tmp_path / "mine.csv"
    table.write_text("a,b,y\n" + "\n".join(rows) + "\n")
    request = [
        "tune",
        str(mine),
        "--data",
        str(table),
        "--target",
        "y",
        "--trials",
        "3",
        "--folds",
        "1",
        "--seeds",
        "2",
    ]
    request += ["--space", "shift=-1:1"]
    done = CliRunner().invoke(commands, [*request, "--write", str(out), "-o", str(picture)])
    assert done.exit_code == 0, done.output
    assert done.stderr == f"wrote {picture}\nwrote {out}\n"
    assert picture.read_bytes()[:4] == b"\x89PNG"
    written = out.read_text()
    assert done.stdout.endswith(f"\n\n{written}")
    assert lossdsl.load(out)["shifted"].program.args[2].default != 1.5
    again = CliRunner().invoke(commands, [*request, "--json"])
    assert json.loads(again.stdout)["text"] == written
