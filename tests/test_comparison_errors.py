"""Losses and requests that no comparison can be made of: each is told before anything is trained."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lossdsl import LossError
from lossdsl.comparison import ComparisonError, Dataset, Disturbance, Training, compare, dataset
from lossdsl.comparison.contenders import contenders
from lossdsl.comparison.models import Linear, models
from lossdsl.diagnostics.explain import registry

FOLDER = Path(__file__).parent / "bad" / "comparison"
PROGRAMS = sorted(FOLDER.glob("*.loss"))

X = np.arange(24.0).reshape(12, 2) % 5
NUMBERS = Dataset("tiny", "size", X, np.arange(12.0) - 3.0, ("a", "b"))
CLASSES = Dataset("tiny", "kind", X, np.arange(12) % 3, ("a", "b"), ("x", "y", "z"))
NEED_CLASSES = ("numbers_for_classes", "two_classes_only")


def failure(path: Path) -> LossError:
    with pytest.raises(LossError) as caught:
        compare([str(path)], CLASSES if path.stem in NEED_CLASSES else NUMBERS, seeds=1)
    return caught.value


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_report(path: Path, golden: Callable[[Path, str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    golden(path.with_suffix(".txt"), str(failure(Path(path.name))) + "\n")


def test_every_code_has_a_program() -> None:
    met = {problem.code for path in PROGRAMS for problem in failure(path).problems}
    assert met == {code for code in registry() if code.startswith("E10")}


@pytest.mark.parametrize("code", [code for code in registry() if code.startswith("E10")])
def test_long_story(code: str) -> None:
    story = registry()[code].__doc__ or ""
    assert story.index("Wrong:") < story.index("Right:")
    assert len(story.split("Wrong:")[0].split()) > 10


def test_all_losses_are_reported_and_none_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Linear, "train", lambda *_: pytest.fail("trained before all was checked"))
    with pytest.raises(LossError) as caught:
        compare(["mse", "cross_entropy", "rmse", "poisson_nll"], NUMBERS, seeds=1)
    assert [problem.code for problem in caught.value.problems] == ["E1002", "E1001", "E1004"]


def test_a_prediction_with_a_domain_is_no_score_of_a_tree() -> None:
    positive = Dataset("tiny", "size", X, np.arange(12.0) + 1, ("a", "b"))
    with pytest.raises(LossError) as caught:
        compare(["gamma_deviance"], positive, ["xgboost"], 1)
    assert caught.value.problems[0].code.startswith("E07")


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_indicators_are_no_labels_of_trees(library: str) -> None:
    with pytest.raises(ComparisonError, match="soft_cross_entropy takes a table of indicators"):
        compare(["soft_cross_entropy"], CLASSES, [library], 1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"losses": []}, "at least one loss"),
        ({"losses": ["mse", "mse"]}, "there twice"),
        ({"losses": ["msee"]}, "did you mean mse"),
        ({"losses": ["huber:delta=x"]}, "NAME=NUMBER"),
        ({"losses": ["huber:detla=1"]}, "no hyperparameter 'detla', only target, delta"),
        ({"losses": ["huber:delta=-1"]}, "huber:delta=-1: delta must be > 0"),
        ({"losses": ["none.loss"]}, "can't read none.loss"),
        ({"models": ["forest"]}, "no model 'forest'"),
        ({"models": []}, "at least one model"),
        ({"seeds": 0}, "seeds are"),
        ({"seeds": [1, 1]}, "seeds are"),
        ({"data": "boston"}, "no data set 'boston'"),
        ({"noise": -1.0}, "noise must be >= 0"),
        ({"outliers": 2.0}, "share of the rows"),
        ({"imbalance": 10.0}, "imbalance is for classes"),
        ({"imbalance": 0.5}, "at least 1"),
    ],
)
def test_requests(given: dict[str, object], message: str) -> None:
    request = {"losses": ["mse"], "data": NUMBERS, "seeds": 1, **given}
    with pytest.raises(ComparisonError, match=message):
        compare(**request)  # type: ignore[arg-type]


def test_settings_of_training() -> None:
    with pytest.raises(ComparisonError, match="epochs must be at least 1"):
        Training(epochs=0)


def test_disturbances_of_the_other_task() -> None:
    with pytest.raises(ComparisonError, match="between 0 and 1, got 2"):
        Disturbance(noise=2.0).check("classification")
    with pytest.raises(ComparisonError, match="outliers are for targets that are numbers"):
        Disturbance(outliers=0.1).check("classification")


def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lossdsl.comparison.models.find_spec", lambda _: None)
    for name, extra in (("linear", "fit"), ("mlp", "torch"), ("boosting", "boosting")):
        with pytest.raises(ComparisonError, match=rf"lossdsl\[{extra}\]"):
            models([name])


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        ("a,b\n", "b", "a line of column names"),
        ("a,a\n1,2\n", "a", "a name of its own"),
        ("a,b\n1,2\n3\n", "b", "line 3: 1 values for 2 columns"),
        ("a,b\n1,2\n,2\n", "b", "line 3: the column 'a' has no value"),
        ("a,b\n1,2\nNaN,2\n", "b", "line 3: the column 'a' has no value"),
        ("a,b\n" + "1,2\n" * 9, "c", "no column 'c', only a, b"),
        ("a,b\n" + "1,2\n" * 9, None, "needs --target, one of its columns a, b"),
        ("a,b\n" + "1,2\n" * 9, "b", "2 throughout"),
        ("a,b\n" + "1,2\n3,4\n", "b", "at least 8"),
        ("b\n" + "1\n2\n3\n" * 3, "b", "no column beside 'b'"),
        ("a,b\n" + "1,x\n" * 9 + "1,y\n", "b", "the class 'y' of 'b' has 1 rows"),
        ("a,b\n" + "".join(f"name {k},{k}\n" for k in range(30)), "b", "'a' has 30 different texts"),
        ('a,b\n1,"2\n', "b", "no CSV file"),
    ],
)
def test_tables(text: str, target: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ComparisonError, match=message):
        dataset(str(path), target)


def test_text_is_no_number(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("a,b\n" + "1,x\n2,y\n" * 5, encoding="utf-8")
    with pytest.raises(ComparisonError, match="holds text, such as 'x'"):
        dataset(str(path), "b", "regression")


def test_parquet_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.parquet"
    with pytest.raises(ComparisonError, match="no such file"):
        dataset(str(path), "b")
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ComparisonError, match="needs pyarrow"):
        dataset(str(path), "b")


def test_a_file_has_the_loss_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "two.loss"
    body = "(pred[n] | target[n]):\n    return mean[n](|pred - target|)\n"
    path.write_text(f"loss a{body}\nloss b{body}", encoding="utf-8")
    assert [each.label for each in contenders([str(path), f"{path}:a"])] == ["b", "a"]
    with pytest.raises(ComparisonError, match="no loss 'c', only a, b"):
        contenders([f"{path}:c"])
