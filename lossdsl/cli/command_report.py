"""`lossdsl report`: everything about a loss, or the losses of a file, on one page for a browser."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from lossdsl.cli.experiments import bar
from lossdsl.cli.files import InputError, read_module, write_text
from lossdsl.cli.find import find_losses
from lossdsl.numerals import named


@click.command()
@click.argument("name", metavar="FILE|NAME")
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), help="The page to write: .html.")
@click.option("--loss", "wanted", multiple=True, help="Only this loss of the file; may be repeated.")
@click.option("--set", "settings", multiple=True, metavar="NAME=NUMBER", help="A hyperparameter; may be repeated.")
@click.option("--no-check", "check", is_flag=True, flag_value=False, default=True, help="Without the comparisons.")
@click.option("--no-accuracy", "accuracy", is_flag=True, flag_value=False, default=True, help="Without the errors.")
def command(
    name: str, output: Path, wanted: tuple[str, ...], settings: tuple[str, ...], check: bool, accuracy: bool
) -> None:
    """Write a page about NAME, a loss of the catalogue (`huber`, `regression: huber`), or the losses of a file.

    Formula and gradient, plots with a slider for each hyperparameter, what can be proved, what the generated code was
    compared with, its accuracy, and the code itself.  The page is one file, and loads nothing.
    The exit status is 1 if a comparison failed.
    """
    from lossdsl.report import ReportError, Request, report

    _check_target(output)
    request = Request(dict(map(_setting, settings)), check, accuracy)
    of_file = name.endswith(".loss")
    if wanted and not (of_file or name == "-"):
        raise InputError("--loss chooses losses of a file")
    losses = [(_origin(where), loss) for where, loss in find_losses(name, wanted)]
    title, doc = (Path(name).name, read_module(name).doc) if of_file else (name, "")
    try:
        with bar() as step:
            page = report(losses, request, title=title, doc=doc, step=step)
    except ReportError as error:
        raise InputError(str(error)) from None
    write_text(output, page.text)
    click.echo(f"wrote {output}", err=True)
    sys.exit(0 if page.ok else 1)


def _setting(text: str) -> tuple[str, float]:
    found = named(text)
    if found is None:
        raise InputError(f"--set takes NAME=NUMBER, not {text!r}")
    return found


def _origin(where: str) -> str:
    """A page does not tell where on a machine a file was."""
    return "standard input" if where == "-" else Path(where).name if where.endswith(".loss") else f"catalogue: {where}"


def _check_target(output: Path) -> None:
    """Before minutes of checks: whether the page can be written, as far as can be told."""
    if output.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"a page is .html, not {output.name}")
    if output.is_dir():
        raise InputError(f"can't write {output}: it is a folder")
    there = next(folder for folder in output.absolute().parents if folder.exists())
    if not there.is_dir():
        raise InputError(f"can't write {output}: {there} is no folder")
    if not os.access(output if output.exists() else there, os.W_OK):
        raise InputError(f"can't write {output}: there is no permission")
