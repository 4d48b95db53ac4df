"""Whole items of the loss language: the signature of a loss, and a block of definitions."""

from __future__ import annotations

from fractions import Fraction

from lossdsl.display.formula import Definition, Element, Reduction, Sheet, Symbol, children, descendants
from lossdsl.display.text import INDENT, binder_text, expression_text, number_text, wrapped
from lossdsl.meaning import core


def item_text(name: str, program: core.Program, doc: str, sheet: Sheet) -> str:
    """A loss of that name with the signature of the program, which returns the last definition of the sheet."""
    lines = [wrapped(_line(definition, sheet), INDENT) for definition in sheet.definitions]
    result = sheet.result
    indices = f"[{', '.join(b.name for b in result.binders)}]" if result.binders else ""
    return "\n".join(
        [f"loss {name}({signature(program)}):", f'{INDENT}"{doc}"', *lines, f"{INDENT}return {result.name}{indices}"]
    )


def signature(program: core.Program) -> str:
    """The arguments in their groups, as a text of the language."""
    text = ""
    for opening, roles in (("", ("prediction",)), (" | ", ("data",)), ("; ", ("hyper", "learn"))):
        group = [argument_text(arg) for arg in program.args if arg.role in roles]
        text += opening + ", ".join(group) if group else ""
    return text


def argument_text(arg: core.Arg) -> str:
    axes = ", ".join(axis.name if axis.op == "size" else str(axis.value) for axis in arg.axes)
    text = ("learn " if arg.role == "learn" else "") + arg.name + (f"[{axes}]" if axes else "")
    domain = arg.domain_text or " or ".join(map(_alternative, arg.domain))
    text += f" {domain}" if domain else ""
    return text if arg.default is None else f"{text} = {number_text(arg.default)}"


def _alternative(part: core.Alternative) -> str:
    match part.kind:
        case "axis":
            return f"in {part.axis}"
        case "nonzero":
            return "!= 0"
        case "set":
            return f"in {{{', '.join(map(number_text, part.values))}}}"
    low, high = _end(part.low), _end(part.high)
    if part.high == "inf":
        return f"{'>' if part.low_open else '>='} {low}"
    if part.low == "-inf":
        return f"{'<' if part.high_open else '<='} {high}"
    return f"in {'(' if part.low_open else '['}{low}, {high}{')' if part.high_open else ']'}"


def _end(end: Fraction | str) -> str:
    return number_text(end) if isinstance(end, Fraction) else end


def _line(definition: Definition, sheet: Sheet) -> str:
    left = definition.name
    if definition.binders and not _is_implied(definition, sheet):
        left += f"[{', '.join(map(binder_text, definition.binders))}]"
    value = definition.value
    return f"{left} = {expression_text(value, bare=_is_elementwise(definition, sheet))}"


def _is_implied(definition: Definition, sheet: Sheet) -> bool:
    """Whether the indices of a binding need not be written: one index at most, and names say it."""
    return (
        definition is not sheet.result
        and len(definition.binders) == 1
        and definition.binders[0].within is None
        and _is_elementwise(definition, sheet)
    )


def _is_elementwise(definition: Definition, sheet: Sheet) -> bool:
    """Whether every read is at the indices that its array is declared with, and indices stand nowhere else."""
    for formula in descendants(definition.value):
        if isinstance(formula, Element):
            if not _is_bare(formula, sheet):
                return False
        elif isinstance(formula, Reduction) or any(isinstance(part, Symbol) for part in children(formula)):
            return False
    return not isinstance(definition.value, Symbol)


def _is_bare(read: Element, sheet: Sheet) -> bool:
    """Whether the name alone says the indices."""
    names = [index.name if isinstance(index, Symbol) else None for index in read.indices]
    return names == [name for _, _, name in sheet.axes[read.name]]
