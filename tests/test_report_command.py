"""`lossdsl report`: what it writes, what it refuses before it works, and its exit status."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import lossdsl
from lossdsl.check.report import Report, Row
from lossdsl.cli.commands import commands

TEXT = '"Of a file."\n\nloss first(x[n]; a > 0 = 1):\n    return mean[n](a*x^2)\n\nloss second(x[n]):\n    return mean[n](x^4)\n'


class Catalogue(dict[str, lossdsl.api.Module]):
    """One that is read at once: to name what is close, every loss of it is looked at."""

    folder = Path()


QUICK = ("--no-check", "--no-accuracy")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.loss").write_text(TEXT, encoding="utf-8")
    return tmp_path


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(commands, ["report", *arguments], input=text)


def test_a_file_gives_one_page_with_all_its_losses(folder: Path) -> None:
    done = run("mine.loss", "-o", "out/page.html", *QUICK)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "wrote out/page.html\n")
    page = (folder / "out" / "page.html").read_text(encoding="utf-8")
    assert "<h1>mine.loss</h1><p>Of a file.</p>" in page
    assert page.count("<h2>") == 2
    assert str(folder) not in page


def test_one_loss_of_a_file_and_standard_input() -> None:
    assert run("mine.loss", "--loss", "second", "-o", "one.html", *QUICK).exit_code == 0
    assert "<h1>second</h1>" in Path("one.html").read_text(encoding="utf-8")
    assert run("-", "--loss", "second", "-o", "two.html", *QUICK, text=TEXT).exit_code == 0
    assert "standard input" in Path("two.html").read_text(encoding="utf-8")


def test_a_loss_of_the_catalogue_with_settings() -> None:
    assert run("regression: log_cosh", "-o", "page.html", *QUICK).exit_code == 0
    assert "catalogue: regression" in Path("page.html").read_text(encoding="utf-8")
    assert run("mine.loss", "--set", "a=2", "-o", "page.html", *QUICK).exit_code == 0
    assert "1, here 2" in Path("page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frist"], "the catalogue has no loss 'frist'; did you mean first?"),
        (["missing.loss"], "can't read missing.loss"),
        (["mine.loss", "--loss", "third"], "third"),
        (["first", "--loss", "first"], "--loss chooses losses of a file"),
        (["mine.loss", "--set", "a"], "--set takes NAME=NUMBER, not 'a'"),
        (["mine.loss", "--set", "a=inf"], "--set takes NAME=NUMBER, not 'a=inf'"),
        (["mine.loss", "--set", "b=2"], "there is no hyperparameter 'b', only a"),
        (["mine.loss", "--set", "a=-1"], "a must be > 0, got -1"),
    ],
)
def test_input_that_makes_no_page(monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str) -> None:
    monkeypatch.setattr("lossdsl.cli.find.catalogue", Catalogue(mine=lossdsl.loads(TEXT)))
    done = run(*arguments, "-o", "page.html")
    assert done.exit_code == 2
    assert message in done.output
    assert not Path("page.html").exists()


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("page.pdf", "a page is .html, not page.pdf"),
        ("folder.html", "can't write folder.html: it is a folder"),
        ("mine.loss/page.html", "is no folder"),
    ],
)
def test_targets_that_can_not_be_written_are_refused_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, output: str, message: str
) -> None:
    (folder / "folder.html").mkdir()
    monkeypatch.setattr("lossdsl.report.report", lambda *_, **__: pytest.fail("a page was made"))
    done = run("mine.loss", "-o", output)
    assert done.exit_code == 2
    assert message in done.output


def test_a_folder_without_permission_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    done = run("mine.loss", "-o", "page.html")
    assert done.exit_code == 2 and "can't write page.html: there is no permission" in done.output


def test_a_mistake_in_the_file_is_located(folder: Path) -> None:
    (folder / "bad.loss").write_text("loss f(x[n]):\n    return mean[n](y)\n", encoding="utf-8")
    done = run("bad.loss", "-o", "page.html")
    assert isinstance(done.exception, lossdsl.LossError)
    assert "bad.loss:2:20" in str(done.exception)


def test_the_exit_status_says_that_a_comparison_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is written all the same: it says which."""
    row = Row("NumPy value", "interpreter", "float64", 3, 1e9, 4.0, "drawn", "failed")
    monkeypatch.setattr(lossdsl.Loss, "check", lambda self: Report(self.name, (row,)))
    done = run("mine.loss", "--loss", "second", "-o", "page.html", "--no-accuracy")
    assert done.exit_code == 1
    assert "1 of 1 comparisons failed." in Path("page.html").read_text(encoding="utf-8")
