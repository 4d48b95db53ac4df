"""`lossdsl compare`: several losses trained on real data, on several seeds, with small models."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lossdsl.cli.files import InputError

if TYPE_CHECKING:
    from lossdsl.comparison import Comparison


@click.command()
@click.argument("losses", nargs=-1, required=True)
@click.option("--data", default="diabetes", show_default=True, help="A data set that scikit-learn ships, or a file.")
@click.option("--target", help="The column to predict; a file needs it.")
@click.option(
    "--task", type=click.Choice(["regression", "classification"]), help="If it can not be told by the target."
)
@click.option("--models", default="linear", show_default=True, help="linear, mlp, boosting, xgboost, lightgbm.")
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True, help="How many splits of the data.")
@click.option("--noise", type=float, default=0.0, help="Share of wrong labels; of numbers, deviations of noise.")
@click.option("--outliers", type=float, default=0.0, help="Share of targets that are moved far away.")
@click.option("--imbalance", type=float, default=1.0, help="How many times as large one class is as another.")
@click.option("--epochs", type=click.IntRange(1), help="The most epochs of networks.")
@click.option("--rounds", type=click.IntRange(1), help="Rounds of boosting.")
@click.option("--json", "as_json", is_flag=True, help="Print scores, intervals, curves and calibration as JSON.")
@click.option("--figure", type=click.Path(dir_okay=False, path_type=Path), help="Write a picture: .png, .svg or .pdf.")
def command(losses: tuple[str, ...], as_json: bool, figure: Path | None, **options: Any) -> None:
    """Train LOSSES with the same models on the same data, and measure what comes out.

    A loss is a name of the catalogue (`huber`, `regression:huber`) or of a file (`my.loss`, `my.loss:name`);
    hyperparameters follow a colon: `huber:delta=2`.  Only the rows for training are disturbed by noise, outliers and
    imbalance.  Means over seeds have 95% intervals; differences are to the first loss, seed by seed.
    """
    if figure is not None:
        _check_picture(figure)
    found = _compared(losses, options)
    if figure is not None:
        _write_picture(found, figure)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
        return
    _show(found)


def _compared(losses: tuple[str, ...], options: dict[str, Any]) -> Comparison:
    from lossdsl.comparison import ComparisonError, Training, compare

    own = {name: options.pop(name) for name in ("epochs", "rounds")}
    models = [name.strip() for name in options.pop("models").split(",") if name.strip()]
    try:
        training = Training(**{name: value for name, value in own.items() if value is not None})
        with _bar() as step:
            return compare(losses, models=models, training=training, step=step, **options)
    except ComparisonError as error:
        raise InputError(str(error)) from None


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None] | None]:
    """A progress bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def step(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield step


def _show(found: Comparison) -> None:
    if not sys.stdout.isatty():
        click.echo(str(found))
        return
    from rich.console import Console

    from lossdsl.comparison.table import WIDTH, tables

    console = Console(highlight=False)
    console.print(tables(found), width=max(WIDTH, console.width), no_wrap=True, crop=False, soft_wrap=True)


def _check_picture(path: Path) -> None:
    """Before minutes of training: whether the picture can be written."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise InputError('--figure needs matplotlib: pip install "lossdsl[plot]"')
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(f"a picture is .png, .svg or .pdf, not {path.name}")
    if not path.parent.is_dir():
        raise InputError(f"can't write {path}: there is no folder {path.parent}")


def _write_picture(found: Comparison, path: Path) -> None:
    try:
        found.figure().savefig(path, dpi=150)
    except OSError as error:
        raise InputError(f"can't write {path}: {error.strerror}") from None
    click.echo(f"wrote {path}", err=True)
