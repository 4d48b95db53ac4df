"""Functions of Python numbers in emitted code: of hyperparameters and sizes alone.

Each function of the table that can meet a hyperparameter has a function `_host_NAME` in `host_functions`.
"""

from __future__ import annotations

from collections.abc import Sequence

from lossdsl.backends.torch.prelude import definitions
from lossdsl.diagnostics import CompilerBug


def text(op: str, args: Sequence[str]) -> str:
    """The call that computes a function of Python numbers."""
    name = f"_host_{op}"
    if name not in definitions("host_functions"):
        raise CompilerBug(f"{op} of Python numbers has no function in lossdsl/backends/torch/host_functions.py")
    return f"{name}({', '.join(args)})"
