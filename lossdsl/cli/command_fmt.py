"""`lossdsl fmt`: loss files in the one format."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lossdsl.cli.files import loss_files, read_bytes, write_text
from lossdsl.diagnostics import LossError, Problem


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit with 1 if a file would change.")
def command(files: tuple[str, ...], only_check: bool) -> None:
    """Format FILES in place (folders: the .loss files below them); `-` formats standard input to standard output."""
    changed: list[str] = []
    problems: list[Problem] = []
    for file in loss_files(files):
        try:
            changed += [file] if _format(file, only_check) else []
        except LossError as error:  # report the files that do not parse together, at the end
            problems += error.problems
    for file in changed:
        click.echo(f"{'would format' if only_check else 'formatted'} {file}", err=True)
    if problems:
        raise LossError(*problems)
    sys.exit(1 if only_check and changed else 0)


def _format(file: str, only_check: bool) -> bool:
    """Format one file; true if that changes it."""
    from lossdsl.syntax.format import format_text

    before = read_bytes(file)
    after = format_text(before, "<stdin>" if file == "-" else file)
    if file == "-" and not only_check:
        click.echo(after, nl=False)
        return False
    if before == after.encode():
        return False
    if not only_check:
        write_text(Path(file), after)
    return True
