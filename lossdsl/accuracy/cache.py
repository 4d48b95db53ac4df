"""Measurements are kept in a folder, so that a second run measures only what has changed.

A result is found again by a digest of everything that it depends on: the emitted modules (which hold the text of the
loss), the formula as typed, the modules that measure and judge, and the versions of what computes.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import os
import platform
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lossdsl.accuracy import naive
from lossdsl.accuracy.losses import Subject, measured_by_element
from lossdsl.accuracy.measurement import Accuracy, measure
from lossdsl.accuracy.tally import Summary
from lossdsl.backends import registry
from lossdsl.meaning.core import Program

PACKAGE = Path(__file__).resolve().parents[1]
FIRST = "lossdsl.accuracy.measurement"
"""The module that measures; with those that it imports, as far as they judge."""
JUDGING = ("lossdsl.accuracy.", "lossdsl.check.", "lossdsl.meaning.core", "lossdsl.meaning.interpret",
           "lossdsl.meaning.reference.")  # fmt: skip
COMPUTING = ("numpy", "torch", "mpmath")


def measured(subject: Subject, quick: bool, folder: Path | None) -> Accuracy:
    """What `measure` gives: from the folder if it is there, else measured now and left there."""
    if folder is None:
        return measure(subject, quick)
    path = folder / f"{digest(subject.program(), quick)}.json"
    found = _read(path)
    if found is None:
        found = measure(subject, quick)
        _write(path, found)
    return replace(found, section=subject.section, name=subject.name)


def digest(program: Program, quick: bool) -> str:
    """Equal for equal measurements."""
    texts = [registry.emit(backend, [program]) for backend in ("numpy", "torch")]
    typed = naive.text(program) if measured_by_element(program) else ""
    parts = [*texts, typed, str(quick), judges(), *_versions()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@functools.cache
def judges() -> str:
    """A digest of the code that measures and judges; the compiler shows in what it emits."""
    pending, seen = [FIRST], {FIRST}
    texts = []
    while pending:
        text = _path(pending.pop()).read_text(encoding="utf-8")
        texts.append(text)
        new = set(_imported(text)) - seen
        seen |= new
        pending += sorted(new)
    return hashlib.sha256("\0".join(sorted(texts)).encode()).hexdigest()


def _imported(text: str) -> Iterator[str]:
    """The modules that take part in judging, of those that a module imports from."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
            yield from (name for name in names if name.startswith(JUDGING) and _path(name).is_file())


def _path(module: str) -> Path:
    return PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")


def _versions() -> Iterator[str]:
    yield platform.machine()
    for name in COMPUTING:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"no {name}"


# ---------------------------------------------------------------- files


def _read(path: Path) -> Accuracy | None:
    """None where there is no such file, or one that says something else than expected."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        summaries = {(code, dtype, quantity): Summary(**each) for code, dtype, quantity, each in kept.pop("summaries")}
        return Accuracy(**kept, summaries=summaries)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _write(path: Path, found: Accuracy) -> None:
    """At once, so that an interrupted run leaves no half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / ".gitignore").write_text("*\n", encoding="utf-8")
    summaries = [[*column, summary.as_json()] for column, summary in found.summaries.items()]
    plain = {"section": found.section, "name": found.name, "by_element": found.by_element, "today": found.today}
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps({**plain, "summaries": summaries}), encoding="utf-8")
    os.replace(draft, path)
