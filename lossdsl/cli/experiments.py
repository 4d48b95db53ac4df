"""What commands that train have in common: options of data, a progress bar, pictures, tables."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from lossdsl.cli.files import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Group

    from lossdsl.comparison import Training

Step = Callable[[str, int, int], None]

_DATA = (
    click.option(
        "--data", default="diabetes", show_default=True, help="A data set that scikit-learn ships, or a file."
    ),
    click.option("--target", help="The column to predict; a file needs it."),
    click.option(
        "--task", type=click.Choice(["regression", "classification"]), help="If it can not be told by the target."
    ),
    click.option("--noise", type=float, default=0.0, help="Share of wrong labels; of numbers, deviations of noise."),
    click.option("--outliers", type=float, default=0.0, help="Share of targets that are moved far away."),
    click.option("--imbalance", type=float, default=1.0, help="How many times as large one class is as another."),
    click.option("--epochs", type=click.IntRange(1), help="The most epochs of networks."),
    click.option("--rounds", type=click.IntRange(1), help="Rounds of boosting."),
)


def data_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options that say what is trained on, and how long; `training` takes the last two out."""
    for option in reversed(_DATA):
        command = option(command)
    return command


def training(options: dict[str, Any]) -> Training:
    """The settings of training, taken out of the options of a command.  ComparisonError for what makes no sense."""
    from lossdsl.comparison import Training

    own = {name: options.pop(name) for name in ("epochs", "rounds")}
    return Training(**{name: value for name, value in own.items() if value is not None})


@contextlib.contextmanager
def bar() -> Iterator[Step | None]:
    """A progress bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=None)

        def step(what: str, done: int, total: int) -> None:
            shown.update(task, description=what, completed=done, total=total)

        yield step


def show(plain: str, tables: Callable[[], Group]) -> None:
    """Plain text in a pipe, tables on a terminal."""
    if not sys.stdout.isatty():
        click.echo(plain)
        return
    from rich.console import Console

    from lossdsl.comparison.table import WIDTH

    console = Console(highlight=False)
    console.print(tables(), width=max(WIDTH, console.width), no_wrap=True, crop=False, soft_wrap=True)


class Drawn(Protocol):
    def figure(self) -> Figure: ...


def check_picture(path: Path, option: str) -> None:
    """Before minutes of training: whether the picture can be written."""
    if find_spec("matplotlib") is None:
        raise InputError(f'{option} needs matplotlib: pip install "lossdsl[plot]"')
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(f"a picture is .png, .svg or .pdf, not {path.name}")
    check_folder(path)


def check_folder(path: Path) -> None:
    """Whether there is a folder for a file to be written."""
    if not path.parent.is_dir():
        raise InputError(f"can't write {path}: there is no folder {path.parent}")


def write_picture(found: Drawn, path: Path) -> None:
    try:
        found.figure().savefig(path, dpi=150)
    except OSError as error:
        raise InputError(f"can't write {path}: {error.strerror}") from None
    click.echo(f"wrote {path}", err=True)


def parts(text: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]
