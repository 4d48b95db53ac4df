"""What `lossdsl compile` takes for a boosting library, beside what it takes for every back end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from lossdsl.api import Loss
from lossdsl.cli.files import InputError

LIBRARIES = ("xgboost", "lightgbm", "catboost")
"""Back ends that are objectives: `lossdsl.boosting`, which is imported when one is asked for."""
DEFAULTS: dict[str, str | bool | None] = {"api": None, "hessian": None, "target": None, "coupled": False}
"""The options, and what they are when they are left out."""


def boosting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with the options of an objective."""
    options = [
        click.option("--api", type=click.Choice(["native", "sklearn"]), help="Boosting: which interface calls."),
        click.option("--hessian", help="Boosting: the second derivative; left out, it is chosen and explained."),
        click.option("--target", help="Boosting: the data that is the label; the first if left out."),
        click.option("--coupled", is_flag=True, help="Boosting: allow a loss that couples rows."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def boosting_given(backend: str, options: Mapping[str, str | bool | None]) -> dict[str, str | bool | None]:
    """The options that were given; an error for a back end that has none of them."""
    given = {name: value for name, value in options.items() if value != DEFAULTS[name]}
    if given and backend not in LIBRARIES:
        raise InputError(f"--{next(iter(given))} is an option of {', '.join(LIBRARIES)}")
    return given


def boosting_code(losses: Sequence[Loss], library: str, options: Mapping[str, Any]) -> str:
    """One standalone module with the objectives of all losses."""
    from lossdsl import boosting

    try:
        asked = boosting.request(library, **options)
    except ValueError as error:
        raise InputError(str(error)) from None
    return boosting.source([loss.program for loss in losses], asked)
