"""What is measured: emitted NumPy and PyTorch code, and what people use today, asked for the same results.

The value is that of each element; derivatives are those of the sum of the elements, so that no division by their number
takes part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from lossdsl.accuracy.truth import Arguments, Key
from lossdsl.backends import registry
from lossdsl.backends.interface import Interface
from lossdsl.check.compare import Fault, attempt
from lossdsl.generated import import_generated
from lossdsl.meaning.core import Program

Results = dict[Key, Any]
"""Arrays; a `Fault` for what could not be computed."""


class Code(Protocol):
    """One implementation of a loss."""

    name: str

    def results(self, arguments: Arguments, wrt: tuple[str, ...], by_element: bool) -> Results: ...

    def total(self, arguments: Arguments) -> Any:
        """The sum of the elements, or a `Fault`."""


class _Emitted:
    """The functions of an emitted module."""

    def __init__(self, program: Program, backend: str) -> None:
        self.reduced = program.reduction is not None
        self.interface = Interface(program)
        self.module: ModuleType = import_generated(registry.emit(backend, [program]), program.name)

    def call(self, suffix: str, arguments: Arguments, reduction: str, **options: Any) -> Any:
        names = self.interface.arg_names
        given = {names[name]: value for name, value in arguments.items()}
        asked = {"reduction": reduction} if self.reduced else {}
        return getattr(self.module, self.interface.name + suffix)(**given, **asked, **options)


class NumpyCode:
    """The emitted NumPy module."""

    name = "NumPy"

    def __init__(self, program: Program) -> None:
        self._code = _Emitted(program, "numpy")

    def results(self, arguments: Arguments, wrt: tuple[str, ...], by_element: bool) -> Results:
        call = self._code.call
        found: Results = {("value", ""): attempt(lambda: call("", arguments, "none"))}
        gradients = attempt(lambda: call("_value_and_grad", arguments, "sum", wrt=wrt)[1]) if wrt else ()
        for place, name in enumerate(wrt):
            found["gradient", name] = gradients if isinstance(gradients, Fault) else gradients[place]
            found["Hessian diagonal", name] = attempt(partial(call, "_hess_diag", arguments, "sum", wrt=name))
        return found

    def total(self, arguments: Arguments) -> Any:
        return attempt(partial(self._code.call, "", arguments, "sum"))


class Differentiated:
    """A function of tensors that gives the elements, or with `reduction` their sum; autograd differentiates it."""

    def __init__(self, name: str, function: Callable[[Mapping[str, Any], str], Any], arrays: frozenset[str]) -> None:
        import torch

        self.torch = torch
        self.name = name
        self._function = function
        self._arrays = arrays

    def results(self, arguments: Arguments, wrt: tuple[str, ...], by_element: bool) -> Results:
        found: Results = {("value", ""): attempt(lambda: self._array(self._elements(arguments)))}
        for name in wrt:
            derivatives = attempt(partial(self._derivatives, arguments, name, by_element))
            fault = isinstance(derivatives, Fault)
            found["gradient", name] = derivatives if fault else derivatives[0]
            found["Hessian diagonal", name] = derivatives if fault else derivatives[1]
        return found

    def total(self, arguments: Arguments) -> Any:
        return attempt(lambda: self._array(self._function(self._given(arguments, None), "sum").sum()))

    def _elements(self, arguments: Arguments) -> Any:
        return self._function(self._given(arguments, None), "none")

    def _given(self, arguments: Arguments, wrt: str | None) -> dict[str, Any]:
        given = {n: self.torch.as_tensor(v) if n in self._arrays else v for n, v in arguments.items()}
        return given if wrt is None else {**given, wrt: given[wrt].clone().requires_grad_()}

    def _derivatives(self, arguments: Arguments, wrt: str, by_element: bool) -> tuple[Any, Any]:
        given = self._given(arguments, wrt)
        total = self._function(given, "sum").sum()
        gradient = self._gradient(total, given[wrt])
        diagonal = attempt(lambda: self._diagonal(gradient, given[wrt], by_element))
        return self._array(gradient), diagonal

    def _diagonal(self, gradient: Any, x: Any, by_element: bool) -> Any:
        """Of independent elements the derivative of the sum of the gradient; else row by row of the Hessian."""
        if by_element:
            return self._array(self._gradient(gradient.sum(), x))
        diagonal = np.zeros(tuple(gradient.shape), dtype=self._array(gradient).dtype)
        for place in np.ndindex(diagonal.shape):
            diagonal[place] = self._array(self._gradient(gradient[place], x))[place]
        return diagonal

    def _gradient(self, value: Any, x: Any) -> Any:
        """Zeros where autograd finds no way from x to the value."""
        if not value.requires_grad:
            return self.torch.zeros_like(x)
        (found,) = self.torch.autograd.grad(value, [x], allow_unused=True, create_graph=True)
        return self.torch.zeros_like(x) if found is None else found

    def _array(self, tensor: Any) -> Any:
        return tensor.numpy(force=True)


def arrays_of(program: Program) -> frozenset[str]:
    """The arguments that are tensors in PyTorch."""
    return frozenset(arg.name for arg in program.args if arg.axes or arg.role != "hyper")


def torch_code(program: Program) -> Differentiated:
    """The emitted PyTorch module, whose gradient is in closed form."""
    code = _Emitted(program, "torch")
    return Differentiated("PyTorch", lambda given, reduction: code.call("", given, reduction), arrays_of(program))
