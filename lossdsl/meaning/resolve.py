"""`resolve`: from the syntax tree of a file to its checked losses.

    imports        which files, which items                      imports
    items          each `def` and loss once, by itself           items
      signature    arguments, axes, domains, defaults            signatures, domains, constants
      block        bindings and the returned value               blocks
        expression names, numbers, conditions, reductions        expressions, reads, positions, sizes, reductions
        call       written out, or a binding of its own          calls, matching, passing, entering, fingerprint
        axes       names, or one agreed order                    scopes, views, ordering
        ranges     from the reads; sizes that must be equal      uses, affine, ranges, extents
        guards     of reads that may be out of range             settle
      program      elements, reduction, terms, kinds             programs, kinds

All that is wrong with the file, as far as one problem does not follow from another, is in one `LossError`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from lossdsl.diagnostics import CompilerBug, LossError, Problem
from lossdsl.diagnostics.limits import MAX_PROBLEMS
from lossdsl.diagnostics.names import UnknownName
from lossdsl.meaning import core
from lossdsl.meaning.resolution import items
from lossdsl.meaning.resolution.imports import Library
from lossdsl.syntax import tree

FRAMES = 8_000
"""Python frames for `expressions.MAX_DEPTH` levels; each takes about ten."""


def resolve(module: tree.Module, *, catalogue: Path | None = None) -> core.Checked:
    """The losses of a file; `catalogue` is the folder of the modules that `use` finds by name."""
    with _room_for(FRAMES):
        unit = Library(catalogue).root(module)
        for item in unit.own:
            items.check(item)
    problems = [*unit.problems, *unit.report]
    if problems:
        raise LossError(*islice(_distinct(problems), MAX_PROBLEMS))
    if any(item.state != "good" for item in unit.own):
        raise CompilerBug("an item of the file was given up without a problem")
    programs = {item.program.name: item.program for item in unit.own if item.program is not None}
    return core.Checked(programs, module.doc.text if module.doc is not None else "")


def _distinct(problems: list[Problem]) -> Iterator[Problem]:
    """Each problem once, in the order of the text; of one unknown name, the first use."""
    seen: set[object] = set()
    ordered = sorted(problems, key=lambda problem: (problem.span.source.path, problem.span.start))
    for problem in ordered:
        where = None if isinstance(problem, UnknownName) else (problem.span.start, problem.span.end)
        key = (problem.code, problem.message, problem.span.source.path, where)
        if key not in seen:
            seen.add(key)
            yield problem


@contextmanager
def _room_for(frames: int) -> Iterator[None]:
    """Raises Python's limit on recursion for the time of one run."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, frames))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
