"""The losses that `torch.nn.functional` has, by the name of the loss here: what people call today.

Each takes the predictions and the data in order, and the hyperparameters by name; only losses with the same number of
arguments are compared.  That both mean the same is tested, not assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lossdsl.accuracy.codes import Differentiated, arrays_of
from lossdsl.meaning.core import Program


@dataclass(frozen=True)
class Functional:
    """A function of `torch.nn.functional`, and how it is called: (functional, arguments, hyperparameters)."""

    name: str
    arity: int
    call: Callable[[Any, tuple[Any, ...], Mapping[str, Any]], Any]


def _plain(name: str, **options: Any) -> Functional:
    """A function of a prediction and a target."""
    return Functional(name, 2, lambda f, a, h: getattr(f, name)(*a, reduction="none", **options))


def _classes(f: Any, a: tuple[Any, ...], h: Mapping[str, Any]) -> Any:
    """Classes are the last axis here, the second there."""
    logits, label = a[0].flatten(0, -2), a[1].flatten()
    smoothing = h.get("smoothing", 0.0)
    return f.cross_entropy(logits, label, reduction="none", label_smoothing=smoothing).reshape(a[1].shape)


def _soft_classes(f: Any, a: tuple[Any, ...], h: Mapping[str, Any]) -> Any:
    found = f.cross_entropy(a[0].flatten(0, -2), a[1].flatten(0, -2), reduction="none")
    return found.reshape(a[0].shape[:-1])


def _gaussian(f: Any, a: tuple[Any, ...], h: Mapping[str, Any]) -> Any:
    """The variance comes last there."""
    return f.gaussian_nll_loss(a[0], a[2], a[1], full=True, eps=0.0, reduction="none")


def _margin(name: str, arity: int) -> Functional:
    """A function with a margin, if the loss has one."""
    return Functional(name, arity, lambda f, a, h: getattr(f, name)(*a, reduction="none", **_only(h, "margin")))


def _only(hyper: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: hyper[name] for name in names if name in hyper}


TODAY: dict[str, Functional] = {
    "mse": _plain("mse_loss"),
    "mae": _plain("l1_loss"),
    "huber": Functional("huber_loss", 2, lambda f, a, h: f.huber_loss(*a, reduction="none", delta=h["delta"])),
    "smooth_l1": Functional(
        "smooth_l1_loss", 2, lambda f, a, h: f.smooth_l1_loss(*a, reduction="none", beta=h["beta"])
    ),
    "poisson_nll": _plain("poisson_nll_loss", log_input=True),
    "gaussian_nll": Functional("gaussian_nll_loss", 3, _gaussian),
    "binary_cross_entropy": _plain("binary_cross_entropy_with_logits"),
    "binary_cross_entropy_probability": _plain("binary_cross_entropy"),
    "logistic": _plain("soft_margin_loss"),
    "hinge_embedding": _margin("hinge_embedding_loss", 2),
    "margin_ranking": _margin("margin_ranking_loss", 3),
    "cosine_embedding": _margin("cosine_embedding_loss", 3),
    "cross_entropy": Functional("cross_entropy", 2, _classes),
    "cross_entropy_ignore": Functional("cross_entropy", 2, _classes),
    "label_smoothing": Functional("cross_entropy", 2, _classes),
    "soft_cross_entropy": Functional("cross_entropy", 2, _soft_classes),
}


def functional_code(program: Program) -> Differentiated | None:
    """The function for this loss, if PyTorch has one."""
    given = [arg.name for arg in program.args if arg.role in ("prediction", "data")]
    known = TODAY.get(program.name)
    if known is None or len(given) != known.arity:
        return None
    hyper = [arg.name for arg in program.args if arg.role in ("hyper", "learn")]

    def elements(arguments: Mapping[str, Any], reduction: str) -> Any:
        import torch

        chosen = {name: arguments[name] for name in hyper if name in arguments}
        return known.call(torch.nn.functional, tuple(arguments[name] for name in given), chosen)

    return Differentiated(known.name, elements, arrays_of(program))
