"""Losses in a notebook: how they show themselves, and cells that are written in the loss language.

    %load_ext lossdsl.notebook

    %%loss
    loss huber(pred[n] | target[n]; delta > 0 = 1):
        r = pred - target
        return mean[n](r^2/2 if |r| <= delta else delta*(|r| - delta/2))

The cell binds `huber`, and shows its formula, its gradient and its picture.  IPython itself is not imported: it calls
`load_ipython_extension` with its shell, and asks objects for `_repr_html_`.
"""

from __future__ import annotations

import difflib
import html
import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from lossdsl.api import Loss, Module, loads
from lossdsl.backends.emitter import python_name
from lossdsl.diagnostics import LossError

if TYPE_CHECKING:
    from lossdsl.plot.lines import Lines

CELL = "%%loss"
"""What errors call a cell; `use "./mine.loss"` in it is relative to the working directory."""


class Shell(Protocol):
    """What is needed of IPython's shell."""

    def register_magic_function(self, func: Callable[..., Any], magic_kind: str, magic_name: str) -> None: ...

    def push(self, variables: dict[str, Any]) -> None: ...


class CellError(LossError):
    """What is wrong in a cell, which fails; IPython shows the located error in place of a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class UsageError(ValueError):
    """What is wrong in the line of the magic itself; shown without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"UsageError: {self}"]


def load_ipython_extension(shell: Shell) -> None:
    """Called by `%load_ext lossdsl.notebook`: gives the shell the `%%loss` magic."""

    def magic(line: str, cell: str) -> Module | Loss | None:
        """`%%loss [--quiet]`: compile the cell and bind its losses by name; shows them, unless quiet.

        Names that Python reserves get an underscore, as in generated code: `class` is bound as `class_`.
        """
        return run_cell(shell, line, cell)

    shell.register_magic_function(magic, "cell", "loss")


def run_cell(shell: Shell, line: str, cell: str) -> Module | Loss | None:
    """Bind the losses of a cell in the shell; the one loss, or all of them, to be shown.

    CellError, located, for what is wrong in the cell: then nothing is bound.  UsageError for other words than --quiet.
    """
    words = line.split()
    unknown = [word for word in words if word not in ("-q", "--quiet")]
    if unknown:
        close = difflib.get_close_matches(unknown[0], ["--quiet"], n=1)
        raise UsageError(f"%%loss takes --quiet, not {unknown[0]!r}" + ("; did you mean --quiet?" if close else ""))
    try:
        module = loads(cell, CELL)
    except LossError as error:
        # a new exception without the compiler's frames behind it: only the report is for the reader
        raise CellError(*error.problems) from None
    shell.push({python_name(name): loss for name, loss in module.items()})
    if words or not module:
        return None
    return next(iter(module.values())) if len(module) == 1 else module


# ---------------------------------------------------------------- how losses show themselves


def loss_html(loss: Loss) -> str:
    """A loss as HTML: signature, docstring, formula and gradients in LaTeX, and the picture as SVG in the page.

    The picture is left out where matplotlib is not installed, or where there is nothing to draw.
    """
    doc = f"<p>{html.escape(loss.doc)}</p>" if loss.doc else ""
    gradients = "".join(_formula(loss.gradient(name).latex()) for name in loss.differentiable)
    return f"<b><code>{html.escape(loss.signature)}</code></b>{doc}{_formula(loss.latex())}{gradients}{_picture(loss)}"


def module_html(module: Module) -> str:
    """The losses of a file one below the other."""
    return "<hr>".join(loss_html(loss) for loss in module.values())


def _formula(latex: str) -> str:
    """LaTeX in HTML: the printer puts spaces around `<` and behind `&`, which is then no markup."""
    return f"<p>$\\displaystyle {latex}$</p>"


def _picture(loss: Loss) -> str:
    if importlib.util.find_spec("matplotlib") is None:
        return ""
    found = _lines(loss)
    if found is None:
        return ""
    from lossdsl.plot.figure import lines_figure, svg

    return f"<div>{svg(lines_figure(found))}</div>"


def _lines(loss: Loss) -> Lines | None:
    from lossdsl.plot.errors import PlotError
    from lossdsl.plot.lines import lines

    try:
        return lines([loss], {})
    except PlotError:
        return None
