"""What is kept between processes: the same answers as without, from entries that can be trusted, in bounded space."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import lossdsl
from lossdsl import cache
from lossdsl.front import _front_key
from lossdsl.functions.table import TABLE

EXAMPLES = Path(__file__).parent.parent / "examples"
TEXT = """"Two losses."

loss squares(pred[n] | target[n]; scale > 0 = 2):
    "Squares."
    return mean[n]((pred - target)^2/scale)

loss labels(logits[n, c] | label[n] in c; learn temperature = 1):
    return mean[n](logsumexp[c](logits[n, c]/temperature) - logits[n, label[n]])
"""
BAD = "loss f(pred[n] | target[n]):\n    return mean[n](pred - tarjet)\n"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the entries; nothing is in it yet."""
    monkeypatch.setenv("LOSSDSL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("LOSSDSL_CACHE", raising=False)
    return tmp_path / "cache" / "losses"


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each time that the compiler reads a text."""
    from lossdsl.syntax import parser

    calls: list[str] = []
    parse = parser._Parser.module

    def counted(self: parser._Parser) -> object:
        calls.append(self.source.path)
        return parse(self)

    monkeypatch.setattr(parser._Parser, "module", counted)
    return calls


def entries(kept: Path) -> list[Path]:
    return sorted(kept.glob("*.json"))


def told(text: str | bytes = TEXT, path: str = "<text>") -> list[object]:
    """Everything that can be asked of the losses of a text without computing."""
    module = lossdsl.loads(text, path)
    answers: list[object] = [module.doc, repr(module)]
    for loss in module.values():
        code = [loss.source(backend) for backend in ("numpy", "torch", "native")]
        answers += [loss.name, loss.doc, loss.text, loss.signature, repr(loss), loss.differentiable, code]
        answers += [loss.source("torch", backward="autograd"), repr(loss.numpy()), loss.native().source]
        answers += [repr(loss.torch()), repr(loss.torch(kernel="native"))]
    return [*answers, lossdsl.api.source(list(module.values()), "numpy")]


def test_what_is_kept_says_the_same(kept: Path, parses: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOSSDSL_CACHE", "0")
    without = told()
    monkeypatch.delenv("LOSSDSL_CACHE")
    assert told() == without
    parses.clear()
    assert told() == without
    assert parses == []


def test_a_kept_loss_can_do_everything(kept: Path, parses: list[str]) -> None:
    lossdsl.loads(TEXT)["squares"].numpy()
    parses.clear()
    squares = lossdsl.loads(TEXT)["squares"]
    assert squares.numpy()([1.0, 3.0], [1.0, 1.0]) == 1.0
    assert parses == []
    assert pickle.loads(pickle.dumps(squares)).signature == squares.signature
    assert parses == []
    assert squares.program.args[0].name == "pred"
    assert str(squares.gradient()) != ""
    assert parses == ["<text>"]  # once, and only when it is needed


def test_errors_come_from_the_compiler(kept: Path) -> None:
    messages = []
    for _ in range(2):
        with pytest.raises(lossdsl.LossError) as caught:
            lossdsl.loads(BAD, "mine.loss")
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert "tarjet" in messages[0]
    assert entries(kept) == []
    loss = lossdsl.loads(TEXT)["squares"]
    for _ in range(2):
        with pytest.raises(ValueError, match="no backend"):
            loss.source("fortran")


@pytest.mark.parametrize("change", ["0", ""])
def test_it_can_be_switched_off(kept: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    monkeypatch.setenv("LOSSDSL_CACHE", change)
    told()
    assert bool(entries(kept)) == (change == "")


# ---------------------------------------------------------------- files that a text uses


@pytest.fixture
def using(tmp_path: Path) -> Callable[[str], Path]:
    """A file that uses another, which scales by the given number."""

    def made(factor: str) -> Path:
        (tmp_path / "part.loss").write_text(f"def part(x) = {factor}*x^2\n")
        main = tmp_path / "main.loss"
        main.write_text('use "./part.loss": part\n\nloss f(x[n]):\n    return mean[n](part(x))\n')
        return main

    return made


def value(path: Path) -> float:
    return float(lossdsl.load(path)["f"].numpy()([1.0]))


def test_a_file_that_is_used_counts(kept: Path, parses: list[str], using: Callable[[str], Path]) -> None:
    main = using("2")
    assert value(main) == 2.0
    parses.clear()
    assert value(main) == 2.0
    assert parses == []
    using("3")
    assert value(main) == 3.0
    using("2")
    assert value(main) == 2.0
    (main.parent / "part.loss").unlink()
    with pytest.raises(lossdsl.LossError, match=r"part\.loss"):
        lossdsl.load(main)


def test_a_link_that_leads_elsewhere_counts(kept: Path, using: Callable[[str], Path]) -> None:
    main = using("2")
    part, other = main.parent / "part.loss", main.parent / "other.loss"
    part.rename(other)
    part.symlink_to(other)
    assert value(main) == 2.0
    (main.parent / "third.loss").write_text("def part(x) = 3*x^2\n")
    part.unlink()
    part.symlink_to(main.parent / "third.loss")
    assert value(main) == 3.0
    outside = main.parent.parent / f"outside-{main.parent.name}.loss"
    outside.write_text("def part(x) = 3*x^2\n")
    part.unlink()
    part.symlink_to(outside)  # the same text, where it may not be taken from
    with pytest.raises(lossdsl.LossError, match="outside the folder"):
        lossdsl.load(main)
    outside.unlink()


def test_the_same_text_elsewhere_uses_other_files(kept: Path, using: Callable[[str], Path]) -> None:
    main = using("2")
    assert value(main) == 2.0
    elsewhere = main.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "part.loss").write_text("def part(x) = 5*x^2\n")
    (elsewhere / "main.loss").write_text(main.read_text())
    assert value(elsewhere / "main.loss") == 5.0
    with pytest.raises(lossdsl.LossError, match="comes from no file"):
        lossdsl.loads(main.read_text())


def test_a_change_after_loading_is_no_mixture(kept: Path, using: Callable[[str], Path]) -> None:
    main = using("2")
    lossdsl.load(main)
    loss = lossdsl.load(main)["f"]
    using("3")
    with pytest.raises(RuntimeError, match=r"part\.loss was changed after .*main\.loss was loaded"):
        _ = loss.program


# ---------------------------------------------------------------- entries


def damages() -> dict[str, Callable[[Path, bytes], object]]:
    return {
        "empty": lambda path, data: path.write_bytes(b""),
        "cut": lambda path, data: path.write_bytes(data[:-20]),
        "other bytes": lambda path, data: path.write_bytes(data.replace(b"pred", b"grad")),
        "zeros": lambda path, data: path.write_bytes(b"\0" * 1000),
        "deep": lambda path, data: path.write_bytes(b"[" * 100_000),
        "no file": lambda path, data: (path.unlink(), path.mkdir()),
        "a link": lambda path, data: (path.rename(path.with_suffix(".real")), path.symlink_to(path.with_suffix(".real"))),
        "a pipe": lambda path, data: (path.unlink(), os.mkfifo(path)),
        "open to all": lambda path, data: path.chmod(0o666),
    }  # fmt: skip


@pytest.mark.parametrize("damage", damages())
def test_what_can_not_be_trusted_is_written_anew(kept: Path, parses: list[str], damage: str) -> None:
    (loss,) = lossdsl.loads("loss f(pred[n]):\n    return mean[n](pred^2)\n").values()
    before = loss.source()
    for path in entries(kept):
        damages()[damage](path, path.read_bytes())
    parses.clear()
    (loss,) = lossdsl.loads("loss f(pred[n]):\n    return mean[n](pred^2)\n").values()
    assert loss.source() == before
    assert parses == ["<text>"]
    (loss,) = lossdsl.loads("loss f(pred[n]):\n    return mean[n](pred^2)\n").values()
    assert loss.source() == before
    assert len(parses) == (1 if damage != "no file" else 2)  # nobody's folder is removed


def test_an_entry_is_no_other(kept: Path) -> None:
    cache.write("a" * 64, {"source": "good"})
    (kept / f"{'b' * 64}.json").write_bytes((kept / f"{'a' * 64}.json").read_bytes())
    assert cache.read("a" * 64) == {"source": "good"}
    assert cache.read("b" * 64) is None


def test_folders_and_files_are_the_users_alone(kept: Path) -> None:
    lossdsl.loads(TEXT)
    assert kept.stat().st_mode & 0o777 == kept.parent.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in entries(kept))
    kept.chmod(0o777)
    count = len(entries(kept))
    lossdsl.loads(TEXT)["squares"].source()
    assert len(entries(kept)) == count
    assert cache.read(entries(kept)[0].stem) is None


@pytest.mark.parametrize("place", ["a file", "no home"])
def test_nothing_is_kept_where_nothing_can_be(
    tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    if place == "a file":
        (tmp_path / "cache").write_text("a file, not a folder")
    else:
        monkeypatch.delenv("LOSSDSL_CACHE_DIR")
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert lossdsl.loads(TEXT)["squares"].source().startswith('"""')
    assert cache.folder() is None


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "HOME/.cache/lossdsl"),
        ("linux", {"XDG_CACHE_HOME": "/x/cache"}, "/x/cache/lossdsl"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "HOME/.cache/lossdsl"),
        ("linux", {"XDG_CACHE_HOME": "/x/cache", "LOSSDSL_CACHE_DIR": "/y"}, "/y"),
        ("darwin", {}, "HOME/Library/Caches/lossdsl"),
        ("win32", {}, "HOME/AppData/Local/lossdsl"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/lossdsl"),
    ],
)
def test_the_folder_is_where_the_platform_has_it(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    for name in ("XDG_CACHE_HOME", "LOSSDSL_CACHE_DIR", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(sys, "platform", platform)
    assert str(cache.user_folder()) == expected.replace("HOME", str(Path.home()))


def test_the_size_is_bounded(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LARGEST", 20_000)
    monkeypatch.setattr(cache, "BETWEEN_TRIMS", 5)
    names = [f"{k:064x}" for k in range(60)]
    for age, name in enumerate(names):
        cache.write(name, {"text": "x" * 1000})
        os.utime(kept / f"{name}.json", (age, age))
        assert sum(path.stat().st_size for path in entries(kept)) <= 20_000 + 5 * 1100
    left = {path.stem for path in entries(kept)}
    assert left == set(names[-len(left) :])  # the last that were used
    (kept / ".1-1-1.tmp").write_text("of a process that was killed")
    os.utime(kept / ".1-1-1.tmp", (0, 0))
    (kept / ".2-2-2.tmp").write_text("of one that is writing")
    cache.trim(kept)
    assert [path.name for path in kept.glob(".*.tmp")] == [".2-2-2.tmp"]


def test_what_is_used_stays(kept: Path) -> None:
    cache.write("a" * 64, {})
    path = kept / f"{'a' * 64}.json"
    os.utime(path, (0, 0))
    cache.read("a" * 64)
    assert path.stat().st_mtime > 0


def test_readers_see_all_or_nothing(kept: Path) -> None:
    """Several writers of one entry, and a reader."""
    contents = [{"text": str(k) * 200_000} for k in range(4)]
    cache.write("a" * 64, contents[0])

    def write(content: dict[str, str]) -> None:
        for _ in range(15):
            cache.write("a" * 64, content)

    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert cache.read("a" * 64) in contents
    assert [path.name for path in kept.iterdir()] == [f"{'a' * 64}.json"]


# ---------------------------------------------------------------- versions


def test_another_version_is_another_entry(kept: Path, parses: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    told()
    parses.clear()
    monkeypatch.setattr(cache, "_stamp", lambda: "another version")
    told()
    assert parses == ["<text>"]


def test_a_change_of_a_file_of_the_package_is_another_version(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "__pycache__").mkdir()
    path = tmp_path / "deep" / "rule.py"
    path.write_text("x = 1\n")
    before = cache._files(tmp_path)
    (tmp_path / "__pycache__" / "rule.pyc").write_text("")
    assert cache._files(tmp_path) == before
    path.write_text("x = 10\n")
    assert cache._files(tmp_path) != before
    assert str(cache.__file__) in cache._stamp()
    assert "lossdsl.lark" in cache._stamp()
    assert "regression.loss" in cache._stamp()


def test_parts_of_a_key_do_not_run_together() -> None:
    keys = [cache.key("ab", "c"), cache.key("a", "bc"), cache.key("abc"), cache.key(b"ab", "c"), cache.key("ab", b"c")]
    assert len(set(keys)) == len(keys)
    assert cache.key("\ud800") != cache.key("\ud801")
    assert _front_key("x", "a\0b") is None  # no path of a file


# ---------------------------------------------------------------- what it spares


def test_kept_code_needs_no_compiler(kept: Path) -> None:
    file = str(EXAMPLES / "huber_mse.loss")
    cache._stamp.cache_clear()  # somebody may have changed a file of the package since the tests began
    loss = lossdsl.load(file)["huber_mse"]
    for made in (loss.numpy, loss.native, loss.source):
        made()
    code = (
        f"import sys, lossdsl\nloss = lossdsl.load({file!r})['huber_mse']\n"
        "assert loss.numpy()([1.0], [2.0]) > 0 and loss.source() and loss.signature\nloss.native()\n"
        "heavy = ('sympy', 'lark', 'mpmath', 'torch', 'lossdsl.syntax', 'lossdsl.meaning', 'lossdsl.backends')\n"
        "print(*(name for name in heavy if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_no_derivative_is_derived_while_compiling() -> None:
    """SymPy judges the stated ones in tests, and is never on the way to code."""
    assert [row.name for row in TABLE.values() if row.derivative is None] == []


def test_a_text_needs_no_folder(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even that the process is in one that still exists."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert [list(lossdsl.loads(TEXT)) for _ in range(2)] == [["squares", "labels"]] * 2
