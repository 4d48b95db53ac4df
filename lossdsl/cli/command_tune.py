"""`lossdsl tune`: hyperparameters of a loss, or the weights of its terms, chosen on real data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lossdsl.cli.experiments import bar, check_folder, check_picture, data_options, show, training, write_picture
from lossdsl.cli.files import InputError, write_text

if TYPE_CHECKING:
    from lossdsl.tuning import Tuned

_File = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("loss")
@data_options
@click.option("--model", default="linear", show_default=True, help="linear, mlp, boosting, xgboost or lightgbm.")
@click.option("--metric", help="What to make better: mae, rmse, log_loss, ...; mae, log_loss or accuracy if left out.")
@click.option("--space", multiple=True, metavar="NAME=LOW:HIGH[:log]", help="Where to look; may be repeated.")
@click.option("--weights", is_flag=True, help="Tune the weights of the terms of the sum that the loss returns, too.")
@click.option("--method", type=click.Choice(["tpe", "bilevel"]), default="tpe", show_default=True, help="How to look.")
@click.option("--trials", type=click.IntRange(1), default=30, show_default=True, help="How many for each seed.")
@click.option("--timeout", type=click.FloatRange(0), help="Seconds, after which no further trial begins.")
@click.option(
    "--folds", type=click.IntRange(1), default=3, show_default=True, help="Cuts that each trial is judged by."
)
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True, help="How many splits of the data.")
@click.option("--study", type=_File, help="Keep the trials in this file.")
@click.option("--resume", is_flag=True, help="Go on with the trials of the file.")
@click.option("--write", type=_File, help="Write the loss with the chosen values as its defaults: OUT.loss.")
@click.option("--json", "as_json", is_flag=True, help="Print trials, choices and scores as JSON.")
@click.option("--output", "-o", type=_File, help="Write a picture of what was tried: .png, .svg or .pdf.")
def command(loss: str, as_json: bool, output: Path | None, write: Path | None, **options: Any) -> None:
    """Choose the hyperparameters of LOSS by a metric on rows for validation, and say what that is worth on other rows.

    LOSS is a name of the catalogue (`huber`) or of a file (`my.loss`, `my.loss:name`); what follows a colon is fixed
    (`focal:alpha=0.25`).  Ranges come from the domains in the loss, or from --space.  Each seed has its own trials on
    its rows for training, and its choice is measured on its rows for testing; a last series of trials on all rows gives
    the values that are written.

        lossdsl tune huber --data diabetes --outliers 0.05 --space delta=0.1:10:log

        lossdsl tune mine.loss --weights --study mine.study --write tuned.loss -o tried.png
    """
    if output is not None:
        check_picture(output, "-o")
    if write is not None:
        _check_text(write)
    found = _tuned(loss, options)
    if output is not None:
        write_picture(found, output)
    if write is not None:
        _write_text(found, write)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
        return
    show(str(found), found.tables)
    click.echo(f"\n{found.text.text}", nl=False)


def _tuned(loss: str, options: dict[str, Any]) -> Tuned:
    from lossdsl.comparison import ComparisonError
    from lossdsl.tuning import tune

    try:
        settings = training(options)
        with bar() as step:
            return tune(loss, training=settings, step=step, **options)
    except ComparisonError as error:
        raise InputError(str(error)) from None


def _check_text(path: Path) -> None:
    if path.suffix != ".loss":
        raise InputError(f"a loss is written to a .loss file, not {path.name}")
    check_folder(path)


def _write_text(found: Tuned, path: Path) -> None:
    """Only what parses and checks where it will stand."""
    from lossdsl.api import loads
    from lossdsl.diagnostics import LossError

    try:
        loads(found.text.text, str(path))
    except LossError as error:
        message = f"{path} would have an error (what the loss uses is looked for beside the file):\n{error}"
        raise InputError(message) from None
    write_text(path, found.text.text)
    click.echo(f"wrote {path}", err=True)
