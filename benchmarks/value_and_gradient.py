"""Value and gradient: generated code against PyTorch, as ratios within one run.

    python benchmarks/value_and_gradient.py [--quick] [--threads 1]

Each figure is time over the memory bound of the same run: the time to read every input once and write every gradient
once.  Cases take turns, so that a slow moment of the machine hits them all; figures are medians.  Inputs are float32.
Ratios can be compared between machines, milliseconds can not, so milliseconds are not printed.

At 40 MB and more, a fresh gradient costs PyTorch page faults that NumPy's allocator avoids by asking for huge pages.
MALLOC_MMAP_THRESHOLD_=2000000000 MALLOC_TRIM_THRESHOLD_=4000000000 in the environment takes that away.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table

import lossdsl
from lossdsl.cli.timing import interleaved

EXAMPLES = Path(__file__).parent.parent / "examples"


@dataclass(frozen=True)
class Case:
    name: str
    loss: lossdsl.Loss
    arrays: dict[str, np.ndarray[Any, Any]]
    """Predictions first, then data."""
    formula: Callable[..., torch.Tensor]
    """The loss as one would type it in PyTorch."""
    built_in: Callable[..., torch.Tensor]
    """The same with the functions that PyTorch has for it."""


def huber_mse(n: int) -> Case:
    rng = np.random.default_rng(0)

    def formula(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        r = pred - target
        huber = torch.where(r.abs() <= 1.0, r**2 / 2, r.abs() - 0.5)
        return (0.7 * huber + 0.3 * r**2).mean()

    def built_in(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return 0.7 * F.huber_loss(pred, target) + 0.3 * F.mse_loss(pred, target)

    arrays = {name: rng.normal(size=n).astype(np.float32) for name in ("pred", "target")}
    return Case(
        f"Huber/MSE mix, {n:,}", lossdsl.load(EXAMPLES / "huber_mse.loss")["huber_mse"], arrays, formula, built_in
    )


def cross_entropy(n: int, c: int) -> Case:
    rng = np.random.default_rng(0)

    def formula(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return (torch.logsumexp(logits, 1) - logits[torch.arange(n), label]).mean()

    arrays = {"logits": rng.normal(size=(n, c)).astype(np.float32), "label": rng.integers(0, c, size=n)}
    loss = lossdsl.load(EXAMPLES / "cross_entropy.loss")["cross_entropy"]
    return Case(f"cross-entropy, {n:,} x {c:,}", loss, arrays, formula, F.cross_entropy)


def memory_bound(arrays: dict[str, np.ndarray[Any, Any]]) -> Callable[[], object]:
    """Read what must be read, write what must be written, compute nothing."""
    prediction, *data = arrays.values()
    out = np.empty_like(prediction)
    if data[0].shape == prediction.shape:
        return lambda: np.add(prediction, data[0], out=out)
    return lambda: np.copyto(out, prediction)  # labels are too few to count


def ratios(case: Case) -> dict[str, float]:
    """Time over the memory bound, by way of computing; the ways must agree before they are timed."""
    tensors = {name: torch.from_numpy(array) for name, array in case.arrays.items()}
    wrt = next(iter(tensors.values())).requires_grad_()
    numpy_code = case.loss.numpy()

    def in_torch(function: Callable[..., torch.Tensor]) -> Callable[[], Any]:
        return lambda: torch.autograd.grad(function(*tensors.values()), wrt)[0]

    cases: dict[str, Callable[[], Any]] = {
        "NumPy, generated": lambda: numpy_code.value_and_grad(**case.arrays)[1],
        "PyTorch, generated": in_torch(case.loss.torch()),
        "PyTorch, generated for autograd": in_torch(case.loss.torch(backward="autograd")),
        "PyTorch, formula": in_torch(case.formula),
        "PyTorch, built-in": in_torch(case.built_in),
    }
    expected = np.asarray(cases["PyTorch, built-in"]())
    for name, run in cases.items():
        np.testing.assert_allclose(
            np.asarray(run()), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max(), err_msg=name
        )
    times = interleaved({"bound": memory_bound(case.arrays), **cases})
    return {name: times[name] / times["bound"] for name in cases}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes only")
    parser.add_argument("--threads", type=int, default=1, help="threads that PyTorch may use")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cases = [huber_mse(1_000), huber_mse(100_000), cross_entropy(1_024, 10)]
    if not options.quick:
        cases += [huber_mse(10_000_000), cross_entropy(65_536, 10), cross_entropy(8_192, 1_000)]
    rows = {case.name: ratios(case) for case in cases}
    table = Table(title=f"value and gradient: time over the memory bound, {options.threads} thread(s)")
    table.add_column("case", no_wrap=True)
    for heading in next(iter(rows.values())):
        table.add_column(heading, justify="right")
    for name, row in rows.items():
        table.add_row(name, *(f"{ratio:.3g}" for ratio in row.values()))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


if __name__ == "__main__":
    main()
