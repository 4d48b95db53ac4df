"""A run as markdown, and as a picture."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.child import CASES
from benchmarks.competitors import ORDER, shown
from lossdsl.bench.table import markdown as table
from lossdsl.bench.table import megabytes, milliseconds, ratio

OURS = ORDER[-5:]
COLOURS = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#999999", "#0072B2", "#D55E00", "#CC79A7")
"""Okabe and Ito's, which people of every colour vision tell apart; grey for their yellow, too light for small marks."""
MARKERS = "os^vDP*X<>hpd"
TITLES = {"as it is": "as the allocator is", "pages kept": "freed pages kept"}


@dataclass
class Run:
    """What the processes said: for each part and case, times; for each case, peak memory."""

    threads: int | None
    quick: bool
    times: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    peaks: dict[str, dict[str, int | None]] = field(default_factory=dict)
    first_uses: dict[str, float] = field(default_factory=dict)

    def add(self, part: str, answer: dict[str, Any]) -> None:
        if "first_uses" in answer:
            self.first_uses = self.first_uses or answer["first_uses"]
        elif part == "memory":
            self.peaks[answer["case"]] = answer["peaks"]
        else:
            self.times.setdefault(part, {})[answer["case"]] = answer

    def to_json(self) -> dict[str, Any]:
        return {
            "machine": machine(),
            "threads": self.threads,
            "times": self.times,
            "first_uses": self.first_uses,
            "peak_bytes": self.peaks,
        }


def machine() -> dict[str, Any]:
    """What the figures depend on, apart from the hour."""
    import importlib.metadata

    libraries = ("numpy", "torch", "jax", "numba", "numexpr", "sympy", "lossdsl")
    versions = {}
    for name in libraries:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version(), **versions}


def markdown(run: Run) -> str:
    """Tables: ratios for each part, first calls, peak memory, and what was left out."""
    told = ", ".join(f"{name} {value}" for name, value in machine().items())
    parts = [f"Value and gradient, float32{', small inputs' if run.quick else ''}.  {told}.\n"]
    for part, cases in run.times.items():
        parts.append(f"Time over the memory bound of the same run, {TITLES[part]}:\n")
        parts.append(_entries(run, cases, "ratio", ratio, bound=True))
    first = next(iter(run.times.values()), {})
    if first:
        parts.append("First call, caches empty; the first row is the first use in a process, with imports:\n")
        parts.append(_entries(run, first, "first_call", milliseconds, above=run.first_uses))
        parts.append("Largest difference from double precision, relative to the largest entry:\n")
        parts.append(_entries(run, first, "error", lambda error: f"{error:.0e}"))
    if run.peaks:
        parts.append("Peak memory of a call above its inputs, results among it:\n")
        names = shown([name for peaks in run.peaks.values() for name in peaks])
        rows = [
            [_title(case, run), *(_cell(peaks, name, megabytes) for name in names)] for case, peaks in run.peaks.items()
        ]
        parts.append(table(["case", *names], rows))
    left_out = {
        f"{case}: {name}: {why}" for cases in run.times.values() for case, answer in cases.items()
        for name, why in answer["left_out"].items()
    }  # fmt: skip
    if left_out:
        parts.append("Left out:\n")
        parts.append("\n".join(f"- {line}" for line in _grouped(sorted(left_out))) + "\n")
    return "\n".join(parts)


def _entries(
    run: Run, cases: dict[str, dict[str, Any]], key: str, text: Callable[[float], str], bound: bool = False,
    above: dict[str, float] | None = None,
) -> str:  # fmt: skip
    """A row a case, a column a contender; `above` is a row before them."""
    names = shown([entry["name"] for answer in cases.values() for entry in answer["entries"]])
    rows = [["first of all", *(_cell(above, name, text) for name in names)]] if above else []
    for case, answer in cases.items():
        values = {entry["name"]: entry[key] for entry in answer["entries"]}
        least = [milliseconds(answer["bound_seconds"])] if bound else []
        rows.append([_title(case, run), *least, *(_cell(values, name, text) for name in names)])
    return table(["case", *(["bound"] if bound else []), *names], rows)


def _cell(values: Mapping[str, Any], name: str, text: Callable[[Any], str]) -> str:
    if values.get(name) is None:
        return "-"
    return f"**{text(values[name])}**" if name in OURS else str(text(values[name]))


def _title(name: str, run: Run) -> str:
    (case,) = (case for case in CASES if case.name == name)
    return f"{name} {case.title}, {' x '.join(f'{size:,}' for size in (case.quick if run.quick else case.shape))}"


def _grouped(lines: Sequence[str]) -> list[str]:
    """The cases of each reason on one line."""
    reasons: dict[str, list[str]] = {}
    for line in lines:
        case, _, rest = line.partition(": ")
        reasons.setdefault(rest, []).append(case)
    return [f"{rest} ({', '.join(cases)})" for rest, cases in reasons.items()]


def plot(run: Run, path: Path) -> None:
    """Ratios to the bound, one row of points a case; ours are filled."""
    from matplotlib.figure import Figure

    part, cases = next(iter(run.times.items()))
    names = shown([entry["name"] for answer in cases.values() for entry in answer["entries"]])
    figure = Figure(figsize=(10, 1.5 + 0.42 * len(cases)), layout="constrained")
    axes = figure.subplots()
    for place, name in enumerate(names):
        points = [
            (entry["ratio"], row) for row, answer in enumerate(cases.values()) for entry in answer["entries"]
            if entry["name"] == name
        ]  # fmt: skip
        colour = COLOURS[place % len(COLOURS)]
        face = colour if name in OURS else "none"
        axes.plot(
            *zip(*points, strict=True), linestyle="none", marker=MARKERS[place % len(MARKERS)], markersize=7,
            markeredgecolor=colour, markerfacecolor=face, label=name,
        )  # fmt: skip
    axes.axvline(1.0, color="0.5", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(cases)), [_title(case, run) for case in cases])
    axes.set_ylim(len(cases) - 0.5, -0.5)
    axes.grid(axis="both", color="0.9")
    axes.set_xlabel(f"time over the memory bound of the same run ({TITLES[part]}); filled: generated by lossdsl")
    figure.legend(loc="outside upper center", ncols=5, frameon=False)
    figure.savefig(path, dpi=130)
