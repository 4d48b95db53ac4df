"""Statements that check the arguments of an emitted function and bring them into the dtype of the computation."""

from __future__ import annotations

from collections.abc import Callable

from lossdsl.backends.interface import Interface, domain_condition, grouped, number, size_sources
from lossdsl.meaning.core import Arg, Extent

INDENT = "    "


def optional(arg: Arg) -> bool:
    """An array that may be left out: it is broadcast from its default."""
    return bool(arg.axes) and arg.default is not None


def is_label(arg: Arg) -> bool:
    """Whole numbers that are positions."""
    return arg.whole and any(a.kind == "axis" for a in arg.domain)


def argument_lines(interface: Interface, extent: Callable[[Extent], str]) -> list[str]:
    """All of it, in order: hyperparameters, arrays, dtype, shapes, conversions, domains."""
    return [
        *interface.demands(),
        *hyperparameter_checks(interface),
        *_dtype(interface),
        *_arrays(interface),
        *_ranks(interface),
        *_groups(interface),
        *_sizes(interface),
        *_fixed_sizes(interface),
        *(_converted(interface, arg) for arg in interface.arrays),
        *(f"_equal_sizes({extent(c.left)}, {extent(c.right)}, {c.message!r})" for c in interface.program.checks),
        *_domains(interface),
    ]


def _where_given(interface: Interface, arg: Arg, line: str) -> list[str]:
    if not optional(arg):
        return [line]
    return [f"if {interface.arg_names[arg.name]} is not None:", INDENT + line]


def hyperparameter_checks(interface: Interface) -> list[str]:
    """Statements that make numbers of the hyperparameters, and check their domains."""
    lines = []
    for arg in interface.hosts:
        name = interface.arg_names[arg.name]
        lines.append(f'{name} = _hyper("{arg.name}", {name})')
        if arg.domain:
            condition = domain_condition(arg, name, interface, "and", "or")
            lines.append(f'_require({condition}, "{arg.name}", {arg.domain_text!r}, {name})')
    return lines


def _arrays(interface: Interface) -> list[str]:
    lines = []
    for arg in interface.arrays:
        name = interface.arg_names[arg.name]
        array = f'_array("{arg.name}", {name})'
        lines.append(f"{name} = {f'None if {name} is None else {array}' if optional(arg) else array}")
    return lines


def _dtype(interface: Interface) -> list[str]:
    numbers = [interface.arg_names[a.name] for a in interface.arrays if not is_label(a)]
    local = interface.locals
    return [f"{local.dt}, {local.out} = _dtypes({', '.join(numbers)})"]


def _ranks(interface: Interface) -> list[str]:
    lines = []
    for arg in interface.arrays:
        if grouped(arg) is None:
            name = interface.arg_names[arg.name]
            line = f'_ranked("{arg.name}", {name}, "{interface.axes_text(arg)}", {len(arg.axes)})'
            lines += _where_given(interface, arg, line)
    return lines


def _groups(interface: Interface) -> list[str]:
    """The axes `..`: one shape for all arguments that carry them, flattened to one axis."""
    carriers = [(a, k) for a in interface.arrays if (k := grouped(a)) is not None]
    if not carriers:
        return [f"{interface.locals.group} = ()"]
    shapes = []
    lines = []
    for arg, before in carriers:
        name = interface.arg_names[arg.name]
        after = len(arg.axes) - before - 1
        line = f'_at_least("{arg.name}", {name}, "{interface.axes_text(arg)}", {len(arg.axes) - 1})'
        lines += _where_given(interface, arg, line)
        shapes.append(f"{name}=None if {name} is None else {name}.shape[{before} : {name}.ndim - {after}]"
                      if optional(arg) else f"{name}={name}.shape[{before} : {name}.ndim - {after}]")  # fmt: skip
    lines.append(f"{interface.locals.group} = _group({', '.join(shapes)})")
    for arg, before in carriers:
        name = interface.arg_names[arg.name]
        after = len(arg.axes) - before - 1
        lines += _where_given(interface, arg, f"{name} = _flattened({name}, {before}, {after})")
    return lines


def _sizes(interface: Interface) -> list[str]:
    lines = []
    for axis, sources in size_sources(interface).items():
        given = []
        for arg, position in sources:
            name = interface.arg_names[arg.name]
            size = f"{name}.shape[{position}]"
            given.append(f'("{arg.name}", {f"None if {name} is None else {size}" if optional(arg) else size})')
        variable = interface.size_names[axis]
        arg, position = sources[0]
        if len(sources) == 1 and not optional(arg):
            lines.append(f"{variable} = {interface.arg_names[arg.name]}.shape[{position}]")
        else:
            lines.append(f'{variable} = _size("{axis}", {", ".join(given)})')
    return lines


def _fixed_sizes(interface: Interface) -> list[str]:
    lines = []
    for arg in interface.arrays:
        name = interface.arg_names[arg.name]
        for position, extent in enumerate(arg.axes):
            if extent.op == "const":
                line = f'_fixed("{arg.name}", {name}, "{interface.axes_text(arg)}", {position}, {extent.value})'
                lines += _where_given(interface, arg, line)
    return lines


def _converted(interface: Interface, arg: Arg) -> str:
    name = interface.arg_names[arg.name]
    label = is_label(arg)
    numbers = f'_whole_numbers("{arg.name}", {name})' if arg.whole else name
    converted = f'_positions("{arg.name}", {name})' if label else f"{numbers}.astype({interface.locals.dt}, copy=False)"
    if not arg.axes:
        return f"{name} = {converted}[()]"
    if not optional(arg):
        return f"{name} = {converted}"
    assert arg.default is not None
    sizes = ", ".join(str(e.value) if e.op == "const" else interface.size_names[e.name] for e in arg.axes)
    filled = (
        f"np.broadcast_to({'np.intp' if label else interface.locals.dt + '.type'}({number(arg.default)}), ({sizes},))"
    )
    return f"{name} = {filled} if {name} is None else {converted}"


def _domains(interface: Interface) -> list[str]:
    lines = []
    for arg in interface.arrays:
        if arg.domain:
            name = interface.arg_names[arg.name]
            condition = domain_condition(arg, name, interface, "&", "|")
            lines.append(f'{INDENT}_within("{arg.name}", {arg.domain_text!r}, {name}, {condition})')
    return ["if validate:", *lines] if lines else []
