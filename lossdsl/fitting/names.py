"""Losses by name, as estimators take them: a `Loss`, a name in the catalogue, or a text."""

from __future__ import annotations

import difflib
import re
from functools import cache, lru_cache

from lossdsl.api import Loss, catalogue
from lossdsl.api import loss as loss_of_text


def loss_of(given: Loss | str) -> Loss:
    """The loss itself; of a text (it has brackets) the last loss; of a name the one in the catalogue, "huber" or
    "regression: huber".

    Raises ValueError for a name that the catalogue does not have, or has twice; LossError for what is wrong in a text.
    """
    if isinstance(given, Loss):
        return given
    return _named(given) if "(" not in given else _of_text(given)


_of_text = lru_cache(maxsize=32)(loss_of_text)


@lru_cache(maxsize=32)
def _named(name: str) -> Loss:
    family, _, bare = (part.strip() for part in name.replace("/", ":").rpartition(":"))
    known = {f: _names(f) for f in catalogue}
    places = [f for f, names in known.items() if family in ("", f) and bare in names]
    if len(places) == 1:
        return catalogue[places[0]][bare]
    if places:
        raise ValueError(f"the catalogue has {bare!r} in {' and '.join(places)}: write '{places[0]}: {bare}'")
    close = difflib.get_close_matches(bare, {each for names in known.values() for each in names}, n=3)
    raise ValueError(f"the catalogue has no loss {name!r}" + (f"; did you mean {', '.join(close)}?" if close else ""))


@cache
def _names(family: str) -> tuple[str, ...]:
    """The losses of a family, by a look at its text: to compile all families takes seconds."""
    text = (catalogue.folder / f"{family}.loss").read_text(encoding="utf-8")
    return tuple(re.findall(r"^loss (\w+)\(", text, flags=re.MULTILINE))
