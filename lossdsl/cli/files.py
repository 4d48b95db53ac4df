"""Files named on the command line: read, written, and searched for `.loss` files, with errors a user can act on."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from lossdsl.api import Loss, Module, loads


class InputError(click.ClickException):
    """What was asked for can't be done, and not because of what stands in a `.loss` file."""

    exit_code = 2


def read_bytes(name: str) -> bytes:
    """The contents of a file; `-` is standard input."""
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise InputError(f"can't read {name}: {error.strerror}") from None


def write_text(path: Path, text: str) -> None:
    """Write a file, making its folder if need be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"can't write {path}: {error.strerror}") from None


def read_module(name: str) -> Module:
    return loads(read_bytes(name), "<stdin>" if name == "-" else name)


def read_losses(name: str, wanted: Iterable[str]) -> list[Loss]:
    """The losses of a file, or those of these names; at least one."""
    module = read_module(name)
    unknown = [loss for loss in wanted if loss not in module]
    if unknown:
        raise InputError(f"{name} has no loss {unknown[0]!r}, only {', '.join(module) or 'none at all'}")
    if not module:
        raise InputError(f"{name} has no loss")
    return [module[loss] for loss in (list(wanted) or module)]


def loss_files(names: Iterable[str]) -> Iterator[str]:
    """The names, with each folder replaced by the `.loss` files below it."""
    for name in names:
        if Path(name).is_dir():
            yield from sorted(str(path) for path in Path(name).rglob("*.loss"))
        else:
            yield name
