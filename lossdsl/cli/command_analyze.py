"""`lossdsl analyze`: what can be proved of every loss of every file."""

from __future__ import annotations

import json

import click

from lossdsl.analysis import Analysis
from lossdsl.api import Loss
from lossdsl.cli.files import InputError, loss_files, read_losses
from lossdsl.cli.progress import progress
from lossdsl.numerals import named


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--loss", "wanted", multiple=True, help="Only this loss of the file; may be repeated.")
@click.option("--set", "settings", multiple=True, metavar="NAME=NUMBER", help="A hyperparameter; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as one JSON array.")
def command(files: tuple[str, ...], wanted: tuple[str, ...], settings: tuple[str, ...], as_json: bool) -> None:
    """Say what can be proved of the losses of FILES (folders: the .loss files below them).

    Each fact is yes with its reason, no with a witness that the interpreter has confirmed, or unknown with what was
    tried: structure, convexity and its kin, Lipschitz constants, minimisers, robustness, calibration.  Hyperparameters
    have their defaults unless set.
    """
    given = dict(map(_setting, settings))
    losses = [loss for file in loss_files(files) for loss in read_losses(file, wanted)]
    found = []
    for loss in losses:
        with progress(f"analysing {loss.name}"):
            found.append(_analysis(loss, given))
        if not as_json:
            click.echo(str(found[-1]) + "\n" * (loss is not losses[-1]))
    if as_json:
        click.echo(json.dumps([analysis.to_json() for analysis in found], indent=2))


def _setting(text: str) -> tuple[str, float]:
    found = named(text)
    if found is None:
        raise InputError(f"--set takes NAME=NUMBER, not {text!r}")
    return found


def _analysis(loss: Loss, given: dict[str, float]) -> Analysis:
    try:
        return loss.analyze(**given)
    except ValueError as error:
        raise InputError(str(error)) from None
