"""What takes part for any loss: the code that is generated of it, and PyTorch on the same formula."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossdsl.api import Loss

Results = tuple[Any, ...]
"""The value, then the gradients, as whatever NumPy can take for arrays."""


@dataclass(frozen=True)
class Contender:
    """`prepare` makes the call; emission, compilation and imports of generated code are part of it."""

    name: str
    prepare: Callable[[], Callable[[], Results]]


class NotHere(Exception):
    """A contender can not take part; the message says why."""


def generated(
    loss: Loss, arrays: Mapping[str, np.ndarray[Any, Any]], settings: Mapping[str, Any], threads: int | None = None
) -> list[Contender]:
    """What lossdsl makes of a loss: value and gradient by all predictions."""
    wrt = tuple(name for name in loss.differentiable if name in arrays)

    def arrays_through(make: Callable[[], Any]) -> Callable[[], Callable[[], Results]]:
        def prepare() -> Callable[[], Results]:
            code = make()
            named = numpy_names(loss, {**arrays, **settings})

            def call() -> Results:
                value, gradients = code.value_and_grad(**named, wrt=wrt)
                return (value, *gradients)

            return call

        return prepare

    def module(**options: Any) -> Callable[[], Callable[[], Results]]:
        return lambda: _by_autograd(loss, arrays, settings, **options)

    return [
        Contender("NumPy", arrays_through(lambda: loss.numpy(threads=threads))),
        Contender("native", arrays_through(lambda: loss.native(threads=threads))),
        Contender("PyTorch", module()),
        Contender("PyTorch, native kernel", module(kernel="native")),
        Contender("PyTorch, no autograd", lambda: _direct(loss, arrays, settings)),
    ]


def formula_in_torch(
    loss: Loss, arrays: Mapping[str, np.ndarray[Any, Any]], settings: Mapping[str, Any]
) -> list[Contender]:
    """PyTorch's autograd on the formula, emitted as plain operations: eagerly, and compiled by PyTorch."""

    def eager() -> Callable[[], Results]:
        return _by_autograd(loss, arrays, settings, backward="autograd")

    def compiled() -> Callable[[], Results]:
        named, chosen, wrt = _torch_names(loss, arrays, settings)
        return compiled_by_torch(lambda: loss.torch(backward="autograd", **chosen), named, wrt)

    return [Contender("autograd, eager", eager), Contender("autograd, torch.compile", compiled)]


def numpy_names(loss: Loss, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by the names that arguments have in Python: `lambda_` for `lambda`."""
    from lossdsl.backends.numpy.support import numpy_interface

    names = numpy_interface(loss.program).arg_names
    return {names[name]: value for name, value in values.items()}


def _torch_names(
    loss: Loss, arrays: Mapping[str, np.ndarray[Any, Any]], settings: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any], list[str]]:
    """The same for arrays, settings, and the arrays that are differentiated."""
    from lossdsl.backends.torch.names import interface_of

    names = interface_of(loss.program).arg_names
    wrt = [names[name] for name in loss.differentiable if name in arrays]
    return {names[n]: a for n, a in arrays.items()}, {names[n]: value for n, value in settings.items()}, wrt


def _by_autograd(
    loss: Loss, arrays: Mapping[str, np.ndarray[Any, Any]], settings: Mapping[str, Any], **options: Any
) -> Callable[[], Results]:
    _torch()
    named, chosen, wrt = _torch_names(loss, arrays, settings)
    return differentiated(loss.torch(**options, **chosen), named, wrt)


def differentiated(
    function: Callable[..., Any], arrays: Mapping[str, np.ndarray[Any, Any]], wrt: Sequence[str]
) -> Callable[[], Results]:
    """A call that gives the value of a function of tensors, and its gradients by autograd."""
    torch = _torch()
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    tensors |= {name: tensors[name].clone().requires_grad_() for name in wrt}
    wanted = [tensors[name] for name in wrt]

    def call() -> Results:
        value = function(**tensors)
        return (value.detach(), *torch.autograd.grad(value, wanted))

    return call


def compiled_by_torch(
    make: Callable[[], Callable[..., Any]], arrays: Mapping[str, np.ndarray[Any, Any]], wrt: Sequence[str]
) -> Callable[[], Results]:
    """The same for the function that `torch.compile` makes, for the shapes of these arrays."""
    import warnings

    torch = _torch()
    torch._dynamo.reset()  # nothing that was learned of other sizes, and no limit on how often a function is compiled
    call = differentiated(torch.compile(make(), dynamic=False), arrays, wrt)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch about itself
        try:
            call()
        except RuntimeError as error:  # it has no compiler, or meets something that it can not compile
            raise NotHere(f"torch.compile failed: {str(error).strip().splitlines()[0][:100]}") from None
    return call


def _direct(
    loss: Loss, arrays: Mapping[str, np.ndarray[Any, Any]], settings: Mapping[str, Any]
) -> Callable[[], Results]:
    """The function of the generated module that computes value and gradient, called by itself.

    What the module hands to it, once its arguments are checked, is caught in a first call.
    """
    torch = _torch()
    module = loss.compile("torch", backward="closed")
    inner = getattr(module, "_value_and_gradient", None)
    if inner is None:
        raise NotHere("the module has no function of its own for value and gradient")
    caught: list[tuple[Any, ...]] = []

    def catching(*given: Any) -> Any:
        caught.append(given)
        return inner(*given)

    module.__dict__["_value_and_gradient"] = catching
    try:
        _by_autograd(loss, arrays, settings)()
    finally:
        module.__dict__["_value_and_gradient"] = inner
    if not caught:
        raise NotHere("the module does not compute value and gradient in one function")

    def call() -> Results:
        with torch.no_grad():
            return tuple(inner(*caught[0]))

    return call


def _torch() -> Any:
    if importlib.util.find_spec("torch") is None:
        raise NotHere("PyTorch is not installed")
    import torch

    return torch
