"""The scope of what is called: its arguments are what is passed, its axes are theirs."""

from __future__ import annotations

from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.calls import WrongAxes
from lossdsl.diagnostics.indices import SizesClash
from lossdsl.meaning import core
from lossdsl.meaning.resolution import extents
from lossdsl.meaning.resolution.extents import Bounds
from lossdsl.meaning.resolution.imports import Item
from lossdsl.meaning.resolution.scopes import GROUP, Scope, Value, View
from lossdsl.meaning.resolution.signatures import Formal, Signature
from lossdsl.syntax import tree


def inner_scope(scope: Scope, written: tree.Call, item: Item, values: dict[str, Value]) -> Scope:
    assert item.signature is not None, "a checked item has its signature"
    inner = Scope(scope.draft, item.unit, f"`{item.node.name.id}`", inlined=True)
    inner.axis_spans = item.signature.axes
    _bind_group(inner, item.signature, values)
    for formal in item.signature.formals:
        value = values[formal.arg.name]
        if isinstance(value, View):
            names = axis_names(inner, formal)
            if not isinstance(value.target, core.Arg | core.Let):
                bounds = _broadcast_bounds(inner, formal, names)
                inner.values[formal.arg.name] = View(value.target, (), names, bounds, value.span)
                continue
            _bind_axes(inner, written, formal, names, value)
            value = View(value.target, value.template, names, value.bounds, formal.arg.span)
        inner.values[formal.arg.name] = value
    return inner


def _broadcast_bounds(inner: Scope, formal: Formal, names: tuple[str | None, ...]) -> tuple[Bounds, ...]:
    """The positions of a default value; the size of an axis that nothing else has is never looked at."""
    sizes = zip(names, _sizes(inner, formal), strict=True)
    return tuple(
        (core.ZERO, extents.const(size or 0)) if name is None else inner.axes.get(name, (core.ZERO, extents.size(name)))
        for name, size in sizes
    )


def _bind_group(inner: Scope, signature: Signature, values: dict[str, Value]) -> None:
    """`..` stands for as many axes as the first argument that carries it has to spare."""
    for formal in signature.formals:
        value = values[formal.arg.name]
        if GROUP in formal.axes and isinstance(value, View) and isinstance(value.target, core.Arg | core.Let):
            count = len(value.names) - (len(formal.axes) - 1)
            inner.group = tuple(f"{GROUP}{k}" for k in range(count))
            start = formal.axes.index(GROUP)
            spare = (name for name in "ijklabmp" if name not in value.names)
            inner.group_labels = tuple(name or next(spare) for name in value.names[start : start + count])
            return
    if any(GROUP in formal.axes for formal in signature.formals):
        inner.group = ()


def axis_names(inner: Scope, formal: Formal) -> tuple[str | None, ...]:
    names: list[str | None] = []
    for name in formal.axes:
        names.extend(inner.group if name == GROUP else (name,))
    return tuple(names)


def _bind_axes(inner: Scope, written: tree.Call, formal: Formal, names: tuple[str | None, ...], value: View) -> None:
    """Equal names in a signature are equal axes: those of what is passed have to be equal, too."""
    if len(names) != len(value.names):
        raise LossError(_group_clash(written, formal, len(value.names), len(names)))
    sizes = iter(_sizes(inner, formal))
    for name, bounds in zip(names, value.bounds, strict=True):
        fixed = next(sizes)
        if name is not None:
            wanted = inner.axes.setdefault(name, bounds)
        else:
            assert fixed is not None, "an axis has a name or a size"
            wanted = (core.ZERO, extents.const(fixed))
        _same_axis(inner, written, formal, name or str(fixed), wanted, bounds)


def _sizes(inner: Scope, formal: Formal) -> list[int | None]:
    sizes: list[int | None] = []
    for axis in formal.written.axes:
        sizes.extend([None] * len(inner.group) if axis.name == GROUP else [axis.size])
    return sizes


def _same_axis(inner: Scope, written: tree.Call, formal: Formal, name: str, wanted: Bounds, bounds: Bounds) -> None:
    if wanted == bounds:
        return
    what = f"axis {name.rstrip('0123456789') if name.startswith(GROUP) else name} of `{written.function.id}`"
    if extents.clash(extents.length(wanted), extents.length(bounds)) or wanted[0] != bounds[0]:
        raise LossError(
            SizesClash(
                written.span,
                f"{what} has {_positions(wanted)}, and what is passed for `{formal.arg.name}` has {_positions(bounds)}",
                "pass arguments whose axes are equal",
                ((formal.arg.span, "declared here"),),
            )
        )
    message = f"two axes are passed for {what}"
    inner.draft.require_equal(wanted[1], bounds[1], written.span, message)


def _positions(bounds: Bounds) -> str:
    size = extents.constant(extents.length(bounds))
    if bounds[0] == core.ZERO and size is not None:
        return f"size {size}"
    return f"positions {extents.show_positions(bounds)}"


def _group_clash(written: tree.Call, formal: Formal, have: int, need: int) -> WrongAxes:
    return WrongAxes(
        written.span,
        f"`{formal.arg.name}` of `{written.function.id}` has {need} axes, as many as the arguments before it, "
        f"and is passed {have}",
        "pass arguments with the same axes",
        ((formal.arg.span, "declared here"),),
    )
