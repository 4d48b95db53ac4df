"""The nn.Module of a loss: hyperparameters as attributes, `learn` ones as parameters."""

from __future__ import annotations

from collections.abc import Sequence

from lossdsl.backends.interface import Interface, number
from lossdsl.backends.torch.arguments import optional
from lossdsl.backends.torch.layout import docstring, indented
from lossdsl.backends.torch.names import MODULE_ATTRIBUTES
from lossdsl.backends.torch.plain import Plain
from lossdsl.meaning.core import Arg


def module_class(interface: Interface, plain: Plain) -> str:
    """The text of the class."""
    doc = f"{interface.program.doc.strip() or f'The loss {interface.program.name}.'}"
    methods = [_init(interface), _forward(interface)]
    if plain.terms:
        methods.append(_method(interface, "terms", interface.positional, "The scalar bindings of the loss, by name."))
    if plain.predictions:
        predictions = [a for a in interface.positional if a.role == "prediction"]
        methods.append(_method(interface, "predict", predictions, "What is reported for raw predictions."))
    methods.append(_extra_repr(interface))
    lines = [f"class {interface.class_name}(torch.nn.Module):", *indented(docstring(doc, interface.argument_lines()))]
    for method in methods:
        lines += ["", *indented(method)]
    return "\n".join(lines)


def _attribute(interface: Interface, arg: Arg) -> str:
    name = interface.arg_names[arg.name]
    return name + "_" if name in MODULE_ATTRIBUTES else name


def _options(interface: Interface) -> list[str]:
    return [*(["reduction"] if interface.program.reduction is not None else []), "validate"]


def _init(interface: Interface) -> list[str]:
    parameters = []
    for arg in interface.keyword:
        default = interface.default(arg)
        kind = "float" if arg.role == "hyper" and not arg.axes else "Any"
        parameters.append(f"{interface.arg_names[arg.name]}: {kind}" + (f" = {default}" if default is not None else ""))
    parameters += [f"{interface.size_names[axis]}: int | None = None" for axis in _sizes(interface)]
    parameters += [*interface.reduction_parameter, "validate: bool = False"]
    lines = ["super().__init__()"]
    for arg in interface.keyword:
        name = interface.arg_names[arg.name]
        lines.append(_held(interface, arg, f"self.{_attribute(interface, arg)}", name))
    lines += [f"self.{name} = {name}" for name in _options(interface)]
    return [f"def __init__(self, *, {', '.join(parameters)}) -> None:", *indented(lines)]


def _sizes(interface: Interface) -> list[str]:
    """The axes of `learn` hyperparameters, whose sizes may be given in place of a start."""
    axes = [e.name for a in interface.keyword if a.role == "learn" and optional(a) for e in a.axes if e.op == "size"]
    return [axis for axis in dict.fromkeys(axes) if axis != ".."]


def _held(interface: Interface, arg: Arg, attribute: str, name: str) -> str:
    """The statement that keeps a hyperparameter: a number, a buffer for an array, a parameter for a `learn` one."""
    if arg.role == "hyper":
        if not arg.axes:
            return f"{attribute} = {name}"
        buffer = attribute.removeprefix("self.")
        return f'self.register_buffer("{buffer}", _tensor("{arg.name}", {name}))'
    default = "None" if arg.default is None else number(arg.default)
    named = [e.name for e in arg.axes if e.op == "size"]
    shape = [str(e.value) if e.op == "const" else interface.size_names[e.name] if arg.default is not None else "None"
             for e in arg.axes]  # fmt: skip
    start = ", ".join([f'"{arg.name}"', name, default, f'"{", ".join(named)}"', *shape])
    return f"{attribute} = torch.nn.Parameter(_start({start}))"


def _forward(interface: Interface) -> list[str]:
    options = [f"{name}=self.{name}" for name in _options(interface)]
    return _calling(interface, "forward", interface.positional, interface.name, options, "")


def _method(interface: Interface, name: str, args: Sequence[Arg], doc: str) -> list[str]:
    return _calling(interface, name, args, f"{interface.name}_{name}", ["validate=self.validate"], doc)


def _calling(
    interface: Interface, name: str, args: Sequence[Arg], function: str, options: Sequence[str], doc: str
) -> list[str]:
    """A method that calls a function of the module with the hyperparameters of this object."""
    names = interface.arg_names
    parameters = ["self"]
    for arg in args:
        default = interface.default(arg)
        parameters.append(f"{names[arg.name]}: Any" + (f" = {default}" if default is not None else ""))
    keywords = [f"{names[a.name]}=self.{_attribute(interface, a)}" for a in interface.keyword]
    call = ", ".join([*(names[a.name] for a in args), *keywords, *options])
    body = [*(docstring(doc) if doc else []), f"return {function}({call})"]
    return [f"def {name}({', '.join(parameters)}) -> Any:", *indented(body)]


def _extra_repr(interface: Interface) -> list[str]:
    shown = [(interface.arg_names[a.name], _attribute(interface, a)) for a in interface.keyword
             if a.role == "hyper" and not a.axes]  # fmt: skip
    shown += [("reduction", "reduction")] if interface.program.reduction is not None else []
    text = ", ".join(f"{name}={{self.{attribute}!r}}" for name, attribute in shown)
    return ["def extra_repr(self) -> str:", *indented([f'return f"{text}"' if text else 'return ""'])]
