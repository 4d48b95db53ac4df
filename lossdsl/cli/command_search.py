"""`lossdsl search`: new losses from a template with holes, ranked on real data."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lossdsl.cli.experiments import bar, data_options, show, training, write_picture
from lossdsl.cli.files import InputError, write_text

if TYPE_CHECKING:
    from lossdsl.search import Found


@click.command()
@click.argument("template")
@data_options
@click.option("--hole", "holes", multiple=True, help="A def to fill in, if it is not called hole; may be repeated.")
@click.option("--words", help="What formulas are made of, such as 'abs square log1p + if'.")
@click.option("--size", type=click.IntRange(1), default=5, show_default=True, help="Words of a formula at most.")
@click.option("--proposed", type=click.IntRange(1), default=2000, show_default=True, help="About how many to look at.")
@click.option("--candidates", type=click.IntRange(1), default=40, show_default=True, help="How many to train at most.")
@click.option("--top", type=click.IntRange(1), default=3, show_default=True, help="How many winners.")
@click.option("--baselines", help="Losses to rank beside them, such as 'mse,huber'; none if empty.")
@click.option("--model", default="linear", show_default=True, help="linear, mlp, boosting, xgboost or lightgbm.")
@click.option("--metric", help="What ranks: mae, rmse, log_loss, ...; mae, log_loss or accuracy if left out.")
@click.option(
    "--folds", type=click.IntRange(1), default=8, show_default=True, help="Cuts that the last round judges by."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of proposals and of the split.")
@click.option("--json", "as_json", is_flag=True, help="Print counts, rejections, ranking and winners as JSON.")
@click.option("--output", "-o", type=click.Path(file_okay=False, path_type=Path), help="A folder for the winners.")
def command(template: str, as_json: bool, output: Path | None, **options: Any) -> None:
    """Fill the holes of TEMPLATE with formulas, and rank the losses that come out by what they train.

    TEMPLATE is `residual`, `margin`, or a file in which a `def` on one line called hole is to be filled in.  Formulas
    that are constant, not finite, unbounded below, least in the wrong place, or whose gradient is that of a loss in the
    catalogue are rejected by analysis; the rest are trained in rounds, and the best are measured on rows that the
    search has not seen.  With -o, the winners are written as .loss files, with a picture of them and all numbers.

        lossdsl search residual --data diabetes --outliers 0.1 --size 4

        lossdsl search mine.loss --hole rho --words 'abs square log1p sqrt +' -o winners
    """
    found = _found(template, options)
    if output is not None:
        _write(found, output)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
        return
    show(str(found), found.tables)


def _found(template: str, options: dict[str, Any]) -> Found:
    from lossdsl.comparison import ComparisonError
    from lossdsl.search import search

    words, baselines = options.pop("words"), options.pop("baselines")
    options["words"] = words.replace(",", " ").split() if words else ()
    if baselines is not None:
        options["baselines"] = [name.strip() for name in baselines.split(",") if name.strip()]
    try:
        settings = training(options)
        with bar() as step:
            return search(template, training=settings, step=step, **options)
    except ComparisonError as error:
        raise InputError(str(error)) from None


def _write(found: Found, folder: Path) -> None:
    try:
        paths = found.write(folder)
    except OSError as error:
        raise InputError(f"can't write to {folder}: {error.strerror}") from None
    write_text(folder / "search.json", json.dumps(found.to_json(), indent=2, ensure_ascii=False) + "\n")
    for path in (*paths, folder / "search.json"):
        click.echo(f"wrote {path}", err=True)
    if find_spec("matplotlib") is not None and found.winners:
        write_picture(found, folder / "winners.png")
