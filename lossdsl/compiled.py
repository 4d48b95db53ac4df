"""A loss as functions on NumPy arrays: what `loss.numpy()` and `loss.native()` return."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lossdsl.generated import import_generated

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from lossdsl.backends.interface import Interface
    from lossdsl.meaning.core import Program


def numpy_code(program: Program) -> dict[str, Any]:
    """The emitted text, the name of its functions, and those of their arguments that are whole numbers."""
    from lossdsl.backends.numpy.support import numpy_interface
    from lossdsl.backends.registry import emit

    return _described(emit("numpy", [program]), numpy_interface(program))


def native_code(program: Program) -> dict[str, Any]:
    """The same for the native kernel."""
    from lossdsl.backends.native.support import native_interface
    from lossdsl.backends.registry import emit

    return _described(emit("native", [program]), native_interface(program))


def torch_code(program: Program, kernel: str, backward: str) -> dict[str, Any]:
    """The emitted text, and the name of the class in it."""
    from lossdsl.backends.registry import emit
    from lossdsl.backends.torch.names import interface_of

    if kernel == "native":
        from lossdsl.native import torch_source

        source = torch_source(program)
    else:
        source = emit("torch", [program], backward=backward)
    return {"source": source, "class": interface_of(program).class_name}


def _described(source: str, interface: Interface) -> dict[str, Any]:
    whole = [interface.arg_names[arg.name] for arg in interface.program.args if arg.whole]
    return {"source": source, "name": interface.name, "whole": whole}


class NumpyLoss:
    """The functions of a generated NumPy module under short names.

    Calling the object gives the value.  Every method takes the arguments of the loss, hyperparameters as keywords, and
    `reduction=` and `validate=` where the generated function has them.  `source` is the text of the module.

    With `dtype`, every argument but whole-number ones (labels) is converted to it first, so that value and gradients
    come in it too.  `threads` is how many threads a call may use (None: those of LOSSDSL_THREADS, or one per processor,
    at most 8); a call with small arrays uses one.
    """

    def __init__(
        self,
        source: str,
        name: str,
        whole: frozenset[str] = frozenset(),
        dtype: DTypeLike | None = None,
        threads: int | None = None,
    ) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        self.threads = threads
        self.source = source
        self.name = name
        self.dtype = dtype
        self._whole = whole
        self.module: ModuleType = import_generated(source, name)
        self.__signature__ = inspect.signature(self._function(""))
        self.__doc__ = self._function("").__doc__

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self._call("", args, keywords)

    def value_and_grad(self, *args: Any, **keywords: Any) -> Any:
        """(value, gradient) in one pass; `wrt` names one argument, or several: then a tuple of gradients.

        Left out, it is the first prediction.  With `reduction="none"` the value is per element and the gradient is
        that of the sum of the elements.
        """
        return self._call("_value_and_grad", args, keywords)

    def hess_diag(self, *args: Any, **keywords: Any) -> Any:
        """The diagonal of the Hessian with respect to `wrt`, in its shape."""
        return self._call("_hess_diag", args, keywords)

    def hvp(self, *args: Any, **keywords: Any) -> Any:
        """The Hessian with respect to `wrt` times `vector=`; tuples in and out for several."""
        return self._call("_hvp", args, keywords)

    def terms(self, *args: Any, **keywords: Any) -> Any:
        """The scalar bindings of the loss, by name."""
        return self._call("_terms", args, keywords)

    def predict(self, *args: Any, **keywords: Any) -> Any:
        """What a user reports, from the raw predictions: the `predict` binding, or a mapping of several."""
        return self._call("_predict", args, keywords)

    def _call(self, suffix: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        function = self._function(suffix)
        if self.dtype is not None:
            bound = inspect.signature(function).bind(*args, **keywords)
            for name in bound.arguments.keys() - self._whole - {"reduction", "validate", "wrt"}:
                bound.arguments[name] = self._converted(bound.arguments[name])
            args, keywords = bound.args, bound.kwargs
        limit = getattr(self.module, "_threads", None)  # of modules that go over blocks of rows
        if self.threads is None or limit is None:
            return function(*args, **keywords)
        token = limit.set(self.threads)
        try:
            return function(*args, **keywords)
        finally:
            limit.reset(token)

    def _converted(self, value: Any) -> Any:
        import numpy as np

        if isinstance(value, tuple):  # several vectors for `hvp`
            return tuple(self._converted(part) for part in value)
        return value if isinstance(value, int | float) else np.asarray(value, dtype=self.dtype)

    def _function(self, suffix: str) -> Callable[..., Any]:
        function = getattr(self.module, self.name + suffix, None)
        if function is None:
            what = {"_terms": "no scalar binding, so no terms", "_predict": "no `predict` binding"}[suffix]
            raise AttributeError(f"the loss {self.name} has {what}")
        return function  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        bare = [p.replace(annotation=p.empty) for p in self.__signature__.parameters.values()]
        return f"<NumPy code of {self.name}{inspect.Signature(bare)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.source, self.name, self._whole, self.dtype, self.threads)


class NativeLoss(NumpyLoss):
    """The same functions through compiled C code: one pass over the arrays where the loss allows it.

    Results are the same in every call with the same number of threads.  Where there is no C compiler, the NumPy code of
    the module runs instead, with one warning per process.
    """

    def __repr__(self) -> str:
        return super().__repr__().replace("<NumPy code", "<native code", 1)
