"""lossdsl: a compiler for loss functions.  Write the formula; get NumPy and PyTorch code with closed-form gradients.

    >>> import lossdsl
    >>> loss = lossdsl.loss("loss mse(pred[n] | target[n]):\\n    return mean[n]((pred - target)^2)")
    >>> f = loss.numpy()
    >>> f.value_and_grad([1.0, 2.0], [1.0, 4.0])

Importing this package imports none of NumPy, SymPy, Lark and PyTorch: each is imported by what needs it.
"""

from lossdsl.api import Catalogue, Loss, Module, catalogue, load, loads, loss
from lossdsl.diagnostics import CompilerBug, LossError

__all__ = ["Catalogue", "CompilerBug", "Loss", "LossError", "Module", "catalogue", "load", "loads", "loss"]
__version__ = "0.1.0"
