"""Names in an emitted PyTorch module, beside those of the user."""

from __future__ import annotations

from dataclasses import dataclass, fields

from lossdsl.backends.emitter import Names
from lossdsl.backends.interface import MODULE_NAMES, Interface
from lossdsl.backends.torch import prelude
from lossdsl.functions.sources import helper_names
from lossdsl.meaning.core import Program

PROGRAMS = (
    "_arguments", "_value", "_value_and_gradient", "_value_and_gradient_in_blocks", "_second_order", "_terms",
    "_predictions", "_check",
)  # fmt: skip
"""Private functions of a module."""


@dataclass(frozen=True)
class TorchNames:
    """Variables of emitted functions; each gives way to an argument of its name."""

    dt: str
    device: str
    sizes: str
    group: str
    seed: str
    value: str
    upstream: str
    with_gradient: str
    function: str
    ctx: str
    inputs: str
    output: str
    grads: str
    tangent: str
    tangents: str
    tensors: str
    vectors: str
    products: str
    predictions: str

    @classmethod
    def of(cls, names: Names) -> TorchNames:
        return cls(**{f.name: names.fresh(f.name) for f in fields(cls)})


def interface_of(program: Program) -> Interface:
    """The interface of a loss, away from the names of the prelude."""
    return Interface(program, helper_names("torch") | prelude.names() | frozenset(PROGRAMS))


def names_beside(interface: Interface) -> Names:
    """Names that no argument and no size of the loss has, nor anything else in a module."""
    taken = MODULE_NAMES | interface.helper_names | {"reduction", "validate"}
    return Names({*taken, *interface.arg_names.values(), *interface.size_names.values()})


MODULE_ATTRIBUTES = frozenset(
    {
        "T_destination", "add_module", "apply", "bfloat16", "buffers", "call_super_init", "children", "compile", "cpu",
        "cuda", "double", "dump_patches", "eval", "extra_repr", "float", "forward", "get_buffer", "get_extra_state",
        "get_parameter", "get_submodule", "half", "ipu", "load_state_dict", "modules", "mtia", "named_buffers",
        "named_children", "named_modules", "named_parameters", "parameters", "predict", "register_backward_hook",
        "register_buffer", "register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook",
        "register_full_backward_pre_hook", "register_load_state_dict_post_hook", "register_load_state_dict_pre_hook",
        "register_module", "register_parameter", "register_state_dict_post_hook", "register_state_dict_pre_hook",
        "requires_grad_", "set_extra_state", "set_submodule", "share_memory", "state_dict", "terms", "to", "to_empty",
        "train", "training", "type", "xpu", "zero_grad",
    }
)  # fmt: skip
"""Attributes that a module has already; a hyperparameter of such a name is held with an underscore."""
