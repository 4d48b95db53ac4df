"""Where the time of compiling goes: `python benchmarks/compile_time.py`.

Processor time, so that it says something on a machine that others use too: of stages in a warm process; of processes
that begin with nothing, with and without what is kept in the cache; of programs that grow; and, by folder of the
compiler, of one program under a profiler.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import lossdsl
from lossdsl.backends.registry import emit
from lossdsl.bench.table import markdown, milliseconds
from lossdsl.meaning import resolve
from lossdsl.syntax import parse

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
BACKENDS = ("numpy", "torch", "native")
PACKAGE = Path(lossdsl.__file__).parent


def stages(path: Path, repeat: int) -> list[str]:
    """Milliseconds of each stage, the least of several: what the work takes when nothing disturbs it."""
    text = path.read_text(encoding="utf-8")
    tree = parse(text, str(path))
    programs = list(resolve(tree).losses.values())
    work: list[Callable[[], object]] = [lambda: parse(text, str(path)), lambda: resolve(tree)]
    work += [lambda backend=backend: emit(backend, programs) for backend in BACKENDS]
    return [milliseconds(min(_processor_time(each) for _ in range(repeat))) for each in work]


def _processor_time(call: Callable[[], object]) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


def growth(sizes: list[int]) -> list[list[str]]:
    """A sum of so many terms, from text to NumPy code, with the calls that a profiler counts."""
    rows = []
    for size in sizes:
        text = many_terms(size)
        parsing = _processor_time(lambda text=text: parse(text))
        program = resolve(parse(text)).losses["f"]
        resolving = _processor_time(lambda text=text: resolve(parse(text))) - parsing
        emitting = _processor_time(lambda program=program: emit("numpy", [program]))
        each = (parsing + resolving + emitting) / size
        rows.append([f"{size:,}", *map(milliseconds, (parsing, resolving, emitting)), milliseconds(each)])
    return rows


def many_terms(count: int) -> str:
    """`0*x + 1*x + ...`: four symbols a term, so that ten thousand fit into a text."""
    return "loss f(x[n]):\n    return sum[n](" + " + ".join(f"{k}*x" for k in range(count)) + ")\n"


def profile(path: Path) -> list[list[str]]:
    """Shares of the time by folder of the package, from text to NumPy code, in a warm process."""
    text = path.read_text(encoding="utf-8")
    recorded = cProfile.Profile()
    emit("numpy", list(resolve(parse(text)).losses.values()))
    recorded.enable()
    for _ in range(10):
        emit("numpy", list(resolve(parse(text)).losses.values()))
    recorded.disable()
    shares: dict[str, float] = defaultdict(float)
    calls: dict[str, int] = defaultdict(int)
    for (file, _, _), (_, count, own, _, _) in pstats.Stats(recorded).stats.items():  # type: ignore[attr-defined]
        folder = _folder(file)
        shares[folder] += own
        calls[folder] += count
    total = sum(shares.values())
    ordered = sorted(shares, key=lambda folder: -shares[folder])
    return [[folder, f"{shares[folder] / total:.0%}", f"{calls[folder] // 10:,}"] for folder in ordered]


def _folder(file: str) -> str:
    path = Path(file)
    if path.is_relative_to(PACKAGE):
        return f"lossdsl/{path.relative_to(PACKAGE).parts[0]}"
    return "lark" if "lark" in path.parts else "Python, its library"


def cold(repeat: int) -> list[list[str]]:
    """Processor time of processes that do one thing."""
    huber = f"lossdsl.load({str(EXAMPLES / 'huber_mse.loss')!r})['huber_mse']"
    tasks = {
        "python": "pass",
        "import lossdsl": "import lossdsl",
        "import numpy": "import numpy",
        "load": f"import lossdsl; {huber}",
        "load, .source()": f"import lossdsl; {huber}.source()",
        "load, .source('torch')": f"import lossdsl; {huber}.source('torch')",
        "load, .numpy()": f"import lossdsl; {huber}.numpy()",
        "lossdsl compile": (
            f"import sys; sys.argv = ['lossdsl', 'compile', {str(EXAMPLES / 'huber_mse.loss')!r}]\n"
            "from lossdsl.cli import main; main()"
        ),
        "lossdsl list": "import sys; sys.argv = ['lossdsl', 'list']\nfrom lossdsl.cli import main; main()",
    }
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        kept = {**os.environ, "LOSSDSL_CACHE_DIR": folder, "LOSSDSL_CACHE": ""}
        for name, code in tasks.items():
            command = [sys.executable, "-c", code]
            times = [milliseconds(_of_process(command, {**kept, "LOSSDSL_CACHE": off}, repeat)) for off in ("0", "")]
            rows.append([name, *times])
    return rows


def _of_process(command: list[str], environment: dict[str, str], repeat: int) -> float:
    """The median of several, after one that makes what is kept."""
    times = []
    for _ in range(repeat + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, help="Loss files; left out: some of the examples.")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument(
        "--terms", type=int, nargs="*", default=[100, 1_000, 10_000], help="Sizes of a growing program."
    )
    given = parser.parse_args()
    os.environ["LOSSDSL_CACHE"] = "0"
    files = given.files or [
        EXAMPLES / f"{name}.loss" for name in ("huber_mse", "cross_entropy", "focal", "cox", "dice")
    ]
    print("Stages in a warm process:\n")
    rows = [[path.stem, *stages(path, given.repeat)] for path in files]
    print(markdown(["file", "parse", "resolve", *(f"emit {name}" for name in BACKENDS)], rows))
    print("By folder of the compiler, from text to NumPy code:\n")
    print(markdown([files[0].stem, "time", "calls"], profile(files[0])))
    print("Processes that do one thing:\n")
    print(markdown(["", "nothing kept", "from the cache"], cold(given.repeat)))
    if given.terms:
        print("A sum of many terms:\n")
        print(markdown(["terms", "parse", "resolve", "emit numpy", "a term"], growth(given.terms)))


if __name__ == "__main__":
    main()
