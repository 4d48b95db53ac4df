"""The losses to compare, as users name them: `huber`, `regression: huber`, `my.loss`, `my.loss:name`.

Hyperparameters stand after a last colon: `huber:delta=2`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lossdsl.api import Loss, load
from lossdsl.comparison.errors import ComparisonError
from lossdsl.fitting.names import loss_of
from lossdsl.numerals import named as named_number

SPEC = re.compile(r"(?P<name>.*?)(?::(?P<settings>[^:=]+=[^:]*))?", re.DOTALL)
FILE = re.compile(r"(?P<path>.*\.loss)(?::\s*(?P<loss>\w+))?")

Named = Loss | str | tuple[Loss | str, Mapping[str, Any]]


@dataclass(frozen=True)
class Contender:
    """A loss with values of its hyperparameters, and of data that are the same for all rows."""

    label: str
    loss: Loss
    settings: Mapping[str, Any]


def contenders(named: Iterable[Named]) -> tuple[Contender, ...]:
    """At least one loss, each under a label of its own.  ComparisonError for what is not there, LossError for what is
    wrong in a file."""
    found = tuple(map(contender, named))
    if not found:
        raise ComparisonError("a comparison needs at least one loss")
    labels = [each.label for each in found]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise ComparisonError(f"{twice} is there twice")
    return found


def contender(named: Named) -> Contender:
    """One loss, of a `Loss`, a text, or one of these with hyperparameters."""
    if isinstance(named, tuple):
        given, settings = named
        inner = contender(given)
        label = (
            f"{inner.label}:{','.join(f'{k}={_short(v)}' for k, v in settings.items())}" if settings else inner.label
        )
        return Contender(label, inner.loss, _known(inner.loss, {**inner.settings, **settings}))
    if isinstance(named, Loss):
        return Contender(named.name, named, {})
    matched = SPEC.fullmatch(named)
    assert matched is not None, "every text matches"
    loss, label = _loss(matched["name"].strip())
    settings = dict(_setting(part) for part in (matched["settings"] or "").split(",") if part.strip())
    label += f":{matched['settings'].replace(' ', '')}" if matched["settings"] else ""
    return Contender(label, loss, _known(loss, settings))


def _loss(name: str) -> tuple[Loss, str]:
    """A loss of the catalogue or a file, and what it is called: of a file without a name the last."""
    file = FILE.fullmatch(name)
    if file is None:
        try:
            loss = loss_of(name)
        except ValueError as error:
            raise ComparisonError(str(error)) from None
        return loss, loss.name
    try:
        module = load(Path(file["path"]))
    except OSError as error:
        raise ComparisonError(f"can't read {file['path']}: {error.strerror}") from None
    if not module:
        raise ComparisonError(f"{file['path']} has no loss")
    wanted = file["loss"] or list(module)[-1]
    if wanted not in module:
        raise ComparisonError(f"{file['path']} has no loss {wanted!r}, only {', '.join(module)}")
    return module[wanted], wanted


def _setting(text: str) -> tuple[str, float]:
    found = named_number(text)
    if found is None:
        raise ComparisonError(f"a hyperparameter is NAME=NUMBER, not {text.strip()!r}")
    return found


def _known(loss: Loss, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    known = [arg.name for arg in loss.program.args if arg.role in ("hyper", "learn", "data")]
    for name in settings:
        if name not in known:
            raise ComparisonError(f"{loss.name} has no hyperparameter {name!r}, only {', '.join(known) or 'none'}")
    return settings


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else "..."
