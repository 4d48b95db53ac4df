"""Emitted text that many tests look at, made once in a run, by whichever process needs it first.

What was made before this run is not used: the folder is new in each (`conftest.py`).  A text is found again by all that
it is made of: the back end, its options and the checked program.  Tests that change the compiler do not ask here.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import lossdsl.backends.numpy
import lossdsl.backends.torch
from lossdsl.meaning.core import Program

FOLDER = "LOSSDSL_TESTS_FOLDER"
"""The environment variable with the folder of the run, for all of its processes."""
EMIT = {"numpy": lossdsl.backends.numpy.emit, "torch": lossdsl.backends.torch.emit}


def emitted(backend: str, program: Program, **options: Any) -> str:
    """What the back end emits."""
    key = pickle.dumps((backend, sorted(options.items()), replace(program, kinds={})))  # kinds, by `id`: of the program
    path = Path(os.environ[FOLDER], hashlib.sha256(key).hexdigest())
    if not path.exists():
        made: str = EMIT[backend](program, **options)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
            file.write(made)
        Path(file.name).replace(path)
    return path.read_text(encoding="utf-8")


def numpy(program: Program) -> str:
    return emitted("numpy", program)


def torch(program: Program, **options: Any) -> str:
    return emitted("torch", program, **options)


@contextmanager
def once() -> Iterator[None]:
    """Inside, whatever is emitted for NumPy and PyTorch comes from here."""
    with mock.patch("lossdsl.backends.numpy.emit", numpy), mock.patch("lossdsl.backends.torch.emit", torch):
        yield
