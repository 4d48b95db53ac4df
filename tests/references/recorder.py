"""Records what well-known libraries give for losses of the catalogue: inputs, values and gradients, as JSON.

A script `record_FAMILY.py` describes one call of a library per loss; running it writes `FAMILY.json`, which the tests
read, so that they need none of those libraries:

    python tests/references/record_regression.py

Scripts that are named after packages instead record several families at once, each entry with its family.
`requirements.txt` pins the libraries.  Inputs are drawn from a fixed seed or typed by hand.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import differences
import numpy as np

FOLDER = Path(__file__).parent

Arrays = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """One call of a catalogue loss, and of the library with the same arguments.

    `inputs` are the arrays (and scalars) of the loss, by name; `hyper` its hyperparameters; `reduction` is passed to
    the loss ("mean", "sum", "none"), None leaves it out.  `smooth` is False at a kink or at the end of the domain, where
    differences find no gradient.
    """

    inputs: Arrays
    hyper: Mapping[str, float] = field(default_factory=dict)
    reduction: str | None = None
    smooth: bool = True


@dataclass(frozen=True)
class Reference:
    """What a library says about a loss.

    `function(*inputs, **hyper)` calls the library with tensors of float64 (whole numbers: int64) and returns the value;
    torch then makes float64 of what it would make float32 by default or by `.float()`;
    with reduction "none", or for results with axes, an array, whose sum is differentiated.  With `through` "torch" or
    "jax" the gradient with respect to `wrt` is that of the library's own autograd; with "numpy" the function returns
    (value, {name: gradient}), and gradients of `wrt` that the library does not have are taken by differences.
    `tolerance` is relative to the largest magnitude; a wider one than the default needs a `note`.
    """

    loss: str
    library: str
    name: str
    function: Callable[..., Any]
    calls: Sequence[Call]
    wrt: Sequence[str] = ()
    through: Literal["torch", "jax", "numpy"] = "torch"
    tolerance: float = 1e-9
    note: str = ""


def record(name: str, references: Sequence[Reference] | Mapping[str, Sequence[Reference]]) -> None:
    """Write `NAME.json`: one entry per reference, in order; `references` of several families are given by family."""
    families = references if isinstance(references, Mapping) else {name: references}
    entries = [_entry(family, reference) for family, found in families.items() for reference in found]
    text = ",\n".join(_layout(entry) for entry in entries)
    (FOLDER / f"{name}.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")
    print(f"{name}: {len(entries)} references for {len({entry['loss'] for entry in entries})} losses")


def _entry(family: str, reference: Reference) -> dict[str, Any]:
    if reference.tolerance > 1e-9 and not reference.note:
        raise ValueError(f"{reference.loss}: a wide tolerance needs a note that says why")
    return {
        "family": family,
        "loss": reference.loss,
        "library": f"{reference.library} {importlib.metadata.version(reference.library)}",
        "function": reference.name,
        "tolerance": reference.tolerance,
        "note": reference.note,
        "calls": [_call(reference, call) for call in reference.calls],
    }


def _call(reference: Reference, call: Call) -> dict[str, Any]:
    inputs = {name: _array(value) for name, value in call.inputs.items()}
    value, gradient = EVALUATE[reference.through](reference, inputs, dict(call.hyper))
    if call.smooth and reference.through == "numpy":
        gradient = gradient | _missing(reference, inputs, dict(call.hyper), set(gradient))
    return {
        "inputs": {name: array.tolist() for name, array in inputs.items()},
        "hyper": dict(call.hyper),
        "reduction": call.reduction,
        "value": np.asarray(value, dtype=float).tolist(),
        "gradient": {name: np.asarray(array, dtype=float).tolist() for name, array in gradient.items()},
    }


def _array(value: Any) -> np.ndarray:
    array = np.asarray(value)
    return array.astype(np.int64 if array.dtype.kind in "biu" else np.float64)


def _by_torch(reference: Reference, inputs: dict[str, np.ndarray], hyper: dict[str, float]) -> Any:
    import torch

    tensors = {name: torch.tensor(array) for name, array in inputs.items()}
    for name in reference.wrt:
        tensors[name].requires_grad_()
    with _in_double():
        value = reference.function(*tensors.values(), **hyper)
    # A gradient that the library stops is zero.
    wrt = [tensors[name] for name in reference.wrt]
    grads = torch.autograd.grad(value.sum(), wrt, materialize_grads=True) if wrt else []
    return value.detach().numpy(), {n: g.numpy() for n, g in zip(reference.wrt, grads, strict=True)}


@contextlib.contextmanager
def _in_double() -> Iterator[None]:
    """What a library makes of the default dtype, or by `.float()`, is float64: the formula stays, its rounding goes."""
    import torch

    dtype, single = torch.get_default_dtype(), torch.Tensor.float
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.Tensor.float = single


def _by_jax(reference: Reference, inputs: dict[str, np.ndarray], hyper: dict[str, float]) -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    value = reference.function(*inputs.values(), **hyper)
    gradient = {}
    for name in reference.wrt:

        def total(x: Any, name: str = name) -> Any:
            return reference.function(*(inputs | {name: x}).values(), **hyper).sum()

        gradient[name] = jax.grad(total)(inputs[name])
    return value, gradient


def _by_numpy(reference: Reference, inputs: dict[str, np.ndarray], hyper: dict[str, float]) -> Any:
    return reference.function(*inputs.values(), **hyper)


def _missing(
    reference: Reference, inputs: dict[str, np.ndarray], hyper: dict[str, float], given: set[str]
) -> dict[str, np.ndarray]:
    """The gradients of `wrt` that a function of NumPy does not return."""

    def value(*arguments: Any) -> Any:
        return reference.function(*arguments, **hyper)[0]

    return {name: differences.gradient(value, inputs, name) for name in reference.wrt if name not in given}


EVALUATE = {"torch": _by_torch, "jax": _by_jax, "numpy": _by_numpy}


def _layout(entry: dict[str, Any]) -> str:
    """One line per input and per result."""
    head = json.dumps({key: entry[key] for key in entry if key != "calls"}, ensure_ascii=False)[:-1]
    calls = ",\n".join(
        "  {" + ",\n   ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in call.items()) + "}"
        for call in entry["calls"]
    )
    return f'{head}, "calls": [\n{calls}]}}'
