"""What the generated code does, counted: `python -m benchmarks.counts`.

Counts are the same on every machine and at every hour.  All but operations are per number of the predictions: they say
how often the memory is gone over.

numpy operations  operators, comparisons and calls in the text of the value-and-gradient function and of the functions
                  that were emitted for it; those that every module brings along count as calls
numpy peak        largest memory that NumPy holds at once during a call, results among it
torch operations  operations that PyTorch dispatches for value and gradient and that make something new
torch moved       numbers that these read and write
torch large       numbers in tensors that these make and that are at least a quarter as large as the predictions,
                  freed again or not: smaller ones come back from the allocator warm
"""

from __future__ import annotations

import ast
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np

from benchmarks.case import Array, Case
from benchmarks.child import CASES
from lossdsl.backends.numpy.support import runtime_functions
from lossdsl.bench.table import markdown
from lossdsl.functions.sources import helper_names

SIZES = {
    "R1a": (65_536, 10), "R1b": (1_024, 1_000), "R2": (16, 65_536), "R3": (16, 65_536),
    "P1": (256, 64), "P3": (16_384,), "P4": (64, 128),
}  # fmt: skip
"""Large enough that small arrays do not count; other sizes are those of quick runs, or this many elements."""
ELEMENTS = (1 << 20,)
COUNTED = ("E1c", "E2", "E3", "E4", "E5", "E6", "R1a", "R1b", "R2", "R3", "P1", "P3", "P4")


@dataclass(frozen=True)
class Counts:
    """See the docstring of the module; the last four are rounded up to tenths."""

    numpy_operations: int
    numpy_peak: float
    torch_operations: int
    torch_moved: float
    torch_large: float


def counted(case: Case) -> Counts:
    """The counts of one case."""
    shape = ELEMENTS if case.name.startswith("E") else SIZES.get(case.name, case.shape)
    arrays = case.inputs(np.random.default_rng(0), shape)
    predictions = list(arrays.values())[: case.predictions]
    size = sum(array.nbytes for array in predictions)
    operations, moved, made = _torch_counts(case, arrays)
    large = sum(count for count in made if 4 * count >= size)
    peak = _numpy_peak(case, arrays)
    return Counts(_numpy_operations(case), _tenths(peak, size), operations, _tenths(moved, size), _tenths(large, size))


def _tenths(count: int, size: int) -> float:
    return -(-10 * count // size) / 10


# ---------------------------------------------------------------- NumPy


def _numpy_peak(case: Case, arrays: dict[str, Array]) -> int:
    code = case.loss().numpy(threads=1)  # each thread has blocks of its own
    wrt = tuple(arrays)[: case.predictions]
    if (buffers := getattr(code.module, "_buffers", None)) is not None:
        buffers.enabled = False  # what is kept from one call to the next is memory of this one
    code.value_and_grad(**arrays, **case.settings, wrt=wrt)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        code.value_and_grad(**arrays, **case.settings, wrt=wrt)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def _numpy_operations(case: Case) -> int:
    """Operators, comparisons and calls in the function for value and gradient, and in those that it calls by name."""
    loss = case.loss()
    code = loss.numpy()
    brought = runtime_functions().keys() | helper_names("numpy")
    defined = [node for node in ast.parse(code.source).body if isinstance(node, ast.FunctionDef)]
    functions = {node.name: node for node in defined if node.name not in brought}
    done: dict[str, int] = {}
    pending = [f"{code.name}_value_and_grad"]
    while pending:
        name = pending.pop()
        if name in done:
            continue
        done[name] = sum(
            isinstance(node, ast.BinOp | ast.UnaryOp | ast.Compare | ast.Call) for node in _body(functions[name])
        )
        called = (node.id for node in _body(functions[name]) if isinstance(node, ast.Name))
        pending += [each for each in called if each in functions]
    return sum(done.values())


def _body(function: ast.FunctionDef) -> Iterator[ast.AST]:
    for statement in function.body:
        yield from ast.walk(statement)


# ---------------------------------------------------------------- PyTorch


def _torch_counts(case: Case, arrays: dict[str, Array]) -> tuple[int, int, list[int]]:
    """One value and gradient, with the module as it is by default."""
    import torch

    module = case.loss().torch(**case.settings)
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    wanted = [tensors[name].requires_grad_() for name in list(arrays)[: case.predictions]]
    torch.autograd.grad(module(**tensors), wanted)
    return torch_work(lambda: torch.autograd.grad(module(**tensors), wanted))


def torch_work(call: Callable[[], object]) -> tuple[int, int, list[int]]:
    """Operations that make something new, bytes that operations read and write, bytes of each tensor that they make."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Recorder(TorchDispatchMode):
        operations = moved = 0

        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = function(*args, **(kwargs or {}))
            given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
            made = [x for x in tree_leaves(result) if isinstance(x, torch.Tensor)]
            known = {x.untyped_storage().data_ptr() for x in given}
            fresh = [_bytes(x) for x in made if x.untyped_storage().data_ptr() not in known]
            self.operations += bool(fresh)
            sizes.extend(fresh)
            if fresh or any(a is b for a in given for b in made):  # something new, or in place: no view
                self.moved += sum(map(_bytes, given)) + sum(fresh)
            return result

    sizes: list[int] = []
    with Recorder() as recorder:
        call()
    return recorder.operations, recorder.moved, sizes


def _bytes(tensor: Any) -> int:
    """Of what is in memory: an axis that was only spread out counts once."""
    count = 1
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        count *= size if stride else 1
    return count * int(tensor.element_size())


# ---------------------------------------------------------------- as a table


def table(cases: Sequence[Case]) -> str:
    headings = ["case", *(field.name.replace("_", " ") for field in fields(Counts))]
    return markdown(headings, [[f"{case.name} {case.title}", *map(str, astuple(counted(case)))] for case in cases])


def counted_cases() -> list[Case]:
    return [case for case in CASES if case.name in COUNTED]


if __name__ == "__main__":
    print(table(counted_cases()))
