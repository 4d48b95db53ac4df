"""Plants an error in each row of the tables, one at a time, and runs the tests: some test must fail for each.

    python scripts/mutation_score.py                  # all of them, and writes docs/mutations.md
    python scripts/mutation_score.py --kind rule      # one kind; --name WORD: those with WORD in their name

Each mutant is a forked process, so that nothing of it is left for the next.  Verdicts are kept in the folder
.mutations: a second run tries what has no verdict yet, and what has changed since in the module of its row or in its
tests.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from scripts.mutants import Mutant, controls, mutants  # noqa: E402

VERDICTS = ROOT / ".mutations"

PAGE = """# Mutations

Each row of the tables is broken on purpose, one at a time, and the tests are run; a mutant is found if a test fails.
`python scripts/mutation_score.py` writes this page.

| what is broken | how | mutants | found | score |
|---|---|--:|--:|--:|
{rows}

With nothing broken, the same tests pass: otherwise no score is written.

{survivors}
"""

HOW = {
    "derivative": "each partial derivative of each function: the other sign; one part in 1024 too large",
    "numpy text": "what a function is called in NumPy: one part in 1024 too large, or the contrary",
    "torch text": "the same in PyTorch",
    "C text": "the same in C",
    "oracle": "what a function is by mpmath",
    "monotone": "what a row states of its function: the contrary",
    "curvature": "the same",
    "finite derivative": "a derivative that may be infinite is called finite",
    "rule": "a rule of stability is gone; its form is one part in 1000 too large",
    "guard of a rule": "a rule fires wherever the shape of a formula is its own",
    "rule of stages": "rules that look into reductions: gone; one part in 1000 too large",
    "reduction": "the derivative of a reduction twice too large; its value of nothing",
    "printer": "how arrays are written; how formulas are shown",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", help="only mutants of this kind")
    parser.add_argument("--name", default="", help="only mutants with this in their name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    chosen = [m for m in mutants() if arguments.kind in (None, m.kind) and arguments.name in m.name]
    unbroken = list(controls(chosen))
    found = run([*unbroken, *chosen], arguments.jobs)
    failing = [m.name for m, seen in zip(unbroken, found, strict=False) if seen]
    if failing:
        print("these tests fail with nothing broken:", *failing, sep="\n")
        return 2
    found = found[len(unbroken) :]
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

    found = {number: kept for number, mutant in enumerate(chosen) if (kept := verdict(mutant)) is not None}
    running: dict[int, int] = {}
    waiting = [number for number in range(len(chosen)) if number not in found][::-1]
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
        mutant, found[number] = chosen[number], status == 0
        keep(mutant, found[number])
        if sys.stderr.isatty() or found[number] == (mutant.kind == "control"):
            note = "found" if found[number] else "survives"
            print(f"{len(found)}/{len(chosen)} {time.monotonic() - started:.0f}s {mutant.kind}: {mutant.name}  {note}",
                  file=sys.stderr)  # fmt: skip
    return [found[number] for number in range(len(chosen))]


def verdict(mutant: Mutant) -> bool | None:
    """What an earlier run found, if nothing has changed since in the module of the row and in the tests."""
    try:
        return bool(json.loads((VERDICTS / key(mutant)).read_text(encoding="utf-8"))["found"])
    except FileNotFoundError:
        return None


def keep(mutant: Mutant, found: bool) -> None:
    VERDICTS.mkdir(exist_ok=True)
    text = json.dumps({"kind": mutant.kind, "name": mutant.name, "found": found})
    (VERDICTS / key(mutant)).write_text(text, encoding="utf-8")


def key(mutant: Mutant) -> str:
    """Of a control, everything: it says of the package as it is that the tests pass."""
    here = (
        package() if mutant.kind == "control" else digest(ROOT.joinpath(*mutant.source.split(".")).with_suffix(".py"))
    )
    tests = [digest(ROOT / "tests" / name) for name in mutant.tests]
    parts = [mutant.kind, mutant.name, here, digest(ROOT / "scripts" / "mutants.py"), *tests]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest() + ".json"


@functools.cache
def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@functools.cache
def package() -> str:
    files = sorted(p for p in (ROOT / "lossdsl").rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return hashlib.sha256("".join(map(digest, files)).encode()).hexdigest()


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
    rows = [f"| {kind} | {HOW[kind]} | {n} | {seen[kind]} | {seen[kind] / n:.1%} |" for kind, n in total.items()]
    rows.append(f"| all | | {len(chosen)} | {sum(found)} | {sum(found) / len(chosen):.1%} |")
    left = [f"- {m.kind}: {m.name}" for m, is_seen in zip(chosen, found, strict=True) if not is_seen]
    survivors = "\n".join(["Not found:", "", *left]) if left else "Every mutant is found."
    return PAGE.format(rows="\n".join(rows), survivors=survivors)


if __name__ == "__main__":
    sys.exit(main())
