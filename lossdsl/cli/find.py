"""Losses named on the command line: of the catalogue, or of a file."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from lossdsl.api import Loss, catalogue
from lossdsl.cli.files import InputError, read_losses


def find_losses(name: str, wanted: Sequence[str] = ()) -> list[tuple[str, Loss]]:
    """(family or file, loss) for `huber`, `regression: huber`, or a file, of which `wanted` names the losses."""
    if name.endswith(".loss") or name == "-":
        return [(name, loss) for loss in read_losses(name, wanted)]
    family, _, bare = (part.strip() for part in name.replace("/", ":").rpartition(":"))
    where = [f for f in catalogue if family in ("", f) and f"loss {bare}" in _text_of(f)]
    found = [(f, catalogue[f][bare]) for f in where if bare in catalogue[f]]
    if not found:
        every = [loss for module in catalogue.values() for loss in module]
        close = difflib.get_close_matches(bare, every, n=3)
        hint = f"; did you mean {', '.join(close)}?" if close else "; `lossdsl list` names all"
        raise InputError(f"the catalogue has no loss {name!r}{hint}")
    return found


def _text_of(family: str) -> str:
    """The text of a family: to look for a name costs less than to compile all of them."""
    return (catalogue.folder / f"{family}.loss").read_text(encoding="utf-8")
