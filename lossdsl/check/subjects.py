"""The code under check: modules that back ends emit, called with the arguments of a point."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Literal, Protocol

import numpy as np

from lossdsl.backends import registry
from lossdsl.backends.numpy.support import numpy_interface
from lossdsl.backends.torch.names import interface_of
from lossdsl.generated import import_generated
from lossdsl.meaning.core import Program

Arguments = Mapping[str, Any]
Reduction = Literal["mean", "sum", "none"]


class Subject(Protocol):
    """Emitted code; every result is a NumPy array, or a dictionary of them."""

    name: str

    def value(self, arguments: Arguments, reduction: Reduction | None = None) -> Any: ...

    def gradient(
        self, arguments: Arguments, wrt: Sequence[str], reduction: Reduction | None = None
    ) -> Sequence[Any]: ...

    def hessian_diagonal(self, arguments: Arguments, wrt: str) -> Any: ...

    def hvp(self, arguments: Arguments, wrt: Sequence[str], vectors: Sequence[Any]) -> Sequence[Any]: ...

    def terms(self, arguments: Arguments) -> Mapping[str, Any]: ...

    def predict(self, arguments: Arguments) -> Any: ...


class _Module:
    """The functions of an emitted module, by what follows the name of the loss in theirs."""

    def __init__(self, program: Program, backend: str, **options: Any) -> None:
        self.program = program
        self.interface = numpy_interface(program) if backend == "numpy" else interface_of(program)
        self.module: ModuleType = import_generated(registry.emit(backend, [program], **options), program.name)

    def call(self, suffix: str, arguments: Arguments, **options: Any) -> Any:
        names = self.interface.arg_names
        given = {names[name]: value for name, value in arguments.items()}
        kept = {key: value for key, value in options.items() if value is not None}
        return getattr(self.module, self.interface.name + suffix)(**given, **kept)

    def predicting(self, arguments: Arguments) -> dict[str, Any]:
        """Data are not asked for where it is only predicted."""
        data = {arg.name for arg in self.program.args if arg.role == "data"}
        return {name: value for name, value in arguments.items() if name not in data}


class NumpyCode:
    """The emitted NumPy module."""

    name = "NumPy"

    def __init__(self, program: Program) -> None:
        self._code = _Module(program, "numpy")

    def value(self, arguments: Arguments, reduction: Reduction | None = None) -> Any:
        return self._code.call("", arguments, reduction=reduction, validate=True)

    def gradient(self, arguments: Arguments, wrt: Sequence[str], reduction: Reduction | None = None) -> Sequence[Any]:
        gradients: Sequence[Any] = self._code.call(
            "_value_and_grad", arguments, wrt=tuple(wrt), reduction=reduction
        )[1]  # fmt: skip
        return gradients

    def hessian_diagonal(self, arguments: Arguments, wrt: str) -> Any:
        return self._code.call("_hess_diag", arguments, wrt=wrt)

    def hvp(self, arguments: Arguments, wrt: Sequence[str], vectors: Sequence[Any]) -> Sequence[Any]:
        products: Sequence[Any] = self._code.call("_hvp", arguments, wrt=tuple(wrt), vector=tuple(vectors))
        return products

    def terms(self, arguments: Arguments) -> Mapping[str, Any]:
        terms: Mapping[str, Any] = self._code.call("_terms", arguments)
        return terms

    def predict(self, arguments: Arguments) -> Any:
        return self._code.call("_predict", self._code.predicting(arguments))


class TorchCode:
    """The emitted PyTorch module: its gradient in closed form, or left to autograd."""

    def __init__(self, program: Program, backward: Literal["closed", "autograd"]) -> None:
        import torch

        self.torch = torch
        self.name = "PyTorch" if backward == "closed" else "autograd"
        self._code = _Module(program, "torch", backward=backward)
        self._tensors = {arg.name for arg in program.args if arg.axes or arg.role != "hyper"}

    def value(self, arguments: Arguments, reduction: Reduction | None = None) -> Any:
        return self._array(self._value(self._given(arguments), reduction))

    def gradient(self, arguments: Arguments, wrt: Sequence[str], reduction: Reduction | None = None) -> Sequence[Any]:
        given = self._given(arguments, wrt)
        return [self._array(g) for g in self._first(given, wrt, reduction, twice=False)]

    def hessian_diagonal(self, arguments: Arguments, wrt: str) -> Any:
        """Row by row of the Hessian, by differentiating every entry of the gradient."""
        given = self._given(arguments, [wrt])
        (gradient,) = self._first(given, [wrt], None, twice=True)
        diagonal = np.zeros(gradient.shape, dtype=self._array(gradient).dtype)
        for place in np.ndindex(diagonal.shape):
            (row,) = self._derivatives(gradient[place], [given[wrt]])
            diagonal[place] = self._array(row)[place]
        return diagonal

    def hvp(self, arguments: Arguments, wrt: Sequence[str], vectors: Sequence[Any]) -> Sequence[Any]:
        given = self._given(arguments, wrt)
        gradients = self._first(given, wrt, None, twice=True)
        along = sum((g * self.torch.as_tensor(v)).sum() for g, v in zip(gradients, vectors, strict=True))
        return [self._array(product) for product in self._derivatives(along, [given[name] for name in wrt])]

    def terms(self, arguments: Arguments) -> Mapping[str, Any]:
        found = self._code.call("_terms", self._given(arguments))
        return {name: self._array(term) for name, term in found.items()}

    def predict(self, arguments: Arguments) -> Any:
        found = self._code.call("_predict", self._given(self._code.predicting(arguments)))
        return {n: self._array(p) for n, p in found.items()} if isinstance(found, Mapping) else self._array(found)

    # ------------------------------------------------------------ tensors

    def _given(self, arguments: Arguments, wrt: Sequence[str] = ()) -> dict[str, Any]:
        given = {n: self.torch.as_tensor(v) if n in self._tensors else v for n, v in arguments.items()}
        return given | {name: given[name].clone().requires_grad_() for name in wrt}

    def _value(self, given: Arguments, reduction: Reduction | None) -> Any:
        return self._code.call("", given, reduction=reduction)

    def _first(self, given: Arguments, wrt: Sequence[str], reduction: Reduction | None, twice: bool) -> list[Any]:
        value = self._value(given, reduction)
        return self._derivatives(value.sum(), [given[name] for name in wrt], twice)

    def _derivatives(self, value: Any, inputs: Sequence[Any], twice: bool = False) -> list[Any]:
        """Zeros where autograd finds no way from the input to the value."""
        if not isinstance(value, self.torch.Tensor) or not value.requires_grad:
            return [self.torch.zeros_like(each) for each in inputs]
        found = self.torch.autograd.grad(
            value, inputs, allow_unused=True, create_graph=twice, retain_graph=True
        )  # fmt: skip
        return [self.torch.zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True)]

    def _array(self, tensor: Any) -> Any:
        return tensor.numpy(force=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch, where it is in use, works in one thread: on a few numbers others only wait for each other."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def missing(backend: str) -> str:
    """Why a back end's code can not run here; empty if it can."""
    if importlib.util.find_spec("torch" if backend == "torch" else "numpy") is None:
        return f"{backend} is not installed"
    return ""
