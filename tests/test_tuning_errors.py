"""Losses and requests that can not be tuned: each is told before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import lossdsl
from lossdsl import LossError
from lossdsl.cli.commands import commands
from lossdsl.comparison import ComparisonError, Dataset
from lossdsl.diagnostics.explain import registry
from lossdsl.tuning import TuningError, tune
from lossdsl.tuning.objective import Objective

FOLDER = Path(__file__).parent / "bad" / "tuning"
PROGRAMS = sorted(FOLDER.glob("*.loss"))
REQUESTS: dict[str, dict[str, Any]] = {
    "range_outside": {"space": ["delta=0:10"]},
    "range_between": {"space": ["delta=1:10"]},
    "no_sum": {"weights": True},
    "one_by_one": {"method": "bilevel"},
}

X = np.arange(24.0).reshape(12, 2) % 5
DATA = Dataset("tiny", "size", X, np.arange(12.0) - 3.0, ("a", "b"))


@pytest.fixture(autouse=True)
def nothing_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Objective, "score", lambda *_: pytest.fail("trained before all was checked"))


def failure(path: Path) -> LossError:
    with pytest.raises(LossError) as caught:
        tune(str(path), DATA, **REQUESTS.get(path.stem, {}))
    return caught.value


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_report(path: Path, golden: Callable[[Path, str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    golden(path.with_suffix(".txt"), str(failure(Path(path.name))) + "\n")


def test_every_code_has_a_program() -> None:
    met = {problem.code for path in PROGRAMS for problem in failure(path).problems}
    assert met == {code for code in registry() if code.startswith("E110")}


@pytest.mark.parametrize("code", [code for code in registry() if code.startswith("E11")])
def test_long_story(code: str) -> None:
    story = registry()[code].__doc__ or ""
    assert story.index("Wrong:") < story.index("Right:")
    assert len(story.split("Wrong:")[0].split()) > 10


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"space": ["delta"]}, "NAME=LOW:HIGH"),
        ({"space": ["delta=1:2:cubic"]}, "NAME=LOW:HIGH"),
        ({"space": ["delta=1:inf"]}, "NAME=LOW:HIGH"),
        ({"space": ["delta=2:1"]}, "smaller end first"),
        ({"space": ["delta=0:1:log"]}, "starts above 0"),
        ({"space": ["delta=1,1"]}, "different ones"),
        ({"space": ["gamma=1:2"]}, "no hyperparameter 'gamma' to tune, only delta"),
        ({"loss": "huber:delta=1", "space": ["delta=1:2"]}, "delta is fixed at 1 and has a range"),
        ({"trials": 0}, "trials must be at least 1"),
        ({"folds": 0}, "folds must be at least 1"),
        ({"metric": "accuracy"}, "no metric 'accuracy' for a number, only mae"),
        ({"model": "forest"}, "no model 'forest'"),
        ({"resume": True}, "nothing to resume"),
        ({"method": "bilevel", "metric": "median_ae"}, "median_ae has no gradient that leads anywhere"),
        ({"method": "bilevel", "model": "xgboost"}, "xgboost is not trained by gradients"),
        ({"method": "bilevel", "study": "x"}, "belongs to the method tpe"),
    ],
)
def test_requests(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ComparisonError, match=message):
        tune(**{"loss": "huber", "data": DATA, **given})


def test_probabilities_that_no_one_tells() -> None:
    classes = Dataset("tiny", "kind", X, np.arange(12) % 2, ("a", "b"), ("x", "y"))
    margin = lossdsl.loss("loss m(s[n] | y[n] in {-1, 1}; k > 0 = 1):\n    return mean[n](relu(k - y*s))\n")
    with pytest.raises(TuningError, match="m tells no probabilities, which log_loss needs"):
        tune(margin, classes, metric="log_loss")


def test_packages_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lossdsl.tuning.study.find_spec", lambda _: None)
    with pytest.raises(TuningError, match=r"lossdsl\[tune\]"):
        tune("huber", DATA)
    monkeypatch.setattr("lossdsl.tuning.bilevel.find_spec", lambda _: None)
    with pytest.raises(TuningError, match=r"lossdsl\[torch\]"):
        tune("huber", DATA, method="bilevel")


def test_files_of_studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.study"
    with pytest.raises(TuningError, match=r"no study in .* to resume"):
        tune("huber", DATA, study=path, resume=True)
    path.write_text("no journal\n")
    with pytest.raises(TuningError, match="already: --resume goes on"):
        tune("huber", DATA, study=path)
    with pytest.raises(TuningError, match="no file of a study"):
        tune("huber", DATA, study=path, resume=True)
    path.write_text('{"no": "entry"}\n')
    with pytest.raises(TuningError, match="no file of a study: 'op_code'"):
        tune("huber", DATA, study=path, resume=True)
    path.unlink()
    with pytest.raises(TuningError, match=r"can't write .*: No such file"):
        tune("huber", DATA, study=tmp_path / "no" / "mine.study")
    monkeypatch.setattr(Objective, "score", lambda *_: 1.0)
    tune("huber", DATA, study=path, trials=1, seeds=1)
    other = Dataset("tiny", "size", X, DATA.y + 1, ("a", "b"))
    for given, message in (
        ({"data": other}, r"another|something else: the data was tiny: size, 9 rows \(\w+\) and is tiny: size, 9 rows"),
        ({"loss": "log_cosh"}, "E1101"),
        ({"loss": "pseudo_huber"}, "something else: the loss was"),
        ({"space": ["delta=1:2"]}, r'the space was \["delta in \[0.01, 100\], log"\] and is \["delta in \[1, 2\]"\]'),
        ({"metric": "rmse", "folds": 2}, "the metric was mae and is rmse; the number of folds was 3 and is 2"),
    ):
        with pytest.raises((TuningError, LossError), match=message):
            tune(**{"loss": "huber", "data": DATA, "study": path, "resume": True, "trials": 1, "seeds": 1, **given})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["-o", "x.bmp"], ".png, .svg or .pdf"),
        (["-o", "no/such/x.png"], "there is no folder"),
        (["--write", "x.txt"], "a .loss file, not x.txt"),
        (["--write", "no/such/x.loss"], "there is no folder"),
        (["--metric", "accuracy"], "no metric 'accuracy'"),
    ],
)
def test_command_explains(more: list[str], message: str) -> None:
    done = CliRunner().invoke(commands, ["tune", "huber", *more])
    assert done.exit_code == 2
    assert message in done.output


def test_a_loss_that_would_not_find_what_it_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "part.loss").write_text("def f(x; k) = x^2*k\n")
    mine = tmp_path / "inner" / "mine.loss"
    mine.write_text(
        'use "./part.loss": f\nloss l(pred[n] | target[n]; k > 0 = 1):\n    return mean[n](f(pred - target; k))\n'
    )
    monkeypatch.setattr(Objective, "score", lambda *_: 1.0)
    request = ["tune", str(mine), "--data", "linnerud", "--trials", "1", "--seeds", "1"]
    done = CliRunner().invoke(commands, [*request, "--write", str(tmp_path / "out.loss")])
    assert done.exit_code == 2
    assert "looked for beside the file" in done.output
    assert CliRunner().invoke(commands, [*request, "--write", str(tmp_path / "inner" / "out.loss")]).exit_code == 0
