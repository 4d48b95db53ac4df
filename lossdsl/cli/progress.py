"""Signs of life while something takes long: on a terminal, never in a pipe."""

from __future__ import annotations

import contextlib
import sys
from contextlib import AbstractContextManager


def progress(what: str) -> AbstractContextManager[object]:
    """A spinner on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        return contextlib.nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(what)
