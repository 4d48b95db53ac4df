"""`lossdsl grad`: the gradient as a formula."""

from __future__ import annotations

import json

import click

from lossdsl.api import Gradient
from lossdsl.cli.files import InputError, read_losses


@click.command()
@click.argument("file")
@click.option("--wrt", help="The argument to differentiate with respect to; else the first prediction.")
@click.option("--loss", "wanted", multiple=True, help="Only this loss of the file; may be repeated.")
@click.option("--latex", "form", flag_value="latex", help="In LaTeX.")
@click.option("--unicode", "form", flag_value="unicode", help="As a picture made of characters.")
@click.option("--json", "as_json", is_flag=True, help="Name, argument and every form, as one JSON array.")
def command(file: str, wrt: str | None, wanted: tuple[str, ...], form: str | None, as_json: bool) -> None:
    """Print the gradient of the losses of FILE in the loss language: a text that compiles."""
    gradients = []
    for loss in read_losses(file, wanted):
        if wrt is not None and wrt not in loss.differentiable:
            raise InputError(
                f"{loss.name} has no gradient with respect to {wrt!r}, only to {', '.join(loss.differentiable)}"
            )
        gradients.append((loss.name, loss.gradient(wrt)))
    if as_json:
        rows = [
            {"loss": name, "wrt": g.wrt, "text": _text(name, g), "latex": g.latex(), "unicode": g.unicode()}
            for name, g in gradients
        ]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    shown = [_text(name, g) if form is None else getattr(g, form)() for name, g in gradients]
    click.echo("\n\n".join(text.rstrip("\n") for text in shown))


def _text(name: str, gradient: Gradient) -> str:
    from lossdsl.display import NotExpressible

    try:
        return str(gradient)
    except NotExpressible as reason:
        raise InputError(f"the gradient of {name} can't be written in the loss language: {reason}") from None
