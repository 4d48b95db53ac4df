"""`lossdsl plot`: losses as a figure in a file, or as characters on a terminal."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from lossdsl.api import Loss
from lossdsl.cli.files import InputError
from lossdsl.cli.find import find_losses
from lossdsl.cli.progress import progress
from lossdsl.numerals import finite
from lossdsl.plot import PlotError

FORMATS = (".png", ".svg", ".pdf")
QUANTITIES = ("value", "gradient", "curvature")


@dataclass(frozen=True)
class _Request:
    """What the options say, for `lossdsl.plot.plot`."""

    settings: Mapping[str, Sequence[float]]
    against: Any
    quantities: Sequence[str]
    interval: tuple[float, float] | None
    inputs: tuple[str, ...] | None
    kind: Any


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="FILE|NAME...")
@click.option("--output", "-o", help="The figure to write: .png, .svg or .pdf.")
@click.option("--text", "as_text", is_flag=True, help="Draw with characters on the terminal.")
@click.option("--loss", "wanted", multiple=True, help="Only this loss of the files; may be repeated.")
@click.option("--set", "settings", multiple=True, metavar="NAME=NUMBER,...", help="A line for each number; repeatable.")
@click.option("--against", type=click.Choice(["residual", "margin", "prediction"]), help="What the axis is.")
@click.option("--quantity", "quantities", multiple=True, type=click.Choice(QUANTITIES), help="Only this; repeatable.")
@click.option("--interval", metavar="LOW,HIGH", help="The ends of the axis.")
@click.option("--contour", is_flag=True, help="The values over two inputs, as contours.")
@click.option("--surface", is_flag=True, help="The values over two inputs, as a surface.")
@click.option("--inputs", metavar="X,Y", help="The two inputs of a contour or surface.")
def command(
    names: tuple[str, ...],
    output: str | None,
    as_text: bool,
    wanted: tuple[str, ...],
    settings: tuple[str, ...],
    against: str | None,
    quantities: tuple[str, ...],
    interval: str | None,
    contour: bool,
    surface: bool,
    inputs: str | None,
) -> None:
    """Draw losses of the catalogue (`huber`, `regression: huber`) or of files in one figure.

    Value, gradient and curvature over the residual where only `pred - target` enters, the margin where only
    `target*score` does, else the prediction; a line for each loss and each combination of the numbers that are set.

        lossdsl plot huber mae log_cosh -o robust.svg

        lossdsl plot huber --set delta=0.5,1,2 -o huber.png

        lossdsl plot gaussian_nll --contour -o likelihood.pdf
    """
    if contour and surface:
        raise InputError("a figure is a contour or a surface, not both")
    kind = "contour" if contour else "surface" if surface else "lines"
    _check_target(output, as_text, kind)
    request = _Request(
        dict(map(_setting, settings)), against, quantities or QUANTITIES, _interval(interval), _pair(inputs), kind
    )
    losses = _losses(names, wanted)
    try:
        with progress("drawing"):
            text = _text(losses, request) if as_text else ""
            if output is not None:
                _write(losses, request, output)
    except PlotError as error:
        raise InputError(str(error)) from None
    if text:
        click.echo(text)


def _check_target(output: str | None, as_text: bool, kind: str) -> None:
    if as_text:
        if output is not None or kind != "lines":
            raise InputError(f"--text draws lines on the terminal: it takes no {'-o' if output else '--' + kind}")
        return
    if output is None:
        raise InputError("where to? -o FILE.png, .svg or .pdf; or --text for the terminal")
    if Path(output).suffix.lower() not in FORMATS:
        raise InputError(f"can't write {output}: a figure is {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError("figures need matplotlib: pip install 'lossdsl[plot]'; --text does without")


def _losses(names: Sequence[str], wanted: Sequence[str]) -> list[Loss]:
    """All losses of the files, or those that are wanted, and those named; a name of two families is all of them."""
    files = [name for name in names if name.endswith(".loss") or name == "-"]
    if wanted and not files:
        raise InputError("--loss chooses losses of a file")
    return [loss for name in names for _, loss in find_losses(name, wanted)]


def _setting(text: str) -> tuple[str, tuple[float, ...]]:
    name, equals, given = (part.strip() for part in text.partition("="))
    values = [finite(part) for part in given.split(",")]
    if not (name and equals) or None in values:
        raise InputError(f"--set takes NAME=NUMBER or NAME=NUMBER,NUMBER,..., not {text!r}")
    return name, tuple(value for value in values if value is not None)


def _interval(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    ends = [finite(part) for part in text.split(",")]
    match ends:
        case [float(low), float(high)] if low < high:
            return low, high
    raise InputError(f"--interval takes LOW,HIGH, two numbers in order, not {text!r}")


def _pair(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(","))


def _text(losses: Sequence[Loss], request: _Request) -> str:
    from lossdsl.plot.lines import lines
    from lossdsl.plot.text import lines_text

    picture = lines(
        losses, request.settings,
        against=request.against, quantities=request.quantities, interval=request.interval,
    )  # fmt: skip
    return f"{picture.title}\n\n{lines_text(picture, color=sys.stdout.isatty())}"


def _write(losses: Sequence[Loss], request: _Request, output: str) -> None:
    from lossdsl.plot import plot
    from lossdsl.plot.figure import save

    figure = plot(
        *losses, kind=request.kind, against=request.against, quantities=request.quantities,
        interval=request.interval, inputs=request.inputs, settings=request.settings,
    )  # fmt: skip
    path = Path(output)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save(figure, path)
    except OSError as error:
        raise InputError(f"can't write {output}: {error.strerror}") from None
