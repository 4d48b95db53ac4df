"""`lossdsl compare`: several losses trained on real data, on several seeds, with small models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lossdsl.cli.experiments import bar, check_picture, data_options, parts, show, training, write_picture
from lossdsl.cli.files import InputError

if TYPE_CHECKING:
    from lossdsl.comparison import Comparison


@click.command()
@click.argument("losses", nargs=-1, required=True)
@data_options
@click.option("--models", default="linear", show_default=True, help="linear, mlp, boosting, xgboost, lightgbm.")
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True, help="How many splits of the data.")
@click.option("--json", "as_json", is_flag=True, help="Print scores, intervals, curves and calibration as JSON.")
@click.option("--figure", type=click.Path(dir_okay=False, path_type=Path), help="Write a picture: .png, .svg or .pdf.")
def command(losses: tuple[str, ...], as_json: bool, figure: Path | None, **options: Any) -> None:
    """Train LOSSES with the same models on the same data, and measure what comes out.

    A loss is a name of the catalogue (`huber`, `regression:huber`) or of a file (`my.loss`, `my.loss:name`);
    hyperparameters follow a colon: `huber:delta=2`.  Only the rows for training are disturbed by noise, outliers and
    imbalance.  Means over seeds have 95% intervals; differences are to the first loss, seed by seed.
    """
    if figure is not None:
        check_picture(figure, "--figure")
    found = _compared(losses, options)
    if figure is not None:
        write_picture(found, figure)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
        return
    show(str(found), found.tables)


def _compared(losses: tuple[str, ...], options: dict[str, Any]) -> Comparison:
    from lossdsl.comparison import ComparisonError, compare

    models = parts(options.pop("models"))
    try:
        settings = training(options)
        with bar() as step:
            return compare(losses, models=models, training=settings, step=step, **options)
    except ComparisonError as error:
        raise InputError(str(error)) from None
