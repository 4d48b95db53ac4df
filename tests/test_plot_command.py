"""`lossdsl plot`: files that are written, characters that are printed, and what is said of wrong options."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from lossdsl import cli

pytest.importorskip("matplotlib")


@pytest.fixture
def plot(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """Run `lossdsl plot` in this process, in an empty folder: status, output, errors."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lossdsl", "plot", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return run


TWO = """
loss first(p[n] | t[n]; c > 0 = 1):
    return mean[n](c*(p - t)^2)

loss second(p[n] | t[n]):
    return mean[n](|p - t|)
"""


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("new/a.svg", b"<?xml"), ("a.PDF", b"%PDF")])
def test_a_figure_is_written_in_each_format(plot, name: str, start: bytes) -> None:
    assert plot("huber", "--quantity", "value", "-o", name) == (0, "", "")
    assert Path(name).read_bytes().startswith(start)


def test_options_reach_the_figure(plot) -> None:
    Path("two.loss").write_text(TWO)
    assert plot("two.loss", "regression: huber", "--set", "c=1,2", "--interval", "-1,2", "-o", "a.svg")[0] == 0
    drawn = Path("a.svg").read_text()
    for text in ("first, c = 1", "first, c = 2", ">second<", "huber, delta = 1", "pred", "curvature"):
        assert text in drawn
    first = Path("a.svg").read_bytes()
    plot("two.loss", "regression: huber", "--set", "c=1,2", "--interval", "-1,2", "-o", "a.svg")
    assert Path("a.svg").read_bytes() == first
    assert plot("two.loss", "--loss", "second", "--quantity", "gradient", "-o", "b.svg")[0] == 0
    assert "first" not in Path("b.svg").read_text() and "curvature" not in Path("b.svg").read_text()


def test_a_contour_and_a_surface(plot) -> None:
    assert plot("huber", "--contour", "--inputs", "pred,delta", "--set", "target=1", "-o", "a.svg")[0] == 0
    drawn = Path("a.svg").read_text()
    assert ">delta<" in drawn and "target = 1" in drawn
    assert plot("gaussian_nll", "--surface", "-o", "b.png")[0] == 0


def test_text_for_a_terminal(plot) -> None:
    status, out, _ = plot("huber", "--text", "--set", "delta=0.5,2", "--quantity", "value")
    assert status == 0
    assert "value over pred − target" in out and "gradient" not in out
    assert "55 delta = 0.5   22 delta = 2" in out
    assert "\x1b" not in out


def test_errors_in_the_file_are_located(plot) -> None:
    Path("bad.loss").write_text("loss f(p[n]):\n    return mean[n](q)\n")
    status, _, err = plot("bad.loss", "-o", "a.png")
    assert status == 2 and "bad.loss:2:20" in err and "Traceback" not in err


@pytest.mark.parametrize(("arguments", "message"), [
    ("huber", "where to?"),
    ("huber -o a.gif", "a figure is .png, .svg or .pdf"),
    ("none.loss -o a.png", "can't read none.loss"),
    ("huber --loss huber -o a.png", "chooses losses of a file"),
    ("huber --set detla=1 -o a.png", "huber has no argument 'detla'; did you mean delta?"),
    ("huber --set delta=-1 -o a.png", "huber: delta must be > 0, got -1"),
    ("huber --set delta=1,x -o a.png", "not 'delta=1,x'"),
    ("huber --set delta -o a.png", "not 'delta'"),
    ("huber --set delta=nan -o a.png", "not 'delta=nan'"),
    ("huber --interval 2,1 -o a.png", "--interval takes LOW,HIGH"),
    ("huber --interval 2 -o a.png", "--interval takes LOW,HIGH"),
    ("huber --against margin -o a.png", "its margin only"),
    ("huber --contour --surface -o a.png", "not both"),
    ("huber mae --contour -o a.png", "of one loss"),
    ("huber --contour --inputs pred,d -o a.png", "no argument 'd'"),
    ("huber --contour --text", "takes no --contour"),
    ("huber --text -o a.png", "takes no -o"),
])  # fmt: skip
def test_what_is_wrong_in_the_options_is_said_with_status_2(plot, arguments: str, message: str) -> None:
    status, out, err = plot(*arguments.split())
    assert (status, out) == (2, "")
    assert message in err and "defect" not in err
    assert not list(Path().iterdir())


MINE = "loss first(p[n] | t[n]; delta > 0 = 1):\n    return mean[n](delta*(p - t)^2)\n"
PAGE = (Path(__file__).parent.parent / "docs" / "pictures.md").read_text(encoding="utf-8")


def test_the_commands_of_the_page_work(plot) -> None:
    Path("mine.loss").write_text(MINE)
    commands = [shlex.split(line)[2:] for line in PAGE.splitlines() if line.startswith("lossdsl plot ")]
    assert len(commands) == 4
    for arguments in commands:
        assert plot(*arguments)[0] == 0
    assert sorted(path.name for path in Path().iterdir()) == ["first.pdf", "likelihood.png", "mine.loss", "robust.svg"]


def test_the_python_of_the_page_works(plot) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(block, {})
    assert Path("huber.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_that_can_not_be_made_is_an_error(plot) -> None:
    Path("file").write_text("")
    status, _, err = plot("huber", "-o", "file/a.png")
    assert status == 2 and "can't write file/a.png" in err
