"""`python -m lossdsl.accuracy`: measure, and write the page."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from lossdsl.accuracy import report
from lossdsl.accuracy.cache import measured
from lossdsl.accuracy.losses import EXAMPLES, Subject, subjects
from lossdsl.accuracy.measurement import Accuracy
from lossdsl.accuracy.selection import QUICK

Step = Callable[[str], None]
Measure = Callable[[Subject], Accuracy]
KEPT = Path(".accuracy")


@click.command()
@click.option("-o", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write the page to this file.")
@click.option("--quick", is_flag=True, help="Only the losses that every change is tested with, at fewer inputs.")
@click.option("--loss", "wanted", multiple=True, help="Only this loss (`huber`, `regression: huber`); may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Every number, as JSON.")
@click.option("--jobs", default=1, show_default=True, help="Processes to use.")
@click.option("--examples", default=EXAMPLES, type=click.Path(path_type=Path), help="A folder of more losses.")
@click.option(
    "--cache",
    default=KEPT,
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep measurements in this folder; what has not changed since is not measured again.",
)
@click.option("--no-cache", is_flag=True, help="Measure everything, and keep nothing.")
def command(
    output: Path | None,
    quick: bool,
    wanted: tuple[str, ...],
    as_json: bool,
    jobs: int,
    examples: Path,
    cache: Path,
    no_cache: bool,
) -> None:
    """Measure the error of emitted code, in ulps; exit status 1 where the goal is missed by what --quick measures."""
    chosen = subjects(examples, wanted or (QUICK if quick else ()))
    if not chosen:
        raise click.UsageError(f"there is no loss {', '.join(wanted)}")
    written = report.as_json if as_json else partial(report.markdown, wanted=len(chosen))
    found: list[Accuracy] = []
    measure = partial(measured, quick=quick, folder=None if no_cache else cache)
    with _progress(len(chosen)) as step:
        for each in _all(chosen, measure, jobs, step):
            found.append(each)
            if output is not None:  # so that an interrupted run leaves what it has
                output.write_text(written(found), encoding="utf-8")
    if output is None:
        click.echo(written(found))
    if quick and not all(each.good for each in found):
        sys.exit(1)


def _all(chosen: Sequence[Subject], measure: Measure, jobs: int, step: Step) -> Iterator[Accuracy]:
    """In order, however many processes take part."""
    if jobs <= 1:
        for subject in chosen:
            step(subject.title)
            yield measure(subject)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for found in pool.map(measure, chosen):
            step(found.title)
            yield found


@contextmanager
def _progress(count: int) -> Iterator[Step]:
    """A bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda title: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("measuring", total=count)

        def step(title: str) -> None:
            bar.update(task, advance=1, description=title)

        yield step
