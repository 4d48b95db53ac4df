"""`lossdsl check`: a report for every loss of every file; exit status 1 if one failed."""

from __future__ import annotations

import json
import sys

import click

from lossdsl.cli.files import loss_files, read_losses
from lossdsl.cli.progress import progress


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--loss", "wanted", multiple=True, help="Only this loss of the file; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print the reports as one JSON array.")
def command(files: tuple[str, ...], wanted: tuple[str, ...], as_json: bool) -> None:
    """Check the losses of FILES (folders: the .loss files below them).

    The value and the derivatives that NumPy and PyTorch code gives are compared with the meaning of the formula, with
    SymPy's derivative and with finite differences, on inputs drawn from the domains and on awkward ones.
    """
    losses = [loss for file in loss_files(files) for loss in read_losses(file, wanted)]
    reports = []
    for loss in losses:
        with progress(f"checking {loss.name}"):
            reports.append(loss.check())
        if not as_json:
            click.echo(str(reports[-1]))
    if as_json:
        click.echo(json.dumps([report.to_json() for report in reports], indent=2))
    sys.exit(0 if all(report.ok for report in reports) else 1)
