"""Statements that check the arguments of an emitted function and bring them into the dtype of the computation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lossdsl.backends.interface import Interface, domain_condition, grouped, number, size_sources
from lossdsl.backends.torch.layout import INDENT, indented, string, used
from lossdsl.backends.torch.names import TorchNames
from lossdsl.meaning.core import Arg, Extent


def optional(arg: Arg) -> bool:
    """An array that may be left out: it is broadcast from its default."""
    return bool(arg.axes) and arg.default is not None


def is_label(arg: Arg) -> bool:
    """Whole numbers that are positions."""
    return arg.whole and any(a.kind == "axis" for a in arg.domain)


def argument_lines(
    interface: Interface, local: TorchNames, extent: Callable[[Extent], str], programs: Sequence[str]
) -> list[str]:
    """All of it, in order: hyperparameters, tensors, shapes, domains, conversions; for the texts of the programs."""
    later = [
        *(f"_equal_sizes({extent(c.left)}, {extent(c.right)}, {string(c.message)})" for c in interface.program.checks),
        *_domains(interface),
        *_conversions(interface, local),
    ]
    first = [*interface.demands(), *_hyperparameters(interface, programs), *_tensors(interface)]
    return [*first, *_sizes(interface, local, later), *later]


def _hyperparameters(interface: Interface, programs: Sequence[str]) -> list[str]:
    """Hyperparameters become Python numbers in their domains, whole ones where they are sizes."""
    constant = any("_host_" in text or "int(" in text for text in programs)
    lines = []
    for arg in interface.hosts:
        name = interface.arg_names[arg.name]
        lines.append(f'{name} = {"_constant" if constant else "_number"}("{arg.name}", {name})')
        if any(f"int({name})" in text for text in programs):
            lines.append(f'_whole("{arg.name}", {name})')
        if arg.domain:
            condition = domain_condition(arg, name, interface, "and", "or")
            lines.append(f'_require({condition}, "{arg.name}", {string(arg.domain_text)}, {name})')
    return lines


def _tensors(interface: Interface) -> list[str]:
    first = _first(interface)
    lines = []
    for arg in [first, *(a for a in interface.arrays if a is not first)]:
        name = interface.arg_names[arg.name]
        like = "" if arg is first else f", {interface.arg_names[first.name]}"
        lines.append(f'{name} = _tensor("{arg.name}", {name}{like})')
    return lines


def _first(interface: Interface) -> Arg:
    """The tensor whose device the others follow."""
    return next((a for a in interface.arrays if not optional(a)), interface.arrays[0])


def _sizes(interface: Interface, local: TorchNames, later: list[str]) -> list[str]:
    """The sizes of all axes, as variables where the lines that follow use them."""
    declared = []
    for arg in interface.arrays:
        parts = [f'"{arg.name}"', interface.arg_names[arg.name]]
        parts += [str(e.value) if e.op == "const" else f'"{e.name}"' for e in arg.axes]
        declared.append(f"({', '.join(parts)})")
    call = f"_sizes({', '.join(declared)})"
    wanted = {axis: name for axis, name in interface.size_names.items() if axis != ".." and used(name, later)}
    needed = [
        f'_given({local.sizes}, "{axis}", "{sources[0][0].name}")'
        for axis, sources in size_sources(interface).items()
        if all(optional(arg) for arg, _ in sources)
    ]
    if not wanted and not needed and not _carriers(interface):
        return [call]
    lines = [f"{local.sizes} = {call}", *needed]
    return [*lines, *(f'{name} = {local.sizes}["{axis}"]' for axis, name in wanted.items())]


def _carriers(interface: Interface) -> list[Arg]:
    """The arguments with axes `..`."""
    return [a for a in interface.arrays if grouped(a) is not None]


def _domains(interface: Interface) -> list[str]:
    lines = []
    for arg in interface.arrays:
        if arg.domain:
            name = interface.arg_names[arg.name]
            condition = domain_condition(arg, name, interface, "&", "|")
            line = f'_within("{arg.name}", {string(arg.domain_text)}, {name}, {condition})'
            lines += [f"if {name} is not None:", INDENT + line] if optional(arg) else [line]
    return ["if validate:", *indented(lines)] if lines else []


def _conversions(interface: Interface, local: TorchNames) -> list[str]:
    names = interface.arg_names
    numbers = [names[a.name] for a in interface.arrays if not is_label(a)]
    lines = [f"{local.dt} = _dtype({', '.join(numbers)})"]
    carriers = _carriers(interface)
    if carriers:
        lines.append(f'{local.group} = {local.sizes}[".."]')
    for arg in interface.arrays:
        name = names[arg.name]
        converted = _converted(interface, local, arg)
        if arg in carriers:
            before = grouped(arg) or 0
            converted = f"_flat({converted}, {before}, {len(arg.axes) - before - 1})"
        if optional(arg):
            converted = f"{_filled(interface, local, arg)} if {name} is None else {converted}"
        lines.append(f"{name} = {converted}")
    return lines


def _converted(interface: Interface, local: TorchNames, arg: Arg) -> str:
    """A tensor in the dtype of the computation; data is cut off from autograd."""
    name = interface.arg_names[arg.name]
    if is_label(arg):
        return f'_labels("{arg.name}", {name})'
    if arg.whole:
        name = f'_whole_numbers("{arg.name}", {name})'
    return f"{name}.to({local.dt})" if arg.role in ("prediction", "learn") else f"{name}.detach().to({local.dt})"


def _filled(interface: Interface, local: TorchNames, arg: Arg) -> str:
    assert arg.default is not None
    dt = "torch.long" if is_label(arg) else local.dt
    device = f"{interface.arg_names[_first(interface).name]}.device"
    value = str(int(arg.default)) if is_label(arg) and not isinstance(arg.default, str) else number(arg.default)
    one = f"torch.full((), {value}, dtype={dt}, device={device})"
    shape = [_length(interface, local, e) for e in arg.axes]
    return f"{one}.expand({', '.join(shape)})"


def _length(interface: Interface, local: TorchNames, extent: Extent) -> str:
    if extent.op == "const":
        return str(extent.value)
    return f"math.prod({local.group})" if extent.name == ".." else interface.size_names[extent.name]
