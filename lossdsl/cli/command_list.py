"""`lossdsl list`: what the catalogue has."""

from __future__ import annotations

import json

import click

from lossdsl.api import catalogue


@click.command()
@click.argument("word", default="")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def command(word: str, as_json: bool) -> None:
    """List the losses that ship, or those whose name or description has WORD in it."""
    rows = [
        {"module": module, "name": name, "signature": loss.signature, "doc": loss.doc}
        for module, losses in catalogue.items()
        for name, loss in losses.items()
        if word.lower() in f"{module} {name} {loss.doc}".lower()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        summary = " ".join(row["doc"].split())
        click.echo(f"{click.style(row['module'] + ':', dim=True)} {row['signature']}\n    {summary}")
    if not rows:
        click.echo(f"no loss of the catalogue has {word!r} in its name or description", err=True)
