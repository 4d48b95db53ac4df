"""The command line: what is printed where, and the exit status."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lossdsl
from lossdsl import cli
from lossdsl.cli.commands import COMMANDS

EXAMPLES = Path(__file__).parent.parent / "examples"
HUBER = str(EXAMPLES / "huber_mse.loss")
BAD = "loss f(pred[n] | target[n]):\n    return mean[n](pred - tarjet)\n"


class Outcome:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def lossdsl_(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command line in this process."""

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["lossdsl", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        captured = capsys.readouterr()
        return Outcome(left.value.code or 0, captured.out, captured.err)

    return run


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.loss"
    path.write_text(BAD)
    return str(path)


def script(*arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    code = "from lossdsl.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], input=text, capture_output=True, timeout=120)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("command", ["compile", "check", "grad", "bench"])
def test_an_error_in_the_input_is_rendered_on_stderr_with_status_2(lossdsl_, bad: str, command: str) -> None:
    done = lossdsl_(command, bad)
    assert done.status == 2
    assert done.out == ""
    assert "bad.loss" in done.err
    assert "tarjet" in done.err
    assert "Traceback" not in done.err


def test_a_missing_file(lossdsl_) -> None:
    done = lossdsl_("compile", "no_such.loss")
    assert done.status == 2
    assert "can't read no_such.loss" in done.err


@pytest.mark.parametrize("arguments", [["nonsense"], ["compile"], ["compile", HUBER, "--emit=nonsense"]])
def test_wrong_usage_is_status_2(lossdsl_, arguments: list[str]) -> None:
    assert lossdsl_(*arguments).status == 2


def test_a_defect_of_ours_says_so(lossdsl_, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> str:
        raise lossdsl.CompilerBug("a stage was read before it was made")

    monkeypatch.setattr("lossdsl.backends.registry.emit", broken)
    done = lossdsl_("compile", HUBER)
    assert done.status == 70
    assert "this is a defect of lossdsl, please report it with this program" in done.err
    assert "a stage was read before it was made" in done.err
    assert "Traceback" not in done.err


def test_an_unexpected_exception_is_a_defect_of_ours_too(lossdsl_, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> str:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("lossdsl.backends.registry.emit", broken)
    done = lossdsl_("compile", HUBER)
    assert done.status == 70
    assert "ZeroDivisionError" in done.err
    assert "test_cli.py" in done.err
    assert "Traceback" not in done.err
    monkeypatch.setenv("LOSSDSL_TRACEBACK", "1")
    assert "Traceback" in lossdsl_("compile", HUBER).err


# ---------------------------------------------------------------- compile


def test_compile_prints_the_module(lossdsl_) -> None:
    done = lossdsl_("compile", HUBER)
    assert done.status == 0
    assert done.err == ""
    assert done.out == lossdsl.load(HUBER)["huber_mse"].source("numpy")


def test_compile_writes_files_and_folders(lossdsl_, tmp_path: Path) -> None:
    assert lossdsl_("compile", HUBER, "-o", str(tmp_path / "new" / "mine.py")).status == 0
    assert lossdsl_("compile", HUBER, "-b", "torch", "-o", str(tmp_path) + "/").status == 0
    numpy_text = (tmp_path / "new" / "mine.py").read_text()
    assert numpy_text == lossdsl.load(HUBER)["huber_mse"].source("numpy")
    assert "class HuberMse" in (tmp_path / "huber_mse_torch.py").read_text()


def test_compile_writes_all_losses_of_a_file_to_one_module(lossdsl_, tmp_path: Path) -> None:
    for backend in ("numpy", "torch"):
        path = tmp_path / f"{backend}.py"
        assert lossdsl_("compile", str(EXAMPLES / "mse_mae.loss"), "-b", backend, "-o", str(path)).status == 0
        space: dict[str, object] = {"__name__": "mse_mae"}
        exec(compile(path.read_text(), str(path), "exec"), space)
        assert {"mse", "mae", "mse_mae"} <= set(space)


def test_compile_takes_one_loss_of_a_file(lossdsl_) -> None:
    file = str(EXAMPLES / "mse_mae.loss")
    assert lossdsl_("compile", file, "--loss", "mae").out == lossdsl.load(file)["mae"].source("numpy")
    done = lossdsl_("compile", file, "--loss", "nothing")
    assert done.status == 2
    assert "no loss 'nothing', only mse, mae, mse_mae" in done.err


def test_compile_of_an_unknown_backend(lossdsl_) -> None:
    done = lossdsl_("compile", HUBER, "--backend", "fortran")
    assert done.status == 2
    assert "no backend 'fortran', only numpy, torch" in done.err


def test_compile_to_torch_imports_no_torch() -> None:
    code = (
        f"import sys; sys.argv = ['lossdsl', 'compile', {HUBER!r}, '-b', 'torch']\n"
        "from lossdsl.cli import main\n"
        "try: main()\n"
        "except SystemExit as left: sys.exit(left.code or 'torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, timeout=120).returncode == 0


def test_compile_to_numpy_imports_no_numpy() -> None:
    """Nor anything else that is slow to import: a command line waits for all of it."""
    code = (
        f"import sys; sys.argv = ['lossdsl', 'compile', {HUBER!r}]\n"
        "from lossdsl.cli import main\n"
        "try: main()\n"
        "except SystemExit: print({'numpy', 'sympy', 'mpmath', 'rich', 'torch'} & set(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stderr == "set()\n"


def test_compile_reads_standard_input() -> None:
    done = script("compile", "-", text=Path(HUBER).read_bytes())
    assert done.returncode == 0, done.stderr
    assert b"def huber_mse(" in done.stdout


def test_bytes_that_are_no_text_are_an_error_in_the_input() -> None:
    done = script("compile", "-", text=b"loss \xff\xfe\x00")
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("stage", "shown"),
    [
        ("tree", ["Module", "Loss", "Reduction op='mean'"]),
        ("core", ["Program name='huber_mse'", "Apply function='sub'"]),
        ("program", ["huber_mse[n] = ", "pred[n] - target[n]"]),
        ("gradient", ["grad_pred[n] = "]),
    ],
)
def test_every_stage_can_be_printed(lossdsl_, stage: str, shown: list[str]) -> None:
    done = lossdsl_("compile", HUBER, f"--emit={stage}")
    assert done.status == 0, done.err
    for text in shown:
        assert text in done.out


# ---------------------------------------------------------------- check


def test_check(lossdsl_) -> None:
    done = lossdsl_("check", HUBER)
    assert done.status == 0, done.out
    assert "huber_mse" in done.out
    assert done.err == ""


def test_check_in_json(lossdsl_) -> None:
    reports = json.loads(lossdsl_("check", HUBER, "--json").out)
    assert len(reports) == 1


def test_a_check_that_fails_is_status_1(lossdsl_, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failed:
        ok = False

        def __str__(self) -> str:
            return "the gradient is off by 3 ulps"

    monkeypatch.setattr(lossdsl.Loss, "check", lambda self: Failed())
    done = lossdsl_("check", HUBER)
    assert done.status == 1
    assert "off by 3 ulps" in done.out


# ---------------------------------------------------------------- grad


def test_grad_prints_a_text_that_compiles(lossdsl_) -> None:
    done = lossdsl_("grad", HUBER, "--wrt", "pred")
    assert done.status == 0, done.err
    assert len(lossdsl.loads(done.out)) == 1


def test_grad_in_other_forms(lossdsl_) -> None:
    assert "\\" in lossdsl_("grad", HUBER, "--latex").out
    assert lossdsl_("grad", HUBER, "--unicode").status == 0
    (row,) = json.loads(lossdsl_("grad", HUBER, "--json").out)
    assert (row["loss"], row["wrt"]) == ("huber_mse", "pred")


def test_grad_with_respect_to_data(lossdsl_) -> None:
    done = lossdsl_("grad", HUBER, "--wrt", "target")
    assert done.status == 2
    assert "no gradient with respect to 'target', only to pred" in done.err


# ---------------------------------------------------------------- fmt

UGLY = "loss f(pred[n]|target[n]):\n  return   mean[n]( (pred-target)^2 )  # why\n"


def test_fmt_in_place_and_check(lossdsl_, tmp_path: Path) -> None:
    path = tmp_path / "ugly.loss"
    path.write_text(UGLY)
    done = lossdsl_("fmt", "--check", str(path))
    assert (done.status, path.read_text()) == (1, UGLY)
    assert "would format" in done.err
    assert lossdsl_("fmt", str(tmp_path)).status == 0
    assert path.read_text() != UGLY
    assert "# why" in path.read_text()
    assert lossdsl_("fmt", "--check", str(path)).status == 0


def test_fmt_of_standard_input() -> None:
    done = script("fmt", "-", text=UGLY.encode())
    assert done.returncode == 0
    assert b"mean[n]((pred - target)^2)" in done.stdout


def test_fmt_leaves_alone_what_does_not_parse(lossdsl_, tmp_path: Path) -> None:
    (tmp_path / "a.loss").write_text("loss f(")
    (tmp_path / "b.loss").write_text(UGLY)
    done = lossdsl_("fmt", str(tmp_path))
    assert done.status == 2
    assert "a.loss" in done.err
    assert (tmp_path / "a.loss").read_text() == "loss f("
    assert (tmp_path / "b.loss").read_text() != UGLY


# ---------------------------------------------------------------- list, explain, bench, help


def test_list(lossdsl_) -> None:
    everything = lossdsl_("list").out
    assert "huber(pred[..] | target[..]; delta > 0 = 1)" in everything
    some = lossdsl_("list", "hUBEr")
    assert "huber(" in some.out
    assert "mae(" not in some.out
    rows = json.loads(lossdsl_("list", "--json").out)
    assert {row["name"] for row in rows} >= {"mse", "mae", "huber"}
    nothing = lossdsl_("list", "xyzzy")
    assert nothing.out == ""
    assert "xyzzy" in nothing.err


def test_show_a_loss_of_the_catalogue(lossdsl_) -> None:
    for name in ("huber", "regression: huber", "regression/huber"):
        page = lossdsl_("show", name).out
        for part in (
            "huber(pred[..] | target[..]; delta > 0 = 1)", "Huber", "formula", "gradient with respect to pred",
            "delta         hyper       > 0  1", "|r[..]| <= delta", "the branch that the condition selects",
            "loss huber(pred[..] | target[..]; delta > 0 = 1.0):", "pred  (target = 0)",
        ):  # fmt: skip
            assert part in page, (name, part)
    braille = re.compile("[\u2801-\u28ff]")
    assert braille.search(lossdsl_("show", "huber").out)
    assert not braille.search(lossdsl_("show", "huber", "--no-plot").out)
    unknown = lossdsl_("show", "hubber")
    assert unknown.status == 2
    assert "did you mean huber" in unknown.err
    assert lossdsl_("show", "robust: huber").status == 2


def test_show_fills_the_lines_of_a_description(lossdsl_) -> None:
    page = lossdsl_("show", "triplet_semi_hard", "--no-plot").out
    doc = page.split("\n\n")[1].splitlines()
    assert len(doc) > 2
    assert all(60 < len(line) <= 100 for line in doc[:-1])


def test_show_as_json(lossdsl_) -> None:
    (facts,) = json.loads(lossdsl_("show", "mse", "--json").out)
    assert facts["module"] == "regression"
    assert [row["name"] for row in facts["arguments"]] == ["pred", "target"]
    assert lossdsl.loss(facts["gradients"]["pred"]["text"]).name == "mse_grad_pred"
    assert facts["edge_cases"] == [{"where": "the mean over all elements", "rule": "0 where there are none"}]


def test_show_the_losses_of_a_file(lossdsl_) -> None:
    page = lossdsl_("show", HUBER).out
    assert "huber_mse(" in page
    assert "edge cases" in page


def test_explain(lossdsl_) -> None:
    codes = lossdsl_("explain").out.splitlines()
    assert len(codes) > 20
    code = codes[0].split()[0]
    told = lossdsl_("explain", code.lower())
    assert told.status == 0
    assert len(told.out.splitlines()) > 2
    unknown = lossdsl_("explain", code + "9")
    assert unknown.status == 2
    assert "did you mean E" in unknown.err


def test_bench(lossdsl_) -> None:
    options = ("--size", "100", "--seconds", "0.02", "--no-memory", "--competitors", "NumPy", "--json")
    (row,) = json.loads(lossdsl_("bench", HUBER, *options).out)
    assert row["loss"] == "huber_mse"
    assert row["entries"][0]["seconds"] > 0


def test_help_names_every_command(lossdsl_) -> None:
    text = lossdsl_("--help").out
    for name in COMMANDS:
        assert name in text
        assert lossdsl_(name, "--help").status == 0


def test_no_ornaments_in_a_pipe() -> None:
    done = script("list")
    assert b"\x1b" not in done.stdout
    assert done.stderr == b""
