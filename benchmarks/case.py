"""One case: a loss, inputs of a size, and the same loss as people write it elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import lossdsl

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]


@dataclass(frozen=True)
class Written:
    """A loss as it is typed in other tools.  Functions take the inputs in order, predictions first.

    formula: the value, from `xp` (the functions of PyTorch or of JAX under common names) and arrays.
    numpy: (value, gradients...), derived by hand, whole arrays at a time; computes in the dtype of its inputs.
    built_in: the value by functions that PyTorch has for it; None where it has none.
    numba: makes a compiled function that gives (value, gradients...), one loop typed by hand.
    elements: for losses that are a mean over elements: value and derivative of one, for numexpr, and for SymPy.
    """

    formula: Callable[..., Any]
    numpy: Callable[..., tuple[Any, ...]]
    built_in: Callable[..., Any] | None = None
    numba: Callable[[], Callable[..., tuple[Any, ...]]] | None = None
    numexpr: tuple[str, str] | None = None
    sympy: Callable[[Any, Any, Any], Any] | None = None


@dataclass(frozen=True)
class Case:
    """`predictions`: how many of the inputs are differentiated, from the first on.

    products: a call that does the matrix products that nobody can do without, where these are the bound.
    """

    name: str
    title: str
    loss: Callable[[], lossdsl.Loss]
    written: Written
    inputs: Callable[[np.random.Generator, tuple[int, ...]], Arrays]
    shape: tuple[int, ...]
    quick: tuple[int, ...]
    settings: dict[str, float] = field(default_factory=dict)
    predictions: int = 1
    products: Callable[..., Callable[[], object]] | None = None

    def arrays(self, quick: bool) -> Arrays:
        """The same inputs in every run."""
        return self.inputs(np.random.default_rng(0), self.quick if quick else self.shape)

    def reference(self, arrays: Arrays) -> tuple[Any, ...]:
        """Value and gradients in double precision, derived by hand."""
        return self.written.numpy(*(x.astype(np.float64) if x.dtype == np.float32 else x for x in arrays.values()))


def shipped(file: str, name: str) -> Callable[[], lossdsl.Loss]:
    """A loss of the catalogue."""
    return lambda: lossdsl.catalogue[file][name]


def typed(text: str) -> Callable[[], lossdsl.Loss]:
    """A loss of a text."""
    return lambda: lossdsl.loss(text)


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.standard_normal(shape, dtype=np.float32)
