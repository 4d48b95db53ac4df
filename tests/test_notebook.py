"""Losses in notebooks: what they show of themselves, and the `%%loss` magic, in IPython where it is installed."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

import lossdsl
from lossdsl.notebook import CellError, UsageError, load_ipython_extension

HUBER = lossdsl.catalogue["regression"]["huber"]
CELL = """
def square(x) = x^2

loss near(pred[n] | target[n]; c > 0 = 1):
    return mean[n](c*square(pred - target))

loss class(pred[n] | target[n]):
    return mean[n](|pred - target|)
"""
ONE = "loss only(p[n] | t[n]):\n    return mean[n]((p - t)^2)\n"
BAD = "loss bad(p[n] | t[n]):\n    return mean[n](p - q)\n\nloss worse(p[n]):\n    return mean[n](z)\n"


class Shell:
    """What the extension uses of IPython."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.magics: dict[tuple[str, str], Any] = {}

    def register_magic_function(self, func: Any, magic_kind: str, magic_name: str) -> None:
        self.magics[magic_kind, magic_name] = func

    def push(self, variables: dict[str, Any]) -> None:
        self.names |= variables


@pytest.fixture
def shell() -> Shell:
    made = Shell()
    load_ipython_extension(made)
    return made


def test_a_cell_binds_its_losses_by_name_and_returns_them_to_be_shown(shell: Shell) -> None:
    magic = shell.magics["cell", "loss"]
    module = magic("", CELL)
    assert list(module) == ["near", "class"]
    assert shell.names == {"near": module["near"], "class_": module["class"]}
    assert shell.names["near"].numpy()([3.0], [1.0], c=2) == 8
    assert magic("", ONE) is shell.names["only"]
    assert magic("--quiet", ONE) is None


def test_a_wrong_cell_binds_nothing_and_is_located(shell: Shell) -> None:
    with pytest.raises(CellError) as found:
        shell.magics["cell", "loss"]("", ONE + BAD)
    (shown,) = found.value._render_traceback_()
    assert "%%loss:4:24" in shown and "%%loss:7:20" in shown and "Traceback" not in shown
    assert shell.names == {}
    assert found.value.__suppress_context__


def test_the_line_of_the_magic_takes_one_word(shell: Shell) -> None:
    with pytest.raises(UsageError, match="did you mean --quiet"):
        shell.magics["cell", "loss"]("--quite", ONE)


def test_a_cell_reads_files_beside_the_notebook(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.loss").write_text(ONE)
    monkeypatch.chdir(tmp_path)
    shell.magics["cell", "loss"]("", 'use "./mine.loss": only\n\nloss two(p[n] | t[n]):\n    return 2*only(p | t)\n')
    assert shell.names["two"].numpy()([3.0], [1.0]) == 8


def pictures(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(found) for found in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def test_a_loss_shows_formula_gradient_and_picture() -> None:
    pytest.importorskip("matplotlib")
    page = HUBER._repr_html_()
    assert HUBER._repr_latex_() in page and HUBER.gradient().latex() in page
    (picture,) = pictures(page)
    texts = ["".join(each.itertext()).strip() for each in picture.iter() if each.tag.endswith("text")]
    for text in ("value", "gradient", "curvature", "pred − target"):
        assert text in texts


def test_a_module_shows_all_of_its_losses() -> None:
    pytest.importorskip("matplotlib")
    page = lossdsl.loads(ONE + ONE.replace("only", "other"))._repr_html_()
    assert len(pictures(page)) == 2 and "only(p" in page and "other(p" in page


def test_a_loss_shows_itself_where_there_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    import lossdsl.notebook as notebook

    nothing = lossdsl.loss("loss f(p[n] in {0.5}):\n    return mean[n](p^2)\n")
    assert "svg" not in nothing._repr_html_() and nothing.latex() in nothing._repr_html_()
    monkeypatch.setattr(notebook.importlib.util, "find_spec", lambda name: None)
    only = lossdsl.loss(ONE)
    assert "svg" not in only._repr_html_() and only.latex() in only._repr_html_()


# ---------------------------------------------------------------- IPython


@pytest.fixture(scope="module")
def ipython(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        shells = pytest.importorskip("IPython.core.interactiveshell")
        config = pytest.importorskip("traitlets.config").Config()
        config.HistoryManager.enabled = False
        made = shells.InteractiveShell.instance(config=config)
        yield made
        shells.InteractiveShell.clear_instance()


def test_in_ipython_a_cell_compiles_shows_and_fails_as_it_should(ipython: Any, capsys: Any) -> None:
    assert ipython.run_cell("%load_ext lossdsl.notebook").success
    done = ipython.run_cell("%%loss\n" + ONE)
    assert done.success and done.result.name == "only"
    assert ipython.run_cell("only.numpy()([3.0], [1.0])").result == 4
    formats, _ = ipython.display_formatter.format(done.result)
    assert formats["text/html"] == done.result._repr_html_() and "only(p[n] | t[n])" in formats["text/plain"]
    capsys.readouterr()
    failed = ipython.run_cell("%%loss\n" + BAD)
    shown = "".join(capsys.readouterr())
    assert isinstance(failed.error_in_exec, CellError)
    assert "%%loss:2:24" in shown and "Traceback" not in shown and "run_cell" not in shown
    ipython.run_cell("%%loss --loud\n" + ONE)
    shown = "".join(capsys.readouterr())
    assert "UsageError: %%loss takes --quiet" in shown and "Traceback" not in shown
