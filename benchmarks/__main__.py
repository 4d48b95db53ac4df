"""The whole benchmark: `python -m benchmarks`.

Each part runs in a process of its own: times, with the memory allocator as it is; times, with one that keeps freed
memory (by which a fresh gradient costs no page faults); peak memory.  Compilers begin with empty caches.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.child import CASES
from benchmarks.competitors import ORDER
from benchmarks.page import Run, markdown, plot
from lossdsl.bench.memory import EXACT

KEEPING = {"MALLOC_MMAP_THRESHOLD_": "2000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}
"""glibc then keeps what is freed, and hands it out again with its pages in place."""
RUNS = {"as it is": {}, "pages kept": KEEPING, "memory": EXACT}
"""Parts of a run, and what each has in its environment."""


def main() -> None:
    given = arguments(sys.argv[1:])
    cases = [case.name for case in CASES if not given.cases or case.name.startswith(tuple(given.cases))]
    if not cases:
        sys.exit(f"no case begins with {', '.join(given.cases)}; there are {', '.join(case.name for case in CASES)}")
    found = Run(threads=given.threads, quick=given.quick)
    with tempfile.TemporaryDirectory() as caches:
        for part in [part for part in RUNS if part not in given.without]:
            seconds = given.seconds / (len(cases) * 2)
            asked = {
                "mode": "memory" if part == "memory" else "times", "cases": cases, "quick": given.quick,
                "seconds": seconds, "threads": given.threads, "competitors": _words(given.competitors),
            }  # fmt: skip
            for answer in _child(asked, {**_environment(given.threads, Path(caches)), **RUNS[part]}):
                found.add(part, answer)
                print(f"{part}: {answer.get('case', 'libraries imported')}", file=sys.stderr, flush=True)
    text = markdown(found)
    print(text)
    if given.output is not None:
        given.output.mkdir(parents=True, exist_ok=True)
        (given.output / "benchmarks.md").write_text(text, encoding="utf-8")
        (given.output / "benchmarks.json").write_text(json.dumps(found.to_json(), indent=1), encoding="utf-8")
        plot(found, given.output / "benchmarks.png")


def arguments(given: list[str]) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cases", nargs="+", default=[], help="Beginnings of names: E1c R1")
    parser.add_argument("--quick", action="store_true", help="Small inputs: to see that everything works.")
    parser.add_argument("--competitors", default="", help=f"Beginnings of names, with commas, of: {', '.join(ORDER)}")
    parser.add_argument("--seconds", type=float, default=200.0, help="Of timing, in all; compilers come on top.")
    parser.add_argument("--threads", type=int, help="Of each library; left out: what it takes by itself.")
    parser.add_argument("--without", nargs="+", default=[], choices=list(RUNS), help="Parts to leave out.")
    parser.add_argument("--output", type=Path, help="Folder for benchmarks.md, benchmarks.json and benchmarks.png.")
    return parser.parse_args(given)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _environment(threads: int | None, caches: Path) -> dict[str, str]:
    """Empty caches, kept from one part to the next; threads that wait asleep."""
    root = str(Path(__file__).resolve().parent.parent)
    own = {
        "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", "")))),
        "XDG_CACHE_HOME": str(caches), "LOSSDSL_CACHE_DIR": str(caches / "lossdsl"), "LOSSDSL_CACHE": "0",
        "TORCHINDUCTOR_CACHE_DIR": str(caches / "inductor"), "OMP_WAIT_POLICY": "passive",
    }  # fmt: skip
    if threads is not None:
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS",
                 "NUMEXPR_NUM_THREADS", "LOSSDSL_THREADS")  # fmt: skip
        own |= dict.fromkeys(names, str(threads))
        own["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    return {**os.environ, **own}


def _child(asked: dict[str, Any], environment: dict[str, str]) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.child", json.dumps(asked)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            yield json.loads(line)
    if child.returncode:
        print(f"a process ended with status {child.returncode}: what it had left to do is missing", file=sys.stderr)


if __name__ == "__main__":
    main()
