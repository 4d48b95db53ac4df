"""Records what well-known libraries give for losses of the catalogue: inputs, values and gradients, as JSON.

A script `record_FAMILY.py` describes one call of a library per loss; running it writes `FAMILY.json`, which the tests
read, so that they need none of those libraries:

    python tests/references/record_regression.py

`requirements.txt` pins the libraries.  Inputs are drawn from a fixed seed or typed by hand.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

FOLDER = Path(__file__).parent

Arrays = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """One call of a catalogue loss, and of the library with the same arguments.

    `inputs` are the arrays (and scalars) of the loss, by name; `hyper` its hyperparameters; `reduction` is passed to
    the loss ("mean", "sum", "none"), None leaves it out.
    """

    inputs: Arrays
    hyper: Mapping[str, float] = field(default_factory=dict)
    reduction: str | None = None


@dataclass(frozen=True)
class Reference:
    """What a library says about a loss.

    `function(*inputs, **hyper)` calls the library with tensors of float64 (whole numbers: int64) and returns the value;
    with reduction "none", or for results with axes, an array, whose sum is differentiated.  With `through` "torch" or
    "jax" the gradient with respect to `wrt` is that of the library's own autograd; with "numpy" the function returns
    (value, {name: gradient}), where gradients that the library does not have are left out.
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


def record(family: str, references: Sequence[Reference]) -> None:
    """Write `FAMILY.json`: one entry per reference, in order."""
    entries = [_entry(reference) for reference in references]
    text = ",\n".join(_layout(entry) for entry in entries)
    (FOLDER / f"{family}.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")
    print(f"{family}: {len(entries)} references for {len({r.loss for r in references})} losses")


def _entry(reference: Reference) -> dict[str, Any]:
    if reference.tolerance > 1e-9 and not reference.note:
        raise ValueError(f"{reference.loss}: a wide tolerance needs a note that says why")
    return {
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
    value = reference.function(*tensors.values(), **hyper)
    grads = torch.autograd.grad(value.sum(), [tensors[n] for n in reference.wrt]) if reference.wrt else []
    return value.detach().numpy(), {n: g.numpy() for n, g in zip(reference.wrt, grads, strict=True)}


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


EVALUATE = {"torch": _by_torch, "jax": _by_jax, "numpy": _by_numpy}


def _layout(entry: dict[str, Any]) -> str:
    """One line per input and per result."""
    head = json.dumps({key: entry[key] for key in entry if key != "calls"}, ensure_ascii=False)[:-1]
    calls = ",\n".join(
        "  {" + ",\n   ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in call.items()) + "}"
        for call in entry["calls"]
    )
    return f'{head}, "calls": [\n{calls}]}}'
