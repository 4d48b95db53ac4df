"""Plants an error in each row of the tables, one at a time, and runs the tests: some test must fail for each.

    python scripts/mutation_score.py                  # all of them, and writes docs/mutations.md
    python scripts/mutation_score.py --kind rule      # one kind; --name WORD: those with WORD in their name

Each mutant is a forked process, so that nothing of it is left for the next.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from scripts.mutants import Mutant, mutants  # noqa: E402

PAGE = """# Mutations

Each row of the tables is broken on purpose, one at a time, and the tests are run; a mutant is found if a test fails.
`python scripts/mutation_score.py` writes this page.

| what is broken | mutants | found | score |
|---|---|---|---|
{rows}

{survivors}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", help="only mutants of this kind")
    parser.add_argument("--name", default="", help="only mutants with this in their name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    chosen = [m for m in mutants() if arguments.kind in (None, m.kind) and arguments.name in m.name]
    found = run(chosen, arguments.jobs)
    if arguments.kind is None and not arguments.name:
        (ROOT / "docs" / "mutations.md").write_text(page(chosen, found), encoding="utf-8")
    survivors = [f"{m.kind}: {m.name}" for m, seen in zip(chosen, found, strict=True) if not seen]
    print(f"{sum(found)} of {len(found)} found", *survivors, sep="\n")
    return 1 if survivors else 0


def run(chosen: Sequence[Mutant], jobs: int) -> list[bool]:
    """Whether a test failed, for each mutant; `jobs` at a time."""
    import numpy  # noqa: F401  once, before the forks
    import pytest  # noqa: F401
    import sympy  # noqa: F401

    import lossdsl.backends.numpy  # noqa: F401

    found: dict[int, bool] = {}
    running: dict[int, int] = {}
    waiting = list(range(len(chosen)))[::-1]
    started = time.monotonic()
    while waiting or running:
        while waiting and len(running) < jobs:
            number = waiting.pop()
            child = os.fork()
            if child == 0:
                os._exit(0 if is_found(chosen[number]) else 1)
            running[child] = number
        child, status = os.wait()
        number = running.pop(child)
        found[number] = status == 0
        if sys.stderr.isatty() or status:
            note = "" if found[number] else "  SURVIVES"
            mutant = chosen[number]
            print(f"{len(found)}/{len(chosen)} {time.monotonic() - started:.0f}s {mutant.kind}: {mutant.name}{note}",
                  file=sys.stderr)  # fmt: skip
    return [found[number] for number in range(len(chosen))]


def is_found(mutant: Mutant) -> bool:
    """Whether a test fails: first those of the row, then all of the files."""
    import pytest

    os.chdir(ROOT)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    mutant.plant()
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    files = [str(ROOT / "tests" / name) for name in mutant.tests]
    failed = (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    return pytest.main([*options, *files], plugins=[Nearest(mutant.row)]) in failed


class Nearest:
    """Runs the tests of one row before the others."""

    def __init__(self, row: str) -> None:
        self.row = row

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        if self.row:
            items.sort(key=lambda item: self.row not in getattr(getattr(item, "callspec", None), "id", "").split("-"))


def page(chosen: Sequence[Mutant], found: Sequence[bool]) -> str:
    total = Counter(mutant.kind for mutant in chosen)
    seen = Counter(mutant.kind for mutant, is_seen in zip(chosen, found, strict=True) if is_seen)
    rows = [f"| {kind} | {total[kind]} | {seen[kind]} | {seen[kind] / total[kind]:.0%} |" for kind in total]
    rows.append(f"| all | {len(chosen)} | {sum(found)} | {sum(found) / len(chosen):.0%} |")
    left = [f"- {m.kind}: {m.name}" for m, is_seen in zip(chosen, found, strict=True) if not is_seen]
    survivors = "\n".join(["Not found:", "", *left]) if left else "Every mutant is found."
    return PAGE.format(rows="\n".join(rows), survivors=survivors)


if __name__ == "__main__":
    sys.exit(main())
