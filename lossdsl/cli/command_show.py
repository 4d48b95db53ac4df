"""`lossdsl show`: everything about a loss on one page of a terminal."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

import click

from lossdsl.api import Loss
from lossdsl.cli.find import find_losses

WIDTH = 100
COLUMNS = ("name", "role", "axes", "domain", "default")


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the parts as one JSON object.")
@click.option("--no-plot", "plot", is_flag=True, flag_value=False, default=True, help="Without the plot.")
def command(name: str, as_json: bool, plot: bool) -> None:
    """Show NAME, a loss of the catalogue (`huber` or `regression: huber`), or the losses of a file.

    The formula, its gradient, what its arguments may be, what holds at kinks and over nothing, where it is from and
    what it is for, and its value over one entry of the prediction.
    """
    found = find_losses(name)
    if as_json:
        click.echo(json.dumps([_facts(where, loss) for where, loss in found], indent=2, ensure_ascii=False))
        return
    click.echo("\n\n".join(_page(where, loss, plot) for where, loss in found))


def _facts(where: str, loss: Loss) -> dict[str, Any]:
    from lossdsl.display.edges import edge_cases

    return {
        "module": where,
        "name": loss.name,
        "signature": loss.signature,
        "doc": loss.doc,
        "text": loss.text,
        "latex": loss.latex(),
        "gradients": {
            wrt: {"text": _text(loss, wrt), "latex": loss.gradient(wrt).latex()} for wrt in loss.differentiable
        },
        "arguments": [
            dict(zip(("name", "role", "axes", "domain", "default"), row, strict=True)) for row in _rows(loss)
        ],
        "edge_cases": [{"where": part, "rule": rule} for part, rule in edge_cases(loss.program)],
    }


def _text(loss: Loss, wrt: str) -> str | None:
    from lossdsl.display import NotExpressible

    try:
        return str(loss.gradient(wrt))
    except NotExpressible:
        return None


def _page(where: str, loss: Loss, plot: bool) -> str:
    from lossdsl.display import loss_unicode
    from lossdsl.display.edges import edge_cases

    parts = [
        f"{click.style(loss.signature, bold=True)}\n{click.style(where, dim=True)}",
        "\n".join(textwrap.fill(" ".join(p.split()), WIDTH) for p in loss.doc.split("\n\n")),
        _titled("formula", loss_unicode(loss.program)),
        *(_titled(f"gradient with respect to {name}", loss.gradient(name).unicode()) for name in loss.differentiable),
        _titled("arguments", _table([(n, f"[{a}]" if a else "", role, d, v) for n, role, a, d, v in _rows(loss)])),
        _titled("edge cases", _table(edge_cases(loss.program))),
        _titled("written", loss.text.rstrip()),
        _titled("value", _plot(loss)) if plot else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _titled(title: str, body: str) -> str:
    indented = "\n".join(f"  {line}".rstrip() for line in body.splitlines())
    return f"{click.style(title, underline=True)}\n{indented}" if body else ""


def _rows(loss: Loss) -> list[tuple[str, str, str, str, str]]:
    """The columns, as text, for each argument."""
    from lossdsl.front import axes_text, default_text

    return [(str(arg.name), arg.role, axes_text(arg), arg.domain_text, default_text(arg)) for arg in loss.program.args]


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))] if rows else []
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _plot(loss: Loss) -> str:
    from lossdsl.plot.section import section
    from lossdsl.plot.text import section_text

    found = section(loss)
    return "" if found is None else section_text(found, color=sys.stdout.isatty())
