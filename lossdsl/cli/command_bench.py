"""`lossdsl bench`: value and gradient of the generated code, against PyTorch on the same formula, in one run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lossdsl.api import Loss
from lossdsl.cli.files import InputError, read_losses
from lossdsl.cli.find import find_losses
from lossdsl.cli.progress import progress

if TYPE_CHECKING:
    from lossdsl.bench.measure import Outcome
    from lossdsl.bench.subject import Subject

Peaks = dict[str, int | None]


@click.command()
@click.argument("name", metavar="FILE|NAME")
@click.option("--loss", "wanted", multiple=True, help="Only this loss of the file; may be repeated.")
@click.option(
    "--size", "sizes", multiple=True, default=("100000",), show_default=True, metavar="NUMBER|AXIS=NUMBER",
    help="Elements of the first prediction, about; or the size of an axis, n=100000.  May be repeated.",
)  # fmt: skip
@click.option("--competitors", help="Beginnings of names, with commas: NumPy,native,PyTorch,autograd.")
@click.option("--threads", type=click.IntRange(1), help="Threads of each library; left out: what it takes by itself.")
@click.option(
    "--seconds", type=click.FloatRange(0.01), default=5.0, show_default=True, help="Of timing, for each loss."
)
@click.option("--memory/--no-memory", default=True, show_default=True, help="Measure peak memory, in another process.")
@click.option("--markdown", is_flag=True, help="Print markdown, as into a pipe.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@click.option("--only-memory", is_flag=True, hidden=True)
def command(
    name: str,
    wanted: tuple[str, ...],
    sizes: tuple[str, ...],
    competitors: str | None,
    threads: int | None,
    seconds: float,
    memory: bool,
    markdown: bool,
    as_json: bool,
    only_memory: bool,
) -> None:
    """Time value and gradient of the losses of FILE, or of the catalogue's NAME: what is generated, and PyTorch.

    Inputs are float32, drawn from the domains.  All contenders agree with the NumPy code in double precision before
    they are timed; they take turns; figures are medians, and ratios to the time of reading the inputs and writing the
    gradient once.
    """
    from lossdsl.bench.subject import Subject

    text = sys.stdin.buffer.read() if name == "-" else b""
    size, axes = _sizes(sizes)
    words = tuple(word.strip() for word in (competitors or "").split(",") if word.strip())
    subjects = [Subject(loss, size, axes, words, threads) for loss in _losses(name, wanted, text)]
    for subject in subjects:
        _check(subject)
    if only_memory:
        click.echo(json.dumps({subject.loss.name: subject.peaks() for subject in subjects}))
        return
    outcomes: list[Outcome] = []
    for subject in subjects:
        with progress(f"timing {subject.loss.name}"):
            outcomes.append(subject.outcome(seconds))
    peaks: dict[str, Peaks] = {}
    if memory:
        from lossdsl.cli.timing import peaks_elsewhere

        given = [name, *(f"--loss={loss}" for loss in wanted), *(f"--size={size}" for size in sizes)]
        given += [f"--competitors={competitors}"] * (competitors is not None)
        given += [f"--threads={threads}"] * (threads is not None)
        with progress("measuring memory"):
            peaks = peaks_elsewhere(given, text)
    _show(outcomes, peaks, as_json, markdown)


def _losses(name: str, wanted: tuple[str, ...], text: bytes) -> list[Loss]:
    if name != "-" and Path(name).is_file():
        return read_losses(name, wanted)
    if name != "-":
        return [loss for _, loss in find_losses(name, wanted)]
    from lossdsl.api import loads

    module = loads(text, "<stdin>")
    if not module or set(wanted) - set(module):
        raise InputError(f"standard input has only {', '.join(module) or 'no loss'}")
    return [module[loss] for loss in (wanted or module)]


def _sizes(given: tuple[str, ...]) -> tuple[int, dict[str, int]]:
    size, axes = 100_000, {}
    for text in given:
        axis, _, number = text.rpartition("=")
        if not number.strip().replace("_", "").isdecimal() or int(number) < 1:
            raise InputError(f"--size takes a whole number or AXIS=NUMBER, not {text!r}")
        if axis.strip():
            axes[axis.strip()] = int(number)
        else:
            size = int(number)
    return size, axes


def _check(subject: Subject) -> None:
    """The axes exist, and what is drawn is something that the loss can be computed of."""
    from lossdsl.bench.contenders import numpy_names
    from lossdsl.cli.draw import axis_sizes

    known = axis_sizes(subject.loss.program, subject.size)
    unknown = [axis for axis in subject.axes if axis not in known]
    if unknown:
        raise InputError(f"{subject.loss.name} has no axis {unknown[0]!r}, only {', '.join(known) or 'none'}")
    arrays, settings = subject.inputs
    try:
        subject.loss.numpy()(**numpy_names(subject.loss, {**arrays, **settings}))
    except ValueError as error:
        raise InputError(f"{subject.loss.name} can not be computed of what was drawn: {error}") from None


def _show(outcomes: list[Outcome], peaks: dict[str, Peaks], as_json: bool, markdown: bool) -> None:
    from lossdsl.bench import table

    if as_json:
        told = [{"loss": each.case, **each.to_json(), "peak_bytes": peaks.get(each.case, {})} for each in outcomes]
        rows = [{key: value for key, value in row.items() if key != "case"} for row in told]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for outcome in outcomes:
        rows_ = table.contender_rows(outcome, peaks.get(outcome.case, {}))
        bound = f"memory bound {table.milliseconds(outcome.bound_seconds)}, {table.megabytes(outcome.bytes_moved)}"
        title = f"{outcome.case}: {outcome.shapes}; {bound}"
        if markdown or not sys.stdout.isatty():
            click.echo(f"**{title}**\n\n{table.markdown(table.CONTENDER_HEADINGS, rows_)}")
        else:
            _print_table(title, rows_)
        click.echo(table.left_out_text(outcome.left_out), nl=False)


def _print_table(title: str, rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from lossdsl.bench.table import CONTENDER_HEADINGS

    shown = Table(title=title, title_justify="left")
    for column in CONTENDER_HEADINGS:
        shown.add_column(column, justify="right" if column else "left")
    for row in rows:
        shown.add_row(*row)
    Console().print(shown)
