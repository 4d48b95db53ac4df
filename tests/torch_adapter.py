"""The functions of a generated PyTorch module under the names and with the results of the NumPy one.

So that what judges NumPy code judges both forms of the PyTorch code, too: arrays in and out, derivatives by autograd.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import torch

from lossdsl.backends.interface import Interface

Tensors = dict[str, Any]


class TorchAsNumpy:
    """`NAME`, `NAME_value_and_grad`, `NAME_hess_diag`, `NAME_hvp`, `NAME_terms` and `NAME_predict` on arrays."""

    def __init__(self, module: ModuleType, interface: Interface) -> None:
        self.module, self.name, self.names = module, interface.name, interface.arg_names
        self.numbers = {interface.arg_names[arg.name] for arg in interface.hosts}

    def __getattr__(self, attribute: str) -> Any:
        suffix = attribute.removeprefix(self.name)
        methods = {
            "": self.value,
            "_value_and_grad": self.value_and_grad,
            "_hess_diag": self.hess_diag,
            "_hvp": self.hvp,
            "_terms": self.terms,
            "_predict": self.predict,
        }
        return methods[suffix]

    def value(self, **given: Any) -> Any:
        return array(self._value(self._tensors(given), given))

    def value_and_grad(self, *, wrt: Any, **given: Any) -> Any:
        tensors = self._tensors(given, wrt)
        value = self._value(tensors, given)
        grads = derivatives(value.sum(), self._leaves(tensors, wrt))
        return array(value), tuple(map(array, grads)) if isinstance(wrt, tuple) else array(grads[0])

    def hvp(self, *, wrt: Any, vector: Any, **given: Any) -> Any:
        tensors = self._tensors(given, wrt)
        leaves = self._leaves(tensors, wrt)
        grads = derivatives(self._value(tensors, given).sum(), leaves, create_graph=True)
        vectors = vector if isinstance(wrt, tuple) else (vector,)
        along = [(g * torch.as_tensor(np.asarray(v))).sum() for g, v in zip(grads, vectors, strict=True)]
        products = derivatives(sum(along), leaves)
        return tuple(map(array, products)) if isinstance(wrt, tuple) else array(products[0])

    def hess_diag(self, *, wrt: Any, **given: Any) -> Any:
        tensors = self._tensors(given, wrt)
        (leaf,) = self._leaves(tensors, wrt)
        (grad,) = derivatives(self._value(tensors, given).sum(), [leaf], create_graph=True)
        entries = [
            derivatives(entry, [leaf], retain_graph=True)[0].flatten()[k] for k, entry in enumerate(grad.flatten())
        ]
        return array(torch.stack(entries).reshape(leaf.shape) if entries else torch.zeros_like(leaf))

    def terms(self, **given: Any) -> Any:
        return {name: array(value) for name, value in self._call("_terms", self._tensors(given)).items()}

    def predict(self, **given: Any) -> Any:
        found = self._call("_predict", self._tensors(given))
        return {name: array(value) for name, value in found.items()} if isinstance(found, dict) else array(found)

    # ------------------------------------------------------------ calls

    def _tensors(self, given: Tensors, wrt: Any = ()) -> Tensors:
        leaves = {self.names[name] for name in ((wrt,) if isinstance(wrt, str) else wrt)}
        tensors = {}
        for name, value in given.items():
            if name in self.numbers or isinstance(value, str):
                tensors[name] = value
            else:
                tensors[name] = torch.from_numpy(np.array(value)).requires_grad_(name in leaves)
        return tensors

    def _leaves(self, tensors: Tensors, wrt: Any) -> list[Any]:
        return [tensors[self.names[name]] for name in ((wrt,) if isinstance(wrt, str) else wrt)]

    def _value(self, tensors: Tensors, given: Tensors) -> Any:
        return self._call("", tensors)

    def _call(self, suffix: str, tensors: Tensors) -> Any:
        return getattr(self.module, self.name + suffix)(**tensors)


def derivatives(value: Any, leaves: list[Any], **options: Any) -> list[Any]:
    """Gradients; zeros where the value does not depend on a leaf."""
    if not isinstance(value, torch.Tensor) or not value.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    found = torch.autograd.grad(value, leaves, allow_unused=True, **options)
    return [torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)]


def array(tensor: Any) -> Any:
    return tensor.detach().numpy(force=True)
