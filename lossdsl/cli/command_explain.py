"""`lossdsl explain`: what an error code means."""

from __future__ import annotations

import difflib

import click

from lossdsl.cli.files import InputError


@click.command()
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Tell the long story of an error CODE, such as E0104; without one, list the codes."""
    from lossdsl.diagnostics.explain import codes, explain

    if code is None:
        for known, title in codes().items():
            click.echo(f"{known}  {title}")
        return
    if code.upper() not in codes():
        near = difflib.get_close_matches(code.upper(), codes(), n=1)
        hint = f"; did you mean {near[0]}?" if near else "; `lossdsl explain` lists the codes"
        raise InputError(f"there is no error {code}{hint}")
    click.echo(explain(code.upper()))
