"""`lossdsl bench`: value and gradient of the generated code, against autograd on the same formula, in one process."""

from __future__ import annotations

import json
from typing import Any

import click

from lossdsl.cli.files import read_losses
from lossdsl.cli.progress import progress


@click.command()
@click.argument("file")
@click.option("--loss", "wanted", multiple=True, help="Only this loss of the file; may be repeated.")
@click.option("--size", default=100_000, show_default=True, help="Elements of the first prediction, about.")
@click.option("--threads", default=1, show_default=True, help="Threads that PyTorch may use.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def command(file: str, wanted: tuple[str, ...], size: int, threads: int, as_json: bool) -> None:
    """Time the losses of FILE: float32, inputs drawn from the domains, medians of interleaved rounds."""
    from lossdsl.cli import timing

    rows: list[dict[str, Any]] = []
    for loss in read_losses(file, wanted):
        with progress(f"timing {loss.name}"):
            rows.append({"loss": loss.name, **timing.value_and_gradient(loss, size, threads)})
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"value and gradient, about {size} elements, {threads} thread(s)")
    for column in rows[0]:
        table.add_column(column.replace("_", " "), justify="left" if column in ("loss", "shapes") else "right")
    for row in rows:
        table.add_row(*(f"{v * 1e3:.3g} ms" if isinstance(v, float) else str(v) for v in row.values()))
    Console().print(table)
